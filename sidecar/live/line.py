"""One WebSocket connection: the sans-I/O protocol of `websockets` on an asyncio transport.

The socket is always read, whatever the host does. There is no keepalive here, no queue and no waiting:
what comes in is told at once, what goes out is written at once, and the end is told exactly once.
"""

import asyncio
import logging
import platform
import re
import socket
import ssl
from collections.abc import Iterator, Mapping
from typing import Protocol

from websockets.client import ClientProtocol
from websockets.exceptions import PayloadTooBig
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import State
from websockets.uri import parse_uri

from sidecar import __version__
from sidecar.lifecycle.faults import Cause, Layer
from sidecar.live.kernel import unacknowledged_bytes, unread_bytes
from sidecar.observe.redact import redact_cut

WRITE_HIGH_WATER_BYTES = 64 * 1024
"""Above this in our own buffer the outbox waits: what is not written yet is surely not lost."""
LINGER_S = 1.0
"""After both close frames, for the bytes to leave; then the socket is aborted."""
PRODUCT_HEADERS = {
    "User-Agent": f"live-sidecar/{__version__}",
    "X-Goog-Api-Client": f"live-sidecar/{__version__} gl-python/{platform.python_version()}",
}
"""Who we are, in the forms that the service's own clients use (LP 1.4)."""
MAX_RETRY_AFTER_S = 86_400.0
"""What a service may ask for with Retry-After; a date in its place is not obeyed."""
_SECONDS = re.compile(r"[0-9]+")
_STATUS_LINE = re.compile(r"HTTP/1\.[01] ([1-5][0-9]{2}) ?(.*)")


class Receiver(Protocol):
    """Who owns the line. Every call carries the line, so that a late one of an old line is known."""

    def line_secured(self, line: "WebSocketLine") -> None:
        """TCP and TLS are done; the upgrade request goes out next."""

    def line_opened(self, line: "WebSocketLine") -> None: ...
    def line_heard(self, line: "WebSocketLine") -> None: ...
    def line_message(self, line: "WebSocketLine", data: bytes) -> None: ...
    def line_pong(self, line: "WebSocketLine", payload: bytes) -> None: ...
    def line_writable(self, line: "WebSocketLine") -> None: ...
    def line_closed(
        self, line: "WebSocketLine", cause: Cause, *, echoed: bool, unsent_bytes: int
    ) -> None: ...


