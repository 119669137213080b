"""What the world of the model holds, how time passes in it, and what it says of the events that a host is told."""

import heapq
from collections import deque
from collections.abc import Callable
from itertools import count

from sidecar.lifecycle import events as ev
from sidecar.lifecycle.core import Lifecycle
from sidecar.lifecycle.settings import Settings
from sidecar.lifecycle.states import State
from tests.model.ledger import Ledger
from tests.model.network import FOREVER, Pipe, Socket
from tests.model.service import Service
from tests.model.weather import GOOD, Attempt

MAX_TICKS_AT_ONCE = 50
MAX_DIALS, STORM_S = 30, 30.0
"""So many dials within so short a time are a storm, unless the host asked for them."""


class Ground:
    """Attributes may be set by rules.

    Args:
        acks_known: the system tells what TCP acknowledged.
    """

    def __init__(
        self, settings: Settings, *, handle_age_s: float | None, acks_known: bool, random: Callable[[], float]
    ) -> None:
        self.now = 1000.0
        self.service = Service()
        self.settings = settings
        self.given_handle = None
        if handle_age_s is not None:
            self.given_handle = self.service.new_handle(self.service.new_session())
        self.handle_age_s = handle_age_s
        self.core = Lifecycle(settings, random, handle=self.given_handle)
        self.ledger = Ledger(settings.outbox, settings.ring_s)
        self.acks_known = acks_known
        self.plans: deque[Attempt] = deque()
        self.default_plan = GOOD
        self.refuses_after_setup = False
        self.socket: Socket | None = None
        self.sockets: list[Socket] = []
        self.changes: list[ev.StateChanged] = []
        self.permanent: set[str] = set()
        self.asked_until = 0.0
        self.reached_failures = 0
        self.outage_since = self.now
        self.opened_at = self.now
        self.failures_due = 0
        self.calls_waiting = 0
        self.outcomes: list[str] = []
        self.closing_since: float | None = None
        self.finished = 0
        self.dial_times: deque[float] = deque(maxlen=MAX_DIALS)
        self._later: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self._came_at: float | None = None

    def run(self) -> None:
        """Carry out what the lifecycle decided."""
        raise NotImplementedError

    # --- what is told to the host -------------------------------------------------------------------

    def _state_changed(self, change: ev.StateChanged) -> None:
        before = self.changes[-1] if self.changes else None
        assert change.revision == (before.revision + 1 if before else 1)
        if before is not None:
            assert change.before == before.after
        self.changes.append(change)
        state = change.after[0]
        if state is State.CONNECTED:
            socket = self.socket
            assert socket is not None, "connected to nothing"
            assert socket.ready, "connected before setupComplete"
            if change.before[0] is not State.CONNECTED:
                self._check_restored(change, socket)
                self.asked_until = self.now  # the service took us
                self.permanent.clear()
                self._outcome("connected")
        elif state is State.FAILED:
            self.failures_due += 1
        elif state is State.DISCONNECTED:
            assert not self.core.outbox.drops, "losses are told before the end"
            self._outcome("closed")

    def _check_restored(self, change: ev.StateChanged, socket: Socket) -> None:
        """The truth about what was restored."""
        first = not any(s.ready for s in self.sockets[: socket.number])
        if socket.handle is not None:
            expected = "resumed"
        else:
            nothing_before = self.given_handle is None or not self.settings.resumption.enabled
            expected = None if first and nothing_before else "fresh"
        assert change.state_restored == expected

    def _failed(self, kind: str) -> None:
        """Giving up needs a reason that the world has seen."""
        self._outcome("failed")
        self.failures_due -= 1
        assert self.failures_due == 0, "each failure is told once"
        asked = self.now < self.asked_until
        reconnect = self.settings.reconnect
        reasons = {
            "openTimeout": self.now - self.opened_at >= self.settings.deadlines.open_s - 1e-6 or asked,
            "maxElapsed": self.now - self.outage_since >= reconnect.max_elapsed_s - 1e-6 or asked,
            "maxAttempts": self.reached_failures >= reconnect.max_attempts,
            "reconnectDisabled": not reconnect.enabled,
            "quotaExceeded": asked,
            "tryAgainLater": asked,
            "serviceUnavailable": asked,
        }
        assert kind in self.permanent or reasons.get(kind), f"no reason to give up with {kind}"

    def _outcome(self, what: str) -> None:
        """What the host is told that its wishes came to."""
        self.outcomes.append(what)
        self.calls_waiting = 0

    # --- time ---------------------------------------------------------------------------------------

    def later(self, delay_s: float, do: Callable[[], None]) -> None:
        heapq.heappush(self._later, (self.now + delay_s, next(self._order), do))

    def _then(self, socket: Socket, delay_s: float, do: Callable[[], None]) -> None:
        """A step of the attempt, as long as it is the present one."""
        self.later(delay_s, lambda: do() if self.socket is socket else None)

    def _later_for(self, socket: Socket, delay_s: float, do: Callable[[], None]) -> None:
        self.later(delay_s, lambda: do() if not socket.gone_for_the_service else None)

    def pass_time(self, seconds: float) -> None:
        """Every due moment is visited."""
        end, ticks, ticked_at = self.now + seconds, 0, -1.0
        while True:
            self._watch_stability()
            pipes = [] if self.socket is None else [self.socket.up, self.socket.down]
            pipe = min(pipes, key=Pipe.due_at, default=None)
            pipe_at = pipe.due_at() if pipe is not None else FOREVER
            later_at = self._later[0][0] if self._later else FOREVER
            tick_at = max(self.core.due_at(), self.now)
            at = min(pipe_at, later_at, tick_at)
            if at > end:
                break
            self.now = max(at, self.now)
            if pipe is not None and pipe_at == at:
                pipe.deliver_one()
            elif later_at == at:
                heapq.heappop(self._later)[2]()
            else:
                ticks = ticks + 1 if self.now == ticked_at else 0
                ticked_at = self.now
                assert ticks < MAX_TICKS_AT_ONCE, "a timer that is never done"
                self.core.tick(self.now)
            self.run()
        self.now = end

    def _watch_stability(self) -> None:
        """A line that was up for long enough, and shows it, ends the outage."""
        if self.socket is not None and self.socket.proven_at < self.now:
            self.outage_since, self.reached_failures = self.now, 0
