"""User speech is never model text, and every turn has one final text of each, whatever the service does."""

from typing import Any

import msgspec
import pytest

from sidecar.live import frames
from sidecar.live.messages import ServerMessage
from sidecar.live.turns import (
    ToolCall,
    ToolCallCancelled,
    Transcript,
    Turn,
    Turns,
    UsageTold,
    answers,
    brings_content,
    hears_speech,
)


def server(**fields: Any) -> ServerMessage:
    message, _ = frames.read(msgspec.json.encode(fields))
    return message


def say(turns: Turns, **content: Any) -> list[Any]:
    return turns.feed(server(serverContent=content))


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
    turns.answered(("a",))
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
    assert turns._user_text.chars <= 32_868


def test_a_question_that_waits_for_its_answer_is_no_quiet_moment() -> None:
    turns = Turns()
    turns.asked()
    assert not turns.quiet
    say(turns, **model("hi"))
    say(turns, turnComplete=True)
    assert turns.quiet


# --- what answers, and what shows that the user spoke -----------------------------------------------


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
    "waits for more": {"serverContent": {"waitingForInput": True}},
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
        ({"voiceActivityDetectionSignal": {"vadSignalType": "VAD_SIGNAL_TYPE_EOS"}}, True),
        ({"voiceActivityDetectionSignal": {"vadSignalType": "VAD_SIGNAL_TYPE_SOS"}}, False),
        ({"serverContent": {"interimInputTranscription": {"text": "hel"}}}, False),
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
    turns.asked()
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


# --- who speaks, and in which language ----------------------------------------------------------------


def hears(turns: Turns, *said: tuple[str, str, str], of: str = "inputTranscription") -> list[Any]:
    return [
        event
        for text, speaker, language in said
        for event in say(turns, **{of: {"text": text, "speakerLabel": speaker, "languageCode": language}})
    ]


def runs(events: list[Any]) -> list[tuple[str, str, str]]:
    return [(e.text, e.speaker, e.language) for e in events if isinstance(e, Transcript) and e.final]


@pytest.mark.parametrize("of", ["inputTranscription", "outputTranscription"])
def test_the_texts_of_two_speakers_or_languages_are_never_glued(of: str) -> None:
    turns = Turns()
    deltas = hears(
        turns,
        ("How ", "A", "en"), ("are you? ", "A", "en"), ("Fine. ", "B", "en"), ("Gut. ", "B", "de"), ("And you?", "A", "en"),
        of=of,
    )  # fmt: skip
    assert [(e.text, e.speaker, e.language) for e in deltas if isinstance(e, Transcript)][3] == (
        "Gut. ",
        "B",
        "de",
    )
    assert runs(say(turns, turnComplete=True)) == [
        ("How are you? ", "A", "en"),
        ("Fine. ", "B", "en"),
        ("Gut. ", "B", "de"),
        ("And you?", "A", "en"),
    ]


def test_a_delta_that_does_not_say_who_speaks_goes_on_in_the_run_before_it() -> None:
    turns = Turns()
    deltas = hears(turns, ("a", "", ""), ("b", "A", ""), ("c", "", "en"), ("d", "A", "en"))
    assert [(e.speaker, e.language) for e in deltas] == [("", ""), ("A", ""), ("A", "en"), ("A", "en")]
    assert runs(say(turns, **model("ok"), turnComplete=True)) == [("abcd", "A", "en"), ("ok", "", "")]


def test_of_a_cut_turn_the_last_run_is_the_one_that_was_cut() -> None:
    turns = Turns()
    hears(turns, ("one", "", "en"), ("zwei", "", "de"), of="outputTranscription")
    assert [(e.text, e.cut) for e in turns.cut() if isinstance(e, Transcript)] == [
        ("one", False),
        ("zwei", True),
    ]


def test_an_interim_text_is_told_as_a_guess_and_is_in_no_final() -> None:
    turns = Turns()
    [guess] = say(turns, interimInputTranscription={"text": "what tim", "languageCode": "en"})
    assert guess == Transcript("user", "what tim", False, 1, interim=True, language="en")
    assert not turns.quiet
    say(turns, **user("what time is it"))
    assert finals(say(turns, **model("noon"), turnComplete=True)) == [
        ("user", "what time is it"),
        ("model", "noon"),
    ]
    assert turns.quiet


