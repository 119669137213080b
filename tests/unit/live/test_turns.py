"""User speech is never model text, and every turn has one final text of each, whatever the service does."""

from typing import Any

import msgspec
import pytest

from sidecar.live.messages import ServerMessage
from sidecar.live.turns import ToolCall, ToolCallCancelled, Transcript, Turn, Turns, answers, hears_speech


def say(turns: Turns, **content: Any) -> list[Any]:
    return turns.feed(msgspec.convert({"serverContent": content}, ServerMessage))


def user(text: str) -> dict[str, Any]:
    return {"inputTranscription": {"text": text}}


def model(text: str) -> dict[str, Any]:
    return {"outputTranscription": {"text": text}}


def finals(events: list[Any]) -> list[tuple[str, str]]:
    return [(e.source, e.text) for e in events if isinstance(e, Transcript) and e.final]


def test_a_normal_turn_has_deltas_and_one_final_of_each() -> None:
    turns = Turns()
    events = say(turns, **user("what time ")) + say(turns, **user("is it"))
    assert [(e.source, e.text, e.final) for e in events] == [
        ("user", "what time ", False),
        ("user", "is it", False),
    ]
    assert not turns.quiet
    events = (
        say(turns, **model("It is ")) + say(turns, **model("noon.")) + say(turns, generationComplete=True)
    )
    assert events[0] == Turn(1, "started")
    assert finals(events) == [("user", "what time is it"), ("model", "It is noon.")]
    assert turns.model_speaking
    assert say(turns, turnComplete=True) == [Turn(1, "complete")]
    assert turns.quiet
    assert turns.turn_id == 2


def test_all_fields_of_one_frame_are_handled() -> None:
    events = say(Turns(), **user("hi"), **model("hello"), generationComplete=True, turnComplete=True)
    assert finals(events) == [("user", "hi"), ("model", "hello")]
    assert [e.event for e in events if isinstance(e, Turn)] == ["started", "generationComplete", "complete"]


def test_a_turn_without_generation_complete_still_has_one_final() -> None:
    turns = Turns()
    events = say(turns, **model("a")) + say(turns, turnComplete=True)
    assert finals(events) == [("model", "a")]


def test_an_interrupted_turn_ends_at_once_and_the_users_next_words_belong_to_the_next() -> None:
    turns = Turns()
    say(turns, **user("tell me a story"))
    say(turns, **model("Once upon"))
    events = say(turns, interrupted=True)
    assert finals(events) == [("user", "tell me a story"), ("model", "Once upon")]
    assert Turn(1, "interrupted") in events
    [delta] = say(turns, **user("stop"))
    assert delta == Transcript("user", "stop", False, 2)
    assert say(turns, turnComplete=True) == [Turn(1, "complete")]
    events = say(turns, **model("ok")) + say(turns, turnComplete=True)
    assert finals(events) == [("user", "stop"), ("model", "ok")]
    assert {e.turn_id for e in events} == {2}


def test_an_interrupted_turn_ends_with_its_texts_told() -> None:
    turns = Turns()
    say(turns, **model("Once upon"))
    assert say(turns, interrupted=True) == [
        Transcript("model", "Once upon", True, 1),
        Turn(1, "interrupted"),
    ]


def test_a_cut_ends_a_running_turn_and_what_follows_is_a_new_one() -> None:
    turns = Turns()
    say(turns, **user("why"))
    say(turns, **model("Because"))
    events = turns.cut()
    assert events == [
        Transcript("user", "why", True, 1),
        Transcript("model", "Because", True, 1, cut=True),
        Turn(1, "interrupted", cut=True),
    ]
    events = say(turns, **model("Because the sky")) + say(turns, turnComplete=True)
    assert finals(events) == [("model", "Because the sky")]
    assert {e.turn_id for e in events} == {2}


def test_a_users_sentence_goes_on_over_a_cut() -> None:
    turns = Turns()
    say(turns, **user("how far "))
    assert turns.cut() == []
    say(turns, **user("is the moon"))
    events = say(turns, **model("Far.")) + say(turns, turnComplete=True)
    assert finals(events) == [("user", "how far is the moon"), ("model", "Far.")]


def test_empty_texts_and_thoughts_are_not_told() -> None:
    turns = Turns()
    assert say(turns, **user(""), **model("")) == []
    events = say(turns, modelTurn={"parts": [{"text": "hm", "thought": True}, {"text": "Yes"}, {"text": ""}]})
    assert [e.text for e in events if isinstance(e, Transcript)] == ["Yes"]


