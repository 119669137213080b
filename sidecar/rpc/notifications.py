"""What a session tells, as lines: one table from event to notification. Seconds become milliseconds here."""

from collections.abc import Callable
from typing import Any, cast

import msgspec
from msgspec import UNSET, Struct, UnsetType

from sidecar.lifecycle import events as ev
from sidecar.lifecycle.outbox import Outbox
from sidecar.live import frames, turns
from sidecar.live.usage import Usage
from sidecar.rpc import protocol as p
from sidecar.rpc.errors import fault_data
from sidecar.session import LiveSession, SessionEvent
from sidecar.stdio.writer import Line, Writer

_encoder = msgspec.json.Encoder()


class Notifier:
    """Writes the notifications of one session into its own queue.

    Every line begins with `sessionId`, `instanceId` and `seq`; the writer fills in `seq` when it writes.
    """

    def __init__(self, session_id: str, instance_id: str, writer: Writer, exclude: frozenset[str]) -> None:
        self._session_id = session_id
        self._instance_id = instance_id
        self._writer = writer
        self._exclude = exclude - {"session/stateChanged"}
        self._heads: dict[str, bytes] = {}
        self._unread: p.Dropped | None = None
        self._unread_line: Line | None = None
        self.session: LiveSession | None = None

    def __call__(self, event: SessionEvent) -> None:
        """Pass on an event, unless the host does not want its kind."""
        method, make = _TABLE.get(type(event), _FOR_THE_LOG)
        if method and method not in self._exclude:
            made = make(self, event)
            if isinstance(made, Line):
                self._writer.put(self._session_id, made)
            else:
                self.put(method, made, coalesce=method if method in _LATEST_ONLY else None)

    def put(self, method: str, body: Struct, *, coalesce: str | None = None) -> None:
        encoded = _encoder.encode(body)
        tail = b"}}" if encoded == b"{}" else b"," + encoded[1:] + b"}"
        self._writer.put(self._session_id, Line(self.head(method), tail, coalesce=coalesce))

    def head(self, method: str) -> bytes:
        head = self._heads.get(method)
        if head is None:
            stamp = _encoder.encode({"sessionId": self._session_id, "instanceId": self._instance_id})
            head = b'{"jsonrpc":"2.0","method":"%s","params":%s,"seq":' % (method.encode(), stamp[:-1])
            self._heads[method] = head
        return head

    def not_read(self, lines: list[Line]) -> None:
        """The host is slow, its oldest model audio went: one `session/dropped`, growing until written."""
        count, duration_ms = len(lines), sum(line.duration_ms for line in lines)
        if self._unread is not None and self._unread_line is not None and not self._unread_line.taken:
            count += self._unread.count
            duration_ms += self._unread.duration_ms
        self._unread = p.Dropped(
            reason="hostNotReading", kind="modelAudio", count=count, duration_ms=duration_ms
        )
        tail = b"," + _encoder.encode(self._unread)[1:] + b"}"
        self._unread_line = Line(self.head("session/dropped"), tail, coalesce="hostNotReading")
        if "session/dropped" not in self._exclude:
            self._writer.put(self._session_id, self._unread_line)

    # --- events to bodies -------------------------------------------------------------------------

    def _state_changed(self, e: ev.StateChanged) -> Struct:
        state, phase = e.after
        return p.StateChanged(
            revision=e.revision,
            state=state.value,
            phase=phase.value if phase else UNSET,
            previous=e.before[0].value,
            previous_phase=e.before[1].value if e.before[1] else UNSET,
            reason=e.reason,
            attempt=e.attempt,
            retry_in_ms=_ms(e.retry_in_s),
            state_restored=_restored(e.state_restored),
            connection_id=self._connection_id(),
            error=fault_data(e.fault, self._session_id) if e.fault else UNSET,
        )

    def _reconnecting(self, e: ev.Reconnecting) -> Struct:
        return p.Reconnecting(
            attempt=e.attempt,
            delay_ms=round(e.delay_s * 1000),
            mode="fresh" if e.fresh else "resume",
            planned=e.planned,
            reason=e.fault.kind,
            error=UNSET if e.planned else fault_data(e.fault, self._session_id),
        )

    def _reconnected(self, e: ev.Reconnected) -> Struct:
        return p.Reconnected(
            attempt=e.attempt,
            gap_ms=round(e.gap_s * 1000),
            state_restored=cast(p.StateRestored, e.state_restored),
            held_ms=e.held_us / 1000,
            replayed_ms=e.replayed_us / 1000,
        )

    def _go_away(self, e: ev.GoAwayReceived) -> Struct:
        return p.GoAway(time_left_ms=round(e.time_left_s * 1000))

    def _health(self, e: ev.HealthChanged) -> Struct:
        assert self.session is not None
        stats = self.session.core.stats
        return p.Health(
            health_score=e.health.score,
            quality=cast(p.Quality, e.health.quality),
            rtt_ms=fine_ms(e.rtt_s),
            rtt_average_ms=fine_ms(e.rtt_average_s),
            rtt_p50_ms=fine_ms(stats.rtt_percentile_s(0.5)),
            rtt_p95_ms=fine_ms(stats.rtt_percentile_s(0.95)),
            silence_ms=round(e.silence_s * 1000),
            pings=stats.pings,
            pongs=stats.pongs,
            unanswered=e.unanswered,
        )

    def _breaker(self, e: ev.BreakerChanged) -> Struct:
        return p.Breaker(
            state=cast(p.BreakerState, e.state),
            previous=cast(p.BreakerState, e.previous),
            failures=e.failures,
            retry_in_ms=_ms(e.retry_in_s),
        )

    def _stalled(self, e: ev.Stalled) -> Struct:
        return p.Stalled(
            demand=cast(p.Demand, e.demand),
            waited_ms=round(e.waited_s * 1000),
            action=cast(Any, e.action),
        )

    def _failure(self, e: ev.Failure) -> Struct:
        return p.SessionError(error=fault_data(e.fault, self._session_id), fatal=e.fatal)

    def _queue_moved(self, _: ev.QueueMoved) -> Struct:
        assert self.session is not None
        return queue_report(self.session.core.outbox)

    def _dropped(self, e: ev.Dropped) -> Struct:
        drop = e.drop
        return p.Dropped(
            reason=cast(Any, drop.reason),
            kind=drop.kind.value,
            count=drop.count,
            duration_ms=drop.audio_us / 1000,
            from_n=UNSET if drop.from_n is None else drop.from_n,
            through_n=UNSET if drop.through_n is None else drop.through_n,
            ids=drop.ids or UNSET,
        )

    def _setup_sent(self, e: ev.SetupSent) -> Struct:
        return p.SetupSent(connection_id=str(self._connection_id()), resuming=e.resuming, setup=e.setup)

    def _handle_changed(self, e: ev.HandleChanged) -> Struct:
        return p.Resumption(resumable=e.resumable, handle=e.handle or UNSET)

    def _message(self, e: frames.MessageReceived) -> Struct | Line:
        head = self.head("session/message")
        if len(head) + len(e.data) + 32 > p.MAX_LINE_BYTES:
            return p.InvalidMessage(reason="too long for one line", size_bytes=len(e.data))
        sound_ms = e.audio_ms
        return Line(
            head,
            e.data,
            droppable=sound_ms is not None,
            duration_ms=sound_ms or 0.0,
            before=b',"message":',
            after=b"}}",
        )

    def _invalid_frame(self, e: frames.InvalidFrame) -> Struct:
        return p.InvalidMessage(reason=e.reason, size_bytes=e.size_bytes)

    def _transcript(self, e: turns.Transcript) -> Struct:
        return p.Transcript(
            source=cast(Any, e.source),
            text=e.text,
            final=e.final,
            turn_id=e.turn_id,
            cut=e.cut,
            interim=e.interim,
            language_code=e.language or UNSET,
            speaker_label=e.speaker or UNSET,
        )

    def _turn(self, e: turns.Turn) -> Struct:
        return p.Turn(
            turn_id=e.turn_id,
            event=cast(Any, e.event),
            cut=e.cut,
            turn_complete_reason=e.reason or UNSET,
            interaction_status=e.interaction_status or UNSET,
        )

    def _usage(self, e: turns.UsageTold) -> Struct:
        return p.UsageReport(turn_id=e.turn_id, turn=usage(e.turn), session=usage(e.session))

    def _tool_call(self, e: turns.ToolCall) -> Struct:
        return p.ToolCall(
            id=e.id,
            name=e.name,
            args=e.args,
            partial_args=list(e.partial_args) or UNSET,
            will_continue=e.will_continue,
        )

    def _tool_call_cancelled(self, e: turns.ToolCallCancelled) -> Struct:
        return p.ToolCallCancelled(ids=e.ids)

    def _connection_id(self) -> str | UnsetType:
        return connection_id(self._session_id, self.session)


