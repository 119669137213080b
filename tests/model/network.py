"""The network of the model: one connection as two queues of bytes on virtual time, which can stop and break."""

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from tests.model.service import Session
from tests.model.weather import Attempt

Deliver = Callable[[], None]
FOREVER = float("inf")
KERNEL_BYTES = 4_000
"""What the system takes of us while nothing moves; the rest stays in this process."""


class Parcel(NamedTuple):
    due_at: float
    size: int
    deliver: Deliver


class Pipe:
    """One direction: what goes in comes out in the same order, `delay_s` later, unless it is frozen or broken.

    Attributes:
        frozen: nothing comes out; what is in it waits.
        broken: nothing will ever come out of it again.
    """

    def __init__(self, delay_s: float) -> None:
        self.delay_s = delay_s
        self.frozen = False
        self.broken = False
        self._parcels: deque[Parcel] = deque()

    def put(self, now: float, size: int, deliver: Deliver) -> None:
        if not self.broken:
            after = self._parcels[-1].due_at if self._parcels else now
            self._parcels.append(Parcel(max(now + self.delay_s, after), size, deliver))

    def due_at(self) -> float:
        return FOREVER if self.frozen or not self._parcels else self._parcels[0].due_at

    def deliver_one(self) -> None:
        self._parcels.popleft().deliver()

    def break_(self) -> None:
        self.broken = True
        self._parcels.clear()

    @property
    def bytes_inside(self) -> int:
        return sum(parcel.size for parcel in self._parcels)

    @property
    def unsent_bytes(self) -> int:
        """What would still be in the sending process."""
        return max(0, self.bytes_inside - KERNEL_BYTES) if self.frozen else 0


LATENCY_S = 0.02


class Socket:
    """One connection, as both ends have it."""

    def __init__(self, number: int, attempt: Attempt) -> None:
        self.number = number
        self.attempt = attempt
        self.up, self.down = Pipe(LATENCY_S), Pipe(LATENCY_S)
        self.over = False
        self.ready = False
        self.handle: str | None = None
        self.session: Session | None = None
        self.ready_at = 0.0
        self.proven_at = FOREVER
        self.close_sent = False
        self.written: list[int] = []
        self.took = 0
        self.troubled = False
        self.spoke = False
        self.started_activity = False
        self.pongs = True
        self.pong_late_s = 0.0
        self.gone_for_the_service = False
