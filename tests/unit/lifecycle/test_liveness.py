"""Silence runs from the first unanswered ping; late is not absent; our own delay is not the line's."""

import pytest

from sidecar.lifecycle.liveness import NEVER, Liveness, Verdict
from sidecar.lifecycle.settings import STRICT, TOLERANT, Heartbeat


def test_a_line_on_which_nothing_was_asked_is_never_silent() -> None:
    line = Liveness(TOLERANT, 0.0)
    assert line.silence_s(100_000.0) == 0.0
    assert line.verdict(100_000.0) is Verdict.ALIVE
    assert line.verdict_due_at(Verdict.ALIVE) == NEVER


def test_silence_runs_from_the_first_of_several_unanswered_pings() -> None:
    line = Liveness(TOLERANT, 0.0)
    for number, at in ((1, 10.0), (2, 12.0), (3, 14.0)):
        line.pinged(number, at)
    assert line.silence_s(15.5) == 5.5
    assert line.verdict(14.9) is Verdict.ALIVE
    assert line.verdict(15.0) is Verdict.SUSPECT
    assert line.verdict(44.9) is Verdict.SUSPECT
    assert line.verdict(45.0) is Verdict.DEAD
    assert line.verdict_due_at(Verdict.ALIVE) == 15.0
    assert line.verdict_due_at(Verdict.SUSPECT) == 45.0


def test_any_inbound_byte_ends_the_silence_until_the_next_ping() -> None:
    line = Liveness(TOLERANT, 0.0)
    line.pinged(1, 10.0)
    line.heard(14.0)
    assert line.verdict(60.0) is Verdict.ALIVE
    line.pinged(2, 60.0)
    assert line.silence_s(61.0) == 1.0


@pytest.mark.parametrize("late_s", [8.0, 30.0])
def test_a_pong_eight_to_thirty_seconds_late_does_not_kill_under_the_default(late_s: float) -> None:
    line = Liveness(TOLERANT, 0.0)
    line.pinged(1, 0.0)
    assert line.verdict(late_s) is not Verdict.DEAD
    assert line.pong(1, late_s) == late_s


def test_strict_finds_a_frozen_line_within_two_seconds() -> None:
    line = Liveness(STRICT, 0.0)
    line.pinged(1, 0.5)
    assert line.verdict(1.9) is Verdict.SUSPECT
    assert line.verdict(2.0) is Verdict.DEAD, "frozen at 0.0 at the earliest"


def test_a_pong_answers_the_earlier_pings_too_and_a_strange_one_answers_nothing() -> None:
    line = Liveness(TOLERANT, 0.0)
    for number in (1, 2, 3):
        line.pinged(number, float(number))
    assert line.pong(2, 2.25) == 0.25
    assert line.pong(1, 3.0) is None
    assert line.pong(99, 3.0) is None


def test_the_average_moves_an_eighth_of_the_way_to_each_sample() -> None:
    line = Liveness(TOLERANT, 0.0)
    line.pinged(1, 0.0)
    line.pong(1, 0.080)
    line.pinged(2, 1.0)
    line.pong(2, 1.160)
    assert line.rtt_s == pytest.approx(0.160)
    assert line.rtt_average_s == pytest.approx(0.090)


def test_time_in_which_we_did_not_read_is_forgiven() -> None:
    line = Liveness(STRICT, 0.0)
    line.pinged(1, 10.0)
    line.forgive(60.0)
    assert line.silence_s(70.5) == 0.5


def test_an_idle_line_is_pinged_rarely_and_one_with_audio_twice_a_second() -> None:
    line = Liveness(TOLERANT, 0.0)
    assert line.ping_due_at() == 30.0
    line.wrote()
    assert line.ping_due_at() == 0.5
    line.pinged(1, 0.5)
    assert line.ping_due_at() == 30.5


# --- a reason to doubt ----------------------------------------------------------------------------


def doubted(at: float = 100.0, *, settings: Heartbeat = TOLERANT) -> Liveness:
    """A line that was probed, and whose ping went out at once."""
    line = Liveness(settings, 0.0)
    line.probe(at)
    assert line.ping_due_at() <= at
    line.pinged(1, at)
    return line


def test_a_probe_must_be_answered_within_two_seconds() -> None:
    line = doubted()
    assert line.verdict_due_at(Verdict.ALIVE) == 102.0
    assert line.verdict(101.9) is Verdict.ALIVE
    assert line.verdict(102.0) is Verdict.DEAD


