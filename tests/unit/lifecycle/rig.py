"""Drives the lifecycle on virtual time, as the session does on real time."""

import heapq
from collections.abc import Callable
from itertools import count
from typing import Any

from sidecar.lifecycle import events as ev
from sidecar.lifecycle.core import Lifecycle
from sidecar.lifecycle.faults import Cause, Layer
from sidecar.lifecycle.item import Item, Kind
from sidecar.lifecycle.settings import ResumptionOptions, Settings

NO_RESUMPTION = ResumptionOptions(enabled=False)
CUT = Cause(Layer.WEBSOCKET, 1006, "reset")
OWNED = Cause(Layer.WEBSOCKET, 1011, "Internal error encountered.")
ECHO = Cause(Layer.WEBSOCKET, 1000)
REFUSED = Cause(Layer.TCP, "refused")
BUSY = Cause(Layer.HTTP, 503, "busy")
DENIED = Cause(Layer.WEBSOCKET, 1008, "Your project has been denied access.")
CHUNK_US = 20_000


class Rig:
    """The core, and a line that does what the test says.

    Attributes:
        answers_pings: a ping written now will have its pong.
        pong_late_s: so long after it.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        handle: str | None = None,
        random: Callable[[], float] = lambda: 0.5,
    ) -> None:
        self.now = 1000.0
        self.core = Lifecycle(settings or Settings(), random, handle=handle)
        self.told: list[Any] = []
        self.written: list[int | None] = []
        self.pings: list[int] = []
        self.dials = 0
        self.closes = 0
        self.finished = False
        self.answers_pings = True
        self.pong_late_s = 0.0
        self._later: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self._under_way = False

    # --- carrying out -----------------------------------------------------------------------------

    def run(self) -> None:
        """Carry out what the core decided, in order, and keep what it tells."""
        out = self.core.out
        while out:
            entry = out.pop(0)
            match entry:
                case ev.Dial():
                    self.dials += 1
                    self._under_way = True
                    self.dial(entry)
                case ev.Ping(number):
                    self.pings.append(number)
                    self.ping(number)
                case ev.SendClose():
                    self.closes += 1
                    self.send_close()
                case ev.Abort(cause):
                    self.abort(cause)
                case ev.Flush():
                    while (item := self.core.take(self.now)) is not None:
                        self.written.append(item.n)
                        self.write(item)
                case ev.Finished():
                    self.finished = True
                case _:
                    self.tell(entry)

    def tell(self, event: Any) -> None:
        self.told.append(event)

    def dial(self, effect: ev.Dial) -> None:
        self.core.dialing(self.now)

    def ping(self, number: int) -> None:
        line = self.core.line
        if self.answers_pings:
            self.later(self.pong_late_s, lambda: self._pong(number, line))

    def _pong(self, number: int, line: object) -> None:
        if self.core.line is line and line is not None:
            self.core.heard(self.now)
            self.core.pong(self.now, number)

    def send_close(self) -> None:
        """Nobody answers, unless a test says so."""

    def abort(self, cause: Cause) -> None:
        """End what is under way; nothing, when it has ended by itself."""
        if self._under_way:
            self._under_way = False
            self.core.ended(self.now, cause)

    def write(self, item: Item) -> None:
        """The item is on its way."""

    # --- time -------------------------------------------------------------------------------------

    def later(self, delay_s: float, do: Callable[[], None]) -> None:
        heapq.heappush(self._later, (self.now + delay_s, next(self._order), do))

    def pass_time(self, seconds: float) -> None:
        """Every due moment is visited, and what was put off until then is done."""
        end = self.now + seconds
        while True:
            due = max(self.core.due_at(), self.now)
            if self._later and self._later[0][0] <= min(due, end):
                at, _, do = heapq.heappop(self._later)
                self.now = max(at, self.now)
                do()
            elif due <= end:
                self.now = due
                self.core.tick(self.now)
            else:
                break
            self.run()
        self.now = end

    def pass_time_until(self, condition: Callable[[], bool], limit_s: float, step_s: float = 0.05) -> float:
        """Until it holds, in steps; returns how long that took. Fails when it takes longer than `limit_s`."""
        began = self.now
        while not condition():
            assert self.now - began <= limit_s, "it did not come about"
            self.pass_time(step_s)
        return self.now - began

    # --- what a test does -------------------------------------------------------------------------

    def start(self, **how: Any) -> None:
        self.core.open(self.now, **how)
        self.run()

    def connect(self, *, resuming: bool | None = None, content: bool = True) -> None:
        """The attempt that was started succeeds."""
        core = self.core
        core.resolved(self.now)
        core.tcp_connected(self.now)
        core.secured(self.now)
        core.upgraded(self.now, resuming=self.would_resume if resuming is None else resuming)
        core.setup_complete(self.now)
        if content:
            core.frame(self.now, content=True)
        self.run()

    @property
    def would_resume(self) -> bool:
        """Whether the setup of the present attempt carries the handle, as the session builds it."""
        return self.core.resumption.has_handle and not self.core.recovery.fresh

    def open(self) -> None:
        """Connected, with a handle."""
        self.start()
        self.connect()
        self.core.resumption.update("handle-1", resumable=True)

    def speak(self, first: int, last: int) -> None:
        """Chunks of 20 ms in real time."""
        for n in range(first, last + 1):
            self.core.offer(Item(Kind.AUDIO, b"x", n=n, audio_us=CHUNK_US), self.now)
            self.core.out.append(ev.Flush())
            self.run()
            self.pass_time(0.02)

    def say(self, n: int, text: bytes = b"text", *, demand: str | None = "text") -> None:
        """A text, accepted and written if there is a line."""
        self.core.offer(Item(Kind.TEXT, text, n=n, demand=demand), self.now)
        self.core.out.append(ev.Flush())
        self.run()

    def cut(self, cause: Cause = CUT) -> None:
        """The line, or the attempt, ends."""
        self.core.ended(self.now, cause)
        self.run()

    def echo(self) -> None:
        """The other side answers our close frame."""
        self.core.ended(self.now, ECHO, echoed=True)
        self.run()

    def refuse(self, cause: Cause, *, resuming: bool | None = None) -> None:
        """The attempt gets as far as its setup, and is closed with this."""
        self.core.tcp_connected(self.now)
        self.core.upgraded(self.now, resuming=self.would_resume if resuming is None else resuming)
        self.cut(cause)

    def wait_for_attempt(self, limit_s: float = 120.0) -> float:
        """Until an attempt is under way; returns how long that took."""
        return self.pass_time_until(lambda: self.attempting, limit_s)

    # --- what a test asks -------------------------------------------------------------------------

    @property
    def attempting(self) -> bool:
        return self.core._attempting

    @property
    def state(self) -> str:
        """`connected/active`, or the state's name alone."""
        state, phase = self.core.machine.node
        return f"{state.value}/{phase.value}" if phase else state.value

    def states(self) -> list[str]:
        return [f"{e.after[0].value}/{e.after[1].value}" if e.after[1] else e.after[0].value
                for e in self.told if isinstance(e, ev.StateChanged)]  # fmt: skip

    def reasons(self) -> list[str]:
        return [e.reason for e in self.of(ev.StateChanged)]

    def of(self, kind: type) -> list[Any]:
        return [e for e in self.told if isinstance(e, kind)]

    def fatal(self) -> list[str]:
        return [e.fault.kind for e in self.of(ev.Failure) if e.fatal]


