"""The machine's sleep: told by two clocks, or by lateness, and never by a loop that was blocked."""

import asyncio
import gc
import weakref
from collections.abc import Callable

import pytest

from sidecar.session import sleep
from sidecar.session.sleep import Clocks, SleepWatch, slept


@pytest.mark.parametrize(
    ("before", "now", "found"),
    [
        # Two clocks: what they differ by.
        (Clocks(10.0, 100.0), Clocks(11.0, 101.0), None),
        (Clocks(10.0, 100.0), Clocks(11.0, 401.0), (300.0, True)),
        (Clocks(10.0, 100.0), Clocks(10.4, 103.4), (3.0, True)),
        (Clocks(10.0, 100.0), Clocks(11.0, 102.5), None),
        # The loop was blocked for a minute: both clocks went on.
        (Clocks(10.0, 100.0), Clocks(71.0, 161.0), None),
        # Blocked, and asleep.
        (Clocks(10.0, 100.0), Clocks(21.0, 171.0), (60.0, True)),
        # One clock: lateness.
        (Clocks(10.0, None), Clocks(11.0, None), None),
        (Clocks(10.0, None), Clocks(12.9, None), None),
        (Clocks(10.0, None), Clocks(71.0, None), (60.0, False)),
        # The boot clock failed in between.
        (Clocks(10.0, 100.0), Clocks(71.0, None), (60.0, False)),
    ],
)
def test_how_long_the_machine_slept(before, now, found) -> None:
    assert slept(before, now) == (found if found is None else pytest.approx(found))


class Handle:
    def __init__(self, when: float, call: Callable[[], None]) -> None:
        self.when = when
        self.call = call
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class Machine:
    """A loop and its clocks, both moved by hand."""

    def __init__(self, *, boot_clock: bool = True) -> None:
        self.loop_s = 50.0
        self.boot_s = 1000.0
        self._boot_clock = boot_clock
        self.handles: list[Handle] = []

    def read(self, _loop: object) -> Clocks:
        return Clocks(self.loop_s, self.boot_s if self._boot_clock else None)

    def call_at(self, when: float, call: Callable[[], None]) -> Handle:
        self.handles.append(Handle(when, call))
        return self.handles[-1]

    @property
    def pending(self) -> list[Handle]:
        return [handle for handle in self.handles if not handle.cancelled]

    def run(self, seconds: float) -> None:
        """Time passes, and what is due is called in time."""
        until = self.loop_s + seconds
        while self.pending and self.pending[0].when <= until:
            self.move(max(0.0, self.pending[0].when - self.loop_s))
            self.fire()
        self.move(until - self.loop_s)

    def move(self, seconds: float) -> None:
        self.loop_s += seconds
        self.boot_s += seconds

    def sleep(self, seconds: float) -> None:
        self.boot_s += seconds
        if not self._boot_clock:
            self.loop_s += seconds

    def fire(self) -> None:
        """What is due is called."""
        for handle in [h for h in self.pending if h.when <= self.loop_s]:
            self.handles.remove(handle)
            handle.call()


@pytest.fixture
def heard() -> list[tuple[float, bool]]:
    return []


def watch_on(machine: Machine) -> SleepWatch:
    return SleepWatch(machine, machine.read)  # type: ignore[arg-type]


def test_a_sleep_is_told_within_a_second_of_its_end_and_once(heard) -> None:
    machine = Machine()
    watch_on(machine).add(lambda *found: heard.append(found))
    machine.run(10.3)
    assert heard == []
    machine.sleep(3600.0)
    machine.run(1.0)
    assert heard == [pytest.approx((3600.0, True))]
    machine.run(100.0)
    assert len(heard) == 1


def test_where_the_loops_clock_runs_on_the_late_tick_tells_it(heard) -> None:
    machine = Machine(boot_clock=False)
    watch_on(machine).add(lambda *found: heard.append(found))
    machine.run(10.3)
    machine.sleep(60.0)
    machine.fire()
    assert heard == [pytest.approx((59.3, False))]
    machine.run(100.0)
    assert len(heard) == 1


def test_a_blocked_loop_is_no_sleep_where_there_is_a_boot_clock(heard) -> None:
    machine = Machine()
    watch_on(machine).add(lambda *found: heard.append(found))
    machine.run(1.5)
    machine.move(30.0)
    machine.fire()
    assert heard == []


def test_all_watchers_share_one_tick_and_a_failing_one_hurts_nobody(heard) -> None:
    machine = Machine()
    watch = watch_on(machine)

    def fail(_slept_s: float, _clock_stood: bool) -> None:
        raise ValueError

    watch.add(fail)
    watch.add(lambda *found: heard.append(found))
    assert len(machine.pending) == 1
    machine.sleep(5.0)
    machine.run(1.0)
    assert heard == [pytest.approx((5.0, True))]
    assert len(machine.pending) == 1


def test_the_tick_ends_with_the_last_watcher_and_begins_again_with_the_next(heard) -> None:
    machine = Machine()
    watch = watch_on(machine)
    first, second = watch.add(lambda *_: None), watch.add(lambda *_: None)
    first()
    first()
    assert watch.running
    second()
    assert not watch.running
    assert machine.pending == []

    machine.sleep(500.0)  # nobody watched: not told to who comes later
    watch.add(lambda *found: heard.append(found))
    machine.run(5.0)
    assert heard == []
    machine.sleep(7.0)
    machine.run(1.0)
    assert heard == [pytest.approx((7.0, True))]


def test_a_watcher_that_another_ended_is_not_called(heard) -> None:
    machine = Machine()
    watch = watch_on(machine)
    ends: list[Callable[[], None]] = []
    watch.add(lambda *_: ends[0]())
    ends.append(watch.add(lambda *found: heard.append(found)))
    machine.sleep(5.0)
    machine.run(1.0)
    assert heard == []


def test_a_watcher_may_end_the_watch_while_it_is_called() -> None:
    machine = Machine()
    watch = watch_on(machine)
    ends: list[Callable[[], None]] = []
    ends.append(watch.add(lambda *_: ends[0]()))
    machine.sleep(5.0)
    machine.run(1.0)
    assert not watch.running
    assert machine.pending == []


async def test_on_a_real_loop_one_tick_serves_all_and_nothing_outlives_the_last() -> None:
    loop = asyncio.get_running_loop()
    ends = [sleep.watch(lambda *_: None) for _ in range(100)]
    scheduled = [h for h in loop._scheduled if not h.cancelled()]  # type: ignore[attr-defined]
    assert sum("SleepWatch" in repr(handle) for handle in scheduled) == 1
    for end in ends:
        end()
        end()
    assert not any("SleepWatch" in repr(h) for h in loop._scheduled if not h.cancelled())  # type: ignore[attr-defined]


def test_a_loop_that_is_done_is_not_held_by_the_watch() -> None:
    async def main() -> "weakref.ref[asyncio.AbstractEventLoop]":
        sleep.watch(lambda *_: None)()
        return weakref.ref(asyncio.get_running_loop())

    loop = asyncio.run(main())
    gc.collect()
    assert loop() is None


async def test_the_clocks_of_this_machine_go_forward_together() -> None:
    before = sleep.read_clocks(asyncio.get_running_loop())
    now = sleep.read_clocks(asyncio.get_running_loop())
    assert slept(before, now, 0.0) is None
    assert now.loop_s >= before.loop_s
