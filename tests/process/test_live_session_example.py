"""examples/live_session.py, as a person runs it: it must show that nothing was lost, and be able to say so."""

import asyncio
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from sidecar.live.auth import ApiKey
from sidecar.live.endpoints import developer
from sidecar.observe.secret import Secret
from sidecar.session import Config, LiveSession
from sidecar.simulator import Script, Simulator
from tests.program import of_sources

pytestmark = of_sources

EXAMPLE = Path(__file__).parents[2] / "examples" / "live_session.py"
TIMEOUT_S = 50


def run_example(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GEMINI_")}
    return subprocess.run(
        [sys.executable, str(EXAMPLE), *arguments],
        env=clean | environment,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


def figures(printed: str) -> dict[str, float]:
    """The books at the end, in ms."""
    return {name: float(ms) for name, ms in re.findall(r"^  (\w[\w ]*?) +(\d+)", printed, re.MULTILINE)}


def test_it_loses_nothing_while_the_line_is_cut() -> None:
    done = run_example()
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    states = re.findall(r" s  (\w+)", done.stdout)
    assert [s for i, s in enumerate(states) if i == 0 or states[i - 1] != s] == [
        "connecting", "connected", "reconnecting", "connected", "disconnecting", "disconnected",
    ]  # fmt: skip
    assert "the line is cut" in done.stdout
    assert "model: I heard you." in done.stdout
    books = figures(done.stdout)
    assert books["offered"] == books["accepted"] == books["confirmed"] == books["heard"] == 2000
    assert books["refused"] == books["dropped"] == 0
    assert books["sent again"] <= 1000  # nothing, when the cut comes right after a pong
    assert "nothing was lost" in done.stdout


async def test_elsewhere_it_moves_the_session_and_shows_no_key() -> None:
    async with Simulator(Script(playback_rate=10, owner_grace_ms=0)) as sim:
        done = await asyncio.to_thread(run_example, sim.url, GEMINI_API_KEY="a-key-that-nobody-sees")
        assert done.returncode == 0, done.stdout + done.stderr
        assert sim.sessions[0].audio.unique_ms == 2000
        assert len(sim.connections) == 2
    assert "networkChanged" in done.stdout
    assert "a-key-that-nobody-sees" not in done.stdout + done.stderr


def test_a_wrong_address_is_told_in_a_sentence() -> None:
    done = run_example("http://example.com")
    assert done.returncode == 2
    assert "wss://" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture
def example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("live_session_example", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


async def test_it_says_so_when_something_is_missing(
    example: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    session = LiveSession(Config(developer("ws://127.0.0.1:9", "v1beta"), ApiKey(Secret("k")), {}))
    books = session.core.outbox.books
    books.accepted_us, books.confirmed_us, books.dropped_us = 2_000_000, 1_980_000, 20_000
    assert example.account(session, None) == 1
    assert "NOT everything arrived" in capsys.readouterr().out
