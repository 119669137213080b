"""When to move a session off a line that will end: after a goAway, or of old age (design section 3, goAway).

goAway is an order with a deadline (LP 4.1), and the service may go silent after it, so a timer drives
this, not the next frame. It waits for a moment in which nobody speaks, and not longer than it may.
"""

from sidecar.lifecycle.settings import HandOver


class Schedule:
    """One per line. Several goAways make one hand-over, by the earliest end."""

    __slots__ = ("_settings", "cancelled", "ends_at", "reason")

    def __init__(self, settings: HandOver, now: float) -> None:
        self._settings = settings
        self.ends_at = now + settings.recycle_after_s + settings.lead_s
        self.reason = "recycle"
        self.cancelled = False

    def go_away(self, time_left_s: float, now: float) -> None:
        if not self.cancelled:
            self.ends_at = min(self.ends_at, now + time_left_s)
            self.reason = "goAway"

    def cancel(self) -> None:
        """No hand-over any more: the line is being closed."""
        self.cancelled = True
        self.ends_at = float("inf")

    def next_due_at(self, *, quiet: bool) -> float:
        """When the hand-over starts as things are: in the last `lead_s` if nobody speaks, else `margin_s`
        before the end."""
        return self.ends_at - (self._settings.lead_s if quiet else self._settings.margin_s)

    def due(self, now: float, *, quiet: bool) -> bool:
        return now >= self.next_due_at(quiet=quiet)
