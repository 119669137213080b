"""The sessions of this process, and the `session/*` methods."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import msgspec
from msgspec import UNSET, Struct

from sidecar.lifecycle.states import State
from sidecar.live.endpoints import InvalidConfig
from sidecar.live.outgoing import InvalidMessage
from sidecar.live.setup import InvalidSetup
from sidecar.rpc import protocol as p
from sidecar.rpc.errors import RpcError, connection_failed, not_taken
from sidecar.rpc.host import Host
from sidecar.rpc.notifications import Notifier, snapshot
from sidecar.rpc.opening import config_of
from sidecar.rpc.settings import effective, patch
from sidecar.rpc.stats import session_stats
from sidecar.session import LiveSession, OutboxFull, SessionFailed, WrongState
from sidecar.stdio.writer import Line, Writer

REFUSAL_INTERVAL_S = 1.0
"""A refused chunk is told so often at most, for each session and kind of refusal."""


class Entry(Struct):
    session: LiveSession
    notifier: Notifier
    refusals: dict[str, float]


class Sessions:
    """Open sessions by id, and what the host may do with them.

    Args:
        note: tells the host, in a `log` notification, why a notification of its own was not obeyed.
        host: is asked for tokens.
    """

    def __init__(
        self,
        instance_id: str,
        writer: Writer,
        note: Callable[[p.LogLevel, str, dict[str, Any]], None],
        host: Host,
    ) -> None:
        self._host = host
        self._instance_id = instance_id
        self._writer = writer
        self._note = note
        self._entries: dict[str, Entry] = {}
        self._unknown: dict[str, float] = {}
        self._removals: set[asyncio.Task[None]] = set()
        self.opened = 0
        self.closing = False

    def __len__(self) -> int:
        return len(self._entries)

    # --- opening and closing ----------------------------------------------------------------------

    def open(self, params: p.OpenParams) -> Coroutine[Any, Any, p.SessionSnapshot]:
        session_id = params.session_id
        if self.closing:
            raise RpcError("shuttingDown", "the sidecar is shutting down; no session can be opened")
        if session_id in self._entries:
            raise RpcError(
                "sessionExists",
                f"a session {session_id!r} is open",
                remediation="Close it first, or choose another sessionId.",
                session_id=session_id,
            )
        try:
            config = config_of(params, self._host)
        except InvalidSetup as exc:
            raise not_taken("invalidParams", exc, session_id) from None
        except InvalidConfig as exc:
            raise RpcError("invalidParams", str(exc), session_id=session_id) from None
        exclude: frozenset[str] = frozenset(params.notifications.exclude)
        notifier = Notifier(session_id, self._instance_id, self._writer, exclude)
        session = LiveSession(config, notifier)
        notifier.session = session
        self._entries[session_id] = Entry(session, notifier, {})
        self.opened += 1
        session.start()  # now, so that what the next line sends finds it open
        return self._opening(session_id, session)

    async def _opening(self, session_id: str, session: LiveSession) -> p.SessionSnapshot:
        opened = False
        try:
            await session.connected()
            opened = True
            return snapshot(session_id, session)
        except SessionFailed as exc:
            raise connection_failed(exc.fault, session_id) from None
        except WrongState as exc:
            raise RpcError("sessionClosed", str(exc), session_id=session_id) from None
        finally:
            if not opened:  # rejected or cancelled, the session is gone
                removal = self._start_removal(session_id, session, 0.0)
                while not removal.done():  # also when it is cancelled once more
                    with contextlib.suppress(asyncio.CancelledError):
                        await asyncio.shield(removal)

    def close(self, params: p.CloseParams) -> Coroutine[Any, Any, p.SessionSnapshot]:
        session_id = params.session_id
        session = self._get(session_id).session
        session.start_close(None if params.drain_ms is UNSET else params.drain_ms / 1000)
        return self._closed(session_id, session)

    async def _closed(self, session_id: str, session: LiveSession) -> p.SessionSnapshot:
        await self._remove(session_id, session, None)
        return snapshot(session_id, session)

    async def close_all(self) -> None:
        """Close every session gracefully."""
        self.closing = True
        await asyncio.gather(*(self._remove(k, e.session, None) for k, e in list(self._entries.items())))

    async def _remove(self, session_id: str, session: LiveSession, drain_s: float | None) -> None:
        """Close a session and forget it. Whoever waits for this may be cancelled; what it does is not."""
        await asyncio.shield(self._start_removal(session_id, session, drain_s))

    def _start_removal(
        self, session_id: str, session: LiveSession, drain_s: float | None
    ) -> asyncio.Task[None]:
        removal = asyncio.get_running_loop().create_task(self._close_and_forget(session_id, session, drain_s))
        self._removals.add(removal)
        removal.add_done_callback(self._removals.discard)
        return removal

    async def _close_and_forget(self, session_id: str, session: LiveSession, drain_s: float | None) -> None:
        await session.close(drain_s)
        entry = self._entries.get(session_id)
        if entry is not None and entry.session is session:
            del self._entries[session_id]
            self._writer.forget(session_id)

    def leave(self) -> None:
        """The process ends now."""
        self.closing = True
        for entry in self._entries.values():
            entry.session.leave()

    # --- asking -----------------------------------------------------------------------------------

    def get(self, params: p.SessionRef) -> p.SessionSnapshot:
        return snapshot(params.session_id, self._get(params.session_id).session)

    def all(self, _: p.NoParams) -> p.SessionList:
        return p.SessionList(sessions=[snapshot(k, e.session) for k, e in self._entries.items()])

    async def wait(self, params: p.WaitParams) -> p.SessionSnapshot:
        session_id = params.session_id
        session = self._get(session_id).session
        try:
            await session.wait_for([State(name) for name in params.states], params.timeout_ms / 1000)
        except TimeoutError:
            wanted = " or ".join(params.states)
            raise RpcError(
                "deadlineExceeded",
                f"the session is {session.state}, not {wanted}, after {params.timeout_ms} ms",
                session_id=session_id,
            ) from None
        except WrongState as exc:
            raise RpcError("sessionClosed", str(exc), session_id=session_id) from None
        return snapshot(session_id, session)

    def reconnect(self, params: p.SessionRef) -> Coroutine[Any, Any, p.SessionSnapshot]:
        """Acts at once; answered when the session is connected again, or has given up."""
        return self._reconnected(params.session_id, self._act(params.session_id, LiveSession.reconnect))

    def suspend(self, params: p.SessionRef) -> p.SessionSnapshot:
        """Answered at once: the session is `suspended`, its line is being closed."""
        return snapshot(params.session_id, self._act(params.session_id, LiveSession.suspend))

    def resume(self, params: p.SessionRef) -> Coroutine[Any, Any, p.SessionSnapshot]:
        """Acts at once; answered when the session is connected again, or has given up."""
        return self._reconnected(params.session_id, self._act(params.session_id, LiveSession.resume))

    def configure(self, params: p.ConfigureParams) -> p.ConfigureResult:
        """An invalid patch changes nothing."""
        running = self._get(params.session_id).session.core.settings
        settings = patch(running, params.settings)
        self._act(params.session_id, lambda session: session.configure(settings))
        return p.ConfigureResult(settings=effective(settings))

    def wrong_in_patch(self, raw: bytes, found: Sequence[p.FieldProblem]) -> Sequence[p.FieldProblem]:
        """Beside what was found wrong in the params of `session/configure`: settings that are fixed, or that
        contradict each other, so that all is told at once."""
        try:
            given = msgspec.json.decode(raw)
            running = self._entries[given["sessionId"]].session.core.settings
            patch(running, msgspec.convert(_without(given["settings"], found), p.SessionSettings))
        except RpcError as exc:
            return exc.data.problems or []
        except (msgspec.MsgspecError, KeyError, TypeError, AttributeError, RecursionError):
            pass  # what was found says enough
        return []

    def _act(self, session_id: str, act: Callable[[LiveSession], None]) -> LiveSession:
        """Do something with a session whose state may not allow it; returns the session."""
        session = self._get(session_id).session
        try:
            act(session)
        except WrongState as exc:
            raise RpcError("wrongState", str(exc), session_id=session_id) from None
        return session

    async def _reconnected(self, session_id: str, session: LiveSession) -> p.SessionSnapshot:
        state = await session.settled()
        if state is State.FAILED and session.core.fault is not None:
            raise connection_failed(session.core.fault, session_id)
        if state is State.SUSPENDED:
            raise RpcError("wrongState", "the session was suspended meanwhile", session_id=session_id)
        if state is not State.CONNECTED:
            raise RpcError("sessionClosed", f"the session is {state}", session_id=session_id)
        return snapshot(session_id, session)

    async def ping(self, params: p.SessionRef) -> p.SessionPingResult:
        try:
            rtt_s = await self._get(params.session_id).session.ping()
        except WrongState as exc:
            raise RpcError("wrongState", str(exc), session_id=params.session_id) from None
        return p.SessionPingResult(rtt_ms=round(rtt_s * 1000, 3))

    # --- hints ------------------------------------------------------------------------------------

    def network_changed(self, params: p.NetworkChangedParams) -> None:
        for session in self._all():
            session.network_changed(online=params.online, address_changed=params.address_changed)

    def system_suspend(self, _: p.NoParams) -> None:
        for session in self._all():
            session.system_suspend()

    def system_resume(self, _: p.SystemResumeParams) -> None:
        for session in self._all():
            session.system_resume()

    def _all(self) -> list[LiveSession]:
        """As they are now: what they do may remove one."""
        return [entry.session for entry in self._entries.values()]

    # --- counting ---------------------------------------------------------------------------------

    def stats(self, session_id: str) -> p.SessionStats:
        return session_stats(session_id, self._get(session_id).session)

    def dump(self) -> list[p.SessionDump]:
        return [
            p.SessionDump(
                snapshot=snapshot(session_id, entry.session),
                settings=effective(entry.session.core.settings),
                stats=session_stats(session_id, entry.session),
            )
            for session_id, entry in self._entries.items()
        ]

    # --- sending ----------------------------------------------------------------------------------

    def send(self, params: p.SendParams) -> p.SendResult:
        session_id = params.session_id
        given = {
            "realtimeInput": params.realtime_input,
            "clientContent": params.client_content,
            "toolResponse": params.tool_response,
        }
        chosen = {kind: value for kind, value in given.items() if isinstance(value, dict)}
        if len(chosen) != 1:
            raise RpcError("invalidParams", f"give exactly one of {', '.join(given)}", session_id=session_id)
        (kind, payload) = chosen.popitem()
        session = self._get(session_id).session
        try:
            written = session.send(kind, payload, None if params.n is UNSET else params.n)
        except InvalidMessage as exc:
            raise not_taken("invalidMessage", exc, session_id) from None
        except (OutboxFull, WrongState) as exc:
            raise RpcError(_REFUSALS[type(exc)], str(exc), session_id=session_id) from None
        return p.SendResult(status="sent" if written else "held")

    def send_audio(self, params: p.SendAudioParams) -> None:
        """A chunk. It has no answer, so a refusal is a `session/error` with its number."""
        entry = self._entries.get(params.session_id)
        if entry is None:
            self._unknown_session(params.session_id)
            return
        try:
            entry.session.send_audio(params.n, params.data, params.mime_type)
        except (InvalidMessage, OutboxFull, WrongState) as exc:
            kind = _REFUSALS[type(exc)]
            now = time.monotonic()
            if now - entry.refusals.get(kind, -REFUSAL_INTERVAL_S) >= REFUSAL_INTERVAL_S:
                entry.refusals[kind] = now
                error = RpcError(kind, str(exc), session_id=params.session_id).data
                body = p.SessionError(error=error, fatal=False, n=params.n)
                entry.notifier.put("session/error", body, coalesce=f"refused:{kind}")

    def _unknown_session(self, session_id: str) -> None:
        now = time.monotonic()
        if now - self._unknown.get(session_id, -REFUSAL_INTERVAL_S) >= REFUSAL_INTERVAL_S:
            if len(self._unknown) > 100:
                self._unknown.clear()
            self._unknown[session_id] = now
            self._note("warn", "audio for a session that is not open was ignored", {"sessionId": session_id})

    # --- a host that does not read ----------------------------------------------------------------

    def not_read(self, session_id: str, lines: list[Line]) -> None:
        entry = self._entries.get(session_id)
        if entry is not None:
            entry.notifier.not_read(lines)

    def overflowed(self, session_id: str) -> Coroutine[Any, Any, None] | None:
        """More than may be kept for a host that does not read: the session ends."""
        entry = self._entries.get(session_id)
        if entry is None:
            return None
        entry.session.give_up("hostNotReading")
        return self._remove(session_id, entry.session, 0.0)

    def _get(self, session_id: str) -> Entry:
        try:
            return self._entries[session_id]
        except KeyError:
            raise RpcError(
                "unknownSession", f"no session {session_id!r} is open", session_id=session_id
            ) from None


def _without(settings: dict[str, Any], wrong: Sequence[p.FieldProblem]) -> dict[str, Any]:
    """Settings as they came, without the fields that are wrong."""
    fields = {".".join(problem.field.partition("[")[0].split(".")[1:3]) for problem in wrong}
    return {
        section: {name: value for name, value in values.items() if f"{section}.{name}" not in fields}
        for section, values in settings.items()
        if section not in fields
    }


_REFUSALS: dict[type[Exception], str] = {
    InvalidMessage: "invalidMessage",
    OutboxFull: "outboxFull",
    WrongState: "wrongState",
}
