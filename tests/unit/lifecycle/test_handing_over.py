"""Moving a session to a new line on purpose: goAway, old age; once each, and never counted."""

import pytest

from sidecar.lifecycle import events as ev
from sidecar.lifecycle.faults import Cause, Layer
from sidecar.lifecycle.item import Item, Kind
from sidecar.lifecycle.settings import STRICT, HandOver, Settings, StallLimits
from tests.unit.lifecycle.rig import BUSY, DENIED, NO_RESUMPTION, OWNED, Rig, at


def test_a_go_away_is_obeyed_in_the_first_quiet_moment_of_the_last_45_seconds() -> None:
    rig = Rig()
    rig.open()
    rig.core.go_away(rig.now, 300.0)
    rig.pass_time(250.0)
    assert rig.closes == 0
    rig.core.moment(quiet=False, model_speaking=True)
    rig.pass_time(10.0)
    assert rig.closes == 0
    rig.core.moment(quiet=True, model_speaking=False)
    rig.pass_time(0.001)
    assert rig.closes == 1
    assert rig.states()[-1] == "connected/draining"


def test_a_go_away_is_obeyed_eight_seconds_before_the_end_whoever_speaks() -> None:
    rig = Rig()
    rig.open()
    rig.core.moment(quiet=False, model_speaking=True)
    rig.core.go_away(rig.now, 50.0)
    rig.core.go_away(rig.now, 50.0)
    rig.pass_time(41.9)
    assert rig.closes == 0
    rig.pass_time(0.2)
    assert rig.closes == 1


def test_what_the_next_line_needs_is_asked_for_half_a_minute_before_the_first_moment() -> None:
    rig = Rig()
    rig.open()
    rig.core.go_away(rig.now, 300.0)
    rig.pass_time(224.9)
    assert rig.of(ev.Prepare) == []
    rig.pass_time(0.2)
    assert [event.ends_in_s for event in rig.of(ev.Prepare)] == [pytest.approx(75.0)]
    rig.pass_time(20.0)
    rig.core.moment(quiet=False, model_speaking=False)
    rig.pass_time(40.0)
    assert len(rig.of(ev.Prepare)) == 1


def test_a_line_that_is_moved_for_its_age_is_prepared_too() -> None:
    rig = Rig(settings=Settings(hand_over=HandOver(recycle_after_s=100.0)))
    rig.open()
    rig.pass_time(101.0)
    assert len(rig.of(ev.Prepare)) == 1
    assert rig.closes == 1


def test_where_there_is_little_time_left_the_asking_comes_first_and_shows_whether_the_moment_is_good() -> (
    None
):
    class Lacking(Rig):
        def tell(self, event: object) -> None:
            super().tell(event)
            if isinstance(event, ev.Prepare):
                self.core.moment(quiet=False, model_speaking=False)

    rig = Lacking()
    rig.open()
    rig.core.go_away(rig.now, 40.0)
    rig.pass_time(31.0)
    assert (len(rig.of(ev.Prepare)), rig.closes) == (1, 0)
    rig.core.moment(quiet=True, model_speaking=False)
    rig.pass_time(0.001)
    assert rig.closes == 1


def test_a_hand_over_closes_the_old_line_first_waits_at_most_250_ms_and_resumes_uncounted() -> None:
    rig = Rig()
    rig.open()
    rig.core.go_away(rig.now, 10.0)
    rig.pass_time(0.001)
    assert rig.closes == 1
    assert not rig.core.writable
    rig.pass_time(0.26)  # no echo comes
    assert rig.states()[-1] == "reconnecting/waiting"
    [reconnecting] = rig.of(ev.Reconnecting)
    assert (reconnecting.planned, reconnecting.delay_s) == (True, 1.5)
    rig.pass_time(1.5)
    rig.connect()
    assert rig.core.outage.reached == 0
    assert len(rig.of(ev.Failure)) == 0


def test_the_echo_of_our_close_confirms_all_that_was_written_before() -> None:
    rig = Rig()
    rig.open()
    rig.answers_pings = False
    rig.speak(0, 9)
    rig.core.go_away(rig.now, 10.0)
    rig.pass_time(0.001)
    rig.core.ended(rig.now, Cause(Layer.WEBSOCKET, 1000), echoed=True)
    rig.run()
    assert rig.core.outbox.idle
    assert rig.core.outbox.books.replayed_us == 0


