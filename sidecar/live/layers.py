"""A transport on a socket, TLS on that, and TLS inside TLS.

`create_connection(ssl=...)` does the first two at once. But cancelled in the wrong moment it leaves a
handshake behind that goes on for a minute, and there is nobody who could end it. Here what lies below is at
hand at any moment, and is aborted whatever goes wrong.
"""

import asyncio
import socket
import ssl
import sys

_PYTHON = sys.version_info[:3]
_INNER_TLS_FAILS_BADLY = _PYTHON < (3, 11, 8) or (3, 12) <= _PYTHON < (3, 12, 2)
"""There asyncio's TLS calls a function of its own wrongly when TLS inside it fails (CPython gh-113214)."""


class _Waiting(asyncio.Protocol):
    """Reads nothing: the first byte is for the TLS that comes on top."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.pause_reading()


async def transport_on(sock: socket.socket) -> asyncio.Transport:
    """A transport that owns the socket and reads nothing yet. Cancelled, it closes the socket."""
    transport, _ = await asyncio.get_running_loop().create_connection(_Waiting, sock=sock)
    return transport


async def add_tls(
    below: asyncio.Transport, protocol: asyncio.Protocol, tls: ssl.SSLContext, server_name: str
) -> asyncio.Transport:
    """TLS on a transport. `protocol` is not told of its connection; that is left to the caller.

    Raises:
        OSError: the handshake failed; often an `ssl.SSLError`. `below` is aborted then, as when cancelled.
    """
    try:
        loop = asyncio.get_running_loop()
        transport = await loop.start_tls(below, protocol, tls, server_hostname=server_name)
    except BaseException:
        below.abort()
        raise
    assert transport is not None
    if _INNER_TLS_FAILS_BADLY:
        vars(transport)["_force_close"] = lambda _exc: transport.abort()
    return transport
