"""What a lost session leaves behind, and an interruption that comes when no turn is running."""

from typing import Any

from sidecar.live.turns import MAX_OWED, Transcript, Turn, Turns
from tests.unit.live.talk import finals, model, say, server, user


def told(events: list[Any]) -> list[tuple[int, str]]:
    return [(e.turn_id, e.event) for e in events if isinstance(e, Turn)]


# --- a session that was lost --------------------------------------------------------------------------


def test_sentences_of_two_sessions_are_never_joined_though_the_first_was_for_the_turn_after() -> None:
    """The model was done without a word, so that what the user said then was for the next turn."""
    turns = Turns()
    say(turns, generationComplete=True)
    assert say(turns, **user("OLD sentence")) == [Transcript("user", "OLD sentence", False, 2)]
    assert turns.cut() == [Turn(1, "interrupted", cut=True)]
    assert turns.lost() == [Transcript("user", "OLD sentence", True, 2, cut=True)]
    events = say(turns, **user("NEW sentence")) + say(turns, **model("ok"), turnComplete=True)
    assert finals(events) == [("user", "NEW sentence"), ("model", "ok")]
    assert {e.turn_id for e in events} == {3}


def test_a_sentence_for_the_turn_after_goes_on_over_a_cut() -> None:
    turns = Turns()
    say(turns, generationComplete=True)
    say(turns, **user("how far "))
    turns.cut()
    events = say(turns, **user("is it")) + say(turns, **model("Far."), turnComplete=True)
    assert finals(events) == [("user", "how far is it"), ("model", "Far.")]
    assert {e.turn_id for e in events} == {2}


def test_the_end_of_a_turn_without_a_word_is_none_of_the_next_after_a_cut() -> None:
    turns = Turns()
    say(turns, generationComplete=True)
    turns.cut()
    assert say(turns, turnComplete=True) == []


def test_what_is_unfinished_is_told_by_nobody_until_it_is_lost() -> None:
    turns = Turns()
    say(turns, **user("my name is Ann"))
    turns.cut()
    assert turns.unfinished() == turns.unfinished() == turns.lost()
    assert turns.unfinished() == turns.lost() == []


def test_the_voice_that_a_lost_session_heard_is_no_sound_in_the_next() -> None:
    turns = Turns()
    turns.feed(server(voiceActivity={"type": "ACTIVITY_START"}))
    turns.cut()
    assert not turns.quiet, "a resumed session hears its end"
    turns.lost()
    assert turns.quiet


def test_an_activity_that_the_host_marked_goes_on_in_a_new_session() -> None:
    turns = Turns()
    turns.activity(started=True)
    turns.feed(server(voiceActivity={"type": "ACTIVITY_END"}))
    turns.cut()
    turns.lost()
    assert not turns.quiet, "only the host's own mark ends it"
    turns.activity(started=False)
    say(turns, **model("ok"), turnComplete=True)
    assert turns.quiet


def test_the_hosts_mark_outweighs_what_the_service_heard() -> None:
    turns = Turns()
    turns.feed(server(voiceActivity={"type": "ACTIVITY_START"}))
    turns.activity(started=False)
    say(turns, **model("ok"), turnComplete=True)
    assert turns.quiet


def test_a_question_that_was_asked_while_there_was_no_line_still_waits_in_the_new_session() -> None:
    turns = Turns()
    turns.cut()
    turns.asked()
    turns.lost()
    assert not turns.quiet


# --- interrupted when no turn is running (LP 3) -------------------------------------------------------


def test_an_interruption_during_the_playout_is_of_the_turn_that_plays() -> None:
    turns = Turns()
    say(turns, **model("one"), turnComplete=True)
    assert told(say(turns, interrupted=True)) == [(1, "interrupted")]


def test_the_end_of_such_an_interruption_parts_no_question_from_its_answer() -> None:
    turns = Turns()
    say(turns, **model("one"), turnComplete=True)
    events = say(turns, interrupted=True)
    events += say(turns, **user("stop that, "))
    events += say(turns, turnComplete=True)
    events += say(turns, **user("please")) + say(turns, **model("ok"), generationComplete=True)
    events += say(turns, turnComplete=True)
    assert told(events) == [
        (1, "interrupted"),
        (2, "started"),
        (2, "generationComplete"),
        (2, "complete"),
    ]
    assert [(e.turn_id, e.source, e.text) for e in events if isinstance(e, Transcript) and e.final] == [
        (2, "user", "stop that, please"),
        (2, "model", "ok"),
    ]


def test_without_such_an_end_the_answer_has_its_own() -> None:
    turns = Turns()
    say(turns, **model("one"), turnComplete=True)
    say(turns, interrupted=True)
    assert told(say(turns, **model("two"), turnComplete=True)) == [(2, "started"), (2, "complete")]
    assert told(say(turns, turnComplete=True)) == [(3, "complete")]


def test_of_such_ends_only_one_can_come() -> None:
    turns = Turns()
    say(turns, **model("one"), turnComplete=True)
    say(turns, interrupted=True)
    assert told(say(turns, turnComplete=True)) == []
    assert told(say(turns, turnComplete=True)) == [(2, "complete")]


def test_what_the_host_asks_after_an_interruption_has_its_end_though_the_model_says_nothing() -> None:
    for ask in (Turns.asked, lambda turns: turns.activity(started=False), Turns.cut):
        turns = Turns()
        say(turns, **model("one"), turnComplete=True)
        say(turns, interrupted=True)
        ask(turns)
        assert told(say(turns, turnComplete=True)) == [(2, "complete")]


def test_an_interruption_before_the_answer_to_a_question_is_of_the_turn_that_would_have_answered() -> None:
    turns = Turns()
    say(turns, **model("one"), turnComplete=True)
    turns.asked()
    assert told(say(turns, interrupted=True)) == [(2, "interrupted")]
    assert told(say(turns, turnComplete=True)) == [(2, "complete")]
    assert turns.quiet


def test_every_interrupted_turn_is_told_to_be_complete_once_however_many_there_are_in_a_row() -> None:
    turns = Turns()
    events = [e for _ in range(3 * MAX_OWED) for e in say(turns, **model("x"), interrupted=True)]
    events += [e for _ in range(MAX_OWED) for e in say(turns, turnComplete=True)]
    assert [turn for turn, event in told(events) if event == "complete"] == [*range(1, 3 * MAX_OWED + 1)]
