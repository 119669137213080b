"""From the end of one line to the next: what was lost when, what was tried since, and how to go on."""

from collections.abc import Callable

from sidecar.lifecycle.breaker import Breaker
from sidecar.lifecycle.decision import (
    NO_REFUSAL,
    WISHES,
    Outage,
    Retry,
    Situation,
    Stop,
    decide,
    old_owner_may_live,
    owner_delay_s,
)
from sidecar.lifecycle.faults import Action, Fault
from sidecar.lifecycle.line import Line
from sidecar.lifecycle.liveness import NEVER
from sidecar.lifecycle.resumption import Resumption
from sidecar.lifecycle.settings import Settings


class Recovery:
    """One per session.

    Attributes:
        breaker: what the attempts so far come to.
        open_ends_at: when the open gives up.
        resuming: the present attempt carries the handle.
        fresh: the next attempt must not.
        renew: the next attempt needs a newer credential.
        planned: why the present line is being left on purpose, while it is.
        lost_at: when the session was last usable.
        connected_before: whether it ever was.
    """

    __slots__ = (
        "_random", "_renewable", "_resumption", "_to_restore", "breaker", "connected_before", "fresh",
        "lost_at", "open_ends_at", "outage", "planned", "renew", "resuming", "settings",
    )  # fmt: skip

    def __init__(
        self,
        settings: Settings,
        resumption: Resumption,
        random: Callable[[], float],
        *,
        renewable: bool = False,
    ) -> None:
        self.settings = settings
        self._resumption = resumption
        self._random = random
        self._renewable = renewable
        self.outage = Outage()
        self.breaker = Breaker()
        self.open_ends_at = NEVER
        self.resuming = False
        self.fresh = self.renew = False
        self.planned: Fault | None = None
        self.lost_at = 0.0
        self.connected_before = False
        self._to_restore = False

    def opened(self, now: float, previous_close_age_s: float | None) -> None:
        """The session is opened. A handle given from outside may still have its old owner; where nobody
        knows when that one ended, the first resume goes out at once."""
        self._to_restore = self._resumption.has_handle
        if self._to_restore:
            self.outage.owner_gone_at = now - (previous_close_age_s or 0.0)
            self.outage.resume_at_once = previous_close_age_s is None

    def renewing(self) -> bool:
        """Whether the attempt that begins needs a newer credential: asked once, as it is told only once."""
        renew, self.renew = self.renew, False
        return renew

    def attempt(self, now: float) -> None:
        """An attempt begins."""
        outage = self.outage
        self.breaker = self.breaker.tried()
        if outage.owner_gone_at is not None:
            age_s = now - outage.owner_gone_at
            if age_s > self.settings.resumption.handle_ttl_s:  # it has died meanwhile (LP 4.1)
                self._resumption.drop()
        outage.attempts += 1
        if outage.since is None:
            outage.since = now
        self.resuming = self._resumption.has_handle and not self.fresh

    def owner_delay_s(self, now: float) -> float:
        """How long a resume should wait for the service to let go of the old line."""
        if self.fresh or not self._resumption.has_handle:
            return 0.0
        return owner_delay_s(self.outage, self.settings, now)

    def breaker_s(self, now: float) -> float:
        """How long the breaker allows no attempt."""
        return self.breaker.wait_s(now) if self.settings.breaker.enabled else 0.0

    def asked_wait_s(self, now: float) -> float:
        """How long the service, or the breaker, asked for no attempt."""
        return max(0.0, self.outage.asked_until - now, self.breaker_s(now))

    def insisted(self) -> None:
        """The host overrides whatever the service asked for."""
        self.outage.asked_until = -NEVER

    def slept(self, slept_s: float, *, clock_stood: bool) -> None:
        """The service's clock went on; whether or not ours did, nobody tried anything meanwhile."""
        outage = self.outage
        if clock_stood:
            outage.asked_until -= slept_s
            self.breaker = self.breaker.slept(slept_s)
            if outage.owner_gone_at is not None:
                outage.owner_gone_at -= slept_s
            return
        self.open_ends_at += slept_s
        if outage.since is not None:
            outage.since += slept_s

    def connected(self) -> str | None:
        """The attempt succeeded. Returns what was restored, None when there was nothing to restore."""
        self._resumption.spent = True
        before, self.connected_before = self.connected_before, True
        outage = self.outage
        outage.fresh = False
        outage.asked_until = -NEVER  # the service took us
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
        self.breaker = self.breaker.succeeded()

    def revived(self) -> None:
        """The host wants to go on after the end: everything is allowed again, when the wait that was asked
        for is over."""
        before = self.outage
        self.outage = Outage(
            owner_gone_at=before.owner_gone_at,
            resume_at_once=before.resume_at_once,
            asked_until=before.asked_until,
        )
        self.fresh = False

    def leave(self, fault: Fault, now: float) -> None:
        """The line is left on purpose."""
        self.planned = fault
        self.lost_at = now

    def failed(self, fault: Fault, now: float) -> Stop | Retry:
        """The attempt failed: how to go on."""
        self.outage.moved_only = False
        self._count(fault, self._situation(now), now)
        return self._decide(fault, self._situation(now), now)

    def refuses(self, line: Line, fault: Fault) -> bool:
        """Whether the end of this line is a resume refused, after setupComplete had come."""
        closed = fault.ws_code is not None and fault.ws_code not in NO_REFUSAL
        return self.planned is None and line.unproven and closed

    def lost(self, line: Line, fault: Fault, now: float, *, model_speaking: bool) -> Stop | Retry:
        """The line ended: how to go on. A refused resume is a failed attempt; a line that was left on purpose
        counts nothing; one that died before it was stable counts like an attempt that reached the service."""
        planned = self.planned
        refused = self.resuming = self.refuses(line, fault)
        if self.outage.moved_only and not refused:
            self.outage = Outage()
        outage = self.outage
        outage.moved_only = planned is not None and outage.since is None
        if outage.since is None:
            outage.since = now
        if refused:
            self._count(fault, self._situation(now), now)
        else:
            outage.renewed = False  # the line came about, so the credential was good
            self._count_line(line, fault, planned, now)
            self.left(now, model_speaking=model_speaking)
        self.planned = None
        situation = self._situation(now, planned=planned is not None, line_lost=not refused)
        return self._decide(planned or fault, situation, now)

    def _count_line(self, line: Line, fault: Fault, planned: Fault | None, now: float) -> None:
        """The end of a line that was never stable is a failure, also when the service ordered us off it: one
        that does so with each new line must not be dialled without end. What the host wished is none."""
        age_s = now - line.born_at
        thrown_out = fault.ws_code not in (None, 1006)
        # A line that served, and was torn by the network, says nothing against the service or the session.
        served = line.answered_once and age_s >= self.settings.hand_over.done_after_s
        blamed = not line.stable and (thrown_out or not served)
        if planned is None:
            self.lost_at = now
            self.outage.failures += not line.stable
            self.outage.reached += blamed
            failed = blamed or (thrown_out and age_s < self.settings.breaker.short_life_s)
        else:
            failed = not line.stable and planned.kind not in WISHES
            self.outage.failures += failed
            self.outage.moved_only &= not failed
        if failed:
            self.breaker = self.breaker.failed(now, self.settings.breaker)

    def left(self, now: float, *, model_speaking: bool) -> None:
        """The line is gone, for whatever reason; the service lets go of it sooner when the model spoke."""
        self.outage.owner_gone_at, self.outage.resume_at_once = now, model_speaking

    @property
    def ends_at(self) -> float:
        """When the present outage ends by its length; NEVER for the open, whose deadline is its own."""
        since = self.outage.since
        if not self.connected_before or since is None:
            return NEVER
        return since + self.settings.reconnect.max_elapsed_s

    def _situation(self, now: float, *, planned: bool = False, line_lost: bool = False) -> Situation:
        return Situation(
            first=not self.connected_before,
            planned=planned,
            resuming=self.resuming,
            has_handle=self._resumption.has_handle,
            breaker_s=self.breaker_s(now) if self.connected_before else 0.0,
            open_ends_at=self.open_ends_at,
            renewable=self._renewable,
            line_lost=line_lost,
        )

    def _count(self, fault: Fault, situation: Situation, now: float) -> None:
        if not old_owner_may_live(fault, self.outage, situation, self.settings, now):
            self.outage.failures += 1
            self.outage.reached += fault.reached
            if fault.reached and self.connected_before:  # the first connection has its own deadline
                self.breaker = self.breaker.failed(now, self.settings.breaker)

    def _decide(self, fault: Fault, situation: Situation, now: float) -> Stop | Retry:
        decision = decide(fault, self.outage, situation, self.settings, now, self._random)
        if fault.action is Action.FRESH:
            self._resumption.drop()
        if isinstance(decision, Retry):
            self.fresh, self.renew = decision.fresh, decision.renew
        else:  # whoever goes on all the same needs another one
            self.renew = fault.action is Action.REFRESH_TOKEN and self._renewable
        return decision
