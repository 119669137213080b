"""From a host name to a TCP connection, step by step (design section 3, Deadlines; `docs/architecture.md`).

The steps are told as they are reached, and the caller's deadlines end each by cancelling it.
"""

import asyncio
import contextlib
import socket
import ssl
import threading
from collections import defaultdict
from collections.abc import Callable
from functools import cache
from typing import Literal, NamedTuple, cast
from weakref import WeakKeyDictionary

import aiohappyeyeballs

from sidecar.lifecycle.faults import Cause, Layer
from sidecar.live.endpoints import Endpoint

DIALS_PER_HOST = 8
"""At a time: a hundred sessions cut together must not arrive as one storm."""
HAPPY_EYEBALLS_DELAY_S = 0.25
"""Before the next address is tried beside the first (RFC 8305 section 5)."""
LOOKUP_SHARED_S = 4.0
"""A lookup of this age hangs: most take milliseconds."""
MAX_LOOKUPS = 4
"""Of one name at a time."""
SEND_BUFFER_BYTES = 128 * 1024
"""In the kernel: small enough that a line which takes nothing is seen in seconds."""

AddrInfo = tuple[int, int, int, str, tuple[str, int] | tuple[str, int, int, int]]


class DialFailed(Exception):
    """An attempt failed before the upgrade was done; `cause` says where and why."""

    def __init__(self, cause: Cause) -> None:
        super().__init__(f"{cause.layer.value}: {cause.text or cause.code}")
        self.cause = cause


_Gates = defaultdict[str, asyncio.Semaphore]
_gates: WeakKeyDictionary[asyncio.AbstractEventLoop, _Gates] = WeakKeyDictionary()


def _gate(host: str) -> asyncio.Semaphore:
    gates = _gates.setdefault(
        asyncio.get_running_loop(), defaultdict(lambda: asyncio.Semaphore(DIALS_PER_HOST))
    )
    return gates[host]


Step = Literal["dialing", "resolved"]


def _untold(_step: Step) -> None:
    """Nobody wants to know."""


async def connect(endpoint: Endpoint, on_step: Callable[[Step], None] = _untold) -> socket.socket:
    """A connected, non-blocking TCP socket.

    Cancelled at any moment, also by `on_step` itself, it leaves no socket, task or place at the gate behind;
    a lookup that hangs in the system ends by itself.

    Args:
        on_step: called with "dialing" once it is this call's turn (the wait before is no part of the
            attempt), and with "resolved" when the addresses are known.

    Raises:
        DialFailed: by name resolution, or by the connection.
    """
    async with _gate(endpoint.host):
        await _tell(on_step, "dialing")
        addresses = await _resolve(endpoint.host, endpoint.port)
        await _tell(on_step, "resolved")
        sock = await _connect_first(addresses)
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
    except OSError as exc:  # macOS refuses on a connection that was reset already
        sock.close()
        raise DialFailed(Cause(Layer.TCP, "error", _text(exc))) from None
    return sock


async def _tell(on_step: Callable[[Step], None], step: Step) -> None:
    on_step(step)
    await asyncio.sleep(0)  # a cancellation of this very task takes effect here, not a step later


async def _connect_first(addresses: list[AddrInfo]) -> socket.socket:
    """The first address that answers wins."""
    task = asyncio.current_task()
    assert task is not None
    cancels = task.cancelling()
    try:
        sock = await aiohappyeyeballs.start_connection(
            addresses, happy_eyeballs_delay=HAPPY_EYEBALLS_DELAY_S, interleave=1
        )
    except OSError as exc:
        code = "refused" if _is_refusal(exc) else "timeout" if isinstance(exc, TimeoutError) else "error"
        raise DialFailed(Cause(Layer.TCP, code, _text(exc))) from None
    if task.cancelling() > cancels:  # while it ended the losers, which swallows it
        sock.close()
        raise asyncio.CancelledError
    return sock


class _Lookup(NamedTuple):
    since: float
    answer: asyncio.Future[list[AddrInfo]]


_Lookups = defaultdict[tuple[str, int], list[_Lookup]]
_lookups: WeakKeyDictionary[asyncio.AbstractEventLoop, _Lookups] = WeakKeyDictionary()


async def _resolve(host: str, port: int) -> list[AddrInfo]:
    """Addresses of a host. Who asks while a young lookup of the same is under way waits for that one; beside
    one that hangs, on servers that are gone since the network changed perhaps, another is tried. So a
    resolver that hangs costs a few threads, however often is tried."""
    loop = asyncio.get_running_loop()
    under_way = _lookups.setdefault(loop, defaultdict(list))[host, port]
    young = bool(under_way) and loop.time() - under_way[-1].since < LOOKUP_SHARED_S
    if not young and len(under_way) < MAX_LOOKUPS:
        lookup = _Lookup(loop.time(), _look_up(loop, host, port))
        under_way.append(lookup)
        lookup.answer.add_done_callback(lambda _: under_way.remove(lookup))
    try:
        return await asyncio.shield(under_way[-1].answer)
    except OSError as exc:
        raise DialFailed(Cause(Layer.DNS, "notFound", _text(exc))) from None


def _look_up(loop: asyncio.AbstractEventLoop, host: str, port: int) -> asyncio.Future[list[AddrInfo]]:
    """getaddrinfo in a thread of its own: a resolver that hangs must hold neither the event loop's pool
    of threads nor the end of the process."""
    answer: asyncio.Future[list[AddrInfo]] = loop.create_future()

    def settle(result: list[AddrInfo] | OSError) -> None:
        if isinstance(result, OSError):
            answer.set_exception(result)
            answer.exception()  # whoever asked may have gone away
        else:
            answer.set_result(result)

    def look_up() -> None:
        result: list[AddrInfo] | OSError
        try:
            result = cast(list[AddrInfo], socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except OSError as exc:
            result = exc
        except UnicodeError as exc:
            result = OSError(f"not a host name: {exc}")
        with contextlib.suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(settle, result)

    threading.Thread(target=look_up, name="resolve", daemon=True).start()
    return answer


def _is_refusal(exc: OSError) -> bool:
    """aiohappyeyeballs reports several failed addresses as one error with their texts."""
    return isinstance(exc, ConnectionRefusedError) or "refused" in str(exc).lower()


def _text(exc: OSError) -> str:
    return exc.strerror or str(exc) or type(exc).__name__


@cache
def tls_context() -> ssl.SSLContext:
    """The system's trust store, host name checked, TLS 1.2 or newer."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def tls_failed(exc: Exception) -> DialFailed:
    """A failed TLS handshake; a certificate that does not verify is told apart, and which check failed."""
    if isinstance(exc, ssl.SSLCertVerificationError):
        return DialFailed(Cause(Layer.TLS, "certificate", exc.verify_message or str(exc.reason)))
    if isinstance(exc, ssl.SSLError):
        return DialFailed(Cause(Layer.TLS, "error", exc.reason or type(exc).__name__))
    return DialFailed(Cause(Layer.TLS, "error", str(exc) or type(exc).__name__))
