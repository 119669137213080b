"""One timer for a session, set lazily."""

import asyncio
from collections.abc import Callable


class Alarm:
    """Calls `rings` when something is due. One that is early finds nothing due and is set anew, which costs
    less than moving it with every message.

    Args:
        rings: what to call; `late_s` tells how much later than it was due.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, rings: Callable[[float], None]) -> None:
        self._loop = loop
        self._rings = rings
        self._timer: asyncio.TimerHandle | None = None
        self._at = 0.0

    def set(self, due: float) -> None:
        """Ring at this time of the loop, or before; infinity for never."""
        if self._timer is not None:
            if self._at <= due:
                return
            self.stop()
        if due != float("inf"):
            # What is overdue is due now: only from then on could we be held up ourselves.
            self._at = max(due, self._loop.time())
            self._timer = self._loop.call_at(self._at, self._ring)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    @property
    def is_set(self) -> bool:
        return self._timer is not None

    def _ring(self) -> None:
        self._timer = None
        self._rings(self._loop.time() - self._at)
