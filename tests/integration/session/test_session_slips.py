"""Slips of the host, and of our own: told where they are made, and no session only seems to live."""

import pytest

from sidecar.lifecycle import events as ev
from sidecar.lifecycle.recovery import Recovery
from sidecar.lifecycle.settings import Heartbeat, InvalidSettings, Reconnect
from sidecar.lifecycle.states import State
from sidecar.live.endpoints import InvalidConfig
from sidecar.live.outgoing import InvalidMessage
from sidecar.session import WrongState
from sidecar.simulator import Simulator


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"reconnect": Reconnect(backoff="bogus")}, "bogus"),
        ({"reconnect": Reconnect(jitter="nope")}, "nope"),
        ({"heartbeat": Heartbeat(interval_s="soon")}, "interval_s"),
        ({"heartbeat": Heartbeat(suspect_after_s=0.0)}, "suspect_after_s"),
        ({"reconnect": Reconnect(max_elapsed_s=-1.0)}, "max_elapsed_s"),
    ],
)
async def test_settings_that_cannot_work_are_refused_before_anything_is_dialled(
    talks, fast, settings, wrong, named
):
    async with Simulator(fast()) as sim:
        talk = talks(sim.url, settings=settings(**wrong))
        with pytest.raises(InvalidSettings, match=named):
            talk.session.start()
        assert talk.session.state is State.DISCONNECTED
        assert sim.connections == []

        running = await talks.open(sim.url)
        before = running.session.core.settings
        with pytest.raises(InvalidSettings, match=named):
            running.session.configure(settings(**wrong))
        assert running.session.core.settings is before


async def test_a_setup_that_cannot_work_is_refused_before_anything_is_dialled(talks, fast):
    async with Simulator(fast()) as sim:
        talk = talks(sim.url, setup={"model": "gemini"})
        with pytest.raises(InvalidConfig, match="model"):
            async with talk.session:
                raise AssertionError("it must not begin")
        assert sim.connections == []


async def test_before_the_start_it_is_said_that_it_must_be_started(talks, fast):
    async with Simulator(fast()) as sim:
        session = talks(sim.url).session
        for call in (session.reconnect, session.suspend, session.resume):
            with pytest.raises(WrongState, match="start"):
                call()


async def test_an_answer_to_a_call_that_the_service_never_made_does_not_leave(talks, fast):
    async with Simulator(fast()) as sim:
        talk = await talks.open(sim.url)
        answer = {"functionResponses": [{"id": "x", "name": "f", "response": {}}]}
        with pytest.raises(InvalidMessage, match="no such call"):
            talk.session.send("toolResponse", answer)
        await talk.session.ping()
        assert talk.session.connections == 1


async def test_a_session_that_took_over_an_older_one_may_answer_its_calls(talks, fast):
    async with Simulator(fast()) as sim:
        first = await talks.open(sim.url)
        handle = (await first.told(ev.HandleChanged, lambda e: e.handle)).handle
        await first.session.close()
        second = await talks.open(sim.url, handle=handle)
        answer = {"functionResponses": [{"id": "of-the-older-process", "name": "f", "response": {}}]}
        assert second.session.send("toolResponse", answer)


async def test_a_negative_number_and_a_state_that_is_none_are_refused(talks, fast):
    async with Simulator(fast()) as sim:
        talk = await talks.open(sim.url)
        with pytest.raises(InvalidMessage, match="begin at 0"):
            talk.session.send_audio(-1, "AAAAAAAA", "audio/pcm;rate=16000")
        with pytest.raises(ValueError, match="conected"):
            await talk.session.wait_for(["conected"], 5.0)


async def test_a_defect_at_the_end_of_a_line_ends_the_session_and_says_so(talks, fast, monkeypatch):
    async with Simulator(fast()) as sim:
        talk = await talks.open(sim.url)

        def broken(*_, **__):
            raise KeyError("a defect")

        monkeypatch.setattr(Recovery, "lost", broken)
        await sim.cut()
        failure = await talk.told(ev.Failure, lambda e: e.fatal)
        assert failure.fault.kind == "internalError"
        assert talk.session.state is State.FAILED
        assert not talk.session.core.accepts


async def test_a_listener_that_comes_or_goes_during_an_event_changes_nothing_for_it(talks, fast):
    async with Simulator(fast()) as sim:
        talk = talks(sim.url)
        heard = []

        def second(event):
            heard.append(("second", event.revision))

        def first(event):
            heard.append(("first", event.revision))
            if event.revision == 1:
                talk.session.on(ev.StateChanged, second)

        off = talk.session.on(ev.StateChanged, first)
        await talk.session.connect()
        off()
        assert heard[:3] == [("first", 1), ("first", 2), ("second", 2)]
