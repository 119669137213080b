"""Puts the edge together: lines in, lines out, and every way in which the process ends (design section 2)."""

import asyncio
import logging
import os
import time
from collections.abc import Callable
from functools import partial
from typing import NoReturn

from sidecar.stdio import parent, signals
from sidecar.stdio.exit import End
from sidecar.stdio.guard import Descriptors
from sidecar.stdio.intake import Handler, Intake
from sidecar.stdio.writer import Writer

__all__ = ["Edge", "Handler", "run"]

_log = logging.getLogger(__name__)


class Edge:
    """What a protocol may use of the edge."""

    def __init__(self, loop: asyncio.AbstractEventLoop, writer: Writer, end: End) -> None:
        self.loop = loop
        self.writer = writer
        self._end = end

    def end(self, reason: str, code: int = 0) -> None:
        """Ends the process; the first reason wins. Returns at once, callable from any thread."""
        self._end.end(reason, code)

    def watch_parent(self, pid: int) -> None:
        """The process ends with `parentGone` when that process does."""
        parent.watch(pid, partial(self.end, "parentGone"))


class _Process:
    """The parts of a running process, made in the order in which they need each other."""

    def __init__(self, descriptors: Descriptors) -> None:
        self.loop = asyncio.new_event_loop()
        self.end = End(self.loop, before=self._last_words, flush=self._flush)
        self.writer = Writer(descriptors.stdout, on_broken=partial(self.end.end, "stdoutBroken", 0))
        self.edge = Edge(self.loop, self.writer, self.end)
        self._stdin = descriptors.stdin
        self._handler: Handler | None = None
        self._intake: Intake | None = None

    def start(self, make_handler: Callable[[Edge], Handler], max_line_bytes: int) -> None:
        """Called on the loop."""
        self._handler = make_handler(self.edge)
        self._intake = Intake(
            self.loop,
            self._stdin,
            self._handler,
            max_line_bytes=max_line_bytes,
            gone=partial(self.end.arm, 0),
            at_end=partial(self.end.end, "stdinClosed", 0),
        )
        self._intake.start()

    def _flush(self, timeout_s: float) -> bool:
        return self.writer.flush(timeout_s)

    def _last_words(self, reason: str) -> None:
        if self._intake is not None:
            self._intake.stop()
        if self._handler is not None:
            self._handler.ending(reason)


def run(
    descriptors: Descriptors, make_handler: Callable[[Edge], Handler], *, max_line_bytes: int
) -> NoReturn:
    """Serves a protocol on the claimed descriptors until the process ends; it does not return.

    `make_handler` is called inside the running loop, and lines come after it returned. The process ends
    for the host's reasons (`stdinClosed`, `stdoutBroken`, `parentGone`: code 0; `signal`: 128 and the
    signal's number), for the protocol's (`Edge.end`), or with code 1 when the loop or the start failed.
    """
    process = _Process(descriptors)
    at_terminal = os.isatty(descriptors.stdin)
    signals.hear(lambda number: process.end.end("signal", 128 + number), at_terminal=at_terminal)

    def start() -> None:
        try:
            process.start(make_handler, max_line_bytes)
        except Exception:
            _log.exception("the protocol could not be started")
            process.end.end("startFailed", 1)

    process.writer.start()
    process.loop.call_soon(start)
    try:
        process.loop.run_forever()
    except BaseException:
        _log.exception("the loop failed")
    process.end.end("loopStopped", 1)
    while True:  # the exit's own thread is at work
        time.sleep(1)
