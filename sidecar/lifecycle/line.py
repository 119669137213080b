"""One live line, from setupComplete to its end: what is known of it, and what is due on it.

A new line is a new object, so nothing of an old line can leak into the next.
"""

from enum import Enum, auto

from sidecar.lifecycle.handover import Schedule
from sidecar.lifecycle.liveness import NEVER, Liveness, Verdict
from sidecar.lifecycle.settings import Settings


class News(Enum):
    """What a tick found."""

    PING = auto()
    SUSPECT = auto()
    DEAD = auto()
    STABLE = auto()
    HAND_OVER = auto()
    PROVEN = auto()


class Line:
    """State of one line.

    Attributes:
        answered_once: the service answered something after setupComplete, if only a ping.
        born_at: when setupComplete came.
        unproven: it began as a resume that the service may still refuse (LP 4.4).
        stable: it lived for `stable_after_s`, gave a sign of life after setupComplete, and is not silent.
        suspect: it is silent for longer than it should be.
        closing: nothing more is written; the line is being left.
        close_sent: our close frame is out.
        unacked_bytes: of what was written until the last inbound byte, what the other side's TCP had not
            acknowledged then; None where the system does not tell.
        pong: number of the newest pong. On an unproven line it confirms nothing yet: a service that
            refuses the session after setupComplete answers pings too, and takes nothing.
    """

    __slots__ = (
        "_settings", "answered_once", "born_at", "close_sent", "closing", "liveness", "pong", "quiet",
        "schedule", "stable", "suspect", "unacked_bytes", "unproven",
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
        self.closing = False
        self.close_sent = False
        self.pong = 0
        self.unacked_bytes: int | None = None
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
        self.unacked_bytes = unacked_bytes
        recovered, self.suspect = self.suspect, False
        return recovered

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
        if not self.closing and self.schedule.due(now, quiet=self.quiet):
            news.append(News.HAND_OVER)
        return news
