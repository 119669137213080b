"""What the service says (LP 3). Unknown fields are skipped here and passed on to the host untouched.

What only the host reads is `Raw` or left out. The families differ where it says so.
"""

from typing import Any

from msgspec import UNSET, Raw, Struct, UnsetType, field


class Message(Struct, rename="camel", kw_only=True, omit_defaults=True):
    """A message or a part of one."""


class VoiceConsentSignature(Message):
    signature: str = ""


class SetupComplete(Message):
    """Vertex gives the session a name (LP 3)."""

    session_id: str = ""
    voice_consent_signature: VoiceConsentSignature | None = None


# --- serverContent --------------------------------------------------------------------------------


class Blob(Message):
    """`data` is base64, in its quotes: nobody here looks into it, so it is not copied."""

    mime_type: str = ""
    data: Raw = Raw(b'""')


class Part(Message):
    """One part of a model turn. `thought` marks a text the model did not say."""

    text: str | None = None
    inline_data: Blob | None = None
    thought: bool = False
    executable_code: Raw | UnsetType = UNSET
    code_execution_result: Raw | UnsetType = UNSET


class ModelTurn(Message):
    """Only Vertex was seen to send the role."""

    role: str = ""
    parts: list[Part] = []


class Transcription(Message):
    text: str = ""
    finished: bool = False
    language_code: str = ""
    speaker_label: str = ""
    words: Raw | UnsetType = UNSET


class ServerContent(Message):
    """Several of these may stand in one frame (LP 3); each is handled, never only the first."""

    model_turn: ModelTurn | None = None
    generation_complete: bool = False
    turn_complete: bool = False
    interrupted: bool = False
    input_transcription: Transcription | None = None
    output_transcription: Transcription | None = None
    interim_input_transcription: Transcription | None = None
    turn_complete_reason: str = ""
    interaction_status: str = ""
    waiting_for_input: bool = False
    grounding_metadata: Raw | UnsetType = UNSET
    url_context_metadata: Raw | UnsetType = UNSET


# --- tools ----------------------------------------------------------------------------------------


class FunctionCall(Message):
    """Vertex may give the arguments piece by piece: `will_continue` says that more of this call follows."""

    id: str = ""
    name: str = ""
    args: dict[str, Any] = {}
    partial_args: list[Any] = []
    will_continue: bool = False


class ToolCall(Message):
    function_calls: list[FunctionCall] = []


class ToolCallCancellation(Message):
    ids: list[str] = []


# --- the rest -------------------------------------------------------------------------------------


class GoAway(Message):
    """`timeLeft` is a duration string such as "50s" or "9.5s"."""

    time_left: str = ""


class SessionResumptionUpdate(Message):
    """`resumable: false` shows as an absent key, an empty handle likewise.

    `last_consumed_client_message_index` is Vertex's, in transparent mode: an int64, 0 also when absent.
    """

    new_handle: str = ""
    resumable: bool = False
    last_consumed_client_message_index: int = 0


class VoiceActivity(Message):
    type: str = ""
    audio_offset: str = ""


class VoiceActivityDetectionSignal(Message):
    vad_signal_type: str = ""


class ModalityTokenCount(Message):
    modality: str = ""
    token_count: int = 0


class UsageMetadata(Message):
    """Counts of one response. Vertex says `candidates...` where the Developer API says `response...`."""

    prompt_token_count: int = 0
    response_token_count: int = 0
    candidates_token_count: int = 0
    total_token_count: int = 0
    cached_content_token_count: int = 0
    tool_use_prompt_token_count: int = 0
    thoughts_token_count: int = 0
    prompt_tokens_details: list[ModalityTokenCount] = []
    response_tokens_details: list[ModalityTokenCount] = []
    candidates_tokens_details: list[ModalityTokenCount] = []
    cache_tokens_details: list[ModalityTokenCount] = []
    tool_use_prompt_tokens_details: list[ModalityTokenCount] = []
    service_tier: str = ""
    traffic_type: str = ""


class ServerMessage(Message):
    """One server frame. `usageMetadata` stands beside any of the others."""

    setup_complete: SetupComplete | None = None
    server_content: ServerContent | None = None
    tool_call: ToolCall | None = None
    tool_call_cancellation: ToolCallCancellation | None = None
    go_away: GoAway | None = None
    session_resumption_update: SessionResumptionUpdate | UnsetType | None = UNSET
    by_its_other_name: Raw | UnsetType = field(name="session_resumption_update", default=UNSET)
    """The same in snake_case, which no service was seen to send. Nobody reads it."""
    voice_activity: VoiceActivity | None = None
    voice_activity_detection_signal: VoiceActivityDetectionSignal | None = None
    usage_metadata: UsageMetadata | None = None
    error: Raw | UnsetType = UNSET

    @property
    def tells_handle(self) -> bool:
        """Whether a handle may stand in it: also when there is a null of the same name behind that."""
        return self.session_resumption_update is not UNSET or self.by_its_other_name is not UNSET
