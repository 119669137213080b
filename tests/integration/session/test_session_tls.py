"""A session over TLS: what is trusted, which check failed, and what was negotiated."""

import asyncio
import socket
import ssl
import time

import pytest

from sidecar.lifecycle import events as ev
from sidecar.lifecycle.states import State
from sidecar.live.tls import Tls
from sidecar.rpc.stats import session_stats
from sidecar.simulator import Simulator
from tests.integration.certificates import Certificates
from tests.integration.proxies import relay


@pytest.fixture(scope="module")
def certificates():
    return Certificates()


@pytest.fixture
def listener(tcp):
    """`async with listener(context) as (url, received):` a TLS server that only notes what it reads."""
    from contextlib import asynccontextmanager

    @asynccontextmanager
    async def run(context):
        received = []

        async def handler(reader, writer):
            received.append(await reader.read(100))
            writer.close()

        async with tcp(handler, ssl=context) as port:
            yield f"wss://127.0.0.1:{port}", received

    return run


@pytest.mark.parametrize(
    ("kind", "fault_kind", "words"),
    [
        ("expired", "certificateExpired", "127.0.0.1: the certificate has expired"),
        ("notYetValid", "certificateNotYetValid", "is not valid yet"),
        ("wrongHost", "certificateHostMismatch", "not valid for '127.0.0.1'"),
        ("selfSigned", "certificateSelfSigned", "signed by nobody but itself"),
        ("otherCa", "certificateUntrusted", "whom this system does not trust"),
    ],
)
async def test_a_bad_certificate_is_permanent_says_which_check_failed_and_sees_no_byte_of_the_request(
    talks, refused, listener, certificates, kind, fault_kind, words
):
    async with listener(certificates.server(kind)) as (url, received):
        talk = talks(url, tls=Tls(ca_pem=certificates.pem))
        fault = await refused(talk)
    assert (fault.kind, fault.retryable, fault.action.value, fault.reached) == (
        fault_kind,
        False,
        "stop",
        False,
    )
    assert words in fault.message
    assert fault.remediation
    assert received == []
    assert len(talk.of(ev.Failure)) == 1
    assert talk.session.core.stats.attempts == 1


@pytest.mark.parametrize("kind", ["expired", "wrongHost", "selfSigned"])
async def test_without_verification_a_bad_certificate_does_on_this_machine(talks, certificates, fast, kind):
    async with Simulator(fast()) as sim, relay(port_of(sim), certificates.server(kind)) as port:
        talk = await talks.open(f"wss://127.0.0.1:{port}", tls=Tls(verify=False))
        assert talk.session.negotiated.verified is False
        assert talk.session.negotiated.certificate_expires_at is not None


async def test_a_session_over_tls_works_survives_a_cut_and_tells_what_was_negotiated(
    talks, certificates, fast, tmp_path
):
    ca = tmp_path / "ca.pem"
    ca.write_text(certificates.pem)
    async with Simulator(fast()) as sim, relay(port_of(sim), certificates.server()) as port:
        talk = await talks.open(f"wss://localhost:{port}", tls=Tls(ca_file=str(ca)))
        await talk.say(30)
        await sim.cut()
        await talk.say(60)
        await talk.all_heard(sim)
        tls = session_stats("s", talk.session).tls
        assert tls.version == "TLSv1.3"
        assert tls.cipher.startswith("TLS_")
        assert (tls.server_name, tls.verified) == ("localhost", True)
        assert tls.certificate_expires_at > time.time() * 1000
        await talk.session.close()
        assert talk.session.connections == 2
        assert talk.session.negotiated is None


async def test_without_tls_there_is_nothing_negotiated(talks, fast):
    async with Simulator(fast()) as sim:
        talk = await talks.open(sim.url)
        assert talk.session.negotiated is None
        stats = session_stats("s", talk.session)
        assert not stats.tls
        assert not stats.proxy


async def test_the_system_store_is_where_ssl_cert_file_says(talks, certificates, fast, tmp_path, monkeypatch):
    ca = tmp_path / "system.pem"
    ca.write_text(certificates.pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(ca))
    async with Simulator(fast()) as sim, relay(port_of(sim), certificates.server()) as port:
        talk = await talks.open(f"wss://127.0.0.1:{port}")
        assert talk.session.negotiated.verified


async def test_truststore_where_the_system_judges_itself_works_with_a_session(
    talks, certificates, fast, monkeypatch
):
    """On Linux `truststore` asks OpenSSL, so this is the way of Windows and macOS without their judgement."""
    from sidecar.live import tls

    real = tls._system_context
    monkeypatch.setattr(tls, "_system_context", lambda _platform: real("win32"))
    tls._context.cache_clear()
    try:
        async with Simulator(fast()) as sim, relay(port_of(sim), certificates.server()) as port:
            talk = await talks.open(f"wss://127.0.0.1:{port}", tls=Tls(ca_pem=certificates.pem))
            assert talk.session.negotiated.verified
            await talk.say(10)
            await talk.all_heard(sim)
            untrusting = talks(f"wss://127.0.0.1:{port}")
            with pytest.raises(Exception, match="untrusted"):
                await untrusting.session.connect()
    finally:
        tls._context.cache_clear()


