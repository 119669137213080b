"""Suspend and resume, from every state; a rest counts nothing and keeps what was said."""

import pytest

from sidecar.lifecycle import events as ev
from sidecar.lifecycle.settings import Deadlines, Settings
from tests.unit.lifecycle.rig import BUSY, NO_RESUMPTION, PLACES, REFUSED, Rig, at

LIVE = ["connected/active", "connected/suspect", "connected/draining"]
ATTEMPTING = [p for p in PLACES if p.endswith(("dialing", "handshaking", "setup"))]
NOTHING_TO_SUSPEND = ["failed", "disconnecting", "suspended/parked"]
SUSPENDABLE = [p for p in PLACES if p not in NOTHING_TO_SUSPEND]


def balanced(rig: Rig) -> bool:
    stats = rig.core.stats
    return stats.attempts == stats.connected + stats.failed + rig.attempting


def suspend(rig: Rig, reason: str = "suspendRequested") -> None:
    rig.core.suspend(rig.now, reason)
    rig.run()


def resume(rig: Rig, reason: str = "resumeRequested") -> None:
    rig.core.resume(rig.now, reason)
    rig.run()


# --- suspend and resume ---------------------------------------------------------------------------


@pytest.mark.parametrize("place", SUSPENDABLE)
def test_suspended_anywhere_a_session_stays_away_and_comes_back_when_resumed(place: str) -> None:
    rig = at(place)
    had_line = place in LIVE
    suspend(rig)
    assert rig.state == "suspended/parked"
    assert rig.reasons()[-1] == "suspendRequested"
    assert rig.core.accepts
    assert not rig.core.writable
    if had_line:
        assert rig.closes >= 1
        rig.echo()
    assert rig.core.line is None
    dials = rig.dials
    rig.pass_time(20.0 if place.startswith("connecting") else 3600.0)  # an open has its deadline
    assert (rig.state, rig.dials) == ("suspended/parked", dials)
    assert set(rig.core._timers) == ({"open"} if place.startswith("connecting") else set())
    assert balanced(rig)
    resume(rig)
    rig.wait_for_attempt(2.0)
    assert "resumeRequested" in rig.reasons()
    rig.connect()
    assert rig.state == "connected/active"
    assert balanced(rig)


@pytest.mark.parametrize("place", NOTHING_TO_SUSPEND)
def test_where_there_is_nothing_to_suspend_nothing_happens(place: str) -> None:
    rig = at(place)
    changes = len(rig.of(ev.StateChanged))
    suspend(rig)
    assert (rig.state, len(rig.of(ev.StateChanged))) == (place, changes)


@pytest.mark.parametrize("place", [p for p in PLACES if p != "suspended/parked"])
def test_where_nothing_is_suspended_there_is_nothing_to_resume(place: str) -> None:
    rig = at(place)
    changes, dials = len(rig.of(ev.StateChanged)), rig.dials
    resume(rig)
    assert (rig.state, len(rig.of(ev.StateChanged)), rig.dials) == (place, changes, dials)


@pytest.mark.parametrize("place", LIVE)
def test_a_line_that_does_not_answer_the_close_is_gone_after_a_quarter_of_a_second(place: str) -> None:
    rig = at(place)
    suspend(rig)
    rig.pass_time(0.24)
    assert rig.core.line is not None
    rig.pass_time(0.02)
    assert rig.core.line is None
    assert rig.state == "suspended/parked"


def test_a_rest_counts_nothing() -> None:
    rig = at("connected/active")
    suspend(rig)
    rig.echo()
    stats = rig.core.stats
    assert (stats.losses, stats.hand_overs, rig.of(ev.Failure), rig.core.outage.reached) == (0, 1, [], 0)


def test_what_is_said_during_a_rest_is_held_and_goes_out_after_it() -> None:
    rig = at("suspended/parked")
    rig.say(1)
    assert rig.written == []
    resume(rig)
    rig.wait_for_attempt()
    rig.connect()
    assert rig.written == [1]