def test_a_line_is_recycled_after_55_minutes() -> None:
    rig = Rig()
    rig.open()
    rig.pass_time(55 * 60 - 1)
    assert rig.closes == 0
    rig.pass_time(2)
    assert rig.closes == 1
    assert rig.states()[-1] != "connected/active"


def test_a_go_away_during_a_close_does_not_spin() -> None:
    rig = Rig()
    rig.open()
    rig.answers_pings = False
    rig.speak(0, 4)
    rig.core.close(rig.now, drain_s=60.0)
    rig.core.go_away(rig.now, 1.0)
    rig.run()
    ticks = 0
    while rig.core.due_at() <= rig.now and ticks < 100:
        rig.core.tick(rig.now)
        rig.run()
        ticks += 1
    assert ticks < 10
    rig.pass_time(70.0)
    assert rig.finished


def test_a_hand_over_lets_what_was_written_be_confirmed_first() -> None:
    rig = Rig()
    rig.open()
    rig.answers_pings = False
    rig.core.offer(Item(Kind.TEXT, b"a question", n=1), rig.now)
    rig.core.out.append(ev.Flush())
    rig.run()
    rig.core.go_away(rig.now, 40.0)
    rig.pass_time(0.4)
    assert (rig.states()[-1], rig.closes) == ("connected/draining", 0)
    rig.core.pong(rig.now, rig.pings[-1])
    rig.run()
    assert rig.closes == 1
    rig.core.ended(rig.now, Cause(Layer.WEBSOCKET, 1000), echoed=True)
    rig.run()
    assert rig.of(ev.Dropped) == []
    assert rig.core.outbox.idle


def test_a_planned_hand_over_is_no_error() -> None:
    rig = Rig()
    rig.open()
    rig.core.go_away(rig.now, 10.0)
    rig.pass_time(1.0)
    assert all(e.fault is None for e in rig.of(ev.StateChanged))


def hand_overs(rig: Rig) -> int:
    return rig.states().count("connected/draining")


def move_on(rig: Rig) -> None:
    """The old line answers the close, and the next attempt succeeds."""
    rig.echo()
    rig.wait_for_attempt(2.0)
    rig.connect()


@pytest.mark.parametrize(("time_left_s", "due_s"), [(300.0, 255.0), (60.0, 15.0), (20.0, 0.0), (0.0, 0.0)])
def test_a_goaway_before_setup_complete_holds_for_the_line_to_come(time_left_s: float, due_s: float) -> None:
    rig = at("connecting/setup")
    rig.core.go_away(rig.now, time_left_s)
    rig.run()
    assert rig.state == "connecting/setup"
    rig.core.setup_complete(rig.now)
    rig.run()
    rig.pass_time(max(0.0, due_s - 0.1))
    assert hand_overs(rig) == (0 if due_s else 1)
    rig.pass_time(0.2)
    assert (rig.state, rig.reasons()[-1]) == ("connected/draining", "goAway")
    assert [e.time_left_s for e in rig.of(ev.GoAwayReceived)] == [time_left_s]


def test_a_goaway_of_an_attempt_that_failed_does_not_hold_for_the_next() -> None:
    rig = at("connecting/setup")
    rig.core.go_away(rig.now, 50.0)
    rig.cut(BUSY)
    rig.wait_for_attempt()
    rig.connect()
    rig.pass_time(600.0)
    assert hand_overs(rig) == 0


def test_a_goaway_of_five_minutes_in_the_first_second_makes_one_hand_over() -> None:
    rig = at("connected/active")
    opened_at = rig.now
    rig.pass_time(1.0)
    rig.core.go_away(rig.now, 300.0)
    rig.pass_time(254.9)
    assert hand_overs(rig) == 0
    rig.pass_time(0.2)
    assert hand_overs(rig) == 1
    move_on(rig)
    rig.pass_time(50 * 60.0)
    assert hand_overs(rig) == 1
    assert (rig.state, rig.dials) == ("connected/active", 2)
    assert rig.now - opened_at < 55 * 60.0 + 255.0


