"""A session through real proxies: CONNECT, CONNECT over TLS, SOCKS5; what they refuse, and what is left of it."""

import asyncio
import logging
from contextlib import asynccontextmanager

import pytest

from sidecar.lifecycle import events as ev
from sidecar.lifecycle.states import State
from sidecar.live import proxy as proxies
from sidecar.live.endpoints import InvalidConfig, developer
from sidecar.live.tls import Tls
from sidecar.observe.redact import redact
from sidecar.observe.secret import Secret
from sidecar.rpc.stats import session_stats
from sidecar.simulator import Simulator
from tests.integration.certificates import Certificates
from tests.integration.proxies import relay, running

PASSWORD = "canary-proxy-pw-77"
KINDS = ["http", "https", "socks5", "socks5h"]


@pytest.fixture(scope="module")
def certificates():
    return Certificates()


@pytest.fixture
def proxied(certificates):
    """`async with proxied(kind) as proxy:` any kind of proxy."""

    @asynccontextmanager
    async def run(kind):
        async with running(kind, certificates.server() if kind == "https" else None) as proxy:
            yield proxy

    return run


@pytest.fixture
def secure(certificates, fast):
    """A simulator, and its port with TLS in front of it."""

    @asynccontextmanager
    async def run():
        async with Simulator(fast()) as sim, relay(port_of(sim), certificates.server()) as port:
            yield sim, port

    return run


def port_of(sim):
    return int(sim.url.rsplit(":", 1)[1])


@pytest.mark.parametrize("credentials", ["", f"user:{PASSWORD}"], ids=["open", "with credentials"])
@pytest.mark.parametrize("pieces", [False, True], ids=["at once", "byte by byte"])
@pytest.mark.parametrize("kind", KINDS)
async def test_speech_arrives_through_a_proxy_and_survives_its_cuts(
    talks, proxied, secure, certificates, kind, pieces, credentials
):
    async with secure() as (sim, port), proxied(kind) as proxy:
        proxy.credentials, proxy.pieces = credentials, pieces
        talk = await talks.open(
            f"wss://localhost:{port}",
            tls=Tls(ca_pem=certificates.pem),
            proxy=proxies.through(proxy.url(credentials=credentials)),
        )
        await talk.say(20)
        proxy.cut()
        await talk.told(ev.Reconnected)
        await talk.say(20)
        await talk.all_heard(sim)
        # Only socks5 has the name looked up here.
        host = "127.0.0.1" if kind == "socks5" else "localhost"
        assert proxy.asked == [f"{host}:{port}"] * 2
        stats = session_stats("s", talk.session)
        assert stats.proxy == f"127.0.0.1:{proxy.port}"
        assert stats.tls.server_name == "localhost"
        assert stats.connections.last.proxy_ms > 0
        assert stats.connections.steps["proxy"].count == 2


@pytest.mark.parametrize("kind", KINDS)
async def test_a_plain_endpoint_on_this_machine_goes_through_a_proxy_on_it(
    talks, proxied, certificates, fast, kind
):
    async with Simulator(fast()) as sim, proxied(kind) as proxy:
        route = proxies.through(proxy.url())
        talk = await talks.open(sim.url, proxy=route, tls=Tls(ca_pem=certificates.pem))
        await talk.say(20)
        await talk.all_heard(sim)
        assert len(proxy.asked) == 1
        assert talk.session.negotiated is None or kind == "https"


def answer(status, *fields):
    return "\r\n".join([f"HTTP/1.1 {status}", *fields, "", ""]).encode()


BASIC = 'Proxy-Authenticate: Basic realm="corp"'


