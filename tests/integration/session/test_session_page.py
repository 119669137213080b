"""The code on docs/python-api.md does what the page says."""

import asyncio
import random
import re
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from sidecar.lifecycle import events as ev
from sidecar.lifecycle.books import Drop
from sidecar.lifecycle.item import Item, Kind
from sidecar.simulator import Script, Simulator
from sidecar.simulator.script import ToolCall, Turn

PAGE = Path(__file__).parents[3] / "docs" / "python-api.md"
SECOND = 32_000
"""Bytes of PCM16 at 16 kHz."""


@pytest.fixture
def page():
    """All of the page's code, run from top to bottom, as one module."""
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    names: dict[str, object] = {}
    exec(compile("\n".join(blocks), PAGE.name, "exec"), names)
    return SimpleNamespace(**names)


async def test_speech_arrives(page, fast):
    pcm = random.Random(1).randbytes(SECOND // 5)
    async with Simulator(fast()) as sim:
        await page.speak(page.make_config(sim.url, "any"), pcm)
        assert sim.audio(1) == pcm


async def test_a_session_that_fails_tells_the_user_why(page, fast, capsys):
    async with Simulator(fast(keys=["another"])) as sim:
        await page.speak(page.make_config(sim.url, "any"), b"")
    assert "did not accept the API key" in capsys.readouterr().out


async def test_what_is_sent_while_away_is_held_and_arrives(page, fast, talks):
    async with Simulator(fast()) as sim:
        talk = await talks.open(sim.url)
        await page.stay_away(talk.session)
        await sim.wait_for(lambda: sim.sessions[0].texts == ["Are you still there?"])
        assert len(sim.connections) == 2


async def test_listeners_print_what_happens_and_answer_tool_calls(page, fast, talks, capsys):
    turn = Turn(model="It is warm.", tool_call=ToolCall(name="get_temperature"))
    async with Simulator(fast(turns=[turn])) as sim:
        talk = talks(sim.url)
        page.listen(talk.session)
        await talk.session.connect()
        talk.session.send("realtimeInput", {"text": "How warm is it?"})
        await talk.until(lambda: any(e.text == "It is warm." and e.final for e in talk.of(page.Transcript)))
        talk.session.audience.tell(ev.Dropped(Drop("outboxFull", Item(Kind.VIDEO, b"{}"))))
    printed = capsys.readouterr().out
    assert "connected: setupComplete" in printed
    assert "model: It is warm." in printed
    assert "1 of video will not arrive: outboxFull" in printed


async def test_a_running_session_is_watched_closely_on_the_same_line(page, fast, talks):
    async with Simulator(fast()) as sim:
        talk = await talks.open(sim.url, settings=page.PATIENT)
        page.watch_closely(talk.session)
        await talk.until(lambda: talk.of(ev.Configured))
        assert talk.session.core.settings.heartbeat.dead_after_s == 1.5
        assert talk.session.core.settings.reconnect.max_attempts == 20
        assert len(sim.connections) == 1


async def test_a_summary_tells_state_health_and_books(page, fast, talks):
    async with Simulator(fast()) as sim:
        talk = await talks.open(sim.url)
        await talk.say(10)
        await talk.until(lambda: talk.session.core.outbox.confirmed_through == 9)
        told = page.summary(talk.session)
    assert told.startswith(
        "connected (setupComplete), health 100 (excellent), 0 losses, 0.20 of 0.20 s confirmed"
    )


async def test_a_microphone_on_several_threads_keeps_every_chunk(page, fast, talks):
    threads, chunks = 4, 25
    async with Simulator(fast()) as sim:
        talk = await talks.open(sim.url)
        microphone = page.Microphone(talk.session)

        def speak(seed: int) -> None:
            for _ in range(chunks):
                microphone.heard(random.Random(seed).randbytes(640))

        await asyncio.gather(*(asyncio.to_thread(speak, seed) for seed in range(threads)))
        await talk.until(lambda: talk.session.core.outbox.confirmed_through == threads * chunks - 1)
        talk.said += bytes(threads * chunks * 640)  # for the books at the end
        assert len(sim.audio(1)) == len(talk.said)


async def test_a_program_without_asyncio_asks_and_leaves_nothing_behind(page, fast, capsys):
    before = threading.active_count()
    async with Simulator(fast()) as sim:
        config = page.make_config(sim.url, "any")
        asking = threading.Thread(target=page.ask_from_a_plain_program, args=(config, "Who are you?"))
        asking.start()
        await sim.wait_for(lambda: sim.sessions and sim.sessions[0].texts == ["Who are you?"])
        await asyncio.to_thread(asking.join)
        assert re.search(r"the service answers in \d+ ms", capsys.readouterr().out)
    assert threading.active_count() <= before + 1  # the one that joined stays in its pool


# --- guarantees -----------------------------------------------------------------------------------


async def test_who_stops_waiting_for_the_connection_leaves_the_session_connecting(fast, talks):
    async with Simulator(fast(setup_delay_ms=200)) as sim:
        talk = talks(sim.url)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await talk.session.connect()
        assert talk.session.state == "connecting"
        assert await talk.session.wait_for(["connected"], 5.0) == "connected"


async def test_a_close_answers_everybody_who_still_waits(fast, talks, settings):
    async with Simulator(fast()) as sim:
        talk = await talks.open(sim.url, settings=settings(deadlines={"close_s": 0.05}))
        await sim.freeze(30.0)
        waiting = [
            asyncio.create_task(talk.session.ping()),
            asyncio.create_task(talk.session.wait_for(["failed"], 30.0)),
        ]
        await asyncio.sleep(0)
        await talk.session.close(drain_s=0.0)
        answers = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(answer).__name__ for answer in answers] == ["WrongState", "WrongState"]


