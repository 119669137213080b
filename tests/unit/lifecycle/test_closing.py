"""A close ends in `disconnected`, wherever it begins, and leaves nothing behind."""

import pytest

from sidecar.lifecycle import events as ev
from sidecar.lifecycle.faults import Cause, Layer, classify
from sidecar.lifecycle.item import Item, Kind
from sidecar.lifecycle.states import State
from tests.unit.lifecycle.rig import CUT, PLACES, Rig, at


def test_close_waits_for_what_was_accepted_then_closes() -> None:
    rig = Rig()
    rig.open()
    rig.answers_pings = False
    rig.speak(0, 4)
    rig.core.close(rig.now)
    rig.run()
    assert (rig.core.state, rig.closes) == (State.DISCONNECTING, 0)
    rig.answers_pings = True
    rig.pass_time(0.6)
    assert rig.closes == 1
    rig.core.ended(rig.now, Cause(Layer.WEBSOCKET, 1000), echoed=True)
    rig.run()
    assert rig.finished
    assert rig.core.state is State.DISCONNECTED
    assert rig.of(ev.Dropped) == []


def test_close_of_a_dead_line_ends_after_drain_and_close_deadlines() -> None:
    rig = Rig()
    rig.open()
    rig.answers_pings = False
    rig.speak(0, 4)
    rig.core.close(rig.now)
    rig.run()
    rig.pass_time(2.99)
    assert not rig.finished
    rig.pass_time(0.02)
    assert rig.finished
    [dropped] = rig.of(ev.Dropped)
    assert (dropped.drop.reason, dropped.drop.count) == ("deliveryUnknown", 5)


@pytest.mark.parametrize(
    "moment", ["dialing", "handshaking", "setup", "waiting", "redialing", "failed", "draining"]
)
def test_close_works_in_every_state_and_leaves_no_timer(moment: str) -> None:
    rig = Rig()
    rig.core.open(rig.now)
    rig.run()
    if moment == "handshaking":
        rig.core.tcp_connected(rig.now)
    elif moment == "setup":
        rig.core.tcp_connected(rig.now)
        rig.core.upgraded(rig.now, resuming=False)
    elif moment != "dialing":
        rig.connect()
        if moment == "draining":
            rig.core.go_away(rig.now, 1.0)
            rig.pass_time(0.001)
        elif moment == "failed":
            rig.cut(Cause(Layer.WEBSOCKET, 1008, "Your project has been denied access."))
        else:
            rig.cut()
            if moment == "redialing":
                rig.pass_time(1.6)
    rig.core.close(rig.now)
    rig.core.close(rig.now)
    rig.run()
    rig.pass_time(5.0)
    assert rig.finished
    assert rig.core.state is State.DISCONNECTED
    assert rig.core.due_at() == float("inf")


def test_a_close_asks_for_the_confirmation_at_once() -> None:
    rig = Rig()
    rig.open()
    rig.speak(0, 0)
    rig.core.close(rig.now)
    rig.run()
    rig.pass_time(0.01)
    assert rig.closes == 1


@pytest.mark.parametrize("answer", ["echo", "silence", "cut"])
@pytest.mark.parametrize("place", PLACES)
def test_closed_anywhere_a_session_ends_and_leaves_nothing_behind(place: str, answer: str) -> None:
    rig = at(place)
    rig.core.close(rig.now)
    rig.core.close(rig.now)
    rig.run()
    if answer == "echo" and rig.core.line is not None:
        rig.pass_time(1.001)  # what is unconfirmed is waited for
        rig.echo()
    elif answer == "cut":
        rig.cut()
    rig.pass_time(3.1)
    assert rig.finished
    assert rig.state == "disconnected"
    assert rig.reasons()[-1] == "closed"
    assert rig.core._timers == {}
    assert rig.core.due_at() == float("inf")
    assert rig.core.line is None
    assert not rig.core.accepts
    stats = rig.core.stats
    assert stats.attempts == stats.connected + stats.failed


@pytest.mark.parametrize("place", PLACES)
def test_after_the_end_nothing_stirs_a_session_any_more(place: str) -> None:
    rig = at(place)
    rig.core.close(rig.now)
    rig.run()
    rig.pass_time(3.1)
    told, dials, closes = len(rig.told), rig.dials, rig.closes
    rig.core.close(rig.now)
    rig.core.reconnect(rig.now)
    rig.core.suspend(rig.now, "suspendRequested")
    rig.core.resume(rig.now, "resumeRequested")
    rig.core.network_changed(rig.now, online=True, address_changed=True)
    rig.core.woke(rig.now)
    rig.core.ended(rig.now, CUT)
    rig.core.heard(rig.now)
    rig.core.pong(rig.now, 1)
    rig.core.tick(rig.now)
    rig.run()
    assert rig.core.offer(Item(Kind.TEXT, b"late", n=99), rig.now) is False
    assert (len(rig.told), rig.dials, rig.closes) == (told, dials, closes)
    assert rig.core.due_at() == float("inf")


def test_closed_before_it_was_opened_a_session_stays_as_it_is() -> None:
    rig = Rig()
    rig.core.close(rig.now)
    rig.run()
    assert (rig.state, rig.told, rig.finished) == ("disconnected", [], False)


@pytest.mark.parametrize("place", [p for p in PLACES if p != "disconnecting"])
def test_a_close_says_why(place: str) -> None:
    rig = at(place)
    rig.core.close(rig.now, 0.0, "leaving")
    rig.run()
    rig.pass_time(3.0)
    assert rig.reasons()[-2:] == ["leaving", "closed"]


def test_a_host_that_does_not_read_ends_the_session_as_a_fatal_fault() -> None:
    rig = at("connected/active")
    rig.core.fail(classify(Cause(Layer.LOCAL, "hostNotReading")), rig.now)
    rig.run()
    rig.pass_time(3.0)
    assert rig.fatal() == ["hostNotReading"]
    assert rig.reasons()[-2:] == ["hostNotReading", "closed"]


@pytest.mark.parametrize("place", ["reconnecting/waiting", "reconnecting/dialing", "suspended/parked"])
def test_what_was_held_when_the_session_closes_is_told_to_be_undelivered(place: str) -> None:
    rig = at(place)
    rig.say(1)
    rig.core.close(rig.now)
    rig.run()
    rig.pass_time(3.0)
    assert [(e.drop.reason, e.drop.from_n) for e in rig.of(ev.Dropped)] == [("sessionClosed", 1)]
    assert rig.core.outbox.idle


def test_a_line_that_stays_alive_but_never_confirms_is_closed_at_the_end_of_the_drain() -> None:
    rig = at("connected/active")
    rig.answers_pings = False
    rig.speak(0, 9)
    rig.core.close(rig.now, 5.0)
    rig.run()
    rig.pass_time(4.99)
    assert rig.closes == 0
    rig.pass_time(0.02)
    assert rig.closes == 1
