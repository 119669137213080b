"""What a client may say (LP 2): the one table by which messages are checked before they leave.

Nothing is decoded into these Structs: `live/checking.py` walks along them, and what goes out is what the
host gave. Fields marked 3.4 are not in LP; google-genai 3.4.0 sends them. A field without a default is
required. An `Any` is not looked into. The UNSPECIFIED value of an enum is absence, as in all of proto3. A
mark on a field says what its type cannot:

    only      the one family that knows it
    refused   it has a name, and yet no client may send it: why
"""

from typing import Annotated, Any, ClassVar, Literal, NamedTuple

from msgspec import Meta, Struct

DEVELOPER = Meta(extra={"only": "developer"})
VERTEX = Meta(extra={"only": "vertex"})
NOT_LIVE = Meta(extra={"refused": "the Live API does not support it"})  # LP 2.1, from the published proto

Object = dict[str, Any]
Int32 = Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)]
Int64 = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
"""Proto3 JSON takes no number beyond its field's type. Of a field that no published proto has, this is."""


class Choice(NamedTuple):
    """Fields of which a message has one at most; exactly one if `required`.

    `oneof`: of the proto, where a default value counts as well as any. Among plain fields it does not:
    `false` and "" are absence there.
    """

    fields: tuple[str, ...]
    required: bool = False
    oneof: bool = True


class ClientMessage(Struct, rename="camel"):
    """A message or a part of one. `choices`: what excludes each other in it."""

    choices: ClassVar[tuple[Choice, ...]] = ()


class Empty(ClientMessage):
    """Means something by being there."""


class Blob(ClientMessage):
    data: bytes
    mime_type: str | None = None
    display_name: str | None = None


# --- the setup (LP 2.1) ---------------------------------------------------------------------------


class PrebuiltVoiceConfig(ClientMessage):
    voice_name: str | None = None


class VoiceConsentSignature(ClientMessage):
    signature: str | None = None


class ReplicatedVoiceConfig(ClientMessage):
    mime_type: str | None = None
    voice_sample_audio: bytes | None = None
    consent_audio: Annotated[bytes | None, DEVELOPER] = None
    voice_consent_signature: Annotated[VoiceConsentSignature | None, DEVELOPER] = None


class VoiceConfig(ClientMessage):
    choices = (Choice(("prebuiltVoiceConfig", "replicatedVoiceConfig", "voice")),)

    prebuilt_voice_config: PrebuiltVoiceConfig | None = None
    replicated_voice_config: ReplicatedVoiceConfig | None = None
    voice: str | None = None  # 3.4


class SpeakerVoiceConfig(ClientMessage):
    speaker: str | None = None
    voice_config: VoiceConfig | None = None


class MultiSpeakerVoiceConfig(ClientMessage):
    speaker_voice_configs: list[SpeakerVoiceConfig] | None = None


class SpeechConfig(ClientMessage):
    voice_config: VoiceConfig | None = None
    language_code: str | None = None
    multi_speaker_voice_config: MultiSpeakerVoiceConfig | None = None


class ThinkingConfig(ClientMessage):
    include_thoughts: bool | None = None
    thinking_budget: Int32 | None = None
    thinking_level: (
        Literal["THINKING_LEVEL_UNSPECIFIED", "MINIMAL", "LOW", "MEDIUM", "HIGH", "XHIGH"] | None
    ) = None


class TranslationConfig(ClientMessage):
    target_language_code: str | None = None
    echo_target_language: bool | None = None


class AudioTranscriptionConfig(ClientMessage):
    language_codes: list[str] | None = None
    custom_vocabulary: list[Any] | None = None
    adaptation_phrases: list[Any] | None = None
    word_timestamp: bool | None = None
    diarization: bool | None = None
    language_auto: Any = None
    language_hints: Any = None
    mode: Literal["VERBATIM", "SMART"] | None = None  # 3.4
    source_text: str | None = None  # 3.4


