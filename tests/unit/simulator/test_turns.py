import base64
import struct
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from sidecar.simulator.dialect import DIALECTS
from sidecar.simulator.endpoint import Family
from sidecar.simulator.script import CodeRun, Script, Turn
from sidecar.simulator.turns import Manner, answer, tone, turn_complete, words
from sidecar.simulator.usage import Tokens


def test_words_joined_are_the_text() -> None:
    assert words("Hello, can you hear me?") == ["Hello,", " can", " you", " hear", " me?"]
    assert "".join(words("a  b")) == "a  b"


TURN = Turn(user="hi", model="one two three", audio_ms=1000)


PROMPT = Tokens({"AUDIO": 100})
VERTEX = Manner(DIALECTS[Family.VERTEX])


def contents(script: Script, turn: Turn = TURN, **options: Any) -> Iterator[tuple[float, dict]]:
    for step in answer(turn, script, replace(Manner(), **options), PROMPT):
        yield step.at_ms, step.message


def test_a_turn_has_its_audio_in_a_burst_and_its_end_when_it_was_played() -> None:
    steps = list(contents(Script(response_delay_ms=100, burst_rate=5, frame_ms=200)))
    assert [at_ms for at_ms, _ in steps] == sorted(at_ms for at_ms, _ in steps)
    audio_at = [at_ms for at_ms, message in steps if "modelTurn" in message.get("serverContent", {})]
    assert audio_at == [100, 140, 180, 220, 260]
    assert steps[-2] == (260, {"serverContent": {"generationComplete": True}})
    at_ms, last = steps[-1]
    assert at_ms == 1100
    assert last["serverContent"] == {"turnComplete": True}
    assert last["usageMetadata"] == {
        "promptTokenCount": 100,
        "responseTokenCount": 25,
        "totalTokenCount": 125,
        "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 100}],
        "responseTokensDetails": [{"modality": "AUDIO", "tokenCount": 25}],
    }


def test_the_audio_of_a_turn_is_as_long_as_the_script_says() -> None:
    turn = Turn(model="hello", audio_ms=450)
    steps = answer(turn, Script(), Manner(transcribe=False), Tokens())
    blobs = [
        part["inlineData"]
        for step in steps
        for part in step.message.get("serverContent", {}).get("modelTurn", {}).get("parts", [])
    ]
    assert {blob["mimeType"] for blob in blobs} == {"audio/pcm;rate=24000"}
    assert [len(base64.b64decode(blob["data"])) for blob in blobs] == [9600, 9600, 2400]


def test_the_transcript_is_whole_and_precedes_generation_complete() -> None:
    messages = [message for _, message in contents(Script())]
    said = [
        m["serverContent"]["outputTranscription"]["text"] for m in messages if _has(m, "outputTranscription")
    ]
    assert "".join(said) == TURN.model
    last_word = max(i for i, m in enumerate(messages) if _has(m, "outputTranscription"))
    done = next(i for i, m in enumerate(messages) if _has(m, "generationComplete"))
    assert last_word < done


def test_nobody_asked_for_a_transcript_so_there_is_none() -> None:
    assert not any(
        _has(message, "outputTranscription") for _, message in contents(Script(), transcribe=False)
    )


def test_text_is_sent_as_parts_and_ends_when_it_was_generated() -> None:
    steps = list(contents(Script(), text_only=True))
    parts = [m["serverContent"]["modelTurn"]["parts"] for _, m in steps if _has(m, "modelTurn")]
    assert "".join(part["text"] for (part,) in parts) == TURN.model
    assert steps[-1][0] == steps[-2][0]


def test_bundling_puts_transcript_and_audio_into_one_frame() -> None:
    messages = [message for _, message in contents(Script(bundle=True))]
    with_words = [m for m in messages if _has(m, "outputTranscription")]
    assert with_words
    assert all(_has(message, "modelTurn") for message in with_words)


def test_an_empty_message_strays_in_unless_switched_off() -> None:
    assert [m for _, m in contents(Script())].count({}) == 1
    assert [m for _, m in contents(Script(stray_frames=False))].count({}) == 0


