"""What a session holds, and what is told of it. The ground on which `course` and `core` stand."""

from collections.abc import Callable
from typing import Any

from sidecar.lifecycle import events as ev
from sidecar.lifecycle.breaker import BreakerState
from sidecar.lifecycle.decision import Outage
from sidecar.lifecycle.faults import Fault
from sidecar.lifecycle.health import Cuts, Health, health, no_line
from sidecar.lifecycle.line import Line
from sidecar.lifecycle.liveness import NEVER
from sidecar.lifecycle.outbox import Outbox
from sidecar.lifecycle.recovery import Recovery
from sidecar.lifecycle.resumption import Resumption
from sidecar.lifecycle.settings import Settings
from sidecar.lifecycle.stall import Stall
from sidecar.lifecycle.states import Event, Machine, State
from sidecar.lifecycle.stats import Stats

REPORT_INTERVAL_S = 0.25
"""The queue is reported four times a second while it moves."""
HEALTH_INTERVAL_S = 1.0


class Telling:
    """State, queries, and events. Attributes may be read from outside; only the inputs of `core` change them.

    Args:
        settings: what it goes by; `configure` changes them.
        random: uniform in [0, 1), for the jitter.
        handle: of an older session, to be resumed.
        renewable: a credential that the service refuses can be replaced by a newer one.
        transparent: the setup asks for transparent resumption (`lifecycle.transparent`).
    """

    def __init__(
        self,
        settings: Settings,
        random: Callable[[], float],
        *,
        handle: str | None = None,
        renewable: bool = False,
        transparent: bool = False,
    ) -> None:
        self.settings = settings
        self.machine = Machine()
        self.resumption = Resumption(enabled=settings.resumption.enabled, handle=handle)
        self.outbox = Outbox(settings.outbox, settings.ring_s, transparent=transparent)
        self.line: Line | None = None
        # Effects and events of ours; the driver adds its own, so that all keep their order.
        self.out: list[Any] = []
        self.recovery = Recovery(settings, self.resumption, random, renewable=renewable)
        self.stall = Stall()
        self.stats = Stats()
        self.cuts = Cuts()
        self.breaker_state = BreakerState.CLOSED
        self.fault: Fault | None = None
        self.reason = ""
        self.state_restored: str | None = None
        self.model_speaking = False
        self._quiet = True
        self._timers: dict[str, float] = {}
        self._ping_number = 0
        self._attempting = False
        self._announced: ev.Reconnecting | None = None
        """The wait that was told last."""
        self._step_name = "dns"
        """The step of the dial that is under way, as the stats name it."""
        self._proxy = ""
        """What is dialled in the service's place."""
        self._early_end_at: float | None = None
        """A goAway that came before setupComplete: it holds for the line to come."""
        self._revive_reason = ""
        """Why to revive as soon as the old line is closed."""
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
    def reviving(self) -> bool:
        """Whether a suspension is ended as soon as the old line is closed."""
        return bool(self._revive_reason)

    @property
    def outage(self) -> Outage:
        """What happened since the session was last stable."""
        return self.recovery.outage

    def retry_in_s(self, now: float) -> float | None:
        due = self._timers.get("retry")
        return None if due is None else max(0.0, due - now)

    def health(self, now: float) -> Health:
        """How well the line does; 0 where there is none."""
        cuts = self.cuts.lately(now)
        if self.line is None or self.state is not State.CONNECTED:
            return no_line(cuts)
        liveness = self.line.liveness
        suspect_after_s = self.settings.heartbeat.suspect_after_s
        return health(liveness.rtt_average_s, liveness.silence_s(now), suspect_after_s, cuts)

    # --- telling ----------------------------------------------------------------------------------

    def _step(self, event: Event, reason: str, now: float) -> None:
        before, after = self.machine.step(event)
        self.reason = reason
        if before[0] is not after[0]:
            self.stats.entered(after[0], now)
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

    def _tell_failure(self, fault: Fault, now: float, *, fatal: bool) -> None:
        self.stats.error(fault, now, fatal=fatal)
        self.out.append(ev.Failure(fault, fatal))

    def _tell_breaker(self, now: float) -> None:
        """If it changed since it was last told."""
        breaker, before = self.recovery.breaker, self.breaker_state
        if breaker.state is before:
            return
        self.breaker_state = breaker.state
        wait_s = breaker.wait_s(now) if breaker.state is BreakerState.OPEN else None
        failures = len(breaker.failures)
        self.out.append(ev.BreakerChanged(breaker.state.value, before.value, failures, wait_s))

    def _tell_health(self, now: float) -> None:
        self._health_at = now
        liveness = self.line.liveness if self.line is not None else None
        self.out.append(
            ev.HealthChanged(
                self.health(now),
                liveness.rtt_s if liveness else None,
                liveness.rtt_average_s if liveness else None,
                liveness.silence_s(now) if liveness else 0.0,
                liveness.unanswered if liveness else 0,
            )
        )

    def _tell_dropped_handle(self, had_handle: bool) -> None:
        if had_handle and not self.resumption.has_handle:
            self.out.append(ev.HandleChanged(False, None))

    def _tell_reconnected(self, now: float) -> None:
        held_us, replay_us = self.outbox.books.held_us, self.outbox.replay_us
        restored, gap_s = self.state_restored or "fresh", now - self.recovery.lost_at
        self.stats.gaps.add(gap_s)
        self.out.append(ev.Reconnected(self.outage.attempts, gap_s, restored, held_us, replay_us))

    def _moved(self, now: float) -> None:
        if now - self._reported_at >= REPORT_INTERVAL_S:
            self._report(now)
        elif "report" not in self._timers:
            self._timers["report"] = self._reported_at + REPORT_INTERVAL_S

    def _report(self, now: float) -> None:
        self._timers.pop("report", None)
        self._reported_at = now
        self.out.extend(ev.Dropped(drop) for drop in self.outbox.drops.take())
        self.out.append(ev.QueueMoved())
