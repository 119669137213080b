"""Turns, transcripts and tool calls, and what a cut does to them."""

import asyncio
from collections import Counter

import pytest

from sidecar.lifecycle import events as ev
from sidecar.lifecycle.states import State
from sidecar.live.outgoing import InvalidMessage
from sidecar.live.turns import ToolCall, ToolCallCancelled, Transcript, Turn
from sidecar.simulator import Script, Simulator
from sidecar.simulator.script import ToolCall as Function
from sidecar.simulator.script import Turn as Lines

HELLO = Lines(
    user="Hello, can you hear me well?", model="Yes, I can hear you very well indeed.", audio_ms=3000
)
WEATHER = Lines(
    user="What is the weather like?",
    model="It is sunny.",
    tool_call=Function("get_weather", {"city": "Lisbon"}),
)


def script(*turns, **changes):
    return Script(
        turns=list(turns), owner_grace_ms=0, refusal_delay_ms=20, **{"playback_rate": 10, **changes}
    )


async def utter(talk):
    """A sentence, and the silence that ends it."""
    await talk.say(100)
    await talk.say(30, amplitude=20)


def finals(talk, source):
    return [event for event in talk.of(Transcript) if event.source == source and event.final]


def check_finals(talk):
    """Exactly one final for each source and turn that had text, and it is the whole of the turn's deltas."""
    transcripts = talk.of(Transcript)
    said = Counter((event.source, event.turn_id) for event in transcripts if event.final)
    assert set(said.values()) <= {1}
    for event in transcripts:
        if event.final:
            deltas = [
                e.text
                for e in transcripts
                if (e.source, e.turn_id, e.final) == (event.source, event.turn_id, False)
            ]
            assert "".join(deltas) == event.text
    assert set(said) == {(event.source, event.turn_id) for event in transcripts}


@pytest.mark.parametrize("changes", [{}, {"bundle": True}, {"stray_frames": False, "voice_activity": False}])
async def test_a_turn_has_one_final_of_the_user_and_one_of_the_model(talks, changes):
    async with Simulator(script(HELLO, **changes)) as sim:
        talk = await talks.open(sim.url)
        for turn in (1, 2):
            await utter(talk)
            await talk.told(Turn, lambda event, turn=turn: (event.turn_id, event.event) == (turn, "complete"))

        check_finals(talk)
        assert [event.text for event in finals(talk, "user")] == [HELLO.user] * 2
        assert [event.text for event in finals(talk, "model")] == [HELLO.model] * 2
        assert [(event.turn_id, event.event) for event in talk.of(Turn)] == [
            (turn, what) for turn in (1, 2) for what in ("started", "generationComplete", "complete")
        ]


async def test_a_sentence_of_the_user_over_a_cut_has_one_final_with_all_its_words(talks):
    async with Simulator(script(HELLO)) as sim:
        talk = await talks.open(sim.url)
        await talk.say(50)
        await talk.told(Transcript)
        await sim.cut()
        await utter(talk)
        await talk.told(Turn, lambda event: event.event == "complete")

        check_finals(talk)
        assert [(event.text, event.cut) for event in finals(talk, "user")] == [(HELLO.user, False)]
        await talk.all_heard(sim)


async def test_an_answer_that_a_cut_ends_has_one_final_and_what_comes_later_is_a_new_turn(talks):
    async with Simulator(script(HELLO, playback_rate=3)) as sim:
        talk = await talks.open(sim.url)
        await utter(talk)
        await talk.told(Transcript, lambda event: event.source == "model")
        await sim.cut()
        cut = await talk.told(Turn, lambda event: event.cut)
        await talk.told(ev.Reconnected)
        await utter(talk)
        await talk.told(Turn, lambda event: event.event == "complete")

        check_finals(talk)
        assert (cut.turn_id, cut.event) == (1, "interrupted")
        first, second = finals(talk, "model")
        assert (first.turn_id, first.cut) == (1, True)
        assert HELLO.model.startswith(first.text)
        assert (second.turn_id, second.cut, second.text) == (2, False, HELLO.model)
        assert [event.turn_id for event in finals(talk, "user")] == [1, 2]
        # The end of the turn is told before what follows from the cut.
        order = [
            type(event).__name__
            for event in talk.events
            if event is cut or isinstance(event, ev.Reconnecting)
        ]
        assert order == ["Turn", "Reconnecting"]


async def test_a_user_who_speaks_over_the_model_interrupts_it(talks):
    async with Simulator(script(HELLO, playback_rate=1)) as sim:
        talk = await talks.open(sim.url)
        await utter(talk)
        await talk.told(Transcript, lambda event: event.source == "model")
        await talk.say(50)
        interrupted = await talk.told(Turn, lambda event: event.event == "interrupted")

        assert not interrupted.cut
        assert [(event.turn_id, event.cut) for event in finals(talk, "model")] == [(1, False)]


# --- tool calls -------------------------------------------------------------------------------------


def answer(call):
    return {"functionResponses": [{"id": call.id, "name": call.name, "response": {"sky": "blue"}}]}