def test_the_playback_rate_speeds_everything_up() -> None:
    slow = [at_ms for at_ms, _ in contents(Script())]
    fast = [at_ms for at_ms, _ in contents(Script(playback_rate=10))]
    assert fast == pytest.approx([at_ms / 10 for at_ms in slow])


def test_frames_of_the_tone_join_without_a_click() -> None:
    samples = struct.unpack("<4800h", base64.b64decode(tone(200)))
    steepest = max(abs(b - a) for a, b in pairwise(samples))
    assert abs(samples[0] - samples[-1]) <= steepest


def test_vertex_says_the_same_in_its_own_words() -> None:
    messages = [message for _, message in contents(Script(), dialect=VERTEX.dialect)]
    turns = [m["serverContent"]["modelTurn"] for m in messages if _has(m, "modelTurn")]
    assert {turn["role"] for turn in turns} == {"model"}
    assert {turn["parts"][0]["inlineData"]["mimeType"] for turn in turns} == {"audio/pcm"}
    assert {"serverContent": {"outputTranscription": {}}} in messages
    assert messages[-1]["usageMetadata"] == {
        "promptTokenCount": 100,
        "candidatesTokenCount": 25,
        "totalTokenCount": 125,
        "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 100}],
        "candidatesTokensDetails": [{"modality": "AUDIO", "tokenCount": 25}],
        "trafficType": "ON_DEMAND",
    }


def test_the_audio_can_be_in_the_url_safe_alphabet() -> None:
    def data(script: Script) -> list[str]:
        return [
            message["serverContent"]["modelTurn"]["parts"][0]["inlineData"]["data"]
            for _, message in contents(script)
            if _has(message, "modelTurn")
        ]

    plain, safe = data(Script()), data(Script(url_safe_base64=True))
    assert set("+/") <= set(plain[0])
    assert not set("+/") & set("".join(safe))
    assert [base64.urlsafe_b64decode(text) for text in safe] == [base64.b64decode(text) for text in plain]


def test_a_thought_and_code_precede_the_words() -> None:
    turn = Turn(model="two", thought="hm, hm", code=CodeRun(code="print(1 + 1)", output="2\n"))
    messages = [message for _, message in contents(Script(), turn)]
    parts = [m["serverContent"]["modelTurn"]["parts"][0] for m in messages if _has(m, "modelTurn")]
    assert parts[:3] == [
        {"thought": True, "text": "hm, hm"},
        {"executableCode": {"language": "PYTHON", "code": "print(1 + 1)"}},
        {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "2\n"}},
    ]
    assert "inlineData" in parts[3]
    assert messages[-1]["usageMetadata"]["thoughtsTokenCount"] == 2


def test_transcripts_have_their_language() -> None:
    turn = Turn(model="olá", language_code="pt-PT")
    said = [
        m["serverContent"]["outputTranscription"]
        for _, m in contents(Script(), turn)
        if _has(m, "outputTranscription")
    ]
    assert said == [{"text": "olá", "languageCode": "pt-PT"}]


def test_a_turn_can_say_why_it_ended_and_that_it_waits() -> None:
    turn = Turn(model="and?", turn_complete_reason="NEED_MORE_INPUT", waiting_for_input=True)
    assert list(contents(Script(), turn))[-1][1]["serverContent"] == {
        "turnComplete": True,
        "waitingForInput": True,
        "turnCompleteReason": "NEED_MORE_INPUT",
    }


def test_the_interaction_status_is_sent_as_the_turn_begins_and_beside_its_end() -> None:
    messages = [message for _, message in contents(Script(interaction_status=True))]
    assert messages[0] == {"serverContent": {"interactionStatus": "IN_PROGRESS"}}
    assert messages[-1]["serverContent"] == {"turnComplete": True, "interactionStatus": "IDLE"}
    (early,) = turn_complete(Script(interaction_status=True), Manner(), PROMPT, Tokens(), idle=False)
    assert early["serverContent"] == {"turnComplete": True, "interactionStatus": "IN_PROGRESS"}


def test_some_models_never_send_turn_complete() -> None:
    messages = [message for _, message in contents(Script(turn_complete=False))]
    assert not any(_has(message, "turnComplete") for message in messages)
    assert _has(messages[-1], "generationComplete")


def _has(message: dict, field: str) -> bool:
    return field in message.get("serverContent", {})
