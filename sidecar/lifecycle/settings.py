"""All numbers of the lifecycle, in seconds and bytes, with the defaults of design section 3.

Their names on the wire, their ranges and what each does stand in `docs/settings.md`.
"""

from typing import Literal

import msgspec
from msgspec import Struct

BackoffKind = Literal["exponential", "linear", "fibonacci", "list"]
JitterKind = Literal["full", "proportional", "none"]


class InvalidSettings(ValueError):
    """Settings that contradict each other; `problems` names each contradiction."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class Heartbeat(Struct, frozen=True, kw_only=True):
    """Liveness. `interval_s` rules the idle line; while audio flows, `audio_interval_s` does."""

    interval_s: float = 30.0
    audio_interval_s: float = 0.5
    suspect_after_s: float = 5.0
    dead_after_s: float = 35.0
    probe_s: float = 2.0
    """After a sleep or a change of network a line must answer one ping within this."""


TOLERANT = Heartbeat()
STRICT = Heartbeat(interval_s=0.5, suspect_after_s=1.0, dead_after_s=1.5)
"""A line that freezes is found within 2 s: silence begins with the next ping."""


class Reconnect(Struct, frozen=True, kw_only=True):
    """`max_attempts` counts only attempts that reached the service; the others end at `max_elapsed_s`."""

    enabled: bool = True
    max_attempts: int = 5
    max_elapsed_s: float = 600.0
    backoff: BackoffKind = "exponential"
    base_delay_s: float = 1.0
    max_delay_s: float = 30.0
    factor: float = 2.0
    delays_s: tuple[float, ...] = ()
    """For the kind `list`: the n-th failure waits the n-th entry, later ones the last."""
    jitter: JitterKind = "full"
    jitter_range: float = 0.1
    """For the kind `proportional`: uniform within this share of the delay, to either side."""
    stable_after_s: float = 10.0
    slow_lane_s: float = 65.0
    """Shortest wait after a quota refusal (LP 5, class R)."""


class BreakerLimits(Struct, frozen=True, kw_only=True):
    """The circuit breaker: `failures` within `window_s` open it for `open_s`; then one attempt is allowed."""

    enabled: bool = True
    failures: int = 5
    window_s: float = 120.0
    open_s: float = 30.0
    short_life_s: float = 60.0
    """A line that the service itself closed before this age is a failure too."""


class StallLimits(Struct, frozen=True, kw_only=True):
    """How long an answer that was asked for may take, and what follows."""

    after_s: float = 30.0
    action: Literal["event", "reconnect"] = "event"


class Deadlines(Struct, frozen=True, kw_only=True):
    """Deadlines of an attempt's steps, of the whole attempt, of the open and of the close."""

    dial_s: float = 5.0
    handshake_s: float = 5.0
    setup_s: float = 8.0
    attempt_s: float = 15.0
    open_s: float = 30.0
    drain_s: float = 1.0
    close_s: float = 2.0


class OutboxLimits(Struct, frozen=True, kw_only=True):
    """What may wait for the service."""

    ring_s: float = 45.0
    max_bytes: int = 16 * 1024 * 1024
    max_messages: int = 100_000
    """Of those that may be dropped: audio and video."""
    replay_unconfirmed: bool = True
    replay_margin_s: float = 1.0
    """What TCP had acknowledged so long before the last inbound byte is taken as delivered."""
    flush_rate: float = 4.0
    flush_burst_s: float = 0.5


class HandOver(Struct, frozen=True, kw_only=True):
    """Moving a session to a new line (LP 4.4 items 3-5; design section 3, Resumption and goAway)."""

    first_delay_s: float = 1.5
    retry_delay_s: float = 1.0
    window_s: float = 10.0
    """So long a 1011 on a resume means that the old owner is not gone yet."""
    drain_s: float = 1.0
    """So long a planned hand-over waits for what was written to be confirmed."""
    old_close_s: float = 0.25
    lead_s: float = 45.0
    margin_s: float = 8.0
    recycle_after_s: float = 55 * 60.0
    done_after_s: float = 1.0
    """A resume is done when it brought content or lasted so long."""


