import math
import random
import struct

import pytest

from sidecar.simulator import Script
from sidecar.simulator.accounting import Chunk
from sidecar.simulator.hearing import Heard, Patience, SpeechDetector, rms

PATIENCE = Patience(60, 400)


def noise(ms: float, amplitude: int) -> bytes:
    rng = random.Random(amplitude)
    return b"".join(struct.pack("<h", rng.randint(-amplitude, amplitude)) for _ in range(round(ms * 16)))


def heard(pcm: bytes, *, chunk_ms: int = 20, patience: Patience = PATIENCE) -> list[Heard]:
    detector = SpeechDetector(Script())
    size = chunk_ms * 32
    return [
        event
        for start in range(0, len(pcm), size)
        for event in detector.hear(Chunk(pcm[start : start + size], 16_000), patience)
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
    list(detector.hear(Chunk(noise(200, 8000), 16_000), PATIENCE))
    assert [event.what for event in detector.stop()] == ["end"]
    assert list(detector.stop()) == []


def test_patience_says_how_long_speech_and_silence_have_to_last() -> None:
    pcm = noise(200, 20) + noise(100, 8000) + noise(400, 20) + noise(300, 8000) + noise(900, 20)
    events = heard(pcm, patience=Patience(200, 800))
    assert [(event.what, event.at_ms) for event in events if event.what != "word"] == [
        ("start", 700),
        ("end", 1800),
    ]


def test_speech_does_not_end_while_it_is_loud_even_without_any_patience() -> None:
    events = heard(noise(200, 8000) + noise(100, 20), patience=Patience(0, 0))
    assert [event.what for event in events] == ["start", "end"]
