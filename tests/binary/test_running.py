"""The program at rest, and what it loads."""

import subprocess
from pathlib import Path

import psutil

from tests.process.host import Host

MAX_RESIDENT_BYTES = 40_000_000


def test_at_rest_it_holds_less_than_40_mb(spawn_binary):
    host = Host(spawn_binary)
    host.ask("rpc.discover")  # everything is imported now
    process = psutil.Process(host.child.pid)

    assert process.memory_info().rss < MAX_RESIDENT_BYTES
    assert process.children() == []


def test_it_loads_no_library_that_is_not_its_own_or_the_c_library_s(spawn_binary, folder):
    host = Host(spawn_binary)
    host.ask("session/list")
    loaded = {Path(each.path) for each in psutil.Process(host.child.pid).memory_maps() if ".so" in each.path}

    strangers = {path.name for path in loaded if folder not in path.parents}
    assert len(loaded) - len(strangers) > 10
    assert {name.partition(".")[0].partition("-")[0] for name in strangers} <= {
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
