"""The JSON-RPC protocol, version 1: every params, result and notification as a msgspec Struct.

One table, many uses: these Structs validate what arrives, and make the OpenRPC document
(`rpc.discover`), the TypeScript types and `docs/protocol.md`. This file imports only msgspec.

On the wire: names in camelCase, times in milliseconds (`...Ms`), audio as base64 in `data`.
"""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

PROTOCOL_VERSION = "1"

MAX_LINE_BYTES = 16 * 1024 * 1024
"""One limit for a line in, a line out and a server frame (design section 2)."""
MAX_BATCH = 50
"""Members in one JSON-RPC batch."""
MAX_CALLS_IN_FLIGHT = 128
"""Calls accepted and not yet answered on the wire."""

# --- vocabulary -----------------------------------------------------------------------------------

State = Literal[
    "disconnected", "connecting", "connected", "reconnecting", "suspended", "disconnecting", "failed"
]
Phase = Literal["dialing", "handshaking", "setup", "waiting", "parked", "active", "suspect", "draining"]
StateRestored = Literal["resumed", "reseeded", "fresh"]
FaultAction = Literal["retry", "resume", "fresh", "refreshToken", "slowDown", "stop"]
LogLevel = Literal["debug", "info", "warn", "error"]

SessionId = Annotated[
    str, Meta(min_length=1, max_length=128, description="Chosen by the host; unique among open sessions.")
]
ChunkNumber = Annotated[
    int,
    Meta(
        ge=0,
        le=2**53 - 1,
        description="Given by the host, growing within a session; it names a message for ever.",
    ),
]
Milliseconds = Annotated[int, Meta(ge=0, le=2**53 - 1)]
Requested = Annotated[int, Meta(ge=1, le=86_400_000)]


class Params(Struct, rename="camel", kw_only=True, forbid_unknown_fields=True):
    """What the host sends. An unknown field is an error: a misspelt setting must not pass silently."""


class Body(Struct, rename="camel", kw_only=True, omit_defaults=True):
    """What the sidecar sends. Readers must tolerate fields they do not know."""


# --- errors ---------------------------------------------------------------------------------------


class ErrorCode(Struct, frozen=True):
    """One row of the error table: JSON-RPC code, its `error.data.kind`, and when it is answered."""

    code: int
    kind: str
    meaning: str


ERROR_CODES: tuple[ErrorCode, ...] = (
    ErrorCode(-32700, "parseError", "The line is not valid JSON in UTF-8."),
    ErrorCode(-32600, "invalidRequest", "The line is JSON, but not a JSON-RPC 2.0 call."),
    ErrorCode(-32601, "methodNotFound", "No method of that name."),
    ErrorCode(-32602, "invalidParams", "The params do not fit the method; the message names the field."),
    ErrorCode(-32603, "internalError", "A defect of the sidecar; the log has the details."),
    ErrorCode(-32000, "lineTooLong", "The line is longer than `limits.maxLineBytes`."),
    ErrorCode(-32001, "overloaded", "Too many calls wait for their answer, or the batch is too long."),
    ErrorCode(-32002, "notInitialized", "The first call must be `initialize`."),
    ErrorCode(-32003, "alreadyInitialized", "`initialize` was called twice."),
    ErrorCode(-32004, "unsupportedProtocolVersion", "The host asks for a protocol version not spoken here."),
    ErrorCode(-32005, "duplicateId", "A call with this id is still in flight."),
    ErrorCode(-32006, "requestCancelled", "The call was cancelled with `$/cancelRequest`."),
    ErrorCode(-32007, "shuttingDown", "The sidecar is going away."),
    ErrorCode(-32010, "unknownSession", "No open session has this id."),
    ErrorCode(-32011, "sessionExists", "A session with this id is open."),
    ErrorCode(-32012, "sessionClosed", "The session was closed before the call was answered."),
    ErrorCode(-32013, "wrongState", "The session's state does not allow this call."),
    ErrorCode(-32014, "outboxFull", "The session holds as much as it may; the message was not accepted."),
    ErrorCode(-32015, "deadlineExceeded", "The deadline of the call passed."),
    ErrorCode(-32016, "invalidMessage", "The message cannot be sent: bad base64, chunk number, or shape."),
    ErrorCode(
        -32020, "connectionFailed", "The service could not be reached or refused; `kind` names the fault."
    ),
)
"""The error table. `-32020` carries the fault's own kind (see `docs/errors.md`) in `error.data.kind`."""