_LATEST_ONLY = frozenset({"session/queue", "session/health"})
"""For a slow host only the newest matters."""

_TABLE: dict[type, tuple[str, Callable[[Notifier, Any], Struct | Line]]] = {
    ev.StateChanged: ("session/stateChanged", Notifier._state_changed),
    ev.SetupSent: ("session/setupSent", Notifier._setup_sent),
    frames.MessageReceived: ("session/message", Notifier._message),
    frames.InvalidFrame: ("session/invalidMessage", Notifier._invalid_frame),
    turns.Transcript: ("session/transcript", Notifier._transcript),
    turns.Turn: ("session/turn", Notifier._turn),
    turns.UsageTold: ("session/usage", Notifier._usage),
    turns.ToolCall: ("session/toolCall", Notifier._tool_call),
    turns.ToolCallCancelled: ("session/toolCallCancelled", Notifier._tool_call_cancelled),
    ev.GoAwayReceived: ("session/goAway", Notifier._go_away),
    ev.HandleChanged: ("session/resumption", Notifier._handle_changed),
    ev.Reconnecting: ("session/reconnecting", Notifier._reconnecting),
    ev.Reconnected: ("session/reconnected", Notifier._reconnected),
    ev.HealthChanged: ("session/health", Notifier._health),
    ev.BreakerChanged: ("session/breaker", Notifier._breaker),
    ev.Stalled: ("session/stalled", Notifier._stalled),
    ev.QueueMoved: ("session/queue", Notifier._queue_moved),
    ev.Dropped: ("session/dropped", Notifier._dropped),
    ev.Failure: ("session/error", Notifier._failure),
}