@pytest.mark.parametrize("interval_s", [0.1, 30.0])
def test_a_probe_is_one_ping_and_the_next_comes_in_its_turn(interval_s: float) -> None:
    settings = Heartbeat(interval_s=interval_s)
    line = doubted(settings=settings)
    assert line.ping_due_at() == 100.0 + interval_s


def test_an_answer_to_the_probe_ends_the_doubt() -> None:
    line = doubted()
    line.heard(101.9)
    line.pong(1, 101.9)
    assert line.verdict(1000.0) is Verdict.ALIVE
    assert line.verdict_due_at(Verdict.ALIVE) == NEVER


def test_a_probe_of_a_silent_line_is_sooner_than_its_silence() -> None:
    line = Liveness(TOLERANT, 0.0)
    line.pinged(1, 10.0)
    line.probe(20.0)
    line.pinged(2, 20.0)
    assert line.verdict(21.9) is Verdict.SUSPECT
    assert line.verdict(22.0) is Verdict.DEAD


def test_time_in_which_we_did_not_read_is_forgiven_to_a_probe_too() -> None:
    line = doubted()
    line.forgive(60.0)
    assert line.verdict(161.9) is not Verdict.DEAD
    assert line.verdict(162.0) is Verdict.DEAD


def test_a_second_hint_does_not_put_off_the_first_ones_verdict() -> None:
    line = doubted()
    for second in (101.0, 102.0, 103.0):
        line.probe(second)
        line.pinged(int(second), second)
    assert line.verdict(103.5) is Verdict.DEAD


# --- a slow uplink --------------------------------------------------------------------------------


@pytest.mark.parametrize("settings", [TOLERANT, STRICT])
def test_while_the_uplink_moves_the_line_is_not_silent(settings: Heartbeat) -> None:
    line = Liveness(settings, 0.0)
    line.pinged(1, 0.0)
    for step in range(1, 200):
        now = step * 0.9
        line.uplink_moves(now)
        assert line.verdict(now + 0.8) is Verdict.ALIVE


@pytest.mark.parametrize("settings", [TOLERANT, STRICT])
def test_an_uplink_that_stops_is_found(settings: Heartbeat) -> None:
    line = Liveness(settings, 0.0)
    line.pinged(1, 0.0)
    line.uplink_moves(100.0)
    assert line.verdict(100.0 + settings.dead_after_s - 0.1) is Verdict.SUSPECT
    assert line.verdict(100.0 + settings.dead_after_s) is Verdict.DEAD


def test_bytes_that_leave_are_no_ping_that_is_out() -> None:
    line = Liveness(TOLERANT, 0.0)
    line.uplink_moves(10.0)
    assert line.silence_s(100.0) == 0.0


def test_a_probe_whose_ping_still_waits_behind_leaving_bytes_kills_nothing() -> None:
    line = doubted()
    for step in range(1, 10):
        line.uplink_moves(100.0 + 0.5 * step)
    assert line.verdict(104.6) is not Verdict.DEAD


# --- books ----------------------------------------------------------------------------------------


def test_unanswered_pings_are_counted_until_a_pong_comes() -> None:
    line = Liveness(TOLERANT, 0.0)
    for number in (1, 2, 3):
        line.pinged(number, float(number))
    assert line.unanswered == 3
    line.pong(2, 3.5)
    assert line.unanswered == 1
    line.pong(3, 3.6)
    assert line.unanswered == 0


def test_other_numbers_rule_at_once() -> None:
    line = Liveness(TOLERANT, 0.0)
    line.pinged(1, 10.0)
    line.settings = STRICT
    assert line.ping_due_at() == 10.5
    assert line.verdict_due_at(Verdict.ALIVE) == 11.0
    assert line.verdict(12.0) is Verdict.DEAD


def test_a_probe_gives_a_line_whose_pongs_are_late_their_time() -> None:
    line = Liveness(TOLERANT, 0.0)
    line.pinged(1, 0.0)
    line.pong(1, 8.0)
    line.heard(8.0)
    line.probe(10.0)
    line.pinged(2, 10.0)
    assert line.verdict(25.9) is not Verdict.DEAD, "two of its round trips"
    assert line.verdict(26.0) is Verdict.DEAD
