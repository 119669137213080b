"""What docs/network.md shows does what it says."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import msgspec
import pytest

from sidecar.lifecycle.faults import ROWS, Action, Layer
from sidecar.rpc import protocol as p
from sidecar.rpc.stats import session_stats
from sidecar.session import LiveSession
from sidecar.simulator import Simulator
from tests.integration.certificates import Certificates
from tests.integration.proxies import relay, running

PAGE = (Path(__file__).parents[3] / "docs" / "network.md").read_text()
NODE = shutil.which("node")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


async def test_the_python_code_opens_a_session_behind_a_proxy(fast, tmp_path):
    names = {}
    exec(compile("\n".join(blocks("python")), "network.md", "exec"), names)
    certificates = Certificates()
    (tmp_path / "ca.pem").write_text(certificates.pem)
    async with Simulator(fast()) as sim, running("http") as proxy:
        proxy.credentials = "ann:a-password"
        async with relay(int(sim.url.rsplit(":", 1)[1]), certificates.server()) as port:
            config = names["behind_a_company_proxy"](
                f"wss://localhost:{port}", "any-key", str(tmp_path / "ca.pem"), proxy.url(), "a-password"
            )
            async with LiveSession(config) as session:
                assert session.proxy_address == f"127.0.0.1:{proxy.port}"
                shown = json.loads(blocks("json")[1])
                told = msgspec.to_builtins(session_stats("s", session))
                assert set(shown) - set(told) == set()
                assert set(shown["tls"]) == set(told["tls"])


def test_the_params_shown_are_params():
    fields = {field.encode_name: field.type for field in msgspec.structs.fields(p.OpenParams)}
    for block in (blocks("json")[0], blocks("json")[2]):
        ((name, value),) = json.loads(block).items()
        told = msgspec.to_builtins(msgspec.convert(value, fields[name]))
        assert value.items() <= told.items()


@pytest.mark.skipif(NODE is None, reason="no `node` here to run the page's JavaScript with")
@pytest.mark.parametrize(
    ("answer", "proxy"),
    [
        ("DIRECT", {"mode": "off"}),
        ("PROXY proxy.corp:8080; DIRECT", {"mode": "explicit", "url": "http://proxy.corp:8080"}),
        ("HTTPS proxy.corp:8443", {"mode": "explicit", "url": "https://proxy.corp:8443"}),
        ("SOCKS5 10.0.0.1:1080;PROXY x:1", {"mode": "explicit", "url": "socks5h://10.0.0.1:1080"}),
        ("SOCKS old:1080; PROXY x:1; DIRECT", {"mode": "explicit", "url": "http://x:1"}),
        ("QUIC x:1;DIRECT; PROXY x:1", {"mode": "off"}),
    ],
)
def test_the_javascript_translates_what_electron_answers(answer, proxy):
    told = asked_of_electron(answer)
    assert json.loads(told.stdout) == proxy
    msgspec.convert(proxy, p.ProxyChoice)


@pytest.mark.skipif(NODE is None, reason="no `node` here to run the page's JavaScript with")
@pytest.mark.parametrize("answer", ["SOCKS old:1080", "SOCKS4 old:1080; QUIC x:1", ""])
def test_the_javascript_goes_past_no_proxy_that_the_sidecar_cannot_use(answer):
    told = asked_of_electron(answer)
    assert told.stdout == b""
    assert f"none of these proxies: {answer}".encode() in told.stderr


def asked_of_electron(answer):
    (code,) = blocks("js")
    asking = f"const session = {{ resolveProxy: async () => {json.dumps(answer)} }};"
    program = f"{code}\n{asking}\nconsole.log(JSON.stringify(await proxyFor(session)));"
    command = [NODE, "--input-type=module", "-e", program]
    return subprocess.run(command, capture_output=True, timeout=30, check=False)


def test_the_page_lists_the_kinds_that_there_are_and_how_they_end():
    listed = dict(re.findall(r"^\| `(proxy\w+)` \|.*\| (ends|tried again) \|$", PAGE, re.MULTILINE))
    rows = {row.kind: row.action for row in ROWS if row.layer is Layer.PROXY}
    assert listed == {
        kind: "ends" if action is Action.STOP else "tried again" for kind, action in rows.items()
    }
    for kind in (row.kind for row in ROWS if row.kind.startswith(("certificate", "tlsV", "tlsN", "caF"))):
        assert f"`{kind}`" in PAGE
