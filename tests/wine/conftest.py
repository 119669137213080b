"""The program for Windows, built and exercised under Wine: `make test-wine` says so by LIVE_SIDECAR_WINE. Elsewhere there
is nothing to collect."""

import os

import pytest

from tests.process.conftest import spawn
from tests.process.host import Host, Simulator
from tests.program import SOURCES, WINE
from tests.wine import windows

collect_ignore_glob = [] if WINE else ["test_*.py"]
os.environ["LIVE_SIDECAR_WORKER"] = str(
    os.getpid()
)  # whose processes are whose, when tests run beside each other

spawn_windows = spawn
"""As in the tests of processes."""


@pytest.fixture
def folder():
    """The build itself. Nobody may change it."""
    return windows.FOLDER


@pytest.fixture(scope="module")
def sim(tmp_path_factory):
    """A simulator that is a Linux process."""
    simulate = (*SOURCES, "simulate", "--until-stdin-closes", "--quiet", "--control-port", "0")
    story = {"user": "Tell me.", "model": "A very long story.", "audioMs": 4_000}
    simulator = Simulator(tmp_path_factory.mktemp("simulator"), simulate, turns=[story])
    yield simulator
    simulator.stop()


@pytest.fixture
def host(spawn):
    return Host(spawn)
