"""Whether an answer that was asked for is overdue (design section 3, Stall).

A line can be alive, its pongs prompt, and the model silent for ever. Only a demand starts this clock: a
microphone that is open in a silent room demands nothing.
"""

from sidecar.lifecycle.liveness import NEVER

LATE_TRANSCRIPT_S = 3.0
"""Transcription has no place in the order (LP 3): so soon after an answer it belongs to what was answered."""


class Stall:
    """One per session; what was demanded outlives a line that is resumed.

    Attributes:
        demand: what asks for an answer, in the words of the protocol; None when nothing does.
    """

    __slots__ = ("_answered_at", "_since", "_told", "demand")

    def __init__(self) -> None:
        self.demand: str | None = None
        self._since = 0.0
        self._told = False
        self._answered_at = -NEVER

    def demanded(self, demand: str, now: float) -> None:
        """The service owes an answer; a newer demand starts the time anew."""
        if demand == "speech" and now - self._answered_at < LATE_TRANSCRIPT_S:
            return
        self.demand, self._since, self._told = demand, now, False

    def answered(self, now: float) -> None:
        self.demand, self._answered_at = None, now

    def connected(self, now: float, *, resumed: bool) -> None:
        """A new line: a resumed session owes what it owed, with new time; a fresh one owes nothing yet."""
        if not resumed:
            self.demand = None
        self._since = now

    def due_at(self, after_s: float) -> float:
        return NEVER if self.demand is None or self._told else self._since + after_s

    def overdue(self, now: float, after_s: float) -> tuple[str, float] | None:
        """What was demanded, and the seconds since: once for each demand, when it is due."""
        if self.demand is None or now < self.due_at(after_s):
            return None
        self._told = True
        return self.demand, now - self._since
