"""One connection's conversation: who it is, setup first and once, a session, then input and answers."""

import asyncio
from collections.abc import Callable
from enum import StrEnum
from typing import Any, Protocol

from . import intake
from .access import Admission
from .accounting import ConnectionAudio
from .dialect import Message, encode
from .faults import (
    AnyLineFault,
    Close,
    Cut,
    Freeze,
    GoAway,
    Hang,
    Moment,
    NetworkSwitch,
    RefuseSetup,
    SlowPongs,
    Stall,
)
from .fields import message_fields
from .handles import HandleIssuer
from .lifetime import Lifetime
from .model import Model
from .refusals import Refusal, Refused, fit, known, refused
from .schema import parse
from .script import Script
from .session import Handle, Session, Sessions
from .setup import Setup
from .wire import Wire


class Service(Protocol):
    """What a connection needs of the simulator around it."""

    script: Script
    sessions_book: Sessions

    def now_s(self) -> float: ...
    def note(self, text: str) -> None: ...
    def changed(self) -> None: ...
    def setup_fault(self, connection: "Connection", session: Session | None) -> Hang | RefuseSetup | None: ...
    def ask_plan(self, connection: "Connection", since_setup_ms: float | None = None) -> None: ...
    def set_up(self, connection: "Connection") -> None: ...


class Phase(StrEnum):
    NEW = "new"
    WAITING = "waiting"
    """The setup is here, its answer not out yet: delayed, refused in a moment, or never."""
    OPEN = "open"
    FROZEN = "frozen"
    CLOSING = "closing"
    ENDED = "ended"


_MANY_TIMERS = 100
_LEAVING = (Phase.CLOSING, Phase.FROZEN, Phase.ENDED)


