"""Tool calls: which may be answered, and which nobody waits for any more."""

import pytest

from sidecar.live.turns import ToolCall, ToolCallCancelled, Turn, Turns
from tests.unit.live.talk import call, model, say, server


def test_tool_calls_are_told_one_by_one_and_stay_answerable_over_a_cut() -> None:
    turns = Turns()
    events = turns.feed(
        server(
            toolCall={"functionCalls": [{"id": "a", "name": "f", "args": {"x": 1}}, {"id": "b", "name": "g"}]}
        )
    )
    assert events[1:] == [ToolCall("a", "f", {"x": 1}), ToolCall("b", "g", {})]
    turns.cut()
    turns.answered(("a",))
    assert turns.lost() == [ToolCallCancelled(["b"])]
    assert turns.lost() == []


def test_the_service_may_cancel_a_call() -> None:
    turns = Turns()
    turns.pending_calls["a"] = "f"
    events = turns.feed(server(toolCallCancellation={"ids": ["a"]}))
    assert events == [ToolCallCancelled(["a"])]
    assert turns.pending_calls == {}


def test_a_non_blocking_call_is_answered_after_its_turn_and_the_model_goes_on_in_a_new_one() -> None:
    turns = Turns()
    call(turns, "a")
    assert say(turns, turnComplete=True) == [Turn(1, "complete")]
    assert "a" in turns.pending_calls
    turns.answered(())
    assert "a" in turns.pending_calls, "a part of the answer: more will follow"
    turns.answered(("a",))
    assert turns.pending_calls == {}
    events = say(turns, **model("it is warm"), turnComplete=True)
    assert {e.turn_id for e in events} == {2}


def test_a_call_in_pieces_is_passed_on_in_pieces() -> None:
    turns = Turns()
    first = {"id": "a", "name": "f", "willContinue": True}
    piece = {"partialArgs": [{"jsonPath": "$.city", "stringValue": "Lis"}], "willContinue": True}
    events = [
        event
        for one in (first, piece, {})
        for event in turns.feed(server(toolCall={"functionCalls": [one]}))
        if isinstance(event, ToolCall)
    ]
    assert events == [
        ToolCall("a", "f", {}, (), True),
        ToolCall("", "", {}, tuple(piece["partialArgs"]), True),
        ToolCall("", "", {}, (), False),
    ]
    assert turns.pending_calls == {"a": "f"}


# --- calls that nobody waits for any more -------------------------------------------------------------


def test_a_call_whose_session_was_lost_or_that_was_cancelled_is_dead_with_its_reason() -> None:
    turns = Turns()
    call(turns, "a", "b", "c")
    turns.feed(server(toolCallCancellation={"ids": ["a"]}))
    turns.answered(("b",))
    turns.lost()
    assert set(turns.dead_calls) == {"a", "b", "c"}, "b could have been answered further"
    assert "cancelled" in turns.dead_calls["a"]
    assert "lost" in turns.dead_calls["c"]


def test_an_id_that_the_new_session_uses_again_is_alive() -> None:
    turns = Turns()
    call(turns, "call_1")
    turns.lost()
    call(turns, "call_1")
    assert "call_1" in turns.pending_calls
    assert "call_1" not in turns.dead_calls


def test_a_thousand_dead_calls_are_remembered_and_no_more() -> None:
    turns = Turns()
    for n in range(3000):
        call(turns, f"call_{n}")
        turns.lost()
    assert len(turns.dead_calls) == 1000
    assert "call_2999" in turns.dead_calls


@pytest.mark.parametrize("answered", [True, False])
def test_a_thousand_calls_are_remembered_and_no_more(answered: bool) -> None:
    """Whether the host answers or not, and however many sessions are lost."""
    turns = Turns()
    for session in range(5):
        for n in range(300):
            call(turns, f"call_{session}_{n}")
            turns.answered((f"call_{session}_{n}",) if answered else ())
        turns.lost()
    assert len(turns.dead_calls) == 1000
    assert "call_4_299" in turns.dead_calls


def test_of_calls_that_nobody_answers_the_newest_may_be_answered() -> None:
    turns = Turns()
    for n in range(3000):
        call(turns, f"call_{n}")
    for calls in (turns.pending_calls, turns.known_calls):
        assert len(calls) == 1000
        assert "call_2999" in calls
        assert "call_1999" not in calls


@pytest.mark.parametrize(("chars", "kept"), [(1024, True), (1025, False), (4_000_000, False)])
def test_an_id_that_is_no_id_is_told_and_not_remembered(chars: int, kept: bool) -> None:
    turns = Turns()
    call_id = "x" * chars
    [*_, told] = turns.feed(
        server(toolCall={"functionCalls": [{"id": call_id, "name": "f" * 5000, "args": {}}]})
    )
    assert (told.id, told.name) == (call_id, "f" * 5000)
    assert turns.pending_calls == turns.known_calls == ({call_id: "f" * 1024} if kept else {})
    assert turns.feed(server(toolCallCancellation={"ids": [call_id]})) == [ToolCallCancelled([call_id])]
    assert set(turns.dead_calls) == ({call_id} if kept else set())


def test_a_service_that_cancels_very_many_calls_takes_no_time() -> None:
    turns = Turns()
    turns.feed(server(toolCallCancellation={"ids": [f"call_{n}" for n in range(100_000)]}))
    assert len(turns.dead_calls) == 1000