def test_interrupted_before_or_after_a_turn_ends_nothing_that_is_not_there() -> None:
    turns = Turns()
    assert say(turns, interrupted=True) == [Turn(1, "interrupted")]
    assert finals(say(turns, **model("hi")) + say(turns, turnComplete=True)) == [("model", "hi")]


def test_tool_calls_are_told_one_by_one_and_stay_answerable_over_a_cut() -> None:
    turns = Turns()
    events = turns.feed(
        msgspec.convert(
            {
                "toolCall": {
                    "functionCalls": [{"id": "a", "name": "f", "args": {"x": 1}}, {"id": "b", "name": "g"}]
                }
            },
            ServerMessage,
        )
    )
    assert events[1:] == [ToolCall("a", "f", {"x": 1}), ToolCall("b", "g", {})]
    turns.cut()
    turns.asked(("a",))
    assert turns.lost() == [ToolCallCancelled(["b"])]
    assert turns.lost() == []


def test_the_service_may_cancel_a_call() -> None:
    turns = Turns()
    turns.pending_calls["a"] = "f"
    events = turns.feed(msgspec.convert({"toolCallCancellation": {"ids": ["a"]}}, ServerMessage))
    assert events == [ToolCallCancelled(["a"])]
    assert turns.pending_calls == {}


def test_quiet_means_that_nobody_speaks() -> None:
    turns = Turns()
    assert turns.quiet
    turns.activity(started=True)
    assert not turns.quiet
    turns.activity(started=False)
    assert not turns.quiet  # it asks for an answer
    say(turns, turnComplete=True)
    assert turns.quiet
    turns.feed(msgspec.convert({"voiceActivity": {"type": "ACTIVITY_START"}}, ServerMessage))
    assert not turns.quiet
    turns.feed(msgspec.convert({"voiceActivity": {"type": "ACTIVITY_END"}}, ServerMessage))
    assert turns.quiet
    say(turns, turnComplete=True, interactionStatus="IN_PROGRESS")
    assert not turns.quiet
    say(turns, interactionStatus="IDLE")
    assert turns.quiet


def test_what_is_transcribed_after_the_users_final_belongs_to_the_next_turn() -> None:
    turns = Turns()
    say(turns, **user("one"), **model("yes"), generationComplete=True)
    assert say(turns, **user("two ")) == [Transcript("user", "two ", False, 2)]
    assert finals(say(turns, turnComplete=True)) == []
    events = say(turns, **user("three"), **model("ok"), turnComplete=True)
    assert finals(events) == [("user", "two three"), ("model", "ok")]
    assert {e.turn_id for e in events} == {2}


def test_a_barge_in_is_not_glued_to_the_question_before() -> None:
    turns = Turns()
    say(turns, **user("tell me a story"))
    say(turns, **model("Once upon"))
    turns.feed(msgspec.convert({"voiceActivity": {"type": "ACTIVITY_START"}}, ServerMessage))
    say(turns, **user("stop that, "))
    assert finals(say(turns, interrupted=True)) == [("user", "tell me a story"), ("model", "Once upon")]
    say(turns, turnComplete=True)
    events = say(turns, **user("please")) + say(turns, **model("ok"), turnComplete=True)
    assert finals(events) == [("user", "stop that, please"), ("model", "ok")]


def test_model_text_after_generation_complete_is_a_turn_of_its_own() -> None:
    turns = Turns()
    events = say(turns, **model("a"), generationComplete=True) + say(turns, **model("b"), turnComplete=True)
    assert [(e.turn_id, e.text) for e in events if isinstance(e, Transcript) and e.final] == [
        (1, "a"),
        (2, "b"),
    ]


def test_a_model_that_never_ends_a_turn_does_not_fill_the_memory() -> None:
    turns = Turns()
    told = [final for _ in range(1000) for final in finals(say(turns, **user("x" * 100)))]
    assert len(told) == 3
    assert sum(map(len, turns._user_text)) <= 32_868


def test_a_question_that_waits_for_its_answer_is_no_quiet_moment() -> None:
    turns = Turns()
    turns.asked()
    assert not turns.quiet
    say(turns, **model("hi"))
    say(turns, turnComplete=True)
    assert turns.quiet


# --- what answers, and what shows that the user spoke -----------------------------------------------


def server(**fields: Any) -> ServerMessage:
    return msgspec.convert(fields, ServerMessage)


