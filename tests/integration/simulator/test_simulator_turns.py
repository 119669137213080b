"""The conversation: hearing, answering, interruptions, tools."""

import asyncio
import base64
from typing import Any

import pytest

from sidecar.simulator import Script, Simulator
from sidecar.simulator.script import ToolCall, Turn

TURNS = [
    Turn(user="one two three four five six", model="seven eight", audio_ms=1000),
    Turn(user="x", model="y"),
]
FAST = Script(turns=TURNS, playback_rate=20)
TRANSCRIBED: dict[str, Any] = {"inputAudioTranscription": {}, "outputAudioTranscription": {}}


def content(message: Any, field: str) -> Any:
    return message.get("serverContent", {}).get(field)


def ended(message: Any) -> bool:
    return bool(content(message, "turnComplete"))


def texts(messages: list[Any], field: str) -> list[str]:
    return [found["text"] for message in messages if (found := content(message, field))]


async def test_speech_is_transcribed_while_it_lasts_and_answered_when_it_ends(
    dial: Any, speech: Any, silence: Any
) -> None:
    async with Simulator(FAST) as sim:
        client = await dial(sim)
        await client.set_up(**TRANSCRIBED)
        await client.send_audio(*speech(50))  # one second: three words
        early = await client.receive_until(lambda m: content(m, "inputTranscription") == {"text": " three"})
        assert early[0] == {"voiceActivity": {"type": "ACTIVITY_START", "audioOffset": "0s"}}
        await client.send_audio(*silence(20))
        messages = early + await client.receive_until(ended)
        assert texts(messages, "inputTranscription") == ["one", " two", " three", " four", " five six"]
        assert "".join(texts(messages, "outputTranscription")) == "seven eight"
        assert {"voiceActivity": {"type": "ACTIVITY_END", "audioOffset": "1.4s"}} in messages
        assert content(messages[-2], "generationComplete") is True
        assert messages[-1]["usageMetadata"]["promptTokenCount"] == 35
        assert {} in messages


async def test_the_answer_is_24_khz_pcm_in_bursts_and_turn_complete_waits_for_its_playback(
    dial: Any, speech: Any, silence: Any
) -> None:
    script = Script(turns=[Turn(model="a b", audio_ms=1000)], playback_rate=2, response_delay_ms=0)
    async with Simulator(script) as sim:
        client = await dial(sim)
        await client.set_up()
        loop = asyncio.get_running_loop()
        asked_s = loop.time()
        await client.send_audio(*speech(10), *silence(20))
        pcm = b""
        for message in await client.receive_until(ended):
            for part in (content(message, "modelTurn") or {}).get("parts", []):
                assert part["inlineData"]["mimeType"] == "audio/pcm;rate=24000"
                pcm += base64.b64decode(part["inlineData"]["data"])
        assert len(pcm) == 48_000  # one second, played at twice its speed
        assert loop.time() - asked_s >= 0.49


async def test_the_nth_utterance_gets_the_nth_turn(dial: Any, speech: Any, silence: Any) -> None:
    async with Simulator(FAST) as sim:
        client = await dial(sim)
        await client.set_up(**TRANSCRIBED)
        said = []
        for n in range(3):
            await client.send_audio(*speech(5, n), *silence(20, n))
            said.append("".join(texts(await client.receive_until(ended), "outputTranscription")))
        assert said == ["seven eight", "y", "seven eight"]


async def test_audio_stream_end_ends_the_utterance(dial: Any, speech: Any) -> None:
    async with Simulator(FAST) as sim:
        client = await dial(sim)
        await client.set_up(**TRANSCRIBED)
        await client.send_audio(*speech(10))
        await client.send({"realtimeInput": {"audioStreamEnd": True}})
        messages = await client.receive_until(ended)
        assert "".join(texts(messages, "inputTranscription")) == TURNS[0].user
        assert "".join(texts(messages, "outputTranscription")) == TURNS[0].model


async def test_without_transcription_in_the_setup_there_is_none(dial: Any, speech: Any, silence: Any) -> None:
    async with Simulator(FAST) as sim:
        client = await dial(sim)
        await client.set_up()
        await client.send_audio(*speech(30), *silence(20))
        messages = await client.receive_until(ended)
        assert not texts(messages, "inputTranscription") + texts(messages, "outputTranscription")


