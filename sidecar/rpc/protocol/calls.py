"""The other calls to a session, and the snapshot that most of them answer."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType

from sidecar.rpc.protocol.errors import ErrorData
from sidecar.rpc.protocol.settings import SessionSettings
from sidecar.rpc.protocol.words import (
    Body,
    BreakerState,
    ChunkNumber,
    Milliseconds,
    Params,
    Phase,
    Quality,
    Requested,
    SessionId,
    State,
    StateRestored,
)


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
    health_score: Annotated[
        int, Meta(ge=0, le=100, description="0 without a line; see docs/lifecycle.md.")
    ] = 0
    quality: Quality | UnsetType = UNSET
    breaker: BreakerState = "closed"
    queue: QueueReport
    error: ErrorData | UnsetType = UNSET


class SessionRef(Params):
    session_id: SessionId


class CloseParams(Params):
    """Stop input, send what was accepted and wait for its confirmation, for `drainMs` at most, and close with
    1000. Without a line (connecting, reconnecting, suspended, failed) it closes at once, and what waited is
    dropped. A second call waits for the first; then the session is unknown."""

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


class ConfigureParams(Params):
    """Change settings of a running session. What is absent stays; an invalid patch changes nothing and the
    error names every wrong field. The line is kept: a change rules from the next decision on."""

    session_id: SessionId
    settings: SessionSettings


class ConfigureResult(Body):
    """All settings as they are in effect now."""

    settings: SessionSettings


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
