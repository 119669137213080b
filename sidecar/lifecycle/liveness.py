"""Whether the line is alive: own pings, and one number, the silence (design section 3, Liveness).

Silence runs from the first ping that was sent after the last inbound byte or pong. With no ping out
there is no silence: a healthy line may carry nothing for minutes (LP 6).
"""

from collections import deque
from enum import StrEnum

from sidecar.lifecycle.settings import Heartbeat

RTT_WEIGHT = 0.125
"""Of a new sample in the moving average (RFC 6298's alpha)."""

PROBE_RTTS = 2.0
"""A probe waits for so many average round trips at least."""

NEVER = float("inf")


class Verdict(StrEnum):
    ALIVE = "alive"
    SUSPECT = "suspect"
    DEAD = "dead"


class Liveness:
    """One per connection. Ping numbers start at 1; a pong answers its ping and all earlier ones."""

    __slots__ = (
        "_audio_waits", "_last_ping_at", "_probe_ends_at", "_sent", "_unanswered_since",
        "last_heard_at", "rtt_average_s", "rtt_s", "settings",
    )  # fmt: skip

    def __init__(self, settings: Heartbeat, now: float) -> None:
        self.settings = settings
        self._sent: deque[tuple[int, float]] = deque()
        self._last_ping_at = now
        self._unanswered_since: float | None = None
        self._audio_waits = False
        self._probe_ends_at = NEVER
        self.last_heard_at = now
        self.rtt_s: float | None = None
        self.rtt_average_s: float | None = None

    def heard(self, now: float) -> None:
        """Any inbound byte is life."""
        self.last_heard_at = now
        self._unanswered_since = None
        self._probe_ends_at = NEVER

    @property
    def unanswered(self) -> int:
        """Pings that wait for their pong."""
        return len(self._sent)

    def wrote(self) -> None:
        """Something was written whose delivery a pong must confirm."""
        self._audio_waits = True

    def hurry(self, now: float) -> None:
        """What was written is to be confirmed now, not in the next turn."""
        self._last_ping_at = now - self.settings.audio_interval_s
        self._audio_waits = True

    def probe(self, now: float) -> None:
        """There is reason to doubt the line: one ping now, and a sign of life within `probe_s`."""
        self._last_ping_at = now - max(self.settings.interval_s, self.settings.audio_interval_s)
        self._probe_ends_at = min(self._probe_ends_at, now + self._probe_s)

    def ping_due_at(self) -> float:
        s = self.settings
        return self._last_ping_at + (s.audio_interval_s if self._audio_waits else s.interval_s)

    def pinged(self, number: int, now: float) -> bool:
        """A ping goes out. Returns whether the silence begins with it."""
        self._sent.append((number, now))
        self._last_ping_at = now
        self._audio_waits = False
        first = self._unanswered_since is None
        if first:
            self._unanswered_since = now
        return first

    def pong(self, number: int, now: float) -> float | None:
        """Take a pong; returns its round trip in seconds, or None when it answers no ping of this line."""
        rtt: float | None = None
        while self._sent and self._sent[0][0] <= number:
            sent_number, sent_at = self._sent.popleft()
            if sent_number == number:
                rtt = now - sent_at
        if rtt is None:
            return None
        self.rtt_s = rtt
        average = self.rtt_average_s
        self.rtt_average_s = rtt if average is None else average + RTT_WEIGHT * (rtt - average)
        return rtt

    def lag_s(self, at: float) -> float:
        """How far the pongs were behind at this moment: the newest round trip, or the oldest ping's wait."""
        waited_s = at - self._sent[0][1] if self._sent else 0.0
        return max(self.rtt_s or 0.0, waited_s)

    def forgive(self, late_s: float) -> None:
        """Time in which we did not read ourselves is not the line's silence."""
        if self._unanswered_since is not None:
            self._unanswered_since += late_s
        self._probe_ends_at += late_s

    def uplink_moves(self, now: float) -> None:
        """The first unanswered ping has not left yet, and what is before it is leaving: a slow uplink is no
        silence."""
        if self._unanswered_since is not None:
            self._unanswered_since = now
        if self._probe_ends_at < NEVER:
            self._probe_ends_at = now + self._probe_s

    @property
    def _probe_s(self) -> float:
        """Longer where pongs are known to come late (LP 6)."""
        return max(self.settings.probe_s, PROBE_RTTS * (self.rtt_average_s or 0.0))

    def silence_s(self, now: float) -> float:
        return 0.0 if self._unanswered_since is None else max(0.0, now - self._unanswered_since)

    def verdict(self, now: float) -> Verdict:
        silence = self.silence_s(now)
        if silence >= self.settings.dead_after_s or now >= self._probe_ends_at:
            return Verdict.DEAD
        return Verdict.SUSPECT if silence >= self.settings.suspect_after_s else Verdict.ALIVE

    def verdict_due_at(self, current: Verdict) -> float:
        """When the verdict may become worse than `current`."""
        if current is Verdict.DEAD:
            return NEVER
        s = self.settings
        silent_since = NEVER if self._unanswered_since is None else self._unanswered_since
        worse_at = silent_since + (s.suspect_after_s if current is Verdict.ALIVE else s.dead_after_s)
        return min(worse_at, self._probe_ends_at)
