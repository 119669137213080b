"""The same sources make the same bytes, whoever builds them, and where."""

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = ("sidecar", "build", "LICENSE")
BUILD_S = 240


def build(place: Path, umask: int, **environment: str) -> dict[str, tuple[int, bytes]]:
    """Mode and content of every file that a copy of the sources is built to, there."""
    place.mkdir(parents=True)
    for name in SOURCES:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, place / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, place / name)
    fixed = {"SOURCE_DATE_EPOCH": "1700000000", "LIVE_SIDECAR_COMMIT": "0123456789abcdef"}
    subprocess.run(
        [sys.executable, str(place / "build" / "binary.py"), "--dist", str(place / "out")],
        check=True,
        env=os.environ | fixed | environment,
        cwd=place,
        umask=umask,
        timeout=BUILD_S,
    )
    [folder] = (place / "out").iterdir()
    return {
        path.relative_to(folder).as_posix(): (stat.S_IMODE(path.stat().st_mode), path.read_bytes())
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.timeout(3 * BUILD_S)
def test_two_builds_from_two_folders_are_the_same_to_the_last_bit(tmp_path):
    (tmp_path / "temp").mkdir()
    one = build(tmp_path / "a", 0o022)
    other = build(
        tmp_path / "somewhere else" / "ganz für sich",
        0o077,
        HOME=str(tmp_path),
        TMPDIR=str(tmp_path / "temp"),
        TZ="Asia/Tokyo",
        LANG="C",
        PYTHONHASHSEED="77",
        PYTHONOPTIMIZE="1",
    )

    assert one.keys() == other.keys()
    assert [name for name, content in one.items() if other[name] != content] == []
    assert one["_internal/COMMIT"][1] == b"0123456789ab\n"
