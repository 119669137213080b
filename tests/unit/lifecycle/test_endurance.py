"""Hours of a session in seconds: what it goes through, and that nothing is lost, doubled or forgotten."""

import pytest

from sidecar.lifecycle import events as ev
from sidecar.lifecycle.settings import Reconnect, Settings
from tests.unit.lifecycle.rig import CHUNK_US
from tests.unit.lifecycle.service import ServedRig

REASONS = {
    "open", "tcpConnected", "upgraded", "setupComplete", "retry", "silent", "heard", "goAway", "recycle", "requested",
    "stalled", "networkChanged", "woke", "suspendRequested", "resumeRequested", "systemSuspend", "systemResume",
    "closeRequested", "leaving", "closed",
}  # fmt: skip
FAULTS = {"lineLost", "lineSilent", "serviceError", "connectionRefused", "maxElapsed", "maxAttempts"}
"""Those that these lives may meet."""
RING_CHUNKS = 45 * 50


def check(rig: ServedRig) -> None:
    """What holds of every session at every moment, and of all that it told."""
    books, stats = rig.core.outbox.books, rig.core.stats
    assert books.accepted_us == books.held_us + books.unconfirmed_us + books.confirmed_us + books.dropped_us
    assert books.accepted_us + books.refused_us == rig.spoken * CHUNK_US
    assert stats.attempts == stats.connected + stats.failed + rig.attempting
    assert set(rig.reasons()) <= REASONS | FAULTS
    changes = rig.of(ev.StateChanged)
    assert [c.revision for c in changes] == list(range(1, len(changes) + 1))


def planned_moves(rig: ServedRig) -> list[ev.Reconnecting]:
    return [e for e in rig.of(ev.Reconnecting) if e.planned]


def test_ten_minutes_of_an_open_microphone_in_a_silent_room_are_one_connection() -> None:
    rig = ServedRig()
    rig.open()
    rig.talk(600.0)
    check(rig)
    assert (rig.state, rig.dials, rig.closes) == ("connected/active", 1, 0)
    assert rig.of(ev.Stalled) == rig.of(ev.Failure) == rig.of(ev.Dropped) == []
    rig.pass_time(2.0)
    assert rig.heard_by_the_service() == list(range(30_000))
    assert rig.core.outbox.idle


def test_ten_minutes_in_which_nothing_is_sent_at_all_are_one_connection() -> None:
    rig = ServedRig()
    rig.open()
    rig.pass_time(600.0)
    assert (rig.state, rig.dials, rig.closes) == ("connected/active", 1, 0)
    assert 18 <= rig.core.stats.pings <= 21


def test_two_hours_with_a_goaway_every_ten_minutes_are_one_session() -> None:
    rig = ServedRig()
    rig.service.go_away_every_s = 600.0
    rig.open()
    for _ in range(120):
        rig.talk(15.0)
        rig.pass_time(45.0)
        check(rig)
    service, stats = rig.service, rig.core.stats
    assert rig.state == "connected/active"
    assert service.overruns == 0
    assert service.orders in (12, 13)  # the last one may still be waiting for its moment
    assert len(planned_moves(rig)) == stats.hand_overs == rig.closes == rig.dials - 1 - stats.failed
    assert 0 <= service.orders - stats.hand_overs <= 1
    assert (stats.losses, rig.of(ev.Failure), rig.of(ev.Dropped)) == (0, [], [])
    assert service.sessions == ["session-0"]
    assert {e.state_restored for e in rig.of(ev.Reconnected)} == {"resumed"}
    assert rig.heard_by_the_service() == list(range(rig.spoken))
    assert rig.core.outbox.books.confirmed_us == rig.spoken * CHUNK_US
    assert rig.core.health(rig.now).quality == "excellent"


def test_a_model_that_speaks_all_the_time_is_left_before_the_service_does_it() -> None:
    rig = ServedRig()
    rig.service.go_away_every_s = 600.0
    rig.open()
    rig.core.moment(quiet=False, model_speaking=True)
    for _ in range(60):
        rig.pass_time(60.0)
        check(rig)
    assert rig.service.overruns == 0
    assert rig.core.stats.hand_overs in (5, 6)
    assert rig.core.stats.losses == 0


@pytest.mark.parametrize("seed", range(5))
def test_an_outage_of_a_minute_in_the_middle_of_speech_costs_only_what_the_ring_cannot_hold(
    seed: int,
) -> None:
    rig = ServedRig(seed=seed)
    rig.open()
    rig.talk(30.0)
    confirmed = rig.core.outbox.confirmed_through + 1
    rig.go_down()
    rig.talk(60.0)
    check(rig)
    rig.come_up()
    while not rig.core.writable:
        rig.talk(0.02)
    at_the_end_of_it = rig.spoken
    rig.talk(60.0)
    rig.pass_time(3.0)
    check(rig)
    assert rig.state == "connected/active"
    assert [e.state_restored for e in rig.of(ev.Reconnected)] == ["resumed"]
    heard = set(rig.heard_by_the_service())
    lost = set(range(rig.spoken)) - heard
    # Of what came in since the last confirmation the oldest that are too many for the ring; some of these were
    # already under way when the line was cut, and arrived.
    too_many = range(confirmed, at_the_end_of_it - RING_CHUNKS)
    assert len(too_many) > 600
    assert lost == set(too_many) - heard
    assert len(set(too_many) & heard) <= 25  # no more than what one ping confirms
    told = [e.drop for e in rig.of(ev.Dropped)]
    assert set(too_many) <= {n for d in told for n in range(d.from_n, d.through_n + 1)}
    assert rig.core.outbox.books.dropped_us == sum(d.audio_us for d in told)
    assert rig.core.outbox.idle


