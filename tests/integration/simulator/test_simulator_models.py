"""What models do that not every model does: tools that do not block, statuses, stray interruptions, no ends."""

from typing import Any

import pytest

from sidecar.simulator import Script, Simulator
from sidecar.simulator.script import CodeRun, ToolCall, Turn

ASK = {"clientContent": {"turnComplete": True}}
WEATHER = Turn(model="it is sunny", audio_ms=100, tool_call=ToolCall(name="get", args={"city": "L"}))
STORY = Turn(model="a long story", audio_ms=60_000)
BYE = Turn(user="thanks", model="bye", audio_ms=100)


def content(message: Any, field: str) -> Any:
    return message.get("serverContent", {}).get(field)


def ended(message: Any) -> bool:
    return bool(content(message, "turnComplete"))


def said(messages: list[Any]) -> str:
    return "".join(found["text"] for m in messages if (found := content(m, "outputTranscription")))


def fast(*turns: Turn, **settings: Any) -> Script:
    return Script(turns=list(turns), playback_rate=20, owner_grace_ms=0, **settings)


def tools(behavior: str) -> Any:
    return [{"functionDeclarations": [{"name": "get", "behavior": behavior}]}]


async def call(client: Any) -> str:
    messages = await client.receive_until(lambda m: "toolCall" in m)
    return str(messages[-1]["toolCall"]["functionCalls"][0]["id"])


def reply(call_id: str, **more: Any) -> Any:
    response = {"id": call_id, "name": "get", "response": {"output": 1}} | more
    return {"toolResponse": {"functionResponses": [response]}}


# --- tools that do not block


@pytest.mark.parametrize(
    ("declared", "default", "blocks"),
    [
        ("NON_BLOCKING", "BLOCKING", False),
        ("BLOCKING", "NON_BLOCKING", True),
        (None, "NON_BLOCKING", False),
        (None, "BLOCKING", True),
    ],
)
async def test_a_function_that_does_not_block_ends_its_turn_with_the_call(
    dial: Any, declared: str | None, default: str, blocks: bool
) -> None:
    async with Simulator(fast(WEATHER, tool_behavior=default)) as sim:
        client = await dial(sim)
        await client.set_up(outputAudioTranscription={}, **({"tools": tools(declared)} if declared else {}))
        await client.send(ASK)
        call_id = await call(client)
        if not blocks:
            complete = await client.receive()
            assert complete["serverContent"] == {"turnComplete": True}
        await client.send(reply(call_id))
        messages = await client.receive_until(ended)
        assert said(messages) == "it is sunny"
        assert sim.sessions[0].pending_tools == {}


@pytest.mark.parametrize(
    ("update", "blocks"),
    [
        ({"tools": {"tools": tools("NON_BLOCKING")}}, False),
        ({"tools": {"tools": []}}, True),  # the one that did not block is gone
        ({"systemInstruction": {"parts": [{"text": "Be brief."}]}}, False),
    ],
)
async def test_other_tools_may_be_declared_on_the_way(dial: Any, update: Any, blocks: bool) -> None:
    async with Simulator(fast(WEATHER)) as sim:
        client = await dial(sim)
        behavior = "BLOCKING" if not blocks and "tools" in update else "NON_BLOCKING"
        await client.set_up(outputAudioTranscription={}, tools=tools(behavior))
        await client.send({"contextUpdate": update})
        await client.send(ASK)
        call_id = await call(client)
        if not blocks:
            complete = await client.receive()
            assert complete["serverContent"] == {"turnComplete": True}
        await client.send(reply(call_id))
        assert said(await client.receive_until(ended)) == "it is sunny"


async def test_an_answer_waits_for_the_running_turn_unless_it_says_otherwise(dial: Any) -> None:
    story = Turn(model="a story", audio_ms=2000)
    async with Simulator(fast(WEATHER, story, tool_behavior="NON_BLOCKING")) as sim:
        client = await dial(sim)
        await client.set_up(outputAudioTranscription={})
        await client.send(ASK)
        call_id = await call(client)
        await client.receive_until(ended)
        await client.send(ASK)
        await client.receive_until(lambda m: content(m, "modelTurn"))
        await client.send(reply(call_id, scheduling="WHEN_IDLE"))
        first = await client.receive_until(ended)
        assert not any(content(message, "interrupted") for message in first)
        assert said(await client.receive_until(ended)) == "it is sunny"


