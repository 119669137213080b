"""The hints of a host: network and sleep, in every state; what they revive, and what they do not."""

import pytest

from sidecar.lifecycle import events as ev
from sidecar.lifecycle.faults import Cause, Layer
from sidecar.lifecycle.settings import Reconnect, Settings
from tests.unit.lifecycle.rig import BUSY, DENIED, ECHO, NO_RESUMPTION, PLACES, REFUSED, Rig, at

LIVE = ["connected/active", "connected/suspect", "connected/draining"]
ATTEMPTING = [p for p in PLACES if p.endswith(("dialing", "handshaking", "setup"))]


def balanced(rig: Rig) -> bool:
    stats = rig.core.stats
    return stats.attempts == stats.connected + stats.failed + rig.attempting


def suspend(rig: Rig, reason: str = "suspendRequested") -> None:
    rig.core.suspend(rig.now, reason)
    rig.run()


def resume(rig: Rig, reason: str = "resumeRequested") -> None:
    rig.core.resume(rig.now, reason)
    rig.run()


# --- hints about the network ----------------------------------------------------------------------

HINTS = {
    "online": (True, False),
    "offline": (False, False),
    "moved": (True, True),
    "moved away": (False, True),
}


@pytest.mark.parametrize("hint", HINTS)
@pytest.mark.parametrize("place", ["suspended/parked", "disconnecting", "failed", *ATTEMPTING])
def test_a_hint_about_the_network_does_nothing_to_who_rests_ends_or_tries(hint: str, place: str) -> None:
    online, address_changed = HINTS[hint]
    rig = at(place)
    changes, dials = len(rig.of(ev.StateChanged)), rig.dials
    rig.core.network_changed(rig.now, online=online, address_changed=address_changed)
    rig.run()
    assert (rig.state, len(rig.of(ev.StateChanged)), rig.dials) == (place, changes, dials)


@pytest.mark.parametrize("hint", ["online", "offline"])
def test_a_hint_never_ends_a_live_line_by_itself(hint: str) -> None:
    for place in ("connected/active", "connected/suspect"):
        rig = at(place)
        rig.answers_pings = True
        rig.core.network_changed(rig.now, online=HINTS[hint][0])
        rig.run()
        rig.pass_time(60.0)
        assert (rig.state, rig.closes, rig.dials) == ("connected/active", 0, 1)


@pytest.mark.parametrize("hint", ["moved", "moved away"])
@pytest.mark.parametrize("place", ["connected/active", "connected/suspect"])
def test_a_line_whose_address_is_gone_is_left_at_once_without_waiting_for_it(hint: str, place: str) -> None:
    rig = at(place)
    rig.answers_pings = False
    rig.speak(0, 2)
    rig.core.network_changed(rig.now, online=HINTS[hint][0], address_changed=True)
    rig.run()
    assert (rig.state, rig.closes) == ("connected/draining", 1)
    assert rig.reasons()[-1] == "networkChanged"
    rig.pass_time(0.26)
    assert rig.state == "reconnecting/waiting"
    assert rig.core.stats.losses == 0
    assert rig.wait_for_attempt() <= 1.6


def test_a_hand_over_under_way_is_not_begun_again_by_a_hint() -> None:
    rig = at("connected/draining")
    for online, address_changed in HINTS.values():
        rig.core.network_changed(rig.now, online=online, address_changed=address_changed)
    rig.run()
    assert rig.states().count("connected/draining") == 1
    rig.pass_time(1.3)
    assert rig.state == "reconnecting/waiting"


@pytest.mark.parametrize(("hint", "ends"), [("online", True), ("moved", True), ("offline", False)])
def test_only_a_network_that_is_there_ends_a_wait(hint: str, ends: bool) -> None:
    rig = Rig(Settings(resumption=NO_RESUMPTION, reconnect=Reconnect(jitter="none", base_delay_s=20.0)))
    rig.open()
    rig.pass_time(11.0)
    rig.cut()
    rig.pass_time(0.1)
    rig.cut(REFUSED)
    rig.pass_time(1.0)
    online, address_changed = HINTS[hint]
    rig.core.network_changed(rig.now, online=online, address_changed=address_changed)
    rig.run()
    assert rig.attempting is ends
    assert balanced(rig)


