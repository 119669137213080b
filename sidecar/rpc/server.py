"""Lines in, lines out: who may call what when, and one answer for every call (design section 2).

Messages are accepted in the order of their lines: a method that is done at once is done before the next
line is looked at, and only those that wait become tasks.
"""

import asyncio
import inspect
import logging
import time
import uuid
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from msgspec import UNSET, Struct

from sidecar import __version__
from sidecar.observe.logging import log as log_fields
from sidecar.observe.logging import set_level
from sidecar.origin import platform_name, python_version
from sidecar.rpc import loading
from sidecar.rpc import protocol as p
from sidecar.rpc.dispatch import Dispatcher, Route
from sidecar.rpc.envelope import Answer, Call, CallId, Invalid, Member, parse, response
from sidecar.rpc.errors import RpcError, invalid_params
from sidecar.rpc.host import Host
from sidecar.rpc.notes import Notes
from sidecar.stdio.edge import Edge
from sidecar.stdio.writer import Line

if TYPE_CHECKING:
    from sidecar.rpc.sessions import Sessions

log = logging.getLogger(__name__)

REFUSALS_KEPT = 1024
"""Answers beyond `MAX_CALLS_IN_FLIGHT` that may wait for a host which does not read; more are not written."""

_send_audio = msgspec.json.Decoder(p.SendAudioParams)
_initialize = msgspec.json.Decoder(p.InitializeParams)