async def test_an_answer_can_interrupt(dial: Any) -> None:
    async with Simulator(fast(WEATHER, STORY, tool_behavior="NON_BLOCKING")) as sim:
        client = await dial(sim)
        await client.set_up(outputAudioTranscription={})
        await client.send(ASK)
        call_id = await call(client)
        await client.receive_until(ended)
        await client.send(ASK)
        await client.receive_until(lambda m: content(m, "modelTurn"))
        await client.send(reply(call_id, scheduling="INTERRUPT"))
        assert content((await client.receive_until(ended))[-2], "interrupted") is True
        assert said(await client.receive_until(ended)) == "it is sunny"


async def test_an_answer_can_be_silent(dial: Any) -> None:
    async with Simulator(fast(WEATHER, BYE, tool_behavior="NON_BLOCKING")) as sim:
        client = await dial(sim)
        await client.set_up(outputAudioTranscription={})
        await client.send(ASK)
        call_id = await call(client)
        await client.receive_until(ended)
        await client.send(reply(call_id, scheduling="SILENT"))
        await client.confirm()
        assert (sim.sessions[0].pending_tools, sim.connections[0].speaking) == ({}, False)
        await client.send(ASK)
        assert said(await client.receive_until(ended)) == "bye"


async def test_answers_that_continue_are_followed_by_the_last_one(dial: Any) -> None:
    async with Simulator(fast(WEATHER)) as sim:
        client = await dial(sim)
        await client.set_up(outputAudioTranscription={})
        await client.send(ASK)
        call_id = await call(client)
        await client.send(reply(call_id, willContinue=True))
        await client.confirm()
        assert list(sim.sessions[0].pending_tools) == [call_id]
        await client.send(reply(call_id, willContinue=False))
        assert said(await client.receive_until(ended)) == "it is sunny"


async def test_an_interruption_does_not_cancel_a_call_that_does_not_block(
    dial: Any, speech: Any, silence: Any
) -> None:
    async with Simulator(fast(WEATHER, STORY, BYE, tool_behavior="NON_BLOCKING")) as sim:
        client = await dial(sim)
        await client.set_up(outputAudioTranscription={})
        await client.send(ASK)
        call_id = await call(client)
        await client.receive_until(ended)
        await client.send(ASK)
        await client.receive_until(lambda m: content(m, "modelTurn"))
        await client.send_audio(*speech(5), *silence(20))
        interrupted = await client.receive_until(ended)
        assert content(interrupted[-2], "interrupted") is True
        messages = interrupted + await client.receive_until(ended)
        assert not any("toolCallCancellation" in message for message in messages)
        await client.send(reply(call_id))
        assert said(await client.receive_until(ended)) == "it is sunny"


# --- statuses, and ends that differ


async def test_the_status_stays_in_progress_while_a_call_is_open(dial: Any) -> None:
    script = fast(WEATHER, tool_behavior="NON_BLOCKING", interaction_status=True)
    async with Simulator(script) as sim:
        client = await dial(sim)
        await client.set_up()
        await client.send(ASK)
        call_id = await call(client)
        early = (await client.receive())["serverContent"]
        assert early == {"turnComplete": True, "interactionStatus": "IN_PROGRESS"}
        await client.send(reply(call_id))
        messages = await client.receive_until(ended)
        assert messages[0] == {"serverContent": {"interactionStatus": "IN_PROGRESS"}}
        assert messages[-1]["serverContent"] == {"turnComplete": True, "interactionStatus": "IDLE"}


async def test_a_model_that_never_completes_a_turn_still_transcribes_and_takes_the_next(
    dial: Any, speech: Any, silence: Any
) -> None:
    async with Simulator(fast(Turn(user="hi", model="olá", audio_ms=100), turn_complete=False)) as sim:
        client = await dial(sim)
        await client.set_up(inputAudioTranscription={}, outputAudioTranscription={})
        for n in range(2):
            await client.send_audio(*speech(5, n), *silence(20, n))
            messages = await client.receive_until(lambda m: content(m, "generationComplete"))
            assert said(messages) == "olá"
            assert not any(ended(message) for message in messages)


