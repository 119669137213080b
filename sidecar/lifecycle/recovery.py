"""From the end of one line to the next: what was lost when, what was tried since, and how to go on."""

from collections.abc import Callable

from sidecar.lifecycle.backoff import NO_REFUSAL, Outage, Retry, Situation, Stop, decide, old_owner_may_live
from sidecar.lifecycle.faults import Action, Fault
from sidecar.lifecycle.line import Line
from sidecar.lifecycle.resumption import Resumption
from sidecar.lifecycle.settings import Settings


class Recovery:
    """One per session.

    Attributes:
        resuming: the present attempt carries the handle.
        fresh: the next attempt must not.
        planned: why the present line is being left on purpose, while it is.
        lost_at: when the session was last usable.
        connected_before: whether it ever was.
    """

    __slots__ = (
        "_random", "_resumption", "_settings", "_to_restore", "connected_before", "fresh", "lost_at",
        "outage", "planned", "resuming",
    )  # fmt: skip

    def __init__(self, settings: Settings, resumption: Resumption, random: Callable[[], float]) -> None:
        self._settings = settings
        self._resumption = resumption
        self._random = random
        self.outage = Outage()
        self.resuming = False
        self.fresh = False
        self.planned: Fault | None = None
        self.lost_at = 0.0
        self.connected_before = False
        self._to_restore = False

    def opened(self, now: float) -> None:
        """The first attempt. A handle given from outside may still have its old owner."""
        self._to_restore = self._resumption.has_handle
        if self._to_restore:
            self.outage.owner_gone_at = now
            self.outage.resume_at_once = True

    def attempt(self, now: float) -> None:
        """An attempt begins."""
        outage = self.outage
        outage.attempts += 1
        if outage.since is None:
            outage.since = now
        self.resuming = self._resumption.has_handle and not self.fresh

    def connected(self) -> str | None:
        """The attempt succeeded. Returns what was restored, None when there was nothing to restore."""
        before, self.connected_before = self.connected_before, True
        outage = self.outage
        outage.fresh = False
        if not before:  # the attempts of the open are not those of an outage; the old owner may be there yet
            self.outage = Outage(owner_gone_at=outage.owner_gone_at, resume_at_once=outage.resume_at_once)
        to_restore, self._to_restore = self._to_restore, True
        if self.resuming:
            return "resumed"
        if to_restore:
            self._resumption.drop()  # it named the old session; the new one sends its own
        return "fresh" if to_restore else None

    def stable(self) -> None:
        """The line has proven itself: what was before does not count any more."""
        self.outage = Outage()

    def revived(self) -> None:
        """The host wants to go on after the end: everything is allowed again."""
        self.outage = Outage(owner_gone_at=self.outage.owner_gone_at)
        self.fresh = False

    def leave(self, fault: Fault, now: float) -> None:
        """The line is left on purpose."""
        self.planned = fault
        self.lost_at = now

    def failed(self, fault: Fault, now: float) -> Stop | Retry:
        """The attempt failed: how to go on."""
        situation = self._situation(planned=False)
        self._count(fault, situation, now)
        return self._decide(fault, situation, now)

    def refuses(self, line: Line, fault: Fault) -> bool:
        """Whether the end of this line is a resume refused, after setupComplete had come."""
        closed = fault.ws_code is not None and fault.ws_code not in NO_REFUSAL
        return self.planned is None and line.unproven and closed

    def lost(self, line: Line, fault: Fault, now: float, *, model_speaking: bool) -> Stop | Retry:
        """The line ended: how to go on. A refused resume is a failed attempt; a line that was left on purpose
        counts nothing; one that died before it was stable counts like an attempt that reached the service."""
        outage, planned = self.outage, self.planned
        refused = self.resuming = self.refuses(line, fault)
        if outage.since is None:
            outage.since = now
        situation = self._situation(planned=planned is not None)
        if refused:
            self._count(fault, situation, now)
        else:
            if planned is None:
                self.lost_at = now
                outage.failures += not line.stable
                outage.reached += not line.stable
            outage.owner_gone_at, outage.resume_at_once = now, model_speaking
        self.planned = None
        return self._decide(planned or fault, situation, now)

    def _situation(self, *, planned: bool) -> Situation:
        return Situation(
            first=not self.connected_before,
            planned=planned,
            resuming=self.resuming,
            has_handle=self._resumption.has_handle,
        )

    def _count(self, fault: Fault, situation: Situation, now: float) -> None:
        if not old_owner_may_live(fault, self.outage, situation, self._settings, now):
            self.outage.failures += 1
            self.outage.reached += fault.reached

    def _decide(self, fault: Fault, situation: Situation, now: float) -> Stop | Retry:
        decision = decide(fault, self.outage, situation, self._settings, now, self._random)
        if isinstance(decision, Retry):
            if fault.action is Action.FRESH:
                self._resumption.drop()
            self.fresh = decision.fresh
        return decision
