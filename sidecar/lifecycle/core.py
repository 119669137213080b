"""The lifecycle of one session: inputs in, effects and events out (design section 3).

Every input method takes `now` and appends to `out`; the driver carries out what it finds there, in
order, and calls `tick` at `due_at`. Nothing here waits, reads a clock or touches a socket.
"""

from sidecar.lifecycle import events as ev
from sidecar.lifecycle.clockwork import Clockwork
from sidecar.lifecycle.course import INSISTING
from sidecar.lifecycle.faults import REVIVED_BY_NETWORK, Cause, Fault, Layer, classify
from sidecar.lifecycle.item import Item
from sidecar.lifecycle.line import Line
from sidecar.lifecycle.settings import Settings
from sidecar.lifecycle.states import Event, State
from sidecar.lifecycle.telling import HEALTH_INTERVAL_S


class Lifecycle(Clockwork):
    """The core: its inputs."""

    # --- inputs: the host -------------------------------------------------------------------------

    def open(self, now: float, *, previous_close_age_s: float | None = None) -> None:
        """Start the first connection. `previous_close_age_s`: how long ago the last line of the given
        handle ended, None where nobody knows."""
        self._begin(now)
        had_handle = self.resumption.has_handle
        self.recovery.opened(now, previous_close_age_s)
        self.recovery.attempt(now)
        self._tell_dropped_handle(had_handle)
        self._step(Event.OPEN, "open", now)
        delay_s = self.recovery.owner_delay_s(now)
        if delay_s > 0:
            self._timers["first"] = now + delay_s
        else:
            self._dial(now)

    def reconnect(self, now: float) -> None:
        """The host wants it now: end a wait, revive a failed session, or replace the live line."""
        self.recovery.insisted()
        if not self._go(INSISTING, now) and self.machine.allows(Event.HAND_OVER):
            self._start_hand_over(INSISTING, now)

    def suspend(self, now: float, reason: str) -> None:
        """Give the line up until `resume`. Ignored where there is nothing to suspend."""
        self._revive_reason = ""
        if self.machine.allows(Event.SUSPEND):
            self._park(reason, now)

    def resume(self, now: float, reason: str) -> None:
        """End a suspension."""
        if self.state is State.SUSPENDED:
            self._go(reason, now)

    def network_changed(self, now: float, *, online: bool, address_changed: bool = False) -> None:
        """What the host was told about its network: a hint, so a live line is probed, not dropped, unless
        its address is gone. Online also ends a wait, and revives who gave up by a limit of ours."""
        if address_changed and self.machine.allows(Event.HAND_OVER):
            self._start_hand_over("networkChanged", now, drain=False)
        elif self.writable:
            self._probe(now)
        elif online and self.state is not State.SUSPENDED and self._worth_reviving:
            self._go("networkChanged", now)

    def slept(self, now: float, slept_s: float, *, clock_stood: bool) -> None:
        """The machine slept and nobody said so. Never a reason to kill by itself: the line is probed.

        Args:
            clock_stood: our clock did not go on meanwhile, that of the service did.
        """
        self.stats.sleeps += 1
        self.out.append(ev.Slept(slept_s))
        self.recovery.slept(slept_s, clock_stood=clock_stood)
        if clock_stood and self.line is not None:
            self.line.schedule.slept(slept_s)
        if not clock_stood and "open" in self._timers:
            self._timers["open"] += slept_s
        self.woke(now)

    def woke(self, now: float) -> None:
        """The machine is awake again: a live line must show it, a wait is over."""
        if self.writable:
            self._probe(now)
        elif "retry" in self._timers:
            self._wake(now, "woke")

    def configure(self, settings: Settings, now: float) -> None:
        """Go by other settings from the next decision on. The line is kept."""
        self.settings = self.recovery.settings = settings
        self.outbox.configure(settings.outbox, settings.ring_s)
        if self.line is not None:
            self.line.configure(settings)
        if not settings.breaker.enabled:
            self.recovery.breaker = self.recovery.breaker.succeeded()
            self._tell_breaker(now)
        self.out.append(ev.Configured())

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
        elif self.line.close_sent or (self.outbox.delivered and not self.outbox.held):
            self._send_close(now)
        else:
            self.line.closing = False  # it may have been about to be left; what waits may still go
            self.line.schedule.cancel()
            self._timers["drain"] = now + (self.settings.deadlines.drain_s if drain_s is None else drain_s)
            self.line.liveness.hurry(now)
            self.out.append(ev.Flush())

    def fail(self, fault: Fault, now: float) -> None:
        """Something of ours makes it impossible to go on: tell it as fatal, and close at once."""
        self._tell_failure(fault, now, fatal=True)
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
            if self.outbox.drops:
                self._moved(now)
        return True

    def _go(self, reason: str, now: float) -> bool:
        """End a rest or a wait; False when there is none."""
        if self.machine.allows(Event.REVIVE):
            self._revive(now, reason)
        elif "retry" in self._timers:
            self._wake(now, reason)
        else:
            return False
        return True

    @property
    def _worth_reviving(self) -> bool:
        fault = self.fault
        return self.state is not State.FAILED or (
            fault is not None
            and (fault.retryable or fault.kind in REVIVED_BY_NETWORK)
            and fault.kind != "reconnectDisabled"
        )

    # --- inputs: the attempt ----------------------------------------------------------------------

    def asking(self, now: float) -> None:
        """The attempt waits for a credential. Whoever gives it has a deadline of his own; the session's ends
        the wait too."""
        self._timers["token"] = self.recovery.ends_at

    def asked(self) -> None:
        """It is here."""
        self._timers.pop("token", None)

    def dialing(self, now: float, proxy: str = "") -> None:
        """The attempt may dial: its deadlines begin. `proxy`: what is dialled in the service's place, for
        people; empty for none."""
        deadlines = self.settings.deadlines
        self._timers["step"] = now + deadlines.dial_s
        self._timers["attempt"] = now + deadlines.attempt_s
        self._step_name, self._proxy = "dns", proxy
        self.stats.began(now)

    def resolved(self, now: float) -> None:
        """The addresses are known. One deadline rules this step and the next."""
        self.stats.step("dns", now)
        self._step_name = "tcp"

    def tunnelling(self, now: float) -> None:
        """The proxy is connected and asked for the service: it now looks up and connects as we would have,
        and has the same time for it."""
        self._timers["step"] = now + self.settings.deadlines.dial_s
        self.stats.step("tcp", now)
        self._step_name = "proxy"

    def tcp_connected(self, now: float) -> None:
        """There is a connection to the service, or a way through the proxy."""
        self._timers["step"] = now + self.settings.deadlines.handshake_s
        self.stats.step("proxy" if self._step_name == "proxy" else "tcp", now)
        self._step(Event.TCP_CONNECTED, "tcpConnected", now)

    def secured(self, now: float) -> None:
        """TLS is done, if there is any."""
        self.stats.step("tls", now)

    def upgraded(self, now: float, *, resuming: bool) -> None:
        """The upgrade is done and the setup goes out; `resuming` when it carries the handle."""
        self._timers["step"] = now + self.settings.deadlines.setup_s
        self.recovery.resuming = resuming
        self.stats.resumes_tried += resuming
        self.stats.step("upgrade", now)
        self._step(Event.UPGRADED, "upgraded", now)

    def setup_complete(self, now: float, *, reseeded: bool = False) -> None:
        """The session is usable. The only way into `connected`.

        Args:
            reseeded: a fresh session was given the transcript of the one it replaces.
        """
        self._timers.clear()
        self._attempting = False
        resumed, reconnected = self.recovery.resuming, self.recovery.connected_before
        had_handle = self.resumption.has_handle
        restored = self.recovery.connected()
        if restored == "fresh":
            self.stats.fresh += 1
            self.stats.reseeded += reseeded
        self.state_restored = ("reseeded" if reseeded else restored) or self.state_restored
        self._tell_dropped_handle(had_handle)
        self.stats.connected += 1
        self.stats.step("setup", now)
        self.line = Line(self.settings, now, resuming=resumed, quiet=self._quiet)
        if self._early_end_at is not None:
            self.line.schedule.go_away(self._early_end_at - now, now)
        self.stall.connected(now, resumed=resumed)
        first = self.outbox.connected(resumed=restored != "fresh")
        if first is not None:
            self.outbox.put_first(first)
        self.fault = None
        self._announced = None
        self._step(Event.SETUP_COMPLETE, "setupComplete", now)
        if reconnected:
            self._tell_reconnected(now)
        if reconnected or not self.outbox.idle or self.outbox.drops:
            self._report(now)
        self._tell_health(now)
        self.out.append(ev.Flush())

    def ended(self, now: float, cause: Cause, *, unsent_bytes: int = 0, echoed: bool = False) -> None:
        """The attempt failed, or the line is gone.

        Args:
            unsent_bytes: what never left this process.
            echoed: the other side answered our close frame, so it took all that was written before.
        """
        if echoed and (self.state is State.DISCONNECTING or not self.outbox.indexes.rule):
            self.outbox.confirm_all()  # with indexes not for a line to come: what counts is the handle
        if self.state is State.DISCONNECTING:
            self.stats.failed += self._attempting
            self._closed(now)
        elif self.state in (State.SUSPENDED, State.FAILED):
            self._at_rest(cause, now, unsent_bytes)
        elif self.line is not None:
            self._line_lost(self.line, classify(cause), now, unsent_bytes)
        elif self._attempting:
            self._attempt_failed(cause, now)

    # --- inputs: the live line --------------------------------------------------------------------

    def heard(self, now: float, unacked_bytes: int | None = None) -> None:
        """Bytes came in, at the latest now. `unacked_bytes`: of what we wrote, what TCP says is under way."""
        if self.line is not None and self.line.heard(now, unacked_bytes) and self.machine.allows(Event.HEARD):
            self._step(Event.HEARD, "heard", now)
            self._tell_health(now)

    def uplink_moves(self, now: float) -> None:
        """The oldest unanswered ping still waits behind other bytes, and these are leaving."""
        if self.line is not None:
            self.line.liveness.uplink_moves(now)

    def frame(self, now: float, *, content: bool) -> None:
        """A server message came. Content, as opposed to housekeeping, proves that a resume was taken."""
        if self.line is not None and self.line.answered(content=content):
            self._line_proven(now)

    def pong(self, now: float, number: int) -> None:
        line = self.line
        rtt_s = line.liveness.pong(number, now) if line is not None else None
        if line is None or rtt_s is None:
            return
        self.stats.round_trip(rtt_s)
        line.answered(content=False)
        line.pong = number
        self._confirm(line, now)
        if now - self._health_at >= HEALTH_INTERVAL_S:
            self._tell_health(now)

    def go_away(self, now: float, time_left_s: float) -> None:
        """The service orders us to leave. The tick that follows decides when."""
        self.stats.go_aways += 1
        self.out.append(ev.GoAwayReceived(time_left_s))
        if self.line is not None:
            self.line.schedule.go_away(time_left_s, now)
        else:
            self._early_end_at = now + time_left_s

    def handle(self, handle: str, *, resumable: bool) -> None:
        """A sessionResumptionUpdate."""
        self.resumption.update(handle, resumable=resumable)
        self.out.append(ev.HandleChanged(self.resumption.resumable, self.resumption.handle))

    def consumed(self, index: int, now: float) -> None:
        """The handle that came just now holds the line's messages up to this index (LP 4.4 item 10)."""
        if self.line is not None and self.outbox.consumed(index):
            self._confirmed(now)

    def calls_cancelled(self, ids: frozenset[str], now: float) -> None:
        """The service takes these tool calls back (LP 3): an answer that still waits is not sent."""
        self.outbox.cancelled(ids)
        self._moved(now)

    def demanded(self, demand: str, now: float) -> None:
        """The service shows that an answer is owed: it heard the user speak. What a message of the host
        demands is owed from the moment it is written (`take`)."""
        self.stall.demanded(demand, now)

    def answered(self, now: float) -> None:
        """The model answers."""
        self.stall.answered(now)

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
            if item.demand is not None:  # from now on the service owes an answer
                self.stall.demanded(item.demand, now)
            self._moved(now)
        return item
