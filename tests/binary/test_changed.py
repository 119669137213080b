"""What an update does to a program that runs, and how it starts where the system speaks in another encoding."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.process.host import Host, Simulator, eventually


@pytest.mark.skipif(sys.platform == "win32", reason="Windows lets nobody remove what runs")
def test_it_serves_on_when_its_folder_is_gone(spawn_binary, copy_to, tmp_path):
    program = copy_to(tmp_path / "app")
    simulator = Simulator(tmp_path)
    host = Host(spawn_binary, serve=(program, "serve", "--log-level", "debug"))
    eventually(lambda: b"all of the program is loaded" in host.child.errors)
    shutil.rmtree(program.parent)

    wrong = host.answer_to(host.start("session/open", sessionId=5))["error"]
    assert wrong["data"]["kind"] == "invalidParams", wrong
    assert host.ask("rpc.discover")["openrpc"]
    odd = host.start(
        "session/open",
        sessionId="odd",
        endpoint={"baseUrl": "https://münchen.invalid"},
        auth={"type": "apiKey", "apiKey": "a-key"},
        setup={"model": "models/m"},
        settings={"deadlines": {"openMs": 500}},
    )
    assert host.answer_to(odd)["error"]["data"]["kind"] == "openTimeout"  # its name was looked up, in vain
    host.open(simulator.url.replace("127.0.0.1", "localhost"))
    host.speak(25)
    simulator.do(do="cut")
    assert host.told("session/reconnected")
    host.ask("session/stats", sessionId="s1")
    host.ask("diagnostics/dump")
    host.ask("session/close", sessionId="s1", drainMs=5000)
    audio = simulator.newest_session()["audio"]
    assert (audio["uniqueMs"], audio["sha256"]) == (500, host.said.hexdigest())
    simulator.stop()


def damage(program, module):
    """Changes a bit of a module; its code, which lies in the program, has the name of its file."""
    content = bytearray(program.read_bytes())
    content[content.index(str(Path(module)).encode())] ^= 1
    program.write_bytes(content)


EARLY = [
    "sidecar/__main__.py",
    "sidecar/whole.py",
    "sidecar/cli.py",
    "sidecar/rpc/server.py",
    "asyncio/base_events.py",
    "msgspec/__init__.py",
]


@pytest.mark.parametrize("module", EARLY)
def test_a_module_that_is_damaged_before_the_start_is_told_with_what_to_do(copy_to, tmp_path, module):
    program = copy_to(tmp_path / "app")
    damage(program, module)
    done = subprocess.run(
        [program, "serve"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "one of its files is damaged" in done.stderr
    assert "Install live-sidecar again" in done.stderr


def test_a_module_that_is_damaged_ends_it_with_what_to_do(copy_to, tmp_path):
    program = copy_to(tmp_path / "app")
    damage(program, "sidecar/rpc/sessions.py")
    hello = b'{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"1","client":{"name":"t","version":"1"}}}\n'
    with subprocess.Popen(
        [program, "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as child:
        child.stdin.write(hello)
        child.stdin.flush()
        assert b'"result"' in child.stdout.readline()
        assert child.wait(20) == 1  # though stdin is open
        assert b"install live-sidecar again" in child.stderr.read()


@pytest.mark.skipif(not shutil.which("localedef"), reason="localedef is not installed")
@pytest.mark.parametrize("encoding", ["EUC-JP", "GBK"])
def test_it_starts_in_a_locale_of_east_asia(folder, tmp_path, encoding):
    language = {"EUC-JP": "ja_JP", "GBK": "zh_CN"}[encoding]
    made = subprocess.run(
        ["localedef", "-i", language, "-f", encoding, tmp_path / f"{language}.{encoding}"],
        capture_output=True,
        check=False,
    )
    if made.returncode > 1:
        pytest.skip("the sources of locales are not installed")
    environment = {"LOCPATH": str(tmp_path), "LC_ALL": f"{language}.{encoding}"}
    done = subprocess.run(
        [folder / "live-sidecar", "--self-check"],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
