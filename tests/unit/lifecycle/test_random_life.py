"""Long random lives: the figures balance at every moment, and a close ends them all."""

import random

import pytest

from sidecar.lifecycle import events as ev
from sidecar.lifecycle.faults import Cause, Layer
from sidecar.lifecycle.item import Item, Kind
from sidecar.lifecycle.states import State
from tests.unit.lifecycle.rig import (
    BUSY,
    CHUNK_US,
    CUT,
    OWNED,
    REFUSED,
    Rig,
)

CLOSES = [
    CUT,
    OWNED,
    Cause(Layer.WEBSOCKET, 1001, "going away"),
    Cause(Layer.WEBSOCKET, 1008, "session not found"),
    Cause(Layer.WEBSOCKET, 1011, "You exceeded your current quota"),
    Cause(Layer.WEBSOCKET, 1008, "Your project has been denied access."),
]
FAILURES = [REFUSED, BUSY, Cause(Layer.DNS, "timeout"), Cause(Layer.HTTP, 429, "slow", retry_after_s=7.0)]


class Talkative(Rig):
    """Dials as the session does, a moment later; and the host calls back while it is being told something.

    What a listener calls is carried out after all that was decided before.
    """

    def __init__(self, chance: random.Random, calls_back: float) -> None:
        super().__init__(random=chance.random)
        self.chance = chance
        self.calls_back = calls_back
        self._attempt: object = None

    def dial(self, effect: ev.Dial) -> None:
        this = self._attempt = object()
        self.later(0.0, lambda: self.core.dialing(self.now) if self._attempt is this else None)

    def abort(self, cause: Cause) -> None:
        self._attempt = None
        super().abort(cause)

    def tell(self, event: object) -> None:
        super().tell(event)
        if isinstance(event, (ev.StateChanged, ev.Reconnecting, ev.Failure)) and self.listener_acts():
            hint(self, self.chance)

    def listener_acts(self) -> bool:
        return self.chance.random() < self.calls_back


def hint(rig: Rig, chance: random.Random) -> None:
    """Something that a host may call at any time."""
    core, now = rig.core, rig.now
    match chance.randrange(6):
        case 0:
            core.suspend(now, "suspendRequested")
        case 1 | 2:
            core.resume(now, "resumeRequested")
        case 3:
            core.reconnect(now)
        case 4:
            core.network_changed(now, online=chance.random() < 0.8, address_changed=chance.random() < 0.3)
        case _:
            core.woke(now)


class Life:
    """Does what a host, a network and a service may do, in any order; checks the figures after each step.

    Args:
        calls_back: share of the events at which the host calls back at once.
    """

    def __init__(self, seed: int, calls_back: float = 0.0) -> None:
        self.chance = random.Random(seed)
        self.rig = Talkative(self.chance, calls_back)
        self.n = 0

    def live(self, steps: int) -> None:
        rig, chance = self.rig, self.chance
        rig.start()
        self.check()
        for _ in range(steps):
            rig.answers_pings = chance.random() < 0.9
            self.something()
            rig.run()
            self.check()
            before, changes, state = rig.now, len(rig.of(ev.StateChanged)), rig.core.state
            up_s, down_s = rig.core.stats.up_s(rig.now), rig.core.stats.down_s(rig.now)
            rig.pass_time(
                chance.choice([0.0, 0.01, 0.1, 0.3] if rig.attempting else [0.01, 0.3, 1.6, 5.0, 40.0])
            )
            self.check()
            grown = rig.core.stats.up_s(rig.now) - up_s + rig.core.stats.down_s(rig.now) - down_s
            assert -1e-6 <= grown <= rig.now - before + 1e-6
            if state is State.CONNECTED and len(rig.of(ev.StateChanged)) == changes:
                assert grown == pytest.approx(rig.now - before)

    def something(self) -> None:
        rig, core, chance = self.rig, self.rig.core, self.chance
        now = rig.now
        match chance.randrange(-6, 14):
            case step if step < 4:
                self.go_forward()
            case 4:
                rig.cut(chance.choice(CLOSES if core.line is not None else FAILURES))
            case 5 | 6 | 7 | 8 | 9:
                hint(rig, chance)
            case 10:
                core.slept(now, chance.random() * 100, clock_stood=chance.random() < 0.5)
            case 11:
                core.go_away(now, chance.choice([1.0, 50.0, 300.0]))
            case 12 if core.line is not None and core.line.closing:
                rig.echo()
            case _:
                for _ in range(chance.randrange(50)):
                    core.offer(Item(Kind.AUDIO, b"x", n=self.n, audio_us=CHUNK_US), now)
                    self.n += 1
                core.out.append(ev.Flush())

    def go_forward(self) -> None:
        """The attempt under way takes its next step."""
        rig, core = self.rig, self.rig.core
        match rig.state.partition("/")[2]:
            case "dialing" if rig.attempting:
                core.resolved(rig.now)
                core.tcp_connected(rig.now)
            case "handshaking":
                core.upgraded(rig.now, resuming=rig.would_resume)
            case "setup":
                core.setup_complete(rig.now)
                core.frame(rig.now, content=self.chance.random() < 0.7)
                core.handle(f"handle-{rig.dials}", resumable=True)

    def check(self) -> None:
        stats, books = self.rig.core.stats, self.rig.core.outbox.books
        assert stats.attempts == stats.connected + stats.failed + self.rig.attempting == self.rig.dials
        assert books.offered_us == books.accepted_us + books.refused_us == self.n * CHUNK_US
        kept = books.held_us + books.unconfirmed_us
        assert books.accepted_us == kept + books.confirmed_us + books.dropped_us
        assert max(books.held_us, books.unconfirmed_us) <= 45_000_000
        assert stats.resumes_tried >= stats.resumes_ok + stats.resumes_refused
        ended = stats.connected - (self.rig.core.line is not None)
        assert stats.losses + stats.hand_overs <= ended


@pytest.mark.parametrize("seed", range(12))
def test_the_figures_balance_at_every_moment_of_a_long_random_life(seed: int) -> None:
    life = Life(seed)
    life.live(800)
    assert life.rig.core.stats.connected > 20
    check_the_end(life)


@pytest.mark.parametrize("seed", range(12))
def test_a_host_that_calls_back_at_any_event_confuses_nothing(seed: int) -> None:
    life = Life(seed, calls_back=0.3)
    life.live(400)
    life.rig.calls_back = 0.0
    check_the_end(life)
    assert [e.fault.kind for e in life.rig.of(ev.Failure) if e.fault.kind == "internalError"] == []


def check_the_end(life: Life) -> None:
    rig = life.rig
    rig.core.close(rig.now)
    rig.run()
    rig.pass_time(4.0)
    life.check()
    assert rig.state == "disconnected"
    assert rig.core.due_at() == float("inf")
    dropped = sum(e.drop.audio_us for e in rig.of(ev.Dropped))
    assert dropped == rig.core.outbox.books.dropped_us
    changes = rig.of(ev.StateChanged)
    assert [c.revision for c in changes] == list(range(1, len(changes) + 1))
    assert [c.before for c in changes[1:]] == [c.after for c in changes[:-1]]
