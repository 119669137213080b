"""The timers of one connection: its own limits, its session's, its credential's, and idleness (LP 4.1)."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from . import limits
from .access import Admission
from .refusals import Refusal, known
from .script import Script
from .session import Session


class Line(Protocol):
    """What is needed of the connection."""

    def later(self, delay_s: float, call: Callable[[], None]) -> None: ...
    def close(self, code: int, reason: str) -> None: ...
    def go_away(self, time_left: str, left_s: float, overrun: Refusal) -> None: ...
    def heard_at_s(self) -> float: ...
    def service_s(self) -> float: ...


class Lifetime:
    def __init__(self, line: Line, script: Script) -> None:
        self._line = line
        self._script = script
        self._clock = asyncio.get_running_loop().time

    def opened(self, admission: Admission) -> None:
        """An ephemeral token ends its connection (LP 1.3), a bearer token when the script says so."""
        ends = {"tokenEnded": admission.token.expires_at_s if admission.token is not None else None}
        if self._script.token_expiry_closes:
            ends["badBearer"] = admission.bearer_until_s
        for like, at_s in ends.items():
            if at_s is not None:
                wait_s = (at_s - self._line.service_s()) / self._script.time_scale
                self._watch(limits.Due(wait_s, None, known(like)))
        self._watch_idle()

    def set_up(self, session: Session, *, compresses: bool) -> None:
        for due in limits.of_connection(self._script):
            self._watch(due)
        self.watch_session(session, compresses=compresses)

    def watch_session(self, session: Session, *, compresses: bool) -> None:
        """Also when its first image shortens the session's life."""
        age_s = self._line.service_s() - session.born_s
        due = limits.of_session(self._script, age_s, has_video=session.has_video, compresses=compresses)
        if due is not None:
            self._watch(due)

    def idle_left_s(self) -> float | None:
        """How long until the service gives the connection up, if nothing comes. None: it never does."""
        timeout_s = limits.idle_timeout_s(self._script)
        return None if timeout_s is None else max(0.0, self._line.heard_at_s() + timeout_s - self._clock())

    def _watch(self, due: limits.Due) -> None:
        left_s, refusal = due.left_s, due.refusal
        if left_s is None:
            self._line.later(due.after_s, lambda: self._line.close(*refusal))
        else:
            time_left = f"{left_s:.9g}s"
            self._line.later(due.after_s, lambda: self._line.go_away(time_left, left_s, refusal))

    def _watch_idle(self) -> None:
        left_s = self.idle_left_s()
        if left_s is None:
            return
        if left_s > 0:
            self._line.later(left_s, self._watch_idle)
        else:
            self._line.close(*known("cancelled"))
