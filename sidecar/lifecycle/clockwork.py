"""What time brings: pings and verdicts, deadlines, waits that are over, answers that are overdue."""

from collections.abc import Callable

from sidecar.lifecycle import events as ev
from sidecar.lifecycle.course import Course
from sidecar.lifecycle.decision import Stop, ended_by
from sidecar.lifecycle.faults import Cause, Layer, classify
from sidecar.lifecycle.line import Line, News
from sidecar.lifecycle.liveness import NEVER
from sidecar.lifecycle.states import Event, Phase


class Clockwork(Course):
    """Tables from timer to method, and from the line's news to method: every timer has an owner."""

    def due_at(self) -> float:
        """When `tick` must be called at the latest."""
        due = min(self._timers.values(), default=NEVER)
        line = self.line
        if line is None:
            return due
        stall_at = NEVER if line.closing else self.stall.due_at(self.settings.stall.after_s)
        return min(due, line.due_at(), stall_at)

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
        if self.writable:
            self._look_for_stall(now)

    def _step_late(self, now: float) -> None:
        phase = self.machine.phase
        cause = _LATE[phase] if phase is not Phase.DIALING else self._dial_late
        self.out.append(ev.Abort(cause))

    @property
    def _dial_late(self) -> Cause:
        if not self._proxy:
            return _DIAL_LATE[self._step_name]
        cause = _PROXY_LATE[self._step_name]
        return cause._replace(text=f"{self._proxy}: {cause.text}")

    def _attempt_late(self, now: float) -> None:
        self.out.append(ev.Abort(Cause(Layer.LOCAL, "attemptTimeout")))

    def _token_late(self, now: float) -> None:
        self.out.append(ev.Abort(_NO_TOKEN))

    def _open_late(self, now: float) -> None:
        last = classify(_NO_TOKEN) if "token" in self._timers else self.fault
        fault = ended_by("openTimeout", last)
        self._give_up(Stop(fault, last or fault), now)

    def _retry_due(self, now: float) -> None:
        self._retry(now, "retry")

    def _close_late(self, now: float) -> None:
        self.out.append(ev.Abort(Cause(Layer.LOCAL, "closeTimeout")))

    def _flush_due(self, now: float) -> None:
        self.out.append(ev.Flush())

    def _drain_late(self, now: float) -> None:
        self._send_close(now)

    def _ping_due(self, now: float) -> None:
        self.ping(now)

    def _line_proven(self, now: float) -> None:
        """The resume was taken."""
        self.stats.resumes_ok += 1
        if self.line is not None:
            self._confirm(self.line, now)

    def _line_suspect(self, now: float) -> None:
        if self.machine.allows(Event.SILENT):
            self._step(Event.SILENT, "silent", now)
            self._tell_health(now)

    def _line_dead(self, now: float) -> None:
        if self.line is not None:
            silence_s = self.line.liveness.silence_s(now)
            self.out.append(ev.Abort(Cause(Layer.LOCAL, "silence", f"no sign of life for {silence_s:.1f} s")))

    def _line_stable(self, now: float) -> None:
        self.recovery.stable()
        self._tell_breaker(now)

    def _prepare_due(self, now: float) -> None:
        if self.line is not None:
            self.out.append(ev.Prepare(self.line.schedule.ends_at - now))

    def _hand_over_due(self, now: float) -> None:
        if self.line is not None and self.machine.allows(Event.HAND_OVER):
            self._start_hand_over(self.line.schedule.reason, now)

    def _look_for_stall(self, now: float) -> None:
        limits = self.settings.stall
        overdue = self.stall.overdue(now, limits.after_s)
        if overdue is None:
            return
        demand, waited_s = overdue
        self.stats.stalls += 1
        self.out.append(ev.Stalled(demand, waited_s, limits.action))
        if limits.action == "reconnect" and self.machine.allows(Event.HAND_OVER):
            self._start_hand_over("stalled", now)

    # --- pings ------------------------------------------------------------------------------------

    def ping(self, now: float) -> int | None:
        """Ping out of turn; returns the ping's number, or None without a line."""
        if self.line is None or self.line.close_sent:
            return None
        self._ping_number += 1
        self.stats.pings += 1
        first = self.line.liveness.pinged(self._ping_number, now)
        self.out.append(ev.Ping(self._ping_number, first))
        return self._ping_number

    def _probe(self, now: float) -> None:
        if self.line is not None:
            self.line.liveness.probe(now)

    def _confirm(self, line: Line, now: float) -> None:
        if not line.unproven and self.outbox.confirm(line.pong):
            self._confirmed(now)

    def _confirmed(self, now: float) -> None:
        self._moved(now)
        if "drain" in self._timers and self._drained:
            self._send_close(now)


_LATE: dict[Phase | None, Cause] = {
    Phase.DIALING: Cause(Layer.TCP, "timeout"),
    Phase.HANDSHAKING: Cause(Layer.HTTP, "timeout"),
    Phase.SETUP: Cause(Layer.LOCAL, "setupTimeout", "the service did not answer the setup"),
}

_DIAL_LATE: dict[str, Cause] = {
    "dns": Cause(Layer.DNS, "timeout"),
    "tcp": Cause(Layer.TCP, "timeout"),
}
_PROXY_LATE: dict[str, Cause] = {
    "dns": Cause(Layer.PROXY, "timeout", "a name was not found in time"),
    "tcp": Cause(Layer.PROXY, "timeout", "it was not connected in time"),
    "proxy": Cause(Layer.PROXY, "noAnswer", "it did not find a way to the service in time"),
}

_NO_TOKEN = Cause(Layer.LOCAL, "tokenTimeout", "the token that was asked for did not come in time")

_ON_TIMER: dict[str, Callable[[Clockwork, float], None]] = {
    "first": Clockwork._dial,
    "step": Clockwork._step_late,
    "token": Clockwork._token_late,
    "attempt": Clockwork._attempt_late,
    "open": Clockwork._open_late,
    "retry": Clockwork._retry_due,
    "drain": Clockwork._drain_late,
    "close": Clockwork._close_late,
    "flush": Clockwork._flush_due,
    "report": Clockwork._report,
}
"""Every timer has an owner: the method that is called when it is due."""

_ON_NEWS: dict[News, Callable[[Clockwork, float], None]] = {
    News.PROVEN: Clockwork._line_proven,
    News.PING: Clockwork._ping_due,
    News.SUSPECT: Clockwork._line_suspect,
    News.DEAD: Clockwork._line_dead,
    News.STABLE: Clockwork._line_stable,
    News.PREPARE: Clockwork._prepare_due,
    News.HAND_OVER: Clockwork._hand_over_due,
}
