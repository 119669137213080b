"""What the core decides (effects, for the driver) and what it tells (events, for the host)."""

from typing import Any, NamedTuple

from msgspec import Struct

from sidecar.lifecycle.books import Drop
from sidecar.lifecycle.faults import Cause, Fault
from sidecar.lifecycle.health import Health
from sidecar.lifecycle.states import Node

# --- effects: the driver carries them out, in order -----------------------------------------------


class Dial(NamedTuple):
    """Start an attempt on a new line; tell `tcp_connected`, `upgraded`, `setup_complete`, or `ended`."""

    fresh: bool
    """Without the handle."""
    renew: bool = False
    """With a newer credential: the service refused the last one."""


class Prepare(NamedTuple):
    """The line will be left soon: ask for what the next one needs."""

    ends_in_s: float
    """What is asked for must be good for a connection at that time."""


class Ping(NamedTuple):
    """Write a ping whose payload is this number. `first`: no other waits for a sign of life."""

    number: int
    first: bool


class SendClose(NamedTuple):
    """Start the closing handshake with 1000 on the live line."""


class Abort(NamedTuple):
    """End the attempt or the line at once, waiting for nobody, and tell `ended` with this cause."""

    cause: Cause


class Flush(NamedTuple):
    """Write what the outbox gives."""


class Finished(NamedTuple):
    """The session is over; release everything."""


# --- events: passed on to the host ----------------------------------------------------------------


class StateChanged(NamedTuple):
    revision: int
    before: Node
    after: Node
    reason: str
    attempt: int
    retry_in_s: float | None
    state_restored: str | None
    fault: Fault | None


class Reconnecting(NamedTuple):
    attempt: int
    delay_s: float
    fresh: bool
    planned: bool
    fault: Fault


class Reconnected(NamedTuple):
    attempt: int
    gap_s: float
    state_restored: str
    held_us: int
    replayed_us: int


class GoAwayReceived(NamedTuple):
    time_left_s: float


class HealthChanged(NamedTuple):
    """How well the line does; the round trips are None before the first pong."""

    health: Health
    rtt_s: float | None
    rtt_average_s: float | None
    silence_s: float
    unanswered: int


class BreakerChanged(NamedTuple):
    state: str
    previous: str
    failures: int
    retry_in_s: float | None


class Stalled(NamedTuple):
    """An answer that was asked for is overdue; `action`: what follows, `event` (nothing) or `reconnect`."""

    demand: str
    waited_s: float
    action: str


class Slept(NamedTuple):
    """The machine slept."""

    slept_s: float


class Configured(Struct, frozen=True):
    """Other settings are in effect."""


class Failure(NamedTuple):
    """Something went wrong. `fatal`: the session stays failed until the host revives it."""

    fault: Fault
    fatal: bool


class QueueMoved(Struct, frozen=True):
    """The outbox moved; report its figures."""


class Dropped(NamedTuple):
    drop: Drop


class SetupSent(NamedTuple):
    """The setup went out; shown without the handle."""

    resuming: bool
    setup: dict[str, Any]


class HandleChanged(NamedTuple):
    """The newest handle: a secret, in no repr."""

    resumable: bool
    handle: str | None

    def __repr__(self) -> str:
        return f"HandleChanged(resumable={self.resumable})"


Effect = Dial | Ping | SendClose | Abort | Flush | Finished
Event = (
    StateChanged
    | Reconnecting
    | Reconnected
    | GoAwayReceived
    | HealthChanged
    | BreakerChanged
    | Stalled
    | Slept
    | Configured
    | Failure
    | QueueMoved
    | Dropped
    | SetupSent
    | HandleChanged
)