class Connection:
    """`number` counts from 1 over the whole simulator."""

    def __init__(self, service: Service, wire: Wire, number: int, admission: Admission) -> None:
        self.number = number
        self.phase = Phase.NEW
        self.session: Session | None = None
        self.resumed = False
        self.ending = False  # a fault that ends it is on its way
        self.audio = ConnectionAudio(service.script.keep_audio_bytes)
        self.opened_at_s = service.now_s()
        self.setup_at_s: float | None = None
        self.go_away_at_s: float | None = None
        self.ended_at_s: float | None = None
        self._service = service
        self._script = service.script
        self._wire = wire
        self._admission = admission
        self._fields = message_fields(
            admission.endpoint.family,
            admission.endpoint.version,
            safety_settings=service.script.safety_settings,
        )
        self._setup: Setup | None = None
        self._handle: Handle | None = None
        self._handles: HandleIssuer | None = None
        self._model: Model | None = None
        self._was_speaking = False
        self._stalled = False
        self._timers: list[asyncio.TimerHandle] = []
        self._lifetime = Lifetime(self, service.script)
        self._clock = asyncio.get_running_loop()

    async def run(self) -> None:
        """Holds the conversation until the line is gone."""
        self._service.note(f"connection {self.number} opened")
        writer = asyncio.create_task(self._wire.write_out())
        try:
            if self._admission.refusal is not None:
                self.close(*self._admission.refusal)
            else:
                self._lifetime.opened(self._admission)
            self._wire.listen(self._on_message)
            await self._wire.wait_closed()
        finally:
            writer.cancel()
            self._end()

    @property
    def pings_received(self) -> int:
        return self._wire.pings_received

    @property
    def close_code(self) -> int | None:
        """1006 when the line ended without a close frame."""
        return self._wire.close_code

    @property
    def speaking(self) -> bool:
        return self._model is not None and self._model.speaking

    @property
    def model(self) -> Model | None:
        return self._model if self.phase is Phase.OPEN else None

    @property
    def booking(self) -> bool:
        return self.setup_at_s is not None

    def heard(self) -> None:
        self._service.ask_plan(self)

    def saw(self) -> None:
        if self.session is not None and self._setup is not None and not self.session.has_video:
            self.session.has_video = True
            self._lifetime.watch_session(self.session, compresses=self._setup.compresses)

    def moment(self, since_setup_ms: float | None = None) -> Moment:
        """Where this connection stands. A timer gives its own time, as the clock may be a hair short."""
        if since_setup_ms is None and self.setup_at_s is not None:
            since_setup_ms = (self._service.now_s() - self.setup_at_s) * 1000
        return Moment(
            connection=self.number,
            session=self.session.index if self.session else None,
            audio_ms=self.session.audio.unique_ms if self.session else 0.0,
            since_setup_ms=since_setup_ms if self.phase is Phase.OPEN else None,
        )

    def later(self, delay_s: float, call: Callable[[], None]) -> None:
        """Calls unless the connection ends or freezes before."""
        if len(self._timers) > _MANY_TIMERS:
            self._timers = [timer for timer in self._timers if timer.when() > self._clock.time()]
        self._timers.append(self._clock.call_later(delay_s, call))

    def send(self, message: Message) -> None:
        """Pretty-printed with a trailing newline, as the service does (LP 1.5)."""
        if self._stalled or self.phase in _LEAVING:
            return
        frame = encode(message)
        self._wire.post(frame.decode() if self._script.text else frame)

    # --- faults

    def suffer(self, fault: AnyLineFault) -> None:
        """Carry a fault out, at once."""
        match fault:
            case Cut():
                self.cut()
            case Freeze():
                self.freeze(None if fault.for_ms is None else fault.for_ms / 1000)
            case Close():
                self.close(*fault.refusal)
            case GoAway():
                self.go_away(fault.time_left, fault.time_left_s, known(self._script.go_away_overrun))
            case NetworkSwitch():
                if self.session is not None:
                    self.session.hold(self._service.now_s() + fault.for_ms / 1000)
                self.cut()
            case SlowPongs():
                delay_s = None if fault.delay_ms is None else fault.delay_ms / 1000
                self._for_a_time(fault.for_ms, self._wire, "pong_delay_s", delay_s, 0.0)
            case Stall():
                self._for_a_time(fault.for_ms, self, "_stalled", True, False)

    def _for_a_time(self, for_ms: float | None, on: object, name: str, value: object, after: object) -> None:
        setattr(on, name, value)
        if for_ms is not None:
            self.later(for_ms / 1000, lambda: setattr(on, name, after))

    def cut(self) -> None:
        self._quiet(Phase.CLOSING)
        self._wire.reset()

    def freeze(self, for_s: float | None) -> None:
        """The socket counts as ended, and its session as free, only when the reset comes.

        None: when the service gives an idle connection up.
        """
        self._quiet(Phase.FROZEN)
        self._wire.freeze()
        if for_s is None:
            for_s = self._lifetime.idle_left_s()
        if for_s is not None:
            self._clock.call_later(for_s, self._wire.reset)

    def close(self, code: int, reason: str) -> None:
        if self.phase in _LEAVING:
            return
        reason = fit(reason)
        self._service.note(f"connection {self.number}: closing with {code} {reason}".rstrip())
        self._quiet(Phase.CLOSING)
        self._wire.finish(code, reason)

    def go_away(self, time_left: str, left_s: float, overrun: Refusal) -> None:
        """An order (LP 4.1): a client that stays longer is thrown out."""
        self.go_away_at_s = self._service.now_s()
        self.send({"goAway": {"timeLeft": time_left}})
        self._stalled |= self._script.silent_after_go_away
        self.later(left_s, lambda: self.close(*overrun))

    # --- what the timers need (lifetime.Line)

    def heard_at_s(self) -> float:
        return self._wire.heard_at_s

    def service_s(self) -> float:
        """The service's clock, which the limits go by."""
        return self._service.now_s() * self._script.time_scale

    # --- the client's messages

    def _on_message(self, frame: bytes) -> None:
        if self._wire.close_started or self.phase in (Phase.FROZEN, Phase.ENDED):
            return
        try:
            kind, content = parse(frame, self._fields)
            self._dispatch(kind, content, frame)
        except Refused as refusal:
            self.close(refusal.code, refusal.reason)
        self._service.changed()

    def _dispatch(self, kind: str, content: dict[str, Any], frame: bytes) -> None:
        if (kind == "setup") != (self.phase is Phase.NEW):
            raise refused("setupFirst")
        if kind == "setup":
            self._on_setup(content)
            return
        if self._handles is not None and self.phase is Phase.OPEN:
            self._handles.consumed(frame)
        if kind == "realtimeInput":
            intake.take(self, content, self._service.now_s())
        # Before setupComplete it is only not heeded: what the service does then is not known (LP 4.5).
        elif self.model is None:
            return
        elif kind == "clientContent":
            self.model.content(content.get("turns", []), turn_complete=content.get("turnComplete", False))
        elif kind == "contextUpdate":
            self.model.context_update(content)
        else:
            self.model.tool_response(content.get("functionResponses", []))

    # --- setup

    def _on_setup(self, content: dict[str, Any]) -> None:
        token = self._admission.token
        if token is not None and token.lock is not None:
            content = token.lock.apply(content)
        setup = Setup.read(content, self._script, self._admission.endpoint)
        handle = None
        if setup.handle:
            handle = self._service.sessions_book.find(setup.handle, self._service.now_s())
        if token is not None:
            token.admit(self.service_s(), resuming=handle is not None)
        self._setup, self._handle = setup, handle
        self.phase = Phase.WAITING
        session = handle.session if handle is not None else None
        match self._service.setup_fault(self, session):
            case Hang():
                self._service.note(f"connection {self.number}: setup is left without an answer")
            case RefuseSetup() as fault:
                self._refuse_setup(fault.refusal, after=fault.after_setup_complete)
            case None:
                self._take_or_refuse(session)

    def _take_or_refuse(self, session: Session | None) -> None:
        now_s = self._service.now_s()
        if session is not None and not session.may_be_resumed(now_s):
            held = "is still owned" if session.owner else "has only just been left"
            self._service.note(f"connection {self.number}: resume refused, session {session.index} {held}")
            self._refuse_setup(known("internalError"), after=self._script.refuse_after_setup_complete)
            return
        self.resumed = session is not None
        self.session = session or self._service.sessions_book.open(now_s)
        self.session.take(self.number)
        if self._script.setup_delay_ms:
            self.later(self._script.setup_delay_ms / 1000, self._complete_setup)
        else:
            self._complete_setup()

    def _refuse_setup(self, refusal: Refusal, *, after: bool) -> None:
        if after:
            self._send_setup_complete()
        self.later(self._script.refusal_delay_ms / 1000, lambda: self.close(*refusal))

    def _send_setup_complete(self) -> None:
        assert self._setup is not None
        self.send({"setupComplete": self._setup.manner.dialect.setup_complete()})

    def _complete_setup(self) -> None:
        session, setup = self.session, self._setup
        assert session is not None
        assert setup is not None
        self.phase = Phase.OPEN
        self.setup_at_s = self._service.now_s()
        session.audio.begin(self.audio)
        if setup.transparent and self._handle is not None:
            session.restore(self._handle.moment)
        handles = HandleIssuer(
            session, self._service.sessions_book, self._script, self.send, transparent=setup.transparent
        )
        if setup.wants_handles:
            self._handles = handles
        self._model = Model(session, setup, self._script, self.send, handles.busy if self._handles else None)
        how = "resumed" if self.resumed else "opened"
        self._service.note(f"connection {self.number}: session {session.index} {how}, {setup.model}")
        self._send_setup_complete()
        if self._handles is not None:
            self._handles.begin(self._every)
        self._lifetime.set_up(session, compresses=setup.compresses)
        self._service.set_up(self)
        self._service.changed()

    def _every(self, interval_ms: float, call: Callable[[], None]) -> None:
        def again() -> None:
            call()
            self.later(interval_ms / 1000, again)

        self.later(interval_ms / 1000, again)

    # --- the end

    def _quiet(self, phase: Phase) -> None:
        """From here on the connection says and does nothing of its own."""
        self.phase = phase
        self._was_speaking |= self.speaking
        if self._model is not None:
            self._model.stop()
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()

    def _end(self) -> None:
        self._quiet(Phase.ENDED)
        self.ended_at_s = self._service.now_s()
        if self.session is not None:
            self.session.release(self.ended_at_s, was_speaking=self._was_speaking)
        self._service.note(f"connection {self.number} ended with {self.close_code}")
        self._service.changed()

    def report(self) -> dict[str, Any]:
        def ms(at_s: float | None) -> float | None:
            return None if at_s is None else round(at_s * 1000, 1)

        return {
            "connection": self.number,
            "family": self._admission.endpoint.family.value,
            "apiVersion": self._admission.endpoint.version,
            "session": self.session.index if self.session else None,
            "phase": self.phase.value,
            "resumed": self.resumed,
            "openedAtMs": ms(self.opened_at_s),
            "setupAtMs": ms(self.setup_at_s),
            "goAwayAtMs": ms(self.go_away_at_s),
            "endedAtMs": ms(self.ended_at_s),
            "closeCode": self.close_code,
            "closeReason": self._wire.close_reason,
            "pingsReceived": self.pings_received,
            "messagesSent": self._wire.messages_sent,
            "audio": self.audio.report(),
        }