def test_a_service_that_says_so_on_every_line_is_left_once_on_each() -> None:
    rig = at("connected/active")
    for n in range(1, 13):
        rig.pass_time(1.0)
        rig.core.go_away(rig.now, 300.0)
        rig.pass_time(255.1)
        assert hand_overs(rig) == n
        move_on(rig)
    assert rig.core.stats.hand_overs == rig.core.stats.go_aways == 12
    assert rig.of(ev.Failure) == []


@pytest.mark.parametrize("times_left", [(50.0, 50.0, 50.0), (300.0, 50.0), (50.0, 300.0), (50.0, 10.0)])
def test_several_goaways_of_one_line_make_one_hand_over(times_left: tuple[float, ...]) -> None:
    rig = at("connected/active")
    for time_left_s in times_left:
        rig.core.go_away(rig.now, time_left_s)
        rig.pass_time(0.1)
    rig.pass_time_until(lambda: rig.state == "connected/draining", 10.0)
    rig.core.go_away(rig.now, 5.0)  # one more, while it is under way
    rig.run()
    move_on(rig)
    rig.pass_time(600.0)
    assert hand_overs(rig) == 1


def test_a_line_that_stays_busy_is_left_eight_seconds_before_its_end_exactly_once() -> None:
    rig = at("connected/active")
    rig.core.moment(quiet=False, model_speaking=True)
    rig.core.go_away(rig.now, 50.0)
    for _ in range(419):
        rig.pass_time(0.1)
        rig.core.moment(quiet=False, model_speaking=True)
    assert hand_overs(rig) == 0
    rig.pass_time(0.2)
    assert hand_overs(rig) == 1


def test_a_line_is_recycled_of_old_age_in_a_quiet_moment_and_every_line_anew() -> None:
    rig = at("connected/active")
    for n in range(1, 4):
        rig.pass_time(55 * 60.0 - 0.1)
        assert hand_overs(rig) == n - 1
        rig.pass_time(0.2)
        assert (hand_overs(rig), rig.reasons()[-1]) == (n, "recycle")
        move_on(rig)


def test_an_old_line_that_is_busy_is_recycled_before_the_service_ends_it() -> None:
    """58:00 was seen (LP 4.1); a turn may go on until then, but not longer."""
    rig = at("connected/active")
    rig.core.moment(quiet=False, model_speaking=True)
    rig.pass_time(55 * 60.0 + 1.0)
    assert hand_overs(rig) == 0
    rig.pass_time(2 * 60.0)
    assert hand_overs(rig) == 1


def test_a_suspect_line_is_handed_over_too() -> None:
    rig = at("connected/suspect")
    rig.core.go_away(rig.now, 20.0)
    rig.pass_time(0.001)
    assert rig.state == "connected/draining"
    rig.pass_time(1.3)
    assert rig.state == "reconnecting/waiting"
    assert (rig.core.stats.losses, rig.core.stats.hand_overs) == (0, 1)


def test_a_line_that_falls_silent_while_it_is_left_is_left_all_the_same() -> None:
    rig = Rig(Settings(heartbeat=STRICT, hand_over=HandOver(drain_s=60.0, old_close_s=60.0)))
    rig.open()
    rig.answers_pings = False
    rig.speak(0, 3)
    rig.core.go_away(rig.now, 20.0)
    rig.pass_time(3.0)
    assert rig.state.startswith("reconnecting")
    assert (rig.core.stats.losses, rig.core.stats.hand_overs) == (0, 1)
    assert rig.of(ev.Failure) == []


