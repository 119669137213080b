"""The state machine as one table (design section 3).

Two rules for editors. Every legal change of state is a row here and nowhere else. A row names what
happened, never what somebody wishes: wishes become events only when they are carried out.

The wire strings of `State` and `Phase` are part of the protocol.
"""

from enum import StrEnum
from typing import Final


class State(StrEnum):
    """What a host needs to know. `CONNECTED` means that setupComplete was received."""

    DISCONNECTED = "disconnected"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    RECONNECTING = "reconnecting"
    SUSPENDED = "suspended"
    DISCONNECTING = "disconnecting"
    FAILED = "failed"


class Phase(StrEnum):
    """The step within a state, for those who look closer."""

    DIALING = "dialing"  # DNS and TCP
    HANDSHAKING = "handshaking"  # TLS and upgrade
    SETUP = "setup"  # setup sent, setupComplete awaited
    WAITING = "waiting"  # for the next attempt
    PARKED = "parked"  # until the host resumes
    ACTIVE = "active"
    SUSPECT = "suspect"  # silent for longer than it should be
    DRAINING = "draining"  # the old line is being closed for a hand-over


class Event(StrEnum):
    """What happened."""

    OPEN = "open"
    TCP_CONNECTED = "tcpConnected"
    UPGRADED = "upgraded"
    SETUP_COMPLETE = "setupComplete"
    ATTEMPT_FAILED = "attemptFailed"
    LINE_LOST = "lineLost"
    RETRY = "retry"
    GIVE_UP = "giveUp"
    SILENT = "silent"
    HEARD = "heard"
    HAND_OVER = "handOver"
    REVIVE = "revive"
    SUSPEND = "suspend"
    CLOSE = "close"
    CLOSED = "closed"


Node = tuple[State, Phase | None]

DISCONNECTED: Final[Node] = (State.DISCONNECTED, None)
CONNECTING_DIALING: Final[Node] = (State.CONNECTING, Phase.DIALING)
CONNECTING_HANDSHAKING: Final[Node] = (State.CONNECTING, Phase.HANDSHAKING)
CONNECTING_SETUP: Final[Node] = (State.CONNECTING, Phase.SETUP)
ACTIVE: Final[Node] = (State.CONNECTED, Phase.ACTIVE)
SUSPECT: Final[Node] = (State.CONNECTED, Phase.SUSPECT)
DRAINING: Final[Node] = (State.CONNECTED, Phase.DRAINING)
WAITING: Final[Node] = (State.RECONNECTING, Phase.WAITING)
DIALING: Final[Node] = (State.RECONNECTING, Phase.DIALING)
HANDSHAKING: Final[Node] = (State.RECONNECTING, Phase.HANDSHAKING)
SETUP: Final[Node] = (State.RECONNECTING, Phase.SETUP)
PARKED: Final[Node] = (State.SUSPENDED, Phase.PARKED)
DISCONNECTING: Final[Node] = (State.DISCONNECTING, None)
FAILED: Final[Node] = (State.FAILED, None)

E = Event
_LEAVE: Final = {E.GIVE_UP: FAILED, E.SUSPEND: PARKED, E.CLOSE: DISCONNECTING}
_AGAIN: Final = {E.ATTEMPT_FAILED: CONNECTING_DIALING, **_LEAVE}

TRANSITIONS: Final[dict[Node, dict[Event, Node]]] = {
    DISCONNECTED: {E.OPEN: CONNECTING_DIALING},
    # The first connection: a failed attempt is tried again until the deadline of the open.
    CONNECTING_DIALING: {E.TCP_CONNECTED: CONNECTING_HANDSHAKING, **_AGAIN},
    CONNECTING_HANDSHAKING: {E.UPGRADED: CONNECTING_SETUP, **_AGAIN},
    CONNECTING_SETUP: {E.SETUP_COMPLETE: ACTIVE, **_AGAIN},
    # A live line.
    ACTIVE: {E.SILENT: SUSPECT, E.HAND_OVER: DRAINING, E.LINE_LOST: WAITING, **_LEAVE},
    SUSPECT: {E.HEARD: ACTIVE, E.HAND_OVER: DRAINING, E.LINE_LOST: WAITING, **_LEAVE},
    DRAINING: {E.LINE_LOST: WAITING, **_LEAVE},
    # The way back.
    WAITING: {E.RETRY: DIALING, **_LEAVE},
    DIALING: {E.TCP_CONNECTED: HANDSHAKING, E.ATTEMPT_FAILED: WAITING, **_LEAVE},
    HANDSHAKING: {E.UPGRADED: SETUP, E.ATTEMPT_FAILED: WAITING, **_LEAVE},
    SETUP: {E.SETUP_COMPLETE: ACTIVE, E.ATTEMPT_FAILED: WAITING, **_LEAVE},
    # At rest.
    PARKED: {E.REVIVE: WAITING, E.GIVE_UP: FAILED, E.CLOSE: DISCONNECTING},
    FAILED: {E.REVIVE: WAITING, E.CLOSE: DISCONNECTING},
    DISCONNECTING: {E.CLOSED: DISCONNECTED},
}


class IllegalEvent(Exception):
    """The event cannot happen in this state; nothing was changed. A defect of the caller.

    Attributes:
        node: the state and phase.
        event: what was said to have happened.
    """

    def __init__(self, node: Node, event: Event) -> None:
        super().__init__(f"{event.value} cannot happen in {describe(node)}")
        self.node = node
        self.event = event


def describe(node: Node) -> str:
    """`connected/active`, or the state's name alone."""
    state, phase = node
    return f"{state.value}/{phase.value}" if phase else state.value


class Machine:
    """Where a session stands. `revision` grows by one with every change and never goes back."""

    __slots__ = ("node", "revision")

    def __init__(self) -> None:
        self.node: Node = DISCONNECTED
        self.revision = 0

    @property
    def state(self) -> State:
        return self.node[0]

    @property
    def phase(self) -> Phase | None:
        return self.node[1]

    def allows(self, event: Event) -> bool:
        return event in TRANSITIONS[self.node]

    def step(self, event: Event) -> tuple[Node, Node]:
        """Apply an event; returns (before, after).

        Raises:
            IllegalEvent: the table has no such row; nothing changed.
        """
        before = self.node
        try:
            after = TRANSITIONS[before][event]
        except KeyError:
            raise IllegalEvent(before, event) from None
        self.node = after
        self.revision += 1
        return before, after