@pytest.mark.parametrize("end", [{"turnComplete": True}, {"inputTranscription": {"text": "a"}}])
def test_a_guess_does_not_keep_the_moment_loud_for_ever(end: dict[str, Any]) -> None:
    turns = Turns()
    say(turns, interimInputTranscription={"text": "a"})
    say(turns, **end)
    say(turns, turnComplete=True)
    assert turns.quiet
    say(turns, interimInputTranscription={"text": "a"})
    turns.cut()
    assert turns.quiet


def test_a_guess_during_the_models_turn_is_of_the_next_turn() -> None:
    turns = Turns()
    say(turns, **model("Once"), generationComplete=True)
    [guess] = say(turns, interimInputTranscription={"text": "st"})
    assert guess.turn_id == 2


# --- how a turn ends, in the service's own words ------------------------------------------------------


def test_the_reason_and_the_status_stand_with_the_end_of_the_turn() -> None:
    turns = Turns()
    say(turns, **model("hi"))
    ended = say(
        turns, turnComplete=True, turnCompleteReason="NEED_MORE_INPUT", interactionStatus="IN_PROGRESS"
    )
    assert ended[-1] == Turn(1, "complete", reason="NEED_MORE_INPUT", interaction_status="IN_PROGRESS")
    assert say(turns, interactionStatus="IN_PROGRESS") == [], "no news"
    assert say(turns, interactionStatus="IDLE") == [Turn(1, "status", interaction_status="IDLE")]
    assert turns.quiet


def test_a_model_that_waits_for_the_user_to_go_on_says_so_and_owes_nothing() -> None:
    turns = Turns()
    turns.asked()
    assert say(turns, waitingForInput=True) == [Turn(1, "waitingForInput")]
    assert turns.quiet


def test_the_voice_signal_of_the_other_message_means_the_same() -> None:
    turns = Turns()
    turns.feed(server(voiceActivityDetectionSignal={"vadSignalType": "VAD_SIGNAL_TYPE_SOS"}))
    assert not turns.quiet
    turns.feed(server(voiceActivityDetectionSignal={"vadSignalType": "VAD_SIGNAL_TYPE_EOS"}))
    assert turns.quiet
    turns.feed(server(voiceActivityDetectionSignal={"vadSignalType": "SOMETHING_NEW"}))
    assert turns.quiet


# --- tools --------------------------------------------------------------------------------------------


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


def test_code_that_the_model_runs_is_no_speech() -> None:
    turns = Turns()
    parts = [{"executableCode": {"code": "1+1"}}, {"codeExecutionResult": {"output": "2"}}, {"text": "Two."}]
    events = say(turns, modelTurn={"parts": parts}, turnComplete=True)
    assert finals(events) == [("model", "Two.")]


# --- what it costs ------------------------------------------------------------------------------------

DEVELOPERS = {"promptTokenCount": 10, "responseTokenCount": 5, "totalTokenCount": 15}
VERTEX = {
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
    told = turns.feed(server(serverContent=model("hi"), usageMetadata=DEVELOPERS))
    told += turns.feed(server(serverContent={"turnComplete": True}, usageMetadata=DEVELOPERS))
    told += turns.feed(server(usageMetadata=VERTEX))
    told += turns.feed(server(serverContent=model("there"), usageMetadata=VERTEX))
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
    ended = turns.feed(server(serverContent={"turnComplete": True}, usageMetadata=DEVELOPERS))
    assert used(ended) == [(1, 15, 15)]


def test_tokens_before_anything_was_said_are_of_the_first_turn() -> None:
    assert used(Turns().feed(server(usageMetadata=DEVELOPERS))) == [(1, 15, 15)]


# --- messages that mean nothing -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "content"),
    [
        ({}, False),
        ({"serverContent": {}}, False),
        ({"serverContent": {"outputTranscription": {}}}, False),
        ({"serverContent": {"inputTranscription": {}}}, False),
        ({"setupComplete": {"sessionId": "x"}}, False),
        ({"usageMetadata": VERTEX}, False),
        ({"serverContent": {"turnComplete": True}}, True),
        ({"serverContent": {"modelTurn": {}}}, True),
        ({"serverContent": {"inputTranscription": {"text": "a"}}}, True),
        ({"serverContent": {"groundingMetadata": {}}}, True),
        ({"toolCall": {}}, True),
    ],
)
def test_only_what_says_something_proves_that_a_resume_was_taken(
    message: dict[str, Any], content: bool
) -> None:
    turns = Turns()
    assert brings_content(server(**message)) is content
    if not content and "usageMetadata" not in message:
        assert turns.feed(server(**message)) == []
        assert turns.quiet
