"""What a setup message asks for, as far as the simulator acts on it."""

import re
from dataclasses import dataclass, field
from typing import Any

from .dialect import DIALECTS
from .endpoint import Endpoint, Family
from .hearing import Patience
from .refusals import Refused, refused
from .script import Script
from .turns import Manner

# LP 2.1; without a project in express mode.
_MODEL_FORMS = {
    Family.DEVELOPER: (re.compile(r"(models|tunedModels)/.+"), "models/{model}"),
    Family.VERTEX: (
        re.compile(r"(projects/[^/]+/locations/[^/]+/)?(publishers/[^/]+/models|endpoints)/[^/]+"),
        "projects/{project}/locations/{location}/publishers/google/models/{model}",
    ),
}
_MODALITIES = {
    Family.DEVELOPER: (["AUDIO"], ["TEXT"]),
    Family.VERTEX: (["AUDIO"], ["TEXT"], ["VIDEO"]),
}
_LOW_TAKES = 2.0
"""How much longer speech, or silence, has to last at LOW sensitivity. Our choice: no figure is known."""


@dataclass(frozen=True)
class Setup:
    model: str
    handle: str = field(repr=False)
    """Empty for a new session. A secret."""
    manner: Manner
    wants_handles: bool
    transparent: bool
    """The client is told what was consumed, and replays the rest (Vertex only)."""
    transcribes_input: bool
    detects_activity: bool
    """False: the client marks activities itself."""
    tells_activity: bool
    signals_activity: bool
    """explicitVadSignal: voiceActivityDetectionSignal is sent, too (Vertex only)."""
    speech_interrupts: bool
    patience: Patience
    compresses: bool
    awaits_history: bool
    behaviors: dict[str, str]

    @classmethod
    def read(cls, content: dict[str, Any], script: Script, endpoint: Endpoint) -> "Setup":
        """Reads a checked setup. Raises Refused for a model or a modality that cannot be."""
        dialect = DIALECTS[endpoint.family]
        modalities = _modalities(content, endpoint.family)
        realtime = content.get("realtimeInputConfig", {})
        detection = realtime.get("automaticActivityDetection", {})
        resumption = content.get("sessionResumption", {})
        handle = resumption.get("handle", "")
        awaits_history = content.get("historyConfig", {}).get("initialHistoryInClientContent", False)
        if handle and script.history_on_resume == "ignore":
            awaits_history = False
        explicit = content.get("explicitVadSignal", False)
        return cls(
            model=_model(content, script, endpoint),
            handle=handle,
            manner=Manner(
                dialect=dialect,
                transcribe="outputAudioTranscription" in content,
                text_only=modalities == ["TEXT"],
            ),
            wants_handles="sessionResumption" in content,
            transparent=resumption.get("transparent", False),
            transcribes_input="inputAudioTranscription" in content,
            detects_activity=not detection.get("disabled", False),
            tells_activity=script.voice_activity and (dialect.tells_activity or explicit),
            signals_activity=explicit,
            speech_interrupts=realtime.get("activityHandling") != "NO_INTERRUPTION",
            patience=_patience(detection, script, dialect.default_sensitivity),
            compresses="contextWindowCompression" in content,
            awaits_history=awaits_history,
            behaviors=behaviors(content.get("tools", [])),
        )


def behaviors(tools: list[dict[str, Any]]) -> dict[str, str]:
    """BLOCKING or NON_BLOCKING by name, of the functions whose declaration says it."""
    return {
        function["name"]: function["behavior"]
        for tool in tools
        for function in tool.get("functionDeclarations", [])
        if "name" in function and "behavior" in function
    }


def _model(content: dict[str, Any], script: Script, endpoint: Endpoint) -> str:
    model: str = content.get("model", "")
    form, shown = _MODEL_FORMS[endpoint.family]
    if not form.fullmatch(model):
        # The wording is ours; the style is the service's.
        raise Refused(1007, f"* BidiGenerateContentRequest.setup.model: must be {shown}")
    name = model if endpoint.family is Family.DEVELOPER else "/".join(model.rsplit("/", 2)[-2:])
    if script.models is not None and name not in script.models:
        if endpoint.family is Family.VERTEX:
            raise refused("publisherModelNotFound", model=model)
        raise refused("modelNotFound", model=model, version=endpoint.version)
    return model


def _modalities(content: dict[str, Any], family: Family) -> list[str]:
    given: list[str] = content.get("generationConfig", {}).get("responseModalities", [])
    # Empty and unspecified are absence, as in all proto3 JSON.
    modalities = [name for name in given if name != "MODALITY_UNSPECIFIED"] or ["AUDIO"]
    if modalities not in _MODALITIES[family] or (modalities == ["VIDEO"] and "avatarConfig" not in content):
        raise refused("badModality", modalities=", ".join(map(str, modalities)))
    return modalities


def _patience(detection: dict[str, Any], script: Script, default: str) -> Patience:
    def factor(name: str) -> float:
        return _LOW_TAKES if detection.get(name, default).endswith("LOW") else 1.0

    start_ms = script.start_of_speech_ms * factor("startOfSpeechSensitivity")
    end_ms = script.end_of_speech_ms * factor("endOfSpeechSensitivity")
    return Patience(
        float(detection.get("prefixPaddingMs", start_ms)), float(detection.get("silenceDurationMs", end_ms))
    )
