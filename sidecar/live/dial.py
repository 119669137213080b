"""From a host name to a connection, step by step (design section 3, Deadlines; `docs/architecture.md`).

The steps are told as they are reached, and the caller's deadlines end each by cancelling it. Through a proxy
it is the proxy that is dialled; it then does for us what dialling is, and that is a step of its own.
"""

import asyncio
import socket
import ssl
from collections import defaultdict
from collections.abc import Callable
from typing import Literal, NamedTuple, cast
from weakref import WeakKeyDictionary

import aiohappyeyeballs

from sidecar.lifecycle.faults import Cause, Layer
from sidecar.live.endpoints import Endpoint, is_localhost
from sidecar.live.failure import DialFailed
from sidecar.live.handshake import tls_failed
from sidecar.live.layers import add_tls, transport_on
from sidecar.live.proxy import Proxy
from sidecar.live.thread import in_thread
from sidecar.live.tunnel import Carrier, OverTls, open_tunnel, target_of

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


_Gates = defaultdict[str, asyncio.Semaphore]
_gates: WeakKeyDictionary[asyncio.AbstractEventLoop, _Gates] = WeakKeyDictionary()


def _gate(host: str) -> asyncio.Semaphore:
    gates = _gates.setdefault(
        asyncio.get_running_loop(), defaultdict(lambda: asyncio.Semaphore(DIALS_PER_HOST))
    )
    return gates[host]


Step = Literal["dialing", "resolved", "tunnelling"]


def _untold(_step: Step) -> None:
    """Nobody wants to know."""


async def connect(
    endpoint: Endpoint,
    on_step: Callable[[Step], None] = _untold,
    *,
    proxy: Proxy | None = None,
    proxy_tls: ssl.SSLContext | None = None,
) -> Carrier:
    """What the line to the service is to stand on: a connected, non-blocking TCP socket or, through an https
    proxy, a transport.

    Cancelled at any moment, also by `on_step` itself, it leaves no socket, task or place at the gate behind;
    a lookup that hangs in the system ends by itself.

    Args:
        on_step: called with "dialing" once it is this call's turn (the wait before is no part of the
            attempt), with "resolved" when the addresses are known, and with "tunnelling" when the proxy, if
            there is one, is connected and asked for the service.
        proxy: what is dialled in the service's place.
        proxy_tls: for the TLS with an https proxy.

    Raises:
        DialFailed: by name resolution, the connection, or the proxy.
    """
    async with _gate(endpoint.host):
        await _tell(on_step, "dialing")
        if proxy is None:
            addresses = await _resolve(endpoint.host, endpoint.port)
            await _tell(on_step, "resolved")
            return await _connect_first(addresses)
        return await _connect_through(proxy, endpoint, on_step, proxy_tls)


async def _connect_through(
    proxy: Proxy, endpoint: Endpoint, on_step: Callable[[Step], None], proxy_tls: ssl.SSLContext | None
) -> Carrier:
    host = endpoint.host
    if proxy.scheme == "socks5":
        found = await _resolve(host, endpoint.port)
        # Not every proxy has IPv6, and it is asked for one address only.
        host = min(found, key=lambda address: address[0] != socket.AF_INET)[4][0]
    target = target_of(host, endpoint.port, proxy)
    try:
        addresses = await _resolve(proxy.host, proxy.port)
        await _tell(on_step, "resolved")
        sock = await _connect_first(addresses)
    except DialFailed as exc:
        code = "notFound" if exc.cause.layer is Layer.DNS else exc.cause.code
        raise DialFailed(Cause(Layer.PROXY, code, f"{proxy.address}: {exc.cause.text}")) from None
    try:
        await _tell(on_step, "tunnelling")
    except BaseException:
        sock.close()
        raise
    return await open_tunnel(sock, proxy, target, proxy_tls)


async def attach(
    line: asyncio.Protocol, carrier: Carrier, tls: ssl.SSLContext | None, server_name: str
) -> None:
    """Lets the line stand on what `connect` gave. Cancelled or failed, it closes that.

    Args:
        tls: for the TLS between here and the service; None for none.
        server_name: the name that the service's certificate must be for.

    Raises:
        DialFailed: by the TLS handshake.
    """
    try:
        if isinstance(carrier, OverTls):
            transport = carrier.transport
            if tls is None:
                transport.set_protocol(line)
            else:
                transport = await add_tls(transport, line, tls, server_name)
        elif tls is not None:
            transport = await add_tls(await transport_on(carrier), line, tls, server_name)
        else:
            await asyncio.get_running_loop().create_connection(lambda: line, sock=carrier)
            return
    except (OSError, ValueError) as exc:  # ssl.SSLError; a name that `ssl` cannot ask for
        raise DialFailed(tls_failed(exc, server_name)) from None
    line.connection_made(transport)


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
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
    except OSError as exc:  # macOS refuses on a connection that was reset already
        sock.close()
        raise DialFailed(Cause(Layer.TCP, "error", _text(exc))) from None
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
        lookup = _Lookup(loop.time(), _look_up(host, port))
        under_way.append(lookup)
        lookup.answer.add_done_callback(lambda _: under_way.remove(lookup))
    try:
        return await asyncio.shield(under_way[-1].answer)
    except OSError as exc:
        raise DialFailed(Cause(Layer.DNS, "notFound", _text(exc))) from None


def _look_up(host: str, port: int) -> asyncio.Future[list[AddrInfo]]:
    name = "localhost" if is_localhost(host) else host  # no resolver may say that it is another machine

    def look_up() -> list[AddrInfo]:
        try:
            return cast(list[AddrInfo], socket.getaddrinfo(name, port, type=socket.SOCK_STREAM))
        except UnicodeError as exc:
            raise OSError(f"not a host name: {exc}") from None

    return in_thread(look_up, "resolve")


def _is_refusal(exc: OSError) -> bool:
    """aiohappyeyeballs reports several failed addresses as one error with their texts."""
    return isinstance(exc, ConnectionRefusedError) or "refused" in str(exc).lower()


def _text(exc: OSError) -> str:
    return exc.strerror or str(exc) or type(exc).__name__
