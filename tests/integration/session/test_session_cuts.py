"""What a resume in the middle of something means: texts, turns, activity marks, and goAway at odd moments."""

import json
from collections import Counter

import pytest

from sidecar.lifecycle import events as ev
from sidecar.lifecycle.states import State
from sidecar.live.turns import Transcript, Turn
from sidecar.simulator import Script, Simulator
from sidecar.simulator.script import Turn as Lines

STORY = Lines(user="Tell me a story now.", model="Once there was a fox who lived in the wood.", audio_ms=4000)


def script(**changes):
    given = {
        "turns": [STORY],
        "owner_grace_ms": 0,
        "refusal_delay_ms": 20,
        "playback_rate": 10,
        "burst_rate": 1,
    }
    return Script(**{**given, **changes})


def one_final_each(talk):
    """For each source and turn that had text, and it is the whole of it."""
    transcripts = talk.of(Transcript)
    finals = Counter((e.source, e.turn_id) for e in transcripts if e.final)
    assert set(finals.values()) <= {1}
    for final in (e for e in transcripts if e.final):
        parts = [
            e.text
            for e in transcripts
            if (e.source, e.turn_id, e.final) == (final.source, final.turn_id, False)
        ]
        assert "".join(parts) == final.text
    assert set(finals) == {(e.source, e.turn_id) for e in transcripts}


# --- ways to lose or leave a line -----------------------------------------------------------------------


async def cut(sim, talk):
    await sim.cut()


async def closed(sim, talk):
    await sim.close_with(1011, "Internal error encountered.")


async def told_to_leave_now(sim, talk):
    await sim.go_away(0.2)


async def asked_to_reconnect(sim, talk):
    talk.session.reconnect()


async def another_address(sim, talk):
    talk.session.network_changed(online=True, address_changed=True)


async def suspended_and_resumed(sim, talk):
    talk.session.suspend()
    talk.session.resume()


WAYS = [cut, closed, told_to_leave_now, asked_to_reconnect, another_address, suspended_and_resumed]
each_way = pytest.mark.parametrize("leave", WAYS, ids=lambda way: way.__name__)


# --- texts and turns ------------------------------------------------------------------------------------


@each_way
async def test_a_model_turn_that_loses_its_line_ends_interrupted_with_one_final(talks, leave):
    async with Simulator(script()) as sim:
        talk = await talks.open(sim.url)
        talk.session.send("realtimeInput", {"text": "Go on."})
        await talk.told(Transcript, lambda e: e.source == "model")
        await leave(sim, talk)
        await talk.told(ev.Reconnected)
        talk.session.send("realtimeInput", {"text": "Go on."})
        await talk.told(Turn, lambda e: e.turn_id > 1 and e.event == "complete")

        one_final_each(talk)
        first = [(e.event, e.cut) for e in talk.of(Turn) if e.turn_id == 1]
        assert first == [("started", False), ("interrupted", True)]
        [final] = [e for e in talk.of(Transcript) if e.final and (e.source, e.turn_id) == ("model", 1)]
        assert final.cut
        assert STORY.model.startswith(final.text.strip())
        assert STORY.model != final.text
        ids = [e.turn_id for e in talk.of(Turn)]
        assert ids == sorted(ids)


@pytest.mark.parametrize("leave", [cut, told_to_leave_now, suspended_and_resumed])
async def test_what_the_user_says_over_a_lost_line_is_one_sentence(talks, leave):
    async with Simulator(script()) as sim:
        talk = await talks.open(sim.url)
        await talk.say(40)
        await talk.told(Transcript, lambda e: e.source == "user")
        await leave(sim, talk)
        await talk.say(60)
        await talk.told(ev.Reconnected)
        await talk.say(30, amplitude=20)
        await talk.told(Turn, lambda e: e.event == "complete")

        one_final_each(talk)
        assert [
            (e.text, e.turn_id, e.cut) for e in talk.of(Transcript) if e.final and e.source == "user"
        ] == [(STORY.user, 1, False)]
        await talk.all_heard(sim)


# --- activity marks -------------------------------------------------------------------------------------

MANUAL = {
    "model": "models/m",
    "realtimeInputConfig": {"automaticActivityDetection": {"disabled": True}},
}
START, END = {"activityStart": {}}, {"activityEnd": {}}


class Recorder:
    """A service that gives a handle, writes down what it is told on each line, and cuts the line on request."""

    def __init__(self):
        self.lines = []
        self.connections = []

    async def __call__(self, connection):
        heard = []
        self.lines.append(heard)
        self.connections.append(connection)
        await connection.send(
            b'{"sessionResumptionUpdate": {"newHandle": "handle-%d", "resumable": true}}' % len(self.lines)
        )
        async for message in connection:
            heard.extend(json.loads(message)["realtimeInput"])  # the name of the one field

    def cut(self):
        self.connections[-1].transport.abort()


async def over_a_cut(talk, recorder, *before, confirmed=True):
    """Says `before`, loses the line, says one more chunk, and returns what the next line heard."""
    for what in before:
        if what == "audio":
            talk.say_chunk()
        else:
            talk.session.send("realtimeInput", what)
    if confirmed:
        await talk.session.ping()
    recorder.cut()
    await talk.told(ev.Reconnecting)
    talk.say_chunk()
    await talk.told(ev.Reconnected)
    await talk.session.ping()
    return recorder.lines[1]


