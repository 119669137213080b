"""The watch on the parent, by OpenProcess: the parent is a Windows process too."""

import json
from pathlib import Path

import pytest

from tests.program import WINDOWS_PYTHON
from tests.wine.windows import EXE, name

PARENT = Path(__file__).parent / "programs" / "parent.py"
PROMPT_S = 1.0


@pytest.fixture
def parent(spawn):
    """It hands its own descriptors on, so that the test holds the sidecar's stdin."""
    child = spawn(command=[*WINDOWS_PYTHON, PARENT, name(EXE)])
    pid = int(child.process.stderr.readline())
    child.drain_stderr()
    return child, pid


def initialize(child, pid):
    params = {"protocolVersion": "1", "client": {"name": "t", "version": "1"}, "parentPid": pid}
    child.say(json.dumps({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params}).encode())
    assert "result" in json.loads(child.hear())
    child.say(b'{"jsonrpc":"2.0","id":1,"method":"ping"}')
    assert "result" in json.loads(child.hear())


def test_a_parent_that_is_killed_takes_it_along_though_its_stdin_is_open(parent):
    child, pid = parent
    initialize(child, pid)
    child.process.kill()

    assert child.hear() is None, "its stdout has ended, and so has it"


def test_without_the_watch_it_would_have_stayed(parent):
    """The counterpart: who names no parent lives on with the stdin that is held open."""
    child, _ = parent
    child.say(
        b'{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"1","client":{"name":"t","version":"1"}}}'
    )
    assert "result" in json.loads(child.hear())
    child.process.kill()
    child.process.wait()
    child.say(b'{"jsonrpc":"2.0","id":1,"method":"ping"}')

    assert "result" in json.loads(child.hear())
    child.process.stdin.close()
    assert child.hear() is None
