"""The Live API's messages as Structs, one for each message and part that LP 2 and 3 name, of both families.

`server` is what arrives, `client` what may leave. Names on the wire are camelCase; proto3 JSON lets default
values be absent, so every field that is not required has one.
"""

from sidecar.live.messages.server import (
    Blob,
    FunctionCall,
    GoAway,
    ModalityTokenCount,
    ModelTurn,
    Part,
    ServerContent,
    ServerMessage,
    SessionResumptionUpdate,
    SetupComplete,
    ToolCall,
    ToolCallCancellation,
    Transcription,
    UsageMetadata,
    VoiceActivity,
    VoiceActivityDetectionSignal,
    VoiceConsentSignature,
)

__all__ = [
    "Blob",
    "FunctionCall",
    "GoAway",
    "ModalityTokenCount",
    "ModelTurn",
    "Part",
    "ServerContent",
    "ServerMessage",
    "SessionResumptionUpdate",
    "SetupComplete",
    "ToolCall",
    "ToolCallCancellation",
    "Transcription",
    "UsageMetadata",
    "VoiceActivity",
    "VoiceActivityDetectionSignal",
    "VoiceConsentSignature",
]
