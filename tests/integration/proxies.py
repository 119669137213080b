"""Real proxies on loopback: CONNECT over HTTP, also over TLS, and SOCKS5; each with what it can do wrong."""

import asyncio
import base64
import contextlib
import ssl
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager


class Proxy:
    """What came in, and how to answer.

    Attributes:
        asked: the targets, "host:port", of those who were let through.
        refuse_with: the answer to whoever asks: a whole HTTP head, or a SOCKS5 reply code.
        credentials: "user:password" that it wants.
        pieces: an answer is sent byte by byte.
        silent: nobody gets an answer.
        elsewhere: where all are sent, whatever they ask for.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.asked: list[str] = []
        self.heads: list[bytes] = []
        self.connections = 0
        self.refuse_with: bytes | int | None = None
        self.credentials = ""
        self.pieces = False
        self.silent = False
        self.elsewhere: tuple[str, int] | None = None
        self.port = 0
        self.silenced = asyncio.Event()
        self._open = 0
        self._changed = asyncio.Event()
        self._writers: list[asyncio.StreamWriter] = []

    def url(self, scheme: str = "", credentials: str = "") -> str:
        return f"{scheme or self.kind}://{credentials}{'@' if credentials else ''}127.0.0.1:{self.port}"

    def cut(self) -> None:
        """Resets all connections."""
        for writer in self._writers:
            writer.transport.abort()

    async def all_ended(self, came: int = 0) -> None:
        """Waits until there is no connection left, of so many at least."""
        while self._open or self.connections < came:
            self._changed.clear()
            await self._changed.wait()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._open += 1
        self._writers.append(writer)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            await (self._socks5 if self.kind.startswith("socks5") else self._connect)(reader, writer)
        writer.transport.abort()
        self._open -= 1
        self._changed.set()

    # --- CONNECT ------------------------------------------------------------------------------------

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.heads.append(head)
        if self.silent:
            self.silenced.set()
            await reader.read()
            return
        answer = self.refuse_with if isinstance(self.refuse_with, bytes) else self._unless_allowed(head)
        if answer:
            await self._say(writer, answer)
            return
        target = head.split(b" ", 2)[1].decode()
        host, _, port = target.rpartition(":")
        answered = b"HTTP/1.1 200 Connection established\r\nVia: 1.1 test\r\n\r\n"
        await self._forward(reader, writer, host.strip("[]"), int(port), answered)

    def _unless_allowed(self, head: bytes) -> bytes:
        expected = b"Basic " + base64.b64encode(self.credentials.encode())
        if self.credentials and b"proxy-authorization: " + expected.lower() not in head.lower():
            return (
                b'HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="x"\r\n\r\n'
            )
        return b""

    # --- SOCKS5 (RFC 1928, RFC 1929) ----------------------------------------------------------------

    async def _socks5(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.silent:
            self.silenced.set()
            await reader.read()
            return
        version, count = await reader.readexactly(2)
        methods = await reader.readexactly(count)
        if isinstance(self.refuse_with, bytes):
            await self._say(writer, self.refuse_with)
            return
        method = 2 if self.credentials else 0
        if method not in methods:
            await self._say(writer, b"\x05\xff")
            return
        await self._say(writer, bytes([version, method]))
        if self.credentials:
            await reader.readexactly(1)
            given = b":".join([await self._text(reader), await self._text(reader)])
            accepted = given == self.credentials.encode()
            await self._say(writer, b"\x01\x00" if accepted else b"\x01\x01")
            if not accepted:
                return
        *_, kind = await reader.readexactly(4)
        if kind == 3:
            host = (await self._text(reader)).decode()
        else:
            import ipaddress

            host = str(ipaddress.ip_address(await reader.readexactly(4 if kind == 1 else 16)))
        (port,) = struct.unpack("!H", await reader.readexactly(2))
        if isinstance(self.refuse_with, int):
            await self._say(writer, bytes([5, self.refuse_with, 0, 1]) + bytes(6))
            return
        await self._forward(reader, writer, host, port, bytes([5, 0, 0, 1]) + bytes(6))

    @staticmethod
    async def _text(reader: asyncio.StreamReader) -> bytes:
        return await reader.readexactly((await reader.readexactly(1))[0])

    # --- both ---------------------------------------------------------------------------------------

    async def _say(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        for piece in [bytes([byte]) for byte in data] if self.pieces else [data]:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)

    async def _forward(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        host: str,
        port: int,
        answered: bytes,
    ) -> None:
        there, back = await asyncio.open_connection(*(self.elsewhere or (host, port)))
        self._writers.append(back)
        self.asked.append(f"{host}:{port}")
        try:
            await self._say(writer, answered)
            await asyncio.gather(_pump(reader, back), _pump(there, writer))
        finally:
            back.transport.abort()


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(65536):
            target.write(data)
            await target.drain()
    except OSError:
        pass
    target.transport.abort()


@asynccontextmanager
async def running(kind: str, tls: ssl.SSLContext | None = None) -> AsyncIterator[Proxy]:
    """`kind`: http, https (with `tls`), socks5 or socks5h."""
    proxy = Proxy(kind)
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(proxy.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        proxy.cut()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()
        await asyncio.sleep(0)


@asynccontextmanager
async def relay(port: int, tls: ssl.SSLContext, listen_on: int = 0) -> AsyncIterator[int]:
    """TLS in front of what listens on `port`; gives the port of its own. Both ends are cut together."""
    proxy = Proxy("relay")

    async def on_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        proxy._writers.append(writer)
        try:
            there, back = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            writer.transport.abort()
            return
        proxy._writers.append(back)
        await asyncio.gather(_pump(reader, back), _pump(there, writer))

    server = await asyncio.start_server(on_connection, "127.0.0.1", listen_on, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        proxy.cut()
        await server.wait_closed()
        await asyncio.sleep(0)


Running = Callable[..., contextlib.AbstractAsyncContextManager[Proxy]]