@pytest.mark.parametrize("confirmed", [True, False])
async def test_an_activity_open_at_the_cut_is_opened_again_before_anything_else(talks, service, confirmed):
    recorder = Recorder()
    async with service(recorder) as url:
        talk = await talks.open(url, setup=MANUAL)
        heard = await over_a_cut(talk, recorder, START, "audio", "audio", confirmed=confirmed)

        assert heard[0] == "activityStart"
        assert heard.count("activityStart") == 1
        assert heard[-1] == "audio"
        talk.session.send("realtimeInput", END)
        await talk.session.ping()
        assert recorder.lines[1][-1] == "activityEnd"


async def test_an_activity_that_ended_before_the_cut_is_not_opened_again(talks, service):
    recorder = Recorder()
    async with service(recorder) as url:
        talk = await talks.open(url, setup=MANUAL)
        heard = await over_a_cut(talk, recorder, START, "audio", END)
        assert "activityStart" not in heard
        assert "activityEnd" not in heard


@pytest.mark.parametrize("marks", [(START, "audio", END), (START, "audio", END, START, "audio")])
async def test_marks_that_were_not_confirmed_still_come_in_pairs(talks, service, marks):
    recorder = Recorder()
    async with service(recorder) as url:
        talk = await talks.open(url, setup=MANUAL)
        heard = await over_a_cut(talk, recorder, *marks, confirmed=False)
        open_now = False
        for name in heard:
            if name in ("activityStart", "activityEnd"):
                assert (name == "activityEnd") == open_now, heard
                open_now = name == "activityStart"
        assert open_now == (marks[-1] == "audio")


async def test_an_activity_goes_on_in_a_fresh_session_too(talks, service, settings):
    recorder = Recorder()
    async with service(recorder) as url:
        talk = await talks.open(url, setup=MANUAL, settings=settings(resumption={"enabled": False}))
        heard = await over_a_cut(talk, recorder, START, "audio")
        assert talk.session.core.state_restored == "fresh"
        assert heard[0] == "activityStart"
        assert heard.count("activityStart") == 1


async def test_an_activity_that_began_and_ended_while_there_was_no_line_arrives_once_and_in_order(
    talks, service
):
    recorder = Recorder()
    async with service(recorder) as url:
        talk = await talks.open(url, setup=MANUAL)
        await talk.session.ping()
        recorder.cut()
        await talk.told(ev.Reconnecting)
        talk.session.send("realtimeInput", START)
        talk.say_chunk()
        talk.session.send("realtimeInput", END)
        await talk.told(ev.Reconnected)
        await talk.session.ping()
        assert recorder.lines[1] == ["activityStart", "audio", "activityEnd"]


# --- goAway at odd moments ------------------------------------------------------------------------------


async def test_a_goaway_of_five_minutes_in_the_first_second_moves_nothing_yet(talks):
    async with Simulator(script(turns=[])) as sim:
        talk = await talks.open(sim.url)
        await sim.go_away(300)
        told = await talk.told(ev.GoAwayReceived)
        assert told.time_left_s == 300
        await talk.say(50, amplitude=20)  # a quiet moment
        assert talk.of(ev.Reconnecting) == []
        assert talk.session.connections == 1
        due_in_s = talk.session.core.line.schedule.next_due_at(quiet=True) - talk.session.now()
        assert due_in_s == pytest.approx(300 - 45, abs=2)
        due_in_s = talk.session.core.line.schedule.next_due_at(quiet=False) - talk.session.now()
        assert due_in_s == pytest.approx(300 - 8, abs=2)


async def test_goaways_that_repeat_are_one_hand_over(talks, settings):
    async with Simulator(script(turns=[])) as sim:
        talk = await talks.open(sim.url)
        for left in (44, 43, 42):
            await sim.go_away(left)
        await talk.told(ev.Reconnected)
        await talk.session.ping()
        await talk.session.ping()
        assert talk.session.core.stats.hand_overs == 1
        assert talk.session.connections == 2
        assert [c.close_code for c in sim.connections] == [1000, None]


async def test_a_goaway_before_setup_complete_is_obeyed_once_the_session_is_there(talks, service):
    closed_with, lines = [], []

    async def hasty(connection):
        lines.append(connection)
        await connection.recv()
        if len(lines) == 1:
            await connection.send(b'{"goAway": {"timeLeft": "5s"}}')
        await connection.send(b'{"setupComplete": {}}')
        await connection.send(b'{"sessionResumptionUpdate": {"newHandle": "a-handle", "resumable": true}}')
        await connection.wait_closed()
        closed_with.append(connection.close_code)

    async with service(hasty, answer_setup=False) as url:
        talk = await talks.open(url)
        assert talk.session.state is State.CONNECTED
        restored = await talk.told(ev.Reconnected)
        assert restored.state_restored == "resumed"
        assert [e.planned for e in talk.of(ev.Reconnecting)] == [True]
        assert [e.time_left_s for e in talk.of(ev.GoAwayReceived)] == [5.0]
        assert talk.of(ev.Failure) == []
        await talk.session.ping()
        assert closed_with == [1000]
        assert talk.session.connections == 2
