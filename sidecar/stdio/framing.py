"""Bytes to lines (design section 2): split on byte 0x0A only, never longer than the limit. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TooLong:
    """A line over the limit, thrown away. `size_bytes` is its length without the newline."""

    size_bytes: int


class LineSplitter:
    """Cuts a stream of chunks into lines, each at most `max_line_bytes` long.

    One carriage return before the newline is taken off, empty lines are skipped. U+2028 and its like are
    text: JSON allows them inside strings. Every byte is searched once, and copied at most twice.
    """

    def __init__(self, max_line_bytes: int) -> None:
        self._max_line_bytes = max_line_bytes
        self._held = bytearray()
        self._held_bytes = 0
        """Length of the unfinished line. `_held` is empty beside it once the line is over the limit."""

    def feed(self, chunk: bytes) -> list[bytes | TooLong]:
        """The lines that this chunk completes, in order."""
        *ends, rest = chunk.split(b"\n")
        lines = [line for end in ends if (line := self._complete(end))]
        if rest:
            self._hold(rest)
        return lines

    def _hold(self, piece: bytes) -> None:
        self._held_bytes += len(piece)
        if self._is_over(self._held_bytes):
            self._held = bytearray()
        else:
            self._held += piece

    def _complete(self, end: bytes) -> bytes | TooLong:
        size_bytes = self._held_bytes + len(end)
        if self._held_bytes:
            self._hold(end)
            end = bytes(self._held)
            self._held = bytearray()
            self._held_bytes = 0
        line = end.removesuffix(b"\r")
        if self._is_over(size_bytes) or len(line) > self._max_line_bytes:
            return TooLong(size_bytes)
        return line

    def _is_over(self, size_bytes: int) -> bool:
        return size_bytes > self._max_line_bytes + 1  # one more for a carriage return