class Server:
    """The handler behind the process edge."""

    def __init__(self, edge: Edge) -> None:
        self._edge = edge
        self._writer = edge.writer
        self._started_at = time.monotonic()
        self._initialized = False
        self._in_flight: dict[CallId, _InFlight] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self.instance_id = uuid.uuid4().hex[:16]
        self._note = Notes(self.instance_id, edge.writer)
        self._host = Host(edge.writer)
        edge.writer.on_overflow = self._overflowed

    # What the two below need takes longer to import than all that `initialize` needs (see `loading.py`).

    @cached_property
    def sessions(self) -> "Sessions":
        """The open sessions."""
        from sidecar.rpc.sessions import Sessions

        sessions = Sessions(self.instance_id, self._writer, self._note, self._host)
        self._writer.on_dropped = sessions.not_read
        return sessions

    @cached_property
    def _dispatcher(self) -> Dispatcher:
        return Dispatcher(self._routes())

    def _routes(self) -> dict[str, Route]:
        sessions = self.sessions
        handlers: dict[str, Callable[[Any], Any]] = {
            "initialize": self._initialize_again,
            "rpc.discover": _discover,
            "ping": self._ping,
            "shutdown": self._shutdown,
            "exit": self._exit,
            "$/cancelRequest": self._cancel,
            "session/open": sessions.open,
            "session/close": sessions.close,
            "session/get": sessions.get,
            "session/list": sessions.all,
            "session/wait": sessions.wait,
            "session/reconnect": sessions.reconnect,
            "session/suspend": sessions.suspend,
            "session/resume": sessions.resume,
            "session/configure": sessions.configure,
            "session/stats": self._stats,
            "session/ping": sessions.ping,
            "session/send": sessions.send,
            "session/sendAudio": sessions.send_audio,
            "network/changed": sessions.network_changed,
            "system/suspend": sessions.system_suspend,
            "system/resume": sessions.system_resume,
            "log/setLevel": _set_level,
            "diagnostics/dump": self._dump,
        }
        further = {"session/configure": sessions.wrong_in_patch}
        return {
            name: Route(msgspec.json.Decoder(method.params), handlers[name], further.get(name))
            for name, method in p.METHODS.items()
        }

    # --- what the edge tells ----------------------------------------------------------------------

    def line(self, line: bytes) -> None:
        """One line of the host. Never raises."""
        member = parse(line)
        if isinstance(member, list):
            self._batch(member)
        else:
            self._member(member, self._answer_line)

    def too_long(self, size_bytes: int) -> None:
        """A line over the limit was thrown away."""
        error = RpcError("lineTooLong", f"a line of {size_bytes} bytes; {p.MAX_LINE_BYTES} are allowed")
        self._answer_line(None, {"error": error.to_wire()}, "")

    def ending(self, reason: str) -> None:
        """The process ends: answer what is pending, say goodbye to the service, wait for nothing."""
        error = RpcError("shuttingDown", f"the sidecar ends: {reason}").to_wire()
        pending, self._in_flight = self._in_flight, {}
        for call_id, call in pending.items():
            call.answer(call_id, {"error": error}, "")
        if "sessions" in vars(self):  # not only now
            self.sessions.leave()

    # --- calls ------------------------------------------------------------------------------------

    def _member(self, member: Member, answer: "Answerer") -> None:
        if isinstance(member, Call):
            if member.id is None:
                self._notified(member)
            else:
                self._called(member, member.id, answer)
        elif isinstance(member, Invalid):
            answer(member.id, {"error": member.error.to_wire()}, "")
        else:
            self._answered(member)

    def _called(self, call: Call, call_id: CallId, answer: "Answerer") -> None:
        refusal = self._refusal(call, call_id)
        if refusal is not None:
            answer(call_id, {"error": refusal.to_wire()}, "")
            return
        queue = _session_of(call)
        try:
            if call.method == "initialize" and not self._initialized:
                result: Any = self._first_initialize(call.params)
            else:
                result = self._dispatcher.dispatch(call.method, call.params)
        except RpcError as exc:
            answer(call_id, {"error": exc.to_wire()}, queue)
            return
        if inspect.iscoroutine(result):
            task = self._spawn(self._carry_out(result, call_id, answer, queue))
            self._in_flight[call_id] = _InFlight(task, answer)
        else:
            answer(call_id, {"result": p.Empty() if result is None else result}, queue)

    def _refusal(self, call: Call, call_id: CallId) -> RpcError | None:
        if call_id in self._in_flight:
            return RpcError("duplicateId", f"a call with the id {call_id!r} is still in flight")
        if not self._initialized and call.method != "initialize":
            return RpcError(
                "notInitialized", f"{call.method!r} before initialize", remediation="Call initialize first."
            )
        if len(self._in_flight) + self._writer.pending_responses >= p.MAX_CALLS_IN_FLIGHT:
            return RpcError(
                "overloaded",
                f"{p.MAX_CALLS_IN_FLIGHT} calls are in flight",
                remediation="Wait for answers, and read stdout.",
            )
        return None

    async def _carry_out(self, work: Any, call_id: CallId, answer: "Answerer", queue: str | None) -> None:
        outcome: dict[str, Any]
        try:
            outcome = {"result": await work}
        except RpcError as exc:
            outcome = {"error": exc.to_wire()}
        except asyncio.CancelledError:
            outcome = {"error": RpcError("requestCancelled", "the call was cancelled by the host").to_wire()}
        except Exception:
            log.exception("a call failed by a defect")
            outcome = {
                "error": RpcError(
                    "internalError", "a defect of the sidecar; its log has the details"
                ).to_wire()
            }
        if self._in_flight.pop(call_id, None) is not None:
            answer(call_id, outcome, queue)

    def _answer_line(self, call_id: CallId | None, outcome: dict[str, Any], queue: str | None) -> None:
        if self._writer.pending_responses >= p.MAX_CALLS_IN_FLIGHT + REFUSALS_KEPT:
            return  # the host floods and does not read; it will not miss one refusal more
        line = Line(response(call_id, outcome), response=True)
        if queue is None:
            self._writer.put_after(None, "", line)
        else:
            self._writer.put(queue, line)

    def _notified(self, call: Call) -> None:
        """A notification: there is nobody to answer, so what goes wrong is told by `log`."""
        if call.method == "session/sendAudio" and self._initialized:
            try:
                self.sessions.send_audio(_send_audio.decode(call.params))
            except msgspec.ValidationError:
                self._not_obeyed(call.method, str(invalid_params(p.SendAudioParams, call.params)))
            return
        if not self._initialized and call.method != "exit":
            self._not_obeyed(call.method, "it came before initialize")
            return
        method = p.METHODS.get(call.method)
        if method is not None and method.result is not None:
            self._not_obeyed(call.method, "it is a request and needs an id")
            return
        try:
            self._dispatcher.dispatch(call.method, call.params)
        except RpcError as exc:
            self._not_obeyed(call.method, str(exc))

    def _not_obeyed(self, method: str, why: str) -> None:
        self._note(
            "error", f"the notification {method[:100]!r} was not obeyed: {why}", {"method": method[:100]}
        )

    def _answered(self, answer: Answer) -> None:
        if not self._host.answered(answer):
            self._note("warn", "a response came for which there was no call", {"id": answer.id})

    # --- batches ----------------------------------------------------------------------------------

    def _batch(self, members: list[Member]) -> None:
        """The members are carried out in order and fail one by one; the answers come as one array."""
        expected = [
            m for m in members if not (isinstance(m, Answer) or (isinstance(m, Call) and m.id is None))
        ]
        answers: list[bytes] = []
        queues: set[str | None] = set()

        def answer(call_id: CallId | None, outcome: dict[str, Any], queue: str | None) -> None:
            answers.append(response(call_id, outcome))
            queues.add(queue)
            if len(answers) == len(expected):
                line = Line(b"[" + b",".join(answers) + b"]", response=True)
                behind = None if None in queues else {name for name in queues if name}
                self._writer.put_after(behind, "", line)

        for member in members:
            self._member(member, answer)

    # --- methods of the process -------------------------------------------------------------------

    def _first_initialize(self, raw: bytes) -> p.InitializeResult:
        try:
            params = _initialize.decode(raw)
        except msgspec.ValidationError:
            raise invalid_params(p.InitializeParams, raw) from None
        if params.protocol_version != p.PROTOCOL_VERSION:
            raise RpcError(
                "unsupportedProtocolVersion",
                f"protocol version {params.protocol_version[:20]!r} is not spoken; {p.PROTOCOL_VERSION!r} is",
                remediation="Use the bridge and the sidecar of one release.",
            )
        self._initialized = True
        if params.parent_pid is not UNSET:
            self._edge.watch_parent(params.parent_pid)
        log_fields(
            log, "info", "initialized", client=params.client.name, client_version=params.client.version
        )
        asyncio.get_running_loop().call_soon(self._load)
        return p.InitializeResult(
            protocol_version=p.PROTOCOL_VERSION,
            instance_id=self.instance_id,
            sidecar=_sidecar(),
            limits=p.Limits(max_line_bytes=p.MAX_LINE_BYTES),
            capabilities={},
        )

    def _load(self) -> None:
        loading.start(self._writer.flush, lambda: self._edge.end("damaged", 1))

    def _initialize_again(self, _: p.InitializeParams) -> None:
        raise RpcError("alreadyInitialized", "initialize was answered already")

    def _ping(self, _: p.NoParams) -> p.PingResult:
        return p.PingResult(
            uptime_ms=round((time.monotonic() - self._started_at) * 1000), sessions=len(self.sessions)
        )

    def _stats(self, params: p.StatsParams) -> p.StatsResult:
        session_id = params.session_id
        session = UNSET if session_id is UNSET else self.sessions.stats(session_id)
        return p.StatsResult(process=self._process_stats(), session=session)

    def _process_stats(self) -> p.ProcessStats:
        from sidecar.rpc.stats import process_stats

        return process_stats(
            started_at=self._started_at,
            sessions=len(self.sessions),
            sessions_opened=self.sessions.opened,
            queued_bytes=self._writer.queued_bytes,
        )

    def _dump(self, _: p.NoParams) -> p.DiagnosticsResult:
        return p.DiagnosticsResult(
            at=round(time.time() * 1000),
            instance_id=self.instance_id,
            sidecar=_sidecar(),
            process=self._process_stats(),
            sessions=self.sessions.dump(),
        )

    async def _shutdown(self, _: p.NoParams) -> p.Empty:
        await self.sessions.close_all()
        return p.Empty()

    def _exit(self, _: p.NoParams) -> None:
        self._edge.end("exit", 0)

    def _cancel(self, params: p.CancelParams) -> None:
        call = self._in_flight.get(params.id)
        if call is not None:
            # One turn later: a task cancelled before its first step would never answer.
            asyncio.get_running_loop().call_soon(call.task.cancel)

    # --- small things -----------------------------------------------------------------------------

    def _overflowed(self, queue: str) -> None:
        work = self.sessions.overflowed(queue)
        if work is not None:
            self._spawn(work)

    def _spawn(self, work: Any) -> asyncio.Task[Any]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


