"""The text of one side in one turn, in runs: whoever speaks, and in which language, is told apart."""

from typing import NamedTuple

from sidecar.live.messages import Transcription

MAX_LABEL_CHARS = 128
"""Of a speaker's label and of a language; the rest is left out."""


class Run(NamedTuple):
    """What one speaker said in one language without a break."""

    text: str
    language: str
    speaker: str


class _Growing:
    """A delta that does not say its speaker or language goes on in the run before it."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.language = self.speaker = ""

    def takes(self, delta: Run) -> bool:
        return (not delta.language or self.language in ("", delta.language)) and (
            not delta.speaker or self.speaker in ("", delta.speaker)
        )

    def add(self, delta: Run) -> None:
        self.texts.append(delta.text)
        self.language = self.language or delta.language
        self.speaker = self.speaker or delta.speaker

    @property
    def label_chars(self) -> int:
        return len(self.language) + len(self.speaker)


def _bounded(said: Transcription) -> Run:
    return Run(said.text, said.language_code[:MAX_LABEL_CHARS], said.speaker_label[:MAX_LABEL_CHARS])


class Speech:
    """Grows by deltas.

    Attributes:
        chars: its length so far, with the labels of its runs.
    """

    def __init__(self) -> None:
        self._runs: list[_Growing] = []
        self.chars = 0

    def __bool__(self) -> bool:
        return bool(self._runs)

    def add(self, said: Transcription) -> Run:
        """Take a delta; returns it with the speaker and language that it continues."""
        delta = _bounded(said)
        if not self._runs or not self._runs[-1].takes(delta):
            self._runs.append(_Growing())
        run = self._runs[-1]
        before = run.label_chars
        run.add(delta)
        self.chars += len(delta.text) + run.label_chars - before
        return Run(delta.text, run.language, run.speaker)

    def runs(self) -> list[Run]:
        return [Run("".join(run.texts), run.language, run.speaker) for run in self._runs]

    def clear(self) -> None:
        self._runs.clear()
        self.chars = 0
