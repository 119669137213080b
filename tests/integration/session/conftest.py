"""A live session over real sockets, and what every test of it checks at its end."""

import asyncio
import base64
import hashlib
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import msgspec
import pytest
from websockets.asyncio.server import ServerConnection, serve

from sidecar.lifecycle import events as ev
from sidecar.lifecycle.settings import Deadlines, HandOver, Heartbeat, OutboxLimits, Reconnect, Settings
from sidecar.lifecycle.states import State
from sidecar.live.auth import ApiKey
from sidecar.live.endpoints import developer
from sidecar.observe.secret import Secret
from sidecar.session import Config, LiveSession, SessionFailed
from sidecar.simulator import Script, Simulator

TIMEOUT_S = 6.0
CHUNK_MS = 20

SETTINGS = Settings(
    heartbeat=Heartbeat(audio_interval_s=0.05),
    reconnect=Reconnect(base_delay_s=0.02, max_delay_s=0.1),
    deadlines=Deadlines(open_s=5.0),
    outbox=OutboxLimits(flush_rate=1000.0, flush_burst_s=60.0),
    hand_over=HandOver(first_delay_s=0.05, retry_delay_s=0.05, done_after_s=0.1),
)
"""As by default, but in a hurry: a test need not last as long as an outage."""


class Talk:
    """One session, everything it told, and everything that was said."""

    def __init__(self, config: Config) -> None:
        self.events: list[Any] = []
        self.said = bytearray()
        self._waiters: list[asyncio.Future[None]] = []
        self._n = 0
        self._rng = random.Random(4711)
        self.session = LiveSession(config, self._told, uniform=lambda: 0.5)

    def _told(self, event: Any) -> None:
        self.events.append(event)
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def until(self, condition: Callable[[], Any], timeout_s: float = TIMEOUT_S) -> Any:
        """Waits until the condition holds; it is asked again after every event. Returns what it returned."""
        try:
            async with asyncio.timeout(timeout_s):
                while not (found := condition()):
                    waiter = asyncio.get_running_loop().create_future()
                    self._waiters.append(waiter)
                    await waiter
                return found
        except TimeoutError:
            last = [event for event in self.events if not isinstance(event, ev.QueueMoved)][-12:]
            raise AssertionError(f"not seen within {timeout_s} s; last events: {last}") from None

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    async def told(self, kind: type, condition: Callable[[Any], object] = lambda _: True) -> Any:
        """The first event of this kind that meets the condition, now or later."""
        return await self.until(lambda: next((e for e in self.of(kind) if condition(e)), None))

    def states(self) -> list[str]:
        """The states in their order, each once in a row."""
        states = [event.after[0].value for event in self.of(ev.StateChanged)]
        return [state for i, state in enumerate(states) if i == 0 or states[i - 1] != state]

    # --- saying -----------------------------------------------------------------------------------

    async def say(self, chunks: int, *, amplitude: int = 8000) -> None:
        """Noise in chunks of 20 ms, no two alike, ten times as fast as real time."""
        for _ in range(chunks):
            self.say_chunk(amplitude)
            await asyncio.sleep(CHUNK_MS / 10_000)

    def say_chunk(self, amplitude: int = 8000) -> None:
        span = 2 * amplitude
        samples = self._rng.choices(range(-amplitude, amplitude + 1), k=320) if span else [0] * 320
        pcm = b"".join(sample.to_bytes(2, "little", signed=True) for sample in samples)
        self.said += pcm
        self.session.send_audio(self._n, base64.b64encode(pcm).decode(), "audio/pcm;rate=16000")
        self._n += 1

    @property
    def said_ms(self) -> float:
        return len(self.said) / 32

    @property
    def said_sha256(self) -> str:
        return hashlib.sha256(self.said).hexdigest()

    # --- checking ---------------------------------------------------------------------------------

    async def all_heard(self, sim: Simulator, session: int = 1) -> None:
        """The service has every millisecond of what was said, once its repetitions are taken out."""
        audio = sim.sessions[session - 1].audio
        await sim.wait_for(lambda: audio.unique_ms >= self.said_ms, TIMEOUT_S)
        assert audio.sha256 == self.said_sha256
        assert not audio.ambiguous
        assert self.of(ev.Dropped) == []

    def check_books(self) -> None:
        books = self.session.core.outbox.books
        assert books.offered_us == books.accepted_us + books.refused_us
        assert books.accepted_us == (
            books.held_us + books.unconfirmed_us + books.confirmed_us + books.dropped_us
        )
        assert min(books.held_us, books.unconfirmed_us, books.confirmed_us, books.dropped_us) >= 0
        assert books.offered_us == self.said_ms * 1000

    async def end(self) -> None:
        """Closes the session; nothing of it may be left."""
        await self.session.close()
        self.check_books()
        books = self.session.core.outbox.books
        assert (books.held_us, books.unconfirmed_us) == (0, 0)
        if self.session.core.machine.revision:
            assert self.session.state is State.DISCONNECTED
        assert self.session._line is None
        assert not self.session._alarm.is_set
        assert not self.session.pings
        assert self.session.audience._waiters == []
        assert not self.session._unwinding
        assert self.session._stop_watching is None


