"""The host's numbers of its messages: which are known, and which come too late (design section 3)."""

REFUSALS_KEPT = 10_000
"""Numbers of refused messages that are remembered."""


class Numbers:
    """They grow; one that was refused may be offered again until a later one is accepted.

    Attributes:
        accepted_through: the highest that was accepted; -1 before the first.
    """

    __slots__ = ("_refused", "accepted_through")

    def __init__(self) -> None:
        self.accepted_through = -1
        self._refused: set[int] = set()

    def accepted(self, n: int) -> None:
        self.accepted_through = n
        self._refused.discard(n)

    def refused(self, n: int) -> None:
        if len(self._refused) >= REFUSALS_KEPT:
            self._refused.discard(min(self._refused))
        self._refused.add(n)

    def knows(self, n: int) -> bool:
        """Whether a message of this number was accepted before."""
        return n <= self.accepted_through and n not in self._refused

    def comes_late(self, n: int) -> bool:
        """Whether this number was refused, and later ones were accepted: its place in the order is gone."""
        return n <= self.accepted_through and n in self._refused
