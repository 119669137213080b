"""The opening, the strictness, the frames and the heartbeat, as a client sees them."""

import asyncio
import gc
import json
import socket
import warnings
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from sidecar.simulator import Script, Simulator

TIMEOUT_S = 5.0
PATH = "/ws/google.ai.generativelanguage.{}.GenerativeService.BidiGenerateContent"


async def test_setup_is_answered_in_binary_pretty_printed_json(dial: Any) -> None:
    async with Simulator() as sim:
        client = await dial(sim)
        await client.send({"setup": {"model": "models/m", "sessionResumption": {}}})
        assert await client.receive_raw() == b'{\n  "setupComplete": {}\n}\n'
        update = await client.receive_raw()
        assert isinstance(update, bytes)
        assert update.startswith(b'{\n  "sessionResumptionUpdate": {\n    "newHandle": "')
        assert update.endswith(b"}\n")
        assert len(json.loads(update)["sessionResumptionUpdate"]["newHandle"]) == 36


async def test_text_frames_are_a_switch(dial: Any) -> None:
    async with Simulator(Script(text=True)) as sim:
        client = await dial(sim)
        await client.send({"setup": {"model": "models/m"}})
        assert await client.receive_raw() == '{\n  "setupComplete": {}\n}\n'


async def test_no_handle_is_sent_to_a_client_that_did_not_ask(dial: Any) -> None:
    async with Simulator() as sim:
        client = await dial(sim)
        await client.send({"setup": {"model": "models/m"}})
        assert await client.receive() == {"setupComplete": {}}
        await client.confirm()
        await sim.close_with(1000)
        assert await client.closed() == (1000, "")
        assert sim.sessions[0].handles_issued == 0


async def test_handles_can_come_again_and_again(dial: Any) -> None:
    async with Simulator(Script(handle_every_ms=10)) as sim:
        client = await dial(sim)
        await client.set_up()
        handles = {client.handle}
        for _ in range(3):
            handles.add((await client.receive())["sessionResumptionUpdate"]["newHandle"])
        assert len(handles) == 4


@pytest.mark.parametrize("version", ["v1", "v1beta", "v1alpha"])
@pytest.mark.parametrize("slash", ["", "/"])
async def test_every_version_answers_with_one_slash_or_two(dial: Any, version: str, slash: str) -> None:
    async with Simulator() as sim:
        client = await dial(sim, slash + PATH.format(version) + "?key=k", key=None)
        await client.set_up()


async def test_another_path_is_not_found(dial: Any) -> None:
    async with Simulator() as sim:
        with pytest.raises(InvalidStatus) as caught:
            await dial(sim, "/ws/elsewhere")
        assert caught.value.response.status_code == 404
        assert sim.connections == []


async def test_a_missing_key_is_told_after_the_upgrade(dial: Any) -> None:
    async with Simulator() as sim:
        code, reason = await (await dial(sim, key=None)).closed()
        assert code == 1008
        assert reason.startswith("Method doesn't allow unregistered callers")
        assert len(reason.encode()) == 123


async def test_a_wrong_key_is_told_after_the_upgrade(dial: Any) -> None:
    async with Simulator(Script(keys=["right"])) as sim:
        assert await (await dial(sim, key="wrong")).closed() == (
            1007,
            "API key not valid. Please pass a valid API key.",
        )
        await (await dial(sim, key="right")).set_up()


@pytest.mark.parametrize(
    "first",
    [
        {"clientContent": {"turnComplete": True}},
        {"realtimeInput": {"text": "hi"}},
        {"toolResponse": {"functionResponses": []}},
    ],
)
async def test_nothing_comes_before_setup(dial: Any, first: Any) -> None:
    async with Simulator() as sim:
        client = await dial(sim)
        await client.send(first)
        assert await client.closed() == (1007, "setup must be the first message and only the first")


async def test_a_second_setup_is_fatal(dial: Any) -> None:
    async with Simulator() as sim:
        client = await dial(sim)
        await client.set_up()
        await client.send({"setup": {"model": "models/m"}})
        assert await client.closed() == (1007, "setup must be the first message and only the first")


async def test_an_unknown_field_is_fatal_and_named(dial: Any) -> None:
    async with Simulator() as sim:
        client = await dial(sim)
        await client.send({"setup": {"model": "models/m", "speechConfig": {}}})
        assert await client.closed() == (
            1007,
            "Invalid JSON payload received. Unknown name \"speechConfig\" at 'setup': Cannot find field.",
        )


