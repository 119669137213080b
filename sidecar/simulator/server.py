"""The simulator: a Live service on loopback that is faithful, and misbehaves on request."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self, cast
from weakref import WeakSet

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response
from websockets.protocol import State

from .connection import Connection, Phase
from .control import Control
from .endpoint import api_version
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
from .script import Script
from .session import Session, Sessions
from .wire import Wire

_MAX_MESSAGE_BYTES = 16 * 2**20
_CLOSE_TIMEOUT_S = 2.0
_STOP_TIMEOUT_S = 0.3
_REBIND_S = 0.05

# At debug the library writes keys and handles: never that far.
_library_log = logging.getLogger("sidecar.simulator.websockets")
_library_log.setLevel(logging.WARNING)


class Simulator:
    """`async with Simulator(Script()) as sim:` listens on `sim.url` until the block ends.

    A fault method hits every open session, or the one given (from 1), and returns how many connections it
    hit. `control_port` (0: any) also starts the control API, on `sim.control_url`. `log` gets one line of
    text for every event. Raises OSError when it cannot listen.
    """

    def __init__(
        self,
        script: Script | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        control_port: int | None = None,
        log: Callable[[str], None] | None = None,
    ) -> None:
        self.script = script or Script()
        self.sessions_book = Sessions(self.script)
        self.connections: list[Connection] = []
        self.faults_done: list[dict[str, Any]] = []
        self._host = host
        self._port = port
        self._control_port = control_port
        self._control: Control | None = None
        self._log = log
        self._plan = FaultPlan(self.script.faults)
        self._gate = Gate()
        self._servers: list[Server] = []
        self._wires: WeakSet[Wire] = WeakSet()
        self._unreachable_until_s = 0.0
        self._relisten: asyncio.Task[None] | None = None
        self._waiters: list[asyncio.Future[None]] = []

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._started_s = self._loop.time()
        await self._listen()
        if self._control_port is not None:
            try:
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
        return f"ws://{host}:{self._port}"

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
            "connections": [connection.report() for connection in self.connections],
            "sessions": [session.report() for session in self.sessions],
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
                self._go_unreachable(fault.for_ms / 1000)
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

    # --- listening

    async def _listen(self) -> None:
        server = await serve(
            self._on_connection,
            self._host,
            self._port,
            process_request=self._on_request,
            create_connection=cast(Any, self._new_wire),  # any call that makes one will do
            open_timeout=None,
            compression=None,
            ping_interval=None,
            close_timeout=_CLOSE_TIMEOUT_S,
            max_size=_MAX_MESSAGE_BYTES,
            logger=_library_log,
        )
        self._servers.append(server)
        self._port = server.sockets[0].getsockname()[1]

    def _new_wire(self, *args: Any, **kwargs: Any) -> Wire:
        wire = Wire(*args, **kwargs)
        self._wires.add(wire)
        return wire

    async def _on_request(self, wire: ServerConnection, request: Request) -> Response | None:
        fault = self._gate.upgrade(self.now_s())
        if isinstance(fault, Hang):
            self.note("an upgrade is left without an answer")
            await wire.wait_closed()
            return None
        if fault is not None:
            how = "a reset" if fault.reset else str(fault.status)
            self.note(f"an upgrade is refused with {how}")
            if fault.reset:
                cast(Wire, wire).reset()
                await wire.wait_closed()
                return None
            response = wire.respond(HTTPStatus(fault.status), "Refused by the simulator.\n")
            if fault.retry_after_s is not None:
                response.headers["Retry-After"] = f"{fault.retry_after_s:g}"
            return response
        if api_version(request) is None:
            self.note("an upgrade is refused with 404: this is not a path of the service")
            return wire.respond(HTTPStatus.NOT_FOUND, "Not found.\n")
        return None

    async def _on_connection(self, wire: ServerConnection) -> None:
        version = api_version(wire.request) if wire.request is not None else None
        assert version is not None, "an upgrade on another path is refused in _on_request"
        connection = Connection(self, cast(Wire, wire), len(self.connections) + 1, version)
        self.connections.append(connection)
        self.changed()
        await connection.run()

    def _go_unreachable(self, for_s: float) -> None:
        self._unreachable_until_s = max(self._unreachable_until_s, self.now_s() + for_s)
        self._servers[-1].close(close_connections=False)
        if self._relisten is not None:
            self._relisten.cancel()
        self._relisten = self._loop.create_task(self._listen_again())

    async def _listen_again(self) -> None:
        await asyncio.sleep(self._unreachable_until_s - self.now_s())
        while True:
            try:
                await self._listen()
            except OSError as error:
                self.note(f"port {self._port} cannot be listened on again yet: {error.strerror}")
                await asyncio.sleep(_REBIND_S)
            else:
                self.note("listening again")
                self.changed()
                return

    async def _stop(self) -> None:
        """Ends within half a second, whatever the clients do."""
        if self._control is not None:
            await asyncio.to_thread(self._control.stop)
        if self._relisten is not None:
            self._relisten.cancel()
        for server in self._servers:
            server.close(close_connections=False)
        running = [connection for connection in self.connections if connection.phase is not Phase.ENDED]
        for connection in running:
            connection.close(1001, "")
        with contextlib.suppress(TimeoutError):
            await self.wait_for(lambda: all(c.phase is Phase.ENDED for c in running), _STOP_TIMEOUT_S)
        for connection in running:
            connection.cut()
        for wire in list(self._wires):
            if wire.state is State.CONNECTING:  # a client that says nothing, or was told nothing
                wire.reset()
        closing: list[Awaitable[None]] = [server.wait_closed() for server in self._servers]
        await asyncio.gather(*closing)