class GenerationConfig(ClientMessage):
    response_modalities: (
        Annotated[list[Literal["MODALITY_UNSPECIFIED", "AUDIO", "TEXT", "VIDEO"]], Meta(max_length=1)] | None
    ) = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: float | None = None
    max_output_tokens: Int32 | None = None
    seed: Int32 | None = None
    candidate_count: Int32 | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    media_resolution: (
        Literal[
            "MEDIA_RESOLUTION_UNSPECIFIED",
            "MEDIA_RESOLUTION_LOW",
            "MEDIA_RESOLUTION_MEDIUM",
            "MEDIA_RESOLUTION_HIGH",
        ]
        | None
    ) = None
    speech_config: SpeechConfig | None = None
    thinking_config: ThinkingConfig | None = None
    enable_affective_dialog: bool | None = None
    translation_config: TranslationConfig | None = None  # LP: Developer alone; 3.4 sends it to both
    enable_enhanced_civic_answers: Annotated[bool | None, DEVELOPER] = None  # 3.4
    response_format: list[Any] | None = None  # 3.4
    model_selection_config: Object | None = None  # 3.4, of its types
    model_config: Annotated[Object | None, VERTEX] = None  # 3.4: what it makes of that for Vertex
    audio_transcription_config: Annotated[AudioTranscriptionConfig | None, VERTEX] = None
    response_logprobs: Annotated[Any, NOT_LIVE] = None
    response_mime_type: Annotated[Any, NOT_LIVE] = None
    logprobs: Annotated[Any, NOT_LIVE] = None
    response_schema: Annotated[Any, NOT_LIVE] = None
    response_json_schema: Annotated[Any, NOT_LIVE] = None
    stop_sequences: Annotated[Any, NOT_LIVE] = None
    routing_config: Annotated[Any, NOT_LIVE] = None
    audio_timestamp: Annotated[Any, NOT_LIVE] = None


class TextPart(ClientMessage):
    text: str
    thought: bool | None = None
    thought_signature: bytes | None = None
    part_metadata: Annotated[Object | None, DEVELOPER] = None


class SystemInstruction(ClientMessage):
    """Text parts only."""

    role: str | None = None
    parts: list[TextPart] | None = None


class FunctionDeclaration(ClientMessage):
    choices = (
        Choice(("parameters", "parametersJsonSchema")),
        Choice(("response", "responseJsonSchema")),
    )

    name: str
    description: str | None = None
    parameters: Object | None = None
    parameters_json_schema: Any = None
    response: Object | None = None
    response_json_schema: Any = None
    behavior: Literal["UNSPECIFIED", "BLOCKING", "NON_BLOCKING"] | None = None


class Tool(ClientMessage):
    function_declarations: list[FunctionDeclaration] | None = None
    google_search: Object | None = None
    google_search_retrieval: Object | None = None  # 3.4
    code_execution: Object | None = None
    google_maps: Object | None = None
    url_context: Object | None = None
    computer_use: Object | None = None
    file_search: Annotated[Object | None, DEVELOPER] = None
    retrieval: Annotated[Object | None, VERTEX] = None
    enterprise_web_search: Annotated[Object | None, VERTEX] = None
    parallel_ai_search: Annotated[Object | None, VERTEX] = None  # 3.4
    exa_ai_search: Annotated[Object | None, VERTEX] = None  # 3.4
    mcp_servers: list[Any] | None = None  # 3.4


class AutomaticActivityDetection(ClientMessage):
    disabled: bool | None = None
    start_of_speech_sensitivity: (
        Literal["START_SENSITIVITY_UNSPECIFIED", "START_SENSITIVITY_HIGH", "START_SENSITIVITY_LOW"] | None
    ) = None
    end_of_speech_sensitivity: (
        Literal["END_SENSITIVITY_UNSPECIFIED", "END_SENSITIVITY_HIGH", "END_SENSITIVITY_LOW"] | None
    ) = None
    prefix_padding_ms: Int32 | None = None
    silence_duration_ms: Int32 | None = None


class RealtimeInputConfig(ClientMessage):
    automatic_activity_detection: AutomaticActivityDetection | None = None
    activity_handling: (
        Literal["ACTIVITY_HANDLING_UNSPECIFIED", "START_OF_ACTIVITY_INTERRUPTS", "NO_INTERRUPTION"] | None
    ) = None
    turn_coverage: (
        Literal[
            "TURN_COVERAGE_UNSPECIFIED",
            "TURN_INCLUDES_ONLY_ACTIVITY",
            "TURN_INCLUDES_ALL_INPUT",
            "TURN_INCLUDES_AUDIO_ACTIVITY_AND_ALL_VIDEO",
        ]
        | None
    ) = None
    interim_transcript_timestamp_enabled: bool | None = None  # 3.4


class SessionResumptionConfig(ClientMessage):
    handle: str | None = None
    transparent: Annotated[bool | None, VERTEX] = None


