"""Other settings take effect with the next decision, and the line is kept."""

import pytest
from msgspec import structs

from sidecar.lifecycle import events as ev
from sidecar.lifecycle.item import Item, Kind
from sidecar.lifecycle.settings import (
    STRICT,
    BreakerLimits,
    Deadlines,
    HandOver,
    Heartbeat,
    InvalidSettings,
    OutboxLimits,
    Reconnect,
    ResumptionOptions,
    Settings,
    StallLimits,
)
from tests.unit.lifecycle.rig import BUSY, CHUNK_US, NO_RESUMPTION, OWNED, PLACES, REFUSED, Rig, at


def change(rig: Rig, **sections: object) -> None:
    rig.core.configure(structs.replace(rig.core.settings, **sections), rig.now)
    rig.run()


@pytest.mark.parametrize("place", PLACES)
def test_other_settings_change_no_state_and_are_told_once(place: str) -> None:
    rig = at(place)
    changes, dials, closes = len(rig.of(ev.StateChanged)), rig.dials, rig.closes
    change(rig, heartbeat=STRICT, reconnect=Reconnect(max_attempts=1))
    assert len(rig.of(ev.Configured)) == 1
    assert (rig.state, rig.dials, rig.closes) == (place, dials, closes)
    assert len(rig.of(ev.StateChanged)) == changes


def test_strict_on_a_live_line_pings_at_once_and_finds_a_freeze() -> None:
    rig = at("connected/active")
    rig.pass_time(20.0)
    assert rig.pings == []
    change(rig, heartbeat=STRICT)
    rig.pass_time(0.001)
    assert len(rig.pings) == 1
    rig.pass_time(10.0)
    assert len(rig.pings) == pytest.approx(20, abs=1)
    assert (rig.state, rig.dials) == ("connected/active", 1)
    rig.answers_pings = False
    rig.pass_time(2.6)
    assert rig.state == "reconnecting/waiting"


def test_strict_on_a_line_that_is_silent_already_ends_it_at_once() -> None:
    rig = at("connected/suspect")
    change(rig, heartbeat=STRICT)
    rig.pass_time(0.001)
    assert rig.state == "reconnecting/waiting"


def test_back_to_tolerant_a_suspect_line_has_its_time() -> None:
    rig = Rig(Settings(heartbeat=STRICT))
    rig.open()
    rig.pass_time(5.0)
    rig.answers_pings = False
    rig.pass_time_until(lambda: rig.state == "connected/suspect", 3.0)
    change(rig, heartbeat=Heartbeat())
    rig.pass_time(30.0)
    assert rig.state == "connected/suspect"
    rig.pass_time(5.0)
    assert rig.state == "reconnecting/waiting"


def test_backoff_and_number_of_attempts_rule_from_the_next_failure_on() -> None:
    rig = Rig(Settings(resumption=NO_RESUMPTION))
    rig.open()
    rig.pass_time(11.0)
    rig.cut()
    rig.wait_for_attempt()
    change(rig, reconnect=Reconnect(jitter="none", backoff="linear", base_delay_s=7.0, max_attempts=2))
    rig.cut(BUSY)
    assert rig.of(ev.Reconnecting)[-1].delay_s == 7.0
    change(rig, reconnect=Reconnect(jitter="none", base_delay_s=1.0, max_attempts=2))
    assert rig.wait_for_attempt() == pytest.approx(7.0, abs=0.06)  # a wait that has begun stays
    rig.cut(BUSY)
    assert rig.fatal() == ["maxAttempts"]


def test_reconnecting_can_be_switched_off_on_a_live_line() -> None:
    rig = at("connected/active")
    change(rig, reconnect=Reconnect(enabled=False))
    rig.pass_time(20.0)
    rig.cut()
    assert rig.fatal() == ["reconnectDisabled"]


def test_the_longest_outage_rules_an_outage_that_has_begun() -> None:
    rig = Rig(Settings(resumption=NO_RESUMPTION))
    rig.open()
    rig.pass_time(11.0)
    rig.cut()
    for _ in range(5):
        rig.wait_for_attempt()
        rig.cut(REFUSED)
    change(rig, reconnect=Reconnect(max_elapsed_s=1.0))
    rig.wait_for_attempt()
    rig.cut(REFUSED)
    assert rig.fatal() == ["maxElapsed"]


def test_the_breaker_rules_from_the_next_failure_on() -> None:
    rig = Rig(Settings(resumption=NO_RESUMPTION))
    rig.open()
    rig.pass_time(11.0)
    change(rig, breaker=BreakerLimits(failures=2, open_s=12.0))
    rig.cut()
    for _ in range(2):
        rig.wait_for_attempt()
        rig.cut(BUSY)
    [opened] = rig.of(ev.BreakerChanged)
    assert (opened.state, opened.retry_in_s) == ("open", 12.0)
    change(rig, breaker=BreakerLimits(enabled=False))
    rig.wait_for_attempt()
    rig.cut(BUSY)
    assert rig.of(ev.BreakerChanged)[-1].state == "closed"
    assert rig.of(ev.Reconnecting)[-1].delay_s < 12.0


