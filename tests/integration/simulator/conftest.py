"""A plain client of the simulator, on a real socket, and audio to send with it."""

import asyncio
import base64
import json
import random
import ssl
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from sidecar.simulator import Simulator

PATH = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
TIMEOUT_S = 5.0

Message = dict[str, Any]


class Client:
    """One connection. Messages are JSON in, JSON out."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.handle = ""

    async def send(self, message: Message) -> None:
        await self.socket.send(json.dumps(message))

    async def send_audio(self, *chunks: bytes) -> None:
        for pcm in chunks:
            blob = {"mimeType": "audio/pcm;rate=16000", "data": base64.b64encode(pcm).decode()}
            await self.send({"realtimeInput": {"audio": blob}})

    async def receive_raw(self) -> bytes | str:
        async with asyncio.timeout(TIMEOUT_S):
            return await self.socket.recv()

    async def receive(self) -> Message:
        return json.loads(await self.receive_raw())

    async def receive_until(self, condition: Callable[[Message], object]) -> list[Message]:
        """Everything up to the message that meets the condition, that one included."""
        messages = [await self.receive()]
        while not condition(messages[-1]):
            messages.append(await self.receive())
        return messages

    async def set_up(self, **setup: Any) -> None:
        """The opening as far as the first handle."""
        await self.send({"setup": {"model": "models/m", "sessionResumption": {}} | setup})
        assert await self.receive() == {"setupComplete": {}}
        update = (await self.receive())["sessionResumptionUpdate"]
        assert update["resumable"] is True
        self.handle = update["newHandle"]

    async def resume(self, handle: str, **setup: Any) -> None:
        await self.set_up(sessionResumption={"handle": handle}, **setup)

    async def confirm(self) -> None:
        """Returns when the server has everything that was sent."""
        async with asyncio.timeout(TIMEOUT_S):
            await (await self.socket.ping())

    async def closed(self) -> tuple[int, str]:
        """Reads to the end. The code and reason the server gave; 1006 when it gave none."""
        async with asyncio.timeout(TIMEOUT_S):
            while True:
                try:
                    await self.socket.recv()
                except ConnectionClosed as end:
                    return (end.rcvd.code, end.rcvd.reason) if end.rcvd else (1006, "")


@pytest.fixture
async def dial() -> AsyncIterator[Callable[..., Any]]:
    """`await dial(sim)` connects; everything is closed at the end."""
    async with AsyncExitStack() as stack:

        async def dial(
            sim: Simulator,
            path: str = PATH,
            key: str | None = "a-key",
            headers: dict[str, str] | None = None,
            tls: ssl.SSLContext | None = None,
        ) -> Client:
            keys = {} if key is None else {"x-goog-api-key": key}
            socket = await stack.enter_async_context(
                connect(
                    sim.url + path,
                    additional_headers=keys | (headers or {}),
                    ssl=tls,
                    ping_interval=None,
                    close_timeout=0.5,
                    max_size=2**24,
                    proxy=None,
                )
            )
            return Client(socket)

        yield dial


def _chunks(n: int, amplitude: int, seed: int) -> list[bytes]:
    """n chunks of 20 ms, no two alike."""
    rng = random.Random(seed)
    return [struct.pack("<320h", *(rng.randint(-amplitude, amplitude) for _ in range(320))) for _ in range(n)]


@pytest.fixture
def speech() -> Callable[[int], list[bytes]]:
    """`speech(n)`: n loud chunks of 20 ms."""
    return lambda n, seed=1: _chunks(n, 8000, seed)


@pytest.fixture
def silence() -> Callable[[int], list[bytes]]:
    """`silence(n)`: n chunks of 20 ms that are quiet, but not equal."""
    return lambda n, seed=2: _chunks(n, 20, seed)
