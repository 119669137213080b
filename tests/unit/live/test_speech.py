"""User speech is never model text, and what two say, or in two languages, is never one text."""

from typing import Any

import pytest

from sidecar.live.turns import Transcript, Turn, Turns
from tests.unit.live.talk import finals, model, say, user

MAX_CHARS = 32_768


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


def test_code_that_the_model_runs_is_no_speech() -> None:
    turns = Turns()
    parts = [{"executableCode": {"code": "1+1"}}, {"codeExecutionResult": {"output": "2"}}, {"text": "Two."}]
    events = say(turns, modelTurn={"parts": parts}, turnComplete=True)
    assert finals(events) == [("model", "Two.")]


# --- a service that never ends a turn -----------------------------------------------------------------


def test_texts_of_a_turn_that_never_ends_are_told_in_pieces() -> None:
    """A model that translates: both sides talk on, and no turnComplete comes (LP 8)."""
    turns = Turns()
    pieces = [f"{n:07} " for n in range(10_000)]
    events = [e for piece in pieces for e in say(turns, **user(piece)) + say(turns, **model(piece.upper()))]
    whole = [e for e in events if isinstance(e, Transcript) and e.final]
    assert {e.turn_id for e in events} == {1}
    assert [e.event for e in events if isinstance(e, Turn)] == ["started"]
    for source in ("user", "model"):
        told = [e.text for e in whole if e.source == source]
        assert [len(text) for text in told] == [MAX_CHARS + 8] * 2
        assert "".join(pieces).startswith("".join(told))
    rest = finals(say(turns, turnComplete=True))
    assert sum(len(text) for _, text in finals(whole) + rest) == 2 * len("".join(pieces)), "and nothing twice"
    assert [source for source, _ in rest] == ["user", "model"]


def test_a_model_that_only_transcribes_does_not_fill_the_memory() -> None:
    turns = Turns()
    told = [final for _ in range(1000) for final in finals(say(turns, **user("x" * 100)))]
    assert [len(text) for _, text in told] == [32_800] * 3


def test_what_the_user_says_for_the_next_turn_has_the_same_bound() -> None:
    turns = Turns()
    say(turns, **model("x"), generationComplete=True)
    events = [e for _ in range(1000) for e in say(turns, **user("y" * 100))]
    assert [len(text) for _, text in finals(events)] == [32_800] * 3
    assert {e.turn_id for e in events} == {2}


def test_a_cut_marks_the_rest_of_a_long_text_and_no_piece_before_it() -> None:
    turns = Turns()
    events = say(turns, **model("x" * (MAX_CHARS + 1))) + say(turns, **model("rest")) + turns.cut()
    finals_ = [(len(e.text), e.cut) for e in events if isinstance(e, Transcript) and e.final]
    assert finals_ == [(MAX_CHARS + 1, False), (4, True)]


def test_labels_have_a_bound_and_count_as_text() -> None:
    """A service that labels each word anew, with megabytes, must not fill the memory."""
    turns = Turns()
    labels = [f"{n:03}" + "x" * 1_000_000 for n in range(10)]
    deltas = hears(turns, *((f"w{n}", label, label) for n, label in enumerate(labels)))
    assert [(e.speaker, e.language) for e in deltas] == [(label[:128], label[:128]) for label in labels]
    assert [text for text, _, _ in runs(say(turns, **model("ok"), turnComplete=True))][:10] == [
        f"w{n}" for n in range(10)
    ]
    told = hears(turns, *((".", str(n % 2).zfill(128), "") for n in range(1000)))
    ends = [(e.final, e.text) for e in told if e.final]
    assert len(ends) == 3 * 255, "each time there are 255 runs of 129 characters"
