"""What a setup message asks for, as far as the simulator acts on it."""

from dataclasses import dataclass, field
from typing import Any

from .refusals import Refused, unknown_model
from .script import Script


@dataclass(frozen=True)
class Setup:
    model: str
    handle: str = field(repr=False)
    """Empty for a new session. A secret."""
    wants_handles: bool
    transcribes_input: bool
    transcribes_output: bool
    text_only: bool
    detects_activity: bool
    """False: the client marks activities itself."""
    speech_interrupts: bool
    end_of_speech_ms: float
    awaits_history: bool

    @classmethod
    def read(cls, content: dict[str, Any], script: Script, api_version: str) -> "Setup":
        """Reads a checked setup. Raises Refused for a model or a modality that cannot be."""
        model = content.get("model", "")
        if not model.startswith(("models/", "tunedModels/")):
            # The wording is ours; the style is the service's.
            raise Refused(1007, "* BidiGenerateContentRequest.setup.model: must be models/{model}")
        if script.models is not None and model not in script.models:
            raise Refused(1008, unknown_model(model, api_version))
        modalities = content.get("generationConfig", {}).get("responseModalities", ["AUDIO"])
        if modalities not in (["AUDIO"], ["TEXT"]):
            raise Refused(
                1007,
                f"The requested combination of response modalities ({', '.join(map(str, modalities))}) "
                "is not supported by the model",
            )
        realtime = content.get("realtimeInputConfig", {})
        detection = realtime.get("automaticActivityDetection", {})
        handle = content.get("sessionResumption", {}).get("handle", "")
        awaits_history = content.get("historyConfig", {}).get("initialHistoryInClientContent", False)
        if handle and script.history_on_resume == "ignore":
            awaits_history = False
        return cls(
            model=model,
            handle=handle,
            wants_handles="sessionResumption" in content,
            transcribes_input="inputAudioTranscription" in content,
            transcribes_output="outputAudioTranscription" in content,
            text_only=modalities == ["TEXT"],
            detects_activity=not detection.get("disabled", False),
            speech_interrupts=realtime.get("activityHandling") != "NO_INTERRUPTION",
            end_of_speech_ms=_milliseconds(detection.get("silenceDurationMs"), script.end_of_speech_ms),
            awaits_history=awaits_history,
        )


def _milliseconds(value: Any, default: float) -> float:
    try:
        return default if value is None else float(value)
    except ValueError:
        raise Refused(
            1007,
            "Invalid value at "
            "'setup.realtime_input_config.automatic_activity_detection.silence_duration_ms' (TYPE_INT32).",
        ) from None
