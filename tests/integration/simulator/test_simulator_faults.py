"""Every fault, at run time."""

import asyncio
import contextlib
import hashlib
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosedError, InvalidMessage, InvalidStatus

from sidecar.simulator import Script, Simulator
from sidecar.simulator.faults import (
    Close,
    Hang,
    NetworkSwitch,
    Refuse,
    RefuseSetup,
    SlowPongs,
    Stall,
)
from sidecar.simulator.refusals import KNOWN, known

PATH = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"


def quiet(**settings: Any) -> Script:
    return Script(**{"turns": [], "owner_grace_ms": 0, "refusal_delay_ms": 10} | settings)


async def test_a_cut_is_a_reset_without_a_close_frame(dial: Any, speech: Any) -> None:
    async with Simulator(quiet()) as sim:
        client = await dial(sim)
        await client.set_up()
        await client.send_audio(*speech(5))
        await client.confirm()
        assert await sim.cut() == 1
        with pytest.raises(ConnectionClosedError) as caught:
            await client.receive_until(lambda _: False)
        assert caught.value.rcvd is None
        assert isinstance(caught.value.__cause__, ConnectionResetError)
        assert sim.connections[0].close_code == 1006
        assert sim.sessions[0].owner is None
        assert sim.sessions[0].audio.unique_ms == 100


async def test_a_close_has_the_code_and_the_reason_cut_to_123_bytes(dial: Any) -> None:
    async with Simulator(quiet()) as sim:
        client = await dial(sim)
        await client.set_up()
        await sim.close_with(1011, "The service is currently unavailable. " * 5)
        code, reason = await client.closed()
        assert code == 1011
        assert reason == ("The service is currently unavailable. " * 5)[:123]


async def test_a_frozen_line_counts_and_answers_nothing_and_ends_in_a_reset(dial: Any, speech: Any) -> None:
    async with Simulator(quiet()) as sim:
        client = await dial(sim)
        await client.set_up()
        chunks = speech(40)
        await client.send_audio(*chunks[:10])
        await client.confirm()
        await sim.freeze(0.8)
        frozen_s = asyncio.get_running_loop().time()
        await client.send_audio(*chunks[10:])  # the kernel takes it all the same
        pong = await client.socket.ping()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(pong), 0.2)
        assert sim.connections[0].phase == "frozen"
        assert await client.closed() == (1006, "")
        assert asyncio.get_running_loop().time() - frozen_s >= 0.79
        await sim.wait_for(lambda: sim.sessions[0].owner is None)
        assert not pong.done() or pong.exception() is not None
        assert sim.connections[0].pings_received == 1
        assert sim.sessions[0].audio.unique_ms == 200
        # The client sends again what was never confirmed: nothing is lost, nothing is doubled.
        again = await dial(sim)
        await again.resume(client.handle)
        await again.send_audio(*chunks[10:])
        await again.confirm()
        audio = sim.sessions[0].audio
        assert audio.sha256 == hashlib.sha256(b"".join(chunks)).hexdigest()
        assert (audio.unique_ms, audio.doubled_ms) == (800, 0)
        assert audio.tally.longest_gap_ms >= 790


async def test_a_freeze_stops_the_model_in_the_middle(dial: Any) -> None:
    async with Simulator(Script(response_delay_ms=0)) as sim:
        client = await dial(sim)
        await client.set_up()
        await client.send({"realtimeInput": {"text": "hi"}})
        await client.receive_until(lambda m: "modelTurn" in m.get("serverContent", {}))
        await sim.freeze(0.3)
        sent = sim.state()["connections"][0]["messagesSent"]
        assert await client.closed() == (1006, "")
        assert sim.state()["connections"][0]["messagesSent"] == sent


async def test_go_away_is_an_order_with_a_deadline(dial: Any) -> None:
    async with Simulator(quiet()) as sim:
        client = await dial(sim)
        await client.set_up()
        told_s = asyncio.get_running_loop().time()
        await sim.go_away(0.2)
        assert await client.receive() == {"goAway": {"timeLeft": "0.2s"}}
        code, reason = await client.closed()
        assert code == 1008
        assert reason == (
            "Connection aborted because the client failed to close the connection after receiving "
            "a GoAway signal once the session durat"
        )
        assert len(reason.encode()) == 123
        assert asyncio.get_running_loop().time() - told_s >= 0.19


async def test_a_client_that_obeys_go_away_closes_in_peace(dial: Any) -> None:
    async with Simulator(quiet()) as sim:
        client = await dial(sim)
        await client.set_up()
        await sim.go_away(30)
        assert "goAway" in await client.receive()
        await client.socket.close()
        await sim.wait_for(lambda: sim.connections[0].ended_at_s is not None)
        assert sim.connections[0].close_code == 1000


