"""Slow is not dead, and dead is found in time: late pongs, no pongs, a slow uplink, a frozen line.

Where the settings are not those of a preset, they are the tolerant ones at a 50th: suspect after 5 s,
dead after 35 s, pongs 8 to 30 s late.
"""

import asyncio
import contextlib
import itertools
import socket
import sys
import time

import pytest

from sidecar.lifecycle import events as ev
from sidecar.lifecycle.settings import STRICT, Heartbeat
from sidecar.lifecycle.states import Phase, State
from sidecar.live.frames import MessageReceived
from sidecar.simulator import Simulator
from sidecar.simulator.faults import SlowPongs
from sidecar.simulator.script import Turn

SCALE = 50.0
TOLERANT = Heartbeat(
    interval_s=30 / SCALE, audio_interval_s=0.5 / SCALE, suspect_after_s=5 / SCALE, dead_after_s=35 / SCALE
)
CHUNK_S = 0.02


async def speak(talk, seconds):
    """Loud, in real time: a chunk every 20 ms by the clock."""
    loop = asyncio.get_running_loop()
    began_at = loop.time()
    for i in range(round(seconds / CHUNK_S)):
        talk.say_chunk()
        await asyncio.sleep(max(0.0, began_at + (i + 1) * CHUNK_S - loop.time()))


def never_left(talk):
    assert talk.of(ev.Reconnecting) == []
    assert talk.of(ev.Failure) == []
    assert talk.session.connections == 1
    assert talk.session.state is State.CONNECTED


# --- late pongs ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("late_s", [8.0, 30.0])
async def test_pongs_that_come_late_make_a_tolerant_line_suspect_at_most(talks, fast, settings, late_s):
    async with Simulator(fast()) as sim:
        talk = await talks.open(sim.url, settings=settings(heartbeat=TOLERANT))
        sim.inject(SlowPongs(delay_ms=late_s / SCALE * 1000))
        await speak(talk, 1.4 * 35 / SCALE)

        never_left(talk)
        suspected = [e for e in talk.of(ev.StateChanged) if e.after[1] is Phase.SUSPECT]
        assert suspected, "8 s is over suspectAfter"
        await talk.all_heard(sim)
        await talk.session.ping()
        assert talk.session.core.outbox.idle
        never_left(talk)


async def test_frames_alone_keep_a_line_alive_and_when_they_end_it_is_dead_in_time(talks, fast, settings):
    """A service that never sends a pong: what the model says is life enough."""
    dead_after_s = 0.5
    story = Turn(model="A long story.", audio_ms=5000)  # 25 frames in 1 s
    async with Simulator(fast(turns=[story], playback_rate=1, burst_rate=5)) as sim:
        heartbeat = Heartbeat(
            interval_s=0.05, audio_interval_s=0.05, suspect_after_s=0.25, dead_after_s=dead_after_s
        )
        talk = await talks.open(sim.url, settings=settings(heartbeat=heartbeat))
        sim.inject(SlowPongs(delay_ms=None))
        came_at = []
        talk.session.on(MessageReceived, lambda _: came_at.append(talk.session.now()))
        talk.session.send("realtimeInput", {"text": "Tell me a story."})
        await talk.until(lambda: len(came_at) >= 22)
        never_left(talk)
        assert came_at[-1] - came_at[0] > dead_after_s
        assert talk.session.core.stats.pongs == 0

        lost = await talk.told(ev.Failure)
        assert (lost.fault.kind, lost.fatal) == ("lineSilent", False)
        last = max(at for at in came_at if at <= talk.session.now())
        assert dead_after_s - 0.05 <= talk.session.now() - last <= dead_after_s + 0.3


# --- the strict preset, in real time ------------------------------------------------------------------


async def test_the_strict_preset_finds_a_frozen_line_in_two_seconds_of_silence(talks, fast, settings):
    """Silence begins with the next ping, which is at most half a second away."""
    async with Simulator(fast()) as sim:
        talk = await talks.open(sim.url, settings=settings(heartbeat=STRICT))
        await talk.session.ping()
        await sim.freeze(30)
        frozen_at = time.monotonic()
        lost = await talk.told(ev.Failure)
        took_s = time.monotonic() - frozen_at

        assert lost.fault.kind == "lineSilent"
        assert 1.5 <= took_s <= 2.0 + 1.0, "within two seconds, and what a busy machine adds"


