"""A folder that is not whole: whoever reads the error knows what to do."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.binary.libraries import CRYPTO, PYTHON, SSL, module

ROOT = Path(__file__).parents[2]
START = """
import('./bridge-js/dist/esm/index.js')
  .then(({ Sidecar }) => Sidecar.start({ command: process.argv[1] }))
  .catch((error) => console.log(`${error.name}: ${error.message}`));
"""


def only(folder, pattern):
    """The one file of that name. Links to it, which macOS has, lead nowhere without it."""
    [path] = (path for path in folder.rglob(pattern) if not path.is_symlink())
    return path


@pytest.fixture
def program(copy_to, tmp_path):
    return copy_to(tmp_path / "app")


def run(program, *arguments):
    return subprocess.run(
        [program, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.mark.parametrize(
    "pattern", [SSL, CRYPTO, module("_ssl"), module("_core"), module("speedups"), "COMMIT"]
)
@pytest.mark.parametrize("arguments", [[], ["serve"], ["simulate"], ["--self-check"]])
def test_what_is_missing_is_named_with_what_to_do(program, pattern, arguments):
    lost = only(program.parent, pattern)
    lost.unlink()
    done = run(program, *arguments)

    assert done.returncode == 1
    assert done.stdout == ""
    [line] = done.stderr.splitlines()
    assert f"{lost.relative_to(program.parent).as_posix()} missing in {program.parent}" in line
    assert "Install live-sidecar again" in line


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere signing changes libraries after the build")
def test_a_library_that_is_damaged_is_found_before_it_is_loaded(program):
    lost = only(program.parent, CRYPTO)
    lost.write_bytes(lost.read_bytes()[:1_000_000])
    done = run(program, "--self-check")

    assert done.returncode == 1
    found = f"FAILED  files: 1 of {len((program.parent / 'SHA256SUMS').read_text().splitlines())} are not as they were built: "
    assert found + f"{lost.relative_to(program.parent).as_posix()}. Install live-sidecar again" in done.stdout


@pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed")
@pytest.mark.parametrize("pattern", [PYTHON, "base_library.zip", module("zlib"), SSL])
def test_the_bridge_tells_what_to_do_also_where_python_does_not_start(program, pattern):
    if pattern == module("zlib") and sys.platform == "win32":
        pytest.skip("on Windows zlib is in Python's own library")
    only(program.parent, pattern).unlink()
    done = subprocess.run(
        ["node", "-e", START, program], cwd=ROOT, capture_output=True, text=True, timeout=30, check=True
    )

    assert done.stdout.startswith("SidecarExitError: ")
    words = "Install live-sidecar again" if "ssl" in pattern else "missing or damaged: install it again"
    assert words in done.stdout


def test_without_its_list_it_runs_and_says_that_it_cannot_be_checked(program):
    (program.parent / "SHA256SUMS").unlink()

    assert run(program, "--version").returncode == 0
    done = run(program, "--self-check")
    assert done.returncode == 1
    assert "FAILED  files: the list of files cannot be read" in done.stdout
