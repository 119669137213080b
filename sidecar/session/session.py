"""What a host does with a session: open, send, ask, wait, close."""

import asyncio
from collections.abc import Collection
from typing import Any

from sidecar.lifecycle.faults import Cause, Fault, Layer, classify
from sidecar.lifecycle.outbox import Full, Item, Kind
from sidecar.lifecycle.states import Event, Phase, State
from sidecar.live import outgoing
from sidecar.session.driver import Driver, WrongState


class SessionFailed(Exception):
    """The session gave up; `fault` says why and what to do."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


class OutboxFull(Exception):
    """The session holds as much as it may. The message was not accepted and stays the caller's."""


class LiveSession(Driver):
    """A session over as many connections as it takes.

    Args:
        config: fixed for the session's life.
        on_event: called with every `SessionEvent`, in order, never re-entered.
        uniform: random numbers in [0, 1), for the jitter.
    """

    # --- opening and closing ----------------------------------------------------------------------

    def start(self) -> None:
        """Start to connect. From now on messages are accepted.

        Raises:
            WrongState: the session was opened before.
        """
        if not self.core.machine.allows(Event.OPEN) or self.core.machine.revision:
            raise WrongState(f"the session is {self.state}; open a new one")
        self.guard_all()
        self.core.open(self.now())
        self.run()

    async def connected(self) -> None:
        """Wait until the session that was started is usable for the first time: setupComplete came.

        Raises:
            SessionFailed: permanent fault, or not within `deadlines.open_s`.
            WrongState: it was closed while it was being opened.
        """
        state = await self.reach((State.CONNECTED, State.FAILED, State.DISCONNECTED))
        if state is State.FAILED and self.core.fault is not None:
            raise SessionFailed(self.core.fault)
        if state is not State.CONNECTED:
            raise WrongState("the session was closed while it was being opened")

    async def connect(self) -> None:
        """`start`, and wait until it is `connected`. Raises what they raise."""
        self.start()
        await self.connected()

    async def close(self, drain_s: float | None = None) -> None:
        """Close gracefully and release everything. Idempotent; every call returns when it is done."""
        if self.start_close(drain_s):
            await asyncio.shield(self.finished)

    def start_close(self, drain_s: float | None = None) -> bool:
        """Start to close: from now on nothing is accepted. False when the session was never opened."""
        if self.core.machine.revision == 0:
            return False
        self.core.close(self.now(), drain_s)
        self.run()
        return True

    def give_up(self, code: str) -> None:
        """Close at once for a reason of our own, and tell it as a fatal fault: a row of the fault table."""
        self.core.fail(classify(Cause(Layer.LOCAL, code)), self.now())
        self.run()

    # --- asking -----------------------------------------------------------------------------------

    def reconnect(self) -> None:
        """Reconnect now, whatever the state: ends a wait, revives a failed session, replaces a live line.

        Raises:
            WrongState: the session is closing or closed.
        """
        if self.state in (State.DISCONNECTED, State.DISCONNECTING):
            raise WrongState(f"the session is {self.state}; open a new one")
        self.core.reconnect(self.now())
        self.run()

    async def settled(self) -> State:
        """Wait until no attempt is under way: connected on a line that stays, failed, or closed."""
        while self.state is State.CONNECTED and self.core.machine.phase is Phase.DRAINING:
            await self.reach((State.RECONNECTING, State.FAILED, State.DISCONNECTING))
        return await self.reach((State.CONNECTED, State.FAILED, State.DISCONNECTED))

    async def wait_for(self, states: Collection[State], timeout_s: float) -> State:
        """Wait until the session is in one of `states`.

        Raises:
            TimeoutError: not within `timeout_s`.
            WrongState: the session was closed, and will be in none of them any more.
        """
        async with asyncio.timeout(timeout_s):
            return await self.reach(states)

    async def ping(self) -> float:
        """Ping the service; returns the round trip in seconds.

        Raises:
            WrongState: there is no line now, or it was lost before the pong.
        """
        now = self.now()
        number = self.core.ping(now)
        if number is None:
            raise WrongState(f"the session is {self.state}: there is no line to ping")
        answer: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self.pings[number] = (answer, now)
        self.run()
        try:
            return await answer
        finally:
            self.pings.pop(number, None)

    # --- sending ----------------------------------------------------------------------------------

    def send_audio(self, n: int, data: str, mime_type: str) -> bool:
        """Accept a chunk of PCM16 in base64. A number accepted before is ignored: an offer repeated.

        Returns:
            Whether it is written.

        Raises:
            InvalidMessage, OutboxFull, WrongState: it was not accepted.
        """
        if self.core.outbox.knows(n):
            return n <= self.core.outbox.sent_through
        self._check_order(n)
        return self._offer(outgoing.audio(n, data, mime_type))

    def send(self, kind: str, payload: dict[str, Any], n: int | None = None) -> bool:
        """Accept one client message: `kind` is realtimeInput, clientContent or toolResponse.

        Returns:
            Whether it is written; else it is held and goes out in its turn.

        Raises:
            InvalidMessage, OutboxFull, WrongState: it was not accepted.
        """
        if n is not None:
            if self.core.outbox.knows(n):
                return n <= self.core.outbox.sent_through
            self._check_order(n)
        item = outgoing.message(kind, payload, n)
        if lost := self.turns.lost_calls.intersection(item.ids):
            calls = ", ".join(sorted(lost))[:200]
            raise outgoing.InvalidMessage(f"{calls}: the session of this call was lost; nobody waits for it")
        sent = self._offer(item)
        if item.kind is Kind.ACTIVITY:
            self.turns.activity(started="activityStart" in payload)
        elif item.kind in (Kind.TEXT, Kind.TOOL_RESPONSE) or payload.get("turnComplete") is True:
            self.turns.asked(item.ids)
        self.update_moment()
        return sent

    def _check_order(self, n: int) -> None:
        outbox = self.core.outbox
        if outbox.comes_late(n):
            raise outgoing.InvalidMessage(
                f"number {n} was refused and {outbox.accepted_through} accepted since: "
                "its place is gone; offer it under a new number"
            )

    def _offer(self, item: Item) -> bool:
        try:
            if not self.core.offer(item, self.now()):
                raise WrongState(f"the session is {self.state} and takes no messages")
        except Full:
            self.run()
            raise OutboxFull("the session holds as much as it may; wait until the line is back") from None
        self.flush()
        self.run()
        return item.writes > 0
