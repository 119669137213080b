"""What time brings: deadlines of an attempt, liveness of a line, probes."""

from collections.abc import Callable

import pytest

from sidecar.lifecycle import events as ev
from sidecar.lifecycle.settings import STRICT, Settings
from sidecar.lifecycle.states import State
from tests.unit.lifecycle.rig import Rig, at


@pytest.mark.parametrize(
    ("steps", "after_s", "kind"),
    [
        (0, 5.0, "dnsTimeout"),
        (1, 5.0, "connectTimeout"),
        (2, 5.0, "handshakeTimeout"),
        (3, 8.0, "setupTimeout"),
    ],
)
def test_each_step_of_an_attempt_has_its_deadline(steps: int, after_s: float, kind: str) -> None:
    rig = Rig()
    rig.core.open(rig.now)
    rig.run()
    if steps > 0:
        rig.core.resolved(rig.now)
    if steps > 1:
        rig.core.tcp_connected(rig.now)
    if steps > 2:
        rig.core.upgraded(rig.now, resuming=False)
    rig.run()
    rig.pass_time(after_s - 0.01)
    assert rig.of(ev.Failure) == []
    rig.pass_time(0.02)
    assert [f.fault.kind for f in rig.of(ev.Failure)] == [kind]
    assert rig.core.state is State.CONNECTING


def test_the_whole_attempt_has_a_deadline_of_its_own() -> None:
    rig = Rig()
    rig.core.open(rig.now)
    rig.run()
    rig.pass_time(4.9)
    rig.core.tcp_connected(rig.now)
    rig.pass_time(4.9)
    rig.core.upgraded(rig.now, resuming=False)
    rig.pass_time(5.3)
    assert [f.fault.kind for f in rig.of(ev.Failure)] == ["attemptTimeout"]


def test_a_frozen_line_is_suspect_then_dead_and_its_audio_is_kept() -> None:
    rig = Rig()
    rig.open()
    rig.speak(0, 49)
    rig.answers_pings = False
    rig.speak(50, 60)
    rig.pass_time(5.5)
    assert rig.states()[-1] == "connected/suspect"
    rig.pass_time(30.0)
    assert rig.core.state is State.RECONNECTING
    assert rig.of(ev.Reconnecting)[-1].fault.kind == "lineSilent"
    assert [i.n for i in rig.core.outbox.held][-1] == 60
    assert rig.core.outbox.books.dropped_us == 0


def test_strict_liveness_finds_a_frozen_line_within_two_and_a_half_seconds() -> None:
    rig = Rig(Settings(heartbeat=STRICT))
    rig.open()
    rig.pass_time(10.0)
    rig.answers_pings = False
    rig.pass_time(2.6)
    assert rig.core.state is State.RECONNECTING


def test_one_sign_of_life_makes_a_suspect_line_active_again() -> None:
    rig = Rig()
    rig.open()
    rig.answers_pings = False
    rig.pass_time(36.0)
    assert rig.states()[-1] == "connected/suspect"
    rig.core.heard(rig.now)
    rig.run()
    assert rig.states()[-1] == "connected/active"


def test_our_own_delay_does_not_kill_a_line() -> None:
    rig = Rig(Settings(heartbeat=STRICT))
    rig.open()
    rig.answers_pings = False
    rig.pass_time(0.6)  # one ping is out
    rig.now += 60.0  # we were stopped
    rig.core.tick(rig.now, late_s=60.0)
    rig.run()
    assert rig.core.state is State.CONNECTED


def test_after_every_tick_something_was_done_or_the_next_one_is_later() -> None:
    rig = Rig()
    rig.open()
    rig.core.go_away(rig.now, 30.0)
    rig.core.moment(quiet=False, model_speaking=False)
    for _ in range(2000):
        rig.now = max(rig.core.due_at(), rig.now)
        if rig.now > 1100.0:
            break
        rig.core.tick(rig.now)
        assert rig.core.out or rig.core.due_at() > rig.now
        rig.run()


# --- late pongs, and none -------------------------------------------------------------------------


@pytest.mark.parametrize("late_s", [8.0, 20.0, 30.0])
def test_pongs_that_are_always_late_never_kill_a_line_that_carries_speech(late_s: float) -> None:
    rig = Rig()
    rig.open()
    rig.pong_late_s = late_s
    rig.speak(0, 50 * 120)
    assert (rig.core.state, rig.dials) == (State.CONNECTED, 1)
    assert rig.of(ev.Dropped) == []
    rig.pass_time(late_s + 1.0)
    assert rig.core.outbox.idle
    assert rig.core.outbox.books.confirmed_us == 6001 * 20_000


@pytest.mark.parametrize("late_s", [8.0, 30.0])
def test_pongs_that_are_always_late_never_kill_an_idle_line(late_s: float) -> None:
    rig = Rig()
    rig.open()
    rig.pong_late_s = late_s
    rig.pass_time(3000.0)
    assert (rig.core.state, rig.dials) == (State.CONNECTED, 1)


