"""One Live session: the only driver, asyncio and a WebSocket around the pure `lifecycle` and `live`.

    session = LiveSession(config, on_event)
    await session.connect()
    session.send_audio(0, base64_pcm, "audio/pcm;rate=16000")
    await session.close()

All methods are called on the event loop's thread, and so is `on_event`. Times are seconds.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Collection
from typing import Any, NamedTuple

import msgspec

from sidecar.lifecycle import events as ev
from sidecar.lifecycle.core import Lifecycle
from sidecar.lifecycle.faults import Cause, Fault, Layer
from sidecar.lifecycle.outbox import Full, Item, Kind
from sidecar.lifecycle.resumption import handle_in, without_handle
from sidecar.lifecycle.settings import Settings
from sidecar.lifecycle.states import Event, Phase, State, describe
from sidecar.live import dial, frames, outgoing
from sidecar.live.auth import Auth
from sidecar.live.endpoints import Endpoint
from sidecar.live.line import WebSocketLine
from sidecar.live.messages import ServerMessage
from sidecar.live.turns import TurnEvent, Turns
from sidecar.observe import redact
from sidecar.observe.logging import log as log_fields
from sidecar.observe.logging import websockets_logger
from sidecar.observe.secret import Secret

LATE_S = 0.25
"""A timer later than this was held up by ourselves."""

log = logging.getLogger(__name__)


class Config(NamedTuple):
    """What a session is made of. `setup` is the Live API's own message; `handle` resumes an older session;
    `name` stands in the log."""

    endpoint: Endpoint
    auth: Auth
    setup: dict[str, Any]
    settings: Settings = Settings()
    handle: str | None = None
    max_frame_bytes: int = 16 * 1024 * 1024
    name: str = "session"


SessionEvent = ev.Event | TurnEvent | frames.MessageReceived | frames.InvalidFrame


class SessionFailed(Exception):
    """The session gave up; `fault` says why and what to do."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


class WrongState(Exception):
    """The session's state does not allow this."""


class OutboxFull(Exception):
    """The session holds as much as it may. The message was not accepted and stays the caller's."""


