"""An echo server on the simulator's own port and wire: what the Autobahn cases talk to."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.server import ServerConnection
from websockets.frames import Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import Event

from sidecar.simulator.listener import Listener
from sidecar.simulator.rest import Post
from sidecar.simulator.wire import Wire


class EchoWire(Wire):
    """The wire as the simulator uses it, with a note of each message's kind: the echo has to be of the same."""

    binary = False

    def process_event(self, event: Event) -> None:
        if isinstance(event, Frame) and event.opcode in (Opcode.TEXT, Opcode.BINARY):
            self.binary = event.opcode is Opcode.BINARY
        super().process_event(event)


class EchoListener(Listener):
    def _new_wire(self, *args: Any, **kwargs: Any) -> Wire:
        wire = EchoWire(*args, **kwargs)
        self._wires.add(wire)
        return wire


class _Anybody:
    """Lets everybody in."""

    async def on_upgrade(self, connection: ServerConnection, request: Request) -> Response | None:
        return None

    def on_post(self, post: Post) -> tuple[int, object]:
        return 404, {}


@asynccontextmanager
async def serve() -> AsyncIterator[str]:
    """Its URL."""

    async def hold(wire: Wire) -> None:
        assert isinstance(wire, EchoWire)

        def echo(data: bytes) -> None:
            try:
                wire.post(data if wire.binary else data.decode())
            except UnicodeDecodeError:
                wire.finish(1007, "")  # as the simulator: what is no JSON in UTF-8 ends the connection

        writer = asyncio.create_task(wire.write_out())
        wire.listen(echo)
        await wire.wait_closed()
        writer.cancel()

    listener = EchoListener("127.0.0.1", 0, None, _Anybody(), hold, lambda note: None)
    await listener.listen()
    try:
        yield f"ws://127.0.0.1:{listener.port}"
    finally:
        listener.stop_accepting()
        await listener.stop()
