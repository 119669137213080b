"""Who listens to a session, and who waits for a state of it."""

import asyncio
import logging
from collections.abc import Callable, Collection
from typing import Any

from sidecar.lifecycle import events as ev
from sidecar.lifecycle.states import State

log = logging.getLogger(__name__)

Listener = Callable[[Any], None]


class WrongState(Exception):
    """The session's state does not allow this."""


class Audience:
    """Listeners are called in the order of the events, never re-entered; one that fails stops no other."""

    def __init__(self) -> None:
        self._listeners: list[tuple[type | None, Listener]] = []
        self._waiters: list[tuple[Collection[State], asyncio.Future[State]]] = []

    def on(self, kind: type | None, listener: Listener) -> Callable[[], None]:
        """Call `listener` with every event of this class, None for all; returns what ends it."""
        entry = (kind, listener)
        self._listeners.append(entry)

        def off() -> None:
            self._listeners = [other for other in self._listeners if other is not entry]

        return off

    def tell(self, event: Any) -> None:
        """Pass an event on."""
        if isinstance(event, ev.StateChanged):
            self._wake(event.after[0])
        for entry in tuple(self._listeners):  # as they are now: one of them may come or go
            kind, listener = entry
            if (kind is None or isinstance(event, kind)) and entry in self._listeners:
                try:
                    listener(event)
                except Exception:
                    log.exception("a listener failed on %s", type(event).__name__)

    def _wake(self, state: State) -> None:
        for entry in [w for w in self._waiters if state in w[0]]:
            self._waiters.remove(entry)
            if not entry[1].done():
                entry[1].set_result(state)

    async def reach(self, states: Collection[State]) -> State:
        """Wait for one of `states`; returns which.

        Raises:
            WrongState: the session was closed, and will be in none of them any more.
        """
        reached: asyncio.Future[State] = asyncio.get_running_loop().create_future()
        entry = (states, reached)
        self._waiters.append(entry)
        try:
            return await reached
        finally:
            if entry in self._waiters:
                self._waiters.remove(entry)

    def disappoint(self) -> None:
        """The session is over: who still waits will wait in vain."""
        for _, reached in self._waiters:
            if not reached.done():
                reached.set_exception(WrongState("the session was closed"))