class LiveSession:
    """A session over as many connections as it takes.

    Args:
        config: fixed for the session's life.
        on_event: called with every `SessionEvent`, in order, never re-entered.
        uniform: random numbers in [0, 1), for the jitter.
    """

    def __init__(
        self,
        config: Config,
        on_event: Callable[[SessionEvent], None],
        *,
        uniform: Callable[[], float] = random.random,
    ) -> None:
        self.config = config
        handle = config.handle or handle_in(config.setup)
        self.core = Lifecycle(config.settings, uniform, handle=handle)
        self.turns = Turns()
        self.connections = 0
        self._emit = on_event
        self._loop = asyncio.get_running_loop()
        self._line: WebSocketLine | None = None
        self._attempt: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._running = False
        self._pings: dict[int, tuple[asyncio.Future[float], float]] = {}
        self._waiters: list[tuple[Collection[State], asyncio.Future[State]]] = []
        self._finished = self._loop.create_future()
        self._guarded: dict[str, Secret] = {}
        """Live secrets of this session: as long as they stand here, no log shows them."""
        self._guard("auth", config.auth.secret)
        self._guard("handle", Secret(handle) if handle else None)

    # --- what the host asks for -------------------------------------------------------------------

    @property
    def state(self) -> State:
        return self.core.state

    def now(self) -> float:
        """The session's clock, seconds."""
        return self._loop.time()

    async def connect(self) -> None:
        """Open the session; returns when setupComplete came.

        Raises:
            SessionFailed: permanent fault, or not within `deadlines.open_s`.
            WrongState: the session was opened before.
        """
        if not self.core.machine.allows(Event.OPEN) or self.core.machine.revision:
            raise WrongState(f"the session is {self.state}; open a new one")
        self.core.open(self._loop.time())
        self._run()
        state = await self._reach((State.CONNECTED, State.FAILED, State.DISCONNECTED))
        if state is State.FAILED and self.core.fault is not None:
            raise SessionFailed(self.core.fault)
        if state is not State.CONNECTED:
            raise WrongState("the session was closed while it was being opened")

    async def close(self, drain_s: float | None = None) -> None:
        """Close gracefully and release everything. Idempotent; every call returns when it is done."""
        if self.start_close(drain_s):
            await asyncio.shield(self._finished)

    def start_close(self, drain_s: float | None = None) -> bool:
        """Start to close: from now on nothing is accepted. False when the session was never opened."""
        if self.core.machine.revision == 0:
            return False
        self.core.close(self._loop.time(), drain_s)
        self._run()
        return True

    def reconnect(self) -> None:
        """Reconnect now, whatever the state: ends a wait, revives a failed session, replaces a live line.

        Raises:
            WrongState: the session is closing or closed.
        """
        if self.state in (State.DISCONNECTED, State.DISCONNECTING):
            raise WrongState(f"the session is {self.state}; open a new one")
        self.core.reconnect(self._loop.time())
        self._run()

    async def settled(self) -> State:
        """Wait until no attempt is under way: connected on a line that stays, failed, or closed."""
        while self.state is State.CONNECTED and self.core.machine.phase is Phase.DRAINING:
            await self._reach((State.RECONNECTING, State.FAILED, State.DISCONNECTING))
        return await self._reach((State.CONNECTED, State.FAILED, State.DISCONNECTED))

    async def wait_for(self, states: Collection[State], timeout_s: float) -> State:
        """Wait until the session is in one of `states`.

        Raises:
            TimeoutError: not within `timeout_s`.
            WrongState: the session was closed, and will be in none of them any more.
        """
        async with asyncio.timeout(timeout_s):
            return await self._reach(states)

    async def ping(self) -> float:
        """Ping the service; returns the round trip in seconds.

        Raises:
            WrongState: there is no line now, or it was lost before the pong.
        """
        now = self._loop.time()
        number = self.core.ping(now)
        if number is None:
            raise WrongState(f"the session is {self.state}: there is no line to ping")
        answer: asyncio.Future[float] = self._loop.create_future()
        self._pings[number] = (answer, now)
        self._run()
        try:
            return await answer
        finally:
            self._pings.pop(number, None)

    def send_audio(self, n: int, data: str, mime_type: str) -> bool:
        """Accept a chunk of PCM16 in base64. A number accepted before is ignored: an offer repeated.

        Returns:
            Whether it was written at once.

        Raises:
            InvalidMessage, OutboxFull, WrongState: it was not accepted.
        """
        if self.core.outbox.knows(n):
            return True
        return self._accept(outgoing.audio(n, data, mime_type))

    def send(self, kind: str, payload: dict[str, Any], n: int | None = None) -> bool:
        """Accept one client message: `kind` is realtimeInput, clientContent or toolResponse.

        Returns:
            Whether it was written at once; else it is held and goes out in its turn.

        Raises:
            InvalidMessage, OutboxFull, WrongState: it was not accepted.
        """
        if n is not None and self.core.outbox.knows(n):
            return True
        item = outgoing.message(kind, payload, n)
        sent = self._accept(item)
        if item.kind is Kind.ACTIVITY:
            self.turns.activity(started="activityStart" in payload)
        self.turns.answered(item.ids)
        return sent

    def leave(self) -> None:
        """The process ends: write a close frame if there is a line, wait for nothing."""
        if self._line is not None:
            self._line.leave()

    # --- inside: acceptance and writing -----------------------------------------------------------

    def _accept(self, item: Item) -> bool:
        outbox = self.core.outbox
        if not self.core.accepts:
            outbox.refuse(item)
            raise WrongState(f"the session is {self.state} and takes no messages")
        try:
            outbox.accept(item)
        except Full:
            self._run()
            raise OutboxFull("the session holds as much as it may; wait until the line is back") from None
        self._flush()
        self._run()
        return item.writes > 0

    def _flush(self, _effect: ev.Flush | None = None) -> None:
        line, core, now = self._line, self.core, self._loop.time()
        while core.outbox.held and line is not None and line.writable and not line.over:
            item = core.take(now)
            if item is None:
                break
            line.send_text(item.frame)

    # --- inside: carrying out what the core decided -----------------------------------------------

    def _run(self) -> None:
        """Carry out effects and pass events on, in order, until there are none; then set the timer."""
        if self._running:
            return
        self._running = True
        try:
            out = self.core.out
            position = 0
            while position < len(out):
                entry = out[position]
                position += 1
                effect = _EFFECTS.get(type(entry))
                if effect is not None:
                    effect(self, entry)
                else:
                    self._tell(entry)
            out.clear()
        finally:
            self._running = False
        self._set_timer()

    def _tell(self, event: SessionEvent) -> None:
        self._log(event)
        if isinstance(event, ev.StateChanged):
            self._wake_waiters(event.after[0])
        try:
            self._emit(event)
        except Exception:
            log.exception("a listener failed on %s", type(event).__name__)

    def _log(self, event: SessionEvent) -> None:
        """State changes, faults with their severity, and every loss; never what was said."""
        name = self.config.name
        if isinstance(event, ev.StateChanged):
            state = describe(event.after)
            log_fields(log, "info", "state changed", session=name, state=state, reason=event.reason)
        elif isinstance(event, ev.Failure):
            fault = event.fault
            text = f"{fault.kind}: {fault.message}"
            log_fields(
                log, fault.severity.value, text, session=name, action=fault.action.value, fatal=event.fatal
            )
        elif isinstance(event, ev.Dropped):
            drop = event.drop
            lost_ms = drop.audio_us // 1000
            log_fields(
                log,
                "warn",
                f"dropped: {drop.reason}",
                session=name,
                kind=drop.kind.value,
                count=drop.count,
                audio_ms=lost_ms,
            )

    def _wake_waiters(self, state: State) -> None:
        for entry in [w for w in self._waiters if state in w[0]]:
            self._waiters.remove(entry)
            if not entry[1].done():
                entry[1].set_result(state)

    def _ended(self, cause: Cause, *, unsent_bytes: int = 0, echoed: bool = False) -> None:
        """An attempt or a line is over: what it cut short is told before what follows from it."""
        self._line = None
        if self.core.line is not None:
            self.core.out.extend(self.turns.cut())
            for answer, _ in self._pings.values():
                if not answer.done():
                    answer.set_exception(WrongState("the line was lost before the pong came"))
        self.core.ended(self._loop.time(), cause, unsent_bytes=unsent_bytes, echoed=echoed)
        self._update_moment()
        self._run()

    async def _reach(self, states: Collection[State]) -> State:
        if self.state in states:
            return self.state
        if self._finished.done():
            raise WrongState("the session was closed")
        reached: asyncio.Future[State] = self._loop.create_future()
        entry = (states, reached)
        self._waiters.append(entry)
        try:
            return await reached
        finally:
            if entry in self._waiters:
                self._waiters.remove(entry)

    def _set_timer(self) -> None:
        """Lazy: a timer that is early finds nothing due and sets the next one."""
        due = self.core.due_at()
        if self._timer is not None:
            if self._timer_at <= due:
                return
            self._timer.cancel()
            self._timer = None
        if due != float("inf") and not self._finished.done():
            self._timer_at = due
            self._timer = self._loop.call_at(due, self._tick)

    def _tick(self) -> None:
        self._timer = None
        now = self._loop.time()
        late_s = now - self._timer_at
        self.core.tick(now, late_s if late_s > LATE_S else 0.0)
        self._run()

    def _dial(self, effect: ev.Dial) -> None:
        self._attempt = self._loop.create_task(self._connect_line(fresh=effect.fresh))

    async def _connect_line(self, *, fresh: bool) -> None:
        """One attempt up to the upgrade request; the line's own calls tell the rest."""
        config, endpoint = self.config, self.config.endpoint
        self._fresh = fresh
        try:
            sock = await dial.connect(endpoint)
            self.core.tcp_connected(self._loop.time())
            self._run()
            line = WebSocketLine(
                self,
                endpoint.url,
                config.auth.headers(),
                max_frame_bytes=config.max_frame_bytes,
                logger=websockets_logger(),
            )
            self._line = line
            tls = dial.tls_context() if endpoint.secure else None
            try:
                await self._loop.create_connection(
                    lambda: line, sock=sock, ssl=tls, server_hostname=endpoint.host if tls else None
                )
            except OSError as exc:  # ssl.SSLError is one
                raise dial.tls_failed(exc) from None
        except dial.DialFailed as exc:
            self._ended(exc.cause)
        except Exception as exc:
            log.exception("a connection attempt failed by a defect")
            self._ended(Cause(Layer.LOCAL, "defect", type(exc).__name__))

    def _ping(self, effect: ev.Ping) -> None:
        if self._line is not None:
            self._line.ping(str(effect.number).encode())

    def _send_close(self, _effect: ev.SendClose) -> None:
        if self._line is not None:
            self._line.close()

    def _abort(self, effect: ev.Abort) -> None:
        """End the attempt and its line, if there still is one, and tell the core."""
        attempt, self._attempt = self._attempt, None
        line, self._line = self._line, None
        if attempt is not None and not attempt.done():
            attempt.cancel()
        unsent_bytes = 0
        if line is not None:
            unsent_bytes = line.unsent_bytes
            line.abort()
        if attempt is not None or line is not None:
            self._ended(effect.cause, unsent_bytes=unsent_bytes)

    def _guard(self, name: str, secret: Secret | None) -> None:
        """The secret of this name is now `secret`; the log forgets the one before."""
        before = self._guarded.pop(name, None)
        if secret is not None:
            self._guarded[name] = secret
            redact.register(secret)
        if before is not None:
            redact.unregister(before)

    def _finish(self, _effect: ev.Finished) -> None:
        for name in list(self._guarded):
            self._guard(name, None)
        self._line = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for _, reached in self._waiters:
            if not reached.done():
                reached.set_exception(WrongState("the session was closed"))
        if not self._finished.done():
            self._finished.set_result(None)

    # --- inside: what the line tells --------------------------------------------------------------

    def line_opened(self, line: WebSocketLine) -> None:
        if line is not self._line:
            return
        self.connections += 1
        setup, resuming = self.core.resumption.setup(self.config.setup, fresh=self._fresh)
        self.core.upgraded(self._loop.time(), resuming=resuming)
        line.send_text(msgspec.json.encode({"setup": setup}))
        self.core.out.append(ev.SetupSent(resuming, without_handle(setup)))
        self._run()

    def line_heard(self, line: WebSocketLine) -> None:
        if line is self._line:
            self.core.heard(self._loop.time())

    def line_message(self, line: WebSocketLine, data: bytes) -> None:
        if line is not self._line:
            return
        out = self.core.out
        try:
            message, text = frames.read(data)
        except frames.Unreadable as exc:
            out.append(frames.InvalidFrame(str(exc), len(data)))
            self._run()
            return
        out.append(frames.MessageReceived(text, frames.is_audio_alone(message), frames.audio_ms(message)))
        self._understand(message)
        self._run()

    def _understand(self, message: ServerMessage) -> None:
        core, now = self.core, self._loop.time()
        if message.setup_complete is not None and core.line is None:
            core.setup_complete(now)
            if core.state_restored == "fresh":
                core.out.extend(self.turns.lost())
        core.frame(now, content=message.server_content is not None or message.tool_call is not None)
        update = message.session_resumption_update
        if update is not None:
            core.resumption.update(update.new_handle, resumable=update.resumable)
            handle = core.resumption.handle
            self._guard("handle", Secret(handle) if handle else None)
            core.out.append(ev.HandleChanged(core.resumption.resumable, handle))
        if message.go_away is not None:
            core.go_away(now, frames.duration_s(message.go_away.time_left) or 0.0)
        core.out.extend(self.turns.feed(message))
        self._update_moment()

    def _update_moment(self) -> None:
        self.core.moment(quiet=self.turns.quiet, model_speaking=self.turns.model_speaking)

    def line_pong(self, line: WebSocketLine, payload: bytes) -> None:
        if line is not self._line or not payload.isdigit():
            return
        now, number = self._loop.time(), int(payload)
        for ping, (answer, sent_at) in self._pings.items():
            if ping <= number and not answer.done():
                answer.set_result(now - sent_at)
        self.core.pong(now, number)
        self._run()

    def line_writable(self, line: WebSocketLine) -> None:
        if line is self._line:
            self._flush()
            self._run()

    def line_closed(self, line: WebSocketLine, cause: Cause, *, echoed: bool) -> None:
        if line is not self._line:
            return
        self._ended(cause, echoed=echoed)


_EFFECTS: dict[type, Callable[[LiveSession, Any], None]] = {
    ev.Dial: LiveSession._dial,
    ev.Ping: LiveSession._ping,
    ev.SendClose: LiveSession._send_close,
    ev.Abort: LiveSession._abort,
    ev.Flush: LiveSession._flush,
    ev.Finished: LiveSession._finish,
}
