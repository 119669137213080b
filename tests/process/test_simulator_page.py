"""Every command and every snippet on docs/simulator.md, as a reader runs them; only ports and lengths differ."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from sidecar.simulator.script import Script, ScriptError
from tests.program import PROGRAM, SOURCES, of_sources

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "simulator.md").read_text(encoding="utf-8")
TIMEOUT_S = 50

CLIENT = """
import asyncio, base64, json, random
from websockets.asyncio.client import connect

PATH = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent?key=any"

class Client:
    async def speak(self, seconds):
        for _ in range(seconds * 50):
            data = base64.b64encode(random.randbytes(640)).decode()
            blob = {"mimeType": "audio/pcm;rate=16000", "data": data}
            await self.socket.send(json.dumps({"realtimeInput": {"audio": blob}}))

async def connect_my_client(url):
    client = Client()
    client.socket = await connect(url + PATH, proxy=None)
    await client.socket.send(json.dumps({"setup": {"model": "models/m"}}))
    await client.socket.recv()
    return client
"""

needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def commands() -> list[str]:
    return [line for block in blocks("sh") for line in block.splitlines()]


def run(command: list[str], cwd: Path) -> subprocess.CompletedProcess[bytes]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GEMINI_")}
    return subprocess.run(command, cwd=cwd, env=clean, capture_output=True, timeout=TIMEOUT_S, check=False)


class Reader:
    """Runs one line of the page after the other, with the simulator that was started last."""

    def __init__(self, spawn, folder: Path) -> None:
        self.spawn = spawn
        self.folder = folder
        self.simulator = None
        self.told: dict[str, str] = {}
        self.scenario = None

    def do(self, line: str) -> None:
        line, _, target = line.partition(" > ")
        words = shlex.split(line.replace("ws://127.0.0.1:9000", self.told.get("url", "")))
        program = Path(words[0]).name
        output = {"live-sidecar": self._simulate, "node": self._node, "curl": self._curl}[program](words[1:])
        if target:
            assert output
            (self.folder / target).write_bytes(output)

    def stop(self) -> None:
        """Ends it as the page says, so that the folder of its certificate goes too."""
        if self.simulator is not None:
            self.simulator.process.terminate()
            assert self.simulator.process.wait(TIMEOUT_S) == 0

    def _simulate(self, words: list[str]) -> bytes:
        assert words[0] == "simulate"
        if words[1].startswith(("--print", "--list")):
            done = run([*PROGRAM, *words], ROOT)
            assert done.returncode == 0, done.stderr
            return done.stdout
        self.stop()
        free = [
            "0" if before.endswith("port") else word
            for before, word in zip(["", *words], words, strict=False)
        ]
        program = SOURCES if "--tls" in words else PROGRAM  # a binary has nothing that makes certificates
        self.simulator = self.spawn(command=[*program, *free]).drain_stderr()
        self.told = json.loads(self.simulator.hear())
        self.scenario = words[words.index("--scenario") + 1] if "--scenario" in words else None
        return b""

    def _node(self, words: list[str]) -> bytes:
        program, *rest = words
        seconds = ["--seconds", "4"] if "demo" in program else []
        files = [str(self.folder / word) if word.endswith(".json") else word for word in rest]
        done = run(["node", program, *files, *seconds], ROOT)
        said = (done.stdout + done.stderr).decode()
        if self.scenario == "bad-key" and not seconds:
            assert done.returncode != 0
            assert "API key not valid" in said
        else:
            assert done.returncode == 0, said
            assert ("lost                     0 ms" if seconds else "model: ") in said, said
        return done.stdout

    def _curl(self, words: list[str]) -> bytes:
        ours = {
            "http://127.0.0.1:9000": self.told["url"].replace("ws", "http", 1),
            "http://127.0.0.1:9001": self.told["control"],
        }
        for theirs, own in ours.items():
            words = [word.replace(theirs, own) for word in words]
        done = run(["curl", "--silent", "--show-error", "--noproxy", "*", *words], ROOT)
        assert done.returncode == 0, done.stderr
        if b'"error"' in done.stdout:  # the page's session has no second connection here
            assert json.loads(done.stdout) == {"error": "session 1 has no connection 2"}
        return done.stdout


@needs_node
@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_every_command_of_the_page_runs(spawn, tmp_path: Path) -> None:
    reader = Reader(spawn, tmp_path)
    lines = commands()
    assert len(lines) >= 15
    for line in lines:
        if "/audio?session=1 " in line:  # somebody must have spoken
            reader.do(".venv/bin/live-sidecar simulate --port 9000 --control-port 9001")
            spoken = run(["node", "-e", SPEAK, reader.told["url"]], ROOT)
            assert spoken.returncode == 0, spoken.stderr
        reader.do(line)
    reader.stop()
    assert "ca" not in reader.told or not Path(reader.told["ca"]).parent.exists()


SPEAK = """
import('./bridge-js/dist/esm/index.js').then(async ({ Sidecar, Secret }) => {
  const sidecar = await Sidecar.start();
  const setup = { model: 'models/m', generationConfig: { responseModalities: ['AUDIO'] } };
  const auth = { type: 'apiKey', apiKey: new Secret('any') };
  await sidecar.call('session/open', { sessionId: 's1', auth, endpoint: { baseUrl: process.argv[1] }, setup });
  sidecar.notify('session/sendAudio', { sessionId: 's1', n: 0, data: Buffer.alloc(640, 7).toString('base64') });
  await sidecar.stop();
});
"""


@of_sources
def test_the_python_snippet_is_a_test_that_passes(tmp_path: Path) -> None:
    [snippet] = blocks("python")
    (tmp_path / "test_page.py").write_text(CLIENT + snippet)
    done = run(
        [sys.executable, "-m", "pytest", "-q", "-o", "asyncio_mode=auto", "-p", "no:cacheprovider", "."],
        tmp_path,
    )
    assert b"1 passed" in done.stdout, done.stdout


@needs_node
def test_the_javascript_snippet_starts_asks_and_ends_a_simulator(tmp_path: Path) -> None:
    [snippet] = blocks("js")
    wrapper = tmp_path / "live-sidecar"
    wrapper.write_text(f'#!/bin/sh\nexec {shlex.join(PROGRAM)} "$@"\n')
    wrapper.chmod(0o755)
    use = f"""
