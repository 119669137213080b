"""Reads the private stdin in a thread and holds the chunks until the loop takes them (design section 2)."""

import os
import select
import sys
import threading
from collections import deque
from collections.abc import Callable

CHUNK_BYTES = 64 * 1024
MAX_OUTSTANDING_BYTES = 1024 * 1024
"""Read and not yet worked off. Then the pipe fills up, and the host waits."""

_CHUNK_OVERHEAD_BYTES = 64
"""What a chunk costs beside its bytes: a host that writes byte by byte is bounded as well."""
_HANG_UP_CHECK_S = 0.05


class Reader:
    """One daemon thread on `os.read`: the same on every OS, and no lock of Python's own files at the exit.

    `wake` is called when chunks wait and the loop has not been told; it must make the loop call `take`
    until that returns None. `gone` is called once, at the end of the input, from the thread: it may
    come while chunks are still waiting, because the loop that should take them may be stuck.
    """

    def __init__(self, fd: int, *, wake: Callable[[], object], gone: Callable[[], None]) -> None:
        self._fd = fd
        self._wake = wake
        self._gone = gone
        self._changed = threading.Condition(threading.Lock())
        self._chunks: deque[bytes] = deque()
        self._outstanding_bytes = 0
        self._loop_knows = False
        self._gone_was_told = False

    def start(self) -> None:
        """Starts reading."""
        threading.Thread(target=self._run, name="stdin-reader", daemon=True).start()

    def take(self) -> bytes | None:
        """The next chunk; empty at the end of the input; None when there is none yet."""
        with self._changed:
            if self._chunks:
                return self._chunks.popleft()
            self._loop_knows = False
            return None

    def release(self, chunk: bytes) -> None:
        """Says that a chunk is worked off: the thread may read as much again."""
        with self._changed:
            self._outstanding_bytes -= len(chunk) + _CHUNK_OVERHEAD_BYTES
            self._changed.notify()

    def _run(self) -> None:
        while chunk := self._read():
            self._hand_over(chunk)
            self._wait_for_room()
        self._tell_gone()
        self._hand_over(b"")

    def _read(self) -> bytes:
        """The next bytes; none at the end, for which an error counts too: nothing more can come."""
        while True:
            try:
                return os.read(self._fd, CHUNK_BYTES)
            except BlockingIOError:
                # Another process that shares this terminal or pipe made it non-blocking.
                select.select([self._fd], [], [], 1.0)
            except OSError:
                return b""

    def _hand_over(self, chunk: bytes) -> None:
        with self._changed:
            self._chunks.append(chunk)
            self._outstanding_bytes += len(chunk) + _CHUNK_OVERHEAD_BYTES
            told, self._loop_knows = self._loop_knows, True
        if not told:
            self._wake()

    def _wait_for_room(self) -> None:
        """Waits for the loop. A loop that is stuck never makes room, so the host's end is looked for too."""
        with self._changed:
            while self._outstanding_bytes >= MAX_OUTSTANDING_BYTES:
                if not self._changed.wait(_HANG_UP_CHECK_S) and _hung_up(self._fd):
                    self._tell_gone()

    def _tell_gone(self) -> None:
        if not self._gone_was_told:
            self._gone_was_told = True
            self._gone()


if sys.platform == "win32":

    def _hung_up(fd: int) -> bool:
        """A Windows pipe tells its end only after its last byte: here the watch on the parent must do."""
        return False

else:

    def _hung_up(fd: int) -> bool:
        """Whether the other end is closed, though bytes may still be left to read."""
        poll = select.poll()
        # A socket, which Node uses for pipes, may be closed in one direction alone; Linux tells.
        half_closed = getattr(select, "POLLRDHUP", 0)
        poll.register(fd, half_closed)
        return any(event & (select.POLLHUP | half_closed) for _, event in poll.poll(0))
