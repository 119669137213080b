"""The circuit breaker: what a history of attempts comes to, and how it rules the attempts of a session."""

from itertools import pairwise
from typing import Any

import pytest

from sidecar.lifecycle import events as ev
from sidecar.lifecycle.breaker import Breaker
from sidecar.lifecycle.faults import Cause, Layer
from sidecar.lifecycle.settings import BreakerLimits, Reconnect, Settings
from tests.unit.lifecycle.rig import BUSY, CUT, NO_RESUMPTION, OWNED, REFUSED, Rig

LIMITS = BreakerLimits()  # 5 within 120 s open it for 30 s
FLAPPING = Settings(resumption=NO_RESUMPTION)
PATIENT = Settings(resumption=NO_RESUMPTION, reconnect=Reconnect(max_attempts=1000))


def after(*history: tuple[str, float], limits: BreakerLimits = LIMITS) -> Breaker:
    breaker = Breaker()
    for what, at in history:
        match what:
            case "failed":
                breaker = breaker.failed(at, limits)
            case "tried":
                breaker = breaker.tried()
            case _:
                breaker = breaker.succeeded()
    return breaker


def failures(*times: float) -> list[tuple[str, float]]:
    return [("failed", at) for at in times]


# --- as a function of history ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("times", "state"),
    [
        ((), "closed"),
        ((0.0, 1.0, 2.0, 3.0), "closed"),
        ((0.0, 1.0, 2.0, 3.0, 4.0), "open"),
        ((0.0, 0.0, 0.0, 0.0, 0.0), "open"),
        ((0.0, 30.0, 60.0, 90.0, 119.9), "open"),
        ((0.0, 30.0, 60.0, 90.0, 120.1), "closed"),
        ((0.0, 30.0, 60.0, 90.0, 120.1, 121.0), "open"),
    ],
)
def test_five_failures_within_two_minutes_open_it(times: tuple[float, ...], state: str) -> None:
    assert after(*failures(*times)).state.value == state


def test_open_it_allows_no_attempt_for_half_a_minute() -> None:
    breaker = after(*failures(0, 1, 2, 3, 4))
    assert [breaker.wait_s(now) for now in (4.0, 10.0, 33.9, 34.0, 100.0)] == pytest.approx(
        [30, 24, 0.1, 0, 0]
    )


def test_closed_or_half_open_it_asks_for_no_wait() -> None:
    assert Breaker().wait_s(0.0) == 0.0
    assert after(*failures(0, 1, 2, 3, 4), ("tried", 34)).wait_s(10.0) == 0.0


def test_an_attempt_makes_an_open_one_half_open_and_no_other() -> None:
    assert after(*failures(0, 1), ("tried", 2)).state.value == "closed"
    assert after(*failures(0, 1, 2, 3, 4), ("tried", 5)).state.value == "halfOpen"
    assert after(*failures(0, 1, 2, 3, 4), ("tried", 5), ("tried", 6)).state.value == "halfOpen"


def test_one_failure_opens_a_half_open_one_again_for_the_whole_time() -> None:
    breaker = after(*failures(0, 1, 2, 3, 4), ("tried", 500), *failures(510))
    assert (breaker.state.value, breaker.wait_s(510.0), breaker.trips) == ("open", 30.0, 2)


def test_a_success_closes_a_half_open_one_and_forgets() -> None:
    breaker = after(*failures(0, 1, 2, 3, 4), ("tried", 34), ("succeeded", 44), *failures(50, 51, 52, 53))
    assert breaker.state.value == "closed"
    assert breaker.failed(54.0, LIMITS).state.value == "open"


def test_a_success_in_between_does_not_hide_a_service_that_flaps() -> None:
    history: list[tuple[str, float]] = []
    for at in (0.0, 20.0, 40.0, 60.0, 80.0):
        history += [("tried", at), ("succeeded", at + 10), ("failed", at + 15)]
    assert after(*history).state.value == "open"


def test_switched_off_it_never_opens_and_one_that_is_open_closes() -> None:
    off = BreakerLimits(enabled=False)
    assert after(*failures(*range(100)), limits=off).state.value == "closed"
    assert after(*failures(0, 1, 2, 3, 4)).failed(5.0, off).state.value == "closed"


def test_one_failure_is_enough_where_one_is_the_limit() -> None:
    assert after(*failures(0), limits=BreakerLimits(failures=1)).state.value == "open"


def test_a_long_history_takes_no_more_room_than_a_short_one() -> None:
    breaker = after(*(step for n in range(1000) for step in (("tried", n), ("failed", n))))
    assert len(breaker.failures) <= 5


# --- in a session ---------------------------------------------------------------------------------


