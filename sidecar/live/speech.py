"""The text of one side in one turn, in runs: whoever speaks, and in which language, is told apart."""

from typing import NamedTuple

from sidecar.live.messages import Transcription


class Run(NamedTuple):
    """What one speaker said in one language without a break."""

    text: str
    language: str
    speaker: str


class _Growing:
    """A delta that does not say its speaker or language goes on in the run before it."""

    def __init__(self, said: Transcription) -> None:
        self.texts = [said.text]
        self.language = said.language_code
        self.speaker = said.speaker_label

    def takes(self, said: Transcription) -> bool:
        return (not said.language_code or self.language in ("", said.language_code)) and (
            not said.speaker_label or self.speaker in ("", said.speaker_label)
        )

    def add(self, said: Transcription) -> None:
        self.texts.append(said.text)
        self.language = self.language or said.language_code
        self.speaker = self.speaker or said.speaker_label


class Speech:
    """Grows by deltas. Attributes: `chars`, its length so far."""

    def __init__(self) -> None:
        self._runs: list[_Growing] = []
        self.chars = 0

    def __bool__(self) -> bool:
        return bool(self._runs)

    def add(self, said: Transcription) -> Run:
        """Take a delta; returns it with the speaker and language that it continues."""
        if self._runs and self._runs[-1].takes(said):
            self._runs[-1].add(said)
        else:
            self._runs.append(_Growing(said))
        self.chars += len(said.text)
        run = self._runs[-1]
        return Run(said.text, run.language, run.speaker)

    def runs(self) -> list[Run]:
        return [Run("".join(run.texts), run.language, run.speaker) for run in self._runs]

    def clear(self) -> None:
        self._runs.clear()
        self.chars = 0