@pytest.mark.parametrize(
    ("kind", "refusal", "fault_kind", "words"),
    [
        ("http", answer("407 Proxy Authentication Required", BASIC), "proxyAuthenticationRequired", "it wants a username and password"),
        ("https", answer("407 Denied", BASIC), "proxyAuthenticationRequired", '407 "Denied"'),
        ("http", answer("407 No", "Proxy-Authenticate: Negotiate", "Proxy-Authenticate: NTLM"), "proxyAuthenticationRequired", "Negotiate, NTLM only"),
        ("http", answer("403 Forbidden"), "proxyRefused", '403 "Forbidden"'),
        ("http", answer("405 Method Not Allowed"), "proxyRefused", "405"),
        ("socks5h", 2, "proxyRefused", "not allowed by ruleset"),
        ("socks5h", 8, "proxyRefused", "Address type"),
        ("socks5h", b"\x05\xff", "proxyAuthenticationRequired", "No acceptable authentication"),
    ],
)  # fmt: skip
async def test_what_a_proxy_will_refuse_again_is_permanent_and_not_the_services(
    talks, refused, proxied, certificates, kind, refusal, fault_kind, words
):
    async with proxied(kind) as proxy:
        proxy.refuse_with = refusal
        talk = talks(
            "wss://service.test", proxy=proxies.through(proxy.url()), tls=Tls(ca_pem=certificates.pem)
        )
        fault = await refused(talk)
        assert (fault.kind, fault.retryable, fault.reached, fault.http_status) == (
            fault_kind,
            False,
            False,
            None,
        )
        assert words in fault.message
        assert f"127.0.0.1:{proxy.port}" in fault.message
        assert proxy.connections == 1


@pytest.mark.parametrize(
    ("kind", "refusal", "fault_kind"),
    [
        ("http", answer("502 Bad Gateway"), "proxyUnavailable"),
        ("http", answer("503 Service Unavailable", "Retry-After: 0"), "proxyUnavailable"),
        ("https", answer("504 Gateway Timeout"), "proxyUnavailable"),
        ("http", answer("429 Slow Down"), "proxyUnavailable"),
        ("socks5h", 1, "proxyUnavailable"),
        ("socks5h", 4, "proxyUnavailable"),
        ("socks5h", 5, "proxyUnavailable"),
        ("http", b"SSH-2.0-OpenSSH_9.2\r\n", "proxyError"),
        ("http", b"HTTP/1.1 200 OK\r\n\r\n\x00", "proxyError"),
        ("http", b"HTTP/1.1 200 OK\r\n", "proxyError"),
        ("http", b"HTTP/1.1 200 OK\r\nX: " + b"x" * 20_000, "proxyError"),
        ("socks5h", b"HTTP/1.1 400 Bad Request\r\n\r\n", "proxyError"),
        ("socks5h", b"", "proxyError"),
    ],
)
async def test_what_a_proxy_may_let_pass_later_is_tried_again_and_does_not_count(
    talks, refused, proxied, certificates, settings, kind, refusal, fault_kind
):
    async with proxied(kind) as proxy:
        proxy.refuse_with = refusal
        talk = talks(
            "wss://service.test",
            proxy=proxies.through(proxy.url()),
            tls=Tls(ca_pem=certificates.pem),
            settings=settings(deadlines={"open_s": 0.3}, reconnect={"max_attempts": 1}),
        )
        fault = await refused(talk)
        assert fault.kind == "openTimeout"
        assert fault_kind in fault.message
        assert proxy.connections > 1


async def test_wrong_credentials_are_permanent_and_stand_nowhere(talks, refused, proxied, caplog):
    caplog.set_level(logging.DEBUG)
    for kind in ("http", "socks5h"):
        async with proxied(kind) as proxy:
            proxy.credentials = "user:another"
            talk = talks(
                "wss://service.test", proxy=proxies.through(proxy.url(credentials=f"user:{PASSWORD}"))
            )
            fault = await refused(talk)
            assert fault.kind == "proxyAuthenticationRequired"
            told = [repr(event) for event in talk.events]
            assert PASSWORD not in "".join([repr(fault), repr(talk.session.config), caplog.text, *told])


