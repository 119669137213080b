"""The lifecycle as a whole, on virtual time: what goes in, what is decided, what is told."""

import pytest

from sidecar.lifecycle import events as ev
from sidecar.lifecycle.faults import Cause, Layer
from sidecar.lifecycle.item import Item, Kind
from sidecar.lifecycle.settings import Heartbeat, Reconnect, Settings
from sidecar.lifecycle.states import State
from tests.unit.lifecycle.rig import NO_RESUMPTION, OWNED, PLACES, REFUSED, Rig, at


def test_connected_means_that_setup_complete_was_received() -> None:
    rig = Rig()
    rig.core.open(rig.now)
    rig.core.tcp_connected(rig.now)
    rig.core.upgraded(rig.now, resuming=False)
    rig.run()
    assert rig.core.state is State.CONNECTING
    assert not rig.core.writable
    rig.core.setup_complete(rig.now)
    rig.run()
    assert rig.states() == [
        "connecting/dialing",
        "connecting/handshaking",
        "connecting/setup",
        "connected/active",
    ]


def test_an_open_that_cannot_succeed_fails_at_its_deadline_and_says_what_the_last_attempt_met() -> None:
    rig = Rig()
    rig.core.open(rig.now)
    rig.run()
    while rig.core.state is State.CONNECTING and rig.dials < 1000:
        if rig.core._attempting:
            rig.cut(Cause(Layer.TCP, "refused"))
        rig.pass_time(0.5)
    assert rig.core.state is State.FAILED
    fatal = [f.fault.kind for f in rig.of(ev.Failure) if f.fatal]
    assert fatal == ["openTimeout"]
    assert "connectionRefused" in rig.of(ev.Failure)[-1].fault.message
    assert rig.of(ev.Failure)[-2].fault.kind == "connectionRefused"
    assert rig.now - 1000.0 == pytest.approx(30.0, abs=0.5)


def test_a_cut_resumes_after_the_hand_over_delay_and_loses_nothing() -> None:
    rig = Rig()
    rig.open()
    rig.speak(0, 99)
    rig.answers_pings = False
    rig.speak(100, 120)  # written, never confirmed
    rig.cut()
    rig.answers_pings = True
    rig.speak(121, 150)  # held
    rig.pass_time(1.5 - 30 * 0.02 - 0.01)
    assert rig.dials == 1
    rig.pass_time(0.02)
    assert rig.dials == 2
    rig.connect()
    rig.pass_time(3.0)
    assert rig.core.outbox.idle
    assert rig.core.outbox.books.confirmed_us == 151 * 20_000
    replayed_from = rig.written[121:][0]
    assert replayed_from is not None
    assert rig.written[121:] == list(range(replayed_from, 151))
    [reconnected] = rig.of(ev.Reconnected)
    assert reconnected.state_restored == "resumed"
    assert reconnected.gap_s == pytest.approx(1.51, abs=0.02)


def test_five_attempts_that_reach_the_service_and_fail_end_in_failed_and_reconnect_revives() -> None:
    rig = Rig(Settings(resumption=NO_RESUMPTION))
    rig.open()
    rig.pass_time(11.0)
    rig.cut()
    attempts = 0
    while rig.core.state is State.RECONNECTING and attempts < 50:
        rig.pass_time(0.1)
        if rig.core._attempting:
            attempts += 1
            rig.cut(Cause(Layer.HTTP, 503, "busy"))
    assert attempts == 5
    assert rig.core.state is State.FAILED
    assert [f.fault.kind for f in rig.of(ev.Failure) if f.fatal] == ["maxAttempts"]
    assert not rig.core.accepts
    assert rig.core.due_at() == float("inf")
    rig.core.reconnect(rig.now)
    rig.run()
    rig.connect(resuming=False)
    assert rig.core.state is State.CONNECTED


def test_a_service_that_accepts_and_drops_at_once_is_not_tried_for_ever() -> None:
    rig = Rig(Settings(resumption=NO_RESUMPTION, reconnect=Reconnect(max_attempts=5)))
    rig.open()
    connections = 0
    while rig.core.state is not State.FAILED and connections < 100:
        rig.cut()
        while rig.core.state is State.RECONNECTING and not rig.core._attempting:
            rig.pass_time(0.1)
        if rig.core._attempting:
            connections += 1
            rig.connect(resuming=False)
            rig.pass_time(0.5)
    assert connections == 4  # the first line and four more died young: five


def test_a_network_that_tears_each_line_young_costs_no_conversation_and_ends_by_time_alone() -> None:
    rig = Rig()
    rig.open()
    began = rig.now
    while rig.core.state is not State.FAILED and rig.dials < 200:
        if rig.core._attempting:
            rig.connect()
        rig.pass_time(3.0)
        rig.cut() if rig.core.line is not None else None
    assert [f.fault.kind for f in rig.of(ev.Failure) if f.fatal] == ["maxElapsed"]
    assert 600 <= rig.now - began < 660
    assert not any(event.fresh for event in rig.of(ev.Reconnecting))
    assert rig.of(ev.BreakerChanged) == []
    assert rig.dials < 60, "the backoff grows all the same"