class ErrorData(Body):
    """Always in `error.data`: what happened, why, and what to do next."""

    kind: Annotated[str, Meta(description="Stable name of what happened, for code.")]
    message: Annotated[str, Meta(description="For the developer.")]
    user_message: Annotated[str, Meta(description="Plain words for the person at the screen.")]
    retryable: Annotated[bool, Meta(description="Whether the same call may succeed later, unchanged.")]
    action: Annotated[FaultAction, Meta(description="What the sidecar does, or the host should do, next.")]
    remediation: str | UnsetType = UNSET
    retry_after_ms: Milliseconds | UnsetType = UNSET
    ws_code: int | UnsetType = UNSET
    http_status: int | UnsetType = UNSET
    session_id: str | UnsetType = UNSET


# --- process --------------------------------------------------------------------------------------


class ClientInfo(Params):
    name: str
    version: str


class InitializeParams(Params):
    """The opening call. The sidecar watches `parentPid` and ends when that process does."""

    protocol_version: str
    client: ClientInfo
    parent_pid: Annotated[int, Meta(ge=1, le=2**32 - 1)] | UnsetType = UNSET


class SidecarInfo(Body):
    version: str
    python: str
    platform: str


class Limits(Body):
    max_line_bytes: int


class InitializeResult(Body):
    protocol_version: str
    instance_id: Annotated[
        str, Meta(description="New for each start of the process; stamped on every notification.")
    ]
    sidecar: SidecarInfo
    limits: Limits
    capabilities: dict[str, Any]


class NoParams(Params):
    """No params, or an empty object."""


class PingResult(Body):
    uptime_ms: Milliseconds
    sessions: int


class OpenRpcDocument(Body):
    """The protocol as an OpenRPC document; the sidecar's own notifications stand under `x-notifications`."""

    openrpc: str
    info: dict[str, Any]
    methods: list[dict[str, Any]]
    components: dict[str, Any]


class Empty(Body):
    """An empty object: the call was carried out."""


class CancelParams(Params):
    """Cancel the call with this id; unless it was answered already, its answer is `requestCancelled`."""

    id: int | str


# --- session/open ---------------------------------------------------------------------------------


class Endpoint(Params):
    """Where the service is. `baseUrl` may be ws, wss, http or https; plain text only to loopback."""

    family: Literal["developer"] = "developer"
    api_version: Annotated[str, Meta(pattern=r"^v1(alpha|beta)?$(?!\n)")] = "v1beta"
    base_url: str = "wss://generativelanguage.googleapis.com"


class ApiKeyAuth(Params, tag_field="type", tag="apiKey"):
    """An API key, sent as the header `x-goog-api-key`; never in a URL."""

    api_key: Annotated[str, Meta(min_length=1, max_length=4096)]

    def __repr__(self) -> str:
        return "ApiKeyAuth(api_key=<secret>)"


Auth = ApiKeyAuth


class HeartbeatSettings(Params):
    """Liveness. Silence runs from the first ping that is unanswered, not from the last message."""

    preset: Annotated[
        Literal["tolerant", "strict"] | UnsetType,
        Meta(description="tolerant: dead after 35 s of silence; strict: after 2 s."),
    ] = UNSET
    interval_ms: Annotated[
        Requested | UnsetType, Meta(description="Between pings on an idle line. Default 30000.")
    ] = UNSET
    suspect_after_ms: Annotated[Requested | UnsetType, Meta(description="Default 5000; strict 1000.")] = UNSET
    dead_after_ms: Annotated[Requested | UnsetType, Meta(description="Default 35000; strict 2000.")] = UNSET