async def test_refusals_are_counted_upgrades_with_a_status(dial: Any) -> None:
    async with Simulator(quiet()) as sim:
        sim.inject(Refuse(status=429, times=2, retry_after_s=7))
        for _ in range(2):
            with pytest.raises(InvalidStatus) as caught:
                await dial(sim)
            assert caught.value.response.status_code == 429
            assert caught.value.response.headers["Retry-After"] == "7"
        await (await dial(sim)).set_up()
        assert sim.connections[0].number == 1


async def test_refusals_can_last_for_a_time(dial: Any) -> None:
    async with Simulator(quiet()) as sim:
        until_s = sim.now_s() + 0.6
        await sim.refuse(503, for_s=0.6)
        for _ in range(3):
            with pytest.raises(InvalidStatus):
                await dial(sim)
        await asyncio.sleep(max(0.0, until_s + 0.01 - sim.now_s()))
        await (await dial(sim)).set_up()


async def test_an_upgrade_can_be_refused_with_a_reset(dial: Any) -> None:
    async with Simulator(quiet()) as sim:
        sim.inject(Refuse(reset=True))
        with pytest.raises((OSError, InvalidMessage)):
            await dial(sim)
        await (await dial(sim)).set_up()


async def test_unreachable_means_nothing_listens_while_open_connections_go_on(dial: Any, speech: Any) -> None:
    async with Simulator(quiet()) as sim:
        client = await dial(sim)
        await client.set_up()
        await sim.unreachable(0.6)
        with pytest.raises(ConnectionRefusedError):
            await dial(sim)
        await client.send_audio(*speech(2))
        await client.confirm()
        assert sim.sessions[0].audio.unique_ms == 40
        while True:
            try:
                again = await dial(sim)
                break
            except ConnectionRefusedError:
                await asyncio.sleep(0.02)
        assert sim.now_s() >= 0.6
        await again.set_up()


async def test_unreachable_again_lasts_until_the_later_end(dial: Any) -> None:
    async with Simulator(quiet()) as sim:
        await sim.unreachable(5)
        await sim.unreachable(0.05)
        await asyncio.sleep(0.1)
        with pytest.raises(ConnectionRefusedError):
            await dial(sim)


async def test_a_hung_setup_gets_no_answer_but_pongs(dial: Any) -> None:
    async with Simulator(quiet()) as sim:
        await sim.hang()
        client = await dial(sim)
        await client.send({"setup": {"model": "models/m"}})
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.socket.recv(), 0.1)
        await client.confirm()
        assert sim.sessions == []
        await (await dial(sim)).set_up()


async def test_a_hung_upgrade_gets_no_answer_at_all_and_does_not_hold_the_end(dial: Any) -> None:
    async with Simulator(quiet(faults=[Hang(at="upgrade")])) as sim:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await dial(sim)
        waiting = asyncio.create_task(dial(sim))  # the one after it is answered
        await (await waiting).set_up()
        sim.inject(Hang(at="upgrade"))
        left_hanging = asyncio.create_task(dial(sim))
        reader, silent = await asyncio.open_connection("127.0.0.1", int(sim.url.rpartition(":")[2]))
        stops_s = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - stops_s < 2
    with pytest.raises((ConnectionError, InvalidMessage)):
        await left_hanging
    with contextlib.suppress(ConnectionError):
        assert await reader.read() == b""
    silent.close()


async def test_a_refusal_can_say_when_to_come_back(dial: Any) -> None:
    async with Simulator(quiet()) as sim:
        await sim.refuse(429, retry_after_s=7)
        with pytest.raises(InvalidStatus) as caught:
            await dial(sim)
        assert caught.value.response.status_code == 429
        assert caught.value.response.headers["Retry-After"] == "7"


async def test_a_refused_setup_is_closed_with_the_quota_unless_told_otherwise(dial: Any) -> None:
    async with Simulator(quiet(faults=[RefuseSetup()])) as sim:
        client = await dial(sim)
        await client.send({"setup": {"model": "models/m"}})
        code, reason = await client.closed()
        assert code == 1011
        assert reason.startswith("You exceeded your current quota")
        assert sim.sessions == []
        await (await dial(sim)).set_up()


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (1008, "BidiGenerateContent session not found"),
        (1007, "Invalid session handle"),
        (1011, "Internal error"),
    ],
)
@pytest.mark.parametrize("after", [False, True])
async def test_a_handle_can_die_before_or_after_setup_complete(
    dial: Any, code: int, reason: str, after: bool
) -> None:
    fault = RefuseSetup(code=code, reason=reason, resumes_only=True, after_setup_complete=after)
    async with Simulator(quiet(faults=[fault])) as sim:
        first = await dial(sim)
        await first.set_up()
        await sim.cut()
        second = await dial(sim)
        await second.send({"setup": {"model": "models/m", "sessionResumption": {"handle": first.handle}}})
        if after:
            assert await second.receive() == {"setupComplete": {}}
        assert await second.closed() == (code, reason)
        assert sim.sessions[0].owner is None


