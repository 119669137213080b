"""How fast a backlog leaves (design section 3, Delivery: `flushRate`)."""

from sidecar.lifecycle.settings import OutboxLimits


class Pace:
    """A bucket of audio seconds, filled at `flush_rate`; live audio at real time never empties it."""

    __slots__ = ("_at", "_left_s", "limits")

    def __init__(self, limits: OutboxLimits) -> None:
        self.limits = limits
        self._left_s = limits.flush_burst_s
        self._at = 0.0

    def allows(self, now: float) -> bool:
        """Whether audio may leave now."""
        grown = self._left_s + (now - self._at) * self.limits.flush_rate
        self._left_s = min(self.limits.flush_burst_s, grown)
        self._at = now
        return self._left_s > 0

    def spend(self, audio_us: int) -> None:
        """So much audio leaves."""
        self._left_s -= audio_us * 1e-6

    def allowed_at(self, now: float) -> float:
        """When audio may leave, where it may not now."""
        return now + (1e-3 - self._left_s) / self.limits.flush_rate
