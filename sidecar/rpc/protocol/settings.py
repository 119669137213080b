"""The settings of a session: names, ranges, defaults and meaning. They make `docs/settings.md`."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType, field

from sidecar.rpc.protocol.words import Milliseconds, Params, Requested

Ratio = Annotated[float, Meta(ge=0, le=1)]


class HeartbeatSettings(Params):
    """Liveness. Silence runs from the first ping that is unanswered, not from the last message."""

    preset: Annotated[
        Literal["tolerant", "strict"] | UnsetType,
        Meta(
            description="tolerant (default): dead after 35 s of silence; strict: after 1.5 s, with a ping "
            "every 500 ms on an idle line too. Sets intervalMs, suspectAfterMs and deadAfterMs."
        ),
    ] = UNSET
    interval_ms: Annotated[
        Requested | UnsetType, Meta(description="Between pings on an idle line. Default 30000; strict 500.")
    ] = UNSET
    audio_interval_ms: Annotated[
        Requested | UnsetType, Meta(description="Between pings while audio is sent. Default 500.")
    ] = UNSET
    suspect_after_ms: Annotated[
        Requested | UnsetType,
        Meta(description="So long a silence makes the line suspect. Default 5000; strict 1000."),
    ] = UNSET
    dead_after_ms: Annotated[
        Requested | UnsetType,
        Meta(description="So long a silence ends the line. Default 35000; strict 1500."),
    ] = UNSET
    probe_ms: Annotated[
        Requested | UnsetType,
        Meta(
            description="After a sleep or a change of network a ping must be answered in this. Default 2000."
        ),
    ] = UNSET


class ReconnectSettings(Params):
    """When and how often to try again."""

    enabled: Annotated[
        bool | UnsetType, Meta(description="Whether a lost line is replaced at all. Default true.")
    ] = UNSET
    max_attempts: (
        Annotated[
            int,
            Meta(
                ge=0,
                le=1_000_000,
                description="Failed attempts in a row that reached the service, until the session gives up. "
                "Default 5.",
            ),
        ]
        | UnsetType
    ) = UNSET
    max_elapsed_ms: Annotated[
        Requested | UnsetType,
        Meta(description="An outage that lasts so long ends the session. Default 600000."),
    ] = UNSET
    backoff: Annotated[
        Literal["exponential", "linear", "fibonacci", "list"] | UnsetType,
        Meta(description="How the delay grows with each failure. Default exponential."),
    ] = UNSET
    base_delay_ms: Annotated[Requested | UnsetType, Meta(description="The first delay. Default 1000.")] = (
        UNSET
    )
    max_delay_ms: Annotated[
        Requested | UnsetType,
        Meta(description="The longest delay before its jitter, but for a list. Default 30000."),
    ] = UNSET
    factor: (
        Annotated[float, Meta(ge=1, le=10, description="Growth of the exponential backoff. Default 2.")]
        | UnsetType
    ) = UNSET
    delays_ms: Annotated[
        Annotated[list[Milliseconds], Meta(min_length=1, max_length=100)] | UnsetType,
        Meta(description="For `list`: the n-th failure waits the n-th entry, later ones the last."),
    ] = UNSET
    jitter: Annotated[
        Literal["full", "proportional", "none"] | UnsetType,
        Meta(
            description="full (default): uniform between 0 and the delay; proportional: within jitterRange "
            "of it; none: the delay itself."
        ),
    ] = UNSET
    jitter_range: Annotated[
        Ratio | UnsetType,
        Meta(description="For `proportional`: the share of the delay to either side. Default 0.1."),
    ] = UNSET
    stable_after_ms: Annotated[
        Requested | UnsetType,
        Meta(description="A connection this old with a sign of life resets the counters. Default 10000."),
    ] = UNSET
    slow_lane_ms: Annotated[
        Requested | UnsetType, Meta(description="Shortest wait after a quota was refused. Default 65000.")
    ] = UNSET


class BreakerSettings(Params):
    """The circuit breaker: who is refused again and again stops asking for a while."""

    enabled: Annotated[
        bool | UnsetType, Meta(description="Whether there is a breaker at all. Default true.")
    ] = UNSET
    failures: (
        Annotated[int, Meta(ge=1, le=1000, description="So many within windowMs open it. Default 5.")]
        | UnsetType
    ) = UNSET
    window_ms: Annotated[
        Requested | UnsetType, Meta(description="How far back failures count. Default 120000.")
    ] = UNSET
    open_ms: Annotated[
        Requested | UnsetType, Meta(description="So long no attempt is made; then one. Default 30000.")
    ] = UNSET
    short_life_ms: Annotated[
        Requested | UnsetType,
        Meta(
            description="A line that the service closed before this age counts as a failure. Default 60000."
        ),
    ] = UNSET


class StallSettings(Params):
    """An answer that was asked for and does not come. An open microphone alone asks for nothing."""

    after_ms: Annotated[
        Requested | UnsetType, Meta(description="So long an answer may take. Default 30000.")
    ] = UNSET
    action: Annotated[
        Literal["event", "reconnect"] | UnsetType,
        Meta(description="event (default): `session/stalled` tells it; reconnect: and a new line is made."),
    ] = UNSET


class DeadlineSettings(Params):
    """Deadlines of each step of an attempt, of the close, and of `session/open` as a whole."""

    dial_ms: Annotated[
        Requested | UnsetType,
        Meta(description="Name resolution and TCP; once more for a proxy's own way. Default 5000."),
    ] = UNSET
    handshake_ms: (
        Annotated[int, Meta(ge=500, le=86_400_000, description="TLS and upgrade. Default 5000.")] | UnsetType
    ) = UNSET
    setup_ms: Annotated[
        Requested | UnsetType, Meta(description="From setup to setupComplete. Default 8000.")
    ] = UNSET
    attempt_ms: (
        Annotated[int, Meta(ge=1000, le=86_400_000, description="One whole attempt. Default 15000.")]
        | UnsetType
    ) = UNSET
    close_ms: Annotated[
        Requested | UnsetType, Meta(description="Wait for the answer to our close frame. Default 2000.")
    ] = UNSET
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
        Meta(
            description="Audio kept until confirmed. Default 45000; never under "
            "deadAfterMs + audioIntervalMs + 1000."
        ),
    ] = UNSET
    max_bytes: (
        Annotated[int, Meta(ge=65_536, le=268_435_456, description="All that is kept. Default 16777216.")]
        | UnsetType
    ) = UNSET
    max_messages: (
        Annotated[int, Meta(ge=1, le=1_000_000, description="Audio and video messages kept. Default 100000.")]
        | UnsetType
    ) = UNSET
    replay_unconfirmed: Annotated[
        bool | UnsetType,
        Meta(description="Send again after a cut what was written and not confirmed. Default true."),
    ] = UNSET
    replay_margin_ms: Annotated[
        Milliseconds | UnsetType,
        Meta(
            description="What TCP had acknowledged so long before the last inbound byte is not sent again; "
            "the margin grows with the round trip, up to 5 s. Default 1000."
        ),
    ] = UNSET
    flush_rate: (
        Annotated[
            float, Meta(ge=1, le=1000, description="Backlog leaves at this multiple of real time. Default 4.")
        ]
        | UnsetType
    ) = UNSET
    flush_burst_ms: Annotated[
        Requested | UnsetType,
        Meta(description="Audio that may leave at once before the rate rules. Default 500."),
    ] = UNSET


class HandOverSettings(Params):
    """Moving a session to a new connection: after a cut, a goAway, or of old age."""

    first_delay_ms: Annotated[
        Milliseconds | UnsetType,
        Meta(description="From the end of the old line to the first resume. Default 1500."),
    ] = UNSET
    retry_delay_ms: Annotated[
        Requested | UnsetType,
        Meta(description="Between resumes while the service has not let go of the old line. Default 1000."),
    ] = UNSET
    window_ms: Annotated[
        Milliseconds | UnsetType,
        Meta(description="So long a 1011 only means that. After it a fresh session is tried. Default 10000."),
    ] = UNSET
    drain_ms: Annotated[
        Annotated[int, Meta(ge=0, le=60_000)] | UnsetType,
        Meta(description="A planned move waits so long for what was written to be confirmed. Default 1000."),
    ] = UNSET
    old_close_ms: Annotated[
        Requested | UnsetType,
        Meta(description="Wait for the old line's close before it is aborted. Default 250."),
    ] = UNSET
    lead_ms: Annotated[
        Requested | UnsetType,
        Meta(description="So long before the announced end a quiet moment is looked for. Default 45000."),
    ] = UNSET
    margin_ms: Annotated[
        Milliseconds | UnsetType,
        Meta(description="So long before the announced end the move is made in any case. Default 8000."),
    ] = UNSET
    recycle_after_ms: Annotated[
        Annotated[int, Meta(ge=60_000, le=86_400_000)] | UnsetType,
        Meta(description="A line of this age is moved without being told to. Default 3300000."),
    ] = UNSET
    done_after_ms: Annotated[
        Requested | UnsetType,
        Meta(description="A resume counts as taken when it brought content or lasted this. Default 1000."),
    ] = UNSET


class ResumptionSettings(Params):
    """Keeping the conversation over a new connection, and over a restart of the app."""

    enabled: Annotated[
        bool | UnsetType, Meta(description="Ask the service for handles and resume with them. Default true.")
    ] = UNSET
    handle: (
        Annotated[
            str,
            Meta(
                min_length=1,
                max_length=16_384,
                description="A handle exported earlier (`session/resumption`): the session resumes with it.",
            ),
        ]
        | UnsetType
    ) = UNSET
    previous_close_age_ms: Annotated[
        Milliseconds | UnsetType,
        Meta(
            description="How long ago the handle's last line ended, if known. It decides how long to wait "
            "for the service to let go of it, and whether the handle is too old to be tried."
        ),
    ] = UNSET
    handle_ttl_ms: Annotated[
        Annotated[int, Meta(ge=1, le=604_800_000)] | UnsetType,
        Meta(description="A handle is not tried when its line ended longer ago. Default 7200000."),
    ] = UNSET
    reseed: Annotated[
        bool | UnsetType,
        Meta(
            description="When a fresh session takes the place of a lost one, give it the transcript so far "
            "as its history. Needs transcription in the setup. Default false."
        ),
    ] = UNSET
    reseed_chars: (
        Annotated[
            int,
            Meta(
                ge=256,
                le=1_000_000,
                description="Of the transcript the newest part, about so long. Default 16384.",
            ),
        ]
        | UnsetType
    ) = UNSET

    def __repr__(self) -> str:
        return f"ResumptionSettings(enabled={self.enabled}, handle={'<secret>' if self.handle else None})"


class SessionSettings(Params):
    """All settings of a session; what is absent keeps its value, at the open its default."""

    heartbeat: HeartbeatSettings = field(default_factory=HeartbeatSettings)
    reconnect: ReconnectSettings = field(default_factory=ReconnectSettings)
    breaker: BreakerSettings = field(default_factory=BreakerSettings)
    stall: StallSettings = field(default_factory=StallSettings)
    deadlines: DeadlineSettings = field(default_factory=DeadlineSettings)
    outbox: OutboxSettings = field(default_factory=OutboxSettings)
    hand_over: HandOverSettings = field(default_factory=HandOverSettings)
    resumption: ResumptionSettings = field(default_factory=ResumptionSettings)


FIXED_SETTINGS: dict[str, str] = {
    "deadlines.openMs": "it rules `session/open` alone, and the session is open",
    "resumption.enabled": "the setup of the running session has asked for handles, or has not",
    "resumption.handle": "a session resumes with a given handle only when it is opened",
    "resumption.previousCloseAgeMs": "it belongs to the handle given at the open",
}
"""Settings that `session/configure` refuses, and why."""
