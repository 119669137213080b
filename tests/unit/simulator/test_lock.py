"""What a token fixes of a setup."""

from typing import Any

import pytest

from sidecar.simulator.endpoint import Family
from sidecar.simulator.fields import setup_fields
from sidecar.simulator.lock import Lock
from sidecar.simulator.refusals import Refused

FIELDS = setup_fields(Family.DEVELOPER, "v1alpha")
ASKED: dict[str, Any] = {
    "model": "models/asked",
    "generationConfig": {"temperature": 1, "topP": 1},
    "outputAudioTranscription": {},
}


def held(setup: dict[str, Any] | None, mask: str, asked: dict[str, Any] = ASKED) -> dict[str, Any]:
    lock = Lock.read(setup, mask, FIELDS)
    return asked if lock is None else lock.apply(asked)


def test_neither_setup_nor_mask_locks_nothing() -> None:
    assert Lock.read(None, "", FIELDS) is None


def test_a_setup_alone_is_all_there_is() -> None:
    assert held({"model": "models/m"}, "") == {"model": "models/m"}
    assert held({}, "") == {}


@pytest.mark.parametrize(
    ("setup", "mask", "expected"),
    [
        # What the setup has is locked, named or not; what the mask names without a value is locked as absent.
        ({"model": "models/m"}, "model", {**ASKED, "model": "models/m"}),
        (
            {"model": "models/m"},
            "outputAudioTranscription",
            {"model": "models/m", "generationConfig": ASKED["generationConfig"]},
        ),
        (
            {"generationConfig": {"temperature": 0}},
            "generationConfig.temperature",
            {**ASKED, "generationConfig": {"temperature": 0, "topP": 1}},
        ),
        (
            {"generationConfig": {"temperature": 0}},
            "generationConfig.top_p",
            {**ASKED, "generationConfig": {"temperature": 0}},
        ),
        (
            {"generationConfig": {"temperature": 0}},
            "generationConfig",
            {**ASKED, "generationConfig": {"temperature": 0}},
        ),
        (
            None,
            "model, generationConfig.seed",
            {key: value for key, value in ASKED.items() if key != "model"},
        ),
        ({"sessionResumption": {}}, "session_resumption", {**ASKED, "sessionResumption": {}}),
        (
            {"systemInstruction": {"parts": [{"text": "be kind"}]}},
            "systemInstruction.parts",
            {**ASKED, "systemInstruction": {"parts": [{"text": "be kind"}]}},
        ),
    ],
)
def test_a_mask_locks_two_levels_deep(setup: Any, mask: str, expected: dict[str, Any]) -> None:
    assert held(setup, mask) == expected


def test_the_handle_of_a_resume_is_always_the_clients() -> None:
    asked = {"sessionResumption": {"handle": "h", "transparent": True}}
    assert held({"model": "models/m"}, "", asked)["sessionResumption"] == {"handle": "h"}
    assert held({"sessionResumption": {}}, "", asked)["sessionResumption"] == {"handle": "h"}
    assert "sessionResumption" not in held({"model": "models/m"}, "", {"sessionResumption": {}})


@pytest.mark.parametrize("mask", ["nonsense", "model,generationConfig.nonsense", "setup.model"])
def test_a_mask_that_names_no_field_is_refused(mask: str) -> None:
    with pytest.raises(Refused, match="no field"):
        Lock.read({"model": "m"}, mask, FIELDS)


def test_neither_the_clients_setup_nor_the_tokens_is_changed() -> None:
    asked = {"generationConfig": {"temperature": 1}}
    setup = {"generationConfig": {"temperature": 0}}
    Lock.read(setup, "generationConfig.topK", FIELDS).apply(asked)  # type: ignore[union-attr]
    assert (asked, setup) == (
        {"generationConfig": {"temperature": 1}},
        {"generationConfig": {"temperature": 0}},
    )
