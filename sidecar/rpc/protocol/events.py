"""Notifications: what the sidecar tells unasked."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType, field

from sidecar.rpc.protocol.errors import ErrorData
from sidecar.rpc.protocol.words import (
    Body,
    BreakerState,
    Demand,
    LogLevel,
    Milliseconds,
    Phase,
    Quality,
    State,
    StateRestored,
)


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
    """Text of the user or the model. Deltas have `final: false`; at the end of the turn a final carries the
    whole text, or one for each run of a speaker and language. A side's text that passes 32,768 characters
    before the end is told as final at once, and the next final has only what came after; nothing is cut."""

    source: Literal["user", "model"]
    text: str
    final: bool
    turn_id: int
    cut: bool = False
    interim: Annotated[
        bool, Meta(description="A guess that takes the place of the one before; it is in no final.")
    ] = False
    language_code: Annotated[str | UnsetType, Meta(description="Where the service tells it.")] = UNSET
    speaker_label: Annotated[str | UnsetType, Meta(description="Where the service tells it.")] = UNSET


class Turn(Body):
    """The model's turn began, ended its generation, was interrupted, or is complete; or the model waits for
    the user to go on; or its `interactionStatus` changed (`status`)."""

    turn_id: int
    event: Literal["started", "generationComplete", "interrupted", "complete", "waitingForInput", "status"]
    cut: Annotated[
        bool,
        Meta(
            description="The line was cut in the middle: no `complete` follows, and what comes is a new turn."
        ),
    ] = False
    turn_complete_reason: Annotated[
        str | UnsetType, Meta(description="Of `complete`: the service's own word for why.")
    ] = UNSET
    interaction_status: Annotated[
        str | UnsetType,
        Meta(description='The service\'s own: "IN_PROGRESS" after a turn means that more will follow.'),
    ] = UNSET


class ToolCall(Body):
    """One function call; answer with `session/send` `toolResponse`. With `willContinue` more of its arguments
    follows, in `partialArgs`."""

    id: str
    name: str
    args: dict[str, Any]
    partial_args: list[Any] | UnsetType = UNSET
    will_continue: bool = False


class Usage(Body):
    """Tokens in one form for both families, by the Developer API's names; the details by modality."""

    prompt_token_count: int = 0
    response_token_count: int = 0
    total_token_count: int = 0
    cached_content_token_count: int = 0
    tool_use_prompt_token_count: int = 0
    thoughts_token_count: int = 0
    prompt_tokens_details: dict[str, int] = field(default_factory=dict)
    response_tokens_details: dict[str, int] = field(default_factory=dict)


class UsageReport(Body):
    """The service counted tokens. A count that is 0 is absent. Each of its reports counts the whole context
    again, and is added up here."""

    turn_id: int
    turn: Annotated[Usage, Meta(description="Of this turn so far.")]
    session: Annotated[Usage, Meta(description="Of the session, over all its connections.")]


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
    """A reconnect was decided; or its wait was changed by a hint, then with the same attempt."""

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


class Health(Body, kw_only=True):
    """How well the line does: with each pong at most once a second, and when the quality changes."""

    health_score: Annotated[int, Meta(ge=0, le=100, description="See docs/lifecycle.md for the formula.")]
    quality: Quality
    rtt_ms: float | UnsetType = UNSET
    rtt_average_ms: Annotated[float | UnsetType, Meta(description="Moving average, weight 1/8.")] = UNSET
    rtt_p50_ms: Annotated[float | UnsetType, Meta(description="Of the newest 128 round trips.")] = UNSET
    rtt_p95_ms: float | UnsetType = UNSET
    silence_ms: Milliseconds
    pings: Annotated[int, Meta(description="Sent in this session.")]
    pongs: int
    unanswered: Annotated[int, Meta(description="Pings of the present line that wait for their pong.")]


class Breaker(Body):
    """The circuit breaker changed. Open: no attempt before `retryInMs`. Half open: one attempt decides."""

    state: BreakerState
    previous: BreakerState
    failures: Annotated[int, Meta(description="Within the window, when it opened.")]
    retry_in_ms: Milliseconds | UnsetType = UNSET


class Stalled(Body):
    """The line is alive, but an answer that was asked for did not come. The session goes on."""

    demand: Annotated[Demand, Meta(description="What asked for it.")]
    waited_ms: Milliseconds
    action: Annotated[
        Literal["event", "reconnect"], Meta(description="What follows: nothing, or a new line.")
    ]


class Dropped(Body):
    """Accepted messages that will not arrive for certain, or of which it is not known."""

    reason: Literal[
        "outboxFull", "sessionLost", "callCancelled", "deliveryUnknown", "sessionClosed", "hostNotReading"
    ]
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
