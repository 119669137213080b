"""The simulator: a Live service on loopback that is faithful, and misbehaves on request."""

import asyncio
import contextlib
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from .connection import Connection, Phase
from .control import Control
from .door import Door
from .faults import (
    AnyFault,
    Close,
    Cut,
    FaultPlan,
    Freeze,
    GoAway,
    Hang,
    LineFault,
    Moment,
    Refuse,
    RefuseSetup,
    Unreachable,
    When,
)
from .gate import Gate
from .listener import Listener
from .script import Script
from .session import Session, Sessions
from .tls import CertificateKind, Tls, make_tls
from .wire import Wire

_STOP_TIMEOUT_S = 0.3


class Simulator:
    """`async with Simulator(Script()) as sim:` listens on `sim.url` until the block ends.

    A fault method hits every open session, or the one given (from 1), and returns how many connections it
    hit. `control_port` (0: any) also starts the control API, on `sim.control_url`. `log` gets one line of
    text for every event. With `tls` it speaks wss: `ca_path` is then a file with the authority to trust, and
    `tls_max_version` may be "1.2". Raises OSError when it cannot listen, TlsUnavailable without trustme.
    """

    def __init__(
        self,
        script: Script | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        control_port: int | None = None,
        tls: CertificateKind | None = None,
        tls_max_version: str | None = None,
        log: Callable[[str], None] | None = None,
    ) -> None:
        self.script = script or Script()
        self.sessions_book = Sessions(self.script)
        self.connections: list[Connection] = []
        self.faults_done: list[dict[str, Any]] = []
        self._host = host
        self._port = port
        self._tls_kind = tls
        self._tls_max_version = tls_max_version
        self._tls: Tls | None = None
        self._control_port = control_port
        self._control: Control | None = None
        self._log = log
        self._plan = FaultPlan(self.script.faults)
        self._gate = Gate()
        self._door = Door(self, self._gate)
        self._waiters: list[asyncio.Future[None]] = []

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._started_s = self._loop.time()
        if self._tls_kind is not None:
            self._tls = make_tls(self._tls_kind, self._host, max_version=self._tls_max_version)
        context = self._tls.context if self._tls is not None else None
        self._listener = Listener(self._host, self._port, context, self._door, self._on_connection, self.note)
        try:
            await self._listener.listen()
            if self._control_port is not None:
                self._control = Control(self, self._loop, self._control_port)
        except OSError:
            await self._stop()
            raise
        self._carry_out_due(Moment(), None)
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._stop()

    # --- what is there

    @property
    def url(self) -> str:
        """The base URL a client is pointed at, such as ws://127.0.0.1:9000."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        scheme = "ws" if self._tls is None else "wss"
        return f"{scheme}://{host}:{self._listener.port}"

    @property
    def listening(self) -> bool:
        """False while it is unreachable."""
        return self._listener.listening

    @property
    def ca_path(self) -> str | None:
        """With TLS, a file with the authority's certificate, for as long as the simulator runs."""
        return str(self._tls.ca_path) if self._tls is not None else None

    @property
    def control_url(self) -> str | None:
        return self._control.url if self._control else None

    @property
    def sessions(self) -> list[Session]:
        return self.sessions_book.all

    def now_s(self) -> float:
        """Seconds since the start, on a clock that only grows."""
        return self._loop.time() - self._started_s

    def state(self) -> dict[str, Any]:
        """Everything there is to know, for `GET /state`. No key and no handle is in it."""
        return {
            "url": self.url,
            "uptimeMs": round(self.now_s() * 1000, 1),
            "upgradesRefused": dict(self._door.refused),
            "connections": [connection.report() for connection in self.connections],
            "sessions": [session.report() for session in self.sessions],
            "ephemeralTokens": self._door.ephemeral.report(),
            "faults": {"done": self.faults_done, "pending": self._plan.report()},
        }

    def audio(self, session: int, connection: int | None = None) -> bytes:
        """PCM of the session without repetitions or, with `connection`, just what that one brought.

        Raises LookupError when there is no such session, or no such connection of it.
        """
        if not 1 <= session <= len(self.sessions):
            raise LookupError(f"there is no session {session}")
        if connection is None:
            return self.sessions[session - 1].audio.pcm()
        for candidate in self.connections:
            if candidate.number == connection and candidate.session is self.sessions[session - 1]:
                return bytes(candidate.audio.pcm)
        raise LookupError(f"session {session} has no connection {connection}")

    async def wait_for(self, condition: Callable[[], object], timeout_s: float = 5.0) -> None:
        """Returns once `condition()` is true; it is asked again whenever something happened.

        Raises TimeoutError with the state.
        """
        try:
            async with asyncio.timeout(timeout_s):
                while not condition():
                    waiter: asyncio.Future[None] = self._loop.create_future()
                    self._waiters.append(waiter)
                    await waiter
        except TimeoutError:
            raise TimeoutError(f"not seen within {timeout_s} s; state: {self.state()}") from None

    # --- faults at run time

    async def cut(self, session: int | None = None) -> int:
        """Resets the TCP connections, and returns when they have ended."""
        hit = self._open_connections(session)
        count = self.inject(Cut(session=session))
        await self.wait_for(lambda: all(connection.phase is Phase.ENDED for connection in hit))
        return count

    async def freeze(self, for_s: float, session: int | None = None) -> int:
        """Returns at once; the reset comes after `for_s`."""
        return self.inject(Freeze(for_ms=for_s * 1000, session=session))

    async def close_with(self, code: int, reason: str = "", session: int | None = None) -> int:
        return self.inject(Close(code=code, reason=reason, session=session))

    async def go_away(self, time_left_s: float, session: int | None = None) -> int:
        return self.inject(GoAway(time_left=f"{time_left_s:g}s", session=session))

    async def refuse(
        self,
        status: int = 503,
        *,
        times: int = 1,
        for_s: float | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        """Answers the next `times` upgrades, or all within `for_s`, with an HTTP status."""
        for_ms = None if for_s is None else for_s * 1000
        self.inject(Refuse(status=status, times=times, for_ms=for_ms, retry_after_s=retry_after_s))

    async def unreachable(self, for_s: float) -> None:
        """Nothing listens for this long. Returns when connecting fails."""
        self.inject(Unreachable(for_ms=for_s * 1000))
        await asyncio.sleep(0)  # the library closes in a task of its own, which runs before this returns

    async def hang(self, times: int = 1) -> None:
        """Leaves the next `times` setups without an answer."""
        self.inject(Hang(times=times))

    def inject(self, fault: AnyFault) -> int:
        """Carries a fault out, or plans it when it has conditions. Returns how many connections it hit."""
        if fault.when != When():
            self._plan.add(fault)
            for connection in self._open_connections(None):
                self._set_timers(connection)
                self.ask_plan(connection)
            return 0
        if not isinstance(fault, LineFault):
            self._carry_out(fault, None)
            return 0
        targets = self._open_connections(fault.session)
        for connection in targets:
            self._carry_out(fault, connection)
        return len(targets)

    # --- what a connection needs (connection.Service)

    def note(self, text: str) -> None:
        if self._log is not None:
            self._log(f"{self.now_s():8.3f} {text}")

    def changed(self) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    def setup_fault(self, connection: Connection, session: Session | None) -> Hang | RefuseSetup | None:
        moment = Moment(
            connection=connection.number,
            session=session.index if session else None,
            audio_ms=session.audio.unique_ms if session else 0.0,
        )
        self._carry_out_due(moment, connection)
        return self._gate.setup(self.now_s(), resuming=session is not None)

    def ask_plan(self, connection: Connection, since_setup_ms: float | None = None) -> None:
        if not connection.ending:
            self._carry_out_due(connection.moment(since_setup_ms), connection)

    def set_up(self, connection: Connection) -> None:
        self._set_timers(connection)
        self.ask_plan(connection)

    # --- carrying out

    def _set_timers(self, connection: Connection) -> None:
        since_ms = connection.moment().since_setup_ms or 0.0
        for wait_ms in self._plan.waits_ms():
            if wait_ms > since_ms:
                connection.later((wait_ms - since_ms) / 1000, self._asker(connection, wait_ms))

    def _asker(self, connection: Connection, since_setup_ms: float) -> Callable[[], None]:
        return lambda: self.ask_plan(connection, since_setup_ms)

    def _carry_out_due(self, moment: Moment, connection: Connection | None) -> None:
        for fault in self._plan.due(moment):
            if isinstance(fault, LineFault):
                if connection is not None:
                    connection.ending |= fault.ends_connection
                # Not in the middle of what was read together: pings in it were answered already.
                self._loop.call_soon(self._carry_out, fault, connection)
            else:
                self._carry_out(fault, connection)

    def _carry_out(self, fault: AnyFault, connection: Connection | None) -> None:
        name = str(fault.__struct_config__.tag)
        where = f"connection {connection.number}: " if connection else ""
        self.note(f"{where}fault {name}")
        self.faults_done.append(
            {
                "do": name,
                "atMs": round(self.now_s() * 1000, 1),
                "connection": connection.number if connection else None,
                "session": connection.session.index if connection and connection.session else None,
            }
        )
        match fault:
            case Unreachable():
                self._listener.go_away(fault.for_ms / 1000, self.changed)
            case Refuse() | RefuseSetup() | Hang():
                self._gate.arm(fault, self.now_s())
            case _ if connection is not None and connection.phase is Phase.OPEN:
                connection.suffer(fault)  # else it ended between the decision and now
        self.changed()

    def _open_connections(self, session: int | None) -> list[Connection]:
        return [
            connection
            for connection in self.connections
            if connection.phase is Phase.OPEN
            and (session is None or (connection.session is not None and connection.session.index == session))
        ]

    async def _on_connection(self, wire: Wire) -> None:
        assert wire.admission is not None, "the door lets nobody in without"
        connection = Connection(self, wire, len(self.connections) + 1, wire.admission)
        self.connections.append(connection)
        self.changed()
        await connection.run()

    async def _stop(self) -> None:
        """Ends within half a second, whatever the clients do."""
        if self._control is not None:
            await asyncio.to_thread(self._control.stop)
        self._listener.stop_accepting()
        running = [connection for connection in self.connections if connection.phase is not Phase.ENDED]
        for connection in running:
            connection.close(1001, "")
        with contextlib.suppress(TimeoutError):
            await self.wait_for(lambda: all(c.phase is Phase.ENDED for c in running), _STOP_TIMEOUT_S)
        for connection in running:
            connection.cut()
        await self._listener.stop()
        if self._tls is not None:
            self._tls.remove()
