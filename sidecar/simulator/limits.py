"""How long connections and sessions last (LP 4.1). Pure: ages come in, what is due comes out.

Script times are service time, which runs `timeScale` times faster than the clock; what comes out is seconds
of the clock, the client's.
"""

from typing import NamedTuple

from .refusals import Refusal, known
from .script import Script


class Due(NamedTuple):
    """After `after_s` the client is told to go, with `left_s` to do it; or with None, it is closed."""

    after_s: float
    left_s: float | None
    refusal: Refusal
    """How the connection is closed: at once, or when a client that was told to go did not."""


def of_connection(script: Script) -> list[Due]:
    """What awaits a connection, counted from its setupComplete."""
    due = []
    if script.go_away_at_ms is not None:
        left_s = _clock_s(script, script.go_away_left_ms)
        due.append(Due(_clock_s(script, script.go_away_at_ms), left_s, known(script.go_away_overrun)))
    if script.deadline_ms is not None:
        due.append(Due(_clock_s(script, script.deadline_ms), None, known("deadlineExpired")))
    return due


def of_session(script: Script, age_s: float, *, has_video: bool, compresses: bool) -> Due | None:
    """The end of a session whose context is not compressed. `age_s` is in service time.

    That it comes by goAway is a guess; the limits are documented, the way is not.
    """
    limit_ms = script.video_session_ms if has_video else script.audio_session_ms
    if compresses or limit_ms is None:
        return None
    remains_ms = max(0.0, limit_ms - age_s * 1000)
    left_ms = min(script.go_away_left_ms, remains_ms)
    return Due(
        _clock_s(script, remains_ms - left_ms), _clock_s(script, left_ms), known(script.go_away_overrun)
    )


def idle_timeout_s(script: Script) -> float | None:
    """A connection from which nothing came for this long is given up."""
    return None if script.idle_timeout_ms is None else _clock_s(script, script.idle_timeout_ms)


def _clock_s(script: Script, ms: float) -> float:
    return ms / 1000 / script.time_scale