def test_what_is_written_after_an_outage_longer_than_the_ring_is_not_told_as_dropped() -> None:
    rig = ServedRig()
    rig.open()
    rig.talk(30.0)
    rig.go_down()
    rig.talk(60.0)
    rig.come_up()
    while not rig.core.writable:
        rig.talk(0.02)
    rig.talk(0.25)  # the last report of what was dropped until now
    rig.told.clear()
    rig.talk(60.0)
    rig.pass_time(3.0)
    told = {n for e in rig.of(ev.Dropped) for n in range(e.drop.from_n, e.drop.through_n + 1)}
    assert told & set(rig.heard_by_the_service()) == set()


def test_an_outage_that_the_ring_can_hold_costs_nothing() -> None:
    rig = ServedRig()
    rig.open()
    rig.talk(30.0)
    rig.go_down()
    rig.talk(20.0)
    rig.come_up()
    rig.talk(40.0)
    rig.pass_time(3.0)
    check(rig)
    assert rig.of(ev.Dropped) == []
    assert sorted(set(rig.heard_by_the_service())) == list(range(rig.spoken))
    doubled = len(rig.heard_by_the_service()) - rig.spoken
    assert 0 <= doubled * CHUNK_US <= rig.core.outbox.books.maybe_doubled_us


def test_a_service_that_holds_on_to_the_old_owner_for_some_seconds_is_waited_for() -> None:
    rig = ServedRig()
    rig.service.notices_after_s = 6.0
    rig.open()
    rig.talk(20.0)
    rig.go_down()
    rig.come_up()
    rig.talk(30.0)
    check(rig)
    assert rig.service.refusals >= 3
    assert rig.service.sessions == ["session-0"]
    assert [e.state_restored for e in rig.of(ev.Reconnected)] == ["resumed"]


def test_a_service_that_never_lets_go_of_the_old_owner_is_given_a_fresh_session() -> None:
    rig = ServedRig()
    rig.service.notices_after_s = float("inf")
    rig.open()
    rig.talk(20.0)
    rig.go_down()
    rig.come_up()
    rig.talk(15.0)
    check(rig)
    assert rig.state == "connected/active"
    assert rig.service.sessions == ["session-0", "session-1"]
    assert [e.state_restored for e in rig.of(ev.Reconnected)] == ["fresh"]


@pytest.mark.parametrize("down_s", [60.0, 300.0, 590.0, 599.5])
@pytest.mark.parametrize("seed", range(4))
def test_a_network_that_is_back_before_the_limit_finds_the_session_alive(down_s: float, seed: int) -> None:
    rig = ServedRig(seed=seed)
    rig.open()
    rig.pass_time(30.0)
    rig.go_down()
    rig.pass_time(down_s)
    check(rig)
    assert rig.state.startswith("reconnecting")
    rig.come_up()
    rig.pass_time(35.0)
    check(rig)
    assert rig.state == "connected/active"
    assert rig.fatal() == []


@pytest.mark.parametrize("seed", range(4))
def test_a_network_that_is_not_back_at_the_limit_ends_the_session_there(seed: int) -> None:
    rig = ServedRig(seed=seed)
    rig.open()
    rig.pass_time(30.0)
    rig.go_down()
    lost_at = rig.now
    rig.pass_time_until(lambda: rig.state == "failed", 700.0, 0.5)
    check(rig)
    assert rig.now - lost_at == pytest.approx(600.0, abs=0.6)
    assert rig.fatal() == ["maxElapsed"]
    assert "connectionRefused" in rig.of(ev.Failure)[-1].fault.message
    rig.pass_time(3600.0)
    assert rig.state == "failed"
    rig.come_up()
    rig.core.network_changed(rig.now, online=True)
    rig.run()
    rig.pass_time(5.0)
    assert rig.state == "connected/active"


def test_an_hour_of_a_network_that_comes_and_goes_loses_no_word() -> None:
    rig = ServedRig(Settings(reconnect=Reconnect(max_delay_s=4.0)))
    rig.open()
    for n in range(60):
        rig.talk(10.0)
        if n % 3 == 0:
            rig.go_down()
            rig.talk(5.0)
            rig.come_up()
        rig.talk(15.0)
        rig.pass_time(30.0)
        check(rig)
    assert rig.state == "connected/active"
    assert rig.of(ev.Dropped) == []
    assert sorted(set(rig.heard_by_the_service())) == list(range(rig.spoken))
    assert rig.core.stats.losses == 20