class SlidingWindow(ClientMessage):
    target_tokens: Int64 | None = None


class ContextWindowCompression(ClientMessage):
    trigger_tokens: Int64 | None = None
    sliding_window: SlidingWindow | None = None


class ProactivityConfig(ClientMessage):
    proactive_audio: bool | None = None
    proactive_video: bool | None = None  # 3.4


class HistoryConfig(ClientMessage):
    initial_history_in_client_content: bool | None = None


class CustomizedAvatar(ClientMessage):
    image_mime_type: str | None = None
    image_data: bytes | None = None


class AvatarConfig(ClientMessage):
    avatar_name: str | None = None
    customized_avatar: CustomizedAvatar | None = None
    audio_bitrate_bps: Int64 | None = None
    video_bitrate_bps: Int64 | None = None


class SafetySetting(ClientMessage):
    category: str | None = None
    threshold: str | None = None
    method: Annotated[str | None, VERTEX] = None


class Setup(ClientMessage):
    model: str | None = None
    generation_config: GenerationConfig | None = None
    system_instruction: SystemInstruction | None = None
    tools: list[Tool] | None = None
    realtime_input_config: RealtimeInputConfig | None = None
    session_resumption: SessionResumptionConfig | None = None
    context_window_compression: ContextWindowCompression | None = None
    input_audio_transcription: AudioTranscriptionConfig | None = None
    output_audio_transcription: AudioTranscriptionConfig | None = None
    proactivity: ProactivityConfig | None = None
    explicit_vad_signal: Annotated[bool | None, VERTEX] = None
    history_config: HistoryConfig | None = None
    avatar_config: AvatarConfig | None = None
    safety_settings: list[SafetySetting] | None = None
    labels: Object | None = None  # 3.4


# --- what follows it (LP 2.2 - 2.4) ---------------------------------------------------------------


class FileData(ClientMessage):
    mime_type: str | None = None
    file_uri: str | None = None
    display_name: str | None = None


class Part(ClientMessage):
    """Its kind, and what may stand beside that."""

    choices = (
        Choice(
            (
                *("text", "inlineData", "fileData"),
                *("functionCall", "functionResponse", "executableCode", "codeExecutionResult"),
                *("toolCall", "toolResponse"),
            ),
            required=True,
        ),
    )

    text: str | None = None
    inline_data: Blob | None = None
    file_data: FileData | None = None
    function_call: Object | None = None
    function_response: Object | None = None
    executable_code: Object | None = None
    code_execution_result: Object | None = None
    tool_call: Annotated[Object | None, DEVELOPER] = None  # 3.4
    tool_response: Annotated[Object | None, DEVELOPER] = None  # 3.4
    thought: bool | None = None
    thought_signature: bytes | None = None
    video_metadata: Object | None = None
    media_resolution: Any = None
    part_metadata: Annotated[Object | None, DEVELOPER] = None
    audio_transcription: Object | None = None  # 3.4, and all that follow
    media_processing: Any = None
    speech_metadata: Object | None = None
    document_metadata: Object | None = None
    spreadsheet_metadata: Object | None = None
    audio_metadata: Object | None = None


class Content(ClientMessage):
    role: Literal["user", "model"] | None = None
    parts: list[Part] | None = None


class ClientContent(ClientMessage):
    turns: list[Content] | None = None
    turn_complete: bool | None = None


class RealtimeInput(ClientMessage):
    choices = (
        Choice(
            (
                *("audio", "video", "text", "activityStart", "activityEnd", "audioStreamEnd"),
                "mediaChunks",
            ),
            required=True,
            oneof=False,
        ),
    )

    audio: Blob | None = None
    video: Blob | None = None
    text: str | None = None
    activity_start: Empty | None = None
    activity_end: Empty | None = None
    audio_stream_end: bool | None = None
    media_chunks: list[Blob] | None = None
    """Deprecated."""


class FunctionResponse(ClientMessage):
    id: str | None = None
    name: str | None = None
    response: Object | None = None
    scheduling: Literal["SCHEDULING_UNSPECIFIED", "SILENT", "WHEN_IDLE", "INTERRUPT"] | None = None
    will_continue: Annotated[bool | None, DEVELOPER] = None
    parts: list[Any] | None = None


class ToolResponse(ClientMessage):
    function_responses: Annotated[list[FunctionResponse], Meta(min_length=1)]