def flap(rig: Rig, lives: int, *, age_s: float, cause: Cause) -> None:
    """The line is closed by the service at this age, again and again; each time the next attempt succeeds."""
    for _ in range(lives):
        rig.pass_time(age_s)
        rig.cut(cause)
        rig.wait_for_attempt()
        rig.connect(resuming=False)


def changes(rig: Rig) -> list[tuple[str, str]]:
    return [(e.previous, e.state) for e in rig.of(ev.BreakerChanged)]


UNAVAILABLE = Cause(Layer.WEBSOCKET, 1011, "The service is currently unavailable.")
ENDED_CLEANLY = Cause(Layer.WEBSOCKET, 1000, "The operation was cancelled")


@pytest.mark.parametrize(
    "cause",
    [
        UNAVAILABLE,
        Cause(Layer.WEBSOCKET, 1001, "going away"),
        Cause(Layer.WEBSOCKET, 1008, "The operation was aborted."),
        ENDED_CLEANLY,
    ],
)
def test_lines_that_the_service_closes_young_open_it_though_each_was_stable(cause: Cause) -> None:
    rig = Rig(FLAPPING)
    rig.open()
    flap(rig, 4, age_s=20.0, cause=cause)
    assert changes(rig) == []
    rig.pass_time(20.0)
    rig.cut(cause)
    assert changes(rig) == [("closed", "open")]
    [told] = rig.of(ev.BreakerChanged)
    assert (told.failures, told.retry_in_s) == (5, 30.0)
    assert rig.of(ev.Reconnecting)[-1].delay_s == 30.0
    assert rig.wait_for_attempt() == pytest.approx(30.0, abs=0.1)
    assert changes(rig) == [("closed", "open"), ("open", "halfOpen")]


@pytest.mark.parametrize("age_s", [61.0, 500.0])
def test_lines_that_the_service_closes_old_open_nothing(age_s: float) -> None:
    rig = Rig(FLAPPING)
    rig.open()
    flap(rig, 10, age_s=age_s, cause=UNAVAILABLE)
    assert changes(rig) == []


def test_a_bad_network_that_cuts_stable_lines_opens_nothing() -> None:
    rig = Rig(FLAPPING)
    rig.open()
    flap(rig, 20, age_s=15.0, cause=CUT)
    assert changes(rig) == []


def test_attempts_that_never_reach_the_service_open_nothing() -> None:
    rig = Rig(PATIENT)
    rig.open()
    rig.pass_time(11.0)
    rig.cut()
    for _ in range(30):
        rig.wait_for_attempt()
        rig.cut(REFUSED)
    assert changes(rig) == []


def test_refused_attempts_open_it_and_the_probe_decides() -> None:
    rig = Rig(PATIENT)
    rig.open()
    rig.pass_time(11.0)
    rig.cut()
    for _ in range(5):
        rig.wait_for_attempt()
        rig.cut(BUSY)
    assert changes(rig) == [("closed", "open")]
    assert rig.wait_for_attempt() == pytest.approx(30.0, abs=0.1)
    rig.cut(BUSY)  # the one attempt that was allowed
    assert changes(rig)[1:] == [("open", "halfOpen"), ("halfOpen", "open")]
    assert rig.wait_for_attempt() == pytest.approx(30.0, abs=0.1)
    rig.connect(resuming=False)
    assert changes(rig)[3:] == [("open", "halfOpen")]
    rig.pass_time(10.1)
    assert changes(rig)[4:] == [("halfOpen", "closed")]
    rig.pass_time(300.0)
    assert len(changes(rig)) == 5


def test_a_probe_that_dies_before_it_is_stable_opens_it_again() -> None:
    rig = Rig(PATIENT)
    rig.open()
    rig.pass_time(11.0)
    rig.cut()
    for _ in range(5):
        rig.wait_for_attempt()
        rig.cut(BUSY)
    rig.wait_for_attempt()
    rig.connect(resuming=False)
    rig.pass_time(5.0)
    rig.cut(OWNED)
    assert changes(rig) == [("closed", "open"), ("open", "halfOpen"), ("halfOpen", "open")]
    assert rig.of(ev.Reconnecting)[-1].delay_s == 30.0


def test_a_probe_that_cannot_reach_the_service_decides_nothing() -> None:
    rig = Rig(PATIENT)
    rig.open()
    rig.pass_time(11.0)
    rig.cut()
    for _ in range(5):
        rig.wait_for_attempt()
        rig.cut(BUSY)
    rig.wait_for_attempt()
    rig.cut(REFUSED)
    assert changes(rig) == [("closed", "open"), ("open", "halfOpen")]
    rig.wait_for_attempt()
    rig.connect(resuming=False)
    rig.pass_time(10.1)
    assert changes(rig)[2:] == [("halfOpen", "closed")]


