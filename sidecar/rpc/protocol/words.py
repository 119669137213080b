"""Limits, vocabulary, and the two kinds of Struct."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

PROTOCOL_VERSION = "1"

MAX_LINE_BYTES = 16 * 1024 * 1024
"""One limit for a line in, a line out and a server frame (design section 2)."""
MAX_BATCH = 50
"""Members in one JSON-RPC batch."""
MAX_CALLS_IN_FLIGHT = 128
"""Calls accepted and not yet answered on the wire."""

State = Literal[
    "disconnected", "connecting", "connected", "reconnecting", "suspended", "disconnecting", "failed"
]
Phase = Literal["dialing", "handshaking", "setup", "waiting", "parked", "active", "suspect", "draining"]
StateRestored = Literal["resumed", "reseeded", "fresh"]
FaultAction = Literal["retry", "resume", "fresh", "refreshToken", "slowDown", "stop"]
Quality = Literal["excellent", "good", "poor", "unstable"]
BreakerState = Literal["closed", "open", "halfOpen"]
Demand = Literal["turnComplete", "audioStreamEnd", "activityEnd", "toolResponse", "text", "speech"]
Family = Literal["developer", "vertex"]
TokenType = Literal["bearer", "ephemeralToken"]
TokenReason = Literal["open", "expired", "refused"]
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
QuotaProject = Annotated[
    str,
    Meta(
        max_length=128,
        pattern=r"^[A-Za-z0-9:.\-]*$(?!\n)",
        description="Who is billed, sent as `x-goog-user-project`; empty: the credential's own project.",
    ),
]
Milliseconds = Annotated[int, Meta(ge=0, le=2**53 - 1)]
Requested = Annotated[int, Meta(ge=1, le=86_400_000)]


class Params(Struct, rename="camel", kw_only=True, forbid_unknown_fields=True):
    """What the host sends. An unknown field is an error: a misspelt setting must not pass silently."""


class Body(Struct, rename="camel", kw_only=True, omit_defaults=True):
    """What the sidecar sends. Readers must tolerate fields they do not know."""
