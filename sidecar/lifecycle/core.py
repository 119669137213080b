"""The lifecycle of one session: inputs in, effects and events out (design section 3).

Every input method takes `now` and appends to `out`; the driver carries out what it finds there, in
order, and calls `tick` at `due_at`. Nothing here waits, reads a clock or touches a socket.
"""

from collections.abc import Callable
from typing import Any

from sidecar.lifecycle import events as ev
from sidecar.lifecycle.backoff import Outage, Retry, Stop, ended_by
from sidecar.lifecycle.faults import Cause, Fault, Layer, classify
from sidecar.lifecycle.line import Line, News
from sidecar.lifecycle.liveness import NEVER
from sidecar.lifecycle.outbox import Item, Outbox
from sidecar.lifecycle.recovery import Recovery
from sidecar.lifecycle.resumption import Resumption
from sidecar.lifecycle.settings import Settings
from sidecar.lifecycle.states import Event, Machine, Phase, State

REPORT_INTERVAL_S = 0.25
"""The queue is reported four times a second while it moves."""
HEALTH_INTERVAL_S = 1.0


class Lifecycle:
    """The core. Its attributes may be read; only the input methods change them."""

    def __init__(self, settings: Settings, random: Callable[[], float], *, handle: str | None = None) -> None:
        self.settings = settings
        self.machine = Machine()
        self.resumption = Resumption(enabled=settings.resumption, handle=handle)
        self.outbox = Outbox(settings.outbox, settings.ring_s)
        self.line: Line | None = None
        self.out: list[
            Any
        ] = []  # effects and events of ours; the driver adds its own, so that all keep their order
        self.recovery = Recovery(settings, self.resumption, random)
        self.fault: Fault | None = None
        self.reason = ""
        self.state_restored: str | None = None
        self.model_speaking = False
        self._quiet = True
        self._timers: dict[str, float] = {}
        self._ping_number = 0
        self._attempting = False
        self._replayed_before_us = 0
        self._reported_at = -NEVER
        self._health_at = -NEVER

    # --- queries ----------------------------------------------------------------------------------

    @property
    def state(self) -> State:
        return self.machine.state

    @property
    def writable(self) -> bool:
        """Whether the outbox may be written to the line now."""
        return self.line is not None and not self.line.closing

    @property
    def accepts(self) -> bool:
        """Whether messages are taken: not before the open, not after the end, not while nobody tries."""
        return self.state not in (State.DISCONNECTED, State.DISCONNECTING, State.FAILED)

    @property
    def outage(self) -> Outage:
        """What happened since the session was last stable."""
        return self.recovery.outage

    def retry_in_s(self, now: float) -> float | None:
        due = self._timers.get("retry")
        return None if due is None else max(0.0, due - now)

    def due_at(self) -> float:
        """When `tick` must be called at the latest."""
        due = min(self._timers.values(), default=NEVER)
        return due if self.line is None else min(due, self.line.due_at())

    # --- inputs: the host -------------------------------------------------------------------------

    def open(self, now: float) -> None:
        """Start the first connection."""
        self._timers["open"] = now + self.settings.deadlines.open_s
        self.recovery.opened(now)
        self.recovery.attempt(now)
        self._step(Event.OPEN, "open", now)
        self._dial(now)

    def reconnect(self, now: float) -> None:
        """The host wants it now: end a wait, revive a failed session, or replace the live line."""
        if self.machine.allows(Event.REVIVE):
            self.recovery.revived()
            self._step(Event.REVIVE, "requested", now)
            self._retry(now, "requested")
        elif "retry" in self._timers:
            self._retry(now, "requested")
        elif self.machine.allows(Event.HAND_OVER):
            self._start_hand_over("requested", now)

    def close(self, now: float, drain_s: float | None = None, reason: str = "closeRequested") -> None:
        """Close gracefully: let what was accepted be confirmed until `drain_s`, then close. Idempotent."""
        if not self.machine.allows(Event.CLOSE):
            return
        self._timers.clear()
        self._step(Event.CLOSE, reason, now)
        if self.line is None:
            if self._attempting:
                self.out.append(ev.Abort(Cause(Layer.LOCAL, "closeRequested")))
            else:
                self._closed(now)
        elif self.line.closing or self.outbox.idle:
            self._send_close(now)
        else:
            self.line.schedule.cancel()
            self._timers["drain"] = now + (self.settings.deadlines.drain_s if drain_s is None else drain_s)
            self.line.liveness.hurry(now)
            self.out.append(ev.Flush())

    def fail(self, fault: Fault, now: float) -> None:
        """Something of ours makes it impossible to go on: tell it as fatal, and close at once."""
        self.out.append(ev.Failure(fault, fatal=True))
        self.close(now, 0.0, fault.kind)

    def offer(self, item: Item, now: float) -> bool:
        """A message of the host. False: the state does not allow it, and it is refused.

        Raises:
            Full: there is no room; it is refused.
        """
        if not self.accepts:
            self.outbox.refuse(item)
            return False
        try:
            self.outbox.accept(item)
        finally:
            if self.outbox.has_drops:
                self._moved(now)
        return True

    # --- inputs: the attempt ----------------------------------------------------------------------

    def tcp_connected(self, now: float) -> None:
        self._timers["step"] = now + self.settings.deadlines.handshake_s
        self._step(Event.TCP_CONNECTED, "tcpConnected", now)

    def upgraded(self, now: float, *, resuming: bool) -> None:
        """The upgrade is done and the setup goes out; `resuming` when it carries the handle."""
        self._timers["step"] = now + self.settings.deadlines.setup_s
        self.recovery.resuming = resuming
        self._step(Event.UPGRADED, "upgraded", now)

    def setup_complete(self, now: float) -> None:
        """The session is usable. The only way into `connected`."""
        self._timers.clear()
        self._attempting = False
        resumed, reconnected = self.recovery.resuming, self.recovery.connected_before
        had_handle = self.resumption.has_handle
        self.state_restored = self.recovery.connected() or self.state_restored
        self._tell_dropped_handle(had_handle)
        self.line = Line(self.settings, now, resuming=resumed, quiet=self._quiet)
        first = self.outbox.connected(resumed=resumed or not reconnected)
        if first is not None:
            self.outbox.put_first(first)
        if self.outbox.has_drops:
            self._moved(now)
        self.fault = None
        self._step(Event.SETUP_COMPLETE, "setupComplete", now)
        if reconnected:
            self._tell_reconnected(now)
        self.out.append(ev.Flush())

    def ended(self, now: float, cause: Cause, *, unsent_bytes: int = 0, echoed: bool = False) -> None:
        """The attempt failed, or the line is gone.

        Args:
            unsent_bytes: what never left this process.
            echoed: the other side answered our close frame, so it took all that was written before.
        """
        if echoed:
            self.outbox.confirm(self._ping_number + 1)
        if self.state is State.DISCONNECTING:
            self._closed(now)
        elif self.line is not None:
            self._line_lost(self.line, classify(cause), now, unsent_bytes)
        elif self._attempting:
            self._attempting = False
            fault, had_handle = classify(cause), self.resumption.has_handle
            decision = self.recovery.failed(fault, now)
            self._tell_dropped_handle(had_handle)
            self._go_on(fault, decision, Event.ATTEMPT_FAILED, now)

    # --- inputs: the live line --------------------------------------------------------------------

    def heard(self, now: float, unacked_bytes: int | None = None) -> None:
        """Bytes came in, at the latest now. `unacked_bytes`: of what we wrote, what TCP says is under way."""
        if self.line is not None and self.line.heard(now, unacked_bytes) and self.machine.allows(Event.HEARD):
            self._step(Event.HEARD, "heard", now)

    def frame(self, now: float, *, content: bool) -> None:
        """A server message came. Content, as opposed to housekeeping, proves that a resume was taken."""
        if self.line is not None and self.line.answered(content=content):
            self._confirm(self.line, now)

    def pong(self, now: float, number: int) -> None:
        line = self.line
        rtt_s = line.liveness.pong(number, now) if line is not None else None
        if line is None or rtt_s is None:
            return
        line.answered(content=False)
        line.pong = number
        self._confirm(line, now)
        if now - self._health_at >= HEALTH_INTERVAL_S:
            self._health_at = now
            average_s = line.liveness.rtt_average_s or rtt_s
            self.out.append(ev.Health(rtt_s, average_s, line.liveness.silence_s(now)))

    def go_away(self, now: float, time_left_s: float) -> None:
        """The service orders us to leave. The tick that follows decides when."""
        self.out.append(ev.GoAwayReceived(time_left_s))
        if self.line is not None:
            self.line.schedule.go_away(time_left_s, now)

    def handle(self, handle: str, *, resumable: bool) -> None:
        """A sessionResumptionUpdate."""
        self.resumption.update(handle, resumable=resumable)
        self.out.append(ev.HandleChanged(self.resumption.resumable, self.resumption.handle))

    def moment(self, *, quiet: bool, model_speaking: bool) -> None:
        """What the conversation is doing. In a quiet moment a hand-over disturbs nobody."""
        self._quiet, self.model_speaking = quiet, model_speaking
        if self.line is not None:
            self.line.quiet = quiet

    def take(self, now: float) -> Item | None:
        """The next message to write, or None when there is none to write now."""
        if not self.writable:
            return None
        item = self.outbox.take(now, self._ping_number + 1)
        if item is None:
            ready_at = self.outbox.ready_at(now)
            if ready_at is not None:
                self._timers["flush"] = ready_at
        elif self.line is not None:
            self.line.liveness.wrote()
            self._moved(now)
        return item

    def ping(self, now: float) -> int | None:
        """Ping out of turn; returns the ping's number, or None without a line."""
        if self.line is None:
            return None
        self._ping_number += 1
        self.line.liveness.pinged(self._ping_number, now)
        self.out.append(ev.Ping(self._ping_number))
        return self._ping_number

    def _confirm(self, line: Line, now: float) -> None:
        if not line.unproven and self.outbox.confirm(line.pong):
            self._moved(now)
            if "drain" in self._timers and self._drained:
                self._send_close(now)

    # --- time -------------------------------------------------------------------------------------

    def tick(self, now: float, late_s: float = 0.0) -> None:
        """Do what is due. `late_s`: how much later than asked for this comes, because we were held up."""
        for name in sorted(
            (n for n, due in self._timers.items() if due <= now), key=self._timers.__getitem__
        ):
            if self._timers.pop(name, NEVER) <= now:
                _ON_TIMER[name](self, now)
        line = self.line
        for news in line.tick(now, late_s) if line is not None else ():
            _ON_NEWS[news](self, now)

    def _step_late(self, now: float) -> None:
        self.out.append(ev.Abort(_LATE[self.machine.phase]))

    def _attempt_late(self, now: float) -> None:
        self.out.append(ev.Abort(Cause(Layer.LOCAL, "attemptTimeout")))

    def _open_late(self, now: float) -> None:
        fault = ended_by("openTimeout", self.fault)
        self._give_up(Stop(fault, self.fault or fault), now)

    def _retry_due(self, now: float) -> None:
        self._retry(now, "retry")

    def _close_late(self, now: float) -> None:
        self.out.append(ev.Abort(Cause(Layer.LOCAL, "closeTimeout")))

    def _flush_due(self, now: float) -> None:
        self.out.append(ev.Flush())

    def _ping_due(self, now: float) -> None:
        self.ping(now)

    def _line_proven(self, now: float) -> None:
        if self.line is not None:
            self._confirm(self.line, now)

    def _line_suspect(self, now: float) -> None:
        if self.machine.allows(Event.SILENT):
            self._step(Event.SILENT, "silent", now)

    def _line_dead(self, now: float) -> None:
        if self.line is not None:
            silence_s = self.line.liveness.silence_s(now)
            self.out.append(ev.Abort(Cause(Layer.LOCAL, "silence", f"no sign of life for {silence_s:.1f} s")))

    def _line_stable(self, now: float) -> None:
        self.recovery.stable()

    def _hand_over_due(self, now: float) -> None:
        if self.line is not None and self.machine.allows(Event.HAND_OVER):
            self._start_hand_over(self.line.schedule.reason, now)

    # --- the way back -----------------------------------------------------------------------------

    def _dial(self, now: float) -> None:
        deadlines = self.settings.deadlines
        self._timers["step"] = now + deadlines.dial_s
        self._timers["attempt"] = now + deadlines.attempt_s
        self._attempting = True
        self.out.append(ev.Dial(self.recovery.fresh))

    def _retry(self, now: float, reason: str) -> None:
        self._timers.pop("retry", None)
        self.recovery.attempt(now)
        if self.machine.allows(Event.RETRY):
            self._step(Event.RETRY, reason, now)
        self._dial(now)

    def _line_lost(self, line: Line, fault: Fault, now: float, unsent_bytes: int) -> None:
        planned = self.recovery.planned
        refused = self.recovery.refuses(line, fault)
        had_handle = self.resumption.has_handle
        decision = self.recovery.lost(line, fault, now, model_speaking=self.model_speaking)
        self._tell_dropped_handle(had_handle)
        self.line = None
        self._timers.clear()
        if not refused:
            self._replayed_before_us = self.outbox.books.replayed_us
        self.outbox.line_lost(
            line.liveness.last_heard_at,
            unsent_bytes=unsent_bytes,
            unacked_bytes=line.unacked_bytes,
            refused=refused,
            blamed=fault.ws_code == 1007,
        )
        self._go_on(planned or fault, decision, Event.LINE_LOST, now, planned=planned is not None)

    def _go_on(
        self, fault: Fault, decision: Stop | Retry, event: Event, now: float, *, planned: bool = False
    ) -> None:
        """Enter the state that follows a failure."""
        self.fault = None if planned else fault
        for name in ("step", "attempt"):
            self._timers.pop(name, None)
        if isinstance(decision, Stop):
            self._give_up(decision, now)
            return
        self._timers["retry"] = now + decision.delay_s
        self._step(event, fault.kind, now)
        attempt = self.outage.attempts + 1
        self.out.append(ev.Reconnecting(attempt, decision.delay_s, decision.fresh, planned, fault))
        if not planned:
            self.out.append(ev.Failure(fault, fatal=False))
        self._report(now)

    def _give_up(self, stop: Stop, now: float) -> None:
        self._timers.clear()
        self.fault = stop.fault
        self._step(Event.GIVE_UP, stop.fault.kind, now)
        if self._attempting:
            self._attempting = False
            self.out.append(ev.Abort(Cause(Layer.LOCAL, "givenUp")))
        if stop.last is not stop.fault:
            self.out.append(ev.Failure(stop.last, fatal=False))
        self.out.append(ev.Failure(stop.fault, fatal=True))
        self._report(now)

    def _tell_reconnected(self, now: float) -> None:
        books = self.outbox.books
        replayed_us = books.replayed_us - self._replayed_before_us
        restored, gap_s = self.state_restored or "fresh", now - self.recovery.lost_at
        self.out.append(ev.Reconnected(self.outage.attempts, gap_s, restored, books.held_us, replayed_us))

    # --- hand-over and close ----------------------------------------------------------------------

    def _start_hand_over(self, reason: str, now: float) -> None:
        """Stop writing, let what was written be confirmed, and close the old line before a new one is
        dialled: the service takes one owner at a time (LP 4.4 item 3)."""
        line = self.line
        if line is None:
            return
        self.recovery.leave(classify(Cause(Layer.LOCAL, reason)), now)
        self._timers.clear()
        line.closing = True
        line.liveness.hurry(now)
        self._step(Event.HAND_OVER, reason, now)
        if self._drained:
            self._send_close(now)
        else:
            self._timers["drain"] = now + self.settings.hand_over.drain_s

    @property
    def _drained(self) -> bool:
        """Whether a line that is being closed has nothing left to do."""
        return not self.outbox.unconfirmed and (not self.outbox.held or self.state is State.CONNECTED)

    def _send_close(self, now: float) -> None:
        moving = self.state is State.CONNECTED
        wait_s = self.settings.hand_over.old_close_s if moving else self.settings.deadlines.close_s
        self._timers.clear()
        self._timers["close"] = now + wait_s
        if self.line is not None:
            self.line.closing = True
        self.out.append(ev.SendClose())

    def _drain_late(self, now: float) -> None:
        self._send_close(now)

    def _closed(self, now: float) -> None:
        self._timers.clear()
        self.line = None
        self._attempting = False
        self.outbox.close()
        self._report(now)
        self._step(Event.CLOSED, "closed", now)
        self.out.append(ev.Finished())

    # --- telling ----------------------------------------------------------------------------------

    def _step(self, event: Event, reason: str, now: float) -> None:
        before, after = self.machine.step(event)
        self.reason = reason
        restored = self.state_restored if after[0] is State.CONNECTED else None
        self.out.append(
            ev.StateChanged(
                self.machine.revision,
                before,
                after,
                reason,
                self.outage.attempts,
                self.retry_in_s(now),
                restored,
                self.fault,
            )
        )

    def _tell_dropped_handle(self, had_handle: bool) -> None:
        if had_handle and not self.resumption.has_handle:
            self.out.append(ev.HandleChanged(False, None))

    def _moved(self, now: float) -> None:
        if now - self._reported_at >= REPORT_INTERVAL_S:
            self._report(now)
        elif "report" not in self._timers:
            self._timers["report"] = self._reported_at + REPORT_INTERVAL_S

    def _report(self, now: float) -> None:
        self._timers.pop("report", None)
        self._reported_at = now
        self.out.extend(ev.Dropped(drop) for drop in self.outbox.take_drops())
        self.out.append(ev.QueueMoved())


_LATE: dict[Phase | None, Cause] = {
    Phase.DIALING: Cause(Layer.TCP, "timeout"),
    Phase.HANDSHAKING: Cause(Layer.HTTP, "timeout"),
    Phase.SETUP: Cause(Layer.LOCAL, "setupTimeout", "the service did not answer the setup"),
}

_ON_TIMER: dict[str, Callable[[Lifecycle, float], None]] = {
    "step": Lifecycle._step_late,
    "attempt": Lifecycle._attempt_late,
    "open": Lifecycle._open_late,
    "retry": Lifecycle._retry_due,
    "drain": Lifecycle._drain_late,
    "close": Lifecycle._close_late,
    "flush": Lifecycle._flush_due,
    "report": Lifecycle._report,
}
"""Every timer has an owner: the method that is called when it is due."""

_ON_NEWS: dict[News, Callable[[Lifecycle, float], None]] = {
    News.PROVEN: Lifecycle._line_proven,
    News.PING: Lifecycle._ping_due,
    News.SUSPECT: Lifecycle._line_suspect,
    News.DEAD: Lifecycle._line_dead,
    News.STABLE: Lifecycle._line_stable,
    News.HAND_OVER: Lifecycle._hand_over_due,
}
