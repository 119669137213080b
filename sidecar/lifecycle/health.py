"""How well the line does, in one number and one word (formula: docs/lifecycle.md, Health).

score = 100 - 40 * slowness - 50 * silence - 10 for each cut in the last 10 minutes (at most 4), at least 0
  slowness: of the average round trip, 0 up to 0.1 s, 1 from 2 s on, a straight line between
  silence: its share of `suspect_after_s`, at most 1
Without a line the score is 0.
"""

from collections import deque

from msgspec import Struct

FAST_S, SLOW_S = 0.1, 2.0
CUT_MEMORY_S = 600.0
CUTS_COUNTED = 4
UNSTABLE_CUTS = 3
"""So many within `CUT_MEMORY_S`, and the connection is called unstable, however good it is now."""


class Health(Struct, frozen=True):
    score: int
    quality: str
    """`excellent` from 85, `good` from 60, else `poor`; `unstable` goes before all."""


class Cuts:
    """When the session was cut lately; what it left on purpose is no cut."""

    __slots__ = ("_at",)

    def __init__(self) -> None:
        self._at: deque[float] = deque(maxlen=32)

    def add(self, now: float) -> None:
        self._at.append(now)

    def lately(self, now: float) -> int:
        return sum(1 for at in self._at if now - at < CUT_MEMORY_S)


def health(rtt_average_s: float | None, silence_s: float, suspect_after_s: float, cuts: int) -> Health:
    """Of a live line. `rtt_average_s`: None before the first pong."""
    slowness = min(1.0, max(0.0, ((rtt_average_s or 0.0) - FAST_S) / (SLOW_S - FAST_S)))
    silence = min(1.0, silence_s / suspect_after_s)
    score = max(0, round(100 - 40 * slowness - 50 * silence - 10 * min(cuts, CUTS_COUNTED)))
    return Health(score, _word(score, cuts))


def no_line(cuts: int) -> Health:
    return Health(0, _word(0, cuts))


def _word(score: int, cuts: int) -> str:
    if cuts >= UNSTABLE_CUTS:
        return "unstable"
    return "excellent" if score >= 85 else "good" if score >= 60 else "poor"
