"""Through a proxy: the handshake on a connection to it, after which its bytes are those of the service.

CONNECT is spoken here, as `python-socks` reads an answer with one `recv` and takes what is missing for the
service's bytes; SOCKS5 is left to it. It gets the connection as that of a proxy before it, so dialling, name
resolution and cancelling stay with `live/dial.py`.
"""

import asyncio
import re
import socket
import ssl
from typing import Any, NamedTuple, NoReturn, cast

from sidecar.lifecycle.faults import OTHER_METHODS, WRONG_CREDENTIALS, Cause, Layer
from sidecar.live.failure import DialFailed
from sidecar.live.handshake import tls_failed
from sidecar.live.layers import add_tls, transport_on
from sidecar.live.proxy import Proxy, join
from sidecar.observe.redact import redact, redact_cut

MAX_HEAD_BYTES = 16 * 1024
"""Of a proxy's answer to CONNECT."""
MAX_RETRY_AFTER_S = 86_400.0
MAX_TIME_S = 86_400.0
"""Of a SOCKS5 handshake: the deadlines are the caller's, and the library wants to have one."""
MAX_REASON_CHARS = 123
"""Of the proxy's own words; as much as a close frame has room for."""

_STATUS_LINE = re.compile(r"HTTP/1\.[01] ([1-5][0-9]{2})(?: (.*))?")
_NOT_PRINTED = re.compile(r"[^\x20-\x7e]")
_NAME = re.compile(r"[\x21-\x7e]+")

SOCKS_REPLIES: dict[int, str] = {
    2: "notAllowed",  # connection not allowed by ruleset
    7: "notAllowed",  # command not supported
    8: "notAllowed",  # address type not supported
}
"""Replies of RFC 1928 section 6 that stay the same if asked again; the others speak of the way beyond."""
SOCKS_AUTH = ("authentication failure", "No acceptable authentication", "Unexpected SOCKS authentication")
"""How `python-socks` says that the proxy did not like who asked; such an answer has no number."""


class OverTls(NamedTuple):
    """A way through an https proxy: it lies inside the TLS to that proxy.

    Attributes:
        transport: takes what is for the service.
        below: the TCP connection.
    """

    transport: asyncio.Transport
    below: asyncio.Transport

    def close(self) -> None:
        self.below.abort()  # a close of what is above would wait for the proxy's


class Target(NamedTuple):
    """The service as a proxy is told of it: an address, or a name that the proxy looks up, in ASCII."""

    host: str
    port: int

    def __str__(self) -> str:
        return join(self.host, self.port)


def target_of(host: str, port: int, proxy: Proxy) -> Target:
    """
    Raises:
        DialFailed: the host cannot be written to a proxy.
    """
    try:
        name = host if ":" in host else host.encode("idna").decode()
    except UnicodeError:
        name = ""
    if not _NAME.fullmatch(name):
        _fail(proxy, "invalid", "the endpoint's host is no name that a proxy could be asked for")
    return Target(name, port)


Carrier = socket.socket | OverTls
"""What a line stands on."""


async def open_tunnel(
    sock: socket.socket, proxy: Proxy, target: Target, proxy_tls: ssl.SSLContext | None
) -> Carrier:
    """A way to `target` on a non-blocking socket that is connected to the proxy.

    Whatever goes wrong, cancelling included, the socket is closed then.

    Args:
        proxy_tls: for the TLS with an https proxy.

    Raises:
        DialFailed: the proxy refused, or is none.
    """
    try:
        if proxy.scheme == "https":
            assert proxy_tls is not None
            return await _connect_over_tls(await transport_on(sock), proxy, target, proxy_tls)
        try:
            if proxy.scheme in ("socks5", "socks5h"):
                await _socks5(sock, proxy, target)
            else:
                await _connect(sock, proxy, target)
        except BaseException:
            sock.close()
            raise
        return sock
    except OSError as exc:
        _fail(proxy, "dropped", f"the connection ended: {exc.strerror or type(exc).__name__}")


def _fail(proxy: Proxy, code: int | str, text: str, retry_after_s: float | None = None) -> NoReturn:
    raise DialFailed(Cause(Layer.PROXY, code, redact(f"{proxy.address}: {text}"), retry_after_s)) from None


# --- CONNECT (RFC 9110 section 9.3.6) ---------------------------------------------------------------


async def _connect(sock: socket.socket, proxy: Proxy, target: Target) -> None:
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(sock, _request(proxy, target))
    answer = Answer()
    while not answer.whole:
        data = await loop.sock_recv(sock, MAX_HEAD_BYTES)
        if not data:
            _fail(proxy, "dropped", "the connection ended without an answer to CONNECT")
        answer.feed(data)
    answer.check(proxy)


async def _connect_over_tls(
    below: asyncio.Transport, proxy: Proxy, target: Target, tls: ssl.SSLContext
) -> OverTls:
    listener = _Listener(asyncio.get_running_loop())
    try:
        transport = await add_tls(below, listener, tls, proxy.host)
    except ssl.SSLError as exc:
        code = "certificate" if isinstance(exc, ssl.SSLCertVerificationError) else "invalid"
        raise DialFailed(tls_failed(exc, proxy.address)._replace(layer=Layer.PROXY, code=code)) from None
    try:
        transport.write(_request(proxy, target))
        await listener.done
        if not listener.answer.whole:
            _fail(proxy, "dropped", "the connection ended without an answer to CONNECT")
        listener.answer.check(proxy)
    except BaseException:
        below.abort()
        raise
    return OverTls(transport, below)


