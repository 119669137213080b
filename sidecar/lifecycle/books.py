"""What became of the messages: the books of an outbox, its losses, and the most it ever kept."""

from sidecar.lifecycle.item import Item


class Drop:
    """Messages of one kind, without a gap in their numbers, that end here for one reason."""

    __slots__ = ("audio_us", "count", "from_n", "ids", "kind", "reason", "through_n")

    def __init__(self, reason: str, item: Item) -> None:
        self.reason = reason
        self.kind = item.kind
        self.count = 0
        self.audio_us = 0
        self.from_n: int | None = item.n
        self.through_n: int | None = item.n
        self.ids: list[str] = []
        self.add(item)

    def takes(self, reason: str, item: Item) -> bool:
        """Whether the message continues this range."""
        if reason != self.reason or item.kind is not self.kind:
            return False
        return (
            item.n == self.through_n
            if item.n is None or self.through_n is None
            else item.n == self.through_n + 1
        )

    def add(self, item: Item) -> None:
        self.count += 1
        self.audio_us += item.audio_us
        self.ids.extend(item.ids)
        self.through_n = item.n


class Drops:
    """What ended without delivery and was not told yet, in ranges."""

    __slots__ = ("_ranges",)

    def __init__(self) -> None:
        self._ranges: list[Drop] = []

    def __bool__(self) -> bool:
        return bool(self._ranges)

    def add(self, reason: str, item: Item) -> None:
        if self._ranges and self._ranges[-1].takes(reason, item):
            self._ranges[-1].add(item)
        else:
            self._ranges.append(Drop(reason, item))

    def take(self) -> list[Drop]:
        """All of it, to be told."""
        ranges, self._ranges = self._ranges, []
        return ranges


class Books:
    """Microseconds of audio, whole numbers so that they balance exactly:
    offered = accepted + refused; accepted = held + unconfirmed + confirmed + dropped.

    Attributes:
        dropped_us: ended without delivery, or nobody knows.
        replayed_us: written once more on a later line.
        maybe_doubled_us: of the replayed, what had left this process and may have arrived the first time.
        presumed_us: of the confirmed, what no pong confirmed but TCP and later inbound bytes did.
    """

    __slots__ = (
        "accepted_us", "confirmed_us", "dropped_us", "held_us", "maybe_doubled_us", "presumed_us",
        "refused_us", "replayed_us", "unconfirmed_us",
    )  # fmt: skip

    def __init__(self) -> None:
        self.accepted_us = 0
        self.refused_us = 0
        self.held_us = 0
        self.unconfirmed_us = 0
        self.confirmed_us = 0
        self.dropped_us = 0
        self.replayed_us = 0
        self.maybe_doubled_us = 0
        self.presumed_us = 0

    @property
    def offered_us(self) -> int:
        return self.accepted_us + self.refused_us


class HighWater:
    """The most that was kept at once; microseconds of audio, messages and bytes."""

    __slots__ = ("held_us", "messages", "size", "unconfirmed_us")

    def __init__(self) -> None:
        self.held_us = self.unconfirmed_us = self.messages = self.size = 0

    def note(self, books: Books, messages: int, size: int) -> None:
        self.held_us = max(self.held_us, books.held_us)
        self.unconfirmed_us = max(self.unconfirmed_us, books.unconfirmed_us)
        self.messages = max(self.messages, messages)
        self.size = max(self.size, size)
