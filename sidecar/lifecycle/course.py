"""The course of a session: an attempt, a loss, the way back, the move to a new line, rest, the end.

These are the decisions carried out; what brings them about stands in `core`.
"""

from sidecar.lifecycle import events as ev
from sidecar.lifecycle.decision import (
    NO_REFUSAL,
    WISHES,
    Retry,
    Stop,
    asked_by_service_s,
    speaks_of_session,
)
from sidecar.lifecycle.faults import Action, Cause, Fault, Layer, classify
from sidecar.lifecycle.line import Line
from sidecar.lifecycle.liveness import NEVER
from sidecar.lifecycle.states import Event, State
from sidecar.lifecycle.telling import Telling

INSISTING = "requested"
"""The reason of `session/reconnect`."""


class Course(Telling):
    """See the module."""

    def _begin(self, now: float) -> None:
        """The first connection, or one more try of it: the open has its own deadline."""
        self.recovery.open_ends_at = self._timers["open"] = now + self.settings.deadlines.open_s

    def _forget_timers(self) -> None:
        """All but the deadline of the open: it ends with the first connection, or with the session."""
        open_at = self._timers.pop("open", None)
        self._timers.clear()
        if open_at is not None:
            self._timers["open"] = open_at

    # --- attempts ---------------------------------------------------------------------------------

    def _dial(self, now: float) -> None:
        """Start an attempt. Its deadlines run from the moment it may dial (`dialing`)."""
        self._attempting = True
        self._early_end_at = None
        self.stats.attempts += 1
        self.stats.began(now)
        self.out.append(ev.Dial(self.recovery.fresh, self.recovery.renewing()))

    def _retry(self, now: float, reason: str) -> None:
        self._timers.pop("retry", None)
        had_handle = self.resumption.has_handle
        self.recovery.attempt(now)
        self._tell_dropped_handle(had_handle)
        self._tell_breaker(now)
        if self.machine.allows(Event.RETRY):
            self._step(Event.RETRY, reason, now)
        self._dial(now)

    def _wake(self, now: float, reason: str) -> None:
        """Do not wait any longer than the service needs to let go of the old line; nor, unless the host
        insists, than the service or the breaker asked for."""
        delay_s = self._wait_s(now, reason)
        if delay_s <= 0:
            self._retry(now, reason)
            return
        self._timers["retry"] = now + delay_s
        if self._announced is not None:
            self._announce(self._announced._replace(delay_s=delay_s))

    def _wait_s(self, now: float, reason: str) -> float:
        asked_for_s = 0.0 if reason == INSISTING else self.recovery.asked_wait_s(now)
        return max(self.recovery.owner_delay_s(now), asked_for_s)

    def _announce(self, reconnecting: ev.Reconnecting) -> None:
        self._announced = reconnecting
        self.out.append(reconnecting)

    def _revive(self, now: float, reason: str) -> None:
        """From rest (parked, failed) to a new attempt."""
        if self.line is not None or self._attempting:  # it came to rest just now: what was is ended first
            if self.line is not None and not self.reviving:  # an attempt is being ended already
                self.out.append(ev.Abort(Cause(Layer.LOCAL, "suspended")))
            self._revive_reason = reason
            self._forget_timers()
            return
        if self.state is State.SUSPENDED:
            self.recovery.lost_at = now  # the gap that follows is ours, the rest was wanted
        self.recovery.revived()
        self.fault = None  # an old verdict says nothing of what follows
        wish = classify(Cause(Layer.LOCAL, reason if reason in WISHES else INSISTING))
        self._announced = ev.Reconnecting(self.outage.attempts + 1, 0.0, self.recovery.fresh, True, wish)
        if not self.recovery.connected_before and "open" not in self._timers:
            self._begin(now)
        self._timers["retry"] = now + self._wait_s(now, reason)
        self._step(Event.REVIVE, reason, now)
        self._wake(now, reason)

    def _attempt_failed(self, cause: Cause, now: float) -> None:
        self._attempting = False
        self.stats.failed += 1
        fault, had_handle = classify(cause), self.resumption.has_handle
        if self.recovery.resuming and fault.ws_code is not None and fault.ws_code not in NO_REFUSAL:
            self.stats.resumes_refused += 1
        decision = self.recovery.failed(fault, now)
        self._tell_dropped_handle(had_handle)
        self._go_on(fault, decision, Event.ATTEMPT_FAILED, now)
        self._tell_breaker(now)

    # --- a loss, and what follows -----------------------------------------------------------------

    def _line_lost(self, line: Line, fault: Fault, now: float, unsent_bytes: int) -> None:
        # Whatever was planned: a denial ends it, and a quota has to be waited for and told.
        if fault.action is Action.STOP or asked_by_service_s(fault, self.settings) > 0:
            self.recovery.planned = None
        planned = self.recovery.planned
        refused = self.recovery.refuses(line, fault)
        had_handle = self.resumption.has_handle
        decision = self.recovery.lost(line, fault, now, model_speaking=self.model_speaking)
        if planned is None:
            self.stats.losses += 1
            self.cuts.add(now)
        else:
            self.stats.hand_overs += 1
        self._tell_dropped_handle(had_handle)
        self.stats.resumes_refused += refused
        self._drop_line(line, fault, unsent_bytes, untaken=refused and speaks_of_session(fault))
        self._go_on(planned or fault, decision, Event.LINE_LOST, now, planned=planned is not None)
        self._tell_breaker(now)
        if planned is None:
            self._tell_health(now)

    def _drop_line(self, line: Line, fault: Fault, unsent_bytes: int, *, untaken: bool = False) -> None:
        """Nothing is left of the line but what it took with it. `untaken`: it took nothing."""
        self.line = None
        self._timers.clear()
        closed = fault.ws_code not in (None, 1006)
        had = None if line.unproven else line.had(closed=closed)
        self.outbox.line_lost(
            had.at if had is not None else -NEVER,
            unsent_bytes=unsent_bytes,
            unacked_bytes=had.unacked_bytes if had is not None else None,
            refused=untaken,
            blamed=fault.ws_code == 1007,
        )

    def _go_on(
        self, fault: Fault, decision: Stop | Retry, event: Event, now: float, *, planned: bool = False
    ) -> None:
        """Enter the state that follows a failure."""
        self.fault = None if planned else fault
        for name in ("step", "attempt", "token"):
            self._timers.pop(name, None)
        if isinstance(decision, Stop):
            self._give_up(decision, now)
            return
        self._timers["retry"] = now + decision.delay_s
        self._step(event, fault.kind, now)
        attempt = self.outage.attempts + 1
        self._announce(ev.Reconnecting(attempt, decision.delay_s, decision.fresh, planned, fault))
        if not planned:
            self._tell_failure(fault, now, fatal=False)
        self._report(now)

    def defect(self, now: float, what: str) -> None:
        """Something in here went wrong: better an end that is told than a session that only seems to live."""
        fault = classify(Cause(Layer.LOCAL, "defect", what))
        self.line, self._attempting = None, False
        if self.machine.allows(Event.GIVE_UP):
            self._give_up(Stop(fault, fault), now)

    def _give_up(self, stop: Stop, now: float) -> None:
        self._timers.clear()
        self.fault = stop.fault
        self._step(Event.GIVE_UP, stop.fault.kind, now)
        if self._attempting:
            self.out.append(ev.Abort(Cause(Layer.LOCAL, "givenUp")))
        if stop.last is not stop.fault:
            self._tell_failure(stop.last, now, fatal=False)
        self._tell_failure(stop.fault, now, fatal=True)
        self._report(now)

    # --- moving, resting, ending ------------------------------------------------------------------

    def _start_hand_over(self, reason: str, now: float, *, drain: bool = True) -> None:
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
        if self._drained or not drain:
            self._send_close(now)
        else:
            self._timers["drain"] = now + self.settings.hand_over.drain_s

    def _park(self, reason: str, now: float) -> None:
        """Give the line up and stay away. What was accepted is kept; an open goes on to its deadline."""
        self._forget_timers()
        self._step(Event.SUSPEND, reason, now)
        if self.line is not None:
            self._send_close(now)
        elif self._attempting:
            self.out.append(ev.Abort(Cause(Layer.LOCAL, "suspended")))

    def _at_rest(self, cause: Cause, now: float, unsent_bytes: int) -> None:
        """The line or the attempt of a session that was parked, or gave up, has ended."""
        if self._attempting:
            self._attempting = False
            self.stats.failed += 1
        if self.line is not None:
            self.stats.hand_overs += 1
            self.recovery.left(now, model_speaking=self.model_speaking)
            self.recovery.planned = None
            self._drop_line(self.line, classify(cause), unsent_bytes)
            self._report(now)
        reason, self._revive_reason = self._revive_reason, ""
        if reason:
            self._revive(now, reason)

    @property
    def _drained(self) -> bool:
        """Whether a line that is being closed has nothing left to do."""
        return self.outbox.delivered and (not self.outbox.held or self.state is State.CONNECTED)

    def _send_close(self, now: float) -> None:
        final = self.state is State.DISCONNECTING
        wait_s = self.settings.deadlines.close_s if final else self.settings.hand_over.old_close_s
        self._timers.clear()
        self._timers["close"] = now + wait_s
        if self.line is not None and not self.line.close_sent:
            self.line.closing = self.line.close_sent = True
            self.out.append(ev.SendClose())

    def _closed(self, now: float) -> None:
        self._timers.clear()
        self.line = None
        self._attempting = False
        self.outbox.close()
        self._report(now)
        self._step(Event.CLOSED, "closed", now)
        self.out.append(ev.Finished())
