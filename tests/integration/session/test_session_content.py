"""What a frame of the service proves, and what it does not."""

import asyncio
import json

from sidecar.lifecycle.states import State
from sidecar.live.frames import MessageReceived

UPDATE = json.dumps({"sessionResumptionUpdate": {"newHandle": "a-handle", "resumable": True}})
SOUND = json.dumps(
    {
        "serverContent": {
            "modelTurn": {"parts": [{"inlineData": {"mimeType": "audio/pcm", "data": "AAAA" * 64}}]}
        }
    }
)


async def test_an_empty_message_does_not_prove_that_a_resume_was_taken(talks, service):
    lines = 0
    go_on = asyncio.Event()

    async def handler(connection):
        nonlocal lines
        lines += 1
        if lines == 1:
            await connection.send(UPDATE)
            await connection.close()
            return
        for empty in ("{}", '{"serverContent":{}}', '{"serverContent":{"outputTranscription":{}}}'):
            await connection.send(empty)
        await go_on.wait()
        await connection.send(SOUND)
        await connection.wait_closed()

    async with service(handler) as url:
        talk = await talks.open(url)
        await talk.until(lambda: lines == 2)
        await talk.told(MessageReceived, lambda event: b"outputTranscription" in event.data)
        unproven = talk.session.core.line.unproven
        go_on.set()
        assert unproven
        await talk.told(MessageReceived, lambda event: event.audio_ms is not None)
        assert not talk.session.core.line.unproven
        assert talk.session.state is State.CONNECTED


async def test_sound_that_goes_on_answers_what_was_asked_meanwhile(talks, service):
    async def handler(connection):
        await connection.send(SOUND)
        await connection.recv()
        await connection.send(SOUND)
        await connection.wait_closed()

    async with service(handler) as url:
        talk = await talks.open(url)
        await talk.told(MessageReceived, lambda event: event.audio_ms is not None)
        talk.session.send("realtimeInput", {"text": "and then?"})
        assert talk.session.core.stall.demand == "text"
        await talk.until(lambda: sum(e.audio_ms is not None for e in talk.of(MessageReceived)) == 2)
        assert talk.session.core.stall.demand is None