@pytest.mark.parametrize("hint", ["online", "moved", "woke"])
@pytest.mark.parametrize(
    "asked", [Cause(Layer.HTTP, 503, "busy", retry_after_s=20.0), Cause(Layer.HTTP, 429, "slow down")]
)
def test_a_hint_does_not_cut_short_what_the_service_asked_for_and_reconnect_does(
    hint: str, asked: Cause
) -> None:
    rig = Rig(Settings(resumption=NO_RESUMPTION))
    rig.open()
    rig.pass_time(11.0)
    rig.cut()
    rig.wait_for_attempt()
    rig.cut(asked)
    rig.pass_time(1.0)
    if hint == "woke":
        rig.core.woke(rig.now)
    else:
        rig.core.network_changed(rig.now, online=True, address_changed=hint == "moved")
    rig.run()
    rig.pass_time(15.0)
    assert not rig.attempting
    rig.core.reconnect(rig.now)
    rig.run()
    assert rig.attempting


def test_a_wait_for_the_old_owner_is_not_cut_short_by_any_hint() -> None:
    for hint in ("online", "woke", "reconnect", "slept"):
        rig = at("reconnecting/waiting")
        rig.pass_time(0.2)
        match hint:
            case "online":
                rig.core.network_changed(rig.now, online=True)
            case "woke":
                rig.core.woke(rig.now)
            case "slept":
                rig.core.slept(rig.now, 60.0, clock_stood=False)
            case _:
                rig.core.reconnect(rig.now)
        rig.run()
        assert not rig.attempting, hint
        assert rig.wait_for_attempt() == pytest.approx(1.3, abs=0.06), hint


def test_hints_in_a_storm_start_one_attempt() -> None:
    rig = Rig(Settings(resumption=NO_RESUMPTION))
    rig.open()
    rig.pass_time(11.0)
    rig.cut()
    for _ in range(50):
        rig.core.network_changed(rig.now, online=True)
        rig.core.woke(rig.now)
        rig.core.reconnect(rig.now)
        rig.run()
    assert rig.dials == 2
    assert balanced(rig)


# --- revival --------------------------------------------------------------------------------------


def given_up(kind: str) -> Rig:
    """A session that failed for this reason."""
    rig = Rig(Settings(resumption=NO_RESUMPTION, reconnect=Reconnect(enabled=kind != "reconnectDisabled")))
    if kind == "openTimeout":
        rig.start()
        while rig.state != "failed":
            if rig.attempting:
                rig.cut(REFUSED)
            rig.pass_time(0.5)
        return rig
    rig.open()
    rig.pass_time(11.0)
    rig.cut({"accessDenied": DENIED}.get(kind, Cause(Layer.WEBSOCKET, 1006)))
    while rig.state != "failed":
        if rig.attempting:
            rig.cut(REFUSED if kind == "maxElapsed" else BUSY)
        rig.pass_time(0.5)
    assert rig.fatal() == [kind]
    return rig


OURS = ["maxElapsed", "maxAttempts", "openTimeout"]
NOT_OURS = ["accessDenied", "reconnectDisabled"]


@pytest.mark.parametrize("kind", [*OURS, *NOT_OURS])
def test_the_host_may_revive_whatever_failed(kind: str) -> None:
    rig = given_up(kind)
    rig.core.reconnect(rig.now)
    rig.run()
    rig.wait_for_attempt(2.0)
    rig.connect(resuming=False)
    assert rig.state == "connected/active"
    assert rig.core.fault is None
    assert balanced(rig)


