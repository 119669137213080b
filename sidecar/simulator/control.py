"""The control API: HTTP and JSON on loopback, for tests in any language and for `curl`.

GET /state · GET /audio?session=1[&connection=2] · POST /fault {"do": "cut"}
"""

import asyncio
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol, TypeVar
from urllib.parse import parse_qs, urlsplit

import msgspec

from .faults import AnyFault
from .script import ScriptError, parse_fault

_ANSWER_TIMEOUT_S = 5.0
_POLL_S = 0.1
_MAX_BODY_BYTES = 64 * 1024

T = TypeVar("T")


class Controlled(Protocol):
    """The simulator, as far as it is controlled. Called in its own loop only."""

    def state(self) -> dict[str, Any]: ...
    def audio(self, session: int, connection: int | None = None) -> bytes: ...
    def inject(self, fault: AnyFault) -> int: ...


class BadRequest(Exception):
    """The text says what is wrong with the request."""


class Control:
    """Serves in a daemon thread. Raises OSError when it cannot listen."""

    def __init__(self, simulator: Controlled, loop: asyncio.AbstractEventLoop, port: int) -> None:
        self._simulator = simulator
        self._loop = loop
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_POLL_S,), name="simulator-control", daemon=True
        )
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def hosts(self) -> set[str]:
        return {f"{name}:{self._server.server_port}" for name in ("127.0.0.1", "localhost")}

    def get_state(self, _query: dict[str, int]) -> tuple[str, bytes]:
        return "application/json", msgspec.json.encode(self._ask(self._simulator.state))

    def get_audio(self, query: dict[str, int]) -> tuple[str, bytes]:
        session = query.get("session")
        if session is None:
            raise BadRequest("say which session: /audio?session=1")
        try:
            pcm = self._ask(lambda: self._simulator.audio(session, query.get("connection")))
        except LookupError as error:
            raise BadRequest(str(error)) from None
        return "application/octet-stream", pcm

    def post_fault(self, body: bytes) -> tuple[str, bytes]:
        try:
            fault = parse_fault(body)
        except ScriptError as error:
            raise BadRequest(str(error)) from None
        hit = self._ask(lambda: self._simulator.inject(fault))
        return "application/json", msgspec.json.encode({"connectionsHit": hit})

    def _ask(self, call: Callable[[], T]) -> T:
        """Runs `call` in the simulator's loop."""

        async def run() -> T:
            return call()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(_ANSWER_TIMEOUT_S)


def _handler(control: Control) -> type[BaseHTTPRequestHandler]:
    """The request handler of `control`; the standard library wants a class."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            target = urlsplit(self.path)
            routes = {"/state": control.get_state, "/audio": control.get_audio}
            route = routes.get(target.path)
            self._answer(None if route is None else lambda: route(_numbers(target.query)))

        def do_POST(self) -> None:
            route = control.post_fault if urlsplit(self.path).path == "/fault" else None
            self._answer(None if route is None else lambda: route(self._body()))

        def _answer(self, route: Callable[[], tuple[str, bytes]] | None) -> None:
            # A web page that had its name resolved to 127.0.0.1 shows itself by its Host.
            if self.headers.get("Host") not in control.hosts():
                return self._reply(403, *_error("only for requests to 127.0.0.1"))
            if route is None:
                return self._reply(404, *_error("there are GET /state, GET /audio and POST /fault"))
            try:
                kind, content = route()
            except BadRequest as error:
                return self._reply(400, *_error(str(error)))
            except TimeoutError:
                return self._reply(503, *_error("the simulator is busy or ending"))
            return self._reply(200, kind, content)

        def _body(self) -> bytes:
            length = self.headers.get("Content-Length", "")
            if not length.isdigit() or int(length) > _MAX_BODY_BYTES:
                self.close_connection = True  # what is unread would be taken for the next request
                raise BadRequest(f"a body with a Content-Length of at most {_MAX_BODY_BYTES} bytes is needed")
            return self.rfile.read(int(length))

        def _reply(self, status: int, kind: str, content: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            """The simulator notes what matters itself."""

    return Handler


def _error(text: str) -> tuple[str, bytes]:
    return "application/json", msgspec.json.encode({"error": text})


def _numbers(query: str) -> dict[str, int]:
    try:
        return {name: int(values[0]) for name, values in parse_qs(query).items()}
    except ValueError:
        raise BadRequest("session and connection are numbers, counted from 1") from None
