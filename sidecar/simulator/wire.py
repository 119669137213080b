"""The socket of one connection, on top of the `websockets` library.

A service that answers a ping has received everything before it, and the client may rely on that. The library
answers pings while it parses, so messages are handed on while it parses, too: whatever was answered was
counted, whatever fault comes next.
"""

import asyncio
import contextlib
import socket
import struct
import sys
from collections.abc import Callable
from typing import Any

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed
from websockets.frames import DATA_OPCODES, Frame, Opcode
from websockets.protocol import Event, State

from .access import Admission
from .rest import FIRST_BYTE, BadHttp, Post, PostReader, answer, error

# struct linger { on, seconds }: closing sends a reset, at once.
_LINGER_RESET = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)


class Wire(ServerConnection):
    """Passes every whole message to `tap`, sends in the order of `post`, and can freeze or reset the line.

    Attributes:
        admission: what was found of the attempt to connect; set by the upgrade.
        on_post: answers an HTTP POST that came instead of an upgrade: status and JSON.
        pong_delay_s: how long a ping waits for its pong; None: for ever.
        heard_at_s: when a message or a ping came last, on the loop's clock.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._write_frame = self.protocol.send_frame
        self.protocol.send_frame = self._send_frame  # type: ignore[method-assign]
        self.admission: Admission | None = None
        self.on_post: Callable[[Post], tuple[int, object]] | None = None
        self.pong_delay_s: float | None = 0.0
        self.heard_at_s = self.loop.time()
        self.frozen = False
        self.close_started = False
        self.pings_received = 0
        self.messages_sent = 0
        self._fresh = True
        self._post: PostReader | None = None
        self._tap: Callable[[bytes], None] | None = None
        self._early: list[bytes] = []
        self._fragments: list[bytes] = []
        self._outgoing: asyncio.Queue[str | bytes | tuple[int, str]] = asyncio.Queue()

    def listen(self, tap: Callable[[bytes], None]) -> None:
        """From now on `tap` gets every message, at the moment it is parsed."""
        self._tap = tap
        for message in self._early:
            tap(message)
        self._early.clear()

    def post(self, message: str | bytes) -> None:
        self._outgoing.put_nowait(message)

    def finish(self, code: int, reason: str) -> None:
        """Closes after everything that was posted."""
        self._outgoing.put_nowait((code, reason))

    async def write_out(self) -> None:
        """Sends what is posted, until the connection ends."""
        with contextlib.suppress(ConnectionClosed):
            while True:
                item = await self._outgoing.get()
                if self.frozen:
                    return
                if isinstance(item, tuple):
                    self.close_started = True
                    await self.close(*item)
                    return
                await self.send(item)
                self.messages_sent += 1

    def freeze(self) -> None:
        """From now on nothing is read or counted. The TCP connection stays, as on a network gone silent."""
        self.frozen = True
        self.transport.pause_reading()

    def reset(self) -> None:
        """Ends the TCP connection with a reset, without a close frame."""
        if not hasattr(self, "transport"):  # TLS is still being agreed on
            return
        sock = self.transport.get_extra_info("socket")
        if sock is not None and not self.transport.is_closing():
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_RESET)
        self.transport.abort()

    def _send_frame(self, frame: Frame) -> None:
        """The library answers a ping while it parses; here the answer is held back."""
        if frame.opcode is not Opcode.PONG or self.pong_delay_s == 0:
            self._write_frame(frame)
        elif self.pong_delay_s is not None:
            self.loop.call_later(self.pong_delay_s, self._pong, frame)

    def _pong(self, frame: Frame) -> None:
        if self.state is State.OPEN and not self.frozen:
            self._write_frame(frame)
            self.send_data()

    # --- the library's callbacks

    def data_received(self, data: bytes) -> None:
        # Where reading is ahead of the pause (Windows), a last piece may still come.
        if self.frozen:
            return
        if self._fresh:
            self._fresh = False
            if self.on_post is not None and data.startswith(FIRST_BYTE):
                self._post = PostReader()
        if self._post is not None:
            self._read_post(data)
        else:
            super().data_received(data)

    def _read_post(self, data: bytes) -> None:
        assert self._post is not None
        assert self.on_post is not None
        try:
            post = self._post.feed(data)
        except BadHttp as bad:
            reply = answer(bad.status, error(bad.status, bad.status.phrase, "INVALID_ARGUMENT"))
        else:
            if post is None:
                return
            reply = answer(*self.on_post(post))
        self.transport.write(reply)
        self.transport.close()

    def eof_received(self) -> None:
        if not self.frozen:
            super().eof_received()

    def process_event(self, event: Event) -> None:
        self.heard_at_s = self.loop.time()
        if self.request is None or not isinstance(event, Frame) or event.opcode not in DATA_OPCODES:
            if isinstance(event, Frame) and event.opcode is Opcode.PING:
                self.pings_received += 1
            super().process_event(event)
            return
        self._fragments.append(bytes(event.data))
        if event.fin:
            message = b"".join(self._fragments)
            self._fragments.clear()
            if self._tap is None:
                self._early.append(message)
            else:
                self._tap(message)
