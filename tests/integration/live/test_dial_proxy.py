"""The dial through a proxy: its steps, what goes wrong on the way, and nothing left of a cancelled one."""

import asyncio
import contextlib
import socket

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
KINDS = ["http", "https", "socks5", "socks5h"]


@pytest.fixture(scope="module")
def certificates():
    return Certificates()


@pytest.fixture
def proxied(certificates):
    return lambda kind: running(kind, certificates.server() if kind == "https" else None)


def endpoint(port, host="localhost"):
    return Endpoint(f"ws://{host}:{port}/", host, port)


async def connect(target, proxy, certificates, on_step=lambda _step: None):
    async with asyncio.timeout(TIMEOUT_S):
        tls = Tls(ca_pem=certificates.pem).context() if proxy.kind == "https" else None
        return await dial.connect(target, on_step, proxy=parse(proxy.url(), "x"), proxy_tls=tls)


async def as_before(descriptors, before):
    """The proxy, too, has closed its ends."""
    async with asyncio.timeout(TIMEOUT_S):
        while descriptors() != before:  # noqa: ASYNC110 - the loop makes it true
            await asyncio.sleep(0)


@pytest.mark.parametrize("kind", KINDS)
async def test_the_steps_are_told_in_their_order(proxied, certificates, listening, kind):
    steps = []
    target = endpoint(listening().getsockname()[1])
    async with proxied(kind) as proxy:
        carrier = await connect(target, proxy, certificates, steps.append)
        assert steps == ["dialing", "resolved", "tunnelling"]
        if isinstance(carrier, socket.socket):
            assert carrier.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        carrier.close()
        await proxy.all_ended()


@pytest.mark.parametrize("kind", KINDS)
async def test_cancelled_at_any_turn_of_the_loop_no_socket_is_left(
    proxied, certificates, listening, descriptors, kind
):
    target = endpoint(listening(backlog=128).getsockname()[1])
    turns, done = 0, False
    async with proxied(kind) as proxy:
        before = descriptors()
        while not done:
            task = asyncio.create_task(connect(target, proxy, certificates))
            for _ in range(turns):
                await asyncio.sleep(0)
            done = task.done()
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                (await task).close()
            await as_before(descriptors, before)
            turns = max(turns + 1, turns * 9 // 8)
    assert turns > 5


@pytest.mark.parametrize("step", ["dialing", "resolved", "tunnelling"])
async def test_who_is_told_a_step_may_cancel_the_dial_there_and_then(
    proxied, certificates, listening, descriptors, step
):
    async with proxied("http") as proxy:
        before = descriptors()
        target = endpoint(listening().getsockname()[1])
        before = descriptors()
        told = []

        def on_step(now):
            told.append(now)
            if now == step:
                task.cancel()

        task = asyncio.create_task(connect(target, proxy, certificates, on_step))
        with pytest.raises(asyncio.CancelledError):
            await task
        assert told[-1] == step
        await as_before(descriptors, before)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_failed_tunnel_leaves_no_socket(proxied, certificates, listening, descriptors, kind):
    async with proxied(kind) as proxy:
        before = descriptors()
        proxy.refuse_with = 2 if kind.startswith("socks") else b"HTTP/1.1 403 No\r\n\r\n"
        with pytest.raises(DialFailed) as failed:
            await connect(endpoint(9), proxy, certificates)
        assert failed.value.cause.layer is Layer.PROXY
        await as_before(descriptors, before)


async def test_a_name_that_only_we_could_look_up_and_that_is_not_there_is_no_fault_of_the_proxy(
    proxied, certificates
):
    async with proxied("socks5") as proxy:
        with pytest.raises(DialFailed) as failed:
            await connect(endpoint(9, "nowhere.invalid"), proxy, certificates)
        assert failed.value.cause.layer is Layer.DNS
        assert proxy.connections == 0


@pytest.mark.parametrize("kind", ["http", "socks5h"])
@pytest.mark.parametrize("host", ["a b", "x\r\nX-Evil: 1", "ä" * 70 + ".test"])
async def test_a_host_that_is_none_is_not_written_to_a_proxy(proxied, certificates, kind, host):
    async with proxied(kind) as proxy:
        with pytest.raises(DialFailed) as failed:
            await connect(endpoint(9, host), proxy, certificates)
        assert failed.value.cause.code == "invalid"
        assert proxy.connections == 0


async def test_a_name_with_other_letters_is_asked_for_in_its_xn_form(proxied, certificates):
    async with proxied("http") as proxy:
        proxy.refuse_with = b"HTTP/1.1 403 No\r\n\r\n"
        with pytest.raises(DialFailed):
            await connect(endpoint(443, "bücher.test"), proxy, certificates)
        assert proxy.heads[0].startswith(
            b"CONNECT xn--bcher-kva.test:443 HTTP/1.1\r\nHost: xn--bcher-kva.test:443\r\n"
        )


async def test_an_ipv6_address_is_asked_for_in_brackets(proxied, certificates):
    async with proxied("http") as proxy:
        proxy.refuse_with = b"HTTP/1.1 403 No\r\n\r\n"
        with pytest.raises(DialFailed):
            await connect(endpoint(443, "2001:db8::1"), proxy, certificates)
        assert proxy.heads[0].startswith(b"CONNECT [2001:db8::1]:443 HTTP/1.1\r\n")


async def test_with_socks5_an_ipv4_address_goes_first(proxied, certificates, listening, monkeypatch):
    server = listening()
    real = socket.getaddrinfo

    def both(host, port, *args, **options):
        if host != "service.test":
            return real(host, port, *args, **options)
        return [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", port, 0, 0)),
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)),
        ]

    monkeypatch.setattr(socket, "getaddrinfo", both)
    port = server.getsockname()[1]
    async with proxied("socks5") as proxy:
        (await connect(endpoint(port, "service.test"), proxy, certificates)).close()
        assert proxy.asked == [f"127.0.0.1:{port}"]
