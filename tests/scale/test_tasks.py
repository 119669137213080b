"""Sessions in this process: after any number of lives, no task, thread or descriptor is left of them."""

import asyncio
import base64
import random
import threading

import psutil

from sidecar.lifecycle.settings import HandOver, Heartbeat, Reconnect, Settings
from sidecar.lifecycle.states import State
from sidecar.live.auth import ApiKey
from sidecar.live.endpoints import developer
from sidecar.observe.secret import Secret
from sidecar.session import Config, LiveSession
from sidecar.simulator import Script, Simulator

ROUNDS = 12
ABREAST = 20
TIMEOUT_S = 20.0
SETTINGS = Settings(
    heartbeat=Heartbeat(audio_interval_s=0.05),
    reconnect=Reconnect(base_delay_s=0.01, max_delay_s=0.05),
    hand_over=HandOver(first_delay_s=0.01, retry_delay_s=0.02, done_after_s=0.05),
)


def config(url):
    return Config(
        endpoint=developer(url, "v1beta"),
        auth=ApiKey(Secret("a-key")),
        setup={"model": "models/m", "generationConfig": {"responseModalities": ["AUDIO"]}},
        settings=SETTINGS,
    )


async def life(sim, number):
    """Open, speak, be cut or not, speak, close; every third is closed while it opens."""
    rng = random.Random(number)
    session = LiveSession(config(sim.url), lambda event: None)
    session.start()
    if number % 3 == 0:
        await asyncio.sleep(rng.random() * 0.01)
        await session.close(0.0)
        return
    await session.connected()
    for n in range(20):
        session.send_audio(n, base64.b64encode(rng.randbytes(640)).decode(), "audio/pcm;rate=16000")
        if n == 10 and number % 3 == 1:
            session.reconnect()
    await session.wait_for([State.CONNECTED], TIMEOUT_S)
    await session.close(5.0)


async def test_no_task_is_left_of_any_session():
    process = psutil.Process()
    left = []
    async with (
        Simulator(Script(turns=[], owner_grace_ms=0, refusal_delay_ms=5)) as sim,
        asyncio.timeout(TIMEOUT_S),
    ):
        for _ in range(ROUNDS):
            await asyncio.gather(*(life(sim, number) for number in range(ABREAST)))
            await sim.wait_for(lambda: all(c.phase.name == "ENDED" for c in sim.connections))
            for _ in range(3):  # what ends now gets its turn
                await asyncio.sleep(0)
            left.append((len(asyncio.all_tasks()), threading.active_count(), process.num_fds()))

    half = left[ROUNDS // 2]
    assert all(
        now <= before for later in left[ROUNDS // 2 :] for now, before in zip(later, half, strict=True)
    ), left