async def test_transcripts_have_language_and_speaker(dial: Any, speech: Any, silence: Any) -> None:
    turn = Turn(user="oi", model="olá", audio_ms=100, language_code="pt-PT", speaker_label="spk_1")
    async with Simulator(fast(turn)) as sim:
        client = await dial(sim)
        await client.set_up(inputAudioTranscription={}, outputAudioTranscription={})
        await client.send_audio(*speech(5), *silence(20))
        messages = await client.receive_until(ended)
        heard = [found for m in messages if (found := content(m, "inputTranscription"))]
        assert heard == [{"text": "oi", "languageCode": "pt-PT", "speakerLabel": "spk_1"}]
        assert {"text": "olá", "languageCode": "pt-PT"} in [
            content(message, "outputTranscription") for message in messages
        ]


async def test_a_turn_can_think_run_code_and_say_why_it_ended(dial: Any) -> None:
    turn = Turn(
        model="two", audio_ms=100, thought="hm", code=CodeRun(code="1+1", output="2"),
        waiting_for_input=True, turn_complete_reason="NEED_MORE_INPUT",
    )  # fmt: skip
    async with Simulator(fast(turn)) as sim:
        client = await dial(sim)
        await client.set_up()
        await client.send(ASK)
        messages = await client.receive_until(ended)
        parts = [found["parts"][0] for m in messages if (found := content(m, "modelTurn"))]
        assert [next(iter(part.keys() - {"thought"})) for part in parts] == [
            "text",
            "executableCode",
            "codeExecutionResult",
            "inlineData",
        ]
        assert messages[-1]["serverContent"]["turnCompleteReason"] == "NEED_MORE_INPUT"
        assert messages[-1]["serverContent"]["waitingForInput"] is True


# --- interruptions that interrupt nothing


@pytest.mark.parametrize(
    ("settings", "after_a_turn", "before_any"),
    [
        ({}, False, False),
        ({"late_interrupted_ms": 60_000}, True, False),
        ({"early_interrupted": True}, True, True),
    ],
)
async def test_interrupted_may_come_when_nothing_is_running(
    dial: Any, speech: Any, silence: Any, settings: Any, after_a_turn: bool, before_any: bool
) -> None:
    async with Simulator(fast(BYE, **settings)) as sim:
        client = await dial(sim)
        await client.set_up()
        seen = []
        for n in range(2):
            await client.send_audio(*speech(5, n), *silence(20, n))
            seen.append(any(content(m, "interrupted") for m in await client.receive_until(ended)))
        assert seen == [before_any, after_a_turn]


# --- usage


async def test_the_prompt_grows_with_all_that_was_said_by_either_side(
    dial: Any, speech: Any, silence: Any
) -> None:
    async with Simulator(fast(Turn(model="a b", audio_ms=1000))) as sim:
        client = await dial(sim)
        await client.set_up()
        usages = []
        for n in range(2):
            await client.send_audio(*speech(20, n), *silence(20, n))
            usages.append((await client.receive_until(ended))[-1]["usageMetadata"])
        await client.send({"realtimeInput": {"video": {"mimeType": "image/jpeg", "data": "AAAA"}}})
        await client.send({"realtimeInput": {"text": "nine signs"}})
        usages.append((await client.receive_until(ended))[-1]["usageMetadata"])
    assert [usage["promptTokenCount"] for usage in usages] == [20, 65, 90 + 3 + 258]
    assert [usage["responseTokenCount"] for usage in usages] == [25, 25, 25]
    assert usages[-1]["promptTokensDetails"] == [
        {"modality": "AUDIO", "tokenCount": 90},
        {"modality": "VIDEO", "tokenCount": 258},
        {"modality": "TEXT", "tokenCount": 3},
    ]


async def test_a_handle_can_be_out_of_reach_while_the_model_generates_or_waits(dial: Any) -> None:
    async with Simulator(fast(WEATHER, resumable_while_generating=False)) as sim:
        client = await dial(sim)
        await client.set_up()
        await client.send(ASK)
        assert await client.receive() == {"sessionResumptionUpdate": {}}
        call_id = await call(client)
        await client.send(reply(call_id))
        messages = await client.receive_until(lambda m: "sessionResumptionUpdate" in m)
        assert ended(messages[-2])
        update = messages[-1]["sessionResumptionUpdate"]
        assert (update["resumable"], update["newHandle"] == client.handle) == (True, False)