class ReconnectSettings(Params):
    """When and how often to try again. Exponential backoff with full jitter."""

    enabled: bool | UnsetType = UNSET
    max_attempts: (
        Annotated[
            int,
            Meta(ge=0, le=1_000_000, description="Attempts that reached the service and failed. Default 5."),
        ]
        | UnsetType
    ) = UNSET
    max_elapsed_ms: Annotated[Requested | UnsetType, Meta(description="Default 600000.")] = UNSET
    base_delay_ms: Annotated[Requested | UnsetType, Meta(description="Default 1000.")] = UNSET
    max_delay_ms: Annotated[Requested | UnsetType, Meta(description="Default 30000.")] = UNSET
    factor: Annotated[float, Meta(ge=1, le=10, description="Default 2.")] | UnsetType = UNSET
    stable_after_ms: Annotated[
        Requested | UnsetType,
        Meta(description="A connection this old with a sign of life resets the counters. Default 10000."),
    ] = UNSET


class DeadlineSettings(Params):
    """Deadlines of each step of an attempt, of the close, and of `session/open` as a whole."""

    dial_ms: Annotated[Requested | UnsetType, Meta(description="DNS and TCP. Default 5000.")] = UNSET
    handshake_ms: (
        Annotated[int, Meta(ge=500, le=86_400_000, description="TLS and upgrade. Default 5000, floor 500.")]
        | UnsetType
    ) = UNSET
    setup_ms: Annotated[Requested | UnsetType, Meta(description="Default 8000.")] = UNSET
    attempt_ms: (
        Annotated[
            int, Meta(ge=1000, le=86_400_000, description="One whole attempt. Default 15000, floor 1000.")
        ]
        | UnsetType
    ) = UNSET
    close_ms: Annotated[Requested | UnsetType, Meta(description="Wait for the close echo. Default 2000.")] = (
        UNSET
    )
    drain_ms: Annotated[
        Milliseconds | UnsetType,
        Meta(description="On close, wait so long for what was accepted to be confirmed. Default 1000."),
    ] = UNSET
    open_ms: Annotated[
        Requested | UnsetType, Meta(description="`session/open` rejects after this. Default 30000.")
    ] = UNSET


class OutboxSettings(Params):
    """What is kept for the service while the line is down or unconfirmed."""

    ring_ms: Annotated[
        Requested | UnsetType,
        Meta(description="Audio kept until confirmed. Default 45000; never under deadAfter."),
    ] = UNSET
    max_bytes: (
        Annotated[int, Meta(ge=65_536, le=268_435_456, description="All that is kept. Default 16777216.")]
        | UnsetType
    ) = UNSET
    replay_unconfirmed: Annotated[
        bool | UnsetType,
        Meta(description="Send again after a cut what was written and not confirmed. Default true."),
    ] = UNSET
    flush_rate: (
        Annotated[
            float, Meta(ge=1, le=1000, description="Backlog leaves at this multiple of real time. Default 4.")
        ]
        | UnsetType
    ) = UNSET


class ResumptionSettings(Params):
    """Session resumption."""

    enabled: Annotated[
        bool | UnsetType, Meta(description="Ask the service for handles and resume with them. Default true.")
    ] = UNSET
    handle: (
        Annotated[
            str,
            Meta(
                min_length=1,
                max_length=16_384,
                description="A handle exported earlier: the session resumes with it.",
            ),
        ]
        | UnsetType
    ) = UNSET

    def __repr__(self) -> str:
        return f"ResumptionSettings(enabled={self.enabled}, handle={'<secret>' if self.handle else None})"


