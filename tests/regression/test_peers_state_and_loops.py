"""Situations that broke other clients: state of one connection that leaks into the next, loops that can die, and
counters that are reset too early or too late."""

import asyncio

import pytest

from sidecar.lifecycle import events as ev
from sidecar.lifecycle.settings import Heartbeat, Reconnect, Settings
from sidecar.lifecycle.states import State
from sidecar.live import dial
from sidecar.live.turns import Turn
from sidecar.simulator import Simulator
from sidecar.simulator.script import Turn as Said

# --- stale state of a connection ----------------------------------------------------------------------


async def test_after_a_resume_the_session_takes_speech_and_text_and_the_model_answers(talks, fast):
    """A flag that said ready was never set again: the bot hung. https://github.com/pipecat-ai/pipecat/pull/4242"""
    async with Simulator(fast(turns=[Said(model="Here I am.", audio_ms=600)])) as sim:
        talk = await talks.open(sim.url)
        await talk.say(10)
        await sim.cut()
        await talk.told(ev.Reconnected)
        await talk.say(10)
        talk.session.send("realtimeInput", {"text": "Are you there?"})
        await talk.told(Turn, lambda turn: turn.event == "complete")
        await talk.all_heard(sim)


def test_a_heartbeat_pending_at_the_cut_does_not_kill_the_next_line(on_stage):
    """It was carried over to the new socket, and its timeout closed that one.
    https://github.com/phoenixframework/phoenix/issues/3083"""
    heartbeat = Heartbeat(interval_s=5.0, suspect_after_s=2.0, dead_after_s=10.0)

    async def scenario(stage):
        await stage.session.connect()
        stage.world.weather.set("pongs", (1000.0, 1000.0), 1e6)
        await stage.pass_time(12.0)
        assert stage.session.core.line.liveness.unanswered > 0
        stage.world.weather.heal()
        stage.cut()
        await stage.reach(State.RECONNECTING, 1.0)
        await stage.reach(State.CONNECTED, 10.0)
        assert stage.session.core.line.liveness.unanswered == 0
        await stage.pass_time(300.0)
        assert stage.world.dials == 2
        assert len(stage.of(ev.Reconnecting)) == 1

    on_stage(scenario, Settings(heartbeat=heartbeat))


# --- loops that can die -------------------------------------------------------------------------------


async def test_an_abnormal_close_parks_no_dead_socket(talks, fast):
    """The dead socket stayed, and everything went into it. https://github.com/livekit/agents-js/pull/2366"""
    async with Simulator(fast()) as sim:
        talk = await talks.open(sim.url)
        await talk.say(5)
        old = talk.session._line
        await sim.cut()
        await talk.told(ev.Reconnecting)
        assert talk.session._line is not old
        assert talk.session.state is State.RECONNECTING
        await old.released
        talk.say_chunk()
        await talk.told(ev.Reconnected)
        await talk.all_heard(sim)


@pytest.mark.parametrize("thrower", ["the host's listener", "the dial"])
def test_a_throw_on_the_way_back_does_not_end_the_way_back(on_stage, monkeypatch, thrower):
    """A throw inside the retry callback killed the reconnect loop for good.
    https://github.com/merchantprotocol/sulla-desktop/pull/490"""

    async def scenario(stage):
        await stage.session.connect()
        if thrower == "the dial":
            whole = dial.connect

            async def broken(*_args, **_options):
                monkeypatch.setattr(dial, "connect", whole)
                raise RuntimeError("no token")

            monkeypatch.setattr(dial, "connect", broken)
        else:
            for kind in (ev.Reconnecting, ev.StateChanged):
                stage.session.on(kind, lambda event: event.no_such_field)
        stage.cut()
        await stage.reach(State.RECONNECTING, 1.0)
        assert await stage.reach(State.CONNECTED, 60.0) < 10.0

    on_stage(scenario)


def test_a_reconnect_on_request_works_each_time_after_the_retries_ran_out(on_stage):
    """The lock of the first loop was never released, so a reconnect did nothing.
    https://github.com/cloudflare/partykit/issues/252"""

    async def scenario(stage):
        await stage.session.connect()
        for _ in range(3):
            stage.world.weather.set("http", (503, None), 1e6)
            stage.cut()
            await stage.reach(State.FAILED, 700.0)
            dials = stage.world.dials
            await stage.pass_time(7200.0)
            assert stage.world.dials == dials
            stage.world.weather.heal()
            stage.session.reconnect()
            assert await stage.reach(State.CONNECTED, 60.0) < 5.0

    on_stage(scenario, Settings(reconnect=Reconnect(max_attempts=2)))


# --- counters -----------------------------------------------------------------------------------------


async def test_a_1007_that_comes_back_on_every_line_ends_in_bounded_attempts(talks, service):
    """An exhausted context looped: setupComplete had reset the counter each time.
    https://github.com/livekit/agents/pull/6144"""
    connections = 0

    async def exhausted(connection):
        nonlocal connections
        connections += 1
        await connection.send('{"sessionResumptionUpdate": {"newHandle": "h", "resumable": true}}')
        await connection.close(1007, "Request contains an invalid argument.")

    async with service(exhausted) as url:
        talk = talks(url)
        talk.session.start()
        lost = await talk.told(ev.Failure, lambda failure: failure.fatal)
        assert lost.fault.ws_code == 1007
        assert talk.session.state is State.FAILED
        assert 1 < connections <= talk.session.core.settings.reconnect.max_attempts + 1


async def test_a_line_that_dies_after_every_setup_ends_in_bounded_attempts(talks, service):
    """The same with a code that says nothing: a setupComplete alone is no success.
    https://github.com/livekit/agents/pull/6144"""
    connections = 0

    async def dying(connection):
        nonlocal connections
        connections += 1
        await connection.close(1011, "The service is currently unavailable.")

    async with service(dying) as url:
        talk = talks(url)
        talk.session.start()
        lost = await talk.told(ev.Failure, lambda failure: failure.fatal)
        assert lost.fault.kind == "maxAttempts"
        assert connections <= talk.session.core.settings.reconnect.max_attempts + 1


def test_fifty_routine_closes_of_an_idle_session_never_use_up_its_attempts(on_stage):
    """A success never reset the budget, so routine idle closes killed a long session in the end.
    https://github.com/livekit/agents-js/issues/2410"""

    async def scenario(stage):
        await stage.session.connect()
        for _ in range(50):
            await asyncio.sleep(300.0)
            stage.world.live.peer.close(1011, "The service is currently unavailable.")
            await stage.reach(State.RECONNECTING, 1.0)
            await stage.reach(State.CONNECTED, 30.0)
        assert not any(failure.fatal for failure in stage.of(ev.Failure))
        assert stage.world.dials == 51
        assert stage.session.core.stats.losses == 50

    on_stage(scenario)
