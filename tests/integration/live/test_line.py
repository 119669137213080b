"""One line over a real socket: what it counts, what it tells, and what its end proves."""

import asyncio
import base64
import contextlib
import hashlib
import logging
import shutil
import socket
import ssl
import struct
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from sidecar.lifecycle.faults import Cause, Layer
from sidecar.live.kernel import unacknowledged_bytes, unread_bytes
from sidecar.live.line import WebSocketLine
from sidecar.observe.redact import REDACTED, register, unregister
from sidecar.observe.secret import Secret

TIMEOUT_S = 5.0
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3
TEXT, CLOSE, PING, PONG = 1, 8, 9, 10

Peer = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Told:
    """What a line told, in its order."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.messages: list[bytes] = []
        self.cause: Cause | None = None
        self.echoed: bool | None = None
        self.on_secured: Callable[[WebSocketLine], None] = lambda _line: None
        self._changed = asyncio.Event()

    def _tell(self, what: str) -> None:
        self.calls.append(what)
        self._changed.set()

    def line_secured(self, line: WebSocketLine) -> None:
        assert line.bytes_sent == 0
        self._tell("secured")
        self.on_secured(line)

    def line_opened(self, _line: WebSocketLine) -> None:
        self._tell("opened")

    def line_heard(self, _line: WebSocketLine) -> None: ...

    def line_message(self, _line: WebSocketLine, data: bytes) -> None:
        self.messages.append(data)
        self._tell("message")

    def line_pong(self, _line: WebSocketLine, _payload: bytes) -> None:
        self._tell("pong")

    def line_writable(self, _line: WebSocketLine) -> None:
        self._tell("writable")

    def line_closed(self, _line: WebSocketLine, cause: Cause, *, echoed: bool, unsent_bytes: int) -> None:
        self.cause, self.echoed = cause, echoed
        self._tell("closed")

    async def until(self, what: str, times: int = 1) -> None:
        async with asyncio.timeout(TIMEOUT_S):
            while self.calls.count(what) < times:
                self._changed.clear()
                await self._changed.wait()


class Ends:
    """A line and the other side of its connection."""

    def __init__(self, line: WebSocketLine, told: Told, peer: Peer) -> None:
        self.line = line
        self.told = told
        self.reader, self.writer = peer

    async def accept(self) -> int:
        """Answers the upgrade. How many bytes that took each way is told by the line."""
        async with asyncio.timeout(TIMEOUT_S):
            request = await self.reader.readuntil(b"\r\n\r\n")
        key = next(
            line.split(b":")[1].strip()
            for line in request.split(b"\r\n")
            if line.lower().startswith(b"sec-websocket-key")
        )
        accept = base64.b64encode(hashlib.sha1(key + GUID).digest())
        answer = (
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )
        self.writer.write(answer)
        await self.told.until("opened")
        assert self.line.bytes_sent == len(request)
        return len(answer)

    async def frame(self) -> tuple[int, bytes]:
        """The next frame of the line: its opcode and its whole length on the wire."""
        async with asyncio.timeout(TIMEOUT_S):
            head = await self.reader.readexactly(2)
            size = head[1] & 0x7F
            if size == 126:
                head += await self.reader.readexactly(2)
                size = struct.unpack(">H", head[2:])[0]
            return head[0] & 0x0F, head + await self.reader.readexactly(4 + size)

    def send(self, opcode: int, payload: bytes = b"") -> None:
        self.writer.write(bytes([opcode | 0x80, len(payload)]) + payload)


@pytest.fixture
async def connect() -> AsyncIterator[Callable[..., Awaitable[Ends]]]:
    """`await connect()`: a line whose upgrade request is out."""
    lines: list[WebSocketLine] = []
    accepted: list[asyncio.StreamWriter] = []
    servers: list[asyncio.Server] = []
    tasks: list[asyncio.Task[Any]] = []

    async def connect(
        server_tls: ssl.SSLContext | None = None, client_tls: ssl.SSLContext | None = None, **options: Any
    ) -> Ends:
        loop = asyncio.get_running_loop()
        came: asyncio.Future[Peer] = loop.create_future()

        async def on_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            tasks.append(asyncio.current_task())
            accepted.append(writer)
            came.set_result((reader, writer))

        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32 * 1024)
        listener.bind(("127.0.0.1", 0))
        server = await asyncio.start_server(on_connection, sock=listener, ssl=server_tls)
        servers.append(server)
        told = Told()
        line = WebSocketLine(
            told, "ws://127.0.0.1/", {}, max_frame_bytes=2**20, logger=logging.getLogger("test.line")
        )
        lines.append(line)
        told.on_secured = options.pop("on_secured", told.on_secured)
        sock = socket.create_connection(server.sockets[0].getsockname())
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 64 * 1024)
        await loop.create_connection(
            lambda: line, sock=sock, ssl=client_tls, server_hostname="localhost" if client_tls else None
        )
        async with asyncio.timeout(TIMEOUT_S):
            return Ends(line, told, await came)

    yield connect
    for line in lines:
        line.abort()
    for writer in accepted:
        writer.transport.abort()
    for server in servers:
        server.close()
        await server.wait_closed()
    await asyncio.gather(*tasks)


async def settle() -> None:
    """Lets everything happen that is already on its way on loopback."""
    for _ in range(20):
        await asyncio.sleep(0)


def flood(ends: Ends) -> int:
    """Writes more than all buffers between hold, while the other side does not read. How much was written."""
    transport = ends.writer.transport
    getattr(getattr(transport, "_ssl_protocol", None), "_transport", transport).pause_reading()
    before = ends.line.bytes_sent
    for _ in range(512):
        ends.line.send_text(b"x" * 8192)
    return ends.line.bytes_sent - before


def tells_unacknowledged() -> bool:
    one, other = socket.socketpair()
    with one, other:
        return unacknowledged_bytes(one) is not None


needs_kernel = pytest.mark.skipif(
    not hasattr(socket, "AF_UNIX") or not tells_unacknowledged(), reason="this system does not tell"
)


# --- opening ----------------------------------------------------------------------------------------


async def test_it_tells_that_the_way_is_secure_before_anything_is_written(connect):
    ends = await connect()
    assert ends.told.calls == ["secured"]
    await ends.accept()
    assert ends.told.calls == ["secured", "opened"]


async def test_who_is_told_that_may_end_it_and_no_request_goes_out(connect):
    ends = await connect(on_secured=lambda line: line.abort())
    async with asyncio.timeout(TIMEOUT_S):
        with contextlib.suppress(ConnectionResetError):  # an end, too
            assert await ends.reader.read(1) == b""
    assert ends.line.bytes_sent == 0
    assert ends.told.calls == ["secured"]


@pytest.mark.parametrize(
    ("head", "code", "retry_after_s"),
    [
        (b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 7\r\n\r\n", 503, 7.0),
        (b"HTTP/1.1 429 Too Many Requests\r\nretry-after: 30\r\nConnection: keep-alive\r\n\r\n", 429, 30.0),
        (b"HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n", 403, None),
    ],
)
async def test_a_refusal_is_told_at_its_head_though_its_body_never_ends(connect, head, code, retry_after_s):
    ends = await connect()
    for part in (head[:20], head[20:]):
        ends.writer.write(part)
        await settle()
    await ends.told.until("closed")
    assert ends.told.cause[:2] == (Layer.HTTP, code)
    assert ends.told.cause.retry_after_s == retry_after_s


@pytest.fixture
def known():
    secret = Secret("".join(f"opaque{number:03}" for number in range(30)))
    register(secret)
    yield secret.reveal()
    unregister(secret)


async def test_a_secret_that_the_service_cut_in_its_reason_is_not_told(connect, known):
    ends = await connect()
    await ends.accept()
    ends.send(CLOSE, struct.pack(">H", 1008) + f"refused: {known}".encode()[:123])
    await ends.told.until("closed")
    assert ends.told.cause == Cause(Layer.WEBSOCKET, 1008, f"refused: {REDACTED}")


async def test_a_secret_that_was_cut_in_a_refusal_of_the_upgrade_is_not_told(connect, known):
    ends = await connect()
    ends.writer.write(f"HTTP/1.1 403 refused: {known[:100]}\r\n\r\n".encode())
    await ends.told.until("closed")
    assert ends.told.cause == Cause(Layer.HTTP, 403, f"refused: {REDACTED}")


# --- counting ---------------------------------------------------------------------------------------


async def test_it_counts_what_it_sends_frame_by_frame(connect):
    ends = await connect()
    await ends.accept()
    line = ends.line
    before = line.bytes_sent
    assert (line.frames_sent, line.frames_received) == (0, 0)

    line.send_text(b"{}")
    line.ping(b"1")
    line.send_text(b"y" * 200)
    came = [await ends.frame() for _ in range(3)]
    assert [opcode for opcode, _ in came] == [TEXT, PING, TEXT]
    assert line.frames_sent == 3
    assert line.bytes_sent - before == sum(len(data) for _, data in came)

    line.close()
    assert line.frames_sent == 4


async def test_it_counts_what_it_receives_control_frames_and_fragments_too(connect):
    ends = await connect()
    answer_size = await ends.accept()
    ends.send(TEXT, b"{}")
    ends.send(PING, b"abc")
    ends.writer.write(bytes([TEXT, 1]) + b"{" + bytes([0x80, 1]) + b"}")
    assert (await ends.frame())[0] == PONG
    await ends.told.until("message", times=2)
    assert ends.line.frames_received == 4
    assert ends.line.frames_sent == 1  # the pong
    assert ends.line.bytes_received == answer_size + 4 + 5 + 6


@needs_kernel
async def test_acknowledged_is_what_the_other_side_has(connect):
    ends = await connect()
    await ends.accept()
    ends.line.send_text(b"z" * 1000)
    await ends.frame()
    ends.send(TEXT, b"{}")  # a TCP that has nothing to say acknowledges late
    await ends.told.until("message")
    assert ends.line.acked_bytes == ends.line.bytes_sent
    flood(ends)
    assert 0 < ends.line.acked_bytes < ends.line.bytes_sent
    assert ends.line.bytes_sent - ends.line.acked_bytes == ends.line.unacked_bytes > ends.line.unsent_bytes


async def test_a_line_without_a_connection_knows_of_none(connect):
    line = WebSocketLine(
        Told(), "ws://127.0.0.1/", {}, max_frame_bytes=1, logger=logging.getLogger("test.line")
    )
    assert (line.bytes_sent, line.unsent_bytes, line.acked_bytes, line.released) == (0, 0, None, None)


async def test_after_the_end_nothing_is_acknowledged_any_more(connect):
    ends = await connect()
    await ends.accept()
    ends.line.abort()
    async with asyncio.timeout(TIMEOUT_S):
        await ends.line.released
    await settle()
    assert ends.line.acked_bytes is None


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    if shutil.which("openssl") is None:
        pytest.skip("no `openssl` command here to make a certificate with")
    folder = tmp_path_factory.mktemp("tls")
    files = str(folder / "cert.pem"), str(folder / "key.pem")
    request = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=localhost",
    ]
    request += ["-addext", "subjectAltName=DNS:localhost", "-out", files[0], "-keyout", files[1]]
    subprocess.run(request, check=True, capture_output=True)
    return files


@needs_kernel
async def test_under_tls_what_waits_below_it_is_neither_sent_nor_acknowledged(connect, certificate):
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(*certificate)
    ends = await connect(server, ssl.create_default_context(cafile=certificate[0]))
    await ends.accept()
    ends.line.send_text(b"z" * 1000)
    await ends.frame()
    ends.send(TEXT, b"{}")  # a TCP that has nothing to say acknowledges late
    await ends.told.until("message")
    assert ends.line.acked_bytes == ends.line.bytes_sent

    acked_before = ends.line.acked_bytes
    written = flood(ends)
    acked = ends.line.acked_bytes - acked_before
    other_side_has = unread_bytes(ends.writer.transport.get_extra_info("socket"))
    assert acked <= other_side_has < written
    assert ends.line.unsent_bytes > written // 2


# --- the end ----------------------------------------------------------------------------------------


async def test_the_end_of_the_other_side_is_noticed_though_our_buffer_is_full(connect):
    ends = await connect()
    await ends.accept()
    flood(ends)
    assert ends.line.unsent_bytes > 0
    ends.writer.write_eof()
    await ends.told.until("closed")
    assert ends.told.cause[:2] == (Layer.WEBSOCKET, 1006)
    async with asyncio.timeout(TIMEOUT_S):
        await ends.line.released


def close_payload(code: int, reason: bytes = b"") -> bytes:
    return struct.pack(">H", code) + reason


@needs_kernel
async def test_an_answer_to_our_close_frame_proves_that_all_was_read(connect):
    ends = await connect()
    await ends.accept()
    ends.line.send_text(b"{}")
    ends.line.close()
    while (await ends.frame())[0] != CLOSE:
        pass
    ends.send(CLOSE, close_payload(1000))
    await ends.told.until("closed")
    assert (ends.told.cause.code, ends.told.echoed) == (1000, True)


@needs_kernel
async def test_a_close_frame_that_was_here_before_ours_was_written_proves_nothing(connect, monkeypatch):
    monkeypatch.setattr("sidecar.live.line.unacknowledged_bytes", lambda _sock: 0)  # TCP was quicker
    ends = await connect()
    await ends.accept()
    ends.send(CLOSE, close_payload(1000))  # on loopback it is there at once, and not read yet
    ends.line.send_text(b"{}")
    ends.line.close()
    await ends.told.until("closed")
    assert (ends.told.cause.code, ends.told.echoed) == (1000, False)


async def test_a_close_frame_while_something_is_not_acknowledged_proves_nothing(connect):
    ends = await connect()
    await ends.accept()
    flood(ends)
    ends.line.close()
    ends.send(CLOSE, close_payload(1000))
    await ends.told.until("closed")
    assert (ends.told.cause.code, ends.told.echoed) == (1000, False)


async def test_where_the_system_tells_nothing_no_close_frame_proves_anything(connect, monkeypatch):
    monkeypatch.setattr("sidecar.live.line.unacknowledged_bytes", lambda _sock: None)
    ends = await connect()
    await ends.accept()
    ends.line.close()
    assert (await ends.frame())[0] == CLOSE
    ends.send(CLOSE, close_payload(1000))
    await ends.told.until("closed")
    assert ends.told.echoed is False


@pytest.mark.parametrize(
    "payload", [close_payload(1011), close_payload(1000, b"The operation was cancelled")]
)
async def test_a_close_frame_that_says_anything_else_is_no_answer(connect, payload):
    ends = await connect()
    await ends.accept()
    ends.line.close()
    assert (await ends.frame())[0] == CLOSE
    ends.send(CLOSE, payload)
    await ends.told.until("closed")
    assert ends.told.echoed is False


async def test_a_close_of_the_service_alone_is_no_answer(connect):
    ends = await connect()
    await ends.accept()
    ends.send(CLOSE, close_payload(1000))
    await ends.told.until("closed")
    assert ends.told.echoed is False


# --- messages in pieces -------------------------------------------------------------------------------


async def test_a_message_in_pieces_is_put_together_and_empty_pieces_cost_nothing(connect):
    """RFC 6455 section 5.4 sets no limit to their number."""
    ends = await connect()
    await ends.accept()
    ends.writer.write(b"\x01\x00")
    pieces = 100_000
    ends.writer.write(b"\x00\x00" * pieces)
    await ends.writer.drain()
    ends.writer.write(b"\x00\x02ab" + b"\x00\x00" * 3 + b"\x00\x01c")
    ends.send(PING)
    while (await ends.frame())[0] != PONG:
        pass
    assert bytes(ends.line._fragments) == b"abc", "which is all that is kept"
    ends.writer.write(b"\x80\x01d")  # the last one
    ends.writer.write(b"\x01\x00\x00\x00\x80\x00")  # a message of nothing, in three pieces
    ends.send(TEXT, b"whole")
    await ends.told.until("message", 3)
    assert ends.told.messages == [b"abcd", b"", b"whole"]