async def test_new_speech_interrupts_the_model(dial: Any, speech: Any, silence: Any) -> None:
    script = Script(turns=[Turn(model="a long story", audio_ms=60_000), Turn(model="short", audio_ms=100)])
    async with Simulator(script) as sim:
        client = await dial(sim)
        await client.set_up(**TRANSCRIBED)
        await client.send_audio(*speech(10), *silence(20))
        await client.receive_until(lambda m: content(m, "modelTurn"))
        await client.send_audio(*speech(10, 5))
        messages = await client.receive_until(ended)
        assert content(messages[-2], "interrupted") is True
        assert not any(content(message, "generationComplete") for message in messages)
        await client.send_audio(*silence(20, 5))
        assert "".join(texts(await client.receive_until(ended), "outputTranscription")) == "short"


async def test_no_interruption_lets_the_model_finish_first(dial: Any, speech: Any, silence: Any) -> None:
    async with Simulator(FAST) as sim:
        client = await dial(sim)
        await client.set_up(realtimeInputConfig={"activityHandling": "NO_INTERRUPTION"}, **TRANSCRIBED)
        await client.send_audio(*speech(10), *silence(20), *speech(10, 5), *silence(20, 5))
        first = await client.receive_until(ended)
        second = await client.receive_until(ended)
        assert "".join(texts(first, "outputTranscription")) == "seven eight"
        assert "".join(texts(second, "outputTranscription")) == "y"
        assert not any(content(message, "interrupted") for message in first + second)


async def test_the_clients_own_activity_marks_work_when_detection_is_off(dial: Any, silence: Any) -> None:
    async with Simulator(FAST) as sim:
        client = await dial(sim)
        manual = {"automaticActivityDetection": {"disabled": True}}
        await client.set_up(realtimeInputConfig=manual, **TRANSCRIBED)
        await client.send({"realtimeInput": {"activityStart": {}}})
        await client.send_audio(*silence(40))  # 800 ms, and no energy is needed
        await client.send({"realtimeInput": {"activityEnd": {}}})
        messages = await client.receive_until(ended)
        assert texts(messages, "inputTranscription") == ["one", " two", " three four five six"]
        assert "".join(texts(messages, "outputTranscription")) == "seven eight"


@pytest.mark.parametrize("mark", ["activityStart", "activityEnd"])
async def test_activity_marks_are_fatal_when_detection_is_on(dial: Any, mark: str) -> None:
    async with Simulator() as sim:
        client = await dial(sim)
        await client.set_up()
        await client.send({"realtimeInput": {mark: {}}})
        assert await client.closed() == (
            1007,
            "Explicit activity control is not supported when automatic activity detection is enabled.",
        )


@pytest.mark.parametrize(
    "prompt",
    [
        {"clientContent": {"turns": [{"role": "user", "parts": [{"text": "hi"}]}], "turnComplete": True}},
        {"realtimeInput": {"text": "hi"}},
    ],
)
async def test_text_starts_a_turn_at_once_and_interrupts(dial: Any, prompt: Any) -> None:
    script = Script(turns=[Turn(model="a long story", audio_ms=60_000), Turn(model="short", audio_ms=100)])
    async with Simulator(script) as sim:
        client = await dial(sim)
        await client.set_up(**TRANSCRIBED)
        await client.send(prompt)
        await client.receive_until(lambda m: content(m, "modelTurn"))
        await client.send(prompt)
        messages = await client.receive_until(ended)
        assert content(messages[-2], "interrupted") is True
        assert "".join(texts(await client.receive_until(ended), "outputTranscription")) == "short"


async def test_client_content_without_turn_complete_starts_nothing(dial: Any) -> None:
    async with Simulator(FAST) as sim:
        client = await dial(sim)
        await client.set_up()
        await client.send({"clientContent": {"turns": [{"role": "user", "parts": [{"text": "hi"}]}]}})
        await client.confirm()
        assert sim.sessions[0].turns_taken == 0


async def test_initial_history_is_taken_without_an_answer(dial: Any) -> None:
    async with Simulator(FAST) as sim:
        client = await dial(sim)
        await client.set_up(historyConfig={"initialHistoryInClientContent": True}, **TRANSCRIBED)
        done = {"clientContent": {"turns": [], "turnComplete": True}}
        await client.send(done)
        await client.confirm()
        assert sim.sessions[0].turns_taken == 0
        await client.send(done)
        await client.receive_until(ended)
        assert sim.sessions[0].turns_taken == 1


