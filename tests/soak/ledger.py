"""What became of each message that was accepted, by the number it carries: an account of its own, kept from
what the host did, what the service received and what was told as dropped."""

from collections.abc import Iterator

ACCEPTED, RECEIVED, DROPPED = 1, 2, 4


class Ledger:
    """
    Attributes:
        offered: numbers so far, the refused ones too.
        said_us, lost_us, doubled_us: audio accepted; told as dropped and not received; received once more.
    """

    def __init__(self, chunk_us: int) -> None:
        self.chunk_us = chunk_us
        self._fate = bytearray()
        self._kinds = bytearray()
        self.broken: list[str] = []
        self.accepted_audio = self.dropped_audio = self.doubled_audio = self.refused_audio = 0
        self._confirmed_through = -1

    @property
    def offered(self) -> int:
        return len(self._fate)

    def offer(self, *, audio: bool) -> int:
        """The number of the next message."""
        self._fate.append(0)
        self._kinds.append(audio)
        return len(self._fate) - 1

    def accepted(self, n: int) -> None:
        self._fate[n] |= ACCEPTED
        self.accepted_audio += self._kinds[n]

    def refused(self, n: int) -> None:
        if self._fate[n] != ACCEPTED:
            self.broken.append(f"number {n} was refused, and yet went out or was told as dropped")
        self._fate[n] = 0
        self.accepted_audio -= self._kinds[n]
        self.refused_audio += self._kinds[n]

    def received(self, n: int, kind: str) -> None:
        if n >= len(self._fate):
            self.broken.append(f"{kind} {n} was received and never offered")
            return
        if self._fate[n] & RECEIVED:
            self.doubled_audio += self._kinds[n]
            if kind == "text":
                self.broken.append(f"text {n} was asked twice")
        self._fate[n] |= RECEIVED

    def dropped(self, first: int, last: int, count: int) -> None:
        """A range that was told; numbers in it which were refused belong to no range."""
        if last - first + 1 != count:
            self.broken.append(f"dropped {first}-{last} were told as {count}")
        for n in range(first, last + 1):
            if self._fate[n] & DROPPED or not self._fate[n] & ACCEPTED:
                self.broken.append(f"number {n} was told as dropped, and is {self._fate[n]}")
            self._fate[n] |= DROPPED
            self.dropped_audio += self._kinds[n]

    def confirmed(self, through: int) -> None:
        """The session says that all up to here is delivered or was told as dropped."""
        for n in range(self._confirmed_through + 1, through + 1):
            if self._fate[n] == ACCEPTED:
                self.broken.append(f"number {n} was confirmed, and neither received nor told as dropped")
        self._confirmed_through = max(self._confirmed_through, through)

    def missing(self) -> list[int]:
        """Accepted, and neither received nor told as dropped."""
        return [n for n, fate in enumerate(self._fate) if fate == ACCEPTED]

    def lost_audio(self) -> int:
        """Chunks told as dropped that did not arrive either."""
        return sum(1 for n, fate in self._audio() if fate == ACCEPTED | DROPPED)

    def _audio(self) -> Iterator[tuple[int, int]]:
        return ((n, fate) for n, fate in enumerate(self._fate) if self._kinds[n])
