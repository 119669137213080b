"""Writes the protocol's lines from a thread, queue by queue in turn by bytes (design section 2).

Whoever puts a line never waits. A host that does not read costs at most `HARD_LIMIT_BYTES` a queue: beyond
the soft limit the oldest droppable lines go, beyond the hard one the owner of the queue must give it up.
"""

import os
import select
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

SOFT_LIMIT_BYTES = 16 * 1024 * 1024
HARD_LIMIT_BYTES = 32 * 1024 * 1024
RESERVE_BYTES = 1024 * 1024
"""Room above the hard limit for the queue's last words; what comes beyond is thrown away."""

QUANTUM_BYTES = 16 * 1024
"""What a queue may write in its turn. A longer line is written whole, and paid back in later turns."""
WRITE_BYTES = 64 * 1024
"""Lines are joined into writes of about this size: the capacity of a pipe."""


@dataclass(slots=True)
class Line:
    """One line for the host, without its newline.

    With a `tail` the line is `head`, the queue's next number, `tail`: numbers are given at the moment of
    writing, from 1 and without gaps, after all dropping. A line takes the place of an unwritten one of the
    same queue and `coalesce` key, at the end of the queue. `duration_ms` is of audio, for who reports drops.
    `before` and `after` stand around the tail: a long one need not be copied to get them.
    """

    head: bytes
    tail: bytes | None = None
    droppable: bool = False
    coalesce: str | None = None
    response: bool = False
    duration_ms: float = 0.0
    before: bytes = b""
    after: bytes = b""
    taken: bool = False
    """Set by the writer when the line is on its way out, and neither replaced nor dropped any more."""


@dataclass(slots=True, kw_only=True)
class _Barrier(Line):
    """Stands in several queues. When the last of them has come to it, its line is put into its queue."""

    queue: str
    line: Line
    waits_for: int


_RENUMBER = Line(b"")
"""Stands in a queue where a session was forgotten: lines after it count from 1 again."""


class _Queue:
    __slots__ = (
        "ceiling_bytes",
        "credit_bytes",
        "droppable",
        "in_turn",
        "latest",
        "lines",
        "name",
        "seq",
        "size_bytes",
    )

    def __init__(self, name: str) -> None:
        self.name = name
        self.lines: OrderedDict[int, Line] = OrderedDict()
        self.droppable: OrderedDict[int, Line] = OrderedDict()
        self.latest: dict[str, int] = {}
        self.size_bytes = 0
        self.credit_bytes = 0
        self.seq = 0
        self.in_turn = False
        """Whether the queue stands in the round of those that want to write."""
        self.ceiling_bytes: int | None = None
        """Once the hard limit was passed: the size at which nothing more is taken."""

    def add(self, ticket: int, line: Line) -> None:
        self.lines[ticket] = line
        self.size_bytes += _size(line)
        if line.droppable:
            self.droppable[ticket] = line
        if line.coalesce is not None:
            self.latest[line.coalesce] = ticket

    def remove(self, ticket: int) -> Line:
        line = self.lines.pop(ticket)
        self.size_bytes -= _size(line)
        self.droppable.pop(ticket, None)
        if line.coalesce is not None and self.latest.get(line.coalesce) == ticket:
            del self.latest[line.coalesce]
        return line

    def drop_to(self, limit_bytes: int) -> list[Line]:
        """Removes droppable lines, oldest first, until the queue fits; returns them."""
        dropped: list[Line] = []
        while self.droppable and self.size_bytes > limit_bytes:
            dropped.append(self.remove(next(iter(self.droppable))))
        return dropped

    def render(self, line: Line, parts: list[bytes]) -> None:
        """Appends the line as it goes out, with its number if it bears one."""
        line.taken = True
        parts.append(line.head)
        if line.tail is not None:
            self.seq += 1
            parts += (b"%d" % self.seq, line.before, line.tail, line.after)
        parts.append(b"\n")


def _size(line: Line) -> int:
    if line.tail is None:
        return len(line.head) + 1
    return len(line.head) + len(line.before) + len(line.tail) + len(line.after) + 1


