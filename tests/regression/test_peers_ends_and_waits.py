"""Situations that broke other clients: a retry decided by the wrong close code, a close on purpose that was taken
for an accident, and a wait for an event that never comes."""

import pytest

from sidecar.lifecycle import events as ev
from sidecar.lifecycle.settings import Settings, StallLimits
from sidecar.lifecycle.states import State
from sidecar.session import SessionFailed, WrongState

# --- the wrong close code -----------------------------------------------------------------------------


def test_a_line_given_up_for_silence_is_always_replaced(on_stage):
    """The heartbeat closed with 1000, and the retry rule took that for a normal end.
    https://github.com/phoenixframework/phoenix/issues/4944"""

    async def scenario(stage):
        await stage.session.connect()
        stage.world.live.path(alive=False)
        took_s = await stage.reach(State.RECONNECTING, 120.0)
        assert 35.0 <= took_s <= 66.0
        stage.world.heal()
        await stage.reach(State.CONNECTED, 30.0)
        assert stage.of(ev.Failure)[0].fault.kind == "lineSilent"

    on_stage(scenario)


def test_a_1000_that_nobody_here_asked_for_is_a_loss(on_stage):
    """The same from the other side. https://github.com/phoenixframework/phoenix/issues/4944"""

    async def scenario(stage):
        await stage.session.connect()
        await stage.pass_time(60.0)
        stage.world.live.peer.close(1000, "")
        await stage.reach(State.RECONNECTING, 1.0)
        await stage.reach(State.CONNECTED, 10.0)

    on_stage(scenario)


async def test_what_a_1007_was_closed_for_is_not_sent_again(talks, service):
    """Replaying the buffer re-tripped the 1007 on every new connection.
    https://github.com/yagudaev/voiceclaw/pull/397"""
    poison, connections = [], 0

    async def picky(connection):
        nonlocal connections
        connections += 1
        await connection.send(b'{"sessionResumptionUpdate": {"newHandle": "h", "resumable": true}}')
        async for message in connection:
            if '"video"' in message:
                poison.append(connections)
                await connection.close(1007, "Request contains an invalid argument.")
                return

    async with service(picky) as url:
        talk = await talks.open(url)
        await talk.told(ev.HandleChanged)
        talk.session.send("realtimeInput", {"video": {"mimeType": "image/jpeg", "data": "AAAA"}})
        await talk.told(ev.Reconnected)
        dropped = await talk.told(ev.Dropped)
        assert dropped.drop.reason == "deliveryUnknown"
        talk.say_chunk()
        await talk.session.ping()
        assert talk.session.state is State.CONNECTED
        assert poison == [1]
        assert connections == 2


# --- on purpose, or not -------------------------------------------------------------------------------


@pytest.mark.parametrize("after_s", [0.0, 0.5, 1.6, 20.0, 590.0])
def test_a_session_closed_while_it_reconnects_is_never_brought_back(on_stage, after_s):
    """A timer that was still set brought back a socket which the user had closed.
    https://github.com/phoenixframework/phoenix/issues/6578"""

    async def scenario(stage):
        await stage.session.connect()
        stage.world.weather.set("tcp", "refused", 1e6)
        stage.cut()
        await stage.reach(State.RECONNECTING, 1.0)
        await stage.pass_time(after_s)
        await stage.session.close()
        dials, told = stage.session.core.stats.attempts, len(stage.events)
        stage.world.heal()
        stage.session.network_changed(online=True)
        stage.session.system_resume()
        with pytest.raises(WrongState):
            stage.session.reconnect()
        await stage.pass_time(7200.0)
        assert (stage.session.core.stats.attempts, len(stage.events)) == (dials, told)
        assert stage.session.state is State.DISCONNECTED

    on_stage(scenario)


def test_a_session_suspended_on_purpose_is_brought_back_by_nothing_but_its_host(on_stage):
    """https://github.com/phoenixframework/phoenix/issues/6578"""

    async def scenario(stage):
        await stage.session.connect()
        stage.session.suspend()
        await stage.pass_time(1.0)
        stage.session.network_changed(online=True)
        stage.session.system_suspend()
        stage.loop.sleep(3600.0)
        stage.session.system_resume()
        await stage.pass_time(3600.0)
        assert stage.session.state is State.SUSPENDED
        assert stage.world.dials == 1
        stage.session.resume()
        await stage.reach(State.CONNECTED, 10.0)

    on_stage(scenario)


# --- an event that never comes ------------------------------------------------------------------------


@pytest.mark.parametrize("action", ["event", "reconnect"])
def test_a_session_that_stays_open_and_answers_nothing_any_more_is_told(on_stage, action):
    """Silent after turnComplete, with no close: nobody noticed.
    https://github.com/googleapis/python-genai/issues/1224"""

    async def scenario(stage):
        await stage.session.connect()
        await stage.pass_time(20.0)
        stage.world.weather.set("mute", True, 40.0)
        stage.session.send("realtimeInput", {"text": "0"}, stage.world.ledger.offer(audio=False))
        await stage.pass_time(29.0)
        assert stage.of(ev.Stalled) == []
        await stage.pass_time(1.5)
        assert [stalled.demand for stalled in stage.of(ev.Stalled)] == ["text"]
        await stage.pass_time(20.0)
        assert stage.session.state is State.CONNECTED
        assert stage.world.dials == (2 if action == "reconnect" else 1)

    on_stage(scenario, Settings(stall=StallLimits(action=action)))


@pytest.mark.parametrize(
    ("knob", "value"), [("dns", "hangs"), ("tcp", "hangs"), ("upgrade", "hangs"), ("setup", "hangs")]
)
def test_a_connect_returns_whatever_step_never_answers(on_stage, knob, value):
    """`live.connect()` may never return. https://github.com/googleapis/js-genai/issues/1257"""

    async def scenario(stage):
        stage.world.weather.set(knob, value, 1e6)
        began = stage.loop.time()
        with pytest.raises(SessionFailed) as caught:
            await stage.session.connect()
        assert stage.loop.time() - began <= 30.1
        assert caught.value.fault.kind == "openTimeout"

    on_stage(scenario)


def test_a_goaway_is_obeyed_by_the_clock_when_the_service_says_nothing_more(on_stage):
    """The deadline was looked at only when a message came, and the service had gone silent.
    https://github.com/sierra-research/tau2-bench/pull/461"""

    async def scenario(stage):
        await stage.session.connect()
        await stage.pass_time(60.0)
        stage.session.core.moment(quiet=False, model_speaking=False)  # no moment is a good one
        stage.world.weather.set("mute", True, 100.0)
        stage.world.live.peer.ends_at = stage.loop.world_s() + 50.0
        stage.session.core.go_away(stage.session.now(), 50.0)
        stage.session.run()
        await stage.pass_time(41.0)
        assert stage.world.dials == 1
        await stage.pass_time(9.5)
        assert stage.world.service.overruns == 0
        assert stage.session.state is State.CONNECTED
        assert stage.world.dials == 2
        assert [move.planned for move in stage.of(ev.Reconnecting)] == [True]

    on_stage(scenario)
