"""Finds out that the machine slept, when the host says nothing (design section 3, Clocks).

One tick a second for all sessions of an event loop. A boot-time clock runs on while the machine sleeps and
the loop's own stands still; what the two differ by is the sleep. Where the loop's clock runs on as well
(Windows), a tick that comes far too late must do.
"""

import asyncio
import logging
import sys
import time
from collections.abc import Callable
from typing import NamedTuple
from weakref import WeakKeyDictionary

TICK_S = 1.0
MIN_SLEEP_S = 2.0
"""Less is no sleep that a connection would notice; and a loop is held up that long by nothing ordinary."""

log = logging.getLogger(__name__)


class Clocks(NamedTuple):
    """One reading. `boot_s` runs on while the machine sleeps; None where there is no such clock."""

    loop_s: float
    boot_s: float | None


class Slept(NamedTuple):
    """How long, and whether the loop's clock stood still meanwhile: then no deadline has come nearer."""

    slept_s: float
    clock_stood: bool


Callback = Callable[[float, bool], None]
"""Called with what `Slept` holds."""


def slept(before: Clocks, now: Clocks, expected_s: float = TICK_S) -> Slept | None:
    """Whether the machine slept between two readings that should lie `expected_s` apart.

    A loop that was blocked is late on both clocks alike: no sleep, where there are two.
    """
    passed_s = now.loop_s - before.loop_s
    if before.boot_s is not None and now.boot_s is not None:
        found = Slept(now.boot_s - before.boot_s - passed_s, clock_stood=True)
    else:
        found = Slept(passed_s - expected_s, clock_stood=False)
    return found if found.slept_s > MIN_SLEEP_S else None


if sys.platform == "linux":

    def _boot_s() -> float | None:
        return time.clock_gettime(time.CLOCK_BOOTTIME)

elif sys.platform == "darwin":

    def _boot_s() -> float | None:
        return time.clock_gettime(time.CLOCK_MONOTONIC)  # counts sleep; the loop's clock there does not

else:

    def _boot_s() -> float | None:
        return None


def read_clocks(loop: asyncio.AbstractEventLoop) -> Clocks:
    return Clocks(loop.time(), _boot_s())


class SleepWatch:
    """The tick of one event loop. It runs while there is a watcher.

    Args:
        read: the clocks; given in tests.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        read: Callable[[asyncio.AbstractEventLoop], Clocks] = read_clocks,
    ) -> None:
        self._loop = loop
        self._read = read
        self._watchers: dict[object, Callback] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._last = read(loop)

    @property
    def running(self) -> bool:
        return self._timer is not None

    def add(self, callback: Callback) -> Callable[[], None]:
        """Call back after every sleep. Returns the call that ends this; it may be made more than once."""
        key = object()
        self._watchers[key] = callback
        if self._timer is None:
            self._last = self._read(self._loop)
            self._set_timer()

        def end() -> None:
            self._watchers.pop(key, None)
            if not self._watchers and self._timer is not None:
                self._timer.cancel()
                self._timer = None

        return end

    def _set_timer(self) -> None:
        self._timer = self._loop.call_at(self._last.loop_s + TICK_S, self._tick)

    def _tick(self) -> None:
        before, self._last = self._last, self._read(self._loop)
        self._set_timer()
        found = slept(before, self._last)
        if found is None:
            return
        for key, callback in list(self._watchers.items()):
            if key in self._watchers:  # one of them may have ended another
                try:
                    callback(*found)
                except Exception:
                    log.exception("a watcher of the machine's sleep failed")


_watches: WeakKeyDictionary[asyncio.AbstractEventLoop, SleepWatch] = WeakKeyDictionary()


def watch(callback: Callback) -> Callable[[], None]:
    """Call back on this event loop after every sleep of the machine, within a second of its end.

    Returns:
        The call that ends this. With the last watcher of a loop its tick ends too.
    """
    loop = asyncio.get_running_loop()
    ticking = _watches.get(loop)
    if ticking is None:
        ticking = _watches[loop] = SleepWatch(loop)
    end = ticking.add(callback)

    def end_and_forget() -> None:
        end()
        if not ticking.running and _watches.get(loop) is ticking:
            del _watches[loop]  # it holds the loop, and would keep it for ever

    return end_and_forget
