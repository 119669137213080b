"""A small Live service on virtual time, by rules of its own (LP 4.1, 4.4): one owner per session, handles that
name a session, goAway as an order. It knows nothing of how the lifecycle works."""

import random
from typing import Any

from sidecar.lifecycle import events as ev
from sidecar.lifecycle.faults import Cause, Layer
from sidecar.lifecycle.item import Item, Kind
from sidecar.lifecycle.settings import Settings
from tests.unit.lifecycle.rig import CHUNK_US, CUT, ECHO, OWNED, REFUSED, Rig

ONE_WAY_S = 0.015
LETS_GO_AFTER_S = 1.0
OVERRUN = Cause(
    Layer.WEBSOCKET,
    1008,
    "Connection aborted because the client failed to close the connection after receiving a GoAway",
)


class Wire:
    """One connection, as both ends see it."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.session: str | None = None
        self.open = True
        self.ordered_off = False


class Service:
    """The other side.

    Attributes:
        reachable: whether anything gets through.
        go_away_every_s: at which age a line is ordered off, and `time_left_s` how long it then has.
        notices_after_s: when a network dies it holds on to the old owner for so long.
        received: number of each chunk, in the order of arrival, with the session that took it.
        overruns: lines that did not leave in time.
    """

    def __init__(self) -> None:
        self.reachable = True
        self.go_away_every_s = float("inf")
        self.time_left_s = 50.0
        self.notices_after_s = 0.0
        self.received: list[tuple[str, int]] = []
        self.sessions: list[str] = []
        self.orders = 0
        self.overruns = 0
        self.refusals = 0
        self._owned_until: dict[str, float] = {}

    def claim(self, session: str | None, now: float) -> str | None:
        """Take a resume, or a new session; None: somebody still owns it."""
        if session is None:
            session = f"session-{len(self.sessions)}"
            self.sessions.append(session)
        elif now < self._owned_until.get(session, 0.0):
            self.refusals += 1
            return None
        self._owned_until[session] = float("inf")
        return session

    def let_go(self, session: str, at: float) -> None:
        self._owned_until[session] = at + LETS_GO_AFTER_S


class ServedRig(Rig):
    """The lifecycle, connected to such a service by lines that take time."""

    def __init__(self, settings: Settings | None = None, seed: int = 1) -> None:
        super().__init__(settings, random=random.Random(seed).random)
        self.service = Service()
        self.wire: Wire | None = None
        self._n = 0

    # --- what the driver does -----------------------------------------------------------------------

    def dial(self, effect: ev.Dial) -> None:
        self.core.dialing(self.now)
        wire = self.wire = Wire(self.dials)
        if not self.service.reachable:
            self._then(wire, 0.005, lambda: self._end(REFUSED))
            return
        self._then(wire, 0.01, lambda: self.core.resolved(self.now))
        self._then(wire, 0.03, lambda: self.core.tcp_connected(self.now))
        self._then(wire, 0.05, lambda: self.core.secured(self.now))
        self._then(wire, 0.06, lambda: self._upgraded(wire))

    def _upgraded(self, wire: Wire) -> None:
        handle = self.core.resumption.handle if self.would_resume else None
        self.core.upgraded(self.now, resuming=handle is not None)
        self._then(wire, ONE_WAY_S, lambda: self._set_up(wire, handle))

    def ping(self, number: int) -> None:
        wire, line = self.wire, self.core.line
        if wire is not None and self.service.reachable:
            self._then(wire, 2 * ONE_WAY_S, lambda: self._pong(number, line))

    def write(self, item: Item) -> None:
        wire, n = self.wire, item.n
        if wire is not None and n is not None and self.service.reachable:
            self.later(ONE_WAY_S, lambda: self._take(wire, n))

    def send_close(self) -> None:
        wire = self.wire
        if wire is not None and self.service.reachable:
            self._then(wire, ONE_WAY_S, lambda: self._leave(wire))
            self._then(wire, 2 * ONE_WAY_S, lambda: self._end(ECHO, echoed=True))

    def abort(self, cause: Cause) -> None:
        if self.wire is not None:
            self._leave(self.wire)
        self._end(cause)

    # --- what the service does ----------------------------------------------------------------------

    def _set_up(self, wire: Wire, handle: str | None) -> None:
        service = self.service
        session = service.claim(handle, self.now)
        if session is None:
            self._then(wire, 0.5, lambda: self._end(OWNED))
            return
        wire.session = session
        self._then(wire, 0.3, lambda: self._ready(wire, session))

    def _ready(self, wire: Wire, session: str) -> None:
        self.core.setup_complete(self.now)
        self.core.handle(session, resumable=True)
        if self.service.go_away_every_s < float("inf"):
            self._then(
                wire, self.service.go_away_every_s - self.service.time_left_s, lambda: self._order_off(wire)
            )

    def _order_off(self, wire: Wire) -> None:
        self.service.orders += 1
        wire.ordered_off = True
        self.core.heard(self.now)
        self.core.go_away(self.now, self.service.time_left_s)
        self._then(wire, self.service.time_left_s, self._overrun)

    def _overrun(self) -> None:
        self.service.overruns += 1
        self._end(OVERRUN)

    def _take(self, wire: Wire, n: int) -> None:
        if wire.open and wire.session is not None and self.service.reachable:
            self.service.received.append((wire.session, n))

    def _leave(self, wire: Wire) -> None:
        """The service sees the end of a line."""
        if wire.session is not None and self.service.reachable:
            self.service.let_go(wire.session, self.now)
        wire.open = False

    # --- what the world does ------------------------------------------------------------------------

    def go_down(self) -> None:
        """The network dies, and the line with it; the service finds out in its own time."""
        wire = self.wire
        self.service.reachable = False
        if wire is not None and wire.session is not None:
            self.service.let_go(wire.session, self.now + self.service.notices_after_s)
        self._end(CUT)
        self.run()

    def come_up(self) -> None:
        self.service.reachable = True

    def open(self) -> None:
        self.start()
        self.pass_time(1.0)
        assert self.state == "connected/active"

    def talk(self, seconds: float) -> None:
        """Speech in real time, into whatever there is."""
        for _ in range(round(seconds * 50)):
            self.core.offer(Item(Kind.AUDIO, b"x", n=self._n, audio_us=CHUNK_US), self.now)
            self._n += 1
            self.core.out.append(ev.Flush())
            self.run()
            self.pass_time(0.02)

    @property
    def spoken(self) -> int:
        """Chunks so far."""
        return self._n

    def heard_by_the_service(self) -> list[int]:
        return [n for _, n in self.service.received]

    def _then(self, wire: Wire, delay_s: float, do: Any) -> None:
        """Later, if the line still is the one it was."""
        self.later(delay_s, lambda: do() if self.wire is wire else None)

    def _end(self, cause: Cause, *, echoed: bool = False) -> None:
        if self.wire is not None:
            self.wire.open = False
            self.wire = None
            self.core.ended(self.now, cause, echoed=echoed)