class Writer:
    """Lines in from any thread, one descriptor out. The queue named "" is the process's own."""

    def __init__(self, fd: int, *, on_broken: Callable[[], None]) -> None:
        self._fd = fd
        self._on_broken = on_broken
        self.on_dropped: Callable[[str, list[Line]], None] | None = None
        """Called in `put` with the lines that the soft limit cost. It may put lines itself."""
        self.on_overflow: Callable[[str], None] | None = None
        """Called in `put`, once, when a queue passes the hard limit. Its owner should end it."""
        self.pending_responses = 0
        """Responses put and not yet written."""
        self.discarded_lines = 0
        """Lines that found no room even in the reserve. Nobody was told of them."""

        self._lock = threading.Lock()
        self._work = threading.Condition(self._lock)
        self._written = threading.Condition(self._lock)
        self._queues: dict[str, _Queue] = {}
        self._turns: deque[_Queue] = deque()
        """Queues that hold lines. The first one is at its turn."""
        self._tickets = 0
        self._sleeping = False
        self._writing = False
        self._broken = False

    def start(self) -> None:
        """Starts writing. Lines may be put before."""
        threading.Thread(target=self._run, name="stdout-writer", daemon=True).start()

    # --- for those who have something to say ------------------------------------------------------

    def put(self, queue: str, line: Line) -> None:
        """Queues a line. Never waits; callable from any thread."""
        with self._lock:
            if self._broken:
                return
            target = self._queues.get(queue) or self._queue(queue)
            if line.coalesce is not None and (older := target.latest.get(line.coalesce)) is not None:
                self._take_back(target.remove(older))
            dropped: list[Line] = []
            overflowed = False
            self._add(target, line)
            if target.size_bytes > SOFT_LIMIT_BYTES:
                dropped = target.drop_to(SOFT_LIMIT_BYTES)
                for each in dropped:
                    self._take_back(each)
                if target.ceiling_bytes is None:
                    if overflowed := target.size_bytes > HARD_LIMIT_BYTES:
                        target.ceiling_bytes = target.size_bytes + RESERVE_BYTES
                elif target.size_bytes > target.ceiling_bytes:
                    self._take_back(target.remove(self._tickets))
                    self.discarded_lines += 1
            if self._sleeping:
                self._sleeping = False
                self._work.notify()
        if dropped and self.on_dropped is not None:
            self.on_dropped(queue, dropped)
        if overflowed and self.on_overflow is not None:
            self.on_overflow(queue)

    def put_after(self, queues: Iterable[str] | None, queue: str, line: Line) -> None:
        """Queues a line that is written after what the other `queues` hold now; None: all others."""
        with self._lock:
            names = set(self._queues) if queues is None else set(queues)
            names.discard(queue)
            waiting = [other for name in names if (other := self._queues.get(name)) and other.lines]
            if waiting and not self._broken:
                barrier = _Barrier(b"", queue=queue, line=line, waits_for=len(waiting))
                for other in waiting:
                    self._add(other, barrier)
                self.pending_responses += line.response
                return
        self.put(queue, line)

    def pending_bytes(self, queue: str) -> int:
        """Bytes that wait in this queue; what is being written just now is not among them."""
        with self._lock:
            target = self._queues.get(queue)
            return 0 if target is None else target.size_bytes

    @property
    def queued_bytes(self) -> int:
        """Bytes that wait in all queues."""
        with self._lock:
            return sum(queue.size_bytes for queue in self._queues.values())

    def forget(self, queue: str) -> None:
        """The session is gone. What it queued is still written; lines put later count from 1 again."""
        with self._lock:
            target = self._queues.get(queue)
            if target is None or self._broken:
                return
            if not target.in_turn:
                del self._queues[queue]
                return
            # A new session of this name must neither replace nor drop lines of the old one.
            target.latest.clear()
            target.droppable.clear()
            target.ceiling_bytes = None
            self._add(target, _RENUMBER)

    def flush(self, timeout_s: float) -> bool:
        """Waits until everything that was put is written. False if it took too long or nobody reads."""
        with self._lock:
            self._written.wait_for(self._is_done, timeout_s)
            return self._is_done() and not self._broken

    # --- the books, under the lock ----------------------------------------------------------------

    def _queue(self, name: str) -> _Queue:
        self._queues[name] = queue = _Queue(name)
        return queue

    def _add(self, queue: _Queue, line: Line) -> None:
        if not queue.in_turn:
            queue.in_turn = True
            self._turns.append(queue)
        self._tickets += 1
        queue.add(self._tickets, line)
        self.pending_responses += line.response

    def _take_back(self, line: Line) -> None:
        self.pending_responses -= line.response

    def _is_done(self) -> bool:
        return self._broken or not (self._turns or self._writing)

    def _take(self) -> tuple[list[bytes], int]:
        """The next lines, in turn, and how many of them are responses."""
        parts: list[bytes] = []
        size_bytes = responses = 0
        while self._turns and size_bytes < WRITE_BYTES:
            queue = self._turns[0]
            if queue.credit_bytes <= 0:
                # Its turn begins. Alone, it owes nobody.
                alone = len(self._turns) == 1
                queue.credit_bytes = QUANTUM_BYTES if alone else queue.credit_bytes + QUANTUM_BYTES
            while queue.lines and queue.credit_bytes > 0 and size_bytes < WRITE_BYTES:
                line = queue.remove(next(iter(queue.lines)))
                if line is _RENUMBER:
                    queue.seq = 0
                    continue
                if isinstance(line, _Barrier):
                    self._pass(line)
                    continue
                queue.render(line, parts)
                queue.credit_bytes -= _size(line)
                size_bytes += _size(line)
                responses += line.response
            if not queue.lines:
                self._turns.popleft()
                queue.in_turn = False
                queue.credit_bytes = 0
                if queue.seq == 0:
                    del self._queues[queue.name]  # it keeps nothing that a new one would not have
            elif queue.credit_bytes <= 0:
                self._turns.rotate(-1)
        return parts, responses

    def _pass(self, barrier: _Barrier) -> None:
        barrier.waits_for -= 1
        if barrier.waits_for == 0:
            self._take_back(barrier.line)  # it was counted when it was put, and is counted again now
            self._add(self._queues.get(barrier.queue) or self._queue(barrier.queue), barrier.line)

    # --- the thread -------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            self._write_for_ever()
        except OSError:
            pass  # nobody reads any more
        finally:
            self._give_up()

    def _write_for_ever(self) -> None:
        responses = 0
        while True:
            with self._lock:
                self.pending_responses -= responses
                self._writing = False
                while not self._turns:
                    self._written.notify_all()
                    self._sleeping = True
                    self._work.wait()
                parts, responses = self._take()
                self._writing = True
            self._write(b"".join(parts))

    def _give_up(self) -> None:
        with self._lock:
            self._broken = True
            self._writing = False
            self._queues.clear()
            self._turns.clear()
            self.pending_responses = 0
            self._written.notify_all()
        self._on_broken()

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self._fd, view[:WRITE_BYTES]) :]
            except BlockingIOError:
                # Another process that shares this terminal or pipe made it non-blocking.
                select.select([], [self._fd], [], 1.0)