async def test_a_setup_in_snake_case_is_as_good(dial: Any) -> None:
    async with Simulator() as sim:
        client = await dial(sim)
        await client.send(
            {"setup": {"model": "models/m", "generation_config": {"response_modalities": ["AUDIO"]}}}
        )
        assert await client.receive() == {"setupComplete": {}}


@pytest.mark.parametrize("setup", [{}, {"model": ""}, {"model": "gemini"}])
async def test_a_model_is_required(dial: Any, setup: Any) -> None:
    async with Simulator() as sim:
        client = await dial(sim)
        await client.send({"setup": setup})
        code, reason = await client.closed()
        assert code == 1007
        assert "setup.model" in reason


async def test_a_model_that_does_not_exist_is_not_found(dial: Any) -> None:
    async with Simulator(Script(models=["models/real"])) as sim:
        client = await dial(sim)
        await client.send({"setup": {"model": "models/other"}})
        code, reason = await client.closed()
        assert code == 1008
        assert reason.startswith("models/other is not found for API version v1beta, or is not supported")
        await (await dial(sim)).set_up(model="models/real")


async def test_what_is_not_json_is_fatal(dial: Any) -> None:
    async with Simulator() as sim:
        client = await dial(sim)
        await client.set_up()
        await client.socket.send("{")
        assert (await client.closed())[0] == 1007


async def test_fragmented_messages_are_put_together(dial: Any) -> None:
    async with Simulator() as sim:
        client = await dial(sim)
        await client.socket.send(iter(['{"setup": {"mod', 'el": "mod', 'els/m"}}']))
        assert await client.receive() == {"setupComplete": {}}


async def test_a_close_is_echoed_and_recorded(dial: Any) -> None:
    async with Simulator() as sim:
        client = await dial(sim)
        await client.set_up()
        await client.socket.close(1000)
        assert client.socket.close_code == 1000
        await sim.wait_for(lambda: sim.connections[0].ended_at_s is not None)
        assert sim.connections[0].close_code == 1000


async def test_pings_are_answered_and_counted_and_none_is_sent(dial: Any) -> None:
    async with Simulator() as sim:
        client = await dial(sim)
        await client.set_up()
        for _ in range(3):
            await client.confirm()
        assert sim.connections[0].pings_received == 3
        assert sim.state()["connections"][0]["pingsReceived"] == 3


async def test_setup_can_take_its_time(dial: Any) -> None:
    async with Simulator(Script(setup_delay_ms=100)) as sim:
        client = await dial(sim)
        started = asyncio.get_running_loop().time()
        await client.set_up()
        assert asyncio.get_running_loop().time() - started >= 0.095


async def test_sessions_at_once_do_not_touch_each_other(dial: Any, speech: Any) -> None:
    async with Simulator(Script(turns=[])) as sim:
        one, two = await dial(sim), await dial(sim)
        await one.set_up()
        await two.set_up()
        await one.send_audio(*speech(5))
        await two.send_audio(*speech(9))
        await one.confirm()
        await two.confirm()
        assert [session.audio.unique_ms for session in sim.sessions] == [100, 180]
        assert await sim.cut(session=1) == 1
        assert await one.closed() == (1006, "")
        await two.send_audio(*speech(1, 7))
        await two.confirm()
        assert sim.sessions[1].audio.unique_ms == 200


async def test_the_end_of_the_simulator_is_quick_and_tells_the_clients(dial: Any) -> None:
    loop = asyncio.get_running_loop()
    async with Simulator() as sim:
        reader, frozen, stubborn = await dial(sim), await dial(sim), await dial(sim)
        for client in (reader, frozen, stubborn):
            await client.set_up()
        await sim.freeze(60, session=2)
        stubborn.socket.transport.pause_reading()  # never answers the close
        started = loop.time()
    assert loop.time() - started < 0.9
    assert await reader.closed() == (1001, "")
    assert await frozen.closed() == (1006, "")
    stubborn.socket.transport.resume_reading()


@pytest.mark.parametrize("turns_of_the_loop", [0, 2, 3])
async def test_who_comes_just_before_the_end_does_not_hold_it_up(turns_of_the_loop: int) -> None:
    async with asyncio.timeout(TIMEOUT_S):
        async with Simulator() as sim:
            host, port = sim.url.removeprefix("ws://").split(":")
            late = [socket.create_connection((host, int(port))) for _ in range(20)]  # and say nothing
            for _ in range(turns_of_the_loop):
                await asyncio.sleep(0)
    for each in late:
        each.close()
    with warnings.catch_warnings():  # Python 3.11 forgets a socket it accepted while its server closes
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
