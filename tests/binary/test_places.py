"""Where people put it: without an environment, in a folder nobody may write, with odd names, beside no Python."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX only")
needs_root = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="chroot needs root, on Linux"
)
NOBODY = 65534
C_LIBRARY = ("ld", "libc", "libm", "libdl", "libpthread", "librt", "libutil")
BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")


def test_it_names_its_build(folder):
    done = subprocess.run([folder / "live-sidecar", "--version"], capture_output=True, text=True, check=True)
    assert re.fullmatch(
        r"live-sidecar \S+ \(commit ([0-9a-f]{12}(, with changes)?|unknown), python 3\.\d+\.\d+, "
        r"OpenSSL \d\S+, \w+-\w+\)\n",
        done.stdout,
    )


def test_every_check_is_ok_and_the_files_are_those_that_were_built(folder, self_check):
    lines = self_check(folder / "live-sidecar")
    assert re.fullmatch(r"ok      files: all \d+ are as they were built", lines[1])
    if sys.platform != "darwin":  # which does not tell how many it has
        assert int(re.search(r"(\d+) certificate authorities", lines[2]).group(1)) > 10


@posix
def test_without_an_environment(folder, self_check):
    self_check(folder / "live-sidecar", env={})


def test_variables_meant_for_another_python_do_not_matter(folder, self_check, tmp_path):
    (tmp_path / "asyncio.py").write_text("raise SystemExit('the wrong one')")
    strange = {
        "PYTHONPATH": str(tmp_path),
        "PYTHONHOME": str(tmp_path),
        "PYTHONSTARTUP": "x",
        "PYTHONUTF8": "0",
    }
    self_check(folder / "live-sidecar", env=os.environ | strange, cwd=tmp_path)


def test_in_a_path_with_a_space_and_an_umlaut(copy_to, self_check, tmp_path):
    self_check(copy_to(tmp_path / "Meine Programme" / "für alle" / "live-sidecar"))


@posix
def test_through_a_symbolic_link(folder, self_check, tmp_path):
    (tmp_path / "link").symlink_to(folder / "live-sidecar")
    self_check(tmp_path / "link")


@posix
def test_in_a_folder_that_cannot_be_written(copy_to, self_check):
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o755)
        program = copy_to(Path(place) / "app")
        for path in (program.parent, *program.parent.rglob("*")):
            path.chmod(path.stat().st_mode & ~0o222)
        before = sorted(program.parent.rglob("*"))
        root = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
        self_check(program, env={"HOME": "/nonexistent", "TMPDIR": "/nonexistent"}, cwd="/", **root)
        assert sorted(program.parent.rglob("*")) == before
        for path in (program.parent, *program.parent.rglob("*")):
            path.chmod(0o755)


@needs_root
def test_in_a_chroot_without_python(folder, copy_to, self_check, tmp_path):
    """Nothing in there but the C library and zlib, the null device and the system's certificates."""
    program = copy_to(tmp_path / "opt" / "live-sidecar")
    for library in _of_the_system(folder):
        place = tmp_path / library.relative_to("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(library, place)
    bundle = tmp_path / BUNDLE.relative_to("/")
    bundle.parent.mkdir(parents=True)
    shutil.copy(BUNDLE, bundle)
    (tmp_path / "dev").mkdir()
    os.mknod(tmp_path / "dev" / "null", 0o020666, os.makedev(1, 3))
    (tmp_path / "tmp").mkdir()
    assert not [path for path in tmp_path.rglob("python*") if program.parent not in path.parents]

    self_check(f"/{program.relative_to(tmp_path)}", env={}, cwd="/", preexec_fn=lambda: os.chroot(tmp_path))


def _of_the_system(folder):
    """What the build takes from the machine, by the loader's own word; the program itself knows no other."""
    ours = {path.name for path in folder.rglob("*.so*")}
    libraries = set()
    for path in folder.rglob("*"):
        if path.is_file() and path.read_bytes()[:4] == b"\x7fELF":
            told = subprocess.run(["ldd", path], capture_output=True, text=True, check=False).stdout
            found = {Path(name) for name in re.findall(r"(/\S+) \(0x", told)}
            libraries |= {each for each in found if path.parent == folder or each.name not in ours}
    assert {re.split(r"[.-]", path.name)[0] for path in libraries} <= {"libz", *C_LIBRARY}
    return libraries
