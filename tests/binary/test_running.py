"""The program at rest, and what it loads."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.process.host import SERVE, Host, eventually

MAX_RESIDENT_BYTES = 40_000_000 if sys.platform == "linux" else 80_000_000
"""It was measured on Linux only. Elsewhere this finds no more than a mistake."""


def test_at_rest_it_holds_little(spawn_binary):
    host = Host(spawn_binary, serve=(*SERVE, "--log-level", "debug"))
    eventually(lambda: b"all of the program is loaded" in host.child.errors)
    process = psutil.Process(host.child.pid)

    assert process.memory_info().rss < MAX_RESIDENT_BYTES
    assert process.children() == []


@pytest.mark.skipif(sys.platform == "darwin", reason="psutil sees no loaded libraries on macOS")
def test_it_loads_no_library_that_is_not_its_own_or_the_c_library_s(spawn_binary, folder):
    host = Host(spawn_binary)
    host.ask("session/list")
    mapped = {Path(each.path) for each in psutil.Process(host.child.pid).memory_maps()}
    loaded = {path for path in mapped if {".so", ".dll", ".pyd"} & {each.lower() for each in path.suffixes}}

    strangers = {path for path in loaded if folder not in path.parents}
    assert len(loaded) - len(strangers) > 10
    if sys.platform == "win32":
        assert {path for path in strangers if Path(os.environ["SYSTEMROOT"]) not in path.parents} == set()
        return
    assert {path.name.partition(".")[0].partition("-")[0] for path in strangers} <= {
        "ld",
        "libc",
        "libm",
        "libdl",
        "libpthread",
        "librt",
        "libutil",
    }


def test_the_simulator_knows_its_scenarios(folder):
    done = subprocess.run(
        [folder / "live-sidecar", "simulate", "--list-scenarios"], capture_output=True, text=True, check=True
    )
    assert len(done.stdout.splitlines()) == 15
    schema = subprocess.run(
        [folder / "live-sidecar", "simulate", "--print-schema"], capture_output=True, text=True, check=True
    )
    assert '"$schema"' in schema.stdout
