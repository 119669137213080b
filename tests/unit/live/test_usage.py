"""Tokens in one form for both families, added up."""

from typing import Any

import msgspec
import pytest

from sidecar.live.messages import UsageMetadata
from sidecar.live.usage import Usage

DETAILS = [{"modality": "AUDIO", "tokenCount": 7}, {"modality": "TEXT", "tokenCount": "3"}]
DEVELOPER: dict[str, Any] = {
    "promptTokenCount": 10,
    "responseTokenCount": 5,
    "totalTokenCount": 18,
    "cachedContentTokenCount": 1,
    "toolUsePromptTokenCount": 2,
    "thoughtsTokenCount": "3",
    "promptTokensDetails": DETAILS,
    "responseTokensDetails": [{"modality": "AUDIO", "tokenCount": 5}],
    "serviceTier": "x",
}
VERTEX = {
    **{name: value for name, value in DEVELOPER.items() if "response" not in name},
    "candidatesTokenCount": 5,
    "candidatesTokensDetails": [{"modality": "AUDIO", "tokenCount": 5}],
    "trafficType": "ON_DEMAND",
}


def read(told: dict[str, Any]) -> Usage:
    return Usage.of(msgspec.json.decode(msgspec.json.encode(told), type=UsageMetadata, strict=False))


@pytest.mark.parametrize("told", [DEVELOPER, VERTEX])
def test_both_families_say_the_same(told: dict[str, Any]) -> None:
    assert read(told) == Usage(10, 5, 18, 1, 2, 3, {"AUDIO": 7, "TEXT": 3}, {"AUDIO": 5})


def test_reports_add_up_by_count_and_by_modality() -> None:
    other = Usage(1, 1, 2, 0, 0, 0, {"VIDEO": 4, "TEXT": 1})
    assert read(DEVELOPER).plus(other) == Usage(
        11, 6, 20, 1, 2, 3, {"AUDIO": 7, "TEXT": 4, "VIDEO": 4}, {"AUDIO": 5}
    )
    assert Usage().plus(Usage()) == Usage()