async def test_more_than_a_second_without_a_pong_is_borne_by_the_strict_preset(talks, fast, settings):
    async with Simulator(fast()) as sim:
        talk = await talks.open(sim.url, settings=settings(heartbeat=STRICT))
        sim.inject(SlowPongs(delay_ms=1200))
        await speak(talk, 2.2)
        never_left(talk)
        assert Phase.SUSPECT in [e.after[1] for e in talk.of(ev.StateChanged)]
        await talk.all_heard(sim)


# --- a slow uplink ------------------------------------------------------------------------------------


class Relay:
    """TCP between client and service. What the client sends is read no faster than `bytes_per_s`.

    After `stop()` the first connection is not read any more and stays open; the service sees its end.
    Later connections are passed on at full speed.
    """

    PIECE = 2048

    def __init__(self, service_url, bytes_per_s):
        self._service = ("127.0.0.1", int(service_url.rsplit(":", 1)[1]))
        self.bytes_per_s = bytes_per_s
        self._stopped = asyncio.Event()
        self._sockets = []
        self._tasks = []
        self.passed = 0

    async def __aenter__(self):
        listening = self._keep(socket.create_server(("127.0.0.1", 0)))
        # Accepted sockets inherit it: what is not read fills it up, and the client's TCP has to wait.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 1400)
        self.url = f"ws://127.0.0.1:{listening.getsockname()[1]}"
        self._run(self._accept(listening))
        return self

    async def __aexit__(self, *_):
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for sock in self._sockets:
            sock.close()

    def stop(self):
        self._stopped.set()

    def _keep(self, sock):
        sock.setblocking(False)
        self._sockets.append(sock)
        return sock

    def _run(self, work):
        self._tasks.append(asyncio.create_task(work))

    async def _accept(self, listening):
        loop = asyncio.get_running_loop()
        while True:
            client, _ = await loop.sock_accept(listening)
            service = self._keep(socket.socket())
            await loop.sock_connect(service, self._service)
            slow = not self._stopped.is_set()
            self._run(self._up(self._keep(client), service, slow=slow))
            self._run(self._down(service, client))

    async def _up(self, client, service, *, slow):
        loop = asyncio.get_running_loop()
        with contextlib.suppress(OSError):
            while piece := await loop.sock_recv(client, self.PIECE):
                await loop.sock_sendall(service, piece)
                self.passed += len(piece)
                if slow:
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._stopped.wait(), len(piece) / self.bytes_per_s)
                        break
        with contextlib.suppress(OSError):
            service.shutdown(socket.SHUT_RDWR)

    async def _down(self, service, client):
        loop = asyncio.get_running_loop()
        with contextlib.suppress(OSError):
            while piece := await loop.sock_recv(service, 65536):
                await loop.sock_sendall(client, piece)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what TCP has acknowledged")
async def test_an_uplink_slower_than_speech_is_not_dead_while_it_moves_and_is_once_it_stands(
    talks, fast, settings
):
    """43 KB a second are said. Of them 30 KB leave, and then 7: the pongs are more than `deadAfter` apart."""
    async with Simulator(fast()) as sim, Relay(sim.url, 30_000) as relay:
        talk = await talks.open(relay.url, settings=settings(heartbeat=STRICT))
        ponged_at = []
        talk.session.on(ev.HealthChanged, lambda _: ponged_at.append(talk.session.now()))
        await speak(talk, 1.5)
        assert relay.passed < 0.8 * talk.session.traffic.bytes_sent
        relay.bytes_per_s = 7_000
        await speak(talk, 4.5)
        ponged_at.append(talk.session.now())
        pauses = [later - sooner for sooner, later in itertools.pairwise(ponged_at)]
        assert max(pauses) > STRICT.dead_after_s, "the case did not happen"
        never_left(talk)

        relay.stop()
        stopped_at = time.monotonic()
        lost = await talk.told(ev.Failure)
        took_s = time.monotonic() - stopped_at
        assert (lost.fault.kind, lost.fatal) == ("lineSilent", False)
        assert took_s <= 3.0
        restored = await talk.told(ev.Reconnected)
        assert restored.state_restored == "resumed"
        await talk.all_heard(sim)
