"""An echo client on the sidecar's own line: what the Autobahn cases talk to."""

import asyncio
import logging

from websockets.frames import Frame, Opcode

from sidecar.lifecycle.faults import Cause
from sidecar.live.line import WebSocketLine

MAX_FRAME_BYTES = 16 * 1024 * 1024
CLOSE_S = 1.0
"""As in a session: who does not answer our close frame within this is aborted."""

_log = logging.getLogger("tests.conformance")
_log.addHandler(logging.NullHandler())
_log.propagate = False


class EchoLine(WebSocketLine):
    """The line as the sessions use it, with a note of each message's kind: the echo has to be of the same,
    and the sidecar itself sends text only."""

    binary = False

    def _take_frame(self, frame: Frame) -> None:
        if frame.opcode in (Opcode.TEXT, Opcode.BINARY):
            self.binary = frame.opcode is Opcode.BINARY
        super()._take_frame(frame)

    def send_binary(self, payload: bytes) -> None:
        self._protocol.send_binary(payload)
        self._write()


class Echo:
    """Owns one line from the connection to its end."""

    def __init__(self) -> None:
        self.cause: asyncio.Future[Cause] = asyncio.get_running_loop().create_future()
        self.received: list[bytes] = []

    def line_secured(self, line: WebSocketLine) -> None: ...
    def line_opened(self, line: WebSocketLine) -> None: ...
    def line_heard(self, line: WebSocketLine) -> None: ...
    def line_pong(self, line: WebSocketLine, payload: bytes) -> None: ...
    def line_writable(self, line: WebSocketLine) -> None: ...

    def line_message(self, line: WebSocketLine, data: bytes) -> None:
        assert isinstance(line, EchoLine)
        self.received.append(data)
        if line.writable:
            (line.send_binary if line.binary else line.send_text)(data)

    def line_closed(self, line: WebSocketLine, cause: Cause, *, echoed: bool, unsent_bytes: int) -> None:
        self.cause.set_result(cause)


async def talk(url: str, host: str, port: int, timeout_s: float) -> tuple[Cause, list[bytes]]:
    """One connection to its end: why it ended, and what came."""
    echo = Echo()
    line = EchoLine(echo, url, {}, max_frame_bytes=MAX_FRAME_BYTES, logger=_log)
    await asyncio.get_running_loop().create_connection(lambda: line, host, port)
    try:
        async with asyncio.timeout(timeout_s):
            cause = await asyncio.shield(echo.cause)
    finally:
        line.abort()
        assert line.released is not None
        await line.released
    return cause, echo.received