def config(url: str, **changes: Any) -> Config:
    """`settings`, `setup` and the fields of Config may be changed."""
    given = {
        "endpoint": developer(url, "v1beta"),
        "auth": ApiKey(Secret("a-key-for-tests")),
        "setup": {
            "model": "models/m",
            "generationConfig": {"responseModalities": ["AUDIO"]},
            "inputAudioTranscription": {},
            "outputAudioTranscription": {},
        },
        "settings": SETTINGS,
    }
    return Config(**{**given, **changes})


@pytest.fixture
async def talks() -> AsyncIterator[Callable[..., Any]]:
    """`talks(url, ...)` makes a session, `await talks.open(url, ...)` opens it too; all end with the test."""
    async with AsyncExitStack() as stack:

        def make(url: str, **changes: Any) -> Talk:
            talk = Talk(config(url, **changes))
            stack.push_async_callback(talk.end)
            return talk

        async def open_(url: str, **changes: Any) -> Talk:
            talk = make(url, **changes)
            await talk.session.connect()
            return talk

        make.open = open_  # type: ignore[attr-defined]
        yield make


@pytest.fixture
def settings() -> Callable[..., Settings]:
    """The tests' settings, changed: `settings(reconnect={"max_attempts": 1})`."""

    def change(**parts: Any) -> Settings:
        changed = {
            name: msgspec.structs.replace(getattr(SETTINGS, name), **value)
            if isinstance(value, dict)
            else value
            for name, value in parts.items()
        }
        return msgspec.structs.replace(SETTINGS, **changed)

    return change


@pytest.fixture
def fast() -> Callable[..., Script]:
    """A script for tests: the service lets go at once, and the model speaks ten times as fast."""

    def script(**changes: Any) -> Script:
        given = {"owner_grace_ms": 0, "refusal_delay_ms": 20, "playback_rate": 10, "turns": []}
        return Script(**{**given, **changes})

    return script


@pytest.fixture
def service() -> Callable[..., Any]:
    """`async with service(handler) as url:` is a WebSocket server that does just what the handler does after
    the setup was read and answered."""

    @asynccontextmanager
    async def run(
        handler: Callable[[ServerConnection], Any], *, answer_setup: bool = True
    ) -> AsyncIterator[str]:
        async def on_connection(connection: ServerConnection) -> None:
            if answer_setup:
                await connection.recv()
                await connection.send(b'{"setupComplete": {}}')
            await handler(connection)

        async with serve(
            on_connection, "127.0.0.1", 0, compression=None, ping_interval=None, close_timeout=0.2
        ) as server:
            yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    return run


@pytest.fixture
def tcp() -> Callable[..., Any]:
    """`async with tcp(handler) as port:` is a bare TCP server; what the handler leaves open is aborted."""

    @asynccontextmanager
    async def run(
        handler: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any], **options: Any
    ) -> AsyncIterator[int]:
        writers: list[asyncio.StreamWriter] = []

        async def on_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writers.append(writer)
            await handler(reader, writer)

        server = await asyncio.start_server(on_connection, "127.0.0.1", 0, **options)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            for writer in writers:
                writer.transport.abort()
            await server.wait_closed()
            await asyncio.sleep(0)  # for the transports to be told

    return run


@pytest.fixture
def refused() -> Callable[..., Any]:
    """`await refused(talk)`: the fault with which opening it fails."""

    async def run(talk: Talk) -> Any:
        with pytest.raises(SessionFailed) as caught:
            await talk.session.connect()
        return caught.value.fault

    return run
