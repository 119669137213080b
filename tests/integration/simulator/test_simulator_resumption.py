"""Sessions outlive connections: owners, grace, handles, and what is counted across a reconnect."""

import asyncio
import hashlib
import uuid
from typing import Any

import pytest

from sidecar.simulator import Script, Simulator
from sidecar.simulator.script import Turn

QUICK: dict[str, Any] = {"turns": [], "refusal_delay_ms": 50}
REFUSED = (1011, "Internal error encountered.")


def hash_of(chunks: list[bytes]) -> str:
    return hashlib.sha256(b"".join(chunks)).hexdigest()


async def try_resume(client: Any, handle: str) -> tuple[int, str]:
    await client.send({"setup": {"model": "models/m", "sessionResumption": {"handle": handle}}})
    return await client.closed()


async def test_a_session_with_an_open_connection_is_not_given_to_another(dial: Any) -> None:
    async with Simulator(Script(**QUICK)) as sim:
        first, second = await dial(sim), await dial(sim)
        await first.set_up()
        started = asyncio.get_running_loop().time()
        assert await try_resume(second, first.handle) == REFUSED
        assert asyncio.get_running_loop().time() - started >= 0.045
        await first.confirm()
        assert sim.sessions[0].owner == 1


@pytest.mark.parametrize("how", ["close", "cut"])
async def test_a_resume_right_after_the_end_is_refused(dial: Any, how: str) -> None:
    async with Simulator(Script(turns=[], owner_grace_ms=60_000, refusal_delay_ms=50)) as sim:
        first = await dial(sim)
        await first.set_up()
        await (first.socket.close() if how == "close" else sim.cut())
        assert await try_resume(await dial(sim), first.handle) == REFUSED


async def test_a_resume_after_the_grace_works_and_brings_a_new_handle(dial: Any) -> None:
    async with Simulator(Script(turns=[], owner_grace_ms=100)) as sim:
        first = await dial(sim)
        await first.set_up()
        await sim.cut()
        ended_at_s = sim.connections[0].ended_at_s
        assert ended_at_s is not None
        await asyncio.sleep(max(0.0, ended_at_s + 0.11 - sim.now_s()))
        late = await dial(sim)
        await late.resume(first.handle)
        assert late.handle != first.handle
        assert [connection.session for connection in sim.connections] == sim.sessions * 2
        assert [connection.resumed for connection in sim.connections] == [False, True]


async def test_the_refusal_can_come_after_setup_complete(dial: Any) -> None:
    async with Simulator(Script(refuse_after_setup_complete=True, **QUICK)) as sim:
        first, second = await dial(sim), await dial(sim)
        await first.set_up()
        await second.send({"setup": {"model": "models/m", "sessionResumption": {"handle": first.handle}}})
        assert await second.receive() == {"setupComplete": {}}
        assert await second.closed() == REFUSED


async def test_audio_on_a_refused_resume_does_not_reach_the_session(dial: Any, speech: Any) -> None:
    async with Simulator(Script(refuse_after_setup_complete=True, **QUICK)) as sim:
        first, second = await dial(sim), await dial(sim)
        await first.set_up()
        await second.send({"setup": {"model": "models/m", "sessionResumption": {"handle": first.handle}}})
        await second.send_audio(*speech(4))
        assert await second.closed() == REFUSED
        assert sim.sessions[0].audio.tally.ms == 0
        assert sim.connections[1].audio.tally.ms == 80


@pytest.mark.parametrize("at_once", [True, False])
async def test_a_model_cut_off_while_speaking_frees_its_session_at_once(dial: Any, at_once: bool) -> None:
    script = Script(
        turns=[Turn(model="a long story", audio_ms=60_000)],
        owner_grace_ms=5000,
        refusal_delay_ms=10,
        response_delay_ms=0,
        speaking_resumes_at_once=at_once,
    )
    async with Simulator(script) as sim:
        first = await dial(sim)
        await first.set_up()
        await first.send({"realtimeInput": {"text": "hi"}})
        await first.receive_until(lambda m: "modelTurn" in m.get("serverContent", {}))
        await sim.cut()
        second = await dial(sim)
        if at_once:
            await second.resume(first.handle)
            await second.confirm()
            # The turn is gone: nothing of it is sent again.
            assert sim.state()["connections"][1]["messagesSent"] == 2
        else:
            assert await try_resume(second, first.handle) == REFUSED


async def test_an_unknown_and_a_malformed_handle_are_told_apart(dial: Any) -> None:
    async with Simulator(Script(**QUICK)) as sim:
        unknown = await try_resume(await dial(sim), str(uuid.uuid4()))
        assert unknown == (1008, "BidiGenerateContent session not found")
        assert await try_resume(await dial(sim), "no-handle") == (1007, "Invalid session handle")
        assert sim.sessions == []


