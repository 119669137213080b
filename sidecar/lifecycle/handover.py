"""When to move a session off a line that will end: after a goAway, or of old age (design section 3, goAway).

goAway is an order with a deadline (LP 4.1), and the service may go silent after it, so a timer drives
this, not the next frame. It waits for a moment in which nobody speaks, and not longer than it may.
"""

from sidecar.lifecycle.liveness import NEVER
from sidecar.lifecycle.settings import HandOver

PREPARE_S = 30.0
"""So long before the first moment of a hand-over what the next line needs is asked for."""


class Schedule:
    """One per line. Several goAways make one hand-over, by the earliest end."""

    __slots__ = ("_born_at", "_ends_at", "cancelled", "settings")

    def __init__(self, settings: HandOver, now: float) -> None:
        self.settings = settings
        self._born_at = now
        self._ends_at = NEVER
        self.cancelled = False

    @property
    def reason(self) -> str:
        return "goAway" if self._ends_at < self._recycled_at else "recycle"

    @property
    def ends_at(self) -> float:
        """When the line will be gone, as far as is known."""
        return NEVER if self.cancelled else min(self._ends_at, self._recycled_at)

    @property
    def _recycled_at(self) -> float:
        return self._born_at + self.settings.recycle_after_s + self.settings.lead_s

    @property
    def prepares_at(self) -> float:
        """When to ask for what the next line needs."""
        return self.ends_at - self.settings.lead_s - PREPARE_S

    def go_away(self, time_left_s: float, now: float) -> None:
        self._ends_at = min(self._ends_at, now + time_left_s)

    def cancel(self) -> None:
        """No hand-over any more: the line is being closed."""
        self.cancelled = True

    def slept(self, slept_s: float) -> None:
        """Our clock stood still, the service's did not."""
        self._born_at -= slept_s
        self._ends_at -= slept_s

    def next_due_at(self, *, quiet: bool) -> float:
        """When the hand-over starts as things are: in the last `lead_s` if nobody speaks, else `margin_s`
        before the end."""
        return self.ends_at - (self.settings.lead_s if quiet else self.settings.margin_s)

    def due(self, now: float, *, quiet: bool) -> bool:
        return now >= self.next_due_at(quiet=quiet)
