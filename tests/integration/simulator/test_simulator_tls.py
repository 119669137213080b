"""wss: its own authority, certificates that must be refused, and what does not change."""

import asyncio
import ssl
import sys
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosedError, InvalidStatus

from sidecar.simulator import Script, Simulator
from sidecar.simulator.tls import CertificateKind, TlsUnavailable, make_tls


def trusting(sim: Simulator) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=sim.ca_path)


async def test_a_client_that_trusts_the_authority_gets_in_and_the_file_goes_with_the_simulator(
    dial: Any, speech: Any
) -> None:
    async with Simulator(tls="trusted") as sim:
        assert sim.url.startswith("wss://127.0.0.1:")
        assert sim.ca_path is not None
        client = await dial(sim, tls=trusting(sim))
        await client.set_up()
        await client.send_audio(*speech(5))
        await client.confirm()
        assert sim.sessions[0].audio.unique_ms == 100
        assert client.socket.transport.get_extra_info("ssl_object").version() == "TLSv1.3"
        ca_path = sim.ca_path
    with pytest.raises(FileNotFoundError):
        ssl.create_default_context(cafile=ca_path)


async def test_the_authority_is_not_trusted_by_anybody_else(dial: Any) -> None:
    async with Simulator(tls="trusted") as sim:
        with pytest.raises(ssl.SSLCertVerificationError, match="unable to get local issuer certificate"):
            await dial(sim, tls=ssl.create_default_context())


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("expired", "certificate has expired"),
        ("wrongHost", "IP address mismatch"),
        ("selfSigned", "self-signed certificate"),
    ],
)
async def test_bad_certificates_are_bad_in_their_own_way(dial: Any, kind: CertificateKind, text: str) -> None:
    async with Simulator(tls=kind) as sim:
        with pytest.raises(ssl.SSLCertVerificationError, match=text):
            await dial(sim, tls=trusting(sim))
        assert sim.connections == []


async def test_an_old_version_of_tls_can_be_all_there_is(dial: Any) -> None:
    async with Simulator(tls="trusted", tls_max_version="1.2") as sim:
        client = await dial(sim, tls=trusting(sim))
        assert client.socket.transport.get_extra_info("ssl_object").version() == "TLSv1.2"
        strict = trusting(sim)
        strict.minimum_version = ssl.TLSVersion.TLSv1_3
        with pytest.raises((ssl.SSLError, ConnectionResetError)):
            await dial(sim, tls=strict)


async def test_faults_are_the_same_over_tls(dial: Any, speech: Any) -> None:
    async with Simulator(Script(turns=[], owner_grace_ms=0), tls="trusted") as sim:
        client = await dial(sim, tls=trusting(sim))
        await client.set_up()
        assert await sim.cut() == 1
        with pytest.raises(ConnectionClosedError) as caught:
            await client.receive()
        assert isinstance(caught.value.__cause__, ConnectionResetError)
        client = await dial(sim, tls=trusting(sim))
        await client.resume(client.handle or sim.sessions_book.issue_handle(sim.sessions[0]))
        await sim.freeze(0.2)
        await client.send_audio(*speech(5))
        pong = await client.socket.ping()
        assert await client.closed() == (1006, "")
        assert not pong.done() or pong.exception() is not None
        assert sim.sessions[0].audio.unique_ms == 0
        await sim.refuse(503)
        with pytest.raises(InvalidStatus):
            await dial(sim, tls=trusting(sim))
        await sim.unreachable(0.3)
        with pytest.raises(ConnectionRefusedError):
            await dial(sim, tls=trusting(sim))


async def test_clients_in_the_middle_of_it_do_not_hold_the_end(dial: Any) -> None:
    async with Simulator(tls="trusted") as sim:
        client = await dial(sim, tls=trusting(sim))
        await client.set_up()
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", int(sim.url.rpartition(":")[2]), ssl=trusting(sim)
        )
        stops_s = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - stops_s < 0.9
    assert await client.closed() == (1001, "")
    with pytest.raises(ConnectionResetError):
        await reader.read()
    writer.close()


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "trustme", None)
    with pytest.raises(TlsUnavailable, match=r"pip install trustme .*live-sidecar\[simulator\]"):
        make_tls("trusted", "127.0.0.1")


def test_another_kind_or_version_is_named() -> None:
    with pytest.raises(ValueError, match="'pinned' is no kind of certificate"):
        make_tls("pinned", "127.0.0.1")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"TLS '1\.1' is not offered"):
        make_tls("trusted", "127.0.0.1", max_version="1.1")
