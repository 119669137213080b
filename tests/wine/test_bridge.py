"""The bridge under Windows's Node: its own tests that start the real program, and find and judge it on Windows."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.wine.windows import EXE, NODE, ROOT, name, run

BRIDGE = ROOT / "bridge-js"
TESTS = {
    "session": 11,
    "real": 17,
    "locate,environment,program": 20,
}
"""Files of tests, and how many tests in them must have run at least, not skipped."""


@pytest.fixture(scope="session")
def node():
    """Runs Windows's Node. It refuses Linux's pipes, so it reads nothing and writes to a file; it looks for a newer
    Windows than Wine says it is."""

    def start(output: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        line = " ".join((name(NODE), *arguments, "<", "nul", ">", name(output), "2>&1"))
        environment = {"NODE_SKIP_PLATFORM_CHECK": "1", "LIVE_SIDECAR_BINARY": name(EXE)}
        return run("cmd", "/c", line, cwd=BRIDGE, env=os.environ | environment, timeout=110)

    return start


@pytest.mark.timeout(120)
@pytest.mark.parametrize("files", TESTS)
def test_its_own_tests_pass_on_windows(node, files, tmp_path):
    """With them: a session goes on in the next process when TerminateProcess ended the one it was in; the program ends
    with the app, however that ends; what is said meanwhile arrives, once."""
    output = tmp_path / "tap.txt"
    paths = [f".test-dist/test/{each}.test.js" for each in files.split(",")]
    done = node(output, "--test", "--test-concurrency=1", "--test-reporter=tap", *paths)
    told = output.read_text("utf-8")

    assert done.returncode == 0, told[-8000:]
    counts = dict(re.findall(r"^# (pass|fail|skipped) (\d+)$", told, re.MULTILINE))
    assert counts["fail"] == "0"
    assert int(counts["pass"]) >= TESTS[files], told


def test_node_is_one_for_windows(node, tmp_path):
    output = tmp_path / "out.txt"
    done = node(output, "-p", "process.platform")

    assert (done.returncode, output.read_text().strip()) == (0, "win32")