@pytest.mark.parametrize("place", LIVE)
def test_resumed_before_the_old_line_is_gone_that_one_is_ended_first(place: str) -> None:
    rig = at(place)
    suspend(rig)
    dials = rig.dials
    resume(rig)
    assert rig.core.line is None
    assert rig.state.startswith("reconnecting")
    assert rig.wait_for_attempt(2.0) == pytest.approx(1.5, abs=0.1)
    assert rig.dials == dials + 1
    rig.connect()
    assert rig.state == "connected/active"


@pytest.mark.parametrize("place", ATTEMPTING)
def test_resumed_in_the_same_moment_one_attempt_is_under_way(place: str) -> None:
    """A listener may resume as soon as it hears that the session is parked, before the driver goes on."""
    rig = at(place)
    dials = rig.dials
    rig.told.clear()
    rig.core.suspend(rig.now, "suspendRequested")
    rig.core.resume(rig.now, "resumeRequested")
    rig.run()
    rig.wait_for_attempt(3.0)
    assert rig.dials == dials + 1
    assert rig.of(ev.Failure) == []
    assert balanced(rig)


@pytest.mark.parametrize("place", SUSPENDABLE)
def test_of_wishes_in_the_same_moment_the_last_one_counts(place: str) -> None:
    for last in ("suspend", "reconnect", "close"):
        rig = at(place)
        rig.core.suspend(rig.now, "suspendRequested")
        rig.core.resume(rig.now, "resumeRequested")
        match last:
            case "suspend":
                rig.core.suspend(rig.now, "suspendRequested")
            case "reconnect":
                rig.core.reconnect(rig.now)
            case _:
                rig.core.close(rig.now)
        rig.run()
        rig.pass_time(3.5)
        if last == "reconnect":
            assert rig.attempting
            assert balanced(rig)
        else:
            assert rig.state == {"suspend": "suspended/parked", "close": "disconnected"}[last]
            assert not rig.attempting
            opening = last == "suspend" and place.startswith("connecting")
            assert set(rig.core._timers) == ({"open"} if opening else set())


def test_revived_in_the_same_moment_one_attempt_is_under_way() -> None:
    """The same for a listener that reconnects as soon as it hears that the open has failed."""
    rig = at("connecting/setup", Settings(deadlines=Deadlines(open_s=3.0)))
    rig.now = rig.core.due_at()
    rig.core.tick(rig.now)
    assert rig.state == "failed"
    rig.core.reconnect(rig.now)
    dials = rig.dials
    rig.run()
    rig.wait_for_attempt(3.0)
    assert rig.dials == dials + 1
    assert rig.fatal() == ["openTimeout"]
    assert [e.fault.kind for e in rig.of(ev.Failure) if e.fault.kind == "internalError"] == []


@pytest.mark.parametrize("resumed", [True, False])
def test_an_open_that_is_suspended_keeps_its_deadline(resumed: bool) -> None:
    rig = Rig()
    rig.start()
    began = rig.now
    rig.pass_time(3.0)
    suspend(rig)
    rig.pass_time(10.0)
    if resumed:
        resume(rig)
    while rig.state != "failed":
        if rig.attempting:
            rig.cut(REFUSED)
        rig.pass_time(0.1)
    assert rig.now - began == pytest.approx(30.0, abs=0.2)
    assert rig.fatal() == ["openTimeout"]


def test_the_rest_is_no_part_of_the_gap() -> None:
    rig = at("connected/active")
    rig.pass_time(1.0)
    suspend(rig)
    rig.echo()
    rig.pass_time(3600.0)
    resume(rig)
    rig.pass_time(0.5)
    rig.connect()
    [told] = rig.of(ev.Reconnected)
    assert told.gap_s == pytest.approx(0.5)
    assert rig.core.stats.down_s(rig.now) == pytest.approx(0.5)


def test_limits_start_anew_after_a_rest() -> None:
    rig = Rig(Settings(resumption=NO_RESUMPTION))
    rig.open()
    rig.pass_time(11.0)
    rig.cut()
    for _ in range(4):
        rig.wait_for_attempt()
        rig.cut(BUSY)
    suspend(rig)
    resume(rig)
    for _ in range(4):
        rig.wait_for_attempt()
        rig.cut(BUSY)
    assert rig.fatal() == []
