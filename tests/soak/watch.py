"""What must hold of a session at every moment, whatever happens to it. Nothing here goes by the product's
tables: it looks at what was told, at the sockets, at the service, and at the books."""

import hashlib
from typing import Any

from sidecar.lifecycle import events as ev
from sidecar.lifecycle.states import State
from sidecar.session import LiveSession
from tests.soak.host import Host
from tests.soak.world import World

LOOK_EVERY_S = 20.0
BACK_WITHIN_S = 130.0
"""Of good weather: the longest wait of ours (65 s after a quota), one of the service's own (60 s), an attempt."""
DEAD_WITHIN_S = 72.0
"""So long may a session take a dead path for alive: 30 s to the ping, 35 s of silence, blocks of the host."""
ANSWER_WITHIN_S = 700.0
AT_REST = frozenset({State.SUSPENDED, State.FAILED, State.DISCONNECTED, State.DISCONNECTING})


class Watch:
    """Attributes: `broken`: what did not hold, with the simulated time; `digest`: of all that was told."""

    def __init__(self, world: World, host: Host) -> None:
        self.world, self.host = world, host
        self.session: LiveSession
        self.broken: list[str] = []
        self.digest = hashlib.blake2b(digest_size=8)
        self.longest_gap_s = 0.0
        self.permanent: str | None = None
        """The kind of the fault that was meant to end this session."""
        self._changes = 0
        self._after: Any = (State.DISCONNECTED, None)
        self._used: set[int] = set()
        self._down_since: float | None = None
        self._fatal: str | None = None
        self._apart_since: float | None = None
        self._looking = True

    # --- what is told -----------------------------------------------------------------------------

    def told(self, event: Any) -> None:
        kind = type(event)
        if kind is ev.QueueMoved or kind is ev.HealthChanged:
            return
        shown = event if kind is not ev.Dropped else (event.drop.reason, event.drop.from_n, event.drop.count)
        self.digest.update(f"{self.world.loop.time():.6f} {shown!r}\n".encode())
        if kind is ev.StateChanged:
            self._changed(event)
        elif kind is ev.Dropped:
            drop = event.drop
            if drop.from_n is not None:
                self.world.ledger.dropped(drop.from_n, drop.through_n, drop.count)
        elif kind is ev.Failure:
            if event.fatal:
                self._fatal = event.fault.kind
            if event.fault.kind == "internalError":
                self._break(f"a defect: {event.fault.message}")

    def _changed(self, event: ev.StateChanged) -> None:
        self._changes += 1
        if event.revision != self._changes or event.before != self._after:
            self._break(
                f"revision {event.revision} from {event.before} after {self._changes - 1} {self._after}"
            )
        before, self._after = event.before[0], event.after
        after = event.after[0]
        if after is State.CONNECTED and before is not State.CONNECTED:
            self._connected()
        if after is not State.CONNECTED and before is State.CONNECTED:
            self._down_since = self.world.loop.world_s()

    def _connected(self) -> None:
        """One setupComplete, on the socket that is open, makes one `connected`."""
        link = self.world.live
        if link is None or not link.peer.ready or link.peer.setups != 1 or link.number in self._used:
            self._break("connected without a setupComplete since the last dial")
        else:
            self._used.add(link.number)
        if len(self._used) > 1000:
            self._used = {max(self._used)}
        if self._down_since is not None:
            self.longest_gap_s = max(self.longest_gap_s, self.world.loop.world_s() - self._down_since)

    # --- what is so -------------------------------------------------------------------------------

    def begin(self) -> None:
        self._looking = True
        self.world.later(LOOK_EVERY_S, self._look)

    def end(self) -> None:
        self._looking = False

    def _look(self) -> None:
        if self._looking:
            self.world.later(LOOK_EVERY_S, self._look)
            self.look()

    def look(self) -> None:
        """Look at everything."""
        core, books = self.session.core, self.session.core.outbox.books
        ledger = self.world.ledger
        kept = books.held_us + books.unconfirmed_us
        self._must(
            books.accepted_us == kept + books.confirmed_us + books.dropped_us, "accepted does not balance"
        )
        self._must(books.offered_us == books.accepted_us + books.refused_us, "offered does not balance")
        self._must(
            books.accepted_us == ledger.accepted_audio * ledger.chunk_us, "accepted is not what was given"
        )
        self._must(
            books.refused_us == ledger.refused_audio * ledger.chunk_us, "refused is not what was refused"
        )
        self._must(
            min(books.held_us, books.unconfirmed_us, books.confirmed_us) >= 0, "less than nothing is kept"
        )
        ring_us = self.session.config.settings.ring_s * 1e6 + ledger.chunk_us
        self._must(max(books.held_us, books.unconfirmed_us) <= ring_us, "more is kept than the ring holds")
        drops_untold = core.outbox.drops
        self._must(
            drops_untold or books.dropped_us == ledger.dropped_audio * ledger.chunk_us, "drops were not told"
        )
        if not drops_untold:
            ledger.confirmed(core.outbox.confirmed_through)
        stats = core.stats
        self._must(
            stats.attempts == stats.connected + stats.failed + core._attempting, "attempts do not add up"
        )
        ended = stats.connected - (core.line is not None)
        closed = self.session.state in (State.DISCONNECTED, State.DISCONNECTING)  # the last end is no loss
        self._must(0 <= ended - stats.losses - stats.hand_overs <= closed, "losses do not add up")
        self._look_at_the_line()
        self._look_at_timers()
        late = self.host.overdue(ANSWER_WITHIN_S)
        self._must(not late, f"nobody answered {late}")
        self._gather()

    def _look_at_the_line(self) -> None:
        """A healthy world has a connected session; a dead path has none; who rests has no socket."""
        state, link = self.session.state, self.world.live
        if state is State.CONNECTED or state in AT_REST:
            self._apart_since = None
        elif self._apart_since is None:
            self._apart_since = self.world.loop.world_s()
        else:
            apart_s = min(self.world.loop.world_s() - self._apart_since, self.world.weather.calm_for_s())
            self._must(apart_s < BACK_WITHIN_S, f"{state.value} for {apart_s:.0f} s of good weather")
        if link is not None and link.dead_since is not None:
            for_s = self.world.loop.time() - link.dead_since
            self._must(for_s < DEAD_WITHIN_S + self.blocked_s, f"a dead path was held for {for_s:.0f} s")
        if state in (State.FAILED, State.DISCONNECTED) and not self.session._unwinding:
            self._must(link is None, f"{state.value}, and a socket is open")
        if state is State.FAILED:
            known = self._fatal in LIMITS or self._fatal == self.permanent
            self._must(known, f"it gave up for {self._fatal}")

    blocked_s = 15.0

    def _look_at_timers(self) -> None:
        """Every timer has an owner that still wants it."""
        owners = [name for name in map(owner, self.world.loop.timers()) if not name.startswith("tests.")]
        for name, most in MOST_TIMERS.items():
            self._must(owners.count(name) <= most, f"{owners.count(name)} timers of {name}")
        unknown = sorted(set(owners) - set(MOST_TIMERS))
        self._must(not unknown, f"timers of nobody: {unknown}")
        if self.session.state is State.FAILED:
            self._must(
                not self.session.core._timers, f"failed, and waits for {list(self.session.core._timers)}"
            )

    def _gather(self) -> None:
        world = self.world
        for source in (
            world.broken,
            world.service.broken,
            world.ledger.broken,
            world.loop.failures,
            self.host.broken,
        ):
            for text in source:
                self._break(text)
            source.clear()

    def _must(self, holds: bool, what: str) -> None:
        if not holds:
            self._break(what)

    def _break(self, what: str) -> None:
        self.broken.append(f"at {self.world.loop.time():.3f} s: {what}")

    # --- the end ----------------------------------------------------------------------------------

    def closed(self) -> None:
        """Nothing of it is left, and everything is accounted for."""
        self.look()
        session = self.session
        self._must(session.state is State.DISCONNECTED, f"closed, and {session.state.value}")
        self._must(
            session._line is None and not session._alarm.is_set, "closed, and a line or a timer is left"
        )
        self._must(not session._unwinding, "closed, and something unwinds")
        self._must(session._stop_watching is None, "closed, and it watches for sleep")
        self._must(session.core.due_at() == float("inf"), "closed, and something is due")
        books = session.core.outbox.books
        self._must(books.held_us == books.unconfirmed_us == 0, "closed, and messages are kept")
        missing = self.world.ledger.missing()
        self._must(not missing, f"{len(missing)} messages are neither received nor told: {missing[:5]}")
        self._must(not self.host.pending, f"closed, and nobody answered {self.host.pending}")
        left = [name for name in map(owner, self.world.loop.timers()) if not name.startswith("tests.")]
        self._must(set(left) <= {OUR_SLEEP}, f"closed, and timers are left: {left}")
        self._gather()


LIMITS = frozenset({"maxElapsed", "maxAttempts", "openTimeout", "quotaExceeded", "serviceUnavailable"})
OUR_SLEEP = "asyncio.futures._set_result_unless_cancelled"
MOST_TIMERS = {
    "Alarm._ring": 1, "SleepWatch._tick": 1, "Timeout._on_timeout": 40, "Link.close": 3, OUR_SLEEP: 2,
}  # fmt: skip
"""Of the product: the driver's, the sleep watch's, those of waiting calls, the linger of a closed line."""


def owner(handle: Any) -> str:
    """Whose timer it is."""
    callback = handle._callback
    target = getattr(callback, "__self__", None)
    if target is not None:
        name = f"{type(target).__name__}.{callback.__name__}"
        return name if name in MOST_TIMERS else f"{type(target).__module__}.{name}"
    return f"{callback.__module__}.{getattr(callback, '__qualname__', '?')}"
