"""What is understood of a turn, and of a message that says nothing beside what it says, across a real line."""

import json

from sidecar.live.turns import Transcript, Turn
from sidecar.simulator import Simulator
from sidecar.simulator.script import Turn as Scripted

SOUND = {"modelTurn": {"parts": [{"inlineData": {"mimeType": "audio/pcm;rate=24000", "data": "AAAA"}}]}}


def story(*contents):
    """A service that says all this after its setupComplete."""

    async def tell(connection):
        for content in contents:
            await connection.send(json.dumps({"serverContent": content}).encode())
        await connection.wait_closed()

    return tell


async def test_sound_after_an_interruption_can_be_interrupted(talks, service):
    """Sound alone takes a shorter way through the session; the turn that it begins is a turn."""
    interrupted = {"interrupted": True}
    async with service(
        story(SOUND, SOUND, interrupted, SOUND, SOUND, interrupted, {"turnComplete": True})
    ) as url:
        talk = await talks.open(url)
        await talk.told(Turn, lambda event: event.event == "complete")
        assert [(e.turn_id, e.event) for e in talk.of(Turn)] == [
            (1, "started"),
            (1, "interrupted"),
            (2, "started"),
            (2, "interrupted"),
            (1, "complete"),
        ]


async def test_a_default_value_beside_an_input_changes_nothing(talks, fast):
    async with Simulator(fast(turns=[Scripted(user="hello", model="hi", audio_ms=200)])) as sim:
        talk = await talks.open(sim.url)
        talk.session.send("realtimeInput", {"audioStreamEnd": False, "text": "hello"})
        answer = await talk.told(Transcript, lambda event: event.source == "model" and event.final)
        assert answer.text == "hi"
        assert len(sim.connections) == 1