def _request(proxy: Proxy, target: Target) -> bytes:
    lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
    basic = proxy.basic
    if basic is not None:
        lines.append(f"Proxy-Authorization: Basic {basic.reveal()}")
    return "\r\n".join([*lines, "", ""]).encode("ascii")


class _Listener(asyncio.Protocol):
    """Waits for the answer on a transport."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.answer = Answer()
        self.done: asyncio.Future[None] = loop.create_future()

    def data_received(self, data: bytes) -> None:
        self.answer.feed(data)
        if self.answer.whole:
            self._settle()

    def connection_lost(self, exc: Exception | None) -> None:
        self._settle()

    def _settle(self) -> None:
        if not self.done.done():
            self.done.set_result(None)


class Answer:
    """A proxy's answer to CONNECT, as it comes in. Its head is all that counts."""

    def __init__(self) -> None:
        self._data = b""
        self.whole = False
        """There is nothing more to wait for."""

    def feed(self, data: bytes) -> None:
        self._data += data
        speaks_http = self._data.startswith(b"HTTP/"[: len(self._data)])
        self.whole = b"\r\n\r\n" in self._data or len(self._data) > MAX_HEAD_BYTES or not speaks_http

    def check(self, proxy: Proxy) -> None:
        """
        Raises:
            DialFailed: it is anything but a 2xx.
        """
        head, end, rest = self._data.partition(b"\r\n\r\n")
        status, *fields = head.decode("latin-1").split("\r\n")
        match = _STATUS_LINE.fullmatch(status)
        if match is None or not end:
            _fail(proxy, "invalid", "what answers there is no HTTP proxy")
        if match[1].startswith("2"):
            if rest:  # nobody speaks before we do
                _fail(proxy, "invalid", "bytes came with the answer to CONNECT that nobody can have sent")
            return
        named = [(name.strip().lower(), value.strip()) for name, _, value in map(_split, fields)]
        reason = _NOT_PRINTED.sub("?", redact_cut((match[2] or "").strip()))[:MAX_REASON_CHARS]
        text = f'the answer to CONNECT was {match[1]} "{reason}"'
        if match[1] == "407":
            text += _credentials_wanted(
                proxy, [value for name, value in named if name == "proxy-authenticate"]
            )
        after = next((value for name, value in named if name == "retry-after"), "")
        seconds = min(float(after), MAX_RETRY_AFTER_S) if re.fullmatch("[0-9]{1,9}", after) else None
        _fail(proxy, int(match[1]), text, seconds)


def _split(field: str) -> tuple[str, str, str]:
    return field.partition(":")


def _credentials_wanted(proxy: Proxy, challenges: list[str]) -> str:
    schemes = [scheme for text in challenges for scheme in _SCHEME.findall(_QUOTED.sub('""', text))]
    if schemes and "basic" not in map(str.lower, schemes):
        return f"; it takes {', '.join(schemes[:_MAX_SCHEMES])} only, {OTHER_METHODS}; Basic is"
    return f"; {WRONG_CREDENTIALS}" if proxy.username else "; it wants a username and password"


_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_SCHEME = re.compile(r"(?:^|,)[ \t]*([A-Za-z][A-Za-z0-9-]{0,19})(?=[ \t]*(?:,|$)|[ \t]+[^=,\s])")
"""An authentication scheme; one field may list several, each with parameters (RFC 9110 section 11.6.1)."""
_MAX_SCHEMES = 5
"""So many are told."""


# --- SOCKS5 (RFC 1928, RFC 1929) --------------------------------------------------------------------


class _Connected:
    """The connection to the proxy, as `python-socks` asks a proxy before it for one."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    async def connect(self, **_where: Any) -> socket.socket:
        return self._sock


async def _socks5(sock: socket.socket, proxy: Proxy, target: Target) -> None:
    from python_socks import ProxyError, ProxyType
    from python_socks.async_.asyncio import Proxy as Socks

    socks = Socks(
        ProxyType.SOCKS5,
        proxy.host,
        proxy.port,
        username=proxy.username.reveal() if proxy.username is not None else None,
        password=proxy.password.reveal() if proxy.password is not None else None,
        rdns=True,
        forward=cast(Socks, _Connected(sock)),
    )
    try:
        await socks.connect(target.host, target.port, timeout=MAX_TIME_S)
    except ProxyError as exc:
        code = _socks_code(exc)
        _fail(
            proxy, code, f"SOCKS5: {exc}{_socks_wants(proxy, str(exc)) if code == 'authentication' else ''}"
        )


def _socks_wants(proxy: Proxy, text: str) -> str:
    if proxy.username is None:
        return "; it wants a username and password"
    return f"; {WRONG_CREDENTIALS if 'failure' in text else OTHER_METHODS}"


def _socks_code(exc: Any) -> str:
    if exc.error_code is not None:
        return SOCKS_REPLIES.get(int(exc.error_code), "noWay")
    text = str(exc)
    if any(words in text for words in SOCKS_AUTH):
        return "authentication"
    return "dropped" if "closed" in text else "invalid"