@pytest.mark.parametrize("why", ["goAway", "recycle", "requested", "networkChanged", "stalled"])
@pytest.mark.parametrize("end", ["echo", "cut", "late"])
def test_a_planned_move_never_counts(why: str, end: str) -> None:
    settings = Settings(
        hand_over=HandOver(recycle_after_s=20.0 if why == "recycle" else 3300.0),
        stall=StallLimits(after_s=20.0, action="reconnect"),
    )
    rig = Rig(settings)
    rig.open()
    for n in range(1, 9):
        rig.pass_time(10.5)  # the line is stable
        match why:
            case "goAway":
                rig.core.go_away(rig.now, 10.0)
            case "requested":
                rig.core.reconnect(rig.now)
            case "networkChanged":
                rig.core.network_changed(rig.now, online=True, address_changed=True)
            case "stalled":
                rig.core.demanded("text", rig.now)
        rig.run()
        rig.pass_time_until(lambda: rig.state == "connected/draining", 21.0)
        assert rig.reasons()[-1] == why
        if end == "echo":
            rig.echo()
        elif end == "cut":
            rig.cut()
        rig.wait_for_attempt(3.0)
        assert rig.of(ev.Reconnecting)[-1].planned
        rig.connect()
        rig.core.answered(rig.now)
        assert rig.core.outage.reached == rig.core.outage.failures == 0
        assert rig.core.stats.hand_overs == n
    assert rig.core.stats.losses == 0
    assert rig.of(ev.Failure) == []
    assert rig.of(ev.BreakerChanged) == []
    assert rig.core.health(rig.now).quality == "excellent"
    assert rig.state == "connected/active"


@pytest.mark.parametrize("handle", ["handle-1", None])
def test_a_service_that_orders_us_off_each_new_line_is_not_dialled_without_end(handle: str | None) -> None:
    rig = Rig(Settings() if handle else Settings(resumption=NO_RESUMPTION))
    rig.open()
    began = rig.now
    while rig.now - began < 60.0:
        if rig.attempting:
            rig.connect()
        rig.core.go_away(rig.now, 5.0)
        rig.pass_time(0.1)
        if rig.state == "connected/draining":
            rig.echo()
    assert rig.dials <= 12
    assert next(e.state for e in rig.of(ev.BreakerChanged)) == "open"
    assert rig.fatal() == []


def test_a_close_while_the_line_is_being_left_still_drains_it() -> None:
    rig = Rig()
    rig.open()
    rig.answers_pings = False
    rig.speak(0, 3)
    rig.core.reconnect(rig.now)
    rig.run()
    assert rig.state == "connected/draining"
    rig.say(4)
    rig.answers_pings = True
    rig.core.close(rig.now, 1.0)
    rig.run()
    rig.pass_time(0.2)
    assert 4 in rig.written
    rig.echo()
    assert rig.state == "disconnected"
    assert rig.of(ev.Dropped) == []


def test_a_permanent_fault_while_the_line_is_being_left_is_the_end() -> None:
    rig = Rig()
    rig.open()
    rig.speak(0, 3)
    rig.core.reconnect(rig.now)
    rig.run()
    rig.cut(DENIED)
    assert rig.state == "failed"
    assert rig.fatal() == ["accessDenied"]


def test_the_refusals_that_follow_a_planned_move_do_not_count_either() -> None:
    rig = at("connected/active")
    rig.core.go_away(rig.now, 10.0)
    rig.pass_time(0.001)
    rig.echo()
    for _ in range(6):
        rig.wait_for_attempt()
        rig.refuse(OWNED)
    assert rig.core.outage.reached == 0
    rig.wait_for_attempt()
    rig.connect()
    assert rig.core.state_restored == "resumed"


def test_a_move_without_a_handle_goes_at_once_to_a_fresh_session() -> None:
    rig = Rig(Settings(resumption=NO_RESUMPTION))
    rig.open()
    rig.core.reconnect(rig.now)
    rig.run()
    rig.echo()
    assert rig.wait_for_attempt() <= 0.05
    rig.connect(resuming=False)
    assert rig.of(ev.Reconnected)[-1].state_restored == "fresh"


def test_a_resume_that_is_left_before_it_is_proven_and_refused_meanwhile_counts_nothing() -> None:
    rig = at("reconnecting/dialing")
    rig.connect(content=False)
    rig.core.reconnect(rig.now)
    rig.run()
    rig.cut(OWNED)
    assert (rig.core.stats.hand_overs, rig.core.outage.reached) == (1, 1)  # the one is the first line's
    assert rig.core.resumption.has_handle
    assert rig.wait_for_attempt() == pytest.approx(1.5, abs=0.06)
    assert rig.would_resume