# --- a rig in each place a session can be ----------------------------------------------------------


def _dialing(rig: Rig) -> None:
    rig.start()


def _handshaking(rig: Rig) -> None:
    rig.start()
    rig.core.tcp_connected(rig.now)


def _setup(rig: Rig) -> None:
    _handshaking(rig)
    rig.core.upgraded(rig.now, resuming=False)


def _suspect(rig: Rig) -> None:
    rig.open()
    rig.answers_pings = False
    rig.pass_time(36.0)  # the ping of an idle line, and five seconds more


def _draining(rig: Rig) -> None:
    rig.open()
    rig.answers_pings = False
    rig.speak(0, 0)
    rig.core.go_away(rig.now, 10.0)
    rig.pass_time(0.001)


def _waiting(rig: Rig) -> None:
    rig.open()
    rig.cut()


def _redialing(rig: Rig) -> None:
    _waiting(rig)
    rig.pass_time(1.5)


def _rehandshaking(rig: Rig) -> None:
    _redialing(rig)
    rig.core.tcp_connected(rig.now)


def _resetup(rig: Rig) -> None:
    _rehandshaking(rig)
    rig.core.upgraded(rig.now, resuming=True)


def _parked(rig: Rig) -> None:
    rig.open()
    rig.core.suspend(rig.now, "suspendRequested")
    rig.run()
    rig.echo()


def _failed(rig: Rig) -> None:
    rig.open()
    rig.cut(DENIED)


def _disconnecting(rig: Rig) -> None:
    rig.open()
    rig.core.close(rig.now)


PLACES: dict[str, Callable[[Rig], None]] = {
    "connecting/dialing": _dialing,
    "connecting/handshaking": _handshaking,
    "connecting/setup": _setup,
    "connected/active": Rig.open,
    "connected/suspect": _suspect,
    "connected/draining": _draining,
    "reconnecting/waiting": _waiting,
    "reconnecting/dialing": _redialing,
    "reconnecting/handshaking": _rehandshaking,
    "reconnecting/setup": _resetup,
    "suspended/parked": _parked,
    "failed": _failed,
    "disconnecting": _disconnecting,
}
"""Every pair of state and phase but `disconnected`, and a way to it."""


def at(place: str, settings: Settings | None = None) -> Rig:
    """A session in this state and phase."""
    rig = Rig(settings)
    PLACES[place](rig)
    rig.run()
    assert rig.state == place
    return rig
