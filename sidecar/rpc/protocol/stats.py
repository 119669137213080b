"""Counters and histograms: `session/stats` and `diagnostics/dump`."""

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from sidecar.rpc.protocol.calls import QueueReport, SessionSnapshot
from sidecar.rpc.protocol.process import SidecarInfo
from sidecar.rpc.protocol.settings import SessionSettings
from sidecar.rpc.protocol.words import Body, Params, Quality, SessionId


class StatsParams(Params):
    """Of the process, and of one session if it is named."""

    session_id: SessionId | UnsetType = UNSET


class Bucket(Body, omit_defaults=False):
    """How many values were at most `leMs`, and over the bucket before; null: no upper bound."""

    le_ms: float | None
    count: int


class Histogram(Body, omit_defaults=False):
    """How often which duration was measured."""

    count: int
    sum_ms: float
    max_ms: float
    buckets: list[Bucket]


class StepTimings(Body):
    """How long each step of a connection took; a step that was not reached is absent."""

    connection_id: str | UnsetType = UNSET
    dns_ms: float | UnsetType = UNSET
    tcp_ms: Annotated[float | UnsetType, Meta(description="Through a proxy: to the proxy.")] = UNSET
    proxy_ms: Annotated[float | UnsetType, Meta(description="From there to the service.")] = UNSET
    tls_ms: float | UnsetType = UNSET
    upgrade_ms: float | UnsetType = UNSET
    setup_ms: float | UnsetType = UNSET


class ConnectionStats(Body, omit_defaults=False):
    """Attempts and connections. attempts = connected + failed + the one under way."""

    attempts: int
    connected: int
    failed: int
    losses: Annotated[int, Meta(description="Live connections that ended unplanned.")]
    hand_overs: Annotated[int, Meta(description="Live connections that were left on purpose.")]
    go_aways: int
    resumes_tried: int
    resumes_ok: int
    resumes_refused: int
    fresh: Annotated[int, Meta(description="Fresh sessions in place of a lost one.")]
    reseeded: int
    sleeps: Annotated[int, Meta(description="Times the machine was found to have slept.")]
    stalls: int
    breaker_trips: int
    uptime_ms: Annotated[float, Meta(description="In `connected`, all connections together.")]
    downtime_ms: Annotated[
        float, Meta(description="Not in `connected` since the first time, `suspended` not counted.")
    ]
    gaps: Annotated[
        Histogram, Meta(description="From the loss, or the start of a hand-over, to setupComplete.")
    ]
    steps: dict[str, Histogram]
    last: Annotated[StepTimings, Meta(description="Of the newest attempt.")]


class LivenessStats(Body, kw_only=True):
    """Round trips and the line's health."""

    pings: int = 0
    pongs: int = 0
    unanswered: Annotated[int, Meta(description="Pings of the present line that wait for their pong.")] = 0
    rtt_ms: float | UnsetType = UNSET
    rtt_average_ms: float | UnsetType = UNSET
    rtt_p50_ms: float | UnsetType = UNSET
    rtt_p95_ms: float | UnsetType = UNSET
    rtt: Histogram
    silence_ms: float = 0
    health_score: int = 0
    quality: Quality | UnsetType = UNSET


class TrafficStats(Body, omit_defaults=False):
    """On the wire. Bytes are those of TCP's payload, after TLS; frames are WebSocket frames of every kind."""

    bytes_sent: int
    bytes_received: int
    frames_sent: int
    frames_received: int


class TlsStats(Body, kw_only=True):
    """What TLS agreed on with the service."""

    version: Annotated[str, Meta(description="Such as `TLSv1.3`.")]
    cipher: Annotated[str, Meta(description="OpenSSL's name of the cipher suite.")]
    server_name: Annotated[str, Meta(description="The name that the certificate was to be for.")]
    verified: Annotated[bool, Meta(description="False with `tls.verify` false.")]
    certificate_expires_at: Annotated[int | UnsetType, Meta(description="Unix time, ms.")] = UNSET


class QueueHighWater(Body, omit_defaults=False):
    """The most that was kept at once."""

    held_ms: float
    unconfirmed_ms: float
    messages: int
    bytes: int


class PastError(Body):
    """One entry of the error history."""

    at: Annotated[int, Meta(description="Unix time, ms.")]
    kind: str
    message: str
    fatal: bool


class ErrorStats(Body, omit_defaults=False):
    total: int
    fatal: int
    by_kind: dict[str, int]
    recent: Annotated[list[PastError], Meta(description="The newest 50, oldest first.")]


class SessionStats(Body, kw_only=True):
    """Everything that is counted for one session, since it was opened."""

    session_id: str
    age_ms: float
    connections: ConnectionStats
    liveness: LivenessStats
    traffic: TrafficStats
    queue: QueueReport
    high_water: QueueHighWater
    errors: ErrorStats
    tls: Annotated[TlsStats | UnsetType, Meta(description="Of the present line; absent without TLS.")] = UNSET
    proxy: Annotated[
        str | UnsetType, Meta(description="Host and port of the present line's proxy; absent without one.")
    ] = UNSET


class ProcessStats(Body, kw_only=True):
    """The process as a whole."""

    uptime_ms: float
    sessions: int
    sessions_opened: int
    cpu_ms: float
    resident_bytes: Annotated[int | UnsetType, Meta(description="Where the system tells.")] = UNSET
    tasks: int
    threads: int
    queued_bytes: Annotated[int, Meta(description="Lines that wait for the host to read them.")]


class StatsResult(Body):
    process: ProcessStats
    session: SessionStats | UnsetType = UNSET


class SessionDump(Body):
    snapshot: SessionSnapshot
    settings: SessionSettings
    stats: SessionStats


class DiagnosticsResult(Body):
    """All there is to say for a bug report; no secret, and nothing of what was said."""

    at: Annotated[int, Meta(description="Unix time, ms.")]
    instance_id: str
    sidecar: SidecarInfo
    process: ProcessStats
    sessions: list[SessionDump]
