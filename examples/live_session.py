"""Speaks for two seconds while the line is cut in the middle, and shows that nothing was lost.

Run `make setup` first, then from the root of the repository:

    .venv/bin/python examples/live_session.py                        a simulator of its own, no key needed
    GEMINI_API_KEY=... .venv/bin/python examples/live_session.py     the real service
    .venv/bin/python examples/live_session.py ws://127.0.0.1:9000    a simulator that runs already

Only its own simulator can be asked to cut the line. Elsewhere the session is moved to a new connection, as
when a laptop changes its network. Exit code: 0 when every millisecond arrived, 1 when not, 2 when the
session ended early.
"""

import asyncio
import base64
import logging
import os
import random
import sys

from sidecar.lifecycle.events import Reconnected, StateChanged
from sidecar.lifecycle.states import describe
from sidecar.live.auth import ApiKey
from sidecar.live.endpoints import InvalidConfig, developer
from sidecar.live.turns import Transcript, Turn
from sidecar.observe.secret import Secret
from sidecar.session import Config, LiveSession, SessionFailed, WrongState
from sidecar.simulator import Script, Simulator
from sidecar.simulator.script import Turn as Scripted

REAL = "wss://generativelanguage.googleapis.com"
SCRIPT = Script(turns=[Scripted(model="I heard you. What can I do for you?")], playback_rate=4)
SPEECH_MS, CHUNK_MS, CUT_AT_MS = 2000, 20, 1000
BYTES_PER_MS = 32
"""Of PCM16 at 16 kHz."""
ANSWER_WITHIN_S = 20.0
INDENT = " " * 11


async def main(url: str | None, key: str | None) -> int:
    if url is not None or key is not None:
        return await run(url or REAL, key or "any", None)
    async with Simulator(SCRIPT) as sim:
        return await run(sim.url, "any", sim)


async def run(url: str, key: str, sim: Simulator | None) -> int:
    """One session, from the open to the books."""
    try:
        session = LiveSession(config(url, key))
    except InvalidConfig as wrong:
        print(wrong, file=sys.stderr)
        return 2
    show(session)
    try:
        await session.connect()
        await speak(session, sim)
        await session.settled()
        await ask(session, "Hello! What can you do?")
    except (SessionFailed, WrongState) as ended:
        print(f"the session ended: {ended}", file=sys.stderr)
        return 2
    finally:
        await session.close()
    return account(session, sim)


def config(url: str, key: str) -> Config:
    return Config(
        endpoint=developer(url, "v1beta"),
        auth=ApiKey(Secret(key)),
        setup={
            "model": os.environ.get("GEMINI_MODEL", "models/gemini-3.8-live"),
            "generationConfig": {"responseModalities": ["AUDIO"]},
            "outputAudioTranscription": {},
        },
    )


async def speak(session: LiveSession, sim: Simulator | None) -> None:
    """Noise, at the pace of a microphone. What is said while there is no line is held, and goes out later."""
    noise = random.Random(1)
    started_at = session.now()
    for n, at_ms in enumerate(range(0, SPEECH_MS, CHUNK_MS)):
        if at_ms == CUT_AT_MS:
            await disturb(session, sim)
        chunk = base64.b64encode(noise.randbytes(CHUNK_MS * BYTES_PER_MS)).decode()
        session.send_audio(n, chunk, "audio/pcm;rate=16000")
        await asyncio.sleep(started_at + (at_ms + CHUNK_MS) / 1000 - session.now())


async def disturb(session: LiveSession, sim: Simulator | None) -> None:
    print(f"{INDENT}... the line is {'cut' if sim else 'changed'}, and the speech goes on")
    if sim is not None:
        await sim.cut()
    else:
        session.network_changed(online=True, address_changed=True)


async def ask(session: LiveSession, question: str) -> None:
    """Write a question, and wait until the model's turn is over."""
    over = asyncio.Event()
    off = session.on(Turn, lambda turn: over.set() if turn.event != "started" else None)
    print(f"{INDENT}you: {question}")
    session.send("realtimeInput", {"text": question})
    try:
        await asyncio.wait_for(over.wait(), ANSWER_WITHIN_S)
    except TimeoutError:
        print(f"{INDENT}no answer within {ANSWER_WITHIN_S:g} s")
    finally:
        off()


def show(session: LiveSession) -> None:
    """Print what a person wants to know, as it happens."""
    started_at = session.now()

    def changed(event: StateChanged) -> None:
        print(f"{session.now() - started_at:7.3f} s  {describe(event.after)} ({event.reason})")

    def back(event: Reconnected) -> None:
        again_ms = event.replayed_us / 1000
        print(
            f"{INDENT}... back after {event.gap_s:.2f} s, {event.state_restored}, {again_ms:g} ms sent again"
        )

    def said(event: Transcript) -> None:
        if event.final:
            print(f"{INDENT}{event.source}: {event.text}")

    session.on(StateChanged, changed)
    session.on(Reconnected, back)
    session.on(Transcript, said)


def account(session: LiveSession, sim: Simulator | None) -> int:
    """Print what became of the audio; 0 when all of it arrived."""
    books = session.core.outbox.books
    figures = {
        "offered": books.offered_us,
        "refused": books.refused_us,
        "accepted": books.accepted_us,
        "confirmed": books.confirmed_us,
        "dropped": books.dropped_us,
        "sent again": books.replayed_us,
    }
    print("\nthe audio, in ms")
    for name, value_us in figures.items():
        print(f"  {name:12} {value_us / 1000:6g}")
    arrived_ms = [books.confirmed_us / 1000]
    if sim is not None:
        arrived_ms.append(sim.sessions[0].audio.unique_ms)
        print(f"  {'heard':12} {arrived_ms[1]:6g}   counted by the service, repetitions left out")
    whole = all(ms == SPEECH_MS for ms in arrived_ms)
    print("nothing was lost" if whole else "NOT everything arrived")
    return 0 if whole else 1


if __name__ == "__main__":
    logging.basicConfig(level=logging.ERROR)  # what is dealt with is printed above
    given = sys.argv[1] if len(sys.argv) > 1 else None
    sys.exit(asyncio.run(main(given, os.environ.get("GEMINI_API_KEY") or None)))
