"""The model's turn, pure: what is sent when. The answer is a tone, the transcript is the script's text."""

import base64
import math
import sys
from array import array
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from .dialect import DIALECTS, VOICE_RATE_HZ, Dialect, Message
from .endpoint import Family
from .script import CodeRun, Script, Turn
from .usage import Tokens, usage_metadata

_MS_A_WORD = 300
_TO_URL_SAFE = str.maketrans("+/", "-_")


@dataclass(frozen=True)
class Manner:
    """How a connection is spoken to."""

    dialect: Dialect = DIALECTS[Family.DEVELOPER]
    transcribe: bool = True
    text_only: bool = False


class Step(NamedTuple):
    """A message and when it is sent, counted from the start of the turn."""

    at_ms: float
    message: Message


def words(text: str) -> list[str]:
    """The pieces a transcript arrives in; joined they are the text again."""
    first, *others = text.split(" ")
    return [first, *(f" {word}" for word in others)]


def spoken_ms(turn: Turn) -> float:
    """How long the spoken answer lasts."""
    return turn.audio_ms if turn.audio_ms is not None else _MS_A_WORD * len(words(turn.model))


def answer(turn: Turn, script: Script, manner: Manner, prompt: Tokens, *, idle: bool = True) -> list[Step]:
    """What the model sends for `turn`: audio in a burst, its transcript, and the two ends (LP 3).

    turnComplete is held until the audio would have finished playing. `prompt` is for the usage figures,
    `idle` for interactionStatus: False when something else the model began goes on.
    """
    said = words(turn.model)
    audio_ms = spoken_ms(turn)
    frames = math.ceil(audio_ms / script.frame_ms)
    sent_every_ms = script.frame_ms / script.burst_rate
    steps = [Step(0.0, {"serverContent": content}) for content in _before(turn, script, manner)]
    for i in range(frames):
        at_ms = i * sent_every_ms
        delta = "".join(said[len(said) * i // frames : len(said) * (i + 1) // frames])
        if manner.text_only:
            contents = [model_turn(manner, {"text": delta})] if delta else []
        else:
            length_ms = min(script.frame_ms, audio_ms - i * script.frame_ms)
            contents = [model_turn(manner, _audio(length_ms, script, manner))]
            if manner.transcribe and delta:
                contents.append({"outputTranscription": transcription(delta, turn.language_code)})
            if script.bundle:
                contents = [{key: value for content in contents for key, value in content.items()}]
        steps += [Step(at_ms, {"serverContent": content}) for content in contents]
        if i == 0 and script.stray_frames:
            steps.append(Step(at_ms, manner.dialect.stray))
    generated_ms = (frames - 1) * sent_every_ms
    played_ms = generated_ms if manner.text_only else max(audio_ms, generated_ms)
    steps.append(Step(generated_ms, {"serverContent": {"generationComplete": True}}))
    response = Tokens()
    if manner.text_only:
        response.add_text(turn.model)
    else:
        response.add_audio(audio_ms)
    end = turn_complete(script, manner, prompt, response, turn, idle=idle)
    steps += [Step(played_ms, message) for message in end]
    return [
        Step((script.response_delay_ms + step.at_ms) / script.playback_rate, step.message) for step in steps
    ]


def turn_complete(
    script: Script, manner: Manner, prompt: Tokens, response: Tokens, turn: Turn | None = None, *, idle: bool
) -> list[Message]:
    """turnComplete with usageMetadata beside it (LP 3). Models that never send it: nothing."""
    if not script.turn_complete:
        return []
    content: Message = {"turnComplete": True}
    if script.interaction_status:
        content["interactionStatus"] = "IDLE" if idle else "IN_PROGRESS"
    thoughts = Tokens()
    if turn is not None:
        thoughts.add_text(turn.thought or "")
        if turn.waiting_for_input:
            content["waitingForInput"] = True
        if turn.turn_complete_reason is not None:
            content["turnCompleteReason"] = turn.turn_complete_reason
    usage = usage_metadata(manner.dialect, prompt, response, thoughts.total())
    return [{"serverContent": content, "usageMetadata": usage}]


def transcription(text: str, language_code: str | None, speaker_label: str | None = None) -> Message:
    fields = {"text": text, "languageCode": language_code, "speakerLabel": speaker_label}
    return {name: value for name, value in fields.items() if value is not None}


def model_turn(manner: Manner, *parts: Message) -> Message:
    return {"modelTurn": manner.dialect.model_turn | {"parts": list(parts)}}


def _before(turn: Turn, script: Script, manner: Manner) -> list[Message]:
    """What precedes the words: the status, a thought, code that was run."""
    contents: list[Message] = []
    if script.interaction_status:
        contents.append({"interactionStatus": "IN_PROGRESS"})
    if turn.thought is not None:
        contents.append(model_turn(manner, {"thought": True, "text": turn.thought}))
    if turn.code is not None:
        contents += [model_turn(manner, part) for part in _code(turn.code)]
    return contents


def _code(run: CodeRun) -> list[Message]:
    return [
        {"executableCode": {"language": run.language, "code": run.code}},
        {"codeExecutionResult": {"outcome": run.outcome, "output": run.output}},
    ]


def _audio(ms: float, script: Script, manner: Manner) -> dict[str, Any]:
    data = tone(round(ms))
    if script.url_safe_base64:
        data = data.translate(_TO_URL_SAFE)
    return {"inlineData": {"mimeType": manner.dialect.audio_mime_type, "data": data}}


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
