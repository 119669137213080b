"""The model's turn, pure: when the user speaks, and what the model sends when.

Nothing is understood here. Speech is energy, the transcript is the script's text, the answer is a tone.
"""

import base64
import math
import sys
from array import array
from collections.abc import Iterator
from functools import lru_cache
from operator import mul
from typing import Any, Literal, NamedTuple

from .accounting import Chunk
from .script import Script, Turn

Message = dict[str, Any]

WINDOW_MS = 20
VOICE_RATE_HZ = 24_000
_MS_A_WORD = 300
_TOKENS_A_SECOND = 25  # of audio (LP 4.2)
# Every fourth sample is enough to tell speech from silence.
_STRIDE = 4


class Heard(NamedTuple):
    """Speech began or ended, or went on for another word. `at_ms` is on the clock of the session's audio."""

    what: Literal["start", "word", "end"]
    at_ms: float


class SpeechDetector:
    """Finds utterances by energy, on the clock of the audio itself: how fast it arrives does not matter."""

    def __init__(self, script: Script) -> None:
        self.speaking = False
        self._script = script
        self._now_ms = 0.0
        self._rest = b""
        self._loud_ms = 0.0
        self._quiet_ms = 0.0
        self._since_word_ms = 0.0

    def hear(self, chunk: Chunk, end_of_speech_ms: float) -> Iterator[Heard]:
        """Takes the next audio. `end_of_speech_ms` is the silence that ends an utterance."""
        window_bytes = 2 * chunk.rate_hz * WINDOW_MS // 1000
        data = self._rest + chunk.pcm
        usable = len(data) - len(data) % window_bytes
        self._rest = data[usable:]
        for start in range(0, usable, window_bytes):
            self._now_ms += WINDOW_MS
            loud = rms(data[start : start + window_bytes]) >= self._script.speech_threshold
            yield from (
                self._silent_so_far(loud) if not self.speaking else self._speaking(loud, end_of_speech_ms)
            )

    def stop(self) -> Iterator[Heard]:
        """The stream ends here, and so does an utterance."""
        if self.speaking:
            self.speaking = False
            yield Heard("end", self._now_ms)
        self._rest, self._loud_ms = b"", 0.0

    def _silent_so_far(self, loud: bool) -> Iterator[Heard]:
        self._loud_ms = self._loud_ms + WINDOW_MS if loud else 0.0
        if self._loud_ms >= self._script.start_of_speech_ms:
            self.speaking = True
            self._since_word_ms, self._quiet_ms = self._loud_ms, 0.0
            yield Heard("start", self._now_ms - self._loud_ms)

    def _speaking(self, loud: bool, end_of_speech_ms: float) -> Iterator[Heard]:
        self._quiet_ms = 0.0 if loud else self._quiet_ms + WINDOW_MS
        if self._quiet_ms >= end_of_speech_ms:
            self.speaking, self._loud_ms = False, 0.0
            yield Heard("end", self._now_ms)
            return
        self._since_word_ms += WINDOW_MS
        if self._since_word_ms >= self._script.word_ms:
            self._since_word_ms -= self._script.word_ms
            yield Heard("word", self._now_ms)


def rms(pcm: bytes) -> float:
    """Root mean square of 16-bit little-endian samples."""
    samples = array("h", pcm)
    if sys.byteorder == "big":
        samples.byteswap()
    samples = samples[::_STRIDE]
    return math.sqrt(sum(map(mul, samples, samples)) / len(samples)) if samples else 0.0


class Step(NamedTuple):
    """A message and when it is sent, counted from the start of the turn."""

    at_ms: float
    message: Message


def words(text: str) -> list[str]:
    """The pieces a transcript arrives in; joined they are the text again."""
    first, *others = text.split(" ")
    return [first, *(f" {word}" for word in others)]


def answer(turn: Turn, script: Script, *, transcribe: bool, text_only: bool, prompt_ms: float) -> list[Step]:
    """What the model sends for `turn`: audio in a burst, its transcript, and the two ends (LP 3).

    turnComplete is held until the audio would have finished playing. `prompt_ms` is the audio the session
    has received, for the usage figures.
    """
    said = words(turn.model)
    audio_ms = turn.audio_ms if turn.audio_ms is not None else _MS_A_WORD * len(said)
    frames = math.ceil(audio_ms / script.frame_ms)
    sent_every_ms = script.frame_ms / script.burst_rate
    steps = []
    for i in range(frames):
        at_ms = i * sent_every_ms
        delta = "".join(said[len(said) * i // frames : len(said) * (i + 1) // frames])
        if text_only:
            contents = [_text(delta)] if delta else []
        else:
            contents = [_audio(min(script.frame_ms, audio_ms - i * script.frame_ms))]
            if transcribe and delta:
                contents.append({"outputTranscription": {"text": delta}})
            if script.bundle:
                contents = [{key: value for content in contents for key, value in content.items()}]
        steps += [Step(at_ms, {"serverContent": content}) for content in contents]
        if i == 0 and script.stray_frames:
            steps.append(Step(at_ms, {}))
    generated_ms = (frames - 1) * sent_every_ms
    played_ms = generated_ms if text_only else max(audio_ms, generated_ms)
    steps.append(Step(generated_ms, {"serverContent": {"generationComplete": True}}))
    steps.append(Step(played_ms, turn_complete(prompt_ms, 0 if text_only else audio_ms)))
    return [
        Step((script.response_delay_ms + step.at_ms) / script.playback_rate, step.message) for step in steps
    ]


def turn_complete(prompt_ms: float, response_ms: float) -> Message:
    """turnComplete with usageMetadata beside it (LP 3)."""
    prompt, response = (round(ms * _TOKENS_A_SECOND / 1000) for ms in (prompt_ms, response_ms))
    return {
        "serverContent": {"turnComplete": True},
        "usageMetadata": {
            "promptTokenCount": prompt,
            "responseTokenCount": response,
            "totalTokenCount": prompt + response,
        },
    }


def _text(delta: str) -> Message:
    return {"modelTurn": {"parts": [{"text": delta}]}}


def _audio(ms: float) -> Message:
    blob = {"mimeType": f"audio/pcm;rate={VOICE_RATE_HZ}", "data": tone(round(ms))}
    return {"modelTurn": {"parts": [{"inlineData": blob}]}}


@lru_cache(maxsize=64)
def tone(ms: int, frequency_hz: int = 400) -> str:
    """A tone as base64 of 24 kHz PCM16. Whole periods fit into 5 ms, so frames join without a click."""
    samples = array(
        "h",
        (
            round(8000 * math.sin(2 * math.pi * frequency_hz * n / VOICE_RATE_HZ))
            for n in range(VOICE_RATE_HZ * ms // 1000)
        ),
    )
    if sys.byteorder == "big":
        samples.byteswap()
    return base64.b64encode(samples.tobytes()).decode()