async def test_a_tool_call_is_told_and_its_answer_lets_the_model_go_on(talks):
    async with Simulator(script(WEATHER)) as sim:
        talk = await talks.open(sim.url)
        await utter(talk)
        call = await talk.told(ToolCall)
        assert (call.name, call.args) == ("get_weather", {"city": "Lisbon"})
        assert talk.session.send("toolResponse", answer(call))
        await talk.told(Turn, lambda event: event.event == "complete")

        check_finals(talk)
        assert [event.text for event in finals(talk, "model")] == [WEATHER.model]


async def test_a_tool_call_of_before_a_cut_can_be_answered_after_it(talks):
    async with Simulator(script(WEATHER)) as sim:
        talk = await talks.open(sim.url)
        await utter(talk)
        call = await talk.told(ToolCall)
        await sim.cut()
        await talk.told(ev.Reconnecting)
        assert not talk.session.send("toolResponse", answer(call)), "there is no line, it is held"
        await talk.told(Turn, lambda event: event.event == "complete")

        assert talk.of(ToolCallCancelled) == []
        assert talk.of(ev.Dropped) == []
        assert finals(talk, "model")[-1].text == WEATHER.model


async def test_an_answer_to_a_tool_call_that_a_cut_swallowed_is_sent_again(talks):
    async with Simulator(script(WEATHER)) as sim:
        talk = await talks.open(sim.url)
        await utter(talk)
        call = await talk.told(ToolCall)
        await sim.freeze(0.1)
        assert talk.session.send("toolResponse", answer(call)), "it was written, into a frozen line"
        await talk.told(Turn, lambda event: event.event == "complete")

        assert sim.sessions[0].pending_tools == {}
        assert talk.of(ev.Dropped) == []


async def test_the_answer_to_a_tool_call_of_a_session_that_was_lost_ends_as_lost_and_is_told_at_once(talks):
    """Nothing else moves just then, on a line where nobody speaks."""
    async with Simulator(script(WEATHER)) as sim:
        talk = await talks.open(sim.url)
        await utter(talk)
        call = await talk.told(ToolCall)
        await talk.until(lambda: talk.session.core.outbox.idle)
        sim.sessions_book._by_handle.clear()
        await sim.unreachable(0.1)
        await sim.cut()
        await talk.told(ev.Reconnecting)
        assert not talk.session.send("toolResponse", answer(call)), "nothing listens, so it is held"
        await talk.told(ev.Reconnected, lambda event: event.state_restored == "fresh")
        dropped = await talk.told(ev.Dropped)

        assert (dropped.drop.reason, dropped.drop.ids) == ("sessionLost", [call.id])


async def test_an_unanswered_tool_call_of_a_session_that_was_lost_is_cancelled(talks):
    async with Simulator(script(WEATHER)) as sim:
        talk = await talks.open(sim.url)
        await utter(talk)
        call = await talk.told(ToolCall)
        sim.sessions_book._by_handle.clear()
        await sim.cut()

        cancelled = await talk.told(ToolCallCancelled)
        assert cancelled.ids == [call.id]


async def test_an_answer_that_crosses_the_loss_of_its_session_does_not_cost_the_new_one(talks):
    """The host answers just as the call is cancelled; the new session never heard of the call."""
    async with Simulator(script(WEATHER)) as sim:
        talk = await talks.open(sim.url)
        await utter(talk)
        call = await talk.told(ToolCall)
        sim.sessions_book._by_handle.clear()
        await sim.cut()
        await talk.told(ToolCallCancelled)
        with pytest.raises(InvalidMessage, match=call.id):
            talk.session.send("toolResponse", answer(call))
        await talk.session.ping()
        await talk.session.ping()

        assert sim.connections[-1].close_code is None
        assert talk.session.state is State.CONNECTED


# --- text -------------------------------------------------------------------------------------------


async def test_text_that_may_have_arrived_is_not_sent_again_and_is_told_to_be_unknown(talks):
    """Twice the same text is a second question."""
    async with Simulator(script(HELLO)) as sim:
        talk = await talks.open(sim.url)
        await sim.freeze(0.1)
        assert talk.session.send("realtimeInput", {"text": "How are you?"})
        dropped = await talk.told(ev.Dropped)
        await talk.told(ev.Reconnected)
        await asyncio.sleep(0)

        assert (dropped.drop.reason, dropped.drop.kind) == ("deliveryUnknown", "text")
        assert sim.sessions[0].turns_taken == 0


async def test_text_said_while_there_is_no_line_is_sent_once_there_is(talks):
    async with Simulator(script(HELLO)) as sim:
        talk = await talks.open(sim.url)
        await sim.cut()
        await talk.told(ev.Reconnecting)
        assert not talk.session.send("realtimeInput", {"text": "How are you?"})
        await talk.told(Turn, lambda event: event.event == "complete")

        assert sim.sessions[0].turns_taken == 1
        assert talk.of(ev.Dropped) == []
