"""Tokens in one form for both families, added up."""

from typing import Any

import msgspec
import pytest

from sidecar.live.messages import UsageMetadata
from sidecar.live.turns import Turns, UsageTold
from sidecar.live.usage import MAX_MODALITIES, OTHER, Usage
from tests.unit.live.talk import model, say, server, user

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


# --- which turn's they are ------------------------------------------------------------------------------------

FIFTEEN = {"promptTokenCount": 10, "responseTokenCount": 5, "totalTokenCount": 15}
TWENTY_TWO = {
    "promptTokenCount": 20,
    "candidatesTokenCount": 2,
    "totalTokenCount": 22,
    "trafficType": "ON_DEMAND",
}


def used(events: list[Any]) -> list[tuple[int, int, int]]:
    """(turn, its tokens, the session's tokens)."""
    return [
        (e.turn_id, e.turn.total_token_count, e.session.total_token_count)
        for e in events
        if isinstance(e, UsageTold)
    ]


def test_tokens_are_counted_for_the_turn_they_stand_beside_and_for_the_session() -> None:
    turns = Turns()
    told = turns.feed(server(serverContent=model("hi"), usageMetadata=FIFTEEN))
    told += turns.feed(server(serverContent={"turnComplete": True}, usageMetadata=FIFTEEN))
    told += turns.feed(server(usageMetadata=TWENTY_TWO))
    told += turns.feed(server(serverContent=model("there"), usageMetadata=TWENTY_TWO))
    assert used(told) == [(1, 15, 15), (1, 30, 30), (1, 52, 52), (2, 22, 74)]
    assert turns.usage.response_token_count == 5 + 5 + 2 + 2
    turns.cut()
    turns.lost()
    assert turns.usage.total_token_count == 74, "the session is the host's, over all its connections"


def test_tokens_beside_the_late_end_of_an_interrupted_turn_are_of_that_turn() -> None:
    turns = Turns()
    say(turns, **model("Once"))
    say(turns, interrupted=True)
    say(turns, **model("Yes?"))
    ended = turns.feed(server(serverContent={"turnComplete": True}, usageMetadata=FIFTEEN))
    assert used(ended) == [(1, 15, 15)]


def test_tokens_before_anything_was_said_are_of_the_first_turn() -> None:
    assert used(Turns().feed(server(usageMetadata=FIFTEEN))) == [(1, 15, 15)]


def test_tokens_of_what_was_heard_before_the_models_first_word_are_of_that_turn() -> None:
    turns = Turns()
    told = turns.feed(server(serverContent={**model("hi"), "turnComplete": True}, usageMetadata=FIFTEEN))
    told += turns.feed(server(serverContent=user("and now?"), usageMetadata=FIFTEEN))
    told += turns.feed(server(usageMetadata=FIFTEEN))
    told += turns.feed(server(serverContent={**model("yes"), "turnComplete": True}, usageMetadata=FIFTEEN))
    assert used(told) == [(1, 15, 15), (2, 15, 30), (2, 30, 45), (2, 45, 60)]
    turns.asked()
    assert used(turns.feed(server(usageMetadata=FIFTEEN))) == [(3, 15, 75)]


def test_tokens_beside_a_turns_end_are_its_own_though_the_user_speaks_already() -> None:
    turns = Turns()
    say(turns, **user("one"), **model("yes"), generationComplete=True)
    say(turns, **user("two"))
    assert used(turns.feed(server(serverContent={"turnComplete": True}, usageMetadata=FIFTEEN))) == [
        (1, 15, 15)
    ]


# --- a service that makes up names --------------------------------------------------------------------------


def modalities(*names: str) -> dict[str, Any]:
    details = [{"modality": name, "tokenCount": 1} for name in names]
    return {"promptTokensDetails": details, "candidatesTokensDetails": details}


def test_names_that_are_too_many_count_as_one() -> None:
    turns = Turns()
    for report in range(5):
        turns.feed(server(usageMetadata=modalities("TEXT", *(f"M{report}_{n}" for n in range(100)))))
    for details in (turns.usage.prompt_tokens_details, turns.usage.response_tokens_details):
        assert len(details) == MAX_MODALITIES + 1
        assert sum(details.values()) == 505, "no token is lost"
        assert details["TEXT"] == 5
        assert details[OTHER] == 505 - 5 - (MAX_MODALITIES - 1)


def test_a_name_of_megabytes_is_not_kept() -> None:
    assert read(modalities("TEXT", "x" * 65, "y" * 64)).prompt_tokens_details == {
        "TEXT": 1,
        OTHER: 1,
        "y" * 64: 1,
    }