Answerer = Callable[[CallId | None, dict[str, Any], str | None], None]
"""Takes the call's id, `{"result": ...}` or `{"error": ...}`, and the queue whose lines must come first;
None: everybody's."""


class _InFlight(NamedTuple):
    """A call that waits for its answer."""

    task: asyncio.Task[Any]
    answer: Answerer


def make_handler(edge: Edge) -> Server:
    """The handler for `stdio.edge.run`."""
    return Server(edge)


class _SessionOf(Struct):
    session_id: str = msgspec.field(name="sessionId", default="")


_session_of_params = msgspec.json.Decoder(_SessionOf)


def _session_of(call: Call) -> str | None:
    """The queue that the answer belongs to: after the notifications that the call caused."""
    if call.method == "shutdown":
        return None
    if not call.method.startswith("session/"):
        return ""
    try:
        return _session_of_params.decode(call.params).session_id
    except (msgspec.DecodeError, RecursionError):
        return ""


def _sidecar() -> p.SidecarInfo:
    return p.SidecarInfo(
        version=__version__,
        python=python_version(),
        platform=platform_name(),
    )


def _set_level(params: p.SetLevelParams) -> None:
    set_level(params.level)


def _discover(_: p.NoParams) -> Any:
    from sidecar.rpc.openrpc import document

    return document()