def wait_for_the_breaker() -> Rig:
    rig = Rig(PATIENT)
    rig.open()
    rig.pass_time(11.0)
    rig.cut()
    for _ in range(5):
        rig.wait_for_attempt()
        rig.cut(BUSY)
    rig.pass_time(1.0)
    assert not rig.attempting
    return rig


def test_who_insists_probes_an_open_one_at_once() -> None:
    rig = wait_for_the_breaker()
    rig.core.reconnect(rig.now)
    rig.run()
    assert rig.attempting
    assert changes(rig) == [("closed", "open"), ("open", "halfOpen")]


@pytest.mark.parametrize("hint", ["online", "woke", "slept"])
def test_a_hint_does_not_probe_it_before_its_time(hint: str) -> None:
    rig = wait_for_the_breaker()
    match hint:
        case "online":
            rig.core.network_changed(rig.now, online=True)
        case "woke":
            rig.core.woke(rig.now)
        case _:
            rig.core.slept(rig.now, 5.0, clock_stood=False)
    rig.run()
    assert rig.wait_for_attempt() == pytest.approx(29.0, abs=0.1)


def test_the_time_in_which_it_is_open_goes_on_while_we_sleep() -> None:
    rig = wait_for_the_breaker()
    rig.core.slept(rig.now, 60.0, clock_stood=True)
    rig.run()
    assert rig.attempting


def test_the_first_connection_is_ruled_by_its_own_deadline_not_by_the_breaker() -> None:
    rig = Rig()
    rig.start()
    for _ in range(8):
        rig.cut(BUSY)
        if rig.state == "failed":
            break
        rig.pass_time_until(lambda: rig.attempting or rig.state == "failed", 31.0)
    assert changes(rig) == []
    assert rig.fatal() in ([], ["openTimeout"])


def test_resumes_refused_because_the_old_owner_lives_open_nothing() -> None:
    rig = Rig()
    rig.open()
    rig.pass_time(11.0)
    rig.cut()
    for _ in range(7):
        rig.wait_for_attempt()
        rig.refuse(OWNED)
    assert rig.now - 1011.0 < 10.0
    assert changes(rig) == []


def test_hand_overs_open_nothing() -> None:
    rig = Rig()
    rig.open()
    for _ in range(10):
        rig.pass_time(3.0)
        rig.core.reconnect(rig.now)
        rig.run()
        rig.echo()
        rig.wait_for_attempt()
        rig.connect()
    assert changes(rig) == []


def test_what_it_says_is_told_in_order_and_each_once() -> None:
    """Whatever happens, each change begins where the last one ended, and none is told twice."""
    rig = Rig(PATIENT)
    rig.open()
    rig.cut()
    for n in range(60):
        rig.wait_for_attempt()
        if n % 3:
            rig.cut(BUSY)
        else:
            rig.connect(resuming=False)
            rig.pass_time(12.0 if n % 2 else 1.0)
            rig.cut(UNAVAILABLE)
    told = changes(rig)
    assert len(told) > 4
    assert told[0][0] == "closed"
    assert all(before[1] == then[0] for before, then in pairwise(told))
    assert all(before != then for before, then in told)


def events_about(rig: Rig, *kinds: type) -> list[Any]:
    return [type(e).__name__ for e in rig.told if isinstance(e, kinds)]


@pytest.mark.parametrize(
    "how",
    [
        "attempt",
        "line",
    ],
)
def test_an_opening_breaker_is_told_beside_the_change_of_state_in_one_order(how: str) -> None:
    """A listener that hears of the breaker finds the same state, whether an attempt or a line failed."""
    rig = Rig(PATIENT)
    rig.open()
    rig.pass_time(11.0)
    if how == "attempt":
        rig.cut()
        for _ in range(4):
            rig.wait_for_attempt()
            rig.cut(BUSY)
        rig.wait_for_attempt()
        rig.told.clear()
        rig.cut(BUSY)
    else:
        flap(rig, 4, age_s=11.0, cause=UNAVAILABLE)
        rig.pass_time(11.0)
        rig.told.clear()
        rig.cut(UNAVAILABLE)
    assert events_about(rig, ev.StateChanged, ev.BreakerChanged) == ["StateChanged", "BreakerChanged"]


def test_a_breaker_that_is_switched_off_holds_nobody_back() -> None:
    rig = Rig(Settings(resumption=NO_RESUMPTION, breaker=BreakerLimits(open_s=300.0, failures=1)))
    rig.open()
    rig.cut(Cause(Layer.WEBSOCKET, 1011, "Internal error encountered."))
    assert rig.core.retry_in_s(rig.now) == 300.0
    off = Settings(resumption=NO_RESUMPTION, breaker=BreakerLimits(enabled=False))
    rig.core.configure(off, rig.now)
    rig.core.network_changed(rig.now, online=True)
    rig.run()
    assert rig.attempting
    assert [e.state for e in rig.of(ev.BreakerChanged)] == ["open", "closed"]
