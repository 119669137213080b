"""When the user speaks: utterances found by energy. Pure. Nothing is understood."""

import math
import sys
from array import array
from collections.abc import Iterator
from operator import mul
from typing import Literal, NamedTuple

from .accounting import Chunk
from .script import Script

WINDOW_MS = 20
# Every fourth sample is enough to tell speech from silence.
_STRIDE = 4


class Heard(NamedTuple):
    """Speech began or ended, or went on for another word. `at_ms` is on the clock of the session's audio."""

    what: Literal["start", "word", "end"]
    at_ms: float


class Patience(NamedTuple):
    """Loudness this long begins an utterance, silence this long ends it."""

    start_ms: float
    end_ms: float


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

    def hear(self, chunk: Chunk, patience: Patience) -> Iterator[Heard]:
        """Takes the next audio."""
        window_bytes = 2 * chunk.rate_hz * WINDOW_MS // 1000
        data = self._rest + chunk.pcm
        usable = len(data) - len(data) % window_bytes
        self._rest = data[usable:]
        for start in range(0, usable, window_bytes):
            self._now_ms += WINDOW_MS
            loud = rms(data[start : start + window_bytes]) >= self._script.speech_threshold
            yield from (
                self._speaking(loud, patience.end_ms)
                if self.speaking
                else self._silent_so_far(loud, patience.start_ms)
            )

    def stop(self) -> Iterator[Heard]:
        """The stream ends here, and so does an utterance."""
        if self.speaking:
            self.speaking = False
            yield Heard("end", self._now_ms)
        self._rest, self._loud_ms = b"", 0.0

    def _silent_so_far(self, loud: bool, start_ms: float) -> Iterator[Heard]:
        self._loud_ms = self._loud_ms + WINDOW_MS if loud else 0.0
        if self._loud_ms and self._loud_ms >= start_ms:
            self.speaking = True
            self._since_word_ms, self._quiet_ms = self._loud_ms, 0.0
            yield Heard("start", self._now_ms - self._loud_ms)

    def _speaking(self, loud: bool, end_ms: float) -> Iterator[Heard]:
        self._quiet_ms = 0.0 if loud else self._quiet_ms + WINDOW_MS
        if self._quiet_ms and self._quiet_ms >= end_ms:
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
