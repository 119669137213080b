"""Another network: the old path never comes back, and the service does not notice (LP 4.4 item 8)."""

import pytest

from sidecar.lifecycle import events as ev
from sidecar.lifecycle.states import State
from sidecar.live.outgoing import InvalidMessage
from sidecar.live.turns import ToolCall, ToolCallCancelled
from sidecar.simulator import Simulator
from sidecar.simulator.faults import NetworkSwitch
from sidecar.simulator.script import ToolCall as Function
from sidecar.simulator.script import Turn as Lines

WINDOW_S = 0.5
WEATHER = Lines(
    user="What is the weather like?",
    model="It is sunny.",
    tool_call=Function("get_weather", {"city": "Lisbon"}),
)


@pytest.fixture
def calling(talks, fast, settings):
    """A session in which the model waits for the answer to a tool call, and the simulator."""

    async def begin(sim):
        talk = await talks.open(sim.url, settings=settings(hand_over={"window_s": WINDOW_S}))
        await talk.say(100)
        await talk.say(30, amplitude=20)
        call = await talk.told(ToolCall)
        await talk.session.ping()
        return talk, call

    return begin


def answer(call):
    return {"functionResponses": [{"id": call.id, "name": call.name, "response": {"sky": "blue"}}]}


def switch(sim, talk, told):
    """The line is gone; whether the host says so, before or after the line does."""
    if told == "before":
        talk.session.network_changed(online=True, address_changed=True)
    sim.inject(NetworkSwitch())
    if told == "after":
        talk.session.network_changed(online=True, address_changed=True)


async def fresh_in_time(talk, since):
    restored = await talk.told(ev.Reconnected, lambda e: e.state_restored == "fresh")
    took_s = talk.session.now() - since
    assert took_s <= WINDOW_S + 5.0
    assert took_s >= WINDOW_S, "the resume was given up too soon"
    assert restored.gap_s == pytest.approx(took_s, abs=0.1)
    [connected] = [e for e in talk.of(ev.StateChanged) if e.state_restored == "fresh"]
    assert connected.after[0] is State.CONNECTED


async def kept_by_the_ring(sim, talk, said_before):
    """The new session has all that was not surely heard by the old one, in order; together they have it all."""
    talk.say_chunk()  # the end of what there is to say
    await sim.wait_for(lambda: len(sim.sessions) == 2 and talk.said.endswith(sim.audio(2)[-640:] or b"none"))
    old, new = sim.audio(1), sim.audio(2)
    assert talk.said.startswith(old)
    assert talk.said.endswith(new)
    assert len(new) >= len(talk.said) - said_before
    assert len(old) + len(new) >= len(talk.said)
    assert [e.drop.kind for e in talk.of(ev.Dropped) if e.drop.kind == "audio"] == []


@pytest.mark.parametrize("told", ["not at all", "before", "after"])
async def test_a_fresh_session_takes_the_place_of_the_lost_one_and_has_what_was_said(calling, fast, told):
    async with Simulator(fast(turns=[WEATHER])) as sim:
        talk, call = await calling(sim)
        said_before, since = len(talk.said), talk.session.now()
        switch(sim, talk, told)
        await talk.say(40)
        await fresh_in_time(talk, since)
        await talk.say(20)
        await kept_by_the_ring(sim, talk, said_before)

        cancelled = await talk.told(ToolCallCancelled)
        assert cancelled.ids == [call.id]
        with pytest.raises(InvalidMessage, match=call.id):
            talk.session.send("toolResponse", answer(call))
        assert not any(e.fatal for e in talk.of(ev.Failure))
        refused = [c.close_code for c in sim.connections[1:-1]]
        assert refused, "the resume was tried"
        assert set(refused) == {1011}


@pytest.mark.parametrize("told", ["not at all", "before"])
async def test_a_tool_result_of_the_lost_session_ends_as_lost(calling, fast, told):
    async with Simulator(fast(turns=[WEATHER])) as sim:
        talk, call = await calling(sim)
        since = talk.session.now()
        switch(sim, talk, told)
        await talk.until(lambda: talk.session.core.line is None or not talk.session.core.writable)
        assert not talk.session.send("toolResponse", answer(call)), "there is no line, it is held"
        await fresh_in_time(talk, since)
        dropped = await talk.told(ev.Dropped)

        assert (dropped.drop.reason, dropped.drop.kind, dropped.drop.ids) == (
            "sessionLost",
            "toolResponse",
            [call.id],
        )
        assert talk.of(ev.Dropped) == [dropped]
        await talk.session.ping()
        assert sim.connections[-1].close_code is None, "the new session was not sent the answer"


async def test_the_host_alone_knows_of_the_switch_when_the_old_line_only_falls_silent(calling, fast):
    """No reset comes: without the hint it would take `deadAfter`."""
    async with Simulator(fast(turns=[WEATHER])) as sim:
        talk, _ = await calling(sim)
        said_before, since = len(talk.said), talk.session.now()
        await sim.freeze(60)
        await talk.say(20)
        talk.session.network_changed(online=True, address_changed=True)
        hinted_at = talk.session.now()
        told = await talk.told(ev.Reconnecting)
        assert talk.session.now() - hinted_at <= 0.25 + 0.2, "oldCloseMs, then it is aborted"
        assert (told.planned, told.fault.kind) == (True, "networkChanged")
        await fresh_in_time(talk, hinted_at)
        await talk.say(20)
        await kept_by_the_ring(sim, talk, said_before)
        assert talk.session.now() - since < 35
