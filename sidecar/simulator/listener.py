"""The port: listening, with TLS or without, being unreachable for a while, and the end."""

import asyncio
import contextlib
import logging
import ssl
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, cast
from weakref import WeakSet

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response
from websockets.protocol import State

from .rest import Post
from .wire import Wire

_MAX_MESSAGE_BYTES = 16 * 2**20
_CLOSE_TIMEOUT_S = 2.0
_TLS_TIMEOUT_S = 5.0
_REBIND_S = 0.05
_RESET_S = 0.05

# At debug the library writes keys and handles: never that far.
_library_log = logging.getLogger("sidecar.simulator.websockets")
_library_log.setLevel(logging.WARNING)


class Attendant(Protocol):
    """Who looks after those who connect."""

    async def on_upgrade(self, connection: ServerConnection, request: Request) -> Response | None: ...
    def on_post(self, post: Post) -> tuple[int, object]: ...


class Listener:
    """`on_connection` gets every wire whose upgrade was accepted, `note` a line about what happens here."""

    def __init__(
        self,
        host: str,
        port: int,
        tls: ssl.SSLContext | None,
        attendant: Attendant,
        on_connection: Callable[[Wire], Awaitable[None]],
        note: Callable[[str], None],
    ) -> None:
        self.port = port
        self._host = host
        self._tls = tls
        self._attendant = attendant
        self._on_connection = on_connection
        self._note = note
        self._servers: list[Server] = []
        self._wires: WeakSet[Wire] = WeakSet()
        self._away_until_s = 0.0
        self._relisten: asyncio.Task[None] | None = None

    @property
    def listening(self) -> bool:
        return bool(self._servers) and (self._relisten is None or self._relisten.done())

    async def listen(self) -> None:
        """Raises OSError."""
        # With TLS, a client that never agrees on it may hold the end of the server up for that long.
        limits: dict[str, Any] = {} if self._tls is None else {"ssl_handshake_timeout": _TLS_TIMEOUT_S}
        server = await serve(
            lambda wire: self._on_connection(cast(Wire, wire)),
            self._host,
            self.port,
            process_request=self._attendant.on_upgrade,
            create_connection=cast(Any, self._new_wire),  # any call that makes one will do
            open_timeout=None,
            compression=None,
            ping_interval=None,
            close_timeout=_CLOSE_TIMEOUT_S,
            max_size=_MAX_MESSAGE_BYTES,
            logger=_library_log,
            ssl=self._tls,
            **limits,
        )
        self._servers.append(server)
        self.port = server.sockets[0].getsockname()[1]

    def go_away(self, for_s: float, then: Callable[[], None]) -> None:
        """Nothing listens for this long; open connections go on. `then` is called when it listens again."""
        now_s = asyncio.get_running_loop().time()
        self._away_until_s = max(self._away_until_s, now_s + for_s)
        self._servers[-1].close(close_connections=False)
        if self._relisten is not None:
            self._relisten.cancel()
        self._relisten = asyncio.create_task(self._listen_again(then))

    def stop_accepting(self) -> None:
        if self._relisten is not None:
            self._relisten.cancel()
        for server in self._servers:
            server.close(close_connections=False)

    async def stop(self) -> None:
        """Once every connection has ended."""
        closing = [asyncio.ensure_future(server.wait_closed()) for server in self._servers]
        while closing:
            for wire in list(self._wires):
                if wire.state is State.CONNECTING:  # a client that says nothing, or was told nothing
                    wire.reset()
            # Again, until they are gone: one that was accepted in the last moment shows only now.
            _, waiting = await asyncio.wait(closing, timeout=_RESET_S)
            closing = list(waiting)
        if self._relisten is not None:
            with contextlib.suppress(asyncio.CancelledError):
                await self._relisten

    def _new_wire(self, *args: Any, **kwargs: Any) -> Wire:
        wire = Wire(*args, **kwargs)
        wire.on_post = self._attendant.on_post
        self._wires.add(wire)
        return wire

    async def _listen_again(self, then: Callable[[], None]) -> None:
        await asyncio.sleep(self._away_until_s - asyncio.get_running_loop().time())
        while True:
            try:
                await self.listen()
            except OSError as error:
                self._note(f"port {self.port} cannot be listened on again yet: {error.strerror}")
                await asyncio.sleep(_REBIND_S)
            else:
                self._note("listening again")
                then()
                return
