"""All numbers of the lifecycle, in seconds and bytes, with the defaults of design section 3."""

from msgspec import Struct


class Heartbeat(Struct, frozen=True, kw_only=True):
    """Liveness. `interval_s` rules the idle line; while audio flows, `audio_interval_s` does."""

    interval_s: float = 30.0
    audio_interval_s: float = 0.5
    suspect_after_s: float = 5.0
    dead_after_s: float = 35.0


TOLERANT = Heartbeat()
STRICT = Heartbeat(interval_s=0.5, suspect_after_s=1.0, dead_after_s=2.0)


class Reconnect(Struct, frozen=True, kw_only=True):
    """`max_attempts` counts only attempts that reached the service; the others end at `max_elapsed_s`."""

    enabled: bool = True
    max_attempts: int = 5
    max_elapsed_s: float = 600.0
    base_delay_s: float = 1.0
    max_delay_s: float = 30.0
    factor: float = 2.0
    stable_after_s: float = 10.0
    slow_lane_s: float = 65.0
    """Shortest wait after a quota refusal (LP 5, class R)."""


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
    replay_unconfirmed: bool = True
    replay_margin_s: float = 1.0
    """What was written longer than this before the last inbound byte is taken as delivered."""
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


class Settings(Struct, frozen=True, kw_only=True):
    heartbeat: Heartbeat = TOLERANT
    reconnect: Reconnect = Reconnect()
    deadlines: Deadlines = Deadlines()
    outbox: OutboxLimits = OutboxLimits()
    hand_over: HandOver = HandOver()
    resumption: bool = True

    @property
    def ring_s(self) -> float:
        """Always longer than `dead_after_s`, or a death found late would have lost its start."""
        return max(self.outbox.ring_s, self.heartbeat.dead_after_s + self.heartbeat.audio_interval_s + 1.0)
