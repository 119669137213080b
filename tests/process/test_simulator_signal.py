"""The simulator ends on a signal, whichever of its threads the system hands it to."""

import ctypes
import json
import os
import platform
import signal
import sys
import urllib.request
from pathlib import Path

import pytest

TGKILL = {"x86_64": 234, "aarch64": 131}.get(platform.machine())
TIMEOUT_S = 20

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or TGKILL is None, reason="needs Linux's signals to one thread"
)


def test_a_signal_that_does_not_wake_the_loop_ends_it_too(spawn) -> None:
    """As one that comes just before the loop begins to wait: its handler would be due at the next event."""
    simulator = spawn(command=[sys.executable, "-m", "sidecar", "simulate"]).drain_stderr()
    control = json.loads(simulator.hear())["control"]
    with urllib.request.urlopen(f"{control}/state") as answer:  # its threads are there, and its loop is idle
        assert answer.status == 200
    threads = [int(entry.name) for entry in Path(f"/proc/{simulator.pid}/task").iterdir()]
    other = max(thread for thread in threads if thread != simulator.pid)
    assert ctypes.CDLL(None, use_errno=True).syscall(TGKILL, simulator.pid, other, signal.SIGTERM) == 0, (
        os.strerror(ctypes.get_errno())
    )
    assert simulator.process.wait(TIMEOUT_S) == 0
