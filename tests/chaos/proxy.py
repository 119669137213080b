"""A TCP proxy on loopback that makes bad weather between a client and a server: slow, broken, silent or gone.

`up` is from the client to the server, `down` the way back. Weather changes at once, also for open connections.
"""

import asyncio
import contextlib
import random
import socket
import struct
from collections import deque
from dataclasses import dataclass, field

PIECE_BYTES = 4096
BUFFER_BYTES = 16384
TLS_HANDSHAKE, TLS_DATA = b"\x16", 0x17
"""First bytes of TLS records: that of a connection's first record, and that of data."""
"""What a direction may hold back, and the kernel in each socket: a proxy must not swallow seconds of speech."""


@dataclass
class Weather:
    """Of one direction. Every piece is late by `latency_s` and at most `jitter_s` more; the order stays."""

    latency_s: float = 0.0
    jitter_s: float = 0.0
    bytes_per_s: float | None = None


@dataclass
class Trap:
    """Once, at the next WebSocket frame of a direction: flip a bit of byte `at`, or cut before it (RST)."""

    do: str
    at: int
    bit: int = 0x01


@dataclass
class Direction:
    """One way of one connection: what is under way, and whether it flows."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    under_way: deque = field(default_factory=deque)
    held: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)


class FaultProxy:
    """Stands before `target` (host, port). `host` is the address it listens on."""

    def __init__(self, target, host="127.0.0.1", seed=1):
        self.target, self._host = target, host
        self.weather = {"up": Weather(), "down": Weather()}
        self.links = []
        self._traps = {}
        self.silent = False
        self._rng = random.Random(seed)
        self._server = None
        self.port = 0

    async def __aenter__(self):
        await self.listen()
        return self

    async def __aexit__(self, *_):
        await self.refuse()
        self.reset()
        for link in list(self.links):
            await link.gone.wait()

    @property
    def url(self):
        return f"ws://{self._host}:{self.port}"

    # --- actions

    async def listen(self):
        """Accepts connections again, on the same port."""
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
        sock.bind((self._host, self.port))
        self._server = await asyncio.start_server(self._accept, sock=sock, limit=BUFFER_BYTES)
        self.port = sock.getsockname()[1]

    async def refuse(self):
        """Closes the listener: connecting is refused. Open connections go on."""
        if self._server is not None:
            self._server.close()
            self._server = None
            await asyncio.sleep(0)

    def silence(self, silent=True):
        """New connections are accepted, and nothing else happens to them until they are reset."""
        self.silent = silent

    def reset(self):
        """RST to both sides of every connection."""
        for link in list(self.links):
            link.reset()

    def freeze(self, frozen=True):
        """Nothing passes on the connections that are open now; they stay open. Later ones are not hit."""
        for link in self.links:
            link.flow(not frozen)

    def half_close(self, way):
        """The receiver of `way` sees a clean end of the stream (FIN); the other way goes on."""
        for link in self.links:
            link.half_close(way)

    def corrupt(self, way, at=0, bit=0x01):
        """Flips `bit` in byte `at` of the next frame: 0 is its first header byte."""
        self._traps[way] = Trap("corrupt", at, bit)

    def cut_mid_frame(self, way, after=3):
        """Lets `after` bytes of the next frame through, then RST."""
        self._traps[way] = Trap("cut", after)

    def sprung(self, way):
        """Whether the trap of that direction was met."""
        return way not in self._traps

    # --- connections

    async def _accept(self, reader, writer):
        link = Link(self, reader, writer)
        self.links.append(link)
        try:
            await link.run()
        finally:
            self.links.remove(link)
            link.gone.set()

    def late_s(self, way):
        weather = self.weather[way]
        return weather.latency_s + self._rng.uniform(0, weather.jitter_s)

    def spring(self, way):
        """The trap for a frame that begins now, if there is one."""
        return self._traps.pop(way, None)


class Link:
    """One connection through the proxy."""

    def __init__(self, proxy, reader, writer):
        self._proxy = proxy
        self._client = (reader, writer)
        self._writers = [writer]
        self._ways = {}
        self._flows = asyncio.Event()
        self._flows.set()
        self._ended = asyncio.Event()
        self.gone = asyncio.Event()

    async def run(self):
        """Until both directions have ended, or a reset."""
        if self._proxy.silent:
            await self._ended.wait()
            return
        try:
            reader, writer = await asyncio.open_connection(*self._proxy.target, limit=BUFFER_BYTES)
        except OSError:
            self.reset()
            return
        self._writers.append(writer)
        self._ways = {"up": Direction(self._client[0], writer), "down": Direction(reader, self._client[1])}
        tasks = [asyncio.ensure_future(step) for name in self._ways for step in self._steps(name)]
        both = asyncio.gather(*tasks, return_exceptions=True)
        ended = asyncio.ensure_future(self._ended.wait())
        try:
            await asyncio.wait({both, ended}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (*tasks, ended):
                task.cancel()
            await asyncio.gather(*tasks, ended, return_exceptions=True)
            for each in self._writers:
                each.close()

    def reset(self):
        for writer in self._writers:
            sock = writer.get_extra_info("socket")
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
        self._ended.set()

    def flow(self, flows):
        (self._flows.set if flows else self._flows.clear)()

    def half_close(self, way):
        with contextlib.suppress(OSError, KeyError):
            self._ways[way].writer.write_eof()

    def _steps(self, name):
        return self._take(name, self._ways[name]), self._give(name, self._ways[name])

    async def _take(self, name, way):
        loop = asyncio.get_running_loop()
        due_s = 0.0
        while True:
            while way.held > BUFFER_BYTES:
                way.changed.clear()
                await way.changed.wait()
            await self._flows.wait()
            try:
                piece = await way.reader.read(PIECE_BYTES)
            except OSError:
                self.reset()  # one side was reset: so is the other
                return
            due_s = max(due_s, loop.time() + self._proxy.late_s(name))
            way.under_way.append((due_s, piece))
            way.held += len(piece)
            way.changed.set()
            if not piece:
                return

    async def _give(self, name, way):
        loop = asyncio.get_running_loop()
        frames = Frames()
        while True:
            while not way.under_way:
                way.changed.clear()
                await way.changed.wait()
            due_s, piece = way.under_way.popleft()
            await asyncio.sleep(max(0.0, due_s - loop.time()))
            await self._flows.wait()
            way.held -= len(piece)
            way.changed.set()
            if not piece:
                with contextlib.suppress(OSError):
                    way.writer.write_eof()
                return
            piece, cut = frames.through(piece, lambda: self._proxy.spring(name))
            rate = self._proxy.weather[name].bytes_per_s
            with contextlib.suppress(OSError):
                way.writer.write(piece)
                await way.writer.drain()
            if cut:
                self.reset()
                return
            if rate is not None:
                await asyncio.sleep(len(piece) / rate)


class Frames:
    """Follows one direction of a WebSocket, after its HTTP head, frame by frame, and does what a trap says.
    Under TLS a frame is a record."""

    def __init__(self):
        self._size, self._is_data = payload_size, lambda first: first & 0x0F < 8  # no ping or pong
        self._head = b""
        self._header = bytearray()
        self._left = 0
        """Payload bytes still to come of the frame under way; 0 within its header."""
        self._place = 0
        """Bytes of the frame that went by."""
        self._trap = None

    def through(self, piece, spring):
        """What is to be passed on of a piece, and whether the connection is to be cut after it.

        `spring` is asked for a trap at the beginning of each frame of data.
        """
        out = bytearray()
        i = 0
        if not self._head and piece[:1] == TLS_HANDSHAKE:
            self._head = b"\r\n\r\n"  # none that could be seen
            self._size, self._is_data = record_size, lambda first: first == TLS_DATA
        while i < len(piece):
            if not self._head.endswith(b"\r\n\r\n"):
                self._head = self._head[-3:] + piece[i : i + 1]
                out.append(piece[i])
                i += 1
                continue
            if self._place == 0 and self._trap is None and self._is_data(piece[i]):
                self._trap = spring()
            part = bytearray(piece[i : i + (self._left or 1)])
            i += len(part)
            hit = self._hit(len(part))
            self._advance(part)
            if hit is not None:
                trap, at = hit
                if trap.do == "cut":
                    return bytes(out + part[:at]), True
                part[at] ^= trap.bit
            out += part
        return bytes(out), False

    def _hit(self, size):
        """The trap, if it is for one of the next `size` bytes, and for which."""
        trap = self._trap
        if trap is None or not self._place <= trap.at < self._place + size:
            return None
        self._trap = None
        return trap, trap.at - self._place

    def _advance(self, part):
        self._place += len(part)
        if self._left:
            self._left -= len(part)
        else:
            self._header += part
            size = self._size(self._header)
            if size is None:
                return
            self._left = size
        if self._left == 0:
            self._header.clear()
            self._place = 0


def record_size(header):
    """The same of a TLS record (RFC 8446 5.1)."""
    return int.from_bytes(header[3:5]) if len(header) == 5 else None


def payload_size(header):
    """Bytes of payload after this WebSocket frame header; None as long as it is not whole (RFC 6455 5.2)."""
    if len(header) < 2:
        return None
    size, masked = header[1] & 0x7F, header[1] >> 7
    extended = {126: 2, 127: 8}.get(size, 0)
    if len(header) < 2 + extended + 4 * masked:
        return None
    return int.from_bytes(header[2 : 2 + extended]) if extended else size
