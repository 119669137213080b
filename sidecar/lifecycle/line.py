"""One live line, from setupComplete to its end: what is known of it, and what is due on it.

A new line is a new object, so nothing of an old line can leak into the next.
"""

from collections import deque
from enum import Enum, auto
from typing import NamedTuple

from sidecar.lifecycle.handover import Schedule
from sidecar.lifecycle.liveness import NEVER, Liveness, Verdict
from sidecar.lifecycle.settings import Settings


class News(Enum):
    """What a tick found."""

    PING = auto()
    SUSPECT = auto()
    DEAD = auto()
    STABLE = auto()
    PREPARE = auto()
    HAND_OVER = auto()
    PROVEN = auto()


class Heard(NamedTuple):
    """Bytes came in at this moment; of what was written until then, so much had the other side's TCP not
    acknowledged (None where the system does not tell)."""

    at: float
    unacked_bytes: int | None


MAX_QUEUE_S = 5.0
"""The longest delay that is taken for a queue on the way."""
TRAIL_STEP_S = 0.05
"""Of what was heard so closely together, the last is kept."""


class Line:
    """State of one line.

    Attributes:
        answered_once: the service answered something after setupComplete, if only a ping.
        born_at: when setupComplete came.
        unproven: it began as a resume that the service may still refuse (LP 4.4).
        stable: it lived for `stable_after_s`, gave a sign of life after setupComplete, and is not silent.
        suspect: it is silent for longer than it should be.
        closing: nothing more is written; the line is being left.
        prepared: what the next line needs was asked for, since this one will be left soon.
        close_sent: our close frame is out.
        pong: number of the newest pong. On an unproven line it confirms nothing yet: a service that
            refuses the session after setupComplete answers pings too, and takes nothing.
    """

    __slots__ = (
        "_settings",
        "answered_once",
        "born_at",
        "close_sent",
        "closing",
        "liveness",
        "pong",
        "prepared",
        "quiet",
        "schedule",
        "stable",
        "suspect",
        "trail",
        "unproven",
    )  # fmt: skip

    def __init__(self, settings: Settings, now: float, *, resuming: bool, quiet: bool) -> None:
        self._settings = settings
        self.born_at = now
        self.liveness = Liveness(settings.heartbeat, now)
        self.schedule = Schedule(settings.hand_over, now)
        self.quiet = quiet
        self.unproven = resuming
        self.stable = False
        self.suspect = False
        self.closing = self.prepared = False
        self.close_sent = False
        self.pong = 0
        self.trail: deque[Heard] = deque([Heard(now, None)])
        self.answered_once = False

    def configure(self, settings: Settings) -> None:
        """Other numbers from now on."""
        self._settings = settings
        self.liveness.settings = settings.heartbeat
        self.schedule.settings = settings.hand_over

    @property
    def _ping_due_at(self) -> float:
        return NEVER if self.close_sent else self.liveness.ping_due_at()  # nothing follows a close frame

    @property
    def _stable_at(self) -> float:
        return self.born_at + self._settings.reconnect.stable_after_s

    @property
    def _proven_at(self) -> float:
        return self.born_at + self._settings.hand_over.done_after_s

    def heard(self, now: float, unacked_bytes: int | None) -> bool:
        """Bytes came in; returns whether the line was suspect and is not any more."""
        self.liveness.heard(now)
        self._note_heard(Heard(now, unacked_bytes))
        recovered, self.suspect = self.suspect, False
        return recovered

    def _note_heard(self, heard: Heard) -> None:
        trail = self.trail
        if len(trail) > 1 and heard.at - trail[-2].at < TRAIL_STEP_S:
            trail.pop()
        trail.append(heard)
        settings = self._settings
        margin_s = min(settings.outbox.replay_margin_s, settings.ring_s)  # more is needed by nobody
        needed_until = trail[-2].at - max(margin_s, MAX_QUEUE_S)
        while len(trail) > 2 and trail[1].at <= needed_until:
            trail.popleft()

    def had(self, *, closed: bool) -> Heard | None:
        """The newest moment of which it can be said: what the other side's TCP had then, the service took,
        for it went on to speak `replay_margin_s` later. A service that hangs, a network that stands still,
        and a proxy on the way, acknowledge much that nobody reads. So the round trip, or the time that the
        oldest ping waits and what was written before it, lengthens the margin: that is a queue on the way.
        What is later than `MAX_QUEUE_S` is a service that takes its time for pongs (LP 6).

        Args:
            closed: the line ended with a close frame, which may come from one who read nothing before it.
        """
        trail = list(self.trail)
        spoke_at = trail[-2 if closed and len(trail) > 1 else -1].at
        settings = self._settings
        queue_s = self.liveness.lag_s(spoke_at) + settings.heartbeat.audio_interval_s
        latest = spoke_at - max(settings.outbox.replay_margin_s, min(queue_s, MAX_QUEUE_S))
        return next((heard for heard in reversed(trail) if heard.at <= latest), None)

    def answered(self, *, content: bool) -> bool:
        """The service answered: a frame, or a pong. Returns whether this proved that a resume was taken."""
        self.answered_once = True
        proven = content and self.unproven
        if proven:
            self.unproven = False
        return proven

    def due_at(self) -> float:
        """When to look again."""
        verdict = Verdict.SUSPECT if self.suspect else Verdict.ALIVE
        return min(
            self._ping_due_at,
            self.liveness.verdict_due_at(verdict),
            NEVER if self.stable or self.suspect or not self.answered_once else self._stable_at,
            self._proven_at if self.unproven else NEVER,
            NEVER if self.closing else self.schedule.next_due_at(quiet=self.quiet),
            NEVER if self.closing or self.prepared else self.schedule.prepares_at,
        )

    def tick(self, now: float, late_s: float) -> list[News]:
        """What is due. A dead line has no other news.

        Args:
            late_s: how long we were held up ourselves; that time is not the line's silence.
        """
        if late_s > 0:
            self.liveness.forgive(late_s)
        verdict = self.liveness.verdict(now)
        if verdict is Verdict.DEAD:
            return [News.DEAD]
        news: list[News] = []
        if self.unproven and now >= self._proven_at:
            self.unproven = False
            news.append(News.PROVEN)
        if verdict is Verdict.SUSPECT and not self.suspect:
            self.suspect = True
            news.append(News.SUSPECT)
        if self.answered_once and not self.stable and not self.suspect and now >= self._stable_at:
            self.stable = True
            news.append(News.STABLE)
        if now >= self._ping_due_at:
            news.append(News.PING)
        if not (self.closing or self.prepared) and now >= self.schedule.prepares_at:
            self.prepared = True
            news.append(News.PREPARE)  # which may show that this is no good moment
        elif not self.closing and self.schedule.due(now, quiet=self.quiet):
            news.append(News.HAND_OVER)
        return news
