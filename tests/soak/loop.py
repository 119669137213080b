"""An asyncio event loop on virtual time: when nothing is ready, the clock goes straight to the next timer."""

import asyncio
import selectors
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

TURN_S = 1e-6
"""One turn of the loop takes as long. A clock that stood still would be none: who waits for 5 s from 150.395 on,
and asks at 155.395 whether they are over, is told by the floating point that they are not yet."""


class Deadlock(Exception):
    """Nothing is ready and no timer is set: whoever waits here waits for ever."""


class _Clock(selectors.BaseSelector):
    """Time passes where another selector would wait. There are no descriptors but the loop's own pipe."""

    def __init__(self) -> None:
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise Deadlock("nothing is ready and no timer is set")
        self.now += timeout + TURN_S
        return []

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return selectors.SelectorKey(fileobj, 0, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return selectors.SelectorKey(fileobj, 0, 0, None)

    def get_key(self, fileobj: Any) -> selectors.SelectorKey:
        raise KeyError(fileobj)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return {}


class VirtualLoop(asyncio.SelectorEventLoop):
    """See the module. What goes wrong in a callback ends the run, it is not only logged.

    Attributes:
        slept_s: how long the machine has slept: the loop's clock stood, that of the world went on.
        blocked_s: for how long it was held up.
        has_boot_clock: whether there is a clock that tells (not so on Windows).
    """

    def __init__(self) -> None:
        self._clock = _Clock()
        super().__init__(self._clock)
        self.slept_s = 0.0
        self.blocked_s = 0.0
        self.has_boot_clock = True
        self.failures: list[str] = []
        self.set_exception_handler(self._failed)

    def time(self) -> float:
        return self._clock.now

    def world_s(self) -> float:
        """The time of everybody else: it goes on while the machine sleeps."""
        return self._clock.now + self.slept_s

    def boot_s(self) -> float | None:
        """What takes the place of the system's boot-time clock."""
        return self.world_s() if self.has_boot_clock else None

    def block(self, seconds: float) -> None:
        """Somebody holds up the loop: time passes, and nothing runs."""
        self._clock.now += seconds
        self.blocked_s += seconds

    def sleep(self, seconds: float) -> None:
        """The machine sleeps."""
        if self.has_boot_clock:
            self.slept_s += seconds
        else:
            self.block(seconds)

    def timers(self) -> Iterator[asyncio.TimerHandle]:
        """What is set and not cancelled."""
        return (handle for handle in self._scheduled if not handle.cancelled())  # type: ignore[attr-defined]

    def _failed(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self.failures.append(f"{context.get('message')}: {context.get('exception')!r}")

    async def create_connection(self, factory: Any, *_: Any, sock: Any = None, **__: Any) -> Any:  # type: ignore[override]
        """`sock` is one of `tests.soak.net`: it knows its transport."""
        protocol = factory()
        transport = sock.attach(protocol)
        await asyncio.sleep(0)
        return transport, protocol


@contextmanager
def virtual_loop() -> Iterator[VirtualLoop]:
    """A loop of its own, closed at the end."""
    loop = VirtualLoop()
    try:
        yield loop
    finally:
        loop.close()