class SessionSettings(Params):
    """All settings of a session; what is absent keeps its default."""

    heartbeat: HeartbeatSettings = field(default_factory=HeartbeatSettings)
    reconnect: ReconnectSettings = field(default_factory=ReconnectSettings)
    deadlines: DeadlineSettings = field(default_factory=DeadlineSettings)
    outbox: OutboxSettings = field(default_factory=OutboxSettings)
    resumption: ResumptionSettings = field(default_factory=ResumptionSettings)


EventName = Literal[
    "session/stateChanged",
    "session/setupSent",
    "session/message",
    "session/invalidMessage",
    "session/transcript",
    "session/turn",
    "session/toolCall",
    "session/toolCallCancelled",
    "session/goAway",
    "session/resumption",
    "session/reconnecting",
    "session/reconnected",
    "session/health",
    "session/queue",
    "session/dropped",
    "session/error",
]


class NotificationChoice(Params):
    exclude: Annotated[
        list[EventName],
        Meta(description="Kinds this session must not send. `session/stateChanged` cannot be excluded."),
    ] = []


class OpenParams(Params):
    """Open a session; answered when it is usable. Transient faults are retried until `openMs`."""

    session_id: SessionId
    auth: Auth
    setup: Annotated[
        dict[str, Any], Meta(description="The Live API's setup message, as it is; `model` is required.")
    ]
    endpoint: Endpoint = field(default_factory=Endpoint)
    settings: SessionSettings = field(default_factory=SessionSettings)
    notifications: NotificationChoice = field(default_factory=NotificationChoice)


class QueueReport(Body, kw_only=True):
    """The outbox in figures. They always balance:
    offered = accepted + refused; accepted = held + unconfirmed + confirmed + dropped (all in ms of audio)."""

    accepted_through: Annotated[
        int, Meta(description="Highest chunk number accepted; -1 before the first.")
    ] = -1
    sent_through: Annotated[
        int, Meta(description="Highest number written on the present line or confirmed.")
    ] = -1
    confirmed_through: Annotated[
        int, Meta(description="All up to here is confirmed or reported dropped.")
    ] = -1
    offered_ms: float
    accepted_ms: float
    refused_ms: float
    held_ms: Annotated[float, Meta(description="Accepted, not written on the present line.")]
    unconfirmed_ms: Annotated[float, Meta(description="Written, no pong yet for a ping written after it.")]
    confirmed_ms: float
    dropped_ms: Annotated[
        float,
        Meta(description="Ended without delivery, or nobody knows; `session/dropped` tells each range."),
    ]
    presumed_ms: Annotated[
        float,
        Meta(description="Of the confirmed, what no pong confirmed but TCP and later inbound bytes did."),
    ]
    replayed_ms: Annotated[float, Meta(description="Written more than once.")]
    maybe_doubled_ms: Annotated[
        float, Meta(description="Of the replayed, what may have arrived the first time.")
    ]
    held_messages: int
    unconfirmed_messages: int


class SessionSnapshot(Body, kw_only=True):
    """A session as it stands."""

    session_id: str
    state: State
    phase: Phase | UnsetType = UNSET
    revision: Annotated[
        int, Meta(description="Grows with every change of state or phase; the newer one wins.")
    ]
    attempt: int
    reason: str | UnsetType = UNSET
    retry_in_ms: Milliseconds | UnsetType = UNSET
    state_restored: StateRestored | UnsetType = UNSET
    connection_id: str | UnsetType = UNSET
    resumable: bool
    rtt_ms: float | UnsetType = UNSET
    queue: QueueReport
    error: ErrorData | UnsetType = UNSET


class SessionRef(Params):
    session_id: SessionId


class CloseParams(Params):
    """Stop input, let what was accepted be confirmed until `drainMs`, close with 1000. Idempotent."""

    session_id: SessionId
    drain_ms: Annotated[
        Milliseconds | UnsetType, Meta(description="Default `settings.deadlines.drainMs`.")
    ] = UNSET


class SessionList(Body):
    sessions: list[SessionSnapshot]


