"""The program for Windows as a host on Linux sees it, through pipes."""

import json
import re
import shutil
import signal

from sidecar import __version__
from tests.process.host import SERVE, WAIT_S, Host, eventually
from tests.wine.windows import EXE, FOLDER, left, run

INITIALIZE = b'{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"1","client":{"name":"t","version":"1"}}}'
PING = b'{"jsonrpc":"2.0","id":1,"method":"ping"}'
PROMPT_S = 1.0


def test_the_handshake_says_what_it_runs_on(spawn):
    child = spawn(command=SERVE)
    child.say(INITIALIZE)
    sidecar = json.loads(child.hear())["result"]["sidecar"]

    assert (sidecar["version"], sidecar["platform"]) == (__version__, "win32-amd64")


def test_a_session_with_sound_both_ways_survives_a_cut(host, sim):
    """The simulator is a Linux process: the socket between them is a real one."""
    host.open(sim.url)
    host.speak(25)
    host.ask("session/send", sessionId="s1", realtimeInput={"text": "Tell me."})
    sound = host.told("session/message")["message"]
    while "modelTurn" not in sound.get("serverContent", {}):
        host._hear()
        sound = host.heard[-1]["params"].get("message", {})
    [part] = sound["serverContent"]["modelTurn"]["parts"]
    assert part["inlineData"]["mimeType"].startswith("audio/pcm")

    sim.do(do="cut")
    assert host.told("session/reconnected")["stateRestored"] == "resumed"
    host.speak(25)
    queue = host.ask("session/close", sessionId="s1", drainMs=5000)["queue"]
    audio = sim.newest_session()["audio"]
    assert queue["confirmedMs"] == audio["uniqueMs"] == 1000
    assert audio["sha256"] == host.said.hexdigest()
    assert "reconnecting" in host.states()


def test_stdin_and_stdout_are_binary(spawn):
    """In the C runtime's text mode a 0x1A is the end of stdin, and stdout gets a CR before each LF."""
    child = spawn(command=SERVE)
    child.say(INITIALIZE + b"\r", b"\x1a", PING)
    lines = [child.hear() for _ in range(3)]

    assert not [line for line in lines if b"\r" in line]
    messages = [json.loads(line) for line in lines]
    assert [message.get("id") for message in messages] == [0, None, 1]
    assert messages[1]["error"]["code"] == -32700


def test_umlauts_arrive_both_ways(spawn):
    child = spawn(command=SERVE)
    child.say(INITIALIZE)
    child.hear()
    child.say('{"jsonrpc":"2.0","id":1,"method":"session/get","params":{"sessionId":"für 🎙"}}'.encode())
    assert "für 🎙" in json.loads(child.hear())["error"]["message"]


def test_the_end_of_stdin_ends_it_with_code_0(host, sim):
    host.open(sim.url)
    host.child.process.stdin.close()

    assert host.child.seconds_until_gone() < PROMPT_S
    assert host.child.process.returncode == 0


def test_a_kill_ends_it_and_leaves_no_process(spawn, sim):
    host = Host(spawn)
    host.open(sim.url)
    assert left() == [host.child.pid], "it is one process, and no launcher and its child"
    host.child.process.send_signal(signal.SIGKILL)
    host.child.process.wait(WAIT_S)

    eventually(lambda: left() == [])


def test_it_runs_in_a_path_with_a_space_and_an_umlaut(tmp_path):
    place = tmp_path / "Meine Programme" / "für alle"
    shutil.copytree(FOLDER, place)
    done = run(place / EXE.name, "--version", cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    assert re.match(rf"live-sidecar {re.escape(__version__)} \(commit \w+", done.stdout)


def test_the_self_check_finds_nothing_but_what_wine_lacks(tmp_path):
    """Wine 8.0 knows CERT_CHAIN_ENGINE_CONFIG as it was before Windows 8, without `dwExclusiveFlags`: no authority but
    those of the store can be trusted."""
    place = tmp_path / "für alle"
    shutil.copytree(FOLDER, place)
    done = run(place / EXE.name, "--self-check", "--json")
    checks = {check["name"]: check for check in json.loads(done.stdout)["checks"]}

    assert [name for name, check in checks.items() if not check["ok"]] == ["private authority"]
    assert "Invalid parameter" in json.dumps(checks["private authority"])
    assert re.search(r"all \d+ are as they were built", json.dumps(checks["files"]))


def test_a_file_that_is_missing_is_named_with_what_to_do(tmp_path):
    shutil.copytree(FOLDER, tmp_path / "app")
    (tmp_path / "app/_internal/libssl-3.dll").unlink()
    done = run(tmp_path / "app" / EXE.name, "serve")

    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert "libssl-3.dll missing in" in line
    assert "Install live-sidecar again" in line