async def test_a_proxy_that_repeats_the_credentials_is_cut_short(talks, refused, proxied):
    """What it says goes into errors."""
    async with proxied("http") as proxy:
        route = proxies.through(proxy.url(), username=Secret("user"), password=Secret(PASSWORD))
        basic = route.proxy.basic.reveal()
        proxy.refuse_with = answer(f"403 who is user:{PASSWORD} or {basic}")
        talk = talks("wss://service.test", proxy=route)
        fault = await refused(talk)
        assert "who is user:" in fault.message
        assert PASSWORD not in fault.message
        assert basic not in fault.message
        await talk.session.close()
    assert redact(PASSWORD) == PASSWORD, "nothing is kept after the session"


async def test_a_proxy_that_is_not_there_is_tried_again(talks, refused, settings):
    async with running("http") as proxy:
        port = proxy.port
    talk = talks(
        "wss://service.test",
        proxy=proxies.through(f"http://127.0.0.1:{port}"),
        settings=settings(deadlines={"open_s": 0.3}),
    )
    fault = await refused(talk)
    assert {event.fault.kind for event in talk.of(ev.Failure)} == {"proxyUnreachable", "openTimeout"}
    assert f"127.0.0.1:{port}" in fault.message


async def test_a_proxy_whose_name_is_not_known_is_unreachable_and_the_services_name_is_not_asked(
    talks, refused, settings
):
    talk = talks(
        "wss://service.test",
        proxy=proxies.through("http://proxy.invalid:3128"),
        settings=settings(deadlines={"open_s": 0.2}),
    )
    await refused(talk)
    first = talk.of(ev.Failure)[0].fault
    assert (first.kind, first.retryable) == ("proxyUnreachable", True)
    assert "proxy.invalid:3128" in first.message


@pytest.mark.parametrize("kind", ["http", "https", "socks5h"])
async def test_a_proxy_that_does_not_answer_is_given_up_after_the_dials_deadline(
    talks, refused, proxied, certificates, settings, kind
):
    async with proxied(kind) as proxy:
        proxy.silent = True
        talk = talks(
            "wss://service.test",
            proxy=proxies.through(proxy.url()),
            tls=Tls(ca_pem=certificates.pem),
            settings=settings(deadlines={"dial_s": 0.1, "open_s": 0.5}),
        )
        await refused(talk)
        assert {event.fault.kind for event in talk.of(ev.Failure)} == {"proxyTimeout", "openTimeout"}


@pytest.mark.parametrize("kind", KINDS)
async def test_cancelled_while_the_proxy_thinks_no_socket_is_left(talks, proxied, certificates, kind):
    async with proxied(kind) as proxy:
        proxy.silent = True
        talk = talks("wss://localhost", proxy=proxies.through(proxy.url()), tls=Tls(ca_pem=certificates.pem))
        opening = asyncio.create_task(talk.session.connect())
        async with asyncio.timeout(5):
            await proxy.silenced.wait()
        opening.cancel()
        await talk.session.close()
        async with asyncio.timeout(5):
            await proxy.all_ended(came=1)
        assert talk.session.state is State.DISCONNECTED
        assert proxy.connections == 1


async def test_the_certificate_of_an_https_proxy_is_checked_too(talks, refused, proxied, certificates):
    async with proxied("https") as proxy:
        fault = await refused(talks("wss://service.test", proxy=proxies.through(proxy.url())))
        assert (fault.kind, fault.retryable) == ("proxyCertificateInvalid", False)
        assert f"127.0.0.1:{proxy.port}" in fault.message


@pytest.mark.parametrize("kind", KINDS)
async def test_a_bad_certificate_of_the_service_is_the_services_behind_a_proxy_too(
    talks, refused, proxied, certificates, fast, kind
):
    async with (
        Simulator(fast()) as sim,
        relay(port_of(sim), certificates.server("expired")) as port,
        proxied(kind) as proxy,
    ):
        talk = talks(
            f"wss://localhost:{port}",
            proxy=proxies.through(proxy.url()),
            tls=Tls(ca_pem=certificates.pem),
        )
        fault = await refused(talk)
        assert fault.kind == "certificateExpired"
        async with asyncio.timeout(5):
            await proxy.all_ended(came=1)


