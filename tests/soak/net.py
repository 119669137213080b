"""TCP in memory: bytes take time, wait in buffers of a known size, and are acknowledged; a path may die
while both ends believe in it, or the connection may be reset."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from tests.soak.loop import VirtualLoop

ONE_WAY_S = 0.015
SEND_BUFFER_BYTES = 128 * 1024
RECEIVE_BUFFER_BYTES = 64 * 1024


class Receiver(Protocol):
    """The service's end."""

    def received(self, data: bytes) -> None: ...
    def gone(self) -> None:
        """The other side closed, or the connection was reset."""


class Way:
    """Bytes in one direction. They keep their order whatever happens.

    Attributes:
        flows: the path lets bytes through.
        reads: the receiver takes them; else they wait in its buffer, acknowledged, until that is full.
        written, arrived: bytes in all.
    """

    def __init__(
        self, loop: VirtualLoop, deliver: Callable[[bytes], None], ended: Callable[[], None]
    ) -> None:
        self._loop = loop
        self._deliver, self._ended = deliver, ended
        self._flight: deque[tuple[float, bytes]] = deque()
        self._unread: list[bytes] = []
        self._unread_bytes = 0
        self._acks: deque[tuple[float, int]] = deque()
        self._acked = 0
        self.flows = self.reads = True
        self.written = self.arrived = 0
        self.dead = False
        self.on_room: Callable[[], None] | None = None

    def send(self, data: bytes) -> None:
        """No bytes at all are the end."""
        self._flight.append((self._loop.time() + ONE_WAY_S, data))
        self.written += len(data)
        if self.flows:
            self._loop.call_later(ONE_WAY_S, self._arrive)

    @property
    def unacked(self) -> int:
        """Bytes written and not acknowledged."""
        now = self._loop.time()
        while self._acks and self._acks[0][0] <= now:
            self._acked = self._acks.popleft()[1]
        return self.written - self._acked

    def set(self, *, flows: bool | None = None, reads: bool | None = None) -> None:
        """Change what gets through. What waited comes when it does again."""
        if flows is not None and flows is not self.flows:
            _ = self.unacked
            self.flows = flows
            self._acks.clear()
            if flows:
                self._acks.append((self._loop.time() + ONE_WAY_S, self.arrived))
        if reads is not None:
            self.reads = reads
            if reads:
                waiting, self._unread, self._unread_bytes = b"".join(self._unread), [], 0
                if waiting:
                    self._deliver(waiting)
        if self.flows and self.reads:
            due = self._loop.time() + ONE_WAY_S
            self._flight = deque((due, data) for _, data in self._flight)
            self._loop.call_later(ONE_WAY_S, self._arrive)

    def forget_after(self, kept_bytes: int) -> None:
        """The sender is gone: of what has not left, only what its system holds still goes out."""
        self.written = self._acked + min(self.unacked, kept_bytes)
        total = self.arrived
        keep: deque[tuple[float, bytes]] = deque()
        for due, data in self._flight:
            total += len(data)
            if total > self.written:
                break
            keep.append((due, data))
        self._flight = keep

    def end(self) -> None:
        """Nothing arrives any more."""
        self.dead = True
        self._flight.clear()

    def _arrive(self) -> None:
        now, flight, came = self._loop.time() + 1e-9, self._flight, []
        while flight and flight[0][0] <= now and self.flows and not self.dead:
            data = flight[0][1]
            if not self.reads and self._unread_bytes + len(data) > RECEIVE_BUFFER_BYTES:
                break
            flight.popleft()
            self.arrived += len(data)
            if not self.reads:
                if not data:
                    flight.appendleft((now, data))
                    break
                self._unread.append(data)
                self._unread_bytes += len(data)
            elif data:
                came.append(data)
            else:
                self._hand_over(came)
                came = []
                self._ended()
        self._hand_over(came)
        if self.flows and not self.dead:
            self._acks.append((now + ONE_WAY_S, self.arrived))
            if self.on_room is not None:
                self._loop.call_later(ONE_WAY_S + 1e-6, self.on_room)

    def _hand_over(self, came: list[bytes]) -> None:
        if came:
            self._deliver(came[0] if len(came) == 1 else b"".join(came))


class Link(asyncio.Transport):
    """One connection: the client's transport, and its socket as far as it is asked for anything."""

    def __init__(self, loop: VirtualLoop, number: int, receiver: Callable[["Link"], Receiver]) -> None:
        super().__init__()
        self._loop = loop
        self.number = number
        self._protocol: asyncio.Protocol | None = None
        self._high = 64 * 1024
        self._paused = False
        self._closing = False
        self._lost = False
        self.peer = receiver(self)
        self.up = Way(loop, self._to_service, self._service_sees_the_end)
        self.down = Way(loop, self._to_client, self._client_sees_the_end)
        self.dead_since: float | None = None
        """When the path died, on the loop's clock; None while it lives."""

    # --- the socket -------------------------------------------------------------------------------

    def attach(self, protocol: asyncio.Protocol) -> "Link":
        self._protocol = protocol
        self._loop.call_soon(protocol.connection_made, self)
        return self

    def setsockopt(self, *_: Any) -> None:
        """Nothing to set."""

    @property
    def unacked_in_kernel(self) -> int:
        return min(self.up.unacked, SEND_BUFFER_BYTES)

    # --- asyncio.Transport ------------------------------------------------------------------------

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self if name == "socket" else default

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._high = high or self._high

    def get_write_buffer_size(self) -> int:
        return 0 if self._closing else max(0, self.up.unacked - SEND_BUFFER_BYTES)

    def is_closing(self) -> bool:
        return self._closing

    def can_write_eof(self) -> bool:
        return False

    def write(self, data: bytes) -> None:  # type: ignore[override]
        if self._closing:
            return
        self.up.send(bytes(data))
        if not self._paused and self.get_write_buffer_size() > self._high and self._protocol is not None:
            self._paused = True
            self.up.on_room = self._look_for_room
            self._protocol.pause_writing()

    def _look_for_room(self) -> None:
        if self._paused and self.get_write_buffer_size() <= self._high // 4 and not self._closing:
            self._paused = False
            self.up.on_room = None
            assert self._protocol is not None
            self._protocol.resume_writing()

    def close(self) -> None:
        """What our system holds still goes out, then the end."""
        if not self._closing:
            self._closing = True
            self.up.forget_after(SEND_BUFFER_BYTES)
            self.up.send(b"")
            self._loop.call_soon(self._lose, None)

    abort = close

    # --- what happens to it -----------------------------------------------------------------------

    def reset(self) -> None:
        """The client is told that the connection is gone; what was under way is gone too."""
        self.up.end()
        self.down.end()
        if not self._closing:
            self._closing = True
            self._loop.call_soon(self._lose, ConnectionResetError(104, "Connection reset by peer"))

    def path(self, *, alive: bool) -> None:
        """Nothing gets through any more, and nobody is told; or it does again."""
        self.dead_since = None if alive else self._loop.time()
        self.up.set(flows=alive)
        self.down.set(flows=alive)

    def _lose(self, exc: Exception | None) -> None:
        if not self._lost:
            self._lost = True
            if self._protocol is not None:
                self._protocol.connection_lost(exc)

    def _to_service(self, data: bytes) -> None:
        self.peer.received(data)

    def _to_client(self, data: bytes) -> None:
        if not self._closing and self._protocol is not None:
            self._protocol.data_received(data)

    def _service_sees_the_end(self) -> None:
        self.down.end()
        self.peer.gone()

    def _client_sees_the_end(self) -> None:
        if not self._closing and self._protocol is not None and not self._protocol.eof_received():
            self.close()