ANSWERS = {
    "model turn": {"serverContent": {"modelTurn": {"parts": [{"text": "yes"}]}}},
    "audio": {
        "serverContent": {"modelTurn": {"parts": [{"inlineData": {"mimeType": "audio/pcm", "data": "AA=="}}]}}
    },
    "what it says": {"serverContent": {"outputTranscription": {"text": "yes"}}},
    "generation complete": {"serverContent": {"generationComplete": True}},
    "turn complete": {"serverContent": {"turnComplete": True}},
    "interrupted": {"serverContent": {"interrupted": True}},
    "tool call": {"toolCall": {"functionCalls": [{"id": "a", "name": "f"}]}},
}
NO_ANSWERS = {
    "nothing": {},
    "setup complete": {"setupComplete": {}},
    "empty content": {"serverContent": {}},
    "what the user says": {"serverContent": {"inputTranscription": {"text": "hello"}}},
    "empty words of the model": {"serverContent": {"outputTranscription": {"text": ""}}},
    "status alone": {"serverContent": {"interactionStatus": "IN_PROGRESS"}},
    "denied": {"serverContent": {"turnComplete": False, "interrupted": False, "generationComplete": False}},
    "goAway": {"goAway": {"timeLeft": "50s"}},
    "handle": {"sessionResumptionUpdate": {"newHandle": "h", "resumable": True}},
    "voice begins": {"voiceActivity": {"type": "ACTIVITY_START"}},
    "voice ends": {"voiceActivity": {"type": "ACTIVITY_END"}},
    "cancellation": {"toolCallCancellation": {"ids": ["a"]}},
}


@pytest.mark.parametrize("message", ANSWERS.values(), ids=ANSWERS)
def test_each_kind_of_answer_is_one(message: dict[str, Any]) -> None:
    assert answers(server(**message))


@pytest.mark.parametrize("message", NO_ANSWERS.values(), ids=NO_ANSWERS)
def test_housekeeping_and_the_user_are_no_answer(message: dict[str, Any]) -> None:
    assert not answers(server(**message))


@pytest.mark.parametrize(
    ("message", "heard"),
    [
        ({"serverContent": {"inputTranscription": {"text": "hello"}}}, True),
        ({"serverContent": {"inputTranscription": {"text": ""}}}, False),
        ({"serverContent": {"outputTranscription": {"text": "yes"}}}, False),
        ({"voiceActivity": {"type": "ACTIVITY_END"}}, True),
        ({"voiceActivity": {"type": "ACTIVITY_START"}}, False),
        ({"setupComplete": {}}, False),
        ({}, False),
    ],
)
def test_speech_is_what_was_transcribed_or_what_has_ended(message: dict[str, Any], heard: bool) -> None:
    assert hears_speech(server(**message)) is heard


# --- a moment in which a hand-over disturbs nobody ----------------------------------------------------


def test_an_unanswered_tool_call_does_not_keep_the_model_speaking_for_ever() -> None:
    """Non-blocking calls: turnComplete comes right after the call, the answer much later (LP 3)."""
    turns = Turns()
    turns.feed(server(toolCall={"functionCalls": [{"id": "a", "name": "f"}]}))
    assert not turns.quiet
    say(turns, turnComplete=True)
    assert turns.quiet
    turns.asked(("a",))
    assert not turns.quiet


def test_a_cut_ends_the_wait_for_an_answer_and_the_services_own_business() -> None:
    turns = Turns()
    turns.asked()
    say(turns, interactionStatus="IN_PROGRESS")
    turns.cut()
    assert turns.quiet


def test_a_user_who_speaks_makes_no_quiet_moment_over_a_cut() -> None:
    turns = Turns()
    turns.activity(started=True)
    turns.cut()
    assert not turns.quiet


def test_words_of_the_next_turn_are_no_quiet_moment() -> None:
    turns = Turns()
    say(turns, **user("one"), **model("yes"), generationComplete=True)
    say(turns, **user("two"))
    say(turns, turnComplete=True)
    assert not turns.quiet


# --- calls that nobody waits for any more -------------------------------------------------------------


def call(turns: Turns, *ids: str) -> None:
    turns.feed(server(toolCall={"functionCalls": [{"id": i, "name": "f"} for i in ids]}))


def test_a_call_whose_session_was_lost_or_that_was_cancelled_is_dead_with_its_reason() -> None:
    turns = Turns()
    call(turns, "a", "b", "c")
    turns.feed(server(toolCallCancellation={"ids": ["a"]}))
    turns.asked(("b",))
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
