"""Where a turn begins and ends, whatever the service and the line do."""

from typing import Any

import pytest

from sidecar.live.turns import Transcript, Turn, Turns
from tests.unit.live.talk import finals, model, say, server, user


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
    turns.feed(server(voiceActivity={"type": "ACTIVITY_START"}))
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


# --- ends that come late, twice or not at all -------------------------------------------------------


def told(events: list[Any]) -> list[tuple[int, str]]:
    return [(e.turn_id, e.event) for e in events if isinstance(e, Turn)]


def test_a_turn_that_follows_an_interrupted_one_can_be_interrupted_too() -> None:
    """The first one's turnComplete is still to come; the app must stop the second one's playback."""
    turns = Turns()
    say(turns, **model("one"))
    say(turns, interrupted=True)
    sound = {"inlineData": {"mimeType": "audio/pcm", "data": "AAAA"}}
    assert told(say(turns, modelTurn={"parts": [sound]})) == [(2, "started")]
    assert told(say(turns, interrupted=True)) == [(2, "interrupted")]
    assert told(say(turns, turnComplete=True)) == [(1, "complete")]
    assert told(say(turns, turnComplete=True)) == [(2, "complete")]
    assert told(say(turns, **model("three"), turnComplete=True)) == [(3, "started"), (3, "complete")]


def test_an_interruption_that_is_said_twice_is_told_once() -> None:
    turns = Turns()
    say(turns, **model("one"))
    assert told(say(turns, interrupted=True)) == [(1, "interrupted")]
    assert say(turns, interrupted=True) == []
    assert told(say(turns, interrupted=True, turnComplete=True)) == [(1, "complete")]


def test_an_end_that_never_came_does_not_take_the_next_ones_place_for_ever() -> None:
    turns = Turns()
    for text in ("one", "two"):
        say(turns, **model(text))
        say(turns, interrupted=True)
    say(turns, **model("three"), generationComplete=True)
    ended = say(turns, turnComplete=True, turnCompleteReason="NEED_MORE_INPUT")
    assert ended[-1] == Turn(3, "complete", reason="NEED_MORE_INPUT")
    assert told(ended) == [(1, "complete"), (2, "complete"), (3, "complete")]
    assert turns.quiet
    assert told(say(turns, **model("four"), turnComplete=True)) == [(4, "started"), (4, "complete")]


def test_ends_that_never_come_are_not_remembered_for_ever() -> None:
    turns = Turns()
    for _ in range(1000):
        say(turns, **model("x"), interrupted=True)
    ends = [say(turns, turnComplete=True) for _ in range(20)]
    assert told(ends[0]) == [(993, "complete")]
    assert told(ends[-1]) == [(1012, "complete")]


@pytest.mark.parametrize(
    "before",
    [{**model("x")}, {**model("x"), "generationComplete": True}, {**model("x"), "interrupted": True}],
)
def test_the_end_of_a_turn_that_the_line_cut_off_is_none_of_the_next(before: dict[str, Any]) -> None:
    """The service may hold it back for seconds (LP 3), and say it on the next line."""
    turns = Turns()
    say(turns, **before)
    turns.cut()
    assert say(turns, turnComplete=True) == []
    assert told(say(turns, **model("y"), turnComplete=True)) == [(2, "started"), (2, "complete")]


def test_of_a_cut_turn_one_end_may_come_late_and_no_more() -> None:
    turns = Turns()
    say(turns, **model("x"))
    turns.cut()
    say(turns, turnComplete=True)
    assert told(say(turns, turnComplete=True)) == [(2, "complete")]


SINCE = {
    "the user's words": lambda turns: say(turns, **user("and now?")),
    "a guess at them": lambda turns: say(turns, interimInputTranscription={"text": "and"}),
    "the user's voice": lambda turns: turns.feed(server(voiceActivity={"type": "ACTIVITY_START"})),
    "a written question": lambda turns: turns.asked(),
    "marks": lambda turns: turns.activity(started=False),
    "a new session": lambda turns: turns.lost(),
}


@pytest.mark.parametrize("since", SINCE.values(), ids=SINCE)
def test_an_end_that_answers_what_came_since_is_told(since: Any) -> None:
    """A turn in which the model says nothing."""
    turns = Turns()
    say(turns, **model("x"))
    turns.cut()
    since(turns)
    assert told(say(turns, turnComplete=True)) == [(2, "complete")]


def test_a_change_of_status_is_told_beside_the_end_of_a_cut_turn() -> None:
    turns = Turns()
    say(turns, **model("x"))
    turns.cut()
    assert told(say(turns, turnComplete=True, interactionStatus="IN_PROGRESS")) == [(1, "status")]
    assert not turns.quiet


# --- a moment in which a hand-over disturbs nobody ----------------------------------------------------


def test_quiet_means_that_nobody_speaks() -> None:
    turns = Turns()
    assert turns.quiet
    turns.activity(started=True)
    assert not turns.quiet
    turns.activity(started=False)
    assert not turns.quiet  # it asks for an answer
    say(turns, turnComplete=True)
    assert turns.quiet
    turns.feed(server(voiceActivity={"type": "ACTIVITY_START"}))
    assert not turns.quiet
    turns.feed(server(voiceActivity={"type": "ACTIVITY_END"}))
    assert turns.quiet
    say(turns, turnComplete=True, interactionStatus="IN_PROGRESS")
    assert not turns.quiet
    say(turns, interactionStatus="IDLE")
    assert turns.quiet


def test_a_question_that_waits_for_its_answer_is_no_quiet_moment() -> None:
    turns = Turns()
    turns.asked()
    assert not turns.quiet
    say(turns, **model("hi"))
    say(turns, turnComplete=True)
    assert turns.quiet


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


def test_the_voice_signal_of_the_other_message_means_the_same() -> None:
    turns = Turns()
    turns.feed(server(voiceActivityDetectionSignal={"vadSignalType": "VAD_SIGNAL_TYPE_SOS"}))
    assert not turns.quiet
    turns.feed(server(voiceActivityDetectionSignal={"vadSignalType": "VAD_SIGNAL_TYPE_EOS"}))
    assert turns.quiet
    turns.feed(server(voiceActivityDetectionSignal={"vadSignalType": "SOMETHING_NEW"}))
    assert turns.quiet


def test_a_new_session_hears_the_rest_of_a_sentence_as_one_of_its_own() -> None:
    turns = Turns()
    say(turns, **user("Hello, can "))
    assert turns.cut() == []
    assert turns.lost() == [Transcript("user", "Hello, can ", True, 1, cut=True)]
    events = (
        say(turns, **user("Hello, can you hear me?"))
        + say(turns, **model("Yes."))
        + say(turns, turnComplete=True)
    )
    assert finals(events) == [("user", "Hello, can you hear me?"), ("model", "Yes.")]
    assert turns.turn_id == 3
