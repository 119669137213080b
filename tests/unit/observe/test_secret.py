"""Nothing gives a secret away but `reveal()`."""

import copy
import json
import pickle
import pprint
import traceback

import msgspec
import pytest

from sidecar.observe.secret import Secret

KEY = "AIzaSyVerySecretVerySecret"


@pytest.mark.parametrize(
    "show",
    [
        str,
        repr,
        "{}".format,
        "{:>40}".format,
        "{!r}".format,
        lambda secret: f"{secret}",
        lambda secret: "%s %r" % (secret, secret),  # noqa: UP031
        lambda secret: repr([secret, {"key": secret}]),
        lambda secret: pprint.pformat({"key": secret}),
        lambda secret: json.dumps({"key": secret}, default=str),
        lambda secret: msgspec.json.encode({"key": secret}, enc_hook=str).decode(),
        lambda secret: repr(secret.fingerprint),
        lambda secret: repr(type(secret).__doc__),
    ],
)
def test_no_way_of_showing_it_shows_it(show):
    shown = show(Secret(KEY))

    assert shown
    assert KEY not in shown
    assert "VerySecret" not in shown


@pytest.mark.parametrize("encode", [json.dumps, msgspec.json.encode, msgspec.msgpack.encode, pickle.dumps])
def test_an_encoder_that_was_not_told_how_refuses_it(encode):
    with pytest.raises(TypeError) as refused:
        encode(Secret(KEY))

    assert KEY not in "".join(traceback.format_exception(refused.value))


def test_it_has_no_attributes_to_list():
    with pytest.raises(TypeError):
        vars(Secret(KEY))


def test_reveal_gives_the_text_itself():
    assert Secret(KEY).reveal() == KEY


def test_two_secrets_are_equal_when_their_texts_are():
    assert Secret(KEY) == Secret(KEY)
    assert Secret(KEY) != Secret(KEY + "x")
    assert len({Secret(KEY), Secret(KEY), Secret("other")}) == 2


def test_a_secret_is_never_equal_to_a_plain_text():
    assert Secret(KEY) != KEY
    assert Secret(KEY) not in {KEY}


def test_texts_beyond_ascii_and_lone_surrogates_can_be_secrets():
    for text in ("schlüssel", "鍵", "\ud800"):
        assert Secret(text) == Secret(text)
        assert len(Secret(text).fingerprint) == 8


def test_copies_are_the_secret_itself():
    secret = Secret(KEY)

    assert copy.copy(secret) is secret
    assert copy.deepcopy({"key": secret})["key"] is secret


def test_the_fingerprint_tells_secrets_apart_and_is_the_same_each_time():
    assert Secret(KEY).fingerprint == Secret(KEY).fingerprint
    assert Secret(KEY).fingerprint != Secret(KEY + "x").fingerprint


def test_an_empty_secret_is_false():
    assert not Secret("")
    assert Secret(KEY)
