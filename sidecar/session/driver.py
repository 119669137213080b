"""Carries out what the core decides, and tells it what happens: one WebSocket line at a time, one timer."""

import asyncio
import logging
import random
from collections.abc import Callable
from typing import Any

import msgspec

from sidecar.lifecycle import events as ev
from sidecar.lifecycle.core import Lifecycle
from sidecar.lifecycle.faults import Cause, Layer
from sidecar.lifecycle.resumption import asks_transparent, handle_in, without_handle
from sidecar.lifecycle.states import State
from sidecar.live import frames
from sidecar.live.auth import Credential, NoCredential
from sidecar.live.dial import Step
from sidecar.live.failure import DialFailed
from sidecar.live.line import WebSocketLine
from sidecar.live.meaning import answers, brings_content, hears_speech
from sidecar.live.messages import ServerMessage
from sidecar.live.way import Way
from sidecar.observe.secret import Secret
from sidecar.session import sleep
from sidecar.session.alarm import Alarm
from sidecar.session.attempt import attempt
from sidecar.session.audience import Audience, Listener
from sidecar.session.config import Config
from sidecar.session.conversation import Conversation
from sidecar.session.guard import Guard
from sidecar.session.logged import log_event
from sidecar.session.pings import Pings
from sidecar.session.preparation import Preparation
from sidecar.session.uplink import Traffic, Uplink

LATE_S = 0.25
"""Later than this means that the loop was held up by ourselves."""

log = logging.getLogger(__name__)