async def test_a_history_is_kept_apart_from_what_the_user_writes(dial: Any) -> None:
    turns = [
        {"role": "user", "parts": [{"text": "hello"}]},
        {"role": "model", "parts": [{"text": "hi"}]},
    ]
    async with Simulator(FAST) as sim:
        client = await dial(sim)
        await client.set_up(historyConfig={"initialHistoryInClientContent": True})
        await client.send({"clientContent": {"turns": turns[:1]}})
        await client.send({"realtimeInput": {"text": "too early"}})
        await client.send({"clientContent": {"turns": turns[1:], "turnComplete": True}})
        await client.send({"realtimeInput": {"text": "and now"}})
        await client.receive_until(ended)
        session = sim.sessions[0]
        assert session.history == turns
        assert session.texts == ["and now"]
        await client.send({"clientContent": {"turns": turns, "turnComplete": True}})
        await client.confirm()
        assert session.texts == ["and now", "hello"]
        assert (session.report()["historyTurns"], session.report()["texts"]) == (2, 2)


@pytest.mark.parametrize("part", [{"functionCall": {"name": "f"}}, {"function_response": {"name": "f"}}])
async def test_a_history_with_function_parts_is_fatal(dial: Any, part: Any) -> None:
    async with Simulator(FAST) as sim:
        client = await dial(sim)
        await client.set_up(historyConfig={"initialHistoryInClientContent": True})
        await client.send(
            {"clientContent": {"turns": [{"role": "model", "parts": [part]}], "turnComplete": True}}
        )
        assert await client.closed() == (1007, "Request contains an invalid argument.")


TOOL = Script(
    turns=[
        Turn(
            user="weather?", model="sunny", audio_ms=200, tool_call=ToolCall(name="get", args={"city": "L"})
        ),
        Turn(user="thanks", model="bye", audio_ms=200),
    ],
    playback_rate=20,
    owner_grace_ms=0,
)


async def ask(client: Any) -> str:
    await client.send({"clientContent": {"turnComplete": True}})
    (call,) = (await client.receive_until(lambda m: "toolCall" in m))[-1]["toolCall"]["functionCalls"]
    assert (call["name"], call["args"]) == ("get", {"city": "L"})
    return str(call["id"])


def response(call_id: str) -> Any:
    return {
        "toolResponse": {"functionResponses": [{"id": call_id, "name": "get", "response": {"output": 1}}]}
    }


async def test_a_turn_goes_on_when_its_tool_call_is_answered(dial: Any) -> None:
    async with Simulator(TOOL) as sim:
        client = await dial(sim)
        await client.set_up(**TRANSCRIBED)
        call_id = await ask(client)
        assert sim.state()["sessions"][0]["pendingToolCalls"] == [call_id]
        await client.send(response(call_id))
        assert "".join(texts(await client.receive_until(ended), "outputTranscription")) == "sunny"


async def test_a_tool_call_can_be_answered_after_a_resume(dial: Any) -> None:
    async with Simulator(TOOL) as sim:
        first = await dial(sim)
        await first.set_up()
        call_id = await ask(first)
        await sim.cut()
        second = await dial(sim)
        await second.resume(first.handle, **TRANSCRIBED)
        await second.send(response(call_id))
        assert "".join(texts(await second.receive_until(ended), "outputTranscription")) == "sunny"


async def test_speech_cancels_a_tool_call_and_its_late_answer_is_not_held_against_the_client(
    dial: Any, speech: Any, silence: Any
) -> None:
    async with Simulator(TOOL) as sim:
        client = await dial(sim)
        await client.set_up(**TRANSCRIBED)
        call_id = await ask(client)
        await client.send_audio(*speech(5))
        messages = await client.receive_until(ended)
        assert {"toolCallCancellation": {"ids": [call_id]}} in messages
        await client.send(response(call_id))
        await client.send_audio(*silence(20))
        assert "".join(texts(await client.receive_until(ended), "outputTranscription")) == "bye"


async def test_an_answer_to_no_call_is_fatal(dial: Any) -> None:
    async with Simulator(TOOL) as sim:
        client = await dial(sim)
        await client.set_up()
        await client.send(response("call_1"))
        assert await client.closed() == (1007, "Request contains an invalid argument.")


async def test_text_is_answered_in_text_when_that_is_the_modality(dial: Any) -> None:
    async with Simulator(FAST) as sim:
        client = await dial(sim)
        await client.set_up(generationConfig={"responseModalities": ["TEXT"]})
        await client.send({"realtimeInput": {"text": "hi"}})
        messages = await client.receive_until(ended)
        parts = [turn["parts"][0] for message in messages if (turn := content(message, "modelTurn"))]
        assert "".join(part["text"] for part in parts) == "seven eight"


async def test_without_turns_the_model_says_nothing(dial: Any, speech: Any, silence: Any) -> None:
    async with Simulator(Script(turns=[], voice_activity=False)) as sim:
        client = await dial(sim)
        await client.set_up(**TRANSCRIBED)
        await client.send_audio(*speech(20), *silence(30))
        await client.confirm()
        assert sim.state()["connections"][0]["messagesSent"] == 2