const simulator = await startSimulator('{wrapper}', '--scenario', 'quota');
const {{ faults }} = await simulator.state();
console.log(simulator.url, faults.pending.map((fault) => fault.do), await simulator.fault({{ do: 'cut' }}));
console.log(await simulator.stop());
await startSimulator('./missing').catch((error) => console.log(error.code));
"""
    (tmp_path / "page.mjs").write_text(snippet + use)
    done = run(["node", "page.mjs"], tmp_path)
    assert done.returncode == 0, done.stderr
    first, second, third = done.stdout.decode().splitlines()
    assert re.fullmatch(r"ws://127\.0\.0\.1:\d+ \[ 'refuseSetup', 'close' \] \{ connectionsHit: 0 \}", first)
    assert second == "[ 0, null ]"
    assert third == "ENOENT"


def test_what_is_told_of_a_wrong_script_is_what_the_page_shows() -> None:
    [shown] = re.findall(r"cannot start:\n(.*?)```", PAGE, re.DOTALL)
    text = b'{\n"faults": [\n{"do": "goAway",\n"timeLeft": "soon"}\n],\n\n"goAwayAt": 5}'
    with pytest.raises(ScriptError) as caught:
        Script.parse(text, "my.json")
    assert str(caught.value) + "\n" == shown


@of_sources
def test_the_scripts_are_in_the_wheel(tmp_path: Path) -> None:
    done = run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)], ROOT)
    assert done.returncode == 0, done.stderr
    [wheel] = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "sidecar/simulator/script.schema.json" in names
    assert (
        sum(name.startswith("sidecar/simulator/scenarios/") and name.endswith(".json") for name in names)
        == 15
    )
