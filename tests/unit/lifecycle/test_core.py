"""The lifecycle as a whole, on virtual time: what goes in, what is decided, what is told."""

from typing import Any

import pytest

from sidecar.lifecycle import events as ev
from sidecar.lifecycle.core import Lifecycle
from sidecar.lifecycle.faults import Cause, Layer
from sidecar.lifecycle.outbox import Item, Kind
from sidecar.lifecycle.settings import STRICT, Reconnect, Settings
from sidecar.lifecycle.states import State

CUT = Cause(Layer.WEBSOCKET, 1006, "reset")
OWNED = Cause(Layer.WEBSOCKET, 1011, "Internal error encountered.")


class Rig:
    """Drives the core as the session does, against a line that does what the test says."""

    def __init__(self, settings: Settings | None = None, handle: str | None = None) -> None:
        self.now = 1000.0
        self.core = Lifecycle(settings or Settings(), lambda: 0.5, handle=handle)
        self.told: list[Any] = []
        self.written: list[int | None] = []
        self.pings: list[int] = []
        self.dials = 0
        self.closes = 0
        self.finished = False
        self.answers_pings = True

    def run(self) -> None:
        out = self.core.out
        while out:
            entry = out.pop(0)
            match entry:
                case ev.Dial():
                    self.dials += 1
                case ev.Ping(number):
                    self.pings.append(number)
                case ev.SendClose():
                    self.closes += 1
                case ev.Abort(cause):
                    self.core.ended(self.now, cause)
                case ev.Flush():
                    while (item := self.core.take(self.now)) is not None:
                        self.written.append(item.n)
                case ev.Finished():
                    self.finished = True
                case _:
                    self.told.append(entry)

    def pass_time(self, seconds: float) -> None:
        """Virtual time: every due moment is visited, and a ping is answered in it."""
        end = self.now + seconds
        while True:
            answered = len(self.pings)
            due = max(self.core.due_at(), self.now)
            if due > end:
                break
            self.now = due
            self.core.tick(self.now)
            self.run()
            if self.answers_pings and self.core.line is not None:
                for number in self.pings[answered:]:
                    self.core.heard(self.now)
                    self.core.pong(self.now, number)
                    self.run()
        self.now = end

    def connect(self, *, resuming: bool | None = None, content: bool = True) -> None:
        """The attempt that was started succeeds."""
        core = self.core
        core.tcp_connected(self.now)
        core.upgraded(self.now, resuming=core.resumption.has_handle if resuming is None else resuming)
        core.setup_complete(self.now)
        if content:
            core.frame(self.now, content=True)
        self.run()

    def open(self) -> None:
        self.core.open(self.now)
        self.run()
        self.connect()
        self.core.resumption.update("handle-1", resumable=True)

    def speak(self, first: int, last: int) -> None:
        for n in range(first, last + 1):
            self.core.offer(Item(Kind.AUDIO, b"x", n=n, audio_us=20_000), self.now)
            self.core.out.append(ev.Flush())
            self.run()
            self.pass_time(0.02)

    def cut(self, cause: Cause = CUT) -> None:
        self.core.ended(self.now, cause)
        self.run()

    def states(self) -> list[str]:
        return [f"{e.after[0].value}/{e.after[1].value}" if e.after[1] else e.after[0].value
                for e in self.told if isinstance(e, ev.StateChanged)]  # fmt: skip

    def of(self, kind: type) -> list[Any]:
        return [e for e in self.told if isinstance(e, kind)]


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


@pytest.mark.parametrize(
    ("steps", "after_s", "kind"),
    [(0, 5.0, "connectTimeout"), (1, 5.0, "handshakeTimeout"), (2, 8.0, "setupTimeout")],
)
def test_each_step_of_an_attempt_has_its_deadline(steps: int, after_s: float, kind: str) -> None:
    rig = Rig()
    rig.core.open(rig.now)
    if steps > 0:
        rig.core.tcp_connected(rig.now)
    if steps > 1:
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


def test_a_refused_resume_within_the_window_keeps_the_handle_and_does_not_count() -> None:
    rig = Rig()
    rig.open()
    rig.pass_time(11.0)
    rig.cut()
    rig.pass_time(1.5)
    for _ in range(5):
        assert rig.core._attempting
        rig.core.tcp_connected(rig.now)
        rig.core.upgraded(rig.now, resuming=True)
        rig.cut(OWNED)
        assert rig.core.resumption.has_handle
        rig.pass_time(1.01)
    assert rig.core.outage.reached == 0
    rig.connect()
    assert rig.core.state_restored == "resumed"


def test_a_refusal_after_setup_complete_is_survived_and_gives_back_what_was_written() -> None:
    rig = Rig()
    rig.open()
    rig.cut()
    rig.core.outbox.accept(Item(Kind.TEXT, b"hello", n=1))
    rig.pass_time(1.5)
    rig.connect(content=False)
    assert rig.written == [1]
    rig.pass_time(0.4)
    rig.cut(OWNED)
    assert [i.n for i in rig.core.outbox.held] == [1]
    assert rig.of(ev.Dropped) == []
    rig.pass_time(1.0)
    rig.connect()
    assert rig.written == [1, 1]


