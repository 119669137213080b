"""The demo, as a person runs it, on a shorter recording: it must pass, and it must be able to fail."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "examples" / "demo" / "demo.mjs"

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed")


@pytest.fixture
def freeze(tmp_path: Path) -> Path:
    script = tmp_path / "freeze.json"
    script.write_text(json.dumps({"faults": [{"when": {"audioMs": 1000}, "do": "freeze", "forMs": 1000}]}))
    return script


def run_demo(script: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["node", str(DEMO), "--script", str(script), "--seconds", "3", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)


def test_a_frozen_line_costs_nothing(freeze: Path) -> None:
    demo = run_demo(freeze)
    assert "lost                     0 ms" in demo.stdout, demo.stdout + demo.stderr
    assert "(the same)" in demo.stdout
    assert demo.returncode == 0


def test_with_replay_switched_off_the_same_freeze_costs_audio_and_the_demo_says_so(freeze: Path) -> None:
    demo = run_demo(freeze, "--no-replay")
    assert "(NOT the same)" in demo.stdout, demo.stdout + demo.stderr
    lost = next(line for line in demo.stdout.splitlines() if line.strip().startswith("lost "))
    assert 500 <= int(lost.split()[1]) <= 2000
    assert demo.returncode == 1