async def test_a_proxys_refusal_in_mid_session_ends_it_until_the_network_changes(
    talks, proxied, secure, certificates
):
    async with secure() as (sim, port), proxied("http") as proxy:
        talk = await talks.open(
            f"wss://localhost:{port}", tls=Tls(ca_pem=certificates.pem), proxy=proxies.through(proxy.url())
        )
        proxy.refuse_with = answer("407 Proxy Authentication Required", BASIC)
        await sim.cut()
        await talk.session.reach((State.FAILED,))
        assert talk.of(ev.Failure)[-1].fault.kind == "proxyAuthenticationRequired"
        proxy.refuse_with = None
        talk.session.network_changed(online=True)
        await talk.session.wait_for((State.CONNECTED,), 5)


# --- the system's proxy -----------------------------------------------------------------------------


@pytest.fixture
def named(monkeypatch):
    """`named("service.test")`: this name is this machine, for who looks it up here."""
    import socket

    real = socket.getaddrinfo

    def name(host):
        def look_up(asked, *args, **options):
            return real("127.0.0.1" if asked == host else asked, *args, **options)

        monkeypatch.setattr(socket, "getaddrinfo", look_up)

    return name


async def test_the_systems_proxy_is_asked_for_before_each_connection(
    talks, proxied, secure, certificates, monkeypatch, named
):
    named("service.test")
    async with secure() as (sim, port), proxied("http") as proxy, proxied("socks5h") as other:
        proxy.elsewhere = other.elsewhere = ("127.0.0.1", port)
        monkeypatch.setenv("HTTPS_PROXY", proxy.url())
        tls = Tls(ca_pem=certificates.pem, server_name="localhost")
        talk = await talks.open(f"wss://service.test:{port}", tls=tls)
        monkeypatch.setenv("HTTPS_PROXY", other.url())
        await sim.cut()
        await talk.told(ev.Reconnected)
        monkeypatch.setenv("NO_PROXY", ".test")
        await sim.cut()
        await talk.until(lambda: len(talk.of(ev.Reconnected)) == 2)
        assert proxy.asked == other.asked == [f"service.test:{port}"]
        assert talk.session.proxy_address == ""


async def test_loopback_is_never_reached_through_the_systems_proxy(talks, fast, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    async with Simulator(fast()) as sim:
        talk = await talks.open(sim.url)
        assert talk.session.proxy_address == ""


async def test_off_goes_past_the_systems_proxy(talks, secure, certificates, monkeypatch, named):
    named("service.test")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    async with secure() as (_, port):
        tls = Tls(ca_pem=certificates.pem, server_name="localhost")
        talk = await talks.open(f"wss://service.test:{port}", tls=tls, proxy=proxies.direct())
        assert talk.session.proxy_address == ""


@pytest.mark.parametrize("url", ["socks4://127.0.0.1:1", f"http://user:{PASSWORD}@", "//"])
async def test_a_proxy_of_the_system_that_cannot_be_used_is_told_without_its_url(
    talks, refused, monkeypatch, url
):
    monkeypatch.setenv("HTTPS_PROXY", url)
    fault = await refused(talks("wss://service.test"))
    assert (fault.kind, fault.retryable) == ("proxyUnusable", False)
    assert PASSWORD not in fault.message


async def test_the_credentials_of_the_systems_proxy_are_guarded(talks, refused, proxied, monkeypatch):
    async with proxied("http") as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url(credentials=f"user:{PASSWORD}"))
        proxy.refuse_with = answer(f"403 {PASSWORD}")
        fault = await refused(talks("wss://service.test"))
        assert fault.kind == "proxyRefused"
        assert PASSWORD not in fault.message


# --- what is not done -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "tls"), [("ws://127.0.0.1:9000", Tls()), ("wss://127.0.0.1:9000", Tls(verify=False))]
)
async def test_what_only_this_machine_may_see_goes_through_no_proxy_on_another(talks, url, tls):
    talk = talks(url, proxy=proxies.through("http://proxy.example:3128"), tls=tls)
    with pytest.raises(InvalidConfig, match="proxy must be on this machine"):
        talk.session.start()
    proxies.through("http://proxy.example:3128", no_proxy=["127.0.0.1"]).check(developer(url), verify=False)
