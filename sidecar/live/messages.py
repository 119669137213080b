"""The Live API's messages as Structs, as far as the sidecar reads them (LP sections 2 and 3).

Unknown fields of the server are skipped here and passed on to the host untouched.
Names on the wire are camelCase; proto3 JSON lets default values be absent, so every field has one.
"""

from typing import Any

from msgspec import UNSET, Raw, Struct, UnsetType


class Message(Struct, rename="camel", kw_only=True, omit_defaults=True):
    """A message or a part of one."""


# --- from the server (LP section 3) ---------------------------------------------------------------


class Blob(Message):
    mime_type: str = ""
    data: str = ""


class Part(Message):
    """One part of a model turn. `thought` marks a text the model did not say."""

    text: str | None = None
    inline_data: Blob | None = None
    thought: bool = False


class ModelTurn(Message):
    role: str = ""
    parts: list[Part] = []


class Transcription(Message):
    text: str = ""
    finished: bool = False
    language_code: str = ""


class ServerContent(Message):
    """Several of these may stand in one frame (LP 3); each is handled, never only the first."""

    model_turn: ModelTurn | None = None
    generation_complete: bool = False
    turn_complete: bool = False
    interrupted: bool = False
    input_transcription: Transcription | None = None
    output_transcription: Transcription | None = None
    turn_complete_reason: str = ""
    interaction_status: str = ""
    waiting_for_input: bool = False
    interim_input_transcription: Transcription | None = None
    grounding_metadata: Raw | UnsetType = UNSET
    url_context_metadata: Raw | UnsetType = UNSET


class FunctionCall(Message):
    id: str = ""
    name: str = ""
    args: dict[str, Any] = {}


class ToolCall(Message):
    function_calls: list[FunctionCall] = []


class ToolCallCancellation(Message):
    ids: list[str] = []


class GoAway(Message):
    """`timeLeft` is a duration string such as "50s" or "9.5s"."""

    time_left: str = ""


class SessionResumptionUpdate(Message):
    """`resumable: false` shows as an absent key, an empty handle likewise."""

    new_handle: str = ""
    resumable: bool = False
    last_consumed_client_message_index: str = ""


class VoiceActivity(Message):
    type: str = ""
    audio_offset: str = ""


class ServerMessage(Message):
    """One server frame. `usageMetadata` stands beside any of the others."""

    setup_complete: dict[str, Any] | None = None
    server_content: ServerContent | None = None
    tool_call: ToolCall | None = None
    tool_call_cancellation: ToolCallCancellation | None = None
    go_away: GoAway | None = None
    session_resumption_update: SessionResumptionUpdate | None = None
    voice_activity: VoiceActivity | None = None
    voice_activity_detection_signal: dict[str, Any] | None = None
    usage_metadata: Raw | UnsetType = UNSET
    error: Raw | UnsetType = UNSET


# --- from the client (LP section 2) ---------------------------------------------------------------


class RealtimeInput(Message):
    """One of these in a frame."""

    audio: Blob | None = None
    video: Blob | None = None
    text: str | None = None
    audio_stream_end: bool = False
    activity_start: dict[str, Any] | None = None
    activity_end: dict[str, Any] | None = None
    media_chunks: list[Blob] = []


class ClientContent(Message):
    turns: list[Any] = []
    turn_complete: bool = False


class FunctionResponse(Message):
    id: str = ""
    name: str = ""
    response: dict[str, Any] = {}
    scheduling: str = ""


class ToolResponse(Message):
    function_responses: list[FunctionResponse] = []
