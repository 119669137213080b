"""What looks like a secret goes, and so does what is known to be one."""

import json
from urllib.parse import quote

import pytest

from sidecar.observe.redact import REDACTED, is_secret_field, redact, redact_cut, register, unregister
from sidecar.observe.secret import Secret

API_KEY = "AIzaSyD-9tSrke72PouQMnMX-a7eZSW0jkFMBWY"
NEW_KEY = "AQ.Ab8RN6K0kX2mTzqQbCdEfGh1234567890"
TOKEN = "auth_tokens/3f9a0c0d1e2b4a5f6c7d8e9f"
HANDLE = "Cig3dHNhYzJ4dGV4dC1oYW5kbGUtMTIz"
OAUTH = "ya29.a0AfH6SMBx-y_zABCDEFGHIJKLMNOP"
JWT = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJ4In0.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (f"the key is {API_KEY}.", API_KEY),
        (f"the key is {NEW_KEY}", NEW_KEY),
        (f"cut off: {API_KEY[:12]}...", API_KEY[4:12]),
        (f"GET /ws/google.Bidi?key={API_KEY}&alt=json HTTP/1.1", API_KEY),
        ("GET /ws?key=plain-old-key&alt=json HTTP/1.1", "plain-old-key"),
        (f"wss://host/ws?access_token={TOKEN}", TOKEN[12:]),
        (f"wss://host/ws?access_token={TOKEN.replace('/', '%2F')}", TOKEN[12:]),
        (f"Authorization: Token {TOKEN}", TOKEN[12:]),
        (f"authorization: Bearer {OAUTH}", OAUTH),
        ("Authorization: Basic dXNlcjpwYXNz", "dXNlcjpwYXNz"),
        ("Proxy-Authorization: Basic dXNlcjpwYXNz", "dXNlcjpwYXNz"),
        (f"bearer {JWT} was refused", JWT[-9:]),
        (f"token {OAUTH}", OAUTH),
        ("x-goog-api-key: not-shaped-like-a-key", "not-shaped-like-a-key"),
        ("> X-Goog-Api-Key: not-shaped-like-a-key", "not-shaped-like-a-key"),
        ("{'x-goog-api-key': 'not-shaped-like-a-key'}", "not-shaped-like-a-key"),
        ("[('x-goog-api-key', 'not-shaped-like-a-key')]", "not-shaped-like-a-key"),
        ("b'x-goog-api-key: not-shaped-like-a-key\\r\\nHost: x'", "not-shaped-like-a-key"),
        (f'{{"sessionResumptionUpdate":{{"newHandle":"{HANDLE}"}}}}', HANDLE),
        (f'{{"sessionResumption" : {{ "handle" :\n "{HANDLE}" }}}}', HANDLE),
        (json.dumps(json.dumps({"handle": HANDLE})), HANDLE),
        (json.dumps(json.dumps(json.dumps({"handle": HANDLE}))), HANDLE),
        (repr({"handle": HANDLE}), HANDLE),
        (f'"newHandle":"{HANDLE[:20]}', HANDLE[:20]),
        ('"handle":"first\\u003dsecond\\/third"', "second"),
        ('"handle":"first\\u003dsecond\\/third"', "third"),
        (f'{{"apiKey":"{HANDLE}","api_key":"{HANDLE}","accessToken":"{HANDLE}"}}', HANDLE),
    ],
)
def test_what_looks_like_a_secret_is_removed(text, secret):
    assert secret in text  # else this test could not fail

    cleaned = redact(text)

    assert secret not in cleaned
    assert REDACTED in cleaned


@pytest.mark.parametrize(
    "text",
    [
        "session s1 is connected after 312 ms",
        "1011 Token has been used too many times",
        "1011 auth token has expired",
        "1007 Invalid session handle",
        "1008 Method doesn't allow unregistered callers. Please use API Key or other form of API consumer",
        '{"text":"the handle of the door","key":"C major","keys":3}',
        "monkey=banana turkey=bird",
        "wss://generativelanguage.googleapis.com/ws/google.ai.generativelanguage.v1beta",
        "FAQ. See the readme",
    ],
)
def test_what_is_no_secret_is_left_alone(text):
    assert redact(text) == text


@pytest.mark.parametrize(
    "text",
    [
        f"Authorization: Bearer {OAUTH}",
        f"GET /?key={API_KEY}&access_token={TOKEN}",
        f'{{"handle":"{HANDLE}"}}',
        "x-goog-api-key: abc",
    ],
)
def test_redacting_twice_changes_nothing_more(text):
    assert redact(redact(text)) == redact(text)


def test_what_stands_around_a_secret_stays():
    assert redact(f"GET /ws?key={API_KEY}&alt=json HTTP/1.1") == f"GET /ws?key={REDACTED}&alt=json HTTP/1.1"
    assert redact(f'{{"handle":"{HANDLE}","resumable":true}}') == (
        f'{{"handle":"{REDACTED}","resumable":true}}'
    )


