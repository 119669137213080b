"""The world around the lifecycle, on virtual time: a driver, a network, a service and a host, by rules of their own.

It carries out what the lifecycle decides and watches that nothing forbidden is decided. It never looks into the
tables of `sidecar.lifecycle`; what it holds as right stands in `docs/reliability.md`.
"""

from collections.abc import Callable
from typing import Any

from sidecar.lifecycle import events as ev
from sidecar.lifecycle.faults import Cause, Layer
from sidecar.lifecycle.item import Kind
from sidecar.lifecycle.states import State
from tests.model.driver import Driver
from tests.model.network import FOREVER
from tests.model.weather import GOOD, OVERRUN, Close

LATE_S = 0.25
END_STATES = {State.DISCONNECTED, State.FAILED}


class World(Driver):
    """What a host and the weather may do at any time, and what holds after each of it."""

    # --- what the host and the weather do: each may be called at any time ---------------------------

    def act(self, do: Callable[[float], Any]) -> None:
        """The host calls something."""
        do(self.now)
        self.run()

    def open(self) -> None:
        self.opened_at = self.outage_since = self.now
        self.calls_waiting += 1
        self.act(lambda now: self.core.open(now, previous_close_age_s=self.handle_age_s))

    def insist(self) -> None:
        """`session/reconnect`: it overrides every wait that somebody asked for, and waits for its outcome."""
        self.asked_until = self.now
        if not self.finished:
            self.calls_waiting += 1
        self.revive(self.core.reconnect)

    def revive(self, do: Callable[[float], Any]) -> None:
        """Something that may end a rest: then everything counts anew."""
        self.dial_times.clear()
        state = self.core.state
        if state in (State.FAILED, State.SUSPENDED):
            self.outage_since = self.now
        if state is State.FAILED:  # an open that was suspended keeps its deadline
            self.opened_at = self.now
        self.act(do)

    def close(self) -> None:
        self.act(self.core.close)

    def say(self, kind: Kind, times: int = 1, frame: bytes | None = None) -> None:
        for _ in range(times):
            self.ledger.offer(self.core, kind, self.now, *([frame] if frame else []))
        if not self.finished:
            self.core.out.append(ev.Flush())
        self.run()

    def cut(self) -> None:
        """Both ends notice."""
        if self.socket is not None:
            self._service_sees_end(self.socket)
            self._end(Cause(Layer.WEBSOCKET, 1006, "reset"))
            self.run()

    def tear(self, service_believes_s: float) -> None:
        """Only we notice; the service believes in the old connection for a while (LP 4.4)."""
        socket = self.socket
        if socket is not None:
            socket.gone_for_the_service = True
            if socket.session is not None:
                socket.session.owned_until = self.now + service_believes_s
            self._end(Cause(Layer.WEBSOCKET, 1006, "reset"))
            self.run()

    def freeze(self, frozen: bool) -> None:
        if self.socket is not None:
            self.socket.up.frozen = self.socket.down.frozen = frozen
            self.socket.troubled = True

    def close_by_service(self, close: Close) -> None:
        if self.socket is not None and self.socket.session is not None:
            self._close_by_service(self.socket, close)

    def answer(self) -> None:
        """The model says something."""
        socket = self.socket
        if socket is None or socket.session is None or socket.gone_for_the_service:
            return

        def client_hears() -> None:
            socket.spoke = True
            self.core.frame(self.now, content=True)
            self.core.answered(self.now)

        self._say(socket, client_hears)

    def order_off(self, time_left_s: float) -> None:
        """goAway, and what happens to who stays."""
        socket = self.socket
        if socket is not None and socket.session is not None:
            self._say(socket, lambda: self.core.go_away(self.now, time_left_s))
            self._later_for(socket, time_left_s + 0.5, lambda: self._close_by_service(socket, OVERRUN))

    def sleep(self, slept_s: float, *, clock_stood: bool) -> None:
        """The machine sleeps. A clock that stood shows nothing of it; else all is late."""
        due_at = FOREVER
        if clock_stood:
            self.asked_until -= slept_s
            for session in self.service.sessions:
                session.owned_until -= slept_s
        else:
            due_at = self._lose_time(slept_s)
        if not self.finished:  # nobody watches for a session that is over
            self.act(lambda now: self.core.slept(now, slept_s, clock_stood=clock_stood))
        self._tick_late(due_at)

    def hold_up(self, late_s: float) -> None:
        """We ourselves do nothing for so long."""
        self._tick_late(self._lose_time(late_s))

    def _tick_late(self, due_at: float) -> None:
        """The timer that was set before comes now, and knows how late it is."""
        if due_at <= self.now:
            late_s = self.now - due_at
            self.act(lambda now: self.core.tick(now, late_s if late_s > LATE_S else 0.0))

    def _lose_time(self, seconds: float) -> float:
        """The service goes on without us. What came in meanwhile is read first, before any timer; it came when
        we were last awake, for all that we can know. Returns when the timer was due."""
        awake_at, end = self.now, self.now + seconds
        due_at = max(self.core.due_at(), awake_at)
        while self.socket is not None and self.socket.up.due_at() <= end:
            self.now = max(self.now, self.socket.up.due_at())
            self.socket.up.deliver_one()
        self.now, self._came_at = end, awake_at
        while self.socket is not None and self.socket.down.due_at() <= end:
            self.socket.down.deliver_one()
            self.run()
        self._came_at = None
        return due_at

    def heal(self) -> None:
        """From now on everything works."""
        self.plans.clear()
        self.default_plan = GOOD
        self.refuses_after_setup = False
        self.service.let_go_all(self.now)
        if self.socket is not None:
            self.freeze(False)
            self.socket.pongs, self.socket.pong_late_s = True, 0.0

    # --- what holds at every moment -----------------------------------------------------------------

    def check(self) -> None:
        core, socket = self.core, self.socket
        state = core.state
        if state is State.CONNECTED:
            assert socket is not None
            assert socket.ready
        if state in END_STATES and socket is None:
            assert core.due_at() == FOREVER, "a timer without an owner"
        if state not in END_STATES and not (state is State.SUSPENDED and socket is None):
            waits_for_world = socket is not None and not socket.ready and core.due_at() == FOREVER
            assert core.due_at() < FOREVER or waits_for_world, (
                f"{state} waits for an event that may never come"
            )
        self.ledger.check(core, self.service.received)
        self.ledger.check_once(self.service.received)
        self.ledger.check_doubled(core, self.service.received)
        assert self.failures_due == 0, "a failure is told"
        # What is under way and what waits have a ring each; after a cut both wait, until more is said.
        books = core.outbox.books
        assert books.held_us + books.unconfirmed_us <= 2 * core.settings.ring_s * 1e6, "the ring is bounded"
