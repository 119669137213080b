"""A driver and a service: what the lifecycle decides is carried out, and what is forbidden does not pass."""

from collections.abc import Callable

from sidecar.lifecycle import events as ev
from sidecar.lifecycle.faults import Cause, Layer
from sidecar.lifecycle.item import Item, Kind
from sidecar.lifecycle.states import State
from tests.model.ground import MAX_DIALS, STORM_S, Ground
from tests.model.network import FOREVER, Socket
from tests.model.service import Session
from tests.model.weather import OWNED, REFUSALS, UNKNOWN_HANDLE, Attempt, Close

STEP_S = 0.01
LETS_GO_AFTER_S = 1.0
HIGH_WATER_BYTES = 8_000
WRITTEN_OVERHEAD = 8


class Driver(Ground):
    """Does what the session does between the lifecycle and the network, and what the service does beyond it."""

    # --- carrying out, as the driver does -----------------------------------------------------------

    def run(self) -> None:
        out = self.core.out
        while out:
            entry = out.pop(0)
            assert not self.finished, f"{entry} came after the end"
            match entry:
                case ev.Dial():
                    self._dial(entry)
                case ev.Ping(number):
                    self._ping(number)
                case ev.SendClose():
                    self._send_close()
                case ev.Abort(cause):
                    self._abort(cause)
                case ev.Flush():
                    self._flush()
                case ev.Finished():
                    self.finished += 1
                case ev.StateChanged():
                    self._state_changed(entry)
                case ev.Dropped():
                    over = self.core.state in (State.DISCONNECTING, State.DISCONNECTED)
                    self.ledger.tell_dropped(entry, over=over)
                case ev.Failure(fault, True):
                    self._failed(fault.kind)

    def _dial(self, effect: ev.Dial) -> None:
        assert self.socket is None, "at most one live socket"
        assert self.changes[-1].after[0] in (State.CONNECTING, State.RECONNECTING), "nobody dials at rest"
        assert self.now >= self.asked_until - 1e-6, "the service asked for more patience"
        self.dial_times.append(self.now)
        storm = len(self.dial_times) == MAX_DIALS and self.now - self.dial_times[0] < STORM_S
        assert not storm, f"{MAX_DIALS} dials within {STORM_S} s"
        attempt = self.plans.popleft() if self.plans else self.default_plan
        socket = self.socket = Socket(len(self.sockets), attempt)
        self.sockets.append(socket)
        self._then(socket, 0.0, lambda: self.core.dialing(self.now))
        steps = {
            "dns": self.core.resolved,
            "tcp": self.core.tcp_connected,
            "tls": self.core.secured,
            "upgrade": lambda now: self._upgraded(socket, fresh=effect.fresh),
        }
        at_s = STEP_S
        for name, succeed in steps.items():
            if attempt.ends_at == name:
                if attempt.cause is not None:
                    self._then(socket, at_s, lambda: self._attempt_fails(attempt))
                return
            self._then(socket, at_s, lambda succeed=succeed: succeed(self.now))
            at_s += STEP_S

    def _attempt_fails(self, attempt: Attempt) -> None:
        assert attempt.cause is not None
        self._end_of(attempt.cause, attempt.permanent, attempt.asks_s)

    def _upgraded(self, socket: Socket, *, fresh: bool) -> None:
        setup, resuming = self.core.resumption.setup({"model": "m"}, fresh=fresh)
        handle = setup.get("sessionResumption", {}).get("handle")
        assert resuming == (handle is not None)
        assert not (fresh and resuming), "a fresh session is asked for without the handle"
        socket.handle = handle
        self.core.upgraded(self.now, resuming=resuming)
        socket.up.put(self.now, 200, lambda: self._service_gets_setup(socket))

    def _ping(self, number: int) -> None:
        socket = self.socket
        assert socket is not None
        assert socket.ready, "pings are for live lines"
        assert not socket.close_sent, "nothing follows a close frame"
        socket.up.put(self.now, 10, lambda: self._service_gets_ping(socket, number))

    def _flush(self) -> None:
        socket = self.socket
        while socket is not None and socket.ready and not socket.over:
            if socket.close_sent or socket.up.unsent_bytes > HIGH_WATER_BYTES:
                break
            item = self.core.take(self.now)
            if item is None:
                break
            self._write(socket, item)

    def _write(self, socket: Socket, item: Item) -> None:
        n = item.n
        if item.kind is Kind.ACTIVITY:
            socket.started_activity |= b"activityStart" in item.frame
            assert socket.started_activity, "an activity that was open at the cut is opened again first"
        if n is not None:
            assert not socket.written or socket.written[-1] < n, (
                "the order of acceptance is the order on the wire"
            )
            assert n not in self.ledger.dropped, f"{n} was told as lost, and is sent"
            socket.written.append(n)
        else:
            assert not socket.written, "the sidecar's own mark goes first"
        size = item.size + WRITTEN_OVERHEAD
        socket.up.put(self.now, size, lambda: self._service_gets(socket, n))

    def _send_close(self) -> None:
        socket = self.socket
        if socket is not None:
            assert not socket.close_sent, "one close frame"
            socket.close_sent = True
            socket.up.put(self.now, 10, lambda: self._service_gets_close(socket))

    def _abort(self, cause: Cause) -> None:
        socket = self.socket
        if socket is None:
            return
        assert cause.code != "silence" or socket.troubled, "a line in good health is cut"
        unsent_bytes = socket.up.unsent_bytes
        if not socket.up.frozen:
            self._service_sees_end(socket)
        self._end(cause, unsent_bytes=unsent_bytes)

    def _end(self, cause: Cause, *, echoed: bool = False, unsent_bytes: int = 0) -> None:
        """The driver tells the lifecycle that the attempt, or the line, is over."""
        socket, self.socket = self.socket, None
        if socket is None:
            return
        socket.over = True
        socket.up.break_()
        socket.down.break_()
        self.reached_failures += cause.layer in (Layer.WEBSOCKET, Layer.HTTP, Layer.LOCAL)
        self.core.ended(self.now, cause, echoed=echoed, unsent_bytes=unsent_bytes)

    # --- what the service does ----------------------------------------------------------------------

    def _service_gets_setup(self, socket: Socket) -> None:
        attempt = socket.attempt
        if attempt.ends_at == "setup":
            if attempt.cause is not None:
                self._close_by_service(
                    socket, Close(*_code(attempt.cause), attempt.permanent, attempt.asks_s)
                )
            return
        session: Session | None
        if socket.handle is None:
            session = self.service.new_session()
        else:
            session = self.service.by_handle(socket.handle)
            if session is None:
                self._close_by_service(socket, UNKNOWN_HANDLE)
                return
            if self.now < session.owned_until:
                self._refuse_owned(socket)
                return
        socket.session = session
        session.owned_until = FOREVER
        self._say(socket, lambda: self._client_is_set_up(socket))
        handle = self.service.new_handle(session)
        self._say(socket, lambda: self._client_gets_handle(handle))

    def _refuse_owned(self, socket: Socket) -> None:
        if self.refuses_after_setup:  # LP 4.4: it may show before or after setupComplete
            self._say(socket, lambda: self._client_is_set_up(socket))
            self._later_for(socket, 0.5, lambda: self._close_by_service(socket, OWNED))
        else:
            self._close_by_service(socket, OWNED)

    def _service_gets(self, socket: Socket, n: int | None) -> None:
        if socket.session is not None and n is not None and not socket.gone_for_the_service:
            socket.session.received.append(n)
            socket.took += 1

    def _service_gets_ping(self, socket: Socket, number: int) -> None:
        if not socket.pongs or socket.gone_for_the_service:
            return

        def answer() -> None:
            self._say(socket, lambda: self.core.pong(self.now, number))

        if socket.pong_late_s:
            self._later_for(socket, socket.pong_late_s, answer)
        else:
            answer()

    def _service_gets_close(self, socket: Socket) -> None:
        if socket.gone_for_the_service:  # its own close frame is on the way
            return
        self._service_sees_end(socket)
        self._say(socket, lambda: self._end(Cause(Layer.WEBSOCKET, 1000), echoed=True))

    def _service_sees_end(self, socket: Socket) -> None:
        socket.gone_for_the_service = True
        if socket.session is not None and socket.session.owned_until == FOREVER:
            socket.session.owned_until = self.now + LETS_GO_AFTER_S

    def _close_by_service(self, socket: Socket, close: Close) -> None:
        if socket.gone_for_the_service:
            return
        self._service_sees_end(socket)

        def client_hears() -> None:
            young = socket.ready and self.now - socket.ready_at < self.settings.hand_over.done_after_s
            if young and close in REFUSALS and socket.handle is not None and not socket.spoke:
                self._take_back(socket)
            self._end_of(close.cause, close.permanent, close.asks_s)

        self._say(socket, client_hears)

    def _take_back(self, socket: Socket) -> None:
        """It was a refusal, only late: nothing of this was taken."""
        if socket.session is not None and socket.took:
            del socket.session.received[-socket.took :]

    def _say(self, socket: Socket, hear: Callable[[], None]) -> None:
        """Bytes come in, and then what they mean."""

        def arrive() -> None:
            if self.socket is socket:
                came_at = self.now if self._came_at is None else self._came_at
                self.core.heard(came_at, socket.up.bytes_inside if self.acks_known else None)
                if socket.ready and self.now - socket.ready_at >= self.settings.reconnect.stable_after_s:
                    socket.proven_at = self.now
                self.run()
                if self.socket is socket:
                    hear()

        socket.down.put(self.now, 100, arrive)

    # --- what the client is told --------------------------------------------------------------------

    def _client_is_set_up(self, socket: Socket) -> None:
        socket.ready, socket.ready_at = True, self.now
        self.core.setup_complete(self.now)

    def _client_gets_handle(self, handle: str) -> None:
        self.core.handle(handle, resumable=True)

    def _end_of(self, cause: Cause, permanent: str | None, asks_s: float) -> None:
        """The service ends it and says why: it wants patience, or nothing more to do with us."""
        at_rest = self.core.state in (State.DISCONNECTING, State.SUSPENDED, State.FAILED)
        if permanent is not None:
            self.permanent.add(permanent)
        if asks_s and not at_rest:
            self.asked_until = self.now + asks_s
        self._end(cause)
        if permanent is not None and not at_rest:
            assert self.core.state is State.FAILED, f"{permanent}, and it goes on"


def _code(cause: Cause) -> tuple[int, str]:
    assert isinstance(cause.code, int)
    return cause.code, cause.text