async def test_an_old_handle_of_the_session_is_as_good_as_the_newest(dial: Any) -> None:
    async with Simulator(Script(turns=[], owner_grace_ms=0)) as sim:
        first = await dial(sim)
        await first.set_up()
        for _ in range(2):
            await sim.cut()
            again = await dial(sim)
            await again.resume(first.handle)
        assert len(sim.sessions) == 1


async def test_two_resumes_at_once_have_one_winner(dial: Any) -> None:
    async with Simulator(Script(turns=[], owner_grace_ms=0, refusal_delay_ms=10)) as sim:
        first = await dial(sim)
        await first.set_up()
        await sim.cut()
        racers = [await dial(sim), await dial(sim)]
        for racer in racers:
            await racer.send({"setup": {"model": "models/m", "sessionResumption": {"handle": first.handle}}})
        await sim.wait_for(
            lambda: sum(connection.ended_at_s is not None for connection in sim.connections) == 2
        )
        assert [connection.resumed for connection in sim.connections].count(True) == 1


async def test_a_frozen_connection_owns_its_session_until_the_reset(dial: Any) -> None:
    async with Simulator(Script(turns=[], owner_grace_ms=0, refusal_delay_ms=10)) as sim:
        first = await dial(sim)
        await first.set_up()
        await sim.freeze(0.8)
        first.socket.transport.abort()  # the client gives up; the frozen server does not see it
        assert await try_resume(await dial(sim), first.handle) == REFUSED
        await sim.wait_for(lambda: sim.sessions[0].owner is None)
        await (await dial(sim)).resume(first.handle)


async def test_history_is_waited_for_again_on_a_resume_unless_switched_off(dial: Any) -> None:
    for rule, answered in (("wait", 0), ("ignore", 1)):
        async with Simulator(Script(owner_grace_ms=0, playback_rate=20, history_on_resume=rule)) as sim:
            first = await dial(sim)
            await first.set_up()
            await sim.cut()
            second = await dial(sim)
            await second.resume(first.handle, historyConfig={"initialHistoryInClientContent": True})
            await second.send({"realtimeInput": {"text": "hi"}})
            await second.confirm()
            assert sim.sessions[0].turns_taken == answered


async def test_what_a_pong_confirmed_was_counted_whatever_comes_next(dial: Any, speech: Any) -> None:
    """The client may drop what was sent before a confirmed ping; so it must never be missing."""
    chunks = speech(400)
    async with Simulator(Script(turns=[], owner_grace_ms=0)) as sim:
        client, handle, confirmed = await dial(sim), "", 0
        await client.set_up()
        handle = client.handle
        for lap in range(8):
            batch = chunks[lap * 50 : lap * 50 + 50]
            await client.send_audio(*batch[:25])
            pong = await client.socket.ping()
            await client.send_audio(*batch[25:])
            for _ in range(lap):  # the fault comes earlier or later among the reading and the answering
                await asyncio.sleep(0)
            if lap % 2:
                pending = asyncio.create_task(sim.cut())
            else:
                await sim.freeze(0.05)
                pending = asyncio.create_task(client.closed())
            await pending
            assert (await client.closed())[0] == 1006
            received = round(sim.sessions[0].audio.unique_ms / 20)
            if pong.done() and pong.exception() is None:
                assert received >= lap * 50 + 25
                confirmed += 1
            await sim.wait_for(lambda: sim.sessions[0].owner is None)
            client = await dial(sim)
            await client.resume(handle)
            # Replays from some time before the cut, so that the books have to find out.
            await client.send_audio(*chunks[max(0, received - 3) : lap * 50 + 50])
            await client.confirm()
        assert confirmed > 0
        assert sim.sessions[0].audio.sha256 == hash_of(chunks)
        assert sim.audio(1) == b"".join(chunks)
        assert not sim.sessions[0].audio.ambiguous


async def test_speech_goes_on_over_a_cut_and_a_replay_is_not_heard_twice(
    dial: Any, speech: Any, silence: Any
) -> None:
    turns = [Turn(user="one two three four", model="five", audio_ms=100)]
    async with Simulator(Script(turns=turns, owner_grace_ms=0, playback_rate=20)) as sim:
        first = await dial(sim)
        chunks = speech(50)
        await first.set_up(inputAudioTranscription={})
        await first.send_audio(*chunks[:35])
        early = await first.receive_until(lambda m: "two" in str(m))
        await sim.cut()
        second = await dial(sim)
        await second.resume(first.handle, inputAudioTranscription={})
        await second.send_audio(*chunks[30:], *silence(20))
        late = await second.receive_until(lambda m: "turnComplete" in m.get("serverContent", {}))
        heard = [
            m["serverContent"]["inputTranscription"]["text"]
            for m in early + late
            if "inputTranscription" in m.get("serverContent", {})
        ]
        assert "".join(heard) == "one two three four"
        assert sim.sessions[0].turns_taken == 1
        assert {"voiceActivity": {"type": "ACTIVITY_END", "audioOffset": "1.4s"}} in late