@pytest.mark.parametrize("address_changed", [False, True])
@pytest.mark.parametrize("kind", OURS)
def test_the_network_revives_what_a_limit_of_ours_ended(kind: str, address_changed: bool) -> None:
    rig = given_up(kind)
    rig.core.network_changed(rig.now, online=True, address_changed=address_changed)
    rig.run()
    assert rig.state.startswith("reconnecting")
    rig.wait_for_attempt(30.0 if kind == "maxAttempts" else 2.0)  # so often refused, the breaker is open
    assert "networkChanged" in rig.reasons()


@pytest.mark.parametrize("kind", NOT_OURS)
def test_the_network_revives_nothing_else(kind: str) -> None:
    rig = given_up(kind)
    for online, address_changed in HINTS.values():
        rig.core.network_changed(rig.now, online=online, address_changed=address_changed)
        rig.run()
        rig.pass_time(60.0)
    assert rig.state == "failed"


@pytest.mark.parametrize("kind", [*OURS, *NOT_OURS])
def test_a_network_that_goes_revives_nothing(kind: str) -> None:
    rig = given_up(kind)
    rig.core.network_changed(rig.now, online=False)
    rig.run()
    assert rig.state == "failed"


@pytest.mark.parametrize("kind", [*OURS, *NOT_OURS])
def test_a_machine_that_sleeps_and_wakes_revives_nothing_that_failed(kind: str) -> None:
    rig = given_up(kind)
    suspend(rig, "systemSuspend")
    rig.core.slept(rig.now, 3600.0, clock_stood=True)
    resume(rig, "systemResume")
    rig.core.woke(rig.now)
    rig.run()
    rig.pass_time(600.0)
    assert rig.state == "failed"
    assert rig.core.due_at() == float("inf")


def test_what_was_revived_has_all_its_attempts_again() -> None:
    rig = given_up("maxAttempts")
    rig.told.clear()
    rig.core.reconnect(rig.now)
    rig.run()
    attempts = 0
    while rig.state != "failed":
        rig.wait_for_attempt()
        attempts += 1
        rig.cut(BUSY)
    assert attempts == 5


# --- sleep ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("clock_stood", "left_s"), [(True, 100.0), (False, 200.0)])
def test_the_end_that_goaway_announced_comes_nearer_while_we_sleep(clock_stood: bool, left_s: float) -> None:
    """Where our own clock went on, the moment stands where it stood on it."""
    rig = at("connected/active")
    rig.core.go_away(rig.now, 200.0)
    rig.core.slept(rig.now, 100.0, clock_stood=clock_stood)
    rig.run()
    rig.pass_time(left_s - 45.0 - 0.1)
    assert rig.state == "connected/active"
    rig.pass_time(0.2)
    assert rig.state == "connected/draining"


def test_a_goaway_that_ran_out_in_our_sleep_is_obeyed_at_once() -> None:
    rig = at("connected/active")
    rig.core.go_away(rig.now, 60.0)
    rig.core.moment(quiet=False, model_speaking=True)
    rig.core.slept(rig.now, 600.0, clock_stood=True)
    rig.run()
    rig.pass_time(0.01)
    assert rig.closes == 1


@pytest.mark.parametrize(("clock_stood", "resumes"), [(True, False), (False, True)])
def test_a_handle_grows_old_while_we_sleep(clock_stood: bool, resumes: bool) -> None:
    """Three hours are over what the service keeps; where the clock went on, they are not counted twice."""
    rig = at("suspended/parked")
    rig.core.slept(rig.now, 3 * 3600.0, clock_stood=clock_stood)
    resume(rig)
    rig.wait_for_attempt()
    assert rig.would_resume is resumes


def test_a_handle_that_was_parked_over_night_is_not_tried() -> None:
    rig = at("suspended/parked")
    rig.pass_time(8 * 3600.0)
    rig.told.clear()
    resume(rig)
    rig.wait_for_attempt()
    assert not rig.would_resume
    assert ev.HandleChanged(False, None) in rig.told
    rig.connect()
    assert rig.of(ev.Reconnected)[-1].state_restored == "fresh"


