"""TLS on a connection that was dialled: cancelled or failed at any moment, nothing is left of it."""

import asyncio
import contextlib
import socket
import ssl

import pytest

from sidecar.lifecycle.faults import Layer
from sidecar.live import dial
from sidecar.live.endpoints import Endpoint
from sidecar.live.failure import DialFailed
from sidecar.live.proxy import parse
from sidecar.live.tls import Tls
from tests.integration.certificates import Certificates
from tests.integration.proxies import running

TIMEOUT_S = 5.0


@pytest.fixture(scope="module")
def certificates():
    return Certificates()


async def ended(peer):
    """Whether the other side closed; whatever it sent before is read."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(TIMEOUT_S):
        with contextlib.suppress(ConnectionResetError):
            while await loop.sock_recv(peer, 65536):
                pass
    return True


async def connected(server):
    """Both ends of a connection."""
    loop = asyncio.get_running_loop()
    sock = socket.socket()
    sock.setblocking(False)
    server.setblocking(False)
    await loop.sock_connect(sock, server.getsockname())
    peer, _ = await loop.sock_accept(server)
    peer.setblocking(False)
    return sock, peer


@pytest.mark.parametrize("turns", range(1, 12))
async def test_cancelled_at_any_turn_of_a_handshake_that_hangs_the_socket_is_closed(
    listening, certificates, turns
):
    sock, peer = await connected(listening())
    context = Tls(ca_pem=certificates.pem).context()
    task = asyncio.create_task(dial.attach(asyncio.Protocol(), sock, context, "localhost"))
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await ended(peer)
    assert sock.fileno() == -1
    peer.close()


@pytest.mark.parametrize("turns", range(1, 12))
async def test_cancelled_in_a_handshake_inside_that_of_an_https_proxy_the_proxy_is_left_at_once(
    listening, certificates, turns
):
    port = listening().getsockname()[1]
    context = Tls(ca_pem=certificates.pem).context()
    async with running("https", certificates.server()) as proxy:
        target = Endpoint(f"wss://localhost:{port}/", "localhost", port)
        carrier = await dial.connect(target, proxy=parse(proxy.url(), "x"), proxy_tls=context)
        sock = carrier.below.get_extra_info("socket")
        task = asyncio.create_task(dial.attach(asyncio.Protocol(), carrier, context, "localhost"))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(0)
        assert sock.fileno() == -1, "the proxy, which may hang too, is not waited for"
        async with asyncio.timeout(TIMEOUT_S):
            await proxy.all_ended(came=1)


async def test_what_came_before_the_handshake_is_not_lost(listening, certificates):
    """Else a server that speaks first, in plain text, would look like one that hangs."""
    sock, peer = await connected(listening())
    peer.send(b"SSH-2.0-OpenSSH_9.2\r\n")
    await asyncio.sleep(0)
    with pytest.raises(DialFailed) as failed:
        async with asyncio.timeout(TIMEOUT_S):
            await dial.attach(asyncio.Protocol(), sock, Tls(ca_pem=certificates.pem).context(), "localhost")
    assert failed.value.cause.code == "notTls"
    assert await ended(peer)
    peer.close()


async def test_hundreds_share_a_context_and_none_reads_the_store_again(certificates, monkeypatch):
    made = []
    real = ssl.SSLContext.set_default_verify_paths
    monkeypatch.setattr(
        ssl.SSLContext, "set_default_verify_paths", lambda context: made.append(context) or real(context)
    )
    contexts = {id(Tls(ca_pem=certificates.pem).context()) for _ in range(300)}
    for context in [Tls(ca_pem=certificates.pem).context()] * 5:
        context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="x.test")
    assert len(contexts) == 1
    assert len(made) <= 1


@pytest.mark.parametrize("name", ["a..b", "x" * 64, ".example"])
async def test_a_name_that_cannot_be_asked_for_is_a_failure_of_tls_and_nothing_is_left(
    listening, certificates, name
):
    """The settings refuse such a name; whoever comes here with one gets no defect for it."""
    sock, peer = await connected(listening())
    with pytest.raises(DialFailed) as failed:
        async with asyncio.timeout(TIMEOUT_S):
            await dial.attach(asyncio.Protocol(), sock, Tls(ca_pem=certificates.pem).context(), name)
    assert failed.value.cause[:2] == (Layer.TLS, "error")
    assert await ended(peer)
    assert sock.fileno() == -1
    peer.close()
