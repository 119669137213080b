"""How well a line does: the documented formula by hand, and when it is told."""

import pytest

from sidecar.lifecycle import events as ev
from sidecar.lifecycle.health import Cuts, health, no_line
from sidecar.lifecycle.settings import Settings
from tests.unit.lifecycle.rig import CUT, NO_RESUMPTION, Rig


@pytest.mark.parametrize(
    ("rtt_s", "silence_s", "cuts", "score", "quality"),
    [
        (None, 0.0, 0, 100, "excellent"),
        (0.0, 0.0, 0, 100, "excellent"),
        (0.1, 0.0, 0, 100, "excellent"),
        (0.575, 0.0, 0, 90, "excellent"),  # a quarter of the way to 2 s
        (1.05, 0.0, 0, 80, "good"),  # half of it
        (2.0, 0.0, 0, 60, "good"),
        (30.0, 0.0, 0, 60, "good"),
        (0.02, 1.0, 0, 90, "excellent"),  # a fifth of 5 s
        (0.02, 2.5, 0, 75, "good"),
        (0.02, 5.0, 0, 50, "poor"),
        (0.02, 60.0, 0, 50, "poor"),
        (2.0, 5.0, 0, 10, "poor"),
        (0.02, 0.0, 1, 90, "excellent"),
        (0.02, 0.0, 2, 80, "good"),
        (0.02, 0.0, 3, 70, "unstable"),
        (0.02, 0.0, 4, 60, "unstable"),
        (0.02, 0.0, 20, 60, "unstable"),
        (2.0, 5.0, 4, 0, "unstable"),  # 100 - 40 - 50 - 40 is under nothing
        (1.05, 2.5, 1, 45, "poor"),
    ],
)
def test_the_score_follows_the_formula(
    rtt_s: float | None, silence_s: float, cuts: int, score: int, quality: str
) -> None:
    found = health(rtt_s, silence_s, 5.0, cuts)
    assert (found.score, found.quality) == (score, quality)


@pytest.mark.parametrize(
    ("silence_s", "quality"), [(1.5, "excellent"), (1.6, "good"), (4.0, "good"), (4.1, "poor")]
)
def test_the_words_change_at_85_and_at_60(silence_s: float, quality: str) -> None:
    assert health(0.02, silence_s, 5.0, 0).quality == quality


def test_silence_is_measured_by_what_makes_the_line_suspect() -> None:
    assert health(0.02, 0.5, 1.0, 0).score == 75


def test_without_a_line_there_is_no_score() -> None:
    assert (no_line(0).score, no_line(0).quality) == (0, "poor")
    assert (no_line(3).score, no_line(3).quality) == (0, "unstable")


def test_a_cut_is_forgotten_after_ten_minutes() -> None:
    cuts = Cuts()
    for at in (0.0, 10.0, 20.0):
        cuts.add(at)
    assert [cuts.lately(now) for now in (20.0, 599.0, 601.0, 611.0, 621.0)] == [3, 3, 2, 1, 0]


def lose_lines(rig: Rig, times: int, apart_s: float) -> None:
    for _ in range(times):
        rig.pass_time(apart_s)
        rig.cut()
        rig.wait_for_attempt()
        rig.connect()


def test_three_cuts_within_ten_minutes_make_a_session_unstable_and_time_heals_it() -> None:
    rig = Rig()
    rig.open()
    lose_lines(rig, 2, 20.0)
    assert rig.core.health(rig.now).quality == "good"
    lose_lines(rig, 1, 20.0)
    assert rig.core.health(rig.now).quality == "unstable"
    rig.pass_time(530.0)
    assert rig.core.health(rig.now).quality == "unstable"
    rig.pass_time(70.0)
    assert (rig.core.health(rig.now).quality, rig.core.health(rig.now).score) == ("excellent", 100)


def test_a_loss_is_told_at_once() -> None:
    rig = Rig()
    rig.open()
    rig.pass_time(40.0)
    rig.told.clear()
    rig.cut()
    [told] = rig.of(ev.HealthChanged)
    assert (told.health.score, told.health.quality, told.rtt_s, told.unanswered) == (0, "poor", None, 0)


def test_suspicion_and_its_end_are_told() -> None:
    rig = Rig()
    rig.open()
    rig.pass_time(31.0)
    rig.told.clear()
    rig.answers_pings = False
    rig.pass_time(34.1)  # the ping at 60 s, and five seconds
    [told] = rig.of(ev.HealthChanged)
    assert (told.health.score, told.health.quality) == (50, "poor")
    assert (told.silence_s, told.unanswered) == (5.0, 1)
    rig.core.heard(rig.now)
    rig.run()
    told = rig.of(ev.HealthChanged)[-1]
    assert (told.health.score, told.health.quality, told.silence_s) == (100, "excellent", 0.0)


def test_a_pong_brings_it_at_most_once_a_second() -> None:
    rig = Rig()
    rig.open()
    rig.told.clear()
    rig.pong_late_s = 0.05
    rig.speak(0, 499)
    told = rig.of(ev.HealthChanged)
    assert 8 <= len(told) <= 11
    assert told[-1].rtt_s == pytest.approx(0.05)
    assert told[-1].rtt_average_s == pytest.approx(0.05)


def test_a_planned_move_does_not_shake_it() -> None:
    rig = Rig()
    rig.open()
    rig.pass_time(40.0)
    rig.told.clear()
    for _ in range(5):
        rig.core.reconnect(rig.now)
        rig.run()
        rig.echo()
        rig.wait_for_attempt()
        rig.connect()
        rig.pass_time(1.0)
    assert [e.health.score for e in rig.of(ev.HealthChanged) if e.health.score < 100] == []
    assert rig.core.health(rig.now).score == 100


def test_a_line_that_is_back_is_told_at_once() -> None:
    rig = Rig()
    rig.open()
    rig.pass_time(40.0)
    rig.cut()
    rig.wait_for_attempt()
    rig.told.clear()
    rig.connect()
    rig.pass_time(1.0)
    assert [e.health.score for e in rig.of(ev.HealthChanged)][-1:] == [90]


def test_the_first_connection_has_a_health() -> None:
    rig = Rig()
    rig.open()
    rig.pass_time(1.0)
    assert [e.health.quality for e in rig.of(ev.HealthChanged)][-1:] == ["excellent"]


def test_a_session_at_rest_was_not_cut() -> None:
    rig = Rig(Settings(resumption=NO_RESUMPTION))
    rig.open()
    for _ in range(5):
        rig.core.suspend(rig.now, "suspendRequested")
        rig.run()
        rig.cut(CUT)
        rig.core.resume(rig.now, "resumeRequested")
        rig.run()
        rig.wait_for_attempt()
        rig.connect(resuming=False)
    assert rig.core.health(rig.now).quality == "excellent"
