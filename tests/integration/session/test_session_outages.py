"""Whatever happens to the line, the service gets every millisecond of the user's audio."""

import asyncio

import pytest

from sidecar.lifecycle import events as ev
from sidecar.lifecycle.settings import ResumptionOptions
from sidecar.lifecycle.states import State
from sidecar.simulator import Simulator
from sidecar.simulator.faults import Close, Cut, Freeze, GoAway, Hang, Refuse, Unreachable, When

AT = When(audio_ms=1000)
SECONDS = 3
CHUNKS = SECONDS * 50


async def talk_through(sim, talk, chunks=CHUNKS):
    await talk.say(chunks)
    await talk.all_heard(sim)
    assert talk.said_ms == chunks * 20


OUTAGES = [
    ("a cut", [Cut(when=AT)]),
    ("a line that freezes and is reset", [Freeze(for_ms=300, when=AT)]),
    ("1011 by the service", [Close(code=1011, when=AT)]),
    ("1011 with a quota text", [Close(code=1011, reason="Deadline expired before operation", when=AT)]),
    ("1000 by the service", [Close(code=1000, reason="", when=AT)]),
    ("1001 by the service", [Close(code=1001, reason="", when=AT)]),
    ("1008 aborted", [Close(code=1008, reason="The operation was aborted.", when=AT)]),
    ("a code of its own", [Close(code=4999, reason="strange", when=AT)]),
    ("a cut, then 503 twice", [Cut(when=AT), Refuse(status=503, times=2, when=AT)]),
    ("a cut, then 500", [Cut(when=AT), Refuse(status=500, when=AT)]),
    ("a cut, then resets", [Cut(when=AT), Refuse(reset=True, times=3, when=AT)]),
    ("a cut, then nobody listens", [Cut(when=AT), Unreachable(for_ms=200, when=AT)]),
    ("a cut, then a setup without an answer", [Cut(when=AT), Hang(when=AT)]),
    ("three cuts", [Cut(when=When(audio_ms=ms)) for ms in (500, 1000, 1500)]),
    ("a cut right after each setup", [Cut(when=When(connection=n, after_setup_ms=1)) for n in (1, 2, 3)]),
    ("goAway", [GoAway(time_left="1s", when=AT)]),
    ("goAway of no time at all", [GoAway(time_left="0s", when=AT)]),
]


@pytest.mark.parametrize("faults", [row[1] for row in OUTAGES], ids=[row[0] for row in OUTAGES])
async def test_no_audio_is_lost_by(talks, fast, settings, faults):
    async with Simulator(fast(faults=faults)) as sim:
        talk = await talks.open(sim.url, settings=settings(deadlines={"setup_s": 0.3}))
        await talk_through(sim, talk)

        assert len(sim.sessions) == 1, "the session was resumed, not begun anew"
        assert talk.session.connections > 1
        assert {event.state_restored for event in talk.of(ev.Reconnected)} == {"resumed"}
        assert not any(event.fatal for event in talk.of(ev.Failure))


async def test_retry_after_is_obeyed(talks, fast):
    async with Simulator(fast()) as sim:
        talk = await talks.open(sim.url)
        sim.inject(Refuse(status=503, retry_after_s=1))
        await sim.cut()
        told = await talk.told(ev.Reconnecting, lambda event: event.fault.http_status == 503)
        restored = await talk.told(ev.Reconnected)

        assert told.fault.retry_after_s == 1
        assert told.delay_s == 1
        assert restored.gap_s >= 1


async def test_nothing_is_doubled_by_a_hand_over_in_a_quiet_moment(talks, fast):
    """The old line is closed first, and its echo confirms all that was written."""
    async with Simulator(fast()) as sim:
        talk = await talks.open(sim.url)
        await talk.say(50, amplitude=20)
        await sim.go_away(40)
        await talk.say(50, amplitude=20)
        await talk.told(ev.Reconnected)
        await talk.all_heard(sim)

        assert sim.sessions[0].audio.doubled_ms == 0
        assert [event.planned for event in talk.of(ev.Reconnecting)] == [True]
        assert [connection.close_code for connection in sim.connections] == [1000, None]
        assert talk.of(ev.Failure) == []


