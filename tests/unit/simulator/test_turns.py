import base64
import math
import random
import struct
from collections.abc import Iterator
from itertools import pairwise

import pytest

from sidecar.simulator.accounting import Chunk
from sidecar.simulator.script import Script, Turn
from sidecar.simulator.turns import Heard, SpeechDetector, answer, rms, tone, words


def noise(ms: float, amplitude: int) -> bytes:
    rng = random.Random(amplitude)
    return b"".join(struct.pack("<h", rng.randint(-amplitude, amplitude)) for _ in range(round(ms * 16)))


def heard(pcm: bytes, *, chunk_ms: int = 20, script: Script | None = None) -> list[Heard]:
    detector = SpeechDetector(script or Script())
    size = chunk_ms * 32
    return [
        event
        for start in range(0, len(pcm), size)
        for event in detector.hear(Chunk(pcm[start : start + size], 16_000), 400)
    ]


def test_rms_of_a_full_tone_is_its_amplitude_over_the_root_of_two() -> None:
    pcm = b"".join(struct.pack("<h", round(10_000 * math.sin(n / 5))) for n in range(16_000))
    assert rms(pcm) == pytest.approx(10_000 / math.sqrt(2), rel=0.02)
    assert rms(b"") == 0


def test_an_utterance_begins_with_speech_and_ends_after_silence() -> None:
    events = heard(noise(1000, 20) + noise(900, 8000) + noise(1000, 20))
    assert [event.what for event in events] == ["start", "word", "word", "word", "word", "end"]
    assert events[0].at_ms == 1000
    assert events[-1].at_ms == 2300


@pytest.mark.parametrize("chunk_ms", [10, 20, 30, 64, 100, 1000])
def test_the_size_of_the_chunks_does_not_matter(chunk_ms: int) -> None:
    pcm = noise(500, 20) + noise(700, 8000) + noise(600, 20)
    assert heard(pcm, chunk_ms=chunk_ms) == heard(pcm, chunk_ms=20)


def test_a_click_is_not_speech_and_a_pause_does_not_end_it() -> None:
    assert heard(noise(100, 20) + noise(40, 8000) + noise(500, 20)) == []
    events = heard(noise(500, 8000) + noise(300, 20) + noise(500, 8000) + noise(400, 20))
    assert [event.what for event in events if event.what != "word"] == ["start", "end"]


def test_the_end_of_the_stream_ends_an_utterance_once() -> None:
    detector = SpeechDetector(Script())
    assert list(detector.stop()) == []
    list(detector.hear(Chunk(noise(200, 8000), 16_000), 400))
    assert [event.what for event in detector.stop()] == ["end"]
    assert list(detector.stop()) == []


def test_words_joined_are_the_text() -> None:
    assert words("Hello, can you hear me?") == ["Hello,", " can", " you", " hear", " me?"]
    assert "".join(words("a  b")) == "a  b"


TURN = Turn(user="hi", model="one two three", audio_ms=1000)


def contents(script: Script, **options: bool) -> Iterator[tuple[float, dict]]:
    settings = {"transcribe": True, "text_only": False} | options
    for step in answer(TURN, script, prompt_ms=4000, **settings):
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
    }


def test_the_audio_of_a_turn_is_as_long_as_the_script_says() -> None:
    turn = Turn(model="hello", audio_ms=450)
    steps = answer(turn, Script(), transcribe=False, text_only=False, prompt_ms=0)
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


def _has(message: dict, field: str) -> bool:
    return field in message.get("serverContent", {})
