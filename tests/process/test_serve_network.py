"""TLS and proxies as the whole process does them: what stands nowhere, and what is not even loaded."""

import asyncio
import json
import sys
import threading

import psutil
import pytest

from tests.integration.certificates import Certificates
from tests.integration.proxies import relay, running
from tests.process.host import KEY, Host, Simulator
from tests.program import of_sources

PASSWORD = "canary-proxy-pw-31"
HEAVY = ("truststore", "python_socks", "urllib.request")


@pytest.fixture
def loopback():
    """Runs what is async on a loop of its own, beside the test: `loopback(context_manager)`."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    entered = []

    def enter(manager):
        value = asyncio.run_coroutine_threadsafe(manager.__aenter__(), loop).result(10)
        entered.append(manager)
        return value

    yield enter
    for manager in reversed(entered):
        asyncio.run_coroutine_threadsafe(manager.__aexit__(None, None, None), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


@pytest.fixture
def simulator(tmp_path):
    made = Simulator(tmp_path)
    yield made
    made.stop()


@pytest.mark.parametrize("kind", ["http", "socks5h"])
def test_a_proxys_password_and_a_ca_stand_nowhere_but_on_stdin(spawn, simulator, loopback, kind):
    certificates = Certificates()
    proxy = loopback(running(kind))
    proxy.credentials = f"user:{PASSWORD}"
    port = loopback(relay(int(simulator.url.rsplit(":", 1)[1]), certificates.server()))
    host = Host(spawn)
    host.ask("log/setLevel", level="debug")

    def answer_to_open(session_id):
        endpoint, auth = {"baseUrl": f"wss://localhost:{port}"}, {"type": "apiKey", "apiKey": KEY}
        given = {"sessionId": session_id, "endpoint": endpoint, "auth": auth, "setup": {"model": "models/m"}}
        return host.answer_to(host.start("session/open", **given, **opening))

    opening = {
        "tls": {"caPem": certificates.pem},
        "proxy": {
            "mode": "explicit",
            "url": f"{kind}://127.0.0.1:{proxy.port}",
            "username": "user",
            "password": PASSWORD,
        },
    }
    assert answer_to_open("s1")["result"]["state"] == "connected"
    stats = host.ask("session/stats", sessionId="s1")["session"]
    assert stats["tls"]["version"] == "TLSv1.3"
    assert stats["proxy"] == f"127.0.0.1:{proxy.port}"
    opening["proxy"]["password"] = f"{PASSWORD}-wrong"
    refused = answer_to_open("s2")
    assert refused["error"]["data"]["kind"] == "proxyAuthenticationRequired"
    opening["tls"] = {"caPem": certificates.pem[:200]}
    broken = answer_to_open("s3")
    assert broken["error"]["data"]["kind"] == "invalidParams"
    dump = host.ask("diagnostics/dump")
    process = psutil.Process(host.child.pid)
    outside = [*process.cmdline(), *process.environ().values()]
    host.ask("session/close", sessionId="s1")
    host.child.process.stdin.close()
    host.child.seconds_until_gone()
    host.child.clean_up()

    body = certificates.pem.splitlines()[1]
    told = json.dumps([host.heard, refused, broken, dump, stats])
    assert len(host.child.errors) > 1000, "the log was heard"
    for secret in (PASSWORD, body):
        assert secret not in told
        assert secret not in host.child.errors.decode()
        assert not [text for text in outside if secret in text]


SESSION = """
import asyncio, json, sys
from sidecar.live.auth import ApiKey
from sidecar.live.endpoints import developer
from sidecar.live import proxy
from sidecar.live.tls import Tls
from sidecar.observe.secret import Secret
from sidecar.session import Config, LiveSession

async def main(url, ca, through):
    route = proxy.through(through) if through else proxy.system()
    config = Config(developer(url), ApiKey(Secret("a-key")), {"model": "models/m"}, tls=Tls(ca_file=ca), proxy=route)
    async with LiveSession(config):
        print(json.dumps(sorted(sys.modules)))

asyncio.run(main(*sys.argv[1:]))
"""


@of_sources
@pytest.mark.parametrize(
    ("secure", "kind", "loaded"),
    [(False, "", set()), (True, "", set()), (True, "http", set()), (True, "socks5h", {"python_socks"})],
)
def test_a_library_is_loaded_by_those_only_who_need_it(
    spawn, simulator, loopback, tmp_path, secure, kind, loaded
):
    certificates = Certificates()
    (tmp_path / "ca.pem").write_text(certificates.pem)
    url, through = simulator.url, ""
    if secure:
        port = loopback(relay(int(url.rsplit(":", 1)[1]), certificates.server()))
        url = f"wss://localhost:{port}"
    if kind:
        through = loopback(running(kind)).url()
    child = spawn(
        command=[sys.executable, "-c", SESSION, url, str(tmp_path / "ca.pem"), through]
    ).drain_stderr()
    line = child.hear()
    assert line is not None, child.errors
    modules = set(json.loads(line))
    assert set(HEAVY) & modules == (loaded | {"truststore"} if secure and sys.platform != "linux" else loaded)
