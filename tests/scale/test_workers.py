"""Node worker threads with a client each, over and over; and one that is ended in the middle."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.scale.many import Service

WORKERS = 8
ROUNDS = 6
GONE_MS = 3000
"""A sidecar whose thread was ended is gone by then."""
ROOT = Path(__file__).parents[2]
PROGRAM = Path(__file__).parent / "workers.mjs"

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="the program counts what the process holds in /proc"),
    pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed"),
    pytest.mark.skipif(
        not (ROOT / "bridge-js" / "dist" / ".ready").exists(), reason="the bridge is not built"
    ),
]


@pytest.fixture
def sim(tmp_path):
    service = Service(tmp_path, turns=[])
    yield service
    service.stop()


def test_eight_workers_live_side_by_side_and_leave_nothing(sim):
    command = ["node", str(PROGRAM), sim.url, sim.control, str(WORKERS), str(ROUNDS)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=55, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    told = json.loads(run.stdout.splitlines()[-1])
    samples = told["samples"]
    assert [sample["orphans"] for sample in samples] == [0] * ROUNDS
    for figure in ("descriptors", "threads"):
        half, *later = [sample[figure] for sample in samples[ROUNDS // 2 - 1 :]]
        assert max(later) <= half, samples
    assert max(told["goneMs"], told["leftMs"]) < GONE_MS
    sessions = sim.sessions()
    assert len(sessions) == WORKERS * (ROUNDS + 1)
    assert len({session["audio"]["sha256"] for session in sessions}) == len(sessions)