async def test_a_server_name_of_our_own_is_asked_for_and_checked(talks, refused, certificates, fast):
    names = []
    context = certificates.server("wrongHost")
    context.sni_callback = lambda _sock, name, _context: names.append(name)
    async with Simulator(fast()) as sim, relay(port_of(sim), context) as port:
        url = f"wss://127.0.0.1:{port}"
        talk = await talks.open(url, tls=Tls(ca_pem=certificates.pem, server_name="elsewhere.test"))
        assert talk.session.negotiated.server_name == "elsewhere.test"
        fault = await refused(talks(url, tls=Tls(ca_pem=certificates.pem, server_name="nowhere.test")))
        assert (fault.kind, names) == ("certificateHostMismatch", ["elsewhere.test", "nowhere.test"])


async def test_a_server_that_is_too_old_is_told_apart(talks, refused, certificates, listening_socket):
    old = certificates.server(newest=ssl.TLSVersion.TLSv1_2)

    def answer():  # asyncio's own server hangs up before its alert is out
        peer, _ = listening_socket.accept()
        with peer, pytest.raises(ssl.SSLError):
            old.wrap_socket(peer, server_side=True)

    answering = asyncio.create_task(asyncio.to_thread(answer))
    url = f"wss://127.0.0.1:{listening_socket.getsockname()[1]}"
    fault = await refused(talks(url, tls=Tls(ca_pem=certificates.pem, min_version="1.3")))
    await answering
    assert (fault.kind, fault.retryable) == ("tlsVersionUnsupported", False)


async def test_tls_1_2_does_by_default(talks, certificates, fast):
    old = certificates.server(newest=ssl.TLSVersion.TLSv1_2)
    async with Simulator(fast()) as sim, relay(port_of(sim), old) as port:
        talk = await talks.open(f"wss://127.0.0.1:{port}", tls=Tls(ca_pem=certificates.pem))
        assert talk.session.negotiated.version == "TLSv1.2"


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"SSH-2.0-OpenSSH_9.2p1\r\n"])
async def test_what_speaks_no_tls_is_told_apart_and_tried_again(talks, tcp, answer):
    async def handler(reader, writer):
        await reader.read(100)
        writer.write(answer)

    async with tcp(handler) as port:
        talk = talks(f"wss://127.0.0.1:{port}")
        talk.session.start()
        await talk.until(lambda: len(talk.of(ev.Failure)) == 2)
        assert {event.fault.kind for event in talk.of(ev.Failure)} == {"tlsNotSpoken"}


async def test_a_server_that_hangs_up_in_the_handshake_is_a_tls_error_and_tried_again(talks, tcp):
    async def handler(reader, writer):
        await reader.read(100)
        writer.transport.abort()

    async with tcp(handler) as port:
        talk = talks(f"wss://127.0.0.1:{port}")
        talk.session.start()
        await talk.until(lambda: len(talk.of(ev.Failure)) == 2)
        assert {event.fault.kind for event in talk.of(ev.Failure)} == {"tlsError"}


async def test_a_certificate_that_turns_bad_ends_a_session_until_the_network_changes(
    talks, certificates, fast
):
    """A captive portal, and the sign-in that ends it."""
    async with Simulator(fast()) as sim:
        async with relay(port_of(sim), certificates.server()) as port:
            talk = await talks.open(f"wss://127.0.0.1:{port}", tls=Tls(ca_pem=certificates.pem))
        async with relay(9, certificates.server("otherCa"), listen_on=port):
            await talk.session.reach((State.FAILED,))
            assert talk.session.core.fault.kind == "certificateUntrusted"
            attempts = talk.session.core.stats.attempts
        async with relay(port_of(sim), certificates.server(), listen_on=port):
            talk.session.network_changed(online=True)
            await talk.session.wait_for((State.CONNECTED,), 5)
            assert talk.session.core.stats.attempts == attempts + 1


async def test_a_ca_file_that_is_replaced_is_read_again_and_one_that_is_gone_is_told(
    talks, certificates, fast, tmp_path, settings
):
    ca = tmp_path / "ca.pem"
    ca.write_text(Certificates().pem)
    async with Simulator(fast()) as sim, relay(port_of(sim), certificates.server()) as port:
        first = talks(f"wss://127.0.0.1:{port}", tls=Tls(ca_file=str(ca)))
        with pytest.raises(Exception, match="untrusted"):
            await first.session.connect()
        ca.write_text(certificates.pem)
        talk = await talks.open(f"wss://127.0.0.1:{port}", tls=Tls(ca_file=str(ca)))
        ca.unlink()
        await sim.cut()
        failure = await talk.told(ev.Failure, lambda e: e.fault.kind == "caFileUnusable")
        assert str(ca) in failure.fault.message
        assert failure.fault.retryable
        ca.write_text(certificates.pem)
        talk.session.reconnect()
        await talk.session.wait_for((State.CONNECTED,), 5)


async def test_cancelled_in_the_tls_handshake_no_socket_is_left(talks, listening_socket):
    talk = talks(f"wss://127.0.0.1:{listening_socket.getsockname()[1]}")
    opening = asyncio.create_task(talk.session.connect())
    loop = asyncio.get_running_loop()
    listening_socket.setblocking(False)
    peer, _ = await loop.sock_accept(listening_socket)
    assert await loop.sock_recv(peer, 5), "the ClientHello"
    opening.cancel()
    await talk.session.close()
    assert await _ends(loop, peer)
    peer.close()


@pytest.fixture
def listening_socket():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


async def _ends(loop, peer):
    peer.setblocking(False)
    try:
        while await loop.sock_recv(peer, 65536):
            pass
    except ConnectionResetError:
        pass
    return True


def port_of(sim):
    return int(sim.url.rsplit(":", 1)[1])
