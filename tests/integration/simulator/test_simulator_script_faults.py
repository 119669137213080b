"""Faults from a script: their conditions and their order."""

import asyncio
import hashlib
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import InvalidMessage, InvalidStatus

from sidecar.simulator import Script, Simulator
from sidecar.simulator.faults import (
    Close,
    Cut,
    Freeze,
    GoAway,
    Hang,
    Refuse,
    Unreachable,
    When,
)


def quiet(**settings: Any) -> Script:
    return Script(turns=[], owner_grace_ms=0, refusal_delay_ms=10, **settings)


async def test_a_scripted_day_happens_in_its_order(dial: Any, speech: Any) -> None:
    script = quiet(
        faults=[
            Cut(when=When(audio_ms=200)),
            Freeze(when=When(audio_ms=400), for_ms=50),
            GoAway(when=When(audio_ms=600), time_left="30s"),
            Close(when=When(connection=3, audio_ms=800), code=1011, reason="Internal error occurred."),
        ]
    )
    chunks = speech(50)
    async with Simulator(script) as sim:
        client = await dial(sim)
        await client.set_up()
        handle = client.handle
        ends = []
        while True:
            received = round(sim.sessions[0].audio.unique_ms / 20)
            if received == len(chunks):
                break
            for chunk in chunks[received:]:  # one at a time, so that each fault has its exact moment
                await client.send_audio(chunk)
                try:
                    await client.confirm()
                except Exception:
                    ends.append(await client.closed())
                    await sim.wait_for(lambda: sim.sessions[0].owner is None)
                    client = await dial(sim)
                    await client.resume(handle)
                    break
        assert ends == [(1006, ""), (1006, ""), (1011, "Internal error occurred.")]
        assert [done["do"] for done in sim.faults_done] == ["cut", "freeze", "goAway", "close"]
        assert [done["connection"] for done in sim.faults_done] == [1, 2, 3, 3]
        assert sim.sessions[0].audio.sha256 == hashlib.sha256(b"".join(chunks)).hexdigest()
        assert sim.state()["faults"]["pending"] == []


