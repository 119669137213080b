"""Errors name the field, and guess what was meant."""

from time import process_time

import pytest
from msgspec import inspect

from sidecar.observe.redact import REDACTED, register, unregister
from sidecar.observe.secret import Secret
from sidecar.observe.wording import allowed, not_allowed, shown, unknown

KNOWN = ["baseUrl", "apiVersion", "inputAudioTranscription"]
ELSEWHERE = {"speechConfig": "setup.generationConfig.speechConfig"}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("baseUlr", "unknown field; did you mean baseUrl?"),
        ("transcription", "unknown field; did you mean inputAudioTranscription?"),
        ("speechConfg", "unknown field; did you mean setup.generationConfig.speechConfig?"),
        ("BASEURL", "unknown field; did you mean baseUrl?"),
        ("put", "unknown field"),
        ("somethingElse", "unknown field"),
    ],
)
def test_a_neighbour_is_guessed_or_what_stands_elsewhere(name: str, said: str) -> None:
    assert unknown(name, KNOWN, ELSEWHERE) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [("apikey", "; did you mean apiKey?"), ("HOST", "; did you mean host?"), ("magic", ""), ("", "")],
)
def test_of_a_value_that_is_not_allowed_the_nearest_is_guessed(value: str, said: str) -> None:
    assert not_allowed(value, ["apiKey", "bearer", "host"]) == f"not one of the allowed values{said}"


def test_a_name_that_is_a_secret_is_not_repeated() -> None:
    assert shown("AIzaSyA-not-a-real-key-0123456789abcdefg") == REDACTED
    assert len(shown("x" * 1000)) == 64


@pytest.mark.parametrize("place", [0, 30, 60, 200, 250])
def test_of_a_long_name_only_a_part_is_looked_at_and_no_secret_that_was_cut_is_left(place: int) -> None:
    secret = Secret("no pattern knows me " * 40)
    register(secret)
    try:
        name = "<" * place + secret.reveal() + "x" * 15_000_000
        before = process_time()
        assert "pattern" not in shown(name)
        assert unknown(name, KNOWN, ELSEWHERE) == "unknown field"
        assert process_time() - before < 0.5
    finally:
        unregister(secret)


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [(None, None, "a list, each"), (1, 1, "a list of length 1, each"), (1, None, "a list of at least 1 entries"), (0, 3, "a list of 0 to 3 entries")],
)  # fmt: skip
def test_how_long_a_list_may_be(low: int | None, high: int | None, said: str) -> None:
    assert allowed(inspect.ListType(inspect.StrType(), low, high)).startswith(said)


def test_bytes_are_base64() -> None:
    assert allowed(inspect.type_info(bytes)) == "base64"