class WaitParams(Params):
    """Answer as soon as the session is in one of `states`, or with `deadlineExceeded`."""

    session_id: SessionId
    states: Annotated[list[State], Meta(min_length=1)]
    timeout_ms: Requested = 30_000


class SessionPingResult(Body):
    rtt_ms: float


class SendParams(Params):
    """One client message, exactly one of the three, in the Live API's own shape."""

    session_id: SessionId
    n: ChunkNumber | UnsetType = UNSET
    realtime_input: dict[str, Any] | UnsetType = UNSET
    client_content: dict[str, Any] | UnsetType = UNSET
    tool_response: dict[str, Any] | UnsetType = UNSET


class SendResult(Body):
    """`sent`: written to the line. `held`: accepted, and waits for the line or its turn."""

    status: Literal["sent", "held"]


class SendAudioParams(Params):
    """One chunk of PCM16 audio. `data` is base64, standard or URL-safe; it is checked, not re-encoded.
    A number that was accepted before is taken as an offer repeated, and ignored."""

    session_id: SessionId
    n: ChunkNumber
    data: str
    mime_type: Annotated[str, Meta(pattern=r"^audio/pcm;rate=[0-9]{4,6}$(?!\n)")] = "audio/pcm;rate=16000"


# --- notifications of a session -------------------------------------------------------------------


class Stamp(Body):
    """On every notification of a session, before its own fields."""

    session_id: str
    instance_id: str
    seq: Annotated[int, Meta(description="Per session from 1, without gaps, given at the moment of writing.")]


class StateChanged(Body, kw_only=True):
    """The state or phase changed."""

    revision: int
    state: State
    phase: Phase | UnsetType = UNSET
    previous: State
    previous_phase: Phase | UnsetType = UNSET
    reason: Annotated[str, Meta(description="Why: a documented reason code.")]
    attempt: int
    retry_in_ms: Milliseconds | UnsetType = UNSET
    state_restored: StateRestored | UnsetType = UNSET
    connection_id: str | UnsetType = UNSET
    error: ErrorData | UnsetType = UNSET


class SetupSent(Body):
    """The setup message went out; without the handle."""

    connection_id: str
    resuming: bool
    setup: dict[str, Any]


class Message(Body):
    """A server message exactly as it came (a secret handle inside `sessionResumptionUpdate` apart)."""

    message: dict[str, Any]


class InvalidMessage(Body):
    """A frame that is not a JSON object in UTF-8. The session lives on."""

    reason: str
    size_bytes: int


class Transcript(Body):
    """Text of the user or the model. Deltas have `final: false`; one final a turn carries the whole text."""

    source: Literal["user", "model"]
    text: str
    final: bool
    turn_id: int
    cut: bool = False


class Turn(Body):
    """The model's turn began, ended its generation, was interrupted, or is complete."""

    turn_id: int
    event: Literal["started", "generationComplete", "interrupted", "complete"]
    cut: Annotated[
        bool,
        Meta(
            description="The line was cut in the middle: no `complete` follows, and what comes is a new turn."
        ),
    ] = False


class ToolCall(Body):
    """One function call; answer with `session/send` `toolResponse`."""

    id: str
    name: str
    args: dict[str, Any]


class ToolCallCancelled(Body):
    """These calls must not be answered any more."""

    ids: list[str]


class GoAway(Body):
    """The service will end this connection; the sidecar moves the session in time."""

    time_left_ms: Milliseconds


class Resumption(Body):
    """The newest handle. The only notification that carries a secret: keep it out of logs."""

    resumable: bool
    handle: str | UnsetType = UNSET


class Reconnecting(Body):
    """A reconnect was decided."""

    attempt: int
    delay_ms: Milliseconds
    mode: Literal["resume", "fresh"]
    planned: bool
    reason: str
    error: ErrorData | UnsetType = UNSET


class Reconnected(Body):
    """The session is usable again."""

    attempt: int
    gap_ms: Annotated[
        Milliseconds, Meta(description="From the cut, or the start of the hand-over, to setupComplete.")
    ]
    state_restored: StateRestored
    held_ms: Annotated[float, Meta(description="Audio that waits to be sent, the replayed part included.")]
    replayed_ms: Annotated[
        float, Meta(description="Of it, what was written on an earlier line and is sent again.")
    ]