async def test_the_hard_day_of_the_examples_happens_as_written(dial: Any, speech: Any) -> None:
    script = Script.load(Path(__file__).parents[3] / "examples" / "scripts" / "hard-day.json")
    chunks = speech(1250)
    async with Simulator(script) as sim:
        client = await dial(sim)
        await client.set_up()
        reader = asyncio.create_task(client.closed())
        for until_ms, lasts_s in ((5000, 0.0), (10_000, 3.0)):
            await client.send_audio(*chunks[round(sim.sessions[0].audio.unique_ms / 20) : until_ms // 20])
            assert await reader == (1006, "")
            assert sim.now_s() >= lasts_s
            await asyncio.sleep(1.05)  # the grace of the session
            handle, client = client.handle, await dial(sim)
            await client.resume(handle)
            reader = asyncio.create_task(client.closed())
        await client.send_audio(*chunks[500:])
        await client.confirm()
        await client.socket.close()
        await reader
        assert [done["do"] for done in sim.faults_done] == ["cut", "freeze", "goAway"]
        audio = sim.sessions[0].audio
        assert (audio.unique_ms, audio.doubled_ms) == (25_000, 0)
        assert audio.sha256 == hashlib.sha256(b"".join(chunks)).hexdigest()


async def test_a_fault_by_audio_strikes_at_its_chunk(dial: Any, speech: Any) -> None:
    async with Simulator(quiet(faults=[Cut(when=When(audio_ms=100))])) as sim:
        client = await dial(sim)
        await client.set_up()
        for chunk in speech(4):
            await client.send_audio(chunk)
        await client.confirm()
        assert sim.faults_done == []
        await client.send_audio(*speech(1, 3))
        assert await client.closed() == (1006, "")
        assert sim.sessions[0].audio.unique_ms == 100


async def test_a_fault_by_time_counts_from_setup_complete(dial: Any) -> None:
    async with Simulator(quiet(faults=[Close(when=When(after_setup_ms=100), code=1011)])) as sim:
        client = await dial(sim)
        await client.set_up()
        assert await client.closed() == (1011, "Internal error encountered.")
        assert sim.connections[0].setup_at_s is not None
        assert sim.faults_done[0]["atMs"] >= sim.connections[0].setup_at_s * 1000 + 95


async def test_a_hang_by_connection_number_takes_that_one(dial: Any) -> None:
    async with Simulator(quiet(faults=[Hang(when=When(connection=2))])) as sim:
        await (await dial(sim)).set_up()
        hung = await dial(sim)
        await hung.send({"setup": {"model": "models/m"}})
        await hung.confirm()
        assert sim.connections[1].phase == "waiting"
        await (await dial(sim)).set_up()


async def test_gate_faults_without_a_condition_are_there_from_the_start(dial: Any) -> None:
    async with Simulator(quiet(faults=[Refuse(status=503)])) as sim:
        with pytest.raises(InvalidStatus):
            await dial(sim)
        await (await dial(sim)).set_up()
    async with Simulator(quiet(faults=[Unreachable(for_ms=60_000)])) as sim:
        await asyncio.sleep(0)
        with pytest.raises(ConnectionRefusedError):
            await dial(sim)


async def test_a_fault_of_a_session_leaves_the_other_alone(dial: Any, speech: Any) -> None:
    async with Simulator(quiet(faults=[Cut(session=2, when=When(audio_ms=40))])) as sim:
        one, two = await dial(sim), await dial(sim)
        await one.set_up()
        await two.set_up()
        await one.send_audio(*speech(5))
        await one.confirm()
        await two.send_audio(*speech(2))
        assert await two.closed() == (1006, "")
        await one.confirm()
        assert [done["session"] for done in sim.faults_done] == [2]


async def test_a_fault_can_be_planned_at_run_time(dial: Any, speech: Any) -> None:
    async with Simulator(quiet()) as sim:
        client = await dial(sim)
        await client.set_up()
        assert sim.inject(Cut(when=When(audio_ms=60))) == 0
        await client.send_audio(*speech(2))
        await client.confirm()
        await client.send_audio(*speech(1, 3))
        assert await client.closed() == (1006, "")


async def test_of_two_cuts_that_are_due_together_the_second_waits_for_the_next_line(
    dial: Any, speech: Any
) -> None:
    cuts = [Cut(when=When(audio_ms=ms)) for ms in (40, 80)]
    async with Simulator(quiet(faults=cuts)) as sim:
        client = await dial(sim)
        await client.set_up()
        await client.send_audio(*speech(10))  # read at once: both moments pass before the reset
        assert await client.closed() == (1006, "")
        again = await dial(sim)
        await again.send({"setup": {"model": "models/m", "sessionResumption": {"handle": client.handle}}})
        assert await again.closed() == (1006, "")
        assert [done["connection"] for done in sim.faults_done] == [1, 2]


async def test_the_state_counts_refused_upgrades_and_tells_when_goaway_came(dial: Any) -> None:
    faults = [Refuse(status=503, times=2), Refuse(reset=True)]
    async with Simulator(quiet(faults=faults, go_away_at_ms=10)) as sim:
        for _ in range(3):
            with pytest.raises((InvalidStatus, OSError, EOFError, InvalidMessage)):
                await dial(sim)
        client = await dial(sim)
        await client.set_up()
        assert "goAway" in await client.receive()
        state = sim.state()
        assert state["upgradesRefused"] == {"503": 2, "reset": 1}
        [connection] = state["connections"]
        assert connection["goAwayAtMs"] >= connection["setupAtMs"] + 10


async def test_a_fault_without_an_open_connection_hits_nothing() -> None:
    async with Simulator(quiet()) as sim:
        assert await sim.cut() == 0
        assert await sim.close_with(1000) == 0