async def test_after_a_network_switch_the_session_is_refused_for_its_time_and_a_new_one_is_not(
    dial: Any,
) -> None:
    async with Simulator(quiet()) as sim:
        first = await dial(sim)
        await first.set_up()
        assert sim.inject(NetworkSwitch(for_ms=400)) == 1
        switched_s = asyncio.get_running_loop().time()
        assert await first.closed() == (1006, "")
        await (await dial(sim)).set_up()
        resume = {"setup": {"model": "models/m", "sessionResumption": {"handle": first.handle}}}
        refused = 0
        while True:
            again = await dial(sim)
            await again.send(resume)
            try:
                assert await again.receive() == {"setupComplete": {}}
                break
            except ConnectionClosedError:
                refused += again.socket.close_code == 1011
        assert refused
        assert asyncio.get_running_loop().time() - switched_s >= 0.39


async def test_pongs_can_be_slow_for_a_time_while_everything_else_goes_on(dial: Any, speech: Any) -> None:
    async with Simulator(quiet()) as sim:
        client = await dial(sim)
        await client.set_up()
        loop = asyncio.get_running_loop()
        assert sim.inject(SlowPongs(delay_ms=300, for_ms=250)) == 1
        began_s = loop.time()
        slow = await client.socket.ping()
        await client.send_audio(*speech(5))
        await sim.wait_for(lambda: sim.sessions[0].audio.unique_ms == 100)
        assert not slow.done()
        await slow
        assert loop.time() - began_s >= 0.29
        began_s = loop.time()
        await client.confirm()
        assert loop.time() - began_s < 0.25
        assert sim.connections[0].pings_received == 2


async def test_pongs_can_stay_away(dial: Any) -> None:
    async with Simulator(quiet()) as sim:
        client = await dial(sim)
        await client.set_up()
        sim.inject(SlowPongs(delay_ms=None))
        pong = await client.socket.ping()
        await client.send({"realtimeInput": {"text": "hi"}})
        await sim.wait_for(lambda: sim.sessions[0].texts == ["hi"])
        assert sim.connections[0].pings_received == 1
        assert not pong.done()


async def test_a_stalled_service_counts_and_pongs_and_says_nothing(dial: Any, speech: Any) -> None:
    async with Simulator(Script(playback_rate=50, response_delay_ms=0)) as sim:
        client = await dial(sim)
        await client.set_up()
        assert sim.inject(Stall()) == 1
        await client.send_audio(*speech(5))
        await client.send({"realtimeInput": {"text": "hi"}})
        for _ in range(5):
            await client.confirm()
        assert sim.sessions[0].audio.unique_ms == 100
        assert sim.sessions[0].turns_taken == 1
        assert sim.connections[0].report()["messagesSent"] == 2  # setupComplete and the handle


async def test_a_stall_can_end(dial: Any) -> None:
    async with Simulator(Script(response_delay_ms=300)) as sim:
        client = await dial(sim)
        await client.set_up()
        sim.inject(Stall(for_ms=50))
        await client.send({"realtimeInput": {"text": "hi"}})
        assert "serverContent" in await client.receive()


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_an_upgrade_can_be_sent_elsewhere(dial: Any, status: int) -> None:
    notes: list[str] = []
    async with Simulator(quiet(), log=notes.append) as sim:
        sim.inject(Refuse(status=status, location=f"{sim.url}/proxy/{PATH}"))
        await (await dial(sim)).set_up()  # this client follows
        assert any(f"refused with {status}" in note for note in notes)


async def test_a_close_can_be_one_of_the_services_own(dial: Any) -> None:
    async with Simulator(quiet()) as sim:
        for like in ("tooManySessions", "aborted"):
            client = await dial(sim)
            await client.set_up()
            sim.inject(Close(like=like))
            assert await client.closed() == (KNOWN[like].code, KNOWN[like].text[:123])


async def test_a_setup_can_be_refused_with_any_of_them(dial: Any) -> None:
    async with Simulator(quiet(refusal_delay_ms=0)) as sim:
        for like in KNOWN:
            sim.inject(RefuseSetup(like=like))
            client = await dial(sim)
            await client.send({"setup": {"model": "models/m"}})
            code, reason = await client.closed()
            assert (code, reason) == (known(like).code, known(like).text[:123])
