"""A session used from many threads at once, through its portal, while its line is cut."""

import asyncio
import base64
import itertools
import struct
import threading
from concurrent.futures import ThreadPoolExecutor

from sidecar.lifecycle import events as ev
from sidecar.session.portal import Portal
from sidecar.simulator import Simulator

THREADS = 8
CHUNKS = 500
SAMPLES = 32  # 2 ms
PCM = "audio/pcm;rate=16000"


def chunk(thread: int, i: int) -> bytes:
    """Shows whose it is, and which of theirs."""
    return struct.pack("<hh", thread, i) * (SAMPLES // 2)


def heard_of(pcm: bytes) -> list[tuple[int, int]]:
    size = 2 * SAMPLES
    return [struct.unpack_from("<hh", pcm, at) for at in range(0, len(pcm), size)]


async def test_eight_threads_through_a_portal_lose_nothing_and_keep_their_order_while_the_line_is_cut(
    talks, fast
):
    async with Simulator(fast()) as sim:
        talk = await talks.open(sim.url)
        portal = Portal(talk.session)
        numbers, one_at_a_time = itertools.count(), threading.Lock()
        loop = asyncio.get_running_loop()
        cuts: list[object] = []

        def speak(thread: int) -> None:
            session = talk.session
            for i in range(CHUNKS):
                data = base64.b64encode(chunk(thread, i)).decode()
                with one_at_a_time:
                    n = next(numbers)
                    if i % 10 == 9:
                        portal.call(session.send_audio, n, data, PCM, timeout_s=10.0)
                    elif i % 2:
                        portal.post(session.send_audio, n, data, PCM)
                    else:
                        message = {"audio": {"data": data, "mimeType": PCM}}
                        portal.post(session.send, "realtimeInput", message, n)
                if thread == 0 and i in (100, 250, 400):
                    cuts.append(asyncio.run_coroutine_threadsafe(sim.cut(), loop))
                    portal.call(session.wait_for, ("connected",), 10.0)

        with ThreadPoolExecutor(THREADS) as pool:
            await asyncio.gather(*(loop.run_in_executor(pool, speak, thread) for thread in range(THREADS)))

        total = THREADS * CHUNKS
        outbox = talk.session.core.outbox
        talk.said += bytes(total * 2 * SAMPLES)  # for the books at the end
        audio = sim.sessions[0].audio
        await sim.wait_for(lambda: audio.unique_ms >= total * SAMPLES / 16)
        await talk.until(lambda: outbox.confirmed_through == total - 1)
        assert outbox.accepted_through == total - 1
        assert talk.of(ev.Dropped) == []
        assert len(sim.connections) > 1
        assert len(cuts) == 3

        heard = heard_of(sim.audio(1))
        assert len(heard) == total
        for thread in range(THREADS):
            assert [i for whose, i in heard if whose == thread] == list(range(CHUNKS))
