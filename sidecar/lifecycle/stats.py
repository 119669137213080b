"""What is counted for one session. Times in seconds; the notifier turns them into milliseconds."""

from bisect import bisect_left
from collections import Counter, deque
from math import ceil
from typing import Final, NamedTuple

from sidecar.lifecycle.faults import Fault
from sidecar.lifecycle.states import State

BOUNDS_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
"""Upper bounds of a histogram's buckets; one more takes the rest."""
STEPS: Final = ("dns", "tcp", "proxy", "tls", "upgrade", "setup")
ERRORS_KEPT = 50
RTT_SAMPLES = 128


class Histogram:
    """How often which duration was seen."""

    __slots__ = ("counts", "max_s", "sum_s")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS_S) + 1)
        self.sum_s = 0.0
        self.max_s = 0.0

    def add(self, value_s: float) -> None:
        self.counts[bisect_left(BOUNDS_S, value_s)] += 1
        self.sum_s += value_s
        self.max_s = max(self.max_s, value_s)

    @property
    def count(self) -> int:
        return sum(self.counts)


class PastError(NamedTuple):
    """One entry of the history; `at` by the session's clock."""

    at: float
    kind: str
    message: str
    fatal: bool


class Stats:
    """Counters of a session over all its lines; docs/protocol.md tells what each means."""

    def __init__(self) -> None:
        self.attempts = self.connected = self.failed = 0
        self.losses = self.hand_overs = self.go_aways = 0
        self.resumes_tried = self.resumes_ok = self.resumes_refused = 0
        self.fresh = self.reseeded = 0
        self.sleeps = self.stalls = 0
        self.pings = self.pongs = 0
        self.gaps = Histogram()
        self.rtt = Histogram()
        self.steps = {name: Histogram() for name in STEPS}
        self.last_steps: dict[str, float] = {}
        self.errors: Counter[str] = Counter()
        self.fatal_errors = 0
        self.recent_errors: deque[PastError] = deque(maxlen=ERRORS_KEPT)
        self._rtts: deque[float] = deque(maxlen=RTT_SAMPLES)
        self._step_at = 0.0
        self._up_s = self._down_s = 0.0
        self._counting = ""
        self._since = 0.0

    # --- an attempt, step by step -------------------------------------------------------------------

    def began(self, now: float) -> None:
        """The attempt's first step begins."""
        self._step_at = now
        self.last_steps = {}

    def step(self, name: str, now: float) -> None:
        """A step is done; the next begins."""
        took_s, self._step_at = now - self._step_at, now
        self.last_steps[name] = took_s
        self.steps[name].add(took_s)

    # --- a line ---------------------------------------------------------------------------------------

    def round_trip(self, rtt_s: float) -> None:
        self.pongs += 1
        self.rtt.add(rtt_s)
        self._rtts.append(rtt_s)

    def rtt_percentile_s(self, share: float) -> float | None:
        """Nearest rank, of the newest `RTT_SAMPLES` round trips."""
        if not self._rtts:
            return None
        ordered = sorted(self._rtts)
        return ordered[max(0, ceil(share * len(ordered)) - 1)]

    # --- the whole --------------------------------------------------------------------------------------

    def error(self, fault: Fault, now: float, *, fatal: bool) -> None:
        self.errors[fault.kind] += 1
        self.fatal_errors += fatal
        self.recent_errors.append(PastError(now, fault.kind, fault.message, fatal))

    def entered(self, state: State, now: float) -> None:
        """The session is in another state: what was counted until now is added up."""
        self._up_s, self._down_s = self.up_s(now), self.down_s(now)
        self._since = now
        if state is State.CONNECTED:
            self._counting = "up"
        elif state in (State.SUSPENDED, State.DISCONNECTED, State.DISCONNECTING):
            self._counting = ""
        elif self._up_s or self._counting:  # not before the first connection
            self._counting = "down"

    def up_s(self, now: float) -> float:
        """In `connected`."""
        return self._up_s + (now - self._since if self._counting == "up" else 0.0)

    def down_s(self, now: float) -> float:
        """Not in `connected` since the first time, and not on purpose."""
        return self._down_s + (now - self._since if self._counting == "down" else 0.0)
