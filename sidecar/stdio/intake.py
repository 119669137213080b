"""Chunks from the reader become lines for the handler, on the loop, in order (design section 2)."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Protocol

from sidecar.stdio.framing import LineSplitter, TooLong
from sidecar.stdio.reader import Reader

TURN_S = 0.005
TURN_BYTES = 1024 * 1024
"""Lines are dispatched for so long, or so much, at a stretch; then the sockets get their turn."""

_log = logging.getLogger(__name__)


class Handler(Protocol):
    """What a protocol does with the edge. Everything is called on the loop and must not block."""

    def line(self, line: bytes, /) -> None:
        """One line, without its newline, never empty."""

    def too_long(self, size_bytes: int, /) -> None:
        """A line of this size came and was thrown away, being over the limit."""

    def ending(self, reason: str, /) -> None:
        """The last words: answer pending calls, write close frames. No line comes after this."""


class Intake:
    """Owns the reader. `gone` is called from its thread when the host has closed stdin, at once;
    `at_end` on the loop, when every line before that was dispatched.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        fd: int,
        handler: Handler,
        *,
        max_line_bytes: int,
        gone: Callable[[], None],
        at_end: Callable[[], None],
    ) -> None:
        self._loop = loop
        self._handler = handler
        self._at_end = at_end
        self._splitter = LineSplitter(max_line_bytes)
        self._reader = Reader(fd, wake=partial(loop.call_soon_threadsafe, self._work), gone=gone)
        self._chunk = b""
        """The chunk whose lines are being dispatched."""
        self._lines: deque[bytes | TooLong] = deque()
        self._stopped = False

    def start(self) -> None:
        """Starts reading."""
        self._reader.start()

    def stop(self) -> None:
        """Dispatches nothing more. Reading goes on, up to its bound."""
        self._stopped = True

    def _work(self) -> None:
        """One turn: dispatches what there is, until the turn is over."""
        over_at_s = time.monotonic() + TURN_S
        size_bytes = 0
        while self._refill():
            while self._lines and not self._stopped:
                line = self._lines.popleft()
                self._dispatch(line)
                size_bytes += len(line) if isinstance(line, bytes) else 0
                if size_bytes >= TURN_BYTES or time.monotonic() >= over_at_s:
                    self._loop.call_soon(self._work)
                    return

    def _refill(self) -> bool:
        """Gets the lines of the next chunk when there are none left; False when there is nothing to do."""
        if self._stopped:
            return False
        if self._lines:
            return True
        if self._chunk:
            self._reader.release(self._chunk)
            self._chunk = b""
        chunk = self._reader.take()
        if chunk is None:
            return False
        if not chunk:
            self._at_end()
            return False
        self._chunk = chunk
        self._lines.extend(self._splitter.feed(chunk))
        return True

    def _dispatch(self, line: bytes | TooLong) -> None:
        try:
            if isinstance(line, TooLong):
                self._handler.too_long(line.size_bytes)
            else:
                self._handler.line(line)
        except Exception:  # a defect in the handling of one line must not cost the others
            _log.exception("a line could not be handled")