async def test_audio_said_while_there_is_no_line_is_held_and_goes_out_in_order(talks, fast):
    async with Simulator(fast()) as sim:
        talk = await talks.open(sim.url)
        await talk.say(10)
        await sim.unreachable(0.2)
        await sim.cut()
        await talk.told(ev.Reconnecting)
        for _ in range(100):
            talk.say_chunk()
        assert talk.session.core.outbox.books.held_us >= 2_000_000
        await talk.all_heard(sim)


async def test_a_frozen_line_is_left_when_it_is_silent_for_too_long_and_not_before(talks, fast, settings):
    async with Simulator(fast()) as sim:
        short = settings(heartbeat={"suspect_after_s": 0.1, "dead_after_s": 0.4}, hand_over={"window_s": 0.3})
        talk = await talks.open(sim.url, settings=short)
        await talk.say(20)
        await sim.freeze(30)
        await talk.say(20)
        lost = await talk.told(ev.Failure)

        assert (lost.fault.kind, lost.fatal) == ("lineSilent", False)
        phases = [event.after[1] for event in talk.of(ev.StateChanged) if event.after[0] is State.CONNECTED]
        assert phases == ["active", "suspect"]
        # The service still takes the frozen connection for the owner, so what comes next is a fresh session.
        assert (await talk.told(ev.Reconnected)).state_restored == "fresh"


async def test_without_replay_a_cut_costs_audio_and_the_books_say_how_much(talks, fast, settings):
    """The counter-example: the other tests of this file can fail."""
    async with Simulator(fast()) as sim:
        talk = await talks.open(sim.url, settings=settings(outbox={"replay_unconfirmed": False}))
        await talk.say(20)
        await sim.freeze(0.1)
        for _ in range(40):
            talk.say_chunk()
        await talk.told(ev.Reconnected)
        await talk.say(20)
        await talk.until(lambda: talk.session.core.outbox.idle)
        heard = sim.sessions[0].audio

        books = talk.session.core.outbox.books
        assert heard.unique_ms < talk.said_ms
        assert heard.sha256 != talk.said_sha256
        assert talk.said_ms - heard.unique_ms <= books.dropped_us / 1000
        assert {event.drop.reason for event in talk.of(ev.Dropped)} == {"deliveryUnknown"}


# --- resuming -------------------------------------------------------------------------------------


@pytest.mark.parametrize("after_setup_complete", [False, True])
async def test_a_resume_refused_while_the_old_owner_is_let_go_is_tried_again_with_the_handle(
    talks, fast, after_setup_complete
):
    script = fast(owner_grace_ms=250, refuse_after_setup_complete=after_setup_complete)
    async with Simulator(script) as sim:
        talk = await talks.open(sim.url)
        await talk.say(30)
        await sim.cut()
        await talk.say(60)
        await talk.all_heard(sim)

        refused = [c for c in sim.connections if c.close_code == 1011]
        assert refused, "the scenario did not happen"
        assert len(sim.sessions) == 1
        assert talk.session.core.state_restored == "resumed"


@pytest.mark.parametrize("after_setup_complete", [False, True])
async def test_when_a_resume_is_refused_for_good_one_fresh_session_takes_its_place(
    talks, fast, settings, after_setup_complete
):
    script = fast(owner_grace_ms=600_000, refuse_after_setup_complete=after_setup_complete)
    async with Simulator(script) as sim:
        talk = await talks.open(sim.url, settings=settings(hand_over={"window_s": 0.3}))
        await talk.say(30)
        await sim.wait_for(lambda: sim.sessions[0].audio.unique_ms == 600)
        await talk.until(lambda: talk.session.core.outbox.idle)
        await sim.cut()
        restored = await talk.told(ev.Reconnected, lambda event: event.state_restored == "fresh")
        await talk.say(30)

        assert restored.gap_s >= 0.3
        await sim.wait_for(lambda: len(sim.sessions) == 2 and sim.sessions[1].audio.unique_ms >= 600)
        assert talk.session.state is State.CONNECTED
        assert talk.of(ev.Dropped) == []


