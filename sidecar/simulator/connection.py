"""One connection's conversation: the key, setup first and once, a session, then input and answers."""

import asyncio
from collections.abc import Callable
from enum import StrEnum
from typing import Any, Protocol

import msgspec

from . import refusals
from .accounting import Chunk, ConnectionAudio
from .endpoint import api_key
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
from .model import Model
from .refusals import Refused
from .schema import decode_bytes, parse
from .script import Script
from .session import Session, Sessions
from .setup import Setup
from .turns import Message
from .wire import Wire

_DEFAULT_RATE_HZ = 16_000


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


class Connection:
    """`number` counts from 1 over the whole simulator."""

    def __init__(self, service: Service, wire: Wire, number: int, api_version: str) -> None:
        self.number = number
        self.phase = Phase.NEW
        self.session: Session | None = None
        self.resumed = False
        self.audio = ConnectionAudio(service.script.keep_audio_bytes)
        self.opened_at_s = service.now_s()
        self.setup_at_s: float | None = None
        self.ended_at_s: float | None = None
        self._service = service
        self._script = service.script
        self._wire = wire
        self._api_version = api_version
        self._setup: Setup | None = None
        self._model: Model | None = None
        self._was_speaking = False
        self._stalled = False
        self._timers: list[asyncio.TimerHandle] = []

    async def run(self) -> None:
        """Holds the conversation until the line is gone."""
        self._service.note(f"connection {self.number} opened")
        writer = asyncio.create_task(self._wire.write_out())
        try:
            if (fault := self._key_fault()) is not None:
                self.close(*fault)
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
        self._timers.append(asyncio.get_running_loop().call_later(delay_s, call))

    def send(self, message: Message) -> None:
        """Pretty-printed with a trailing newline, as the service does (LP 1.5)."""
        if self._stalled or self.phase in (Phase.CLOSING, Phase.FROZEN, Phase.ENDED):
            return
        frame = msgspec.json.format(msgspec.json.encode(message), indent=2) + b"\n"
        self._wire.post(frame.decode() if self._script.text else frame)

    # --- faults

    def suffer(self, fault: AnyLineFault) -> None:
        """Carry a fault out, at once."""
        match fault:
            case Cut():
                self.cut()
            case Freeze():
                self.freeze(fault.for_ms / 1000)
            case Close():
                self.close(fault.code, fault.reason)
            case GoAway():
                self.go_away(fault.time_left, fault.time_left_s)
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

    def freeze(self, for_s: float) -> None:
        """The socket counts as ended, and its session as free, only when the reset comes."""
        self._quiet(Phase.FROZEN)
        self._wire.freeze()
        asyncio.get_running_loop().call_later(for_s, self._wire.reset)

    def close(self, code: int, reason: str) -> None:
        if self.phase in (Phase.CLOSING, Phase.FROZEN, Phase.ENDED):
            return
        reason = refusals.fit(reason)
        self._service.note(f"connection {self.number}: closing with {code} {reason}".rstrip())
        self._quiet(Phase.CLOSING)
        self._wire.finish(code, reason)

    def go_away(self, time_left: str, time_left_s: float) -> None:
        """An order (LP 4.1): a client that stays longer is thrown out."""
        self.send({"goAway": {"timeLeft": time_left}})
        self.later(time_left_s, lambda: self.close(1008, refusals.GO_AWAY_IGNORED))

    # --- the client's messages

    def _on_message(self, frame: bytes) -> None:
        if self._wire.close_started or self.phase in (Phase.FROZEN, Phase.ENDED):
            return
        try:
            kind, content = parse(frame, self._api_version)
            self._dispatch(kind, content)
        except Refused as refused:
            self.close(refused.code, refused.reason)
        self._service.changed()

    def _dispatch(self, kind: str, content: dict[str, Any]) -> None:
        if (kind == "setup") != (self.phase is Phase.NEW):
            raise Refused(1007, refusals.SETUP_FIRST)
        if kind == "setup":
            self._on_setup(content)
        elif kind == "realtimeInput":
            self._on_realtime_input(content)
        # Before setupComplete it is only not heeded: what the service does then is not known (LP 4.5).
        elif self._model is None or self.phase is not Phase.OPEN:
            return
        elif kind == "clientContent":
            self._model.content(content.get("turns", []), turn_complete=content.get("turnComplete", False))
        else:
            responses = content.get("functionResponses", [])
            self._model.tool_response([response.get("id", "") for response in responses])

    def _on_realtime_input(self, content: dict[str, Any]) -> None:
        # Of the deprecated mediaChunks all but the first are ignored (LP 2.3).
        for blob in [content.get("audio"), *content.get("mediaChunks", [])[:1]]:
            if blob is not None and blob.get("mimeType", "").startswith("audio/pcm"):
                self._on_audio(blob)
        if self._model is None or self.phase is not Phase.OPEN:
            return
        if content.get("audioStreamEnd"):
            self._model.audio_stream_end()
        if "activityStart" in content:
            self._model.activity_start()
        if "activityEnd" in content:
            self._model.activity_end()
        if content.get("text"):
            self._model.text(content["text"])

    def _on_audio(self, blob: dict[str, Any]) -> None:
        """Books it even while closing: until the close frame is out, pings are answered."""
        chunk = Chunk(
            decode_bytes(blob.get("data", ""), "realtime_input.audio.data"), _rate_hz(blob["mimeType"])
        )
        if len(chunk.pcm) % 2:
            raise Refused(1007, refusals.INVALID_ARGUMENT)
        if not chunk.pcm:
            return
        now_s = self._service.now_s()
        self.audio.add(chunk, now_s)
        if self.session is None or self.setup_at_s is None:
            return
        new = self.session.audio.add(chunk, now_s)
        if self._model is not None and self.phase is Phase.OPEN:
            self._model.hear(new)
            self._service.ask_plan(self)

    # --- setup

    def _key_fault(self) -> tuple[int, str] | None:
        """A bad key is told after the upgrade, by a close frame (LP 5)."""
        key = api_key(self._wire.request) if self._wire.request is not None else None
        if key is None:
            return 1008, refusals.NO_KEY
        if self._script.keys is not None and key not in self._script.keys:
            return 1007, refusals.BAD_KEY
        return None

    def _on_setup(self, content: dict[str, Any]) -> None:
        setup = Setup.read(content, self._script, self._api_version)
        session = self._service.sessions_book.find(setup.handle) if setup.handle else None
        self._setup = setup
        self.phase = Phase.WAITING
        match self._service.setup_fault(self, session):
            case Hang():
                self._service.note(f"connection {self.number}: setup is left without an answer")
            case RefuseSetup() as fault:
                self._refuse_setup(fault.code, fault.reason, after=fault.after_setup_complete)
            case None:
                self._take_or_refuse(session)

    def _take_or_refuse(self, session: Session | None) -> None:
        if session is not None and not session.may_be_resumed(self._service.now_s()):
            self._refuse_resume(session)
        else:
            self.resumed = session is not None
            self.session = session or self._service.sessions_book.open()
            self.session.take(self.number)
            delay_s = self._script.setup_delay_ms / 1000
            if delay_s:
                self.later(delay_s, self._complete_setup)
            else:
                self._complete_setup()

    def _refuse_resume(self, session: Session) -> None:
        held = "is still owned" if session.owner else "has only just been left"
        self._service.note(f"connection {self.number}: resume refused, session {session.index} {held}")
        self._refuse_setup(1011, refusals.STILL_OWNED, after=self._script.refuse_after_setup_complete)

    def _refuse_setup(self, code: int, reason: str, *, after: bool) -> None:
        if after:
            self.send({"setupComplete": {}})
        self.later(self._script.refusal_delay_ms / 1000, lambda: self.close(code, reason))

    def _complete_setup(self) -> None:
        assert self.session is not None
        assert self._setup is not None
        self.phase = Phase.OPEN
        self.setup_at_s = self._service.now_s()
        self.session.audio.begin(self.audio)
        self._model = Model(self.session, self._setup, self._script, self.send)
        how = "resumed" if self.resumed else "opened"
        self._service.note(
            f"connection {self.number}: session {self.session.index} {how}, {self._setup.model}"
        )
        self.send({"setupComplete": {}})
        if self._setup.wants_handles:
            self._issue_handle()
        self._service.set_up(self)
        self._service.changed()

    def _issue_handle(self) -> None:
        assert self.session is not None
        handle = self._service.sessions_book.issue_handle(self.session)
        self.send({"sessionResumptionUpdate": {"newHandle": handle, "resumable": True}})
        if self._script.handle_every_ms is not None:
            self.later(self._script.handle_every_ms / 1000, self._issue_handle)

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
            "session": self.session.index if self.session else None,
            "phase": self.phase.value,
            "resumed": self.resumed,
            "openedAtMs": ms(self.opened_at_s),
            "setupAtMs": ms(self.setup_at_s),
            "endedAtMs": ms(self.ended_at_s),
            "closeCode": self.close_code,
            "closeReason": self._wire.close_reason,
            "pingsReceived": self.pings_received,
            "messagesSent": self._wire.messages_sent,
            "audio": self.audio.report(),
        }


def _rate_hz(mime_type: str) -> int:
    """The rate in "audio/pcm;rate=16000"; the service takes 16 kHz when none is given."""
    for parameter in mime_type.split(";")[1:]:
        name, _, value = parameter.strip().partition("=")
        if name == "rate":
            if not value.isascii() or not value.isdigit() or not 8_000 <= int(value) <= 96_000:
                raise Refused(1007, refusals.INVALID_ARGUMENT)
            return int(value)
    return _DEFAULT_RATE_HZ
