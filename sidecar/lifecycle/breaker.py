"""The circuit breaker, as a function of what happened (design section 3, Reconnect).

Backoff forgets with every connection that was good for a while. The breaker does not: a service that takes
us and throws us out again and again is left alone for some time, then asked once.
"""

from enum import StrEnum

from msgspec import Struct

from sidecar.lifecycle.settings import BreakerLimits


class BreakerState(StrEnum):
    CLOSED = "closed"
    """All is well: attempts are free."""
    OPEN = "open"
    """No attempt, until the time is over or somebody insists."""
    HALF_OPEN = "halfOpen"
    """One attempt is under way, or its connection is not proven yet: it decides."""


class Breaker(Struct, frozen=True):
    """What the history so far comes to. Values follow each other by `failed`, `succeeded` and `tried`.

    Attributes:
        state: see `BreakerState`.
        failures: times of the failures within the window, oldest first.
        until: when an attempt is allowed again, while it is open.
        trips: how often it opened.
    """

    state: BreakerState = BreakerState.CLOSED
    failures: tuple[float, ...] = ()
    until: float = 0.0
    trips: int = 0

    def failed(self, at: float, limits: BreakerLimits) -> "Breaker":
        """An attempt that reached the service failed, or its line died young."""
        if not limits.enabled:
            return Breaker(trips=self.trips)
        recent = (*(t for t in self.failures if t > at - limits.window_s), at)
        if self.state is BreakerState.CLOSED and len(recent) < limits.failures:
            return Breaker(failures=recent, trips=self.trips)
        # Of a long history only the newest can still matter.
        return Breaker(BreakerState.OPEN, recent[-limits.failures :], at + limits.open_s, self.trips + 1)

    def succeeded(self) -> "Breaker":
        """A connection proved to be stable. Failures before it still count within their window."""
        if self.state is BreakerState.CLOSED:
            return self
        return Breaker(trips=self.trips)

    def tried(self) -> "Breaker":
        """An attempt begins."""
        if self.state is not BreakerState.OPEN:
            return self
        return Breaker(BreakerState.HALF_OPEN, self.failures, self.until, self.trips)

    def slept(self, slept_s: float) -> "Breaker":
        """Our clock stood still for so long; what happened lies further back than it says."""
        failures = tuple(at - slept_s for at in self.failures)
        return Breaker(self.state, failures, self.until - slept_s, self.trips)

    def wait_s(self, now: float) -> float:
        """How long no attempt is allowed."""
        return max(0.0, self.until - now) if self.state is BreakerState.OPEN else 0.0
