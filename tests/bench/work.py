"""The sidecar's own work, without the socket: for a chunk up, a frame down, and for knowing that a line lives.
Prints one JSON object.

Everything between the line and the socket's `write`, and between the socket's data and the writer's queue,
is real; only the line to the service is replaced by one that takes what it is given.
"""

import asyncio
import base64
import json
import os
import threading
import time
from collections.abc import Callable
from statistics import median
from typing import Any

from sidecar.lifecycle.liveness import NEVER
from sidecar.lifecycle.settings import STRICT, TOLERANT, OutboxLimits
from sidecar.lifecycle.states import State
from sidecar.rpc.server import Server
from sidecar.session import LiveSession
from sidecar.session.sleep import TICK_S, SleepWatch
from sidecar.stdio.writer import Writer

COUNT = 20_000
BATCH = 100
"""So many are timed together; of the batches the median counts, as others work on the machine too."""
TICKS = 1_000
ROUNDS = 5
CHUNK_S = 0.02
FRAME = json.dumps(
    {
        "serverContent": {
            "modelTurn": {
                "parts": [
                    {
                        "inlineData": {
                            "mimeType": "audio/pcm;rate=24000",
                            "data": base64.b64encode(os.urandom(12_000)).decode(),
                        }
                    }
                ]
            }
        }
    },
    indent=2,
).encode()


class NullLine:
    """Takes what it is given."""

    writable = True
    over = False
    unsent_bytes = 0
    unacked_bytes = acked_bytes = None
    bytes_sent = bytes_received = frames_sent = frames_received = 0

    def send_text(self, payload: bytes) -> None: ...
    def ping(self, payload: bytes) -> None: ...
    def close(self) -> None: ...
    def abort(self) -> None: ...
    def leave(self) -> None: ...


class Edge:
    def __init__(self, writer: Writer) -> None:
        self.writer = writer

    def watch_parent(self, pid: int) -> None: ...
    def end(self, reason: str, code: int = 0) -> None: ...


def line(method: str, params: dict[str, Any], call_id: int | None = None) -> bytes:
    return json.dumps(
        {"jsonrpc": "2.0", "method": method, "params": params} | ({} if call_id is None else {"id": call_id})
    ).encode()


def connect(session: LiveSession) -> NullLine:
    """Brings the session to `connected` on a line that is none."""
    wire = NullLine()
    if session._attempt is not None:
        session._attempt.cancel()
    session._line = wire  # type: ignore[assignment]
    now = session.now()
    session.core.tcp_connected(now)
    session.core.upgraded(now, resuming=False)
    session.line_message(wire, b'{"setupComplete":{}}')  # type: ignore[arg-type]
    assert session.state is State.CONNECTED
    return wire


async def main() -> None:
    read_fd, write_fd = os.pipe()
    threading.Thread(
        target=lambda: [None for _ in iter(lambda: os.read(read_fd, 1 << 20), b"")], daemon=True
    ).start()
    writer = Writer(write_fd, on_broken=lambda: None)
    writer.start()
    server = Server(Edge(writer))  # type: ignore[arg-type]
    server.line(line("initialize", {"protocolVersion": "1", "client": {"name": "bench", "version": "1"}}, 1))
    params = {
        "sessionId": "s1",
        "endpoint": {"baseUrl": "ws://127.0.0.1:9"},
        "auth": {"type": "apiKey", "apiKey": "k"},
        "setup": {"model": "models/m"},
    }
    server.line(line("session/open", params, 2))
    await asyncio.sleep(0)
    session = server.sessions._entries["s1"].session
    wire = connect(session)
    # Chunks come a thousand times faster than speech here: the rate of the backlog must not hold them.
    session.core.outbox.configure(OutboxLimits(flush_rate=1e9, flush_burst_s=1e9), 45.0)
    data = base64.b64encode(os.urandom(640)).decode()
    n = 0

    def speech(count: int) -> list[bytes]:
        """The lines of the next chunks."""
        nonlocal n
        first, n = n, n + count
        params = {"sessionId": "s1", "data": data, "mimeType": "audio/pcm;rate=16000"}
        return [line("session/sendAudio", params | {"n": i}) for i in range(first, n)]

    def chunks() -> float:
        lines = speech(COUNT)
        took = []
        for at in range(0, COUNT, BATCH):  # confirmed now and then, as pongs would
            start = time.perf_counter()
            for each in lines[at : at + BATCH]:
                server.line(each)
            took.append(time.perf_counter() - start)
            session.core.outbox.confirm(1 << 60)
        return median(took) / BATCH * 1e6

    def frames() -> float:
        took = []
        for _ in range(0, COUNT, BATCH):
            start = time.perf_counter()
            for _ in range(BATCH):
                session.line_message(wire, FRAME)  # type: ignore[arg-type]
            took.append(time.perf_counter() - start)
            writer.flush(5.0)
        return median(took) / BATCH * 1e6

    def ticks(audio_s: float) -> float:
        """One turn of liveness: a tick that pings, its pong, told as health, and a tick that finds nothing.
        `audio_s`: so much audio was written since the last one."""
        core, live = session.core, session.core.line
        assert live is not None
        each = round(audio_s / CHUNK_S)
        written = speech(TICKS * each)
        took = 0.0
        for i in range(TICKS):
            for chunk in written[i * each : (i + 1) * each]:
                server.line(chunk)
            live.liveness.hurry(session.now())  # the ping is due
            core._health_at = -NEVER  # and its pong is told, as on an idle line
            pings = core.stats.pings
            start = time.perf_counter()
            session._tick(0.0)
            session.line_heard(wire)  # type: ignore[arg-type]
            session.line_pong(wire, str(core._ping_number).encode())  # type: ignore[arg-type]
            session._tick(0.0)
            took += time.perf_counter() - start
            assert core.stats.pings == pings + 1
            assert live.liveness.unanswered == 0
            assert core.outbox.idle
            if i % 100 == 99:
                writer.flush(5.0)
        return took / TICKS * 1e6

    def sleep_watch() -> float:
        watch = SleepWatch(asyncio.get_running_loop())
        end = watch.add(lambda slept_s, clock_stood: None)
        start = time.perf_counter()
        for _ in range(TICKS):
            watch._tick()
        took = time.perf_counter() - start
        end()
        return took / TICKS * 1e6

    def best(measure: Callable[[], float]) -> float:
        measure()
        return min(measure() for _ in range(ROUNDS))

    idle_us = best(lambda: ticks(0.0))
    result = {
        "chunkUs": best(chunks),
        "frameUs": best(frames),
        "liveness": [
            {"what": "idle, tolerant", "us": idle_us, "everyS": TOLERANT.interval_s},
            {"what": "idle, strict", "us": idle_us, "everyS": STRICT.interval_s},
            {
                "what": "speaking",
                "us": best(lambda: ticks(TOLERANT.audio_interval_s)),
                "everyS": TOLERANT.audio_interval_s,
            },
            {"what": "watch for sleep", "us": best(sleep_watch), "everyS": TICK_S},
        ],
    }
    print(json.dumps(result))
    os._exit(0)


asyncio.run(main())