def test_a_line_grows_old_while_we_sleep() -> None:
    rig = at("connected/active")
    rig.pass_time(600.0)
    rig.core.slept(rig.now, 46 * 60.0, clock_stood=True)
    rig.run()
    rig.pass_time(0.01)
    assert (rig.state, rig.reasons()[-1]) == ("connected/draining", "recycle")


@pytest.mark.parametrize("clock_stood", [True, False])
def test_waking_ends_a_wait(clock_stood: bool) -> None:
    rig = Rig(Settings(resumption=NO_RESUMPTION, reconnect=Reconnect(jitter="none", base_delay_s=20.0)))
    rig.open()
    rig.pass_time(11.0)
    rig.cut()
    rig.pass_time(0.1)
    rig.cut(REFUSED)
    rig.pass_time(1.0)
    rig.core.slept(rig.now, 60.0, clock_stood=clock_stood)
    rig.run()
    assert rig.attempting
    assert rig.reasons()[-1] == "woke"


def test_a_sleep_in_the_middle_of_an_outage_does_not_use_up_its_time() -> None:
    """The same night on a system whose clock stands and on one whose clock goes on."""
    for clock_stood in (True, False):
        rig = Rig(Settings(resumption=NO_RESUMPTION))
        rig.open()
        rig.pass_time(11.0)
        rig.cut()
        rig.pass_time(0.1)
        rig.cut(REFUSED)
        if not clock_stood:
            rig.now += 8 * 3600.0
        rig.core.slept(rig.now, 8 * 3600.0, clock_stood=clock_stood)
        rig.run()
        rig.wait_for_attempt()
        rig.cut(REFUSED)  # the network is not there yet
        assert rig.fatal() == [], clock_stood


@pytest.mark.parametrize("place", [p for p in PLACES if p not in LIVE and p != "reconnecting/waiting"])
def test_waking_does_nothing_to_who_neither_waits_nor_has_a_line(place: str) -> None:
    rig = at(place)
    if place == "disconnecting":
        rig.cut(ECHO)
    state, dials, changes = rig.state, rig.dials, len(rig.of(ev.StateChanged))
    rig.core.slept(rig.now, 60.0, clock_stood=True)
    rig.core.woke(rig.now)
    rig.run()
    assert (rig.state, rig.dials, len(rig.of(ev.StateChanged))) == (state, dials, changes)


def test_a_machine_that_slept_with_its_lines_parked_does_not_cut_short_an_open_breaker() -> None:
    rig = Rig(Settings(resumption=NO_RESUMPTION, reconnect=Reconnect(max_attempts=1000)))
    rig.open()
    rig.pass_time(11.0)
    rig.cut()
    for _ in range(5):
        rig.wait_for_attempt()
        rig.cut(BUSY)
    rig.pass_time(1.0)
    suspend(rig, "systemSuspend")
    rig.pass_time(1.0)
    resume(rig, "systemResume")
    assert rig.wait_for_attempt() == pytest.approx(28.0, abs=0.1)


def test_a_network_that_is_back_does_not_cut_short_what_the_service_asked_for_by_a_revival() -> None:
    """A quota that outlasts the limit ends the session at once; each hint would then ask the service again."""
    rig = Rig(Settings(resumption=NO_RESUMPTION, reconnect=Reconnect(max_elapsed_s=60.0)))
    rig.open()
    rig.pass_time(11.0)
    rig.cut()
    rig.wait_for_attempt()
    rig.cut(Cause(Layer.HTTP, 429, "slow down"))
    assert rig.fatal() == ["quotaExceeded"]
    dials = rig.dials
    for _ in range(10):
        rig.core.network_changed(rig.now, online=True)
        rig.run()
        if rig.attempting:
            rig.cut(Cause(Layer.HTTP, 429, "slow down"))
        rig.pass_time(1.0)
    assert rig.dials == dials
