"""Tests of the folder that `make binary` makes: `make test-binary` names its program. Elsewhere there is nothing
to collect."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.process.conftest import spawn
from tests.program import BINARY

collect_ignore_glob = ["test_*.py"] if BINARY is None else []


@pytest.fixture
def folder() -> Path:
    """The build itself. Nobody may change it."""
    if BINARY is None:
        pytest.skip("LIVE_SIDECAR_BINARY names no binary: make test-binary")
    return BINARY.parent


@pytest.fixture
def copy_to(folder: Path):
    """Copies the build to a place; returns the program there."""

    def copy(place: Path) -> Path:
        shutil.copytree(folder, place, symlinks=True)
        return place / BINARY.name

    return copy


@pytest.fixture
def self_check():
    """Runs `--self-check`; the lines it prints."""

    def check(program: Path | str, **options) -> list[str]:
        done = subprocess.run(
            [program, "--self-check"], capture_output=True, text=True, timeout=50, check=False, **options
        )
        assert done.returncode == 0, done.stdout + done.stderr
        lines = done.stdout.splitlines()
        assert len(lines) == 7
        return lines

    return check


spawn_binary = spawn
"""As in the tests of processes."""