def test_a_pong_on_a_resume_that_is_not_proven_yet_confirms_nothing() -> None:
    rig = Rig()
    rig.open()
    rig.cut()
    rig.pass_time(1.5)
    rig.connect(content=False)
    rig.speak(0, 30)  # 0.62 s, pongs come
    assert rig.core.outbox.books.confirmed_us == 0
    rig.cut(OWNED)
    assert [i.n for i in rig.core.outbox.held] == list(range(31))
    rig.pass_time(1.0)
    rig.connect(content=False)
    rig.pass_time(1.6)
    assert rig.core.outbox.idle


def test_a_resume_refused_for_ten_seconds_becomes_a_fresh_session_within_fifteen() -> None:
    rig = Rig()
    rig.open()
    cut_at = rig.now
    rig.cut()
    fresh_at = None
    while fresh_at is None and rig.now < cut_at + 30:
        if rig.core._attempting:
            if rig.core.recovery.fresh:
                fresh_at = rig.now
                break
            rig.core.tcp_connected(rig.now)
            rig.core.upgraded(rig.now, resuming=True)
            rig.pass_time(0.5)
            rig.cut(OWNED)
        rig.pass_time(0.05)
    assert fresh_at is not None
    assert fresh_at - cut_at < 15
    rig.connect(resuming=False)
    assert rig.core.state_restored == "fresh"
    assert rig.of(ev.Reconnected)[-1].state_restored == "fresh"


def test_five_attempts_that_reach_the_service_and_fail_end_in_failed_and_reconnect_revives() -> None:
    rig = Rig(Settings(resumption=False))
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
    rig = Rig(Settings(resumption=False, reconnect=Reconnect(max_attempts=5)))
    rig.open()
    connections = 0
    while rig.core.state is not State.FAILED and connections < 100:
        rig.cut()
        while rig.core.state is State.RECONNECTING and not rig.core._attempting:
            rig.pass_time(0.1)
        if rig.core._attempting:
            connections += 1
            rig.connect(resuming=False)
            rig.pass_time(2.0)
    assert connections == 4  # the first line and four more died young: five


def test_ten_stable_seconds_and_a_sign_of_life_reset_the_counters() -> None:
    rig = Rig(Settings(resumption=False))
    rig.open()
    for _ in range(20):
        rig.pass_time(11.0)
        rig.cut()
        rig.pass_time(0.1)
        rig.connect(resuming=False)
    assert rig.core.state is State.CONNECTED


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
    assert rig.states()[-1] == "reconnecting/dialing"
    assert rig.dials == 2


def test_a_handle_from_an_earlier_process_is_used_at_once_and_its_refusal_is_taken_as_too_early() -> None:
    rig = Rig(handle="handle-0")
    rig.core.open(rig.now)
    rig.run()
    rig.core.tcp_connected(rig.now)
    rig.core.upgraded(rig.now, resuming=True)
    rig.cut(OWNED)
    assert rig.core.resumption.has_handle
    rig.pass_time(1.0)
    assert rig.dials == 2
    rig.connect()
    assert rig.core.state_restored == "resumed"


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


def test_a_line_that_dies_right_after_setup_complete_is_never_stable() -> None:
    rig = Rig(Settings(resumption=False))
    rig.open()
    rig.cut()
    rig.pass_time(1.0)
    rig.answers_pings = False
    rig.connect(resuming=False, content=False)
    rig.pass_time(80.0)
    assert rig.core.outage.reached >= 2


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


def test_a_close_asks_for_the_confirmation_at_once() -> None:
    rig = Rig()
    rig.open()
    rig.speak(0, 0)
    rig.core.close(rig.now)
    rig.run()
    rig.pass_time(0.01)
    assert rig.closes == 1


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


def test_a_handle_from_an_earlier_process_refused_after_setup_complete_is_kept_too() -> None:
    rig = Rig(handle="handle-0")
    rig.core.open(rig.now)
    rig.run()
    rig.connect(content=False)
    rig.pass_time(0.5)
    rig.cut(OWNED)
    assert rig.core.resumption.has_handle
    assert rig.of(ev.Reconnecting)[-1].fresh is False


def test_a_dropped_handle_is_told_so_that_nobody_keeps_it() -> None:
    rig = Rig()
    rig.open()
    rig.told.clear()
    rig.cut(Cause(Layer.WEBSOCKET, 1008, "BidiGenerateContent session not found"))
    assert ev.HandleChanged(False, None) in rig.told


def test_a_planned_hand_over_is_no_error() -> None:
    rig = Rig()
    rig.open()
    rig.core.go_away(rig.now, 10.0)
    rig.pass_time(1.0)
    assert all(e.fault is None for e in rig.of(ev.StateChanged))


def test_an_answer_to_a_call_of_a_lost_session_is_told_to_be_lost_when_the_fresh_one_is_there() -> None:
    rig = Rig(Settings(resumption=False))
    rig.open()
    rig.cut()
    rig.core.offer(Item(Kind.TOOL_RESPONSE, b"{}", ids=("call-1",)), rig.now)
    rig.pass_time(1.0)
    rig.connect(resuming=False)
    rig.pass_time(0.3)
    assert [(e.drop.reason, e.drop.ids) for e in rig.of(ev.Dropped)] == [("sessionLost", ["call-1"])]