_FOR_THE_LOG: tuple[str, Any] = ("", None)
"""`Slept`, `Configured`: the host hears of their effects."""


def snapshot(session_id: str, session: LiveSession) -> p.SessionSnapshot:
    """A session as it stands, for the results of calls."""
    core, now = session.core, session.now()
    retry_in_s = core.retry_in_s(now)
    rtt_s = core.line.liveness.rtt_average_s if core.line is not None else None
    health = core.health(now)
    return p.SessionSnapshot(
        session_id=session_id,
        state=core.state.value,
        phase=core.machine.phase.value if core.machine.phase else UNSET,
        revision=core.machine.revision,
        attempt=core.outage.attempts,
        reason=core.reason or UNSET,
        retry_in_ms=_ms(retry_in_s),
        state_restored=_restored(core.state_restored),
        connection_id=connection_id(session_id, session),
        resumable=core.resumption.has_handle,
        rtt_ms=fine_ms(rtt_s),
        health_score=health.score,
        quality=cast(p.Quality, health.quality),
        breaker=core.breaker_state.value,
        queue=queue_report(core.outbox),
        error=fault_data(core.fault, session_id) if core.fault else UNSET,
    )


def queue_report(outbox: Outbox) -> p.QueueReport:
    """The outbox's books, in milliseconds."""
    books = outbox.books
    return p.QueueReport(
        accepted_through=outbox.accepted_through,
        sent_through=outbox.sent_through,
        confirmed_through=outbox.confirmed_through,
        offered_ms=books.offered_us / 1000,
        accepted_ms=books.accepted_us / 1000,
        refused_ms=books.refused_us / 1000,
        held_ms=books.held_us / 1000,
        unconfirmed_ms=books.unconfirmed_us / 1000,
        confirmed_ms=books.confirmed_us / 1000,
        dropped_ms=books.dropped_us / 1000,
        presumed_ms=books.presumed_us / 1000,
        replayed_ms=books.replayed_us / 1000,
        maybe_doubled_ms=books.maybe_doubled_us / 1000,
        held_messages=len(outbox.held),
        unconfirmed_messages=len(outbox.unconfirmed),
    )


def connection_id(session_id: str, session: LiveSession | None) -> str | UnsetType:
    """Names one line of a session, in logs and events; the first is `<sessionId>#1`."""
    return f"{session_id}#{session.connections}" if session is not None and session.connections else UNSET


def usage(told: Usage) -> p.Usage:
    """Tokens, for the host."""
    return p.Usage(**msgspec.structs.asdict(told))


def _ms(seconds: float | None) -> int | UnsetType:
    return UNSET if seconds is None else round(seconds * 1000)


def fine_ms(seconds: float | None) -> float | UnsetType:
    """Milliseconds to the microsecond; absent where there are none."""
    return UNSET if seconds is None else round(seconds * 1000, 3)


def _restored(value: str | None) -> p.StateRestored | UnsetType:
    return UNSET if value is None else cast(p.StateRestored, value)