async def test_a_handle_the_service_does_not_know_any_more_leads_to_a_fresh_session(talks, fast):
    async with Simulator(fast()) as sim:
        talk = await talks.open(sim.url)
        await talk.say(10)
        await talk.until(lambda: talk.session.core.outbox.idle)
        sim.sessions_book._by_handle.clear()
        await sim.cut()
        restored = await talk.told(ev.Reconnected)

        assert restored.state_restored == "fresh"
        assert "handleExpired" in [event.fault.kind for event in talk.of(ev.Failure)]
        assert [c.close_code for c in sim.connections] == [1006, 1008, None]


async def test_a_handle_from_an_earlier_session_resumes_it(talks, fast):
    async with Simulator(fast()) as sim:
        first = await talks.open(sim.url)
        handle = (await first.told(ev.HandleChanged)).handle
        await first.say(10)
        await first.session.close()
        second = await talks.open(sim.url, handle=handle)

        assert len(sim.sessions) == 1
        assert second.session.core.state_restored == "resumed"


async def test_a_dead_handle_from_an_earlier_session_opens_a_fresh_one_and_says_so(talks, fast):
    async with Simulator(fast()) as sim:
        talk = await talks.open(sim.url, handle="6ba7b810-9dad-11d1-80b4-00c04fd430c8")

        assert [c.close_code for c in sim.connections] == [1008, None]
        connected = next(e for e in talk.of(ev.StateChanged) if e.after[0] is State.CONNECTED)
        assert connected.state_restored == "fresh"


async def test_without_resumption_every_line_is_a_fresh_session(talks, fast, settings):
    async with Simulator(fast()) as sim:
        talk = await talks.open(sim.url, settings=settings(resumption=ResumptionOptions(enabled=False)))
        await sim.cut()
        restored = await talk.told(ev.Reconnected)

        assert restored.state_restored == "fresh"
        assert len(sim.sessions) == 2
        assert talk.of(ev.HandleChanged) == []


# --- what the host wants ----------------------------------------------------------------------------


async def test_a_reconnect_on_request_ends_the_wait(talks, fast, settings):
    async with Simulator(fast()) as sim:
        slow = settings(reconnect={"base_delay_s": 60, "max_delay_s": 60})
        talk = await talks.open(sim.url, settings=slow)
        await sim.cut()
        await talk.told(ev.Reconnecting, lambda event: event.delay_s == 30)
        talk.session.reconnect()

        assert (await talk.told(ev.Reconnected)).gap_s < 10


async def test_a_session_that_gave_up_is_revived_and_sends_what_it_kept(talks, fast):
    async with Simulator(fast()) as sim:
        talk = await talks.open(sim.url)
        await talk.say(20)
        await sim.refuse(403)
        await sim.cut()
        given_up = await talk.told(ev.Failure, lambda event: event.fatal)
        assert (given_up.fault.kind, given_up.fault.http_status) == ("accessDenied", 403)
        assert talk.session.state is State.FAILED
        talk.session.reconnect()
        await talk.told(ev.Reconnected)

        await talk.say(20)
        await talk.all_heard(sim)


async def test_of_two_sessions_only_the_one_that_is_cut_notices(talks, fast):
    async with Simulator(fast()) as sim:
        one, two = await talks.open(sim.url), await talks.open(sim.url)
        both = asyncio.gather(one.say(80), two.say(80))
        await sim.wait_for(lambda: sim.sessions[0].audio.unique_ms > 300)
        await sim.cut(session=1)
        await both
        await one.all_heard(sim, 1)
        await two.all_heard(sim, 2)

        assert "reconnecting" in one.states()
        assert two.states() == ["connecting", "connected"]
