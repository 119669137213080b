"""The limits of connections, sessions and handles, with service time running fast."""

from typing import Any

import pytest

from sidecar.simulator import Script, Simulator
from sidecar.simulator.faults import Freeze, GoAway, When

IMAGE = {"realtimeInput": {"video": {"mimeType": "image/jpeg", "data": "AAAA"}}}


def quick(scale: float, **settings: Any) -> Script:
    return Script(turns=[], owner_grace_ms=0, refusal_delay_ms=10, time_scale=scale, **settings)


async def test_after_nine_minutes_comes_go_away_and_fifty_seconds_later_the_end(dial: Any) -> None:
    async with Simulator(quick(1000, idle_timeout_ms=None)) as sim:
        client = await dial(sim)
        await client.set_up()
        assert await client.receive() == {"goAway": {"timeLeft": "0.05s"}}
        assert sim.now_s() >= 0.54
        code, reason = await client.closed()
        assert (code, reason[:18]) == (1008, "Connection aborted")
        assert 0.589 <= sim.now_s() < 1.5


async def test_a_connection_can_be_told_to_go_at_once_with_much_time_left(dial: Any) -> None:
    async with Simulator(quick(1, go_away_at_ms=0, go_away_left_ms=300_000)) as sim:
        for _ in range(2):
            client = await dial(sim)
            await client.set_up()
            assert await client.receive() == {"goAway": {"timeLeft": "300s"}}


async def test_a_connection_can_end_by_its_deadline_alone(dial: Any) -> None:
    async with Simulator(
        quick(3480 / 0.2, go_away_at_ms=None, idle_timeout_ms=None, deadline_ms=3_480_000)
    ) as sim:
        client = await dial(sim)
        await client.set_up()
        assert await client.closed() == (1011, "Deadline expired before operation could complete.")
        assert sim.now_s() >= 0.2


async def test_who_stays_after_go_away_may_meet_another_text(dial: Any) -> None:
    async with Simulator(quick(1, go_away_overrun="deadlineExpired")) as sim:
        client = await dial(sim)
        await client.set_up()
        await sim.go_away(0.05)
        assert (await client.closed())[0] == 1011


async def test_the_service_can_fall_silent_after_go_away(dial: Any) -> None:
    script = Script(playback_rate=50, response_delay_ms=0, silent_after_go_away=True)
    async with Simulator(script) as sim:
        client = await dial(sim)
        await client.set_up()
        await sim.go_away(0.2)
        assert "goAway" in await client.receive()
        await client.send({"realtimeInput": {"text": "hi"}})
        assert (await client.closed())[0] == 1008
        assert sim.sessions[0].turns_taken == 1
        assert sim.connections[0].report()["messagesSent"] == 3


# --- sessions


async def test_a_session_without_compression_has_its_own_end_over_all_its_connections(dial: Any) -> None:
    script = quick(3000, audio_session_ms=900_000, go_away_at_ms=None, idle_timeout_ms=None)
    async with Simulator(script) as sim:
        client = await dial(sim)
        await client.set_up()
        compressed = await dial(sim)
        await compressed.set_up(contextWindowCompression={"slidingWindow": {}})
        await sim.cut(session=1)
        again = await dial(sim)
        await again.resume(client.handle)
        assert "goAway" in await again.receive()
        assert (await again.closed())[0] == 1008
        assert 0.29 <= sim.now_s() < 1.5
        late = await dial(sim)
        await late.resume(client.handle)
        assert (await late.closed())[0] == 1008
        await compressed.confirm()


async def test_the_first_image_makes_it_two_minutes(dial: Any) -> None:
    script = quick(
        400, audio_session_ms=900_000, video_session_ms=120_000, go_away_at_ms=None, idle_timeout_ms=None
    )
    async with Simulator(script) as sim:
        client = await dial(sim)
        await client.set_up()
        await client.send(IMAGE)
        assert "goAway" in await client.receive()
        assert (await client.closed())[0] == 1008
        assert 0.29 <= sim.now_s() < 1.5
        assert sim.sessions[0].has_video


# --- idleness


async def test_a_connection_that_says_nothing_is_given_up_and_pings_keep_it(dial: Any) -> None:
    async with Simulator(quick(480 / 0.3, go_away_at_ms=None)) as sim:
        quiet, alive = await dial(sim), await dial(sim)
        await quiet.set_up()
        await alive.set_up()
        while sim.connections[0].ended_at_s is None:
            await alive.confirm()
        assert await quiet.closed() == (1000, "The operation was cancelled")
        assert 0.3 <= sim.now_s() < 1.5
        await alive.confirm()


async def test_a_line_that_stays_frozen_is_given_up_after_the_same_time(dial: Any) -> None:
    async with Simulator(quick(480 / 0.3, go_away_at_ms=None)) as sim:
        client = await dial(sim)
        await client.set_up()
        sim.inject(Freeze(for_ms=None))
        assert await client.closed() == (1006, "")
        assert 0.3 <= sim.now_s() < 1.5


async def test_a_line_can_stay_frozen_for_ever(dial: Any) -> None:
    async with Simulator(quick(1, idle_timeout_ms=None)) as sim:
        client = await dial(sim)
        await client.set_up()
        sim.inject(Freeze(for_ms=None))
        with pytest.raises(TimeoutError):
            await sim.wait_for(lambda: sim.connections[0].ended_at_s is not None, 0.1)
    assert await client.closed() == (1006, "")


# --- handles


async def test_a_handle_dies_two_hours_after_its_sessions_last_connection(dial: Any) -> None:
    async with Simulator(quick(7200 / 0.2, go_away_at_ms=None, idle_timeout_ms=None)) as sim:
        client = await dial(sim)
        await client.set_up()
        with pytest.raises(TimeoutError):  # while it is connected, a handle does not grow old
            await sim.wait_for(lambda: sim.connections[0].ended_at_s is not None, 0.25)
        await sim.cut()
        again = await dial(sim)
        await again.resume(client.handle)
        await sim.cut()
        with pytest.raises(TimeoutError):
            await sim.wait_for(lambda: False, 0.25)
        late = await dial(sim)
        await late.send({"setup": {"model": "models/m", "sessionResumption": {"handle": again.handle}}})
        assert await late.closed() == (1008, "BidiGenerateContent session not found")


async def test_a_fault_of_the_script_has_its_time_unscaled(dial: Any) -> None:
    fault = GoAway(when=When(after_setup_ms=50), time_left="20s")
    async with Simulator(quick(1000, go_away_at_ms=None, idle_timeout_ms=None, faults=[fault])) as sim:
        client = await dial(sim)
        await client.set_up()
        assert await client.receive() == {"goAway": {"timeLeft": "20s"}}
        assert sim.now_s() >= 0.05
