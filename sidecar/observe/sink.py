"""Writes log lines to a descriptor from a thread of its own; a reader that stopped costs lines, not time."""

import os
import select
import threading
from collections import deque
from datetime import UTC, datetime

MAX_QUEUED_BYTES = 1024 * 1024
_WRITE_BYTES = 64 * 1024
_WRITABLE_WAIT_S = 1.0


class Sink:
    """A bounded queue in front of `fd`. `put` never waits and never raises. The descriptor stays open."""

    def __init__(self, fd: int, *, max_queued_bytes: int = MAX_QUEUED_BYTES) -> None:
        self._fd = fd
        self._max_queued_bytes = max_queued_bytes
        self._changed = threading.Condition()  # an RLock inside: a signal handler may log
        self._lines: deque[bytes] = deque()
        self._queued_bytes = 0
        self._dropped = 0
        self._writing = False
        self._thread: threading.Thread | None = None
        self._closed = False

    def put(self, line: bytes) -> None:
        """Queues one line, newline included. Dropped and counted when the queue is full."""
        with self._changed:
            if self._closed:
                return
            if self._queued_bytes + len(line) > self._max_queued_bytes:
                self._dropped += 1
                return
            if self._dropped:
                self._append(_gap(self._dropped))
                self._dropped = 0
            self._append(line)
            if self._thread is None:
                self._start()
            self._changed.notify_all()

    def flush(self, timeout_s: float) -> bool:
        """Waits until everything queued is written; False if the time was up before."""
        with self._changed:
            return self._changed.wait_for(lambda: not (self._lines or self._writing), timeout_s)

    def close(self) -> None:
        """Takes no more lines; what is queued is still written."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _append(self, line: bytes) -> None:
        self._lines.append(line)
        self._queued_bytes += len(line)

    def _start(self) -> None:
        thread = threading.Thread(target=self._run, name="log-writer", daemon=True)
        try:
            thread.start()
            self._thread = thread
        except RuntimeError:  # no thread to be had: the next line tries again
            pass

    def _run(self) -> None:
        while True:
            with self._changed:
                self._writing = False
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._lines or self._dropped or self._closed)
                batch = self._take()
                if not batch:
                    return  # closed and empty
                self._writing = True
            try:
                self._write(b"".join(batch))
            except OSError:  # nobody can read logs any more; the process does not depend on them
                with self._changed:
                    self._closed = True
                    self._writing = False
                    self._lines.clear()
                    self._changed.notify_all()
                return

    def _take(self) -> list[bytes]:
        batch: list[bytes] = []
        size = 0
        while self._lines and size < _WRITE_BYTES:
            line = self._lines.popleft()
            batch.append(line)
            size += len(line)
        self._queued_bytes -= size
        if self._dropped and not self._lines:
            # The queue ran dry after a loss and no later line came to report it.
            batch.append(_gap(self._dropped))
            self._dropped = 0
        return batch

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self._fd, view) :]
            except BlockingIOError:
                # A terminal or pipe that another process made non-blocking.
                select.select([], [self._fd], [], _WRITABLE_WAIT_S)


def _gap(lines: int) -> bytes:
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return (
        f'{{"ts":"{now}","level":"warn","logger":"{__name__}",'
        f'"msg":"log lines were dropped because nobody read stderr","dropped":{lines}}}\n'
    ).encode()
