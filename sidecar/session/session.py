"""What a host does with a session: open, send, ask, wait, close."""

import asyncio
from collections.abc import Callable, Collection
from types import TracebackType
from typing import Any, Self, TypeVar

from sidecar.lifecycle.faults import Cause, Fault, Layer, classify
from sidecar.lifecycle.item import Item
from sidecar.lifecycle.outbox import Full
from sidecar.lifecycle.settings import Settings
from sidecar.lifecycle.states import Event, Phase, State
from sidecar.live import outgoing
from sidecar.live.handshake import Negotiated, negotiated
from sidecar.live.setup import check_setup, terms_after
from sidecar.session.audience import WrongState
from sidecar.session.driver import Driver
from sidecar.session.uplink import Traffic

Event_ = TypeVar("Event_")


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

    # --- looking ----------------------------------------------------------------------------------

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop that the session lives on."""
        return self._loop

    @property
    def traffic(self) -> Traffic:
        """What all lines so far have carried."""
        return self._traffic.plus(self._line)

    @property
    def proxy_address(self) -> str:
        """Host and port of the proxy of the present line; "" for none."""
        return self._way.proxy_address if self._way is not None and self._line is not None else ""

    @property
    def negotiated(self) -> Negotiated | None:
        """What TLS agreed on for the present line; None without TLS, or before that."""
        tls = self._line.tls if self._line is not None else None
        return negotiated(tls) if tls is not None else None

    # --- opening and closing ----------------------------------------------------------------------

    def start(self) -> None:
        """Start to connect. From now on messages are accepted.

        Raises:
            WrongState: the session was opened before.
            InvalidSetup: the service would not take the setup.
            InvalidSettings: the settings contradict each other.
        """
        if not self.core.machine.allows(Event.OPEN) or self.core.machine.revision:
            raise WrongState(f"the session is {self.state}; open a new one")
        self.terms = terms_after(check_setup(self.config.setup, self.terms), self.terms)
        self.config.auth.check(self.config.endpoint)
        self.config.tls.check(self.config.endpoint)
        self.config.proxy.check(self.config.endpoint, verify=self.config.tls.verify)
        self.config.settings.check()
        self.begin()
        self.core.open(self.now(), previous_close_age_s=self.config.previous_close_age_s)
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
        """Close gracefully and release everything: afterwards no timer, task, thread or socket of it lives.
        Idempotent; every call returns when it is done."""
        if self.start_close(drain_s):
            await asyncio.shield(self.finished)
            await self._released()

    async def _released(self) -> None:
        """Wait until what was cancelled and closed is gone."""
        if self._unwinding:
            await asyncio.wait(self._unwinding)
        await self._preparation.released()

    disconnect = close

    async def __aenter__(self) -> Self:
        """Connect, and close at the end of the block, also when it fails."""
        try:
            await self.connect()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, where: TracebackType | None
    ) -> None:
        await self.close()

    def start_close(self, drain_s: float | None = None) -> bool:
        """Start to close: from now on nothing is accepted. False when the session was never opened."""
        if self.core.machine.revision == 0:
            return False
        self.core.close(self.now(), drain_s)
        self.run()
        return True

    def leave(self) -> None:
        """The process ends: write a close frame if there is a line, wait for nothing, and be closed."""
        line = self._drop_line()
        if line is not None:
            line.leave()
            self._unwinding.clear()  # the end of the process closes the socket
        if self._attempt is not None:
            self._attempt.cancel()
        if self.core.machine.revision:
            self.core.close(self.now(), 0.0, "leaving")
            self.core.ended(self.now(), Cause(Layer.LOCAL, "leaving"))
            self.run()

    def give_up(self, code: str) -> None:
        """Close at once for a reason of our own, and tell it as a fatal fault: a row of the fault table."""
        self.core.fail(classify(Cause(Layer.LOCAL, code)), self.now())
        self.run()

    # --- going on, staying away -------------------------------------------------------------------

    def reconnect(self) -> None:
        """Reconnect now, whatever the state: ends a wait, revives a failed session, replaces a live line.

        Raises:
            WrongState: the session is closing or closed.
        """
        self._must_be_open()
        self.core.reconnect(self.now())
        self.run()

    def suspend(self) -> None:
        """Give the line up and stay away until `resume`; messages are taken and held.

        Raises:
            WrongState: the session is failed, closing or closed.
        """
        self._must_be_open()
        if self.state is State.FAILED:
            raise WrongState("the session has failed: there is nothing to suspend; reconnect it, or close it")
        self._parked_by_system = False
        self.core.suspend(self.now(), "suspendRequested")
        self.run()

    def resume(self) -> None:
        """End a suspension; nothing happens where there is none.

        Raises:
            WrongState: the session is failed, closing or closed.
        """
        self._must_be_open()
        if self.state is State.FAILED:
            raise WrongState("the session has failed; reconnect it")
        self.core.resume(self.now(), "resumeRequested")
        self.run()

    def configure(self, settings: Settings) -> None:
        """Go by other settings from the next decision on; the line is kept.

        `deadlines.open_s` and `resumption.enabled` have no effect any more.

        Raises:
            InvalidSettings: they contradict each other; nothing was changed.
            WrongState: the session is closing or closed.
        """
        settings.check()
        self._must_be_open()
        self.core.configure(settings, self.now())
        self.conversation.configure(settings.resumption)
        self.run()

    def _must_be_open(self) -> None:
        if not self.core.machine.revision:
            raise WrongState("the session was not started; start or connect it first")
        if self.state in (State.DISCONNECTED, State.DISCONNECTING):
            raise WrongState(f"the session is {self.state}; open a new one")

    # --- hints ------------------------------------------------------------------------------------

    def network_changed(self, *, online: bool, address_changed: bool = False) -> None:
        """The network came, went, or is another one (`address_changed`). Ignored where it means nothing."""
        self.core.network_changed(self.now(), online=online, address_changed=address_changed)
        self.run()

    def system_suspend(self) -> None:
        """The machine is about to sleep: the line is closed while there is time to say so."""
        if self.core.machine.allows(Event.SUSPEND):
            self._parked_by_system = True
            self.core.suspend(self.now(), "systemSuspend")
            self.run()

    def system_resume(self) -> None:
        """The machine woke. What `system_suspend` parked goes on; a session that the host suspended itself
        stays so; a live line is probed, a wait is over."""
        if self.state is State.SUSPENDED and self._parked_by_system:
            self.core.resume(self.now(), "systemResume")
        else:
            self.core.woke(self.now())
        self.run()

    _parked_by_system = False

    # --- listening --------------------------------------------------------------------------------

    def on(self, kind: type[Event_] | None, listener: Callable[[Event_], None]) -> Callable[[], None]:
        """Call `listener` with every event of this class (see `SessionEvent`), None for all of them.

        Returns:
            The call that ends it.
        """
        return self.audience.on(kind, listener)

    # --- asking -----------------------------------------------------------------------------------

    async def settled(self) -> State:
        """Wait until no attempt is under way: connected on a line that stays, at rest, or closed."""
        while self.core.machine.phase is Phase.DRAINING or self.core.reviving:
            await self.audience.reach(tuple(State))
        return await self.reach((State.CONNECTED, State.FAILED, State.SUSPENDED, State.DISCONNECTED))

    async def reach(self, states: Collection[State]) -> State:
        """Wait for one of `states`.

        Raises:
            WrongState: the session was closed, and will be in none of them any more.
        """
        if self.state in states:
            return self.state
        if self.finished.done():
            raise WrongState("the session was closed")
        return await self.audience.reach(states)

    async def wait_for(self, states: Collection[State], timeout_s: float) -> State:
        """Wait until the session is in one of `states`.

        Raises:
            TimeoutError: not within `timeout_s`.
            ValueError: there is no such state.
            WrongState: the session was closed, and will be in none of them any more.
        """
        async with asyncio.timeout(timeout_s):
            return await self.reach([State(state) for state in states])

    async def ping(self) -> float:
        """Ping the service; returns the round trip in seconds.

        Raises:
            WrongState: there is no line now, or it was lost before the pong.
        """
        now = self.now()
        number = self.core.ping(now)
        if number is None:
            raise WrongState(f"the session is {self.state}: there is no line to ping")
        answer = self.pings.sent(number, now)
        self.run()
        return await answer

    # --- sending ----------------------------------------------------------------------------------

    def send_audio(self, n: int, data: str, mime_type: str) -> bool:
        """Accept a chunk of PCM16 in base64. A number accepted before is ignored: an offer repeated.

        Returns:
            Whether it is written.

        Raises:
            InvalidMessage, OutboxFull, WrongState: it was not accepted.
        """
        if n >= 0 and self.core.outbox.numbers.knows(n):
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
            if self.core.outbox.numbers.knows(n):
                return n <= self.core.outbox.sent_through
            self._check_order(n)
        checked = outgoing.message(kind, payload, n, self.terms)
        self.conversation.check_calls(checked.item.ids)
        sent = self._offer(checked.item)
        self.conversation.sent(checked)
        self.update_moment()
        self.run()
        return sent

    def _check_order(self, n: int) -> None:
        if n < 0:
            raise outgoing.InvalidMessage(f"number {n}: numbers begin at 0")
        numbers = self.core.outbox.numbers
        if numbers.comes_late(n):
            raise outgoing.InvalidMessage(
                f"number {n} was refused and {numbers.accepted_through} accepted since: "
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