class ResumptionOptions(Struct, frozen=True, kw_only=True):
    """Keeping the conversation over a new connection."""

    enabled: bool = True
    handle_ttl_s: float = 2 * 3600.0
    """A handle older than this since its line ended is not tried (LP 4.1)."""
    reseed: bool = False
    """Give a fresh session the transcript of the one it replaces."""
    reseed_chars: int = 16_384
    """Of the transcript, the newest part of about this many characters."""


class Settings(Struct, frozen=True, kw_only=True):
    heartbeat: Heartbeat = TOLERANT
    reconnect: Reconnect = Reconnect()
    breaker: BreakerLimits = BreakerLimits()
    stall: StallLimits = StallLimits()
    deadlines: Deadlines = Deadlines()
    outbox: OutboxLimits = OutboxLimits()
    hand_over: HandOver = HandOver()
    resumption: ResumptionOptions = ResumptionOptions()

    @property
    def ring_s(self) -> float:
        """Always longer than `dead_after_s`, or a death found late would have lost its start."""
        return max(self.outbox.ring_s, self.heartbeat.dead_after_s + self.heartbeat.audio_interval_s + 1.0)

    def check(self) -> None:
        """Settings that are each in range may still contradict each other.

        Raises:
            InvalidSettings: they do.
        """
        problems = _bad_types(self) or _bad_numbers(self)
        problems = problems or [text for holds, text in _rules(self) if not holds]
        if problems:
            raise InvalidSettings(problems)


def _bad_types(settings: Settings) -> list[str]:
    """Nothing checks the types of what Python code gives."""
    try:
        msgspec.convert(msgspec.to_builtins(settings), Settings)
    except (msgspec.ValidationError, TypeError) as exc:
        return [str(exc)]
    return []


def _bad_numbers(settings: Settings) -> list[str]:
    """No number may be negative, and what is divided by, or repeats, must not be 0."""
    bad = []
    for section in settings.__struct_fields__:
        options = getattr(settings, section)
        for name in options.__struct_fields__:
            value = getattr(options, name)
            least = "more than 0" if f"{section}.{name}" in _POSITIVE else "0 or more"
            if isinstance(value, int | float) and not (value > 0 or (value == 0 and least == "0 or more")):
                bad.append(f"{section}.{name} must be {least}")
    return bad


_POSITIVE = frozenset(
    {
        "heartbeat.interval_s",
        "heartbeat.audio_interval_s",
        "heartbeat.suspect_after_s",
        "heartbeat.dead_after_s",
        "heartbeat.probe_s",
        "breaker.failures",
        "stall.after_s",
        "outbox.flush_rate",
        "outbox.flush_burst_s",
        "outbox.max_messages",
        "hand_over.retry_delay_s",
    }
)


def _rules(settings: Settings) -> list[tuple[bool, str]]:
    """Each rule between two settings: whether it holds, and what it says; names as on the wire."""
    heartbeat, reconnect, hand_over = settings.heartbeat, settings.reconnect, settings.hand_over
    return [
        (
            heartbeat.suspect_after_s <= heartbeat.dead_after_s,
            "heartbeat.suspectAfterMs must not be over heartbeat.deadAfterMs",
        ),
        (
            reconnect.base_delay_s <= reconnect.max_delay_s,
            "reconnect.baseDelayMs must not be over reconnect.maxDelayMs",
        ),
        (
            reconnect.backoff != "list" or bool(reconnect.delays_s),
            "reconnect.backoff `list` needs reconnect.delaysMs",
        ),
        (
            hand_over.margin_s <= hand_over.lead_s,
            "handOver.marginMs must not be over handOver.leadMs",
        ),
    ]
