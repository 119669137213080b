"""A message of the host, as far as its delivery goes: its kind, and what becomes of it."""

from enum import StrEnum


class Kind(StrEnum):
    """What a message is, as far as its delivery goes."""

    AUDIO = "audio"
    VIDEO = "video"
    TEXT = "text"
    ACTIVITY = "activity"
    CONTROL = "control"
    CONTENT = "content"
    TOOL_RESPONSE = "toolResponse"


DROPPABLE = frozenset({Kind.AUDIO, Kind.VIDEO})
"""Oldest first, when there is no room."""
REPLAYABLE = frozenset({Kind.AUDIO, Kind.VIDEO, Kind.ACTIVITY, Kind.CONTROL, Kind.TOOL_RESPONSE})
"""Sent again after a cut. Twice the same tool response is harmless, its id names it; twice the same
text is a second question, so an unconfirmed text ends as `deliveryUnknown`."""


class Item:
    """One accepted message.

    Attributes:
        frame: the text frame's payload, UTF-8 JSON.
        audio_us: duration of its audio in microseconds, 0 for everything else.
        demand: what in it asks the model for an answer, in the protocol's words.
        written_at: when it was last written.
        mark: number of the first ping sent after it was written.
        index: its place among the messages of the line it was last written on, from 1.
        writes: how often it was written.
        maybe_arrived: it was written on a line that died, and nobody knows whether it got through.
        again: written once more, it may be there twice.
        arrived: it was, and got through; the state that is resumed may lack it all the same.
    """

    __slots__ = (
        "again", "arrived", "audio_us", "demand", "frame", "ids", "index", "kind", "mark", "maybe_arrived",
        "n", "size", "writes", "written_at",
    )  # fmt: skip

    def __init__(
        self,
        kind: Kind,
        frame: bytes,
        *,
        n: int | None = None,
        audio_us: int = 0,
        ids: tuple[str, ...] = (),
        demand: str | None = None,
    ) -> None:
        self.kind = kind
        self.frame = frame
        self.n = n
        self.audio_us = audio_us
        self.demand = demand
        self.ids = ids
        self.size = len(frame)
        self.written_at = 0.0
        self.mark = self.index = 0
        self.writes = 0
        self.maybe_arrived = self.arrived = self.again = False


def tail_within(items: list[Item], size: int, overhead: int) -> int:
    """Index of the first item that lies wholly or partly in the last `size` bytes, if each has
    `overhead` bytes around it."""
    index = len(items)
    while index and size > 0:
        index -= 1
        size -= items[index].size + overhead
    return index
