"""The quickstart's end when something is wrong: one line that says what, and exit code 1."""

import asyncio
import shutil
import subprocess
from pathlib import Path

import pytest

from sidecar.simulator import Simulator, scenarios

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The quickstart without a key in its environment."""
    command = ["node", str(ROOT / "examples" / "quickstart.mjs"), *arguments]
    environment = {"PATH": str(Path(shutil.which("node") or "").parent)}
    return subprocess.run(
        command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=40, check=False
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "Set GEMINI_API_KEY, or give the URL of a simulator."),
        (("ws://service.test",), "session/open failed: "),
    ],
)
def test_what_cannot_be_opened_is_told_in_one_line(arguments: tuple[str, ...], words: str) -> None:
    done = run(*arguments)
    [line] = done.stderr.splitlines()
    assert line.startswith(f"quickstart: {words}")
    assert (done.returncode, done.stdout) == (1, "")


async def test_a_wrong_key_is_told_in_one_line_with_what_to_do() -> None:
    async with Simulator(scenarios.load("bad-key")) as sim:
        done = await asyncio.to_thread(run, sim.url)
    [line] = done.stderr.splitlines()
    assert "API key not valid" in line
    assert "Check the API key" in line
    assert (done.returncode, done.stdout) == (1, "")
