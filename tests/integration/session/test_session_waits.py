"""How long the next attempt is put off, what ends the wait, and what is told meanwhile."""

import pytest

from sidecar.lifecycle import events as ev
from sidecar.lifecycle.states import Phase, State
from sidecar.simulator import Simulator
from sidecar.simulator.faults import Close, NetworkSwitch, Refuse, RefuseSetup, SlowPongs

QUOTA = "You exceeded your current quota, please check your plan and billing details"


async def quota_met(talks, sim):
    """A session that waits for the slow lane, with the default settings of it: 65 s."""
    talk = await talks.open(sim.url)
    await talk.say(5)
    sim.inject(Close(code=1011, reason=QUOTA))
    told = await talk.told(ev.Reconnecting)
    assert 65.0 <= told.delay_s < 66.0
    return talk


async def test_a_request_ends_the_wait_for_the_slow_lane(talks, fast):
    async with Simulator(fast()) as sim:
        talk = await quota_met(talks, sim)
        talk.session.reconnect()
        assert (await talk.told(ev.Reconnected)).state_restored == "resumed"
        await talk.all_heard(sim)


async def test_a_network_that_is_back_does_not_shorten_what_the_service_asked_for(talks, fast):
    async with Simulator(fast()) as sim:
        talk = await quota_met(talks, sim)
        for online in (False, True):
            talk.session.network_changed(online=online)
            assert talk.session.core.machine.phase is Phase.WAITING
            assert talk.session.core.retry_in_s(talk.session.now()) > 60


async def given_up(talks, sim):
    """The service asks for a longer rest than the outage may last, and the session says so now."""
    talk = await talks.open(sim.url)
    sim.inject(Refuse(status=503, retry_after_s=601))
    await sim.cut()
    ended = await talk.told(ev.Failure, lambda e: e.fatal)
    assert ended.fault.kind == "serviceUnavailable"
    assert "503" in ended.fault.message
    assert "maxElapsed" in ended.fault.message
    return talk


async def test_a_retry_after_beyond_the_end_of_the_outage_ends_it_now(talks, fast):
    async with Simulator(fast()) as sim:
        talk = await given_up(talks, sim)
        talk.session.reconnect()
        assert (await talk.told(ev.Reconnected)).state_restored == "resumed"


async def test_a_session_revived_by_the_network_says_for_how_long_it_waits_yet(talks, fast):
    async with Simulator(fast()) as sim:
        talk = await given_up(talks, sim)
        talk.session.network_changed(online=True)
        revived = await talk.told(ev.StateChanged, lambda e: e.reason == "networkChanged")
        assert revived.after == (State.RECONNECTING, Phase.WAITING)
        assert talk.session.core.retry_in_s(talk.session.now()) > 590
        assert revived.retry_in_s == pytest.approx(601, abs=5)


async def test_an_open_that_meets_a_quota_does_not_wait_for_its_deadline_to_say_so(talks, fast, refused):
    async with Simulator(fast()) as sim:
        sim.inject(RefuseSetup(times=9))
        talk = talks(sim.url)
        fault = await refused(talk)
        assert fault.kind == "quotaExceeded"
        assert "openTimeout" in fault.message
        assert len(sim.connections) == 1


@pytest.mark.parametrize(
    ("code", "reason"), [(1008, "BidiGenerateContent session not found"), (1007, "Invalid session handle")]
)
async def test_a_handle_of_an_earlier_run_that_is_refused_after_setup_complete(talks, fast, code, reason):
    async with Simulator(fast()) as sim:
        first = await talks.open(sim.url)
        handle = (await first.told(ev.HandleChanged)).handle
        await first.session.close()
        sim.inject(
            RefuseSetup(code=code, reason=reason, resumes_only=True, after_setup_complete=True, times=9)
        )
        second = await talks.open(sim.url, handle=handle)
        await second.say(10)
        await second.told(ev.Reconnected, lambda e: e.state_restored == "fresh")
        await second.say(10)

        await second.all_heard(sim, session=2)
        assert second.session.core.stats.resumes_tried == 1
        assert not any(e.fatal for e in second.of(ev.Failure))


async def test_the_fresh_session_after_the_window_may_have_to_be_tried_again(talks, fast, settings):
    async with Simulator(fast()) as sim:
        talk = await talks.open(sim.url, settings=settings(hand_over={"window_s": 0.3}))
        await talk.say(10)
        await talk.session.ping()
        sim.inject(NetworkSwitch())
        told = await talk.told(ev.Reconnecting, lambda e: e.fresh)
        sim.inject(Refuse(status=503, times=2))
        await talk.told(ev.Reconnected)

        assert told.delay_s == 0, "the time was spent on the window"
        after = talk.of(ev.Reconnecting)[talk.of(ev.Reconnecting).index(told) + 1 :]
        assert all(e.fresh for e in after), "who was refused for good is not asked again"
        assert talk.session.core.state_restored == "fresh"


async def test_audio_that_no_pong_confirmed_is_not_lost_by_a_cut(talks, fast):
    async with Simulator(fast()) as sim:
        talk = await talks.open(sim.url)
        sim.inject(SlowPongs(delay_ms=None))
        await talk.say(100)
        assert talk.session.core.outbox.books.confirmed_us == 0
        await sim.cut()
        await talk.all_heard(sim)


async def test_the_queue_is_reported_at_every_change_of_state_once_there_is_something_in_it(talks, fast):
    async with Simulator(fast()) as sim:
        talk = await talks.open(sim.url)
        await talk.say(20)
        await talk.session.ping()
        opened = len(talk.events)
        await sim.cut()
        await talk.told(ev.Reconnected)
        await talk.session.close()

        since = [e for e in talk.events[opened:] if isinstance(e, ev.QueueMoved | ev.StateChanged)]
        reported = []
        for event in since:
            if isinstance(event, ev.QueueMoved):
                reported[-1:] = [True] if reported else []
            elif event.before[0] is not event.after[0]:
                reported.append(False)
        assert len(reported) == 4, "reconnecting, connected, disconnecting, disconnected"
        assert reported[:2] == [True, True]