def test_a_stall_rules_a_demand_that_was_made_before() -> None:
    rig = at("connected/active")
    rig.core.demanded("text", rig.now)
    rig.pass_time(5.0)
    change(rig, stall=StallLimits(after_s=4.0, action="reconnect"))
    rig.pass_time(0.001)
    assert [e.demand for e in rig.of(ev.Stalled)] == ["text"]
    assert rig.state == "connected/draining"


def test_deadlines_rule_from_the_next_step_on() -> None:
    rig = at("reconnecting/dialing")
    change(rig, deadlines=Deadlines(setup_s=0.5, close_s=0.1, drain_s=0.1))
    rig.core.tcp_connected(rig.now)
    rig.core.upgraded(rig.now, resuming=True)
    rig.run()
    rig.pass_time(0.51)
    assert rig.of(ev.Failure)[-1].fault.kind == "setupTimeout"
    rig.wait_for_attempt()
    rig.connect()
    rig.answers_pings = False
    rig.speak(0, 0)
    rig.core.close(rig.now)
    rig.run()
    rig.pass_time(0.21)
    assert rig.finished


def test_a_smaller_ring_drops_the_oldest_with_the_next_chunk_and_says_so() -> None:
    rig = at("reconnecting/waiting")
    for n in range(1000):  # 20 s, at once
        rig.core.offer(Item(Kind.AUDIO, b"x", n=n, audio_us=CHUNK_US), rig.now)
    assert rig.core.outbox.books.held_us == 20_000_000
    # Never shorter than the time after which a line is dead, and so both are changed.
    change(rig, heartbeat=STRICT, outbox=OutboxLimits(ring_s=10.0))
    assert rig.of(ev.Dropped) == []
    rig.core.offer(Item(Kind.AUDIO, b"x", n=1000, audio_us=CHUNK_US), rig.now)
    rig.pass_time(0.3)
    assert rig.core.outbox.books.held_us == 10_000_000
    assert [(e.drop.from_n, e.drop.through_n, e.drop.reason) for e in rig.of(ev.Dropped)] == [
        (0, 500, "outboxFull")
    ]


def test_the_ring_is_never_shorter_than_the_time_after_which_a_line_is_dead() -> None:
    rig = at("reconnecting/waiting")
    change(rig, outbox=OutboxLimits(ring_s=1.0))
    for n in range(50 * 60):
        rig.core.offer(Item(Kind.AUDIO, b"x", n=n, audio_us=CHUNK_US), rig.now)
    assert rig.core.outbox.books.held_us > 35_000_000


def test_a_larger_ring_holds_more_from_now_on() -> None:
    rig = at("reconnecting/waiting")
    change(rig, outbox=OutboxLimits(ring_s=100.0))
    for n in range(50 * 90):
        rig.core.offer(Item(Kind.AUDIO, b"x", n=n, audio_us=CHUNK_US), rig.now)
    assert rig.core.outbox.books.held_us == 90_000_000


@pytest.mark.parametrize(("after_s", "due_s"), [(700.0, 100.0), (600.0, 0.0), (60.0, 0.0), (1e6, None)])
def test_the_age_at_which_a_line_is_recycled_rules_the_line_that_lives(
    after_s: float, due_s: float | None
) -> None:
    rig = at("connected/active")
    rig.pass_time(600.0)
    change(rig, hand_over=HandOver(recycle_after_s=after_s))
    if due_s is None:
        rig.pass_time(4000.0)
        assert rig.closes == 0
        return
    rig.pass_time(max(0.0, due_s - 0.1))
    assert rig.closes == (0 if due_s else 1)
    rig.pass_time(0.2)
    assert rig.closes == 1


def test_lead_and_margin_rule_a_goaway_that_came_before() -> None:
    rig = at("connected/active")
    rig.core.go_away(rig.now, 100.0)
    rig.pass_time(1.0)
    change(rig, hand_over=HandOver(lead_s=20.0))
    rig.pass_time(78.9)
    assert rig.closes == 0
    rig.pass_time(0.2)
    assert rig.closes == 1


def test_the_window_rules_an_outage_that_has_begun() -> None:
    rig = at("reconnecting/dialing")
    change(rig, hand_over=HandOver(window_s=0.5))
    rig.refuse(OWNED)
    rig.wait_for_attempt()
    assert not rig.would_resume


def test_the_life_of_a_handle_rules_a_session_that_rests() -> None:
    rig = at("suspended/parked")
    change(rig, resumption=ResumptionOptions(handle_ttl_s=10.0))
    rig.pass_time(11.0)
    rig.core.resume(rig.now, "resumeRequested")
    rig.run()
    rig.wait_for_attempt()
    assert not rig.would_resume


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        (Settings(heartbeat=Heartbeat(suspect_after_s=40.0)), "heartbeat.suspectAfterMs"),
        (Settings(reconnect=Reconnect(base_delay_s=31.0)), "reconnect.baseDelayMs"),
        (Settings(reconnect=Reconnect(backoff="list")), "reconnect.backoff"),
        (Settings(hand_over=HandOver(margin_s=46.0)), "handOver.marginMs"),
    ],
)
def test_settings_that_contradict_each_other_are_refused_by_name(settings: Settings, field: str) -> None:
    with pytest.raises(InvalidSettings, match=field) as caught:
        settings.check()
    assert len(caught.value.problems) == 1


def test_the_defaults_and_both_presets_do_not_contradict_themselves() -> None:
    Settings().check()
    Settings(heartbeat=STRICT).check()