class Driver:
    """The moving parts of a session. `core.out` is the one stream of effects and events, so that all that is
    told keeps its order; `run` empties it."""

    def __init__(
        self,
        config: Config,
        on_event: Listener | None = None,
        *,
        uniform: Callable[[], float] = random.random,
    ) -> None:
        self.config = config
        self._handle = config.handle or handle_in(config.setup)
        self.core = Lifecycle(
            config.settings,
            uniform,
            handle=self._handle,
            renewable=config.auth.renewable,
            transparent=asks_transparent(config.setup),
        )
        self.conversation = Conversation(config.settings.resumption, took_over=self._handle is not None)
        self.turns = self.conversation.turns
        self.terms = config.terms
        self.connections = 0
        self.pings = Pings()
        self._loop = asyncio.get_running_loop()
        self.started_at = self._loop.time()
        self.finished = self._loop.create_future()
        self.audience = Audience()
        if on_event is not None:
            self.audience.on(None, on_event)
        self._line: WebSocketLine | None = None
        self._way: Way | None = None
        self._attempt: asyncio.Task[None] | None = None
        self._used: Secret | None = None
        self._unwinding: set[asyncio.Future[Any]] = set()
        self._fresh = False
        self._seed: dict[str, Any] | None = None
        self._traffic = Traffic()
        self._uplink = Uplink()
        self._guard = Guard()
        self._preparation = Preparation(config.auth, self._prepared)
        self._stop_watching: Callable[[], None] | None = None
        self._alarm = Alarm(self._loop, self._tick)
        self._awake_at = self._loop.time()
        self._running = False

    @property
    def state(self) -> State:
        return self.core.state

    def now(self) -> float:
        """The session's clock, seconds."""
        return self._loop.time()

    # --- carrying out -----------------------------------------------------------------------------

    def begin(self) -> None:
        """Guard the secrets and watch for sleep, until the session is over."""
        self._guard.given(self.config.auth.secrets)
        self._guard.handle(self._handle)
        self._stop_watching = sleep.watch(self._slept)

    def run(self) -> None:
        """Carry out effects and pass events on, in order, until there are none; then set the timer."""
        if self._running:
            return
        self._running = True
        self._awake_at = self._loop.time()
        out = self.core.out
        position = 0
        try:
            while position < len(out):
                entry = out[position]
                position += 1
                effect = _EFFECTS.get(type(entry))
                if effect is not None:
                    effect(self, entry)
                else:
                    log_event(log, self.config.name, entry)
                    self.audience.tell(entry)
        finally:
            del out[:position]  # also when one of them failed: nothing is done twice
            self._running = False
        if not self.finished.done():
            self._alarm.set(self.core.due_at())

    def flush(self, _effect: ev.Flush | None = None) -> None:
        """Write what the outbox gives."""
        line, core, now = self._line, self.core, self._loop.time()
        while core.outbox.held and line is not None and line.writable and not line.over:
            item = core.take(now)
            if item is None:
                break
            line.send_text(item.frame)

    def _dial(self, effect: ev.Dial) -> None:
        self._fresh = effect.fresh
        if effect.renew and self._used is not None:
            self.config.auth.refused(self._used)
        self._preparation.cancel()
        self._attempt = self._loop.create_task(self._connect_line())
        self._unwinding.add(self._attempt)
        self._attempt.add_done_callback(self._unwinding.discard)

    async def _connect_line(self) -> None:
        try:
            await attempt(self.config, self)
        except (NoCredential, DialFailed) as exc:
            self._ended(exc.cause)
        except Exception as exc:
            log.exception("a connection attempt failed by a defect")
            self._ended(Cause(Layer.LOCAL, "defect", type(exc).__name__))

    def attempt_asks(self) -> None:
        self.core.asking(self._loop.time())
        self._alarm.set(self.core.due_at())

    def attempt_asked(self, secret: Secret) -> None:
        self.core.asked()
        self._used = secret
        self._guard.token(secret)

    def attempt_uses(self, secret: Secret) -> None:
        self._guard.token(secret)

    def attempt_step(self, step: Step, way: Way) -> None:
        now = self._loop.time()
        match step:
            case "dialing":
                self.core.dialing(now, way.proxy_address)
            case "resolved":
                self.core.resolved(now)
            case "tunnelling":
                self.core.tunnelling(now)
        self.run()

    def attempt_connected(self) -> bool:
        this_attempt = self._attempt
        self.core.tcp_connected(self._loop.time())
        self.run()
        return self._attempt is this_attempt  # else who was told ended it

    def attempt_line(self, line: WebSocketLine, way: Way) -> None:
        self._line, self._way = line, way

    def _prepared(self, credential: Credential | None) -> None:
        if credential is not None:
            self._guard.token(credential.secret)
        self.update_moment()
        self.run()

    def _prepare(self, effect: ev.Prepare) -> None:
        self._preparation.begin(effect.ends_in_s)
        if self._preparation.lacking:
            self.update_moment()

    def _ping(self, effect: ev.Ping) -> None:
        line = self._line
        if line is not None:
            line.ping(str(effect.number).encode())
            if effect.first:
                self._uplink.pinged(line)

    def _send_close(self, _effect: ev.SendClose) -> None:
        if self._line is not None:
            self._line.close()

    def _abort(self, effect: ev.Abort) -> None:
        """End the attempt and its line, if there still is one, and tell the core."""
        attempt, self._attempt = self._attempt, None
        line = self._drop_line()
        if attempt is not None and not attempt.done():
            attempt.cancel()
        unsent_bytes = 0
        if line is not None:
            unsent_bytes = line.unsent_bytes
            line.abort()
        if attempt is not None or line is not None:
            self._ended(effect.cause, unsent_bytes=unsent_bytes)

    def _finish(self, _effect: ev.Finished) -> None:
        self._drop_line()
        self._preparation.cancel()
        self._guard.release()
        if self._stop_watching is not None:
            self._stop_watching()
            self._stop_watching = None
        self._alarm.stop()
        self.audience.disappoint()
        if not self.finished.done():
            self.finished.set_result(None)

    def _drop_line(self) -> WebSocketLine | None:
        """The line is none of ours any more; what it carried stays in the books."""
        line, self._line = self._line, None
        if line is not None:
            self._traffic = self._traffic.plus(line)
            if line.released is not None and not line.released.done():
                self._unwinding.add(line.released)
                line.released.add_done_callback(self._unwinding.discard)
        return line

    # --- time -------------------------------------------------------------------------------------

    def _tick(self, late_s: float) -> None:
        now = self._loop.time()
        line, live = self._line, self.core.line
        silent = live is not None and live.liveness.silence_s(now) > 0
        if silent and line is not None and self._uplink.moves(line):
            self.core.uplink_moves(now)
        self.core.tick(now, late_s if late_s > LATE_S else 0.0)
        self.run()

    def _slept(self, slept_s: float, clock_stood: bool) -> None:
        self.core.slept(self._loop.time(), slept_s, clock_stood=clock_stood)
        self.run()

    # --- what the line tells ----------------------------------------------------------------------

    def line_secured(self, line: WebSocketLine) -> None:
        if line is self._line:
            self.core.secured(self._loop.time())

    def line_opened(self, line: WebSocketLine) -> None:
        if line is not self._line:
            return
        self.connections += 1
        core = self.core
        setup, resuming = core.resumption.setup(self.config.setup, fresh=self._fresh)
        # Never both: a resumed session has its history, and would wait for a second one for ever (LP 2.2).
        self._seed = None
        if core.recovery.connected_before and not resuming:
            self._seed, setup = self.conversation.seed(setup, core.outbox.new)
        core.upgraded(self._loop.time(), resuming=resuming)
        line.send_text(msgspec.json.encode({"setup": setup}))
        core.out.append(ev.SetupSent(resuming, without_handle(setup)))
        self.run()

    def line_heard(self, line: WebSocketLine) -> None:
        """The bytes may have waited for us: they came when we were last awake, at the earliest."""
        if line is not self._line:
            return
        now = self._loop.time()
        came_at = self._awake_at if now - self._awake_at > LATE_S else now
        self._awake_at = now
        self.core.heard(came_at, line.unacked_bytes)
        if self.core.out:
            self.run()

    def line_message(self, line: WebSocketLine, data: bytes) -> None:
        if line is not self._line:
            return
        out = self.core.out
        try:
            message, text = frames.read(data)
        except frames.Unreadable as exc:
            out.append(frames.InvalidFrame(str(exc), len(data)))
        else:
            sound_ms = frames.sound_alone_ms(message)
            out.append(frames.MessageReceived(text, sound_ms))
            if sound_ms is not None and self.turns.model_speaking:
                self._sounds_on()
            else:
                self._understand(line, message)
        self.run()

    def _sounds_on(self) -> None:
        """The model goes on speaking: most frames are this, and change nothing else."""
        now = self._loop.time()
        self.core.frame(now, content=True)
        self.core.answered(now)

    def _understand(self, line: WebSocketLine, message: ServerMessage) -> None:
        core, now = self.core, self._loop.time()
        if message.setup_complete is not None and core.line is None:
            self._set_up(line, now)
        else:
            core.frame(now, content=brings_content(message))
        update = message.session_resumption_update
        if update:
            self._guard.handle(update.new_handle)
            core.handle(update.new_handle, resumable=update.resumable)
            if update.resumable and update.new_handle:
                core.consumed(update.last_consumed_client_message_index, now)
        if message.go_away is not None:
            core.go_away(now, frames.duration_s(message.go_away.time_left) or 0.0)
        core.out.extend(self.conversation.heard(message))
        if message.tool_call_cancellation is not None:
            core.calls_cancelled(frozenset(message.tool_call_cancellation.ids), now)
        if answers(message):
            core.answered(now)
        elif hears_speech(message):
            core.demanded("speech", now)
        self.update_moment()

    def _set_up(self, line: WebSocketLine, now: float) -> None:
        """setupComplete: the seed goes first, then what is held."""
        seed, self._seed = self._seed, None
        if seed is not None:
            line.send_text(msgspec.json.encode(seed))
        self.core.setup_complete(now, reseeded=seed is not None)
        if seed is not None:
            self.core.outbox.indexes.next()  # the service counts it like any other message
        if self.core.state_restored in ("fresh", "reseeded"):
            self.core.out.extend(self.conversation.lost())

    def update_moment(self) -> None:
        """Tell the core what the conversation is doing."""
        quiet = self.turns.quiet and not self._preparation.lacking
        self.core.moment(quiet=quiet, model_speaking=self.turns.model_speaking)

    def line_pong(self, line: WebSocketLine, payload: bytes) -> None:
        if line is not self._line or not payload.isdigit():
            return
        now, number = self._loop.time(), int(payload)
        self.pings.pong(number, now)
        self.core.pong(now, number)
        self.run()

    def line_writable(self, line: WebSocketLine) -> None:
        if line is self._line:
            self.flush()
            self.run()

    def line_closed(self, line: WebSocketLine, cause: Cause, *, echoed: bool, unsent_bytes: int) -> None:
        if line is self._line:
            self._ended(cause, echoed=echoed, unsent_bytes=unsent_bytes)

    def _ended(self, cause: Cause, *, unsent_bytes: int = 0, echoed: bool = False) -> None:
        """An attempt or a line is over: what it cut short is told before what follows from it."""
        self._drop_line()
        if self.core.line is not None:
            self.core.out.extend(self.conversation.cut())
            self.pings.lost()
        try:
            self.core.ended(self._loop.time(), cause, unsent_bytes=unsent_bytes, echoed=echoed)
        except Exception as exc:
            log.exception("the end of a line was handled with a defect")
            self.core.defect(self._loop.time(), type(exc).__name__)
        self.update_moment()
        self.run()


_EFFECTS: dict[type, Callable[[Driver, Any], None]] = {
    ev.Dial: Driver._dial,
    ev.Prepare: Driver._prepare,
    ev.Ping: Driver._ping,
    ev.SendClose: Driver._send_close,
    ev.Abort: Driver._abort,
    ev.Flush: Driver.flush,
    ev.Finished: Driver._finish,
}
