"""What is checked before it leaves, across a real line: the service takes what passes, and would have closed
for what does not."""

import pytest

from sidecar.live.outgoing import InvalidMessage
from sidecar.live.setup import InvalidSetup
from sidecar.live.turns import Turn, UsageTold
from sidecar.simulator import Simulator
from sidecar.simulator.script import Turn as Scripted

MODEL = {"model": "models/m"}
FUNCTION = {"name": "f", "parametersJsonSchema": {"type": "object"}, "behavior": "NON_BLOCKING"}


@pytest.mark.parametrize(
    "setup",
    [
        {},
        {"generation_config": {"response_modalities": ["AUDIO"], "top_p": "0.5", "seed": 1}},
        {"generationConfig": {"speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Puck"}}}}},
        {"systemInstruction": {"parts": [{"text": "Be brief."}]}, "tools": [{"functionDeclarations": [FUNCTION]}]},
        {"inputAudioTranscription": {"languageCodes": ["en-US"]}, "historyConfig": {}},
        {"contextWindowCompression": {"triggerTokens": "25600", "slidingWindow": {"targetTokens": 12800}}},
        {"realtimeInputConfig": {"automaticActivityDetection": {"disabled": True}}},
    ],
)  # fmt: skip
async def test_a_setup_that_passes_is_taken(talks, fast, setup):
    async with Simulator(fast()) as sim:
        await talks.open(sim.url, setup=MODEL | setup)
        assert len(sim.connections) == 1


@pytest.mark.parametrize(
    ("setup", "field"),
    [
        ({"generationConfig": {"inputAudioTranscription": {}}}, "setup.generationConfig.inputAudioTranscription"),
        ({"responseModalities": ["AUDIO"]}, "setup.responseModalities"),
        ({"speechConfig": {}}, "setup.speechConfig"),
        ({"explicitVadSignal": True}, "setup.explicitVadSignal"),
        ({"proactivity": {"proactiveAudio": True}}, "setup.proactivity"),
        ({"safetySettings": []}, "setup.safetySettings"),
        ({"sessionResumption": {"transparent": True}}, "setup.sessionResumption.transparent"),
    ],
)  # fmt: skip
async def test_what_is_refused_here_would_have_been_a_1007_there(talks, fast, refused, setup, field):
    """With lenient checks it goes out. The sidecar's own sessionResumption is no part of that."""
    async with Simulator(fast()) as sim:
        with pytest.raises(InvalidSetup) as caught:
            talks(sim.url, setup=MODEL | setup).session.start()
        assert [problem.field for problem in caught.value.problems] == [field]
        assert sim.connections == []

        fault = await refused(talks(sim.url, setup=MODEL | setup, checks="lenient"))
        assert fault.ws_code == 1007


async def test_a_mark_that_the_setup_does_not_allow_never_leaves(talks, fast):
    async with Simulator(fast()) as sim:
        talk = await talks.open(sim.url)
        for mark in ("activityStart", "activityEnd"):
            with pytest.raises(InvalidMessage, match=r"automaticActivityDetection\.disabled: true"):
                talk.session.send("realtimeInput", {mark: {}})
        talk.session.send("realtimeInput", {"audioStreamEnd": True})
        assert await talk.session.ping() > 0
        assert len(sim.connections) == 1


async def test_tokens_are_told_with_the_turn_and_add_up_over_a_cut(talks, fast):
    async with Simulator(fast(turns=[Scripted(user="hello", model="hi", audio_ms=200)])) as sim:
        talk = await talks.open(sim.url)
        for turn in (1, 2):
            talk.session.send("realtimeInput", {"text": "hello"})
            await talk.told(Turn, lambda event, turn=turn: (event.turn_id, event.event) == (turn, "complete"))
            if turn == 1:
                await sim.cut()
                await talk.session.wait_for(["reconnecting"], 5)
                await talk.session.wait_for(["connected"], 5)
        told = talk.of(UsageTold)
        assert [event.turn_id for event in told] == [1, 2]
        assert 0 < told[0].session.total_token_count < told[1].session.total_token_count
        assert told[1].session == told[0].turn.plus(told[1].turn) == talk.session.turns.usage