def test_a_line_without_any_pong_lives_as_long_as_frames_come() -> None:
    rig = Rig()
    rig.open()
    rig.answers_pings = False
    for n in range(0, 6000, 100):
        rig.speak(n, n + 99)
        rig.core.heard(rig.now)
        rig.core.frame(rig.now, content=True)
        rig.run()
    assert (rig.core.state, rig.dials) == (State.CONNECTED, 1)
    assert "connected/suspect" not in rig.states()
    assert rig.core.line is not None
    assert rig.core.line.stable


@pytest.mark.parametrize("age_s", [0.1, 10.0, 100.3, 777.7])
def test_strict_finds_a_line_that_freezes_in_the_middle_of_speech_within_two_and_a_half_seconds(
    age_s: float,
) -> None:
    """Two seconds from the first ping that the line left unanswered, and that is half a second old at most."""
    rig = Rig(Settings(heartbeat=STRICT))
    rig.open()
    rig.pass_time(age_s)
    rig.speak(0, 99)
    rig.answers_pings = False
    froze_at, pinged = rig.now, len(rig.pings)
    rig.pass_time_until(lambda: len(rig.pings) > pinged, 1.0, 0.01)
    asked_at = rig.now
    rig.pass_time_until(lambda: rig.core.state is State.RECONNECTING, 3.0, 0.01)
    assert rig.now - asked_at <= 2.02
    assert rig.now - froze_at <= 2.52
    assert rig.of(ev.Reconnecting)[-1].fault.kind == "lineSilent"


@pytest.mark.parametrize("settings", [Settings(), Settings(heartbeat=STRICT)])
def test_an_uplink_slower_than_the_speech_never_looks_dead_while_it_moves(settings: Settings) -> None:
    rig = Rig(settings)
    rig.open()
    rig.answers_pings = False
    rig.speak(0, 9)
    for _ in range(600):
        rig.pass_time(0.5)
        rig.core.uplink_moves(rig.now)
    assert (rig.core.state, rig.dials) == (State.CONNECTED, 1)
    assert "connected/suspect" not in rig.states()
    rig.pass_time(settings.heartbeat.dead_after_s + 0.1)
    assert rig.core.state is State.RECONNECTING


# --- our own lateness -----------------------------------------------------------------------------


@pytest.mark.parametrize("settings", [Settings(), Settings(heartbeat=STRICT)])
@pytest.mark.parametrize("held_up_s", [1.0, 60.0, 3600.0])
def test_however_long_we_are_held_up_the_line_is_given_its_time(settings: Settings, held_up_s: float) -> None:
    rig = Rig(settings)
    rig.open()
    rig.answers_pings = False
    rig.pass_time_until(lambda: bool(rig.pings), 31.0, 0.1)
    assert rig.core.line is not None
    before_s = rig.core.line.liveness.silence_s(rig.now)
    rig.now += held_up_s
    rig.core.tick(rig.now, late_s=held_up_s)
    rig.run()
    assert rig.core.state is State.CONNECTED
    rig.pass_time(settings.heartbeat.dead_after_s - before_s + 0.1)
    assert rig.core.state is State.RECONNECTING


# --- probes ---------------------------------------------------------------------------------------

Doubt = Callable[[Rig], None]
DOUBTS: dict[str, Doubt] = {
    "slept": lambda rig: rig.core.slept(rig.now, 60.0, clock_stood=True),
    "slept, the clock went on": lambda rig: rig.core.slept(rig.now, 60.0, clock_stood=False),
    "woke": lambda rig: rig.core.woke(rig.now),
    "online": lambda rig: rig.core.network_changed(rig.now, online=True),
    "offline": lambda rig: rig.core.network_changed(rig.now, online=False),
}


@pytest.mark.parametrize("doubt", DOUBTS.values(), ids=DOUBTS)
@pytest.mark.parametrize("place", ["connected/active", "connected/suspect"])
def test_a_doubtful_line_is_asked_once_and_kept_when_it_answers(doubt: Doubt, place: str) -> None:
    rig = at(place)
    rig.pass_time(1.0)
    asked = len(rig.pings)
    doubt(rig)
    rig.answers_pings = True
    rig.pong_late_s = 1.9
    rig.pass_time(0.001)
    assert len(rig.pings) == asked + 1
    rig.pass_time(20.0)
    assert (rig.state, rig.dials, rig.closes) == ("connected/active", 1, 0)


@pytest.mark.parametrize("doubt", DOUBTS.values(), ids=DOUBTS)
@pytest.mark.parametrize("place", ["connected/active", "connected/suspect"])
def test_a_doubtful_line_that_does_not_answer_is_dead_after_two_seconds(doubt: Doubt, place: str) -> None:
    rig = at(place)
    rig.pass_time(1.0)
    rig.answers_pings = False
    doubt(rig)
    rig.run()
    rig.pass_time(1.99)
    assert rig.core.state is State.CONNECTED
    rig.pass_time(0.02)
    assert rig.core.state is State.RECONNECTING
    assert rig.of(ev.Reconnecting)[-1].fault.kind == "lineSilent"


def test_a_sleep_is_told_and_counted() -> None:
    rig = Rig()
    rig.open()
    rig.core.slept(rig.now, 120.0, clock_stood=True)
    rig.run()
    assert [e.slept_s for e in rig.of(ev.Slept)] == [120.0]
    assert rig.core.stats.sleeps == 1