@pytest.mark.parametrize(
    "spell",
    [
        str,
        lambda value: f"before{value}after",
        json.dumps,
        repr,
        lambda value: value.replace("/", "%2F").replace("+", "%2B").replace('"', "%22").replace("=", "%3D"),
    ],
)
def test_a_known_secret_is_removed_however_it_is_spelled(spell):
    secret = Secret('my/own+shape"of=secret')
    text = spell(secret.reveal())
    assert redact(text) == text

    register(secret)
    try:
        assert redact(text) != text
        assert "shape" not in redact(text)
    finally:
        unregister(secret)

    assert redact(text) == text


def test_a_known_secret_stays_known_until_its_last_holder_lets_go():
    register(Secret("held twice"))
    register(Secret("held twice"))

    unregister(Secret("held twice"))
    assert redact("held twice") == REDACTED

    unregister(Secret("held twice"))
    assert redact("held twice") == "held twice"


def test_letting_go_of_what_nobody_holds_is_harmless():
    unregister(Secret("never registered"))
    register(Secret("never registered"))
    try:
        assert redact("never registered") == REDACTED
    finally:
        unregister(Secret("never registered"))


def test_of_two_secrets_where_one_contains_the_other_no_piece_is_left():
    short, long = Secret("inner-part"), Secret("outer inner-part outer")
    register(short)
    register(long)
    try:
        assert redact("an outer inner-part outer end") == f"an {REDACTED} end"
    finally:
        unregister(short)
        unregister(long)


@pytest.fixture
def known():
    """A secret that no pattern knows: 330 characters, none of its pieces twice."""
    secret = Secret("".join(f"opaque{number:03}/+" for number in range(30)))
    register(secret)
    yield secret.reveal()
    unregister(secret)


@pytest.mark.parametrize("kept", [8, 9, 60, 114, 329, 330])
@pytest.mark.parametrize("behind", ["", "...", "\u2026", '"', ' ..."}\n', "\ufffd"])
def test_a_known_secret_that_was_cut_is_removed_from_the_texts_end(known, kept, behind):
    text = f"refused: {known[:kept]}{behind}"
    assert kept == len(known) or "opaque" in redact(text)  # else this test could not fail

    cleaned = redact_cut(text)

    assert cleaned.startswith(f"refused: {REDACTED}")
    assert "opaque" not in cleaned


@pytest.mark.parametrize("spell", [json.dumps, lambda text: quote(text, safe="")])
def test_a_cut_secret_is_known_in_every_spelling(spell):
    secret = Secret('slash/and+quote"' * 9)
    register(secret)
    try:
        cut = f"at /ws?opaque-{spell(secret.reveal())[:100]}"
        assert "slash" in redact(cut)
        assert "slash" not in redact_cut(cut)
    finally:
        unregister(secret)


def test_a_piece_that_is_too_short_or_not_at_the_end_is_left(known):
    for text in (f"refused: {known[:7]}", f"refused: {known[:20]} was cut", f"refused: {known[1:40]}"):
        assert redact_cut(text) == text


def test_a_text_that_was_cut_loses_whole_secrets_and_what_looks_like_one_too(known):
    assert redact_cut(f"{known} {API_KEY} {known[:40]}") == f"{REDACTED} {REDACTED} {REDACTED}"


def test_of_two_secrets_that_begin_alike_the_longer_piece_goes():
    first, second = Secret("aaaaaaaabbbbbbbbcccc"), Secret("bbbbbbbbccccdddd")
    register(first)
    register(second)
    try:
        assert redact_cut("x aaaaaaaabbbbbbbbccc") == f"x {REDACTED}"
        assert redact_cut("x bbbbbbbbccccd") == f"x {REDACTED}"
    finally:
        unregister(first)
        unregister(second)


@pytest.mark.timeout(10)
def test_a_cut_text_made_to_be_slow_is_not():
    secret = Secret("a" * 16_000 + "b")
    register(secret)
    try:
        assert redact_cut("a" * 64_000) == "a" * 48_000 + REDACTED
        redact_cut(("a" * 15_000 + "c") * 4)
    finally:
        unregister(secret)


@pytest.mark.parametrize("value", ["", "a", "key"])
def test_a_very_short_secret_does_not_tear_words_apart(value):
    register(Secret(value))
    try:
        assert redact("a monkey has a key") == "a monkey has a key"
    finally:
        unregister(Secret(value))


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    "piece", ["\\", '"', "eyJ-", "eyJ.", "key=", "AIza", "bearer ", "token ", " ", '"handle": "']
)
def test_a_text_made_to_be_slow_is_not(piece):
    redact(piece * (64 * 1024 // len(piece)))


@pytest.mark.parametrize(
    "name", ["apiKey", "api_key", "API-KEY", "x-goog-api-key", "handle", "newHandle", "token"]
)
def test_a_field_named_like_a_secret_is_one(name):
    assert is_secret_field(name)


@pytest.mark.parametrize("name", ["session_id", "tokens", "key", "handler", "reason"])
def test_a_field_named_otherwise_is_none(name):
    assert not is_secret_field(name)