async def test_what_a_listener_brings_about_is_told_after_the_present_event(fast, talks):
    async with Simulator(fast()) as sim:
        talk = talks(sim.url)
        told: list[str] = []
        talk.session.on(ev.StateChanged, lambda event: told.append(event.after[0]))
        talk.session.on(
            ev.StateChanged, lambda event: talk.session.suspend() if event.after[0] == "connected" else None
        )
        talk.session.on(ev.StateChanged, lambda event: told.append(event.after[0]))
        await talk.session.connect()
        await talk.session.wait_for(["suspended"], 5.0)
        firsts, seconds = told[::2], told[1::2]
        assert firsts == seconds
        assert firsts[-2:] == ["connected", "suspended"]


async def test_a_repeated_number_is_ignored(fast, talks):
    async with Simulator(fast()) as sim:
        talk = await talks.open(sim.url)
        talk.session.send("realtimeInput", {"text": "once"}, 7)
        talk.session.send("realtimeInput", {"text": "once"}, 7)
        talk.session.send("realtimeInput", {"text": "skipped before"}, 5)
        talk.session.send("realtimeInput", {"text": "and on"}, 8)
        await sim.wait_for(lambda: len(sim.sessions) == 1 and "and on" in sim.sessions[0].texts)
        assert sim.sessions[0].texts == ["once", "and on"]


async def test_tokens_come_from_a_source_of_ones_own(page):
    asked = []

    async def fetch(force):
        asked.append(force)
        if len(asked) == 3:
            raise PermissionError("signed out")
        return f"token-{len(asked)}", None

    async with Simulator(Script(owner_grace_ms=0, turns=[], tokens=["token-2"])) as sim:
        model = "projects/p/locations/us-central1/publishers/google/models/m"
        session = page.LiveSession(page.on_vertex(sim.url, model, fetch))
        await session.connect()
        await session.close()
        assert asked == [False, True]
        with pytest.raises(page.NoCredential):
            await page.MyTokens(fetch).token("open")
        asked.pop()
        denied = page.LiveSession(page.on_vertex(sim.url, model, fetch))
        with pytest.raises(page.SessionFailed, match="signed out"):
            await denied.connect()
        await denied.close()