def test_ten_stable_seconds_and_a_sign_of_life_reset_the_counters() -> None:
    rig = Rig(Settings(resumption=NO_RESUMPTION))
    rig.open()
    for _ in range(20):
        rig.pass_time(11.0)
        rig.cut()
        rig.pass_time(0.1)
        rig.connect(resuming=False)
    assert rig.core.state is State.CONNECTED


def test_reconnect_ends_a_wait_and_replaces_a_live_line() -> None:
    rig = Rig()
    rig.open()
    rig.core.reconnect(rig.now)
    rig.run()
    assert rig.states()[-1] == "connected/draining"
    rig.core.ended(rig.now, Cause(Layer.WEBSOCKET, 1000), echoed=True)
    rig.run()
    assert rig.states()[-1] == "reconnecting/waiting"
    rig.core.reconnect(rig.now)
    rig.run()
    assert rig.dials == 1, "the service needs a moment to let go of the old line"
    rig.pass_time(1.5)
    assert rig.states()[-1] == "reconnecting/dialing"
    assert rig.dials == 2


def test_revisions_only_grow_and_every_change_names_its_reason() -> None:
    rig = Rig()
    rig.open()
    rig.cut()
    rig.pass_time(2.0)
    rig.connect()
    changes = rig.of(ev.StateChanged)
    assert [c.revision for c in changes] == list(range(1, len(changes) + 1))
    assert all(c.reason for c in changes)
    assert [c.before for c in changes[1:]] == [c.after for c in changes[:-1]]


def test_the_queue_is_reported_four_times_a_second_while_it_moves_and_not_when_it_rests() -> None:
    rig = Rig()
    rig.open()
    rig.pass_time(5.0)
    rig.told.clear()
    rig.speak(0, 99)
    assert 7 <= len(rig.of(ev.QueueMoved)) <= 10
    rig.pass_time(2.0)
    rig.told.clear()
    rig.pass_time(20.0)
    assert rig.of(ev.QueueMoved) == []


@pytest.mark.parametrize(
    "death",
    [
        Cause(Layer.WEBSOCKET, 1006),
        OWNED,
        Cause(Layer.WEBSOCKET, 1007, "Request contains an invalid argument."),
        Cause(Layer.WEBSOCKET, 1008, "Requested entity was not found."),
    ],
)
def test_a_service_whose_lines_die_young_is_not_dialled_in_a_storm(death: Cause) -> None:
    """Each line is set up, gives a handle, and dies half a second later."""
    rig = Rig()
    rig.open()
    dials_at = []
    while rig.core.state is not State.FAILED and rig.now < 2000.0:
        rig.pass_time(0.5)
        rig.cut(death)
        while rig.core.state is State.RECONNECTING and not rig.core._attempting:
            rig.pass_time(0.05)
        if rig.core._attempting:
            dials_at.append(rig.now)
            rig.connect()
            rig.core.handle(f"handle-{rig.dials}", resumable=True)
    assert rig.core.state is State.FAILED
    assert len(dials_at) <= 7
    assert [f.fault.kind for f in rig.of(ev.Failure) if f.fatal] in (["maxAttempts"], ["invalidArgument"])


def test_a_line_that_dies_right_after_setup_complete_is_never_stable() -> None:
    rig = Rig(Settings(resumption=NO_RESUMPTION))
    rig.open()
    rig.cut()
    rig.pass_time(1.0)
    rig.answers_pings = False
    rig.connect(resuming=False, content=False)
    rig.pass_time(80.0)
    assert rig.core.outage.reached >= 2


def test_an_outage_longer_than_the_ring_is_told_in_ranges_not_chunk_by_chunk() -> None:
    rig = Rig()
    rig.open()
    rig.cut()
    for n in range(5000):  # 100 s
        rig.core.offer(Item(Kind.AUDIO, b"x", n=n, audio_us=20_000), rig.now)
        rig.pass_time(0.02)
    rig.pass_time(0.25)
    drops = [e.drop for e in rig.of(ev.Dropped)]
    assert sum(d.audio_us for d in drops) == 5000 * 20_000 - 45_000_000
    assert len(drops) <= 4 * 56
    assert [d.from_n for d in drops[1:]] == [d.through_n + 1 for d in drops[:-1]]


