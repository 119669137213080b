"""Some lives of the soak, and the soak itself: that it repeats, that it meets every fault, that its watch bites."""

import pytest

from sidecar.lifecycle.line import Line, News
from sidecar.lifecycle.outbox import Outbox
from tests.soak.faults import FAULTS
from tests.soak.life import Life, live

BUSY_S = 240.0
"""Bursts and faults more than twice as often as in the long run."""


@pytest.fixture(scope="module")
def lives() -> list[Life]:
    """Twenty hours of busy lives."""
    return [live(f"test {n}", 4.0, BUSY_S) for n in range(5)]


def test_twenty_busy_hours_break_nothing(lives: list[Life]) -> None:
    assert {life.seed: life.broken for life in lives if life.broken} == {}
    assert sum(life.hours for life in lives) >= 20.0


def test_they_were_hours_of_trouble(lives: list[Life]) -> None:
    """A soak in which nothing happens proves nothing."""
    faults = {name for life in lives for name in life.faults}
    assert len(faults) >= len(FAULTS) - 4
    for name, least in (
        ("dials", 300),
        ("said", 5_000),
        ("resumed", 100),
        ("losses", 50),
        ("moves", 50),
        ("doubled", 20),
    ):
        assert sum(life.figures[name] for life in lives) >= least, name


def test_a_life_does_not_grow(lives: list[Life]) -> None:
    for life in lives:
        assert life.objects[-1] - life.objects[1] < 3000, life.objects


def test_the_same_seed_is_the_same_life_and_another_one_is_not(lives: list[Life]) -> None:
    again = live("test 0", 4.0, BUSY_S)
    assert (again.digest, again.figures, again.calls) == (lives[0].digest, lives[0].figures, lives[0].calls)
    assert len({life.digest for life in lives}) == len(lives)


def test_an_outbox_that_forgets_what_was_under_way_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def forget(outbox: Outbox, *_: object, **__: object) -> None:
        while outbox.unconfirmed:
            outbox._account_confirmed(outbox.unconfirmed.popleft())

    monkeypatch.setattr(Outbox, "line_lost", forget)
    broken = live("test 0", 4.0, BUSY_S).broken
    assert any("neither received nor told as dropped" in text for text in broken)


CALM = ("calm 1", "calm 2", "calm 3", "calm 4")


def test_where_nothing_goes_wrong_nothing_is_cut_lost_said_twice_or_dialled_in_vain() -> None:
    """The host moves, rests and blocks all the same, and the service orders off. At the very end there may be a
    fault."""
    for life in (live(seed, 4.0, BUSY_S, calm=True) for seed in CALM):
        assert life.broken == []
        figures = life.figures
        assert figures["said"] > 3_000
        assert figures["told"] == figures["lost"] == figures["doubled"] == 0
        assert figures["losses"] <= 1
        assert figures["dials"] - figures["connects"] <= 1
        assert figures["connects"] - figures["moves"] <= 2


def test_a_healthy_line_that_is_given_up_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    looked = Line.tick

    def impatient(line: Line, now: float, late_s: float) -> list[News]:
        return [News.DEAD] if now - line.born_at > 60.0 else looked(line, now, late_s)

    monkeypatch.setattr(Line, "tick", impatient)
    assert live("calm 3", 4.0, BUSY_S, calm=True).figures["losses"] > 1