class WebSocketLine(asyncio.Protocol):
    """A client connection. Redirects are not followed: they would carry the key to another origin.

    Attributes:
        bytes_sent, bytes_received: what TCP carried, the upgrade included; without what TLS adds.
        frames_sent, frames_received: of every kind, control frames too.
        released: done when the socket is closed, however the line ended; None as long as there was none.

    Args:
        url: ws or wss URL. Its query may hold a secret.
        headers: of the upgrade request; they may hold a secret and are not kept.
        max_frame_bytes: a larger message ends the line.
        logger: for `websockets`; it prints headers and bodies at debug, so it must redact.
    """

    def __init__(
        self,
        receiver: Receiver,
        url: str,
        headers: Mapping[str, str],
        *,
        max_frame_bytes: int,
        logger: logging.Logger | logging.LoggerAdapter[logging.Logger],
    ) -> None:
        self._receiver = receiver
        self._protocol = ClientProtocol(parse_uri(url), max_size=max_frame_bytes, logger=logger)
        self._headers: Mapping[str, str] | None = headers
        self._transport: asyncio.Transport | None = None
        self._below_tls: tuple[asyncio.Transport, ...] = ()
        self._socket: socket.socket | None = None
        self._head = b""
        self._fragments = bytearray()
        """Of a message that goes on; a service may cut it into any number of pieces, also of empty ones."""
        self._over = False
        self._linger: asyncio.TimerHandle | None = None
        self._paused = False
        self.released: asyncio.Future[None] | None = None
        self.bytes_sent = self.bytes_received = 0
        self.frames_sent = self.frames_received = 0
        self._came_before_close = 0
        """Of the incoming bytes, those that were here when our close frame was written; or more."""

    # --- out --------------------------------------------------------------------------------------

    def send_text(self, payload: bytes) -> None:
        """Write a text frame. The caller respects `writable`."""
        self._protocol.send_text(payload)
        self._write()

    def ping(self, payload: bytes) -> None:
        if self._protocol.state is State.OPEN:
            self._protocol.send_ping(payload)
            self._write()

    def close(self) -> None:
        """Start the closing handshake with 1000; its end is told by `line_closed`."""
        if self._protocol.state is State.OPEN:
            waiting = unread_bytes(self._socket) if self._socket is not None else None
            self._came_before_close = self.bytes_received + (waiting or 0)
            self._protocol.send_close(1000)
            self._write()

    def abort(self) -> None:
        """Drop the connection at once and tell nobody."""
        self._over = True
        if self._transport is not None:
            self._transport.abort()

    def leave(self) -> None:
        """Write a close frame if that is possible, wait for nothing, and tell nobody: the process ends."""
        self.close()
        self._over = True

    @property
    def writable(self) -> bool:
        """Whether to write now. Not after the service's close frame, which is known before the messages are
        told that came with it."""
        return self._protocol.state is State.OPEN and not self._paused

    @property
    def over(self) -> bool:
        """Whether the end was told, or nobody wants to hear it."""
        return self._over

    @property
    def tls(self) -> ssl.SSLObject | None:
        """The TLS that it stands on, once that is there."""
        found = None if self._transport is None else self._transport.get_extra_info("ssl_object")
        return found if isinstance(found, ssl.SSLObject) else None

    @property
    def unsent_bytes(self) -> int:
        """What was written and has not left this process."""
        if self._transport is None:
            return 0
        # TLS counts what it has not encrypted yet, and no more than that.
        return sum(transport.get_write_buffer_size() for transport in (self._transport, *self._below_tls))

    @property
    def unacked_bytes(self) -> int | None:
        """What was written and TCP has not acknowledged; None where the system does not tell."""
        in_kernel = unacknowledged_bytes(self._socket) if self._socket is not None else None
        return None if in_kernel is None else in_kernel + self.unsent_bytes

    @property
    def acked_bytes(self) -> int | None:
        """How many of `bytes_sent` the other side has, at least; None where the system does not tell."""
        unacked = self.unacked_bytes
        return None if unacked is None else max(0, self.bytes_sent - unacked)

    # --- asyncio.Protocol -------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self.released = asyncio.get_running_loop().create_future()
        if self._over:
            transport.abort()
            return
        transport.set_write_buffer_limits(high=WRITE_HIGH_WATER_BYTES)
        self._socket = transport.get_extra_info("socket")
        self._below_tls = tuple(_below_tls(transport))
        self._receiver.line_secured(self)
        if self.over:  # who was told ended it
            return
        request = self._protocol.connect()
        for name, value in (PRODUCT_HEADERS | dict(self._headers or {})).items():
            request.headers[name] = value
        self._headers = None
        self._protocol.send_request(request)
        self._write()
        self.frames_sent = 0

    def data_received(self, data: bytes) -> None:
        if self._over:
            return
        self.bytes_received += len(data)
        self._receiver.line_heard(self)
        protocol = self._protocol
        if protocol.state is State.CONNECTING and (refusal := self._refusal(data)) is not None:
            self._end(refusal)
            return
        protocol.receive_data(data)
        self._write()
        for event in protocol.events_received():
            if self.over:
                return
            if isinstance(event, Frame):
                self.frames_received += 1
                self._take_frame(event)
            elif isinstance(event, Response) and self.writable:
                self._receiver.line_opened(self)
        if protocol.handshake_exc is not None:
            self._end(Cause(Layer.HTTP, "invalid", type(protocol.handshake_exc).__name__))
        elif protocol.parser_exc is not None:
            self._end(_parser_cause(protocol.parser_exc))
        elif protocol.close_rcvd is not None:
            self._closing_handshake_done()

    def eof_received(self) -> bool:
        """The other side is done. What we still hold cannot be wanted, so nothing is waited for."""
        self._lost(None)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        if self._linger is not None:
            self._linger.cancel()
        if self.released is not None and not self.released.done():
            self.released.set_result(None)
        self._lost(exc)
        self._transport = None

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        if not self._over:
            self._receiver.line_writable(self)

    # --- inside -----------------------------------------------------------------------------------

    def _lost(self, exc: Exception | None) -> None:
        if self._over:
            return
        self._protocol.receive_eof()
        text = _text(exc) if exc else "the connection ended without a close frame"
        if self._protocol.handshake_exc is not None:
            self._end(Cause(Layer.HTTP, "dropped", text))
        else:
            self._end(Cause(Layer.WEBSOCKET, 1006, text))

    def _take_frame(self, frame: Frame) -> None:
        opcode = frame.opcode
        if opcode is Opcode.BINARY or opcode is Opcode.TEXT or opcode is Opcode.CONT:
            if frame.fin and not self._fragments:
                self._receiver.line_message(self, bytes(frame.data))
                return
            self._fragments += frame.data
            if frame.fin:
                message = bytes(self._fragments)
                self._fragments.clear()
                self._receiver.line_message(self, message)
        elif opcode is Opcode.PONG:
            self._receiver.line_pong(self, bytes(frame.data))

    def _closing_handshake_done(self) -> None:
        """Both close frames were seen. The service may keep the TCP open; we do not wait for it."""
        protocol = self._protocol
        rcvd = protocol.close_rcvd
        assert rcvd is not None
        # A reason goes into errors and logs, and a service may repeat in it what it was sent, cut to
        # what a close frame has room for.
        self._end(Cause(Layer.WEBSOCKET, int(rcvd.code), redact_cut(rcvd.reason)), echoed=self._echoed())

    def _echoed(self) -> bool:
        """Whether the service's close frame is surely the answer to ours, so that it read all we wrote.

        A service that closes by itself, also with 1000, may cross ours: then it need not have read a byte.
        An answer repeats our code and no reason; it cannot have been here already when we wrote ours; and
        whoever answers a frame has received it, so that no byte up to it is unacknowledged.
        """
        rcvd, crossed = self._protocol.close_rcvd, self._protocol.close_rcvd_then_sent
        return (
            rcvd is not None
            and not crossed
            and rcvd.code == 1000
            and not rcvd.reason
            and self.bytes_received > self._came_before_close
            and self.unacked_bytes == 0
        )

    def _refusal(self, data: bytes) -> Cause | None:
        """An answer to the upgrade other than 101, as soon as its head is here: its body may never end."""
        self._head += data
        head, end, _ = self._head.partition(b"\r\n\r\n")
        if not end:
            return None
        self._head = b""
        status, *fields = head.decode("latin-1").split("\r\n")
        match = _STATUS_LINE.fullmatch(status)
        if match is None or match.group(1) == "101":
            return None  # the protocol judges
        named = (field.partition(":") for field in fields)
        retry_after = next((value.strip() for name, _, value in named if name.lower() == "retry-after"), "")
        seconds = _SECONDS.fullmatch(retry_after)
        retry_after_s = min(float(retry_after), MAX_RETRY_AFTER_S) if seconds else None
        return Cause(Layer.HTTP, int(match.group(1)), redact_cut(match.group(2)), retry_after_s)

    def _end(self, cause: Cause, *, echoed: bool = False) -> None:
        """Tell the end, once. After a closing handshake our close frame is still to be sent, else nothing."""
        if self._over:
            return
        self._over = True
        transport, unsent_bytes = self._transport, self.unsent_bytes
        if transport is not None and self._protocol.close_rcvd is None:
            transport.abort()
        elif transport is not None and not transport.is_closing():
            unsent_bytes = 0
            transport.close()
            self._linger = asyncio.get_running_loop().call_later(LINGER_S, transport.abort)
        self._receiver.line_closed(self, cause, echoed=echoed, unsent_bytes=unsent_bytes)

    def _write(self) -> None:
        transport = self._transport
        for data in self._protocol.data_to_send():
            if transport is None or transport.is_closing():
                return
            if data:
                transport.write(data)
                self.bytes_sent += len(data)
                self.frames_sent += 1
            elif transport.can_write_eof():
                transport.write_eof()


def _below_tls(transport: asyncio.Transport) -> Iterator[asyncio.Transport]:
    """The transports that TLS writes to, two for TLS inside TLS; asyncio has no public name for them."""
    below = getattr(getattr(transport, "_ssl_protocol", None), "_transport", None)
    if isinstance(below, asyncio.Transport):
        yield below
        yield from _below_tls(below)


def _parser_cause(exc: Exception) -> Cause:
    if isinstance(exc, PayloadTooBig):
        return Cause(Layer.LOCAL, "messageTooBig", "the service sent a frame over the limit")
    if isinstance(exc, EOFError):
        return Cause(Layer.WEBSOCKET, 1006, "the connection ended without a close frame")
    return Cause(Layer.LOCAL, "protocolError", type(exc).__name__)


def _text(exc: Exception) -> str:
    return getattr(exc, "strerror", None) or str(exc) or type(exc).__name__