def test_an_answer_to_a_call_of_a_lost_session_is_told_to_be_lost_when_the_fresh_one_is_there() -> None:
    rig = Rig(Settings(resumption=NO_RESUMPTION))
    rig.open()
    rig.cut()
    rig.core.offer(Item(Kind.TOOL_RESPONSE, b"{}", ids=("call-1",)), rig.now)
    rig.pass_time(1.0)
    rig.connect(resuming=False)
    rig.pass_time(0.3)
    assert [(e.drop.reason, e.drop.ids) for e in rig.of(ev.Dropped)] == [("sessionLost", ["call-1"])]


def test_attempts_are_numbered_from_one_in_every_outage() -> None:
    rig = Rig(Settings(resumption=NO_RESUMPTION))
    rig.open()
    for _ in range(2):
        rig.pass_time(11.0)
        rig.told.clear()
        rig.cut()
        for _ in range(3):
            rig.wait_for_attempt()
            rig.cut(REFUSED)
        rig.wait_for_attempt()
        rig.connect(resuming=False)
        assert [e.attempt for e in rig.of(ev.Reconnecting)] == [1, 2, 3, 4]
        assert [e.attempt for e in rig.of(ev.Reconnected)] == [4]


def test_a_cut_right_after_a_hand_over_begins_an_outage_of_its_own() -> None:
    rig = Rig()
    rig.open()
    for _ in range(2):  # the second comes before the line is stable
        rig.core.go_away(rig.now, 9.0)
        rig.pass_time(0.3)
        rig.wait_for_attempt()
        rig.connect()
        rig.pass_time(3.0)
    assert [e.attempt for e in rig.of(ev.Reconnecting)] == [1, 2]  # thrown off a new line: that counts
    rig.pass_time(11.0)
    rig.core.go_away(rig.now, 9.0)
    rig.pass_time(0.3)
    rig.wait_for_attempt()
    rig.connect()
    rig.pass_time(3.0)
    rig.cut()
    moved, cut = rig.of(ev.Reconnecting)[-2:]
    assert (moved.attempt, moved.planned, cut.attempt, cut.planned) == (1, True, 1, False)
    assert rig.core.outage.since == rig.now


def test_a_hand_over_whose_attempt_fails_is_an_outage_like_any_other() -> None:
    rig = Rig()
    rig.open()
    rig.pass_time(11.0)
    rig.core.go_away(rig.now, 9.0)
    rig.pass_time(0.3)
    rig.wait_for_attempt()
    rig.cut(REFUSED)
    rig.wait_for_attempt()
    rig.connect()
    rig.pass_time(3.0)
    rig.cut()
    assert [e.attempt for e in rig.of(ev.Reconnecting)] == [1, 2, 3]


def test_a_session_that_was_suspended_in_the_middle_of_a_move_counts_the_next_loss() -> None:
    rig = at("connected/draining")
    rig.core.suspend(rig.now, "suspendRequested")
    rig.run()
    rig.echo()
    rig.core.resume(rig.now, "resumeRequested")
    rig.run()
    rig.wait_for_attempt()
    rig.connect()
    rig.pass_time(11.0)
    rig.cut()
    assert rig.core.stats.losses == 1
    assert not rig.of(ev.Reconnecting)[-1].planned


@pytest.mark.parametrize("place", PLACES)
def test_the_change_of_state_that_is_told_is_the_state_that_is_found(place: str) -> None:
    rig = at(place)
    changes = rig.of(ev.StateChanged)
    assert rig.states()[-1] == place
    assert changes[-1].after == rig.core.machine.node
    assert changes[-1].revision == rig.core.machine.revision == len(changes)


@pytest.mark.parametrize("place", PLACES)
def test_a_tick_out_of_turn_changes_nothing(place: str) -> None:
    rig = at(place)
    rig.core.moment(quiet=True, model_speaking=False)
    told = len(rig.told)
    for _ in range(3):
        if rig.core.due_at() > rig.now:
            rig.core.tick(rig.now)
            rig.run()
    assert (rig.state, len(rig.told)) == (place, told)


def test_a_line_that_is_silent_when_its_ten_seconds_are_over_has_not_proven_itself() -> None:
    rig = Rig(Settings(heartbeat=Heartbeat(interval_s=2.0, suspect_after_s=1.0)))
    rig.open()
    rig.answers_pings = False
    rig.pass_time(12.0)
    assert rig.state == "connected/suspect"
    rig.cut()
    assert rig.core.outage.failures == 1


def test_a_line_that_was_silent_and_spoke_again_proves_itself_then() -> None:
    rig = Rig(Settings(heartbeat=Heartbeat(interval_s=2.0, suspect_after_s=1.0)))
    rig.open()
    rig.answers_pings = False
    rig.pass_time(12.0)
    rig.answers_pings = True
    rig.core.heard(rig.now)
    rig.run()
    rig.pass_time(3.0)
    rig.cut()
    assert rig.core.outage.reached == 0
