"""A host in the same process: the real server and writer, a real pipe, the test's own event loop."""

import asyncio
import base64
import json
import os
import random
import warnings
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from sidecar.rpc.server import Server
from sidecar.simulator import Script, Simulator
from sidecar.stdio.edge import Edge
from sidecar.stdio.writer import Line, Writer

with warnings.catch_warnings():
    # Its first import uses functions of the standard library that are deprecated up to 3.12.
    warnings.simplefilter("ignore", DeprecationWarning)
    import jsonrpcserver  # noqa: F401

TIMEOUT_S = 10.0

Message = dict[str, Any]


class Ends:
    """Stands where the exit function stands, which would end the test run."""

    def __init__(self) -> None:
        self.reasons: list[str] = []

    def end(self, reason: str, code: int) -> None:
        self.reasons.append(reason)


class Host:
    """Says lines to a server and hears its answers, each as the bytes that went through the pipe."""

    def __init__(self, make: Callable[[Edge], Server]) -> None:
        self.ends = Ends()
        self.heard: list[Any] = []
        """Everything heard so far, in order."""
        self._make = make
        self._read_fd, self._write_fd = os.pipe()
        self._last_id = 0

    async def start(self, *, reading: bool = True) -> None:
        loop = asyncio.get_running_loop()
        self.writer = Writer(self._write_fd, on_broken=lambda: None)
        self.server = self._make(Edge(loop, self.writer, self.ends))  # type: ignore[arg-type]
        self.writer.start()
        if reading:
            await self.read()

    async def read(self) -> None:
        """Begin to read what the server wrote."""
        loop = asyncio.get_running_loop()
        self._stream = asyncio.StreamReader(limit=64 * 1024 * 1024)
        protocol = asyncio.StreamReaderProtocol(self._stream)
        self._pipe, _ = await loop.connect_read_pipe(lambda: protocol, os.fdopen(self._read_fd, "rb"))

    async def stop(self) -> None:
        self.server.ending("the test is over")
        await self.server.sessions.close_all()
        self._pipe.close()  # the writer then finds that nobody reads, and its thread ends
        await asyncio.sleep(0)
        self.writer.put("", Line(b""))
        await asyncio.to_thread(self.writer.flush, TIMEOUT_S)
        os.close(self._write_fd)

    # --- saying -----------------------------------------------------------------------------------

    def say(self, *messages: Any) -> None:
        """Messages, or lines as they are."""
        for message in messages:
            self.server.line(message if isinstance(message, bytes) else json.dumps(message).encode())

    def call(self, method: str, call_id: Any = None, /, **params: Any) -> Any:
        """Say a call; returns its id."""
        if call_id is None:
            self._last_id += 1
            call_id = f"call {self._last_id}"
        self.say({"jsonrpc": "2.0", "id": call_id, "method": method, "params": params})
        return call_id

    def notify(self, method: str, /, **params: Any) -> None:
        self.say({"jsonrpc": "2.0", "method": method, "params": params})

    # --- hearing ----------------------------------------------------------------------------------

    async def hear(self) -> Any:
        """The next line."""
        async with asyncio.timeout(TIMEOUT_S):
            line = await self._stream.readline()
        assert line.endswith(b"\n")
        assert b"\n" not in line[:-1]
        self.heard.append(json.loads(line))
        return self.heard[-1]

    async def hear_until(self, condition: Callable[[Any], object]) -> Any:
        """The first line from now on that meets the condition."""
        while not condition(message := await self.hear()):
            pass
        return message

    async def answer_to(self, call_id: Any) -> Message:
        """The response to a call, also if it was heard already."""

        def is_it(message: Any) -> bool:
            return isinstance(message, dict) and "id" in message and message["id"] == call_id

        for message in self.heard:
            if is_it(message):
                return message
        return await self.hear_until(is_it)

    async def told(self, method: str, condition: Callable[[Message], object] = bool) -> Message:
        """The params of the first notification of this method that meets the condition, also if it was
        heard already."""
        while not (found := [params for params in self.of(method) if condition(params)]):
            await self.hear()
        return found[0]

    async def ask(self, method: str, /, **params: Any) -> Any:
        """Call and return the result."""
        answer = await self.answer_to(self.call(method, **params))
        assert "result" in answer, answer
        return answer["result"]

    async def refused(self, method: str, /, **params: Any) -> Message:
        """Call and return the error."""
        return (await self.answer_to(self.call(method, **params)))["error"]

    async def initialize(self) -> Any:
        return await self.ask("initialize", protocolVersion="1", client={"name": "t", "version": "1"})

    async def hear_all(self) -> list[Any]:
        """All that was written up to now: `ping` is answered after it."""
        before = len(self.heard)
        end = self.call("ping")
        await self.answer_to(end)
        return self.heard[before:-1]

    async def open(self, sim: Simulator, session_id: str = "s1", **params: Any) -> Any:
        return await self.ask("session/open", **open_params(sim.url, session_id), **params)

    def send_audio(self, n: int, session_id: str = "s1", **changes: Any) -> None:
        given = {"sessionId": session_id, "n": n, "data": chunk(n)} | changes
        self.notify("session/sendAudio", **given)

    def of(self, method: str, session_id: str | None = None) -> list[Message]:
        """The params of the notifications heard of this method."""
        return [
            m["params"]
            for m in self.heard
            if isinstance(m, dict)
            and m.get("method") == method
            and session_id in (None, m["params"].get("sessionId"))
        ]


def chunk(n: int) -> str:
    """20 ms of noise at 16 kHz as base64, another for each number."""
    return base64.b64encode(random.Random(n).randbytes(640)).decode()


def open_params(url: str, session_id: str = "s1") -> Message:
    return {
        "sessionId": session_id,
        "endpoint": {"baseUrl": url},
        "auth": {"type": "apiKey", "apiKey": "a-key-for-tests"},
        "setup": {"model": "models/m"},
    }


@pytest.fixture
async def hosts(sim: Simulator, deaf: str) -> AsyncIterator[Callable[..., Any]]:
    """`await hosts()` is a host of a new server; `reading=False`: it does not read yet.

    It ends before the services that its sessions may be connecting to.
    """
    async with AsyncExitStack() as stack:

        async def start(make: Callable[[Edge], Server] = Server, *, reading: bool = True) -> Host:
            host = Host(make)
            await host.start(reading=reading)
            stack.push_async_callback(host.stop)
            return host

        yield start


@pytest.fixture
async def host(hosts: Callable[..., Any]) -> Host:
    """A host whose server was initialized."""
    started: Host = await hosts()
    await started.initialize()
    return started


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    """A Live service that answers nothing by itself, so that a test's lines are those it asked for."""
    async with Simulator(Script(turns=[])) as simulator:
        yield simulator


@pytest.fixture
async def deaf() -> AsyncIterator[str]:
    """The URL of a server that accepts connections and never says a word."""
    connections: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _, writer: connections.append(writer), "127.0.0.1", 0)
    yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()
    await asyncio.sleep(0)  # for a connection that was accepted just now
    for writer in connections:
        writer.transport.abort()
    await server.wait_closed()
    await asyncio.sleep(0)  # for the transports to be told


@pytest.fixture
def params_of_open() -> Callable[..., Message]:
    return open_params