class Health(Body):
    """Round trip of the newest pong, and its moving average."""

    rtt_ms: float
    rtt_average_ms: float
    silence_ms: Milliseconds


class Dropped(Body):
    """Accepted messages that will not arrive for certain, or of which it is not known."""

    reason: Literal["outboxFull", "sessionLost", "deliveryUnknown", "sessionClosed", "hostNotReading"]
    kind: Literal["audio", "video", "text", "activity", "control", "content", "toolResponse", "modelAudio"]
    count: int
    duration_ms: float = 0
    from_n: int | UnsetType = UNSET
    through_n: int | UnsetType = UNSET
    ids: Annotated[list[str] | UnsetType, Meta(description="Of tool responses.")] = UNSET


class SessionError(Body):
    """Something went wrong. `fatal`: the session stays `failed` until `session/reconnect`."""

    error: ErrorData
    fatal: bool
    n: int | UnsetType = UNSET


class Log(Body):
    """A note of the process: above all, why a notification of the host was not obeyed."""

    level: LogLevel
    message: str
    instance_id: str
    data: dict[str, Any] | UnsetType = UNSET


# --- the tables -----------------------------------------------------------------------------------


class Method(Struct, frozen=True):
    """A row of the method table. `result` is None for a notification of the host."""

    params: type[Struct]
    result: type[Struct] | None
    summary: str


METHODS: dict[str, Method] = {
    "initialize": Method(InitializeParams, InitializeResult, "Open the conversation; must come first."),
    "rpc.discover": Method(NoParams, OpenRpcDocument, "The OpenRPC document of this protocol."),
    "ping": Method(NoParams, PingResult, "Answered at once by a process that is well."),
    "shutdown": Method(NoParams, Empty, "Close every session gracefully; then send `exit` or end stdin."),
    "exit": Method(NoParams, None, "End the process now."),
    "$/cancelRequest": Method(CancelParams, None, "Cancel a call in flight."),
    "session/open": Method(OpenParams, SessionSnapshot, "Open a session; answered when it is usable."),
    "session/close": Method(CloseParams, SessionSnapshot, "Close a session gracefully."),
    "session/get": Method(SessionRef, SessionSnapshot, "The session as it stands."),
    "session/list": Method(NoParams, SessionList, "All open sessions."),
    "session/wait": Method(WaitParams, SessionSnapshot, "Wait for a state."),
    "session/reconnect": Method(
        SessionRef,
        SessionSnapshot,
        "Reconnect now: ends a wait, revives a failed session, replaces a live line.",
    ),
    "session/ping": Method(SessionRef, SessionPingResult, "Ping the service and measure the round trip."),
    "session/send": Method(
        SendParams, SendResult, "Send one message; order of acceptance is order on the wire."
    ),
    "session/sendAudio": Method(SendAudioParams, None, "Send one chunk of audio."),
}

EVENTS: dict[str, type[Struct]] = {
    "session/stateChanged": StateChanged,
    "session/setupSent": SetupSent,
    "session/message": Message,
    "session/invalidMessage": InvalidMessage,
    "session/transcript": Transcript,
    "session/turn": Turn,
    "session/toolCall": ToolCall,
    "session/toolCallCancelled": ToolCallCancelled,
    "session/goAway": GoAway,
    "session/resumption": Resumption,
    "session/reconnecting": Reconnecting,
    "session/reconnected": Reconnected,
    "session/health": Health,
    "session/queue": QueueReport,
    "session/dropped": Dropped,
    "session/error": SessionError,
}
"""Notifications of a session; each is preceded by the fields of `Stamp`."""

PROCESS_EVENTS: dict[str, type[Struct]] = {"log": Log}
"""Notifications of the process; they have no `seq`."""
