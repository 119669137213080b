"""`build/archive.py`: the same bytes whoever packs them, and nothing lost."""

import importlib
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
MADE_AT = 1_700_000_000


@pytest.fixture
def archive(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(ROOT / "build"))
    return importlib.import_module("archive")


def frozen(place: Path, umask: int = 0o022) -> Path:
    """What `make binary` makes on macOS, in small: with a link, and a name that needs more than ASCII."""
    folder = place / "live-sidecar-linux-x64"
    (folder / "_internal/größer").mkdir(parents=True)
    for name in ("live-sidecar", "_internal/Python", "_internal/größer/a.so", "SHA256SUMS"):
        (folder / name).write_text(name)
        (folder / name).chmod((0o755 if name == "live-sidecar" else 0o644) & ~umask)
    (folder / "_internal/link.so").symlink_to("größer/a.so")
    os.utime(folder / "SHA256SUMS", (MADE_AT, MADE_AT))
    return folder


def test_two_folders_make_the_same_bytes(archive: Any, tmp_path: Path) -> None:
    archive.write(frozen(tmp_path / "a"), tmp_path / "one.tar.gz")
    other = frozen(tmp_path / "b", umask=0o077)
    (other / "_internal/Python").touch()
    archive.write(other, tmp_path / "other.tar.gz")
    assert (tmp_path / "one.tar.gz").read_bytes() == (tmp_path / "other.tar.gz").read_bytes()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no executable bit")
def test_the_system_s_tar_opens_it_with_its_links_and_modes(archive: Any, tmp_path: Path) -> None:
    folder = frozen(tmp_path)
    archive.write(folder, tmp_path / "a.tar.gz")
    (tmp_path / "out").mkdir()
    subprocess.run(["tar", "xzf", tmp_path / "a.tar.gz"], cwd=tmp_path / "out", check=True)

    def told(root: Path) -> dict[str, tuple[int, str]]:
        return {
            path.relative_to(root).as_posix(): (
                stat.S_IMODE(path.lstat().st_mode),
                os.readlink(path) if path.is_symlink() else path.read_text() if path.is_file() else "",  # noqa: PTH115
            )
            for path in root.rglob("*")
        }

    assert told(tmp_path / "out/live-sidecar-linux-x64") == told(folder)
    assert (tmp_path / "out/live-sidecar-linux-x64/SHA256SUMS").stat().st_mtime == MADE_AT


@pytest.mark.skipif(sys.platform != "linux", reason="sha256sum is of Linux")
def test_the_sums_are_those_of_the_files_beside_them(archive: Any, tmp_path: Path) -> None:
    into = tmp_path / "packages"
    into.mkdir()
    version = archive.__version__
    (into / f"live-sidecar-linux-x64-{version}.tgz").write_text("a package")
    (into / f"live-sidecar-{version}.tgz").write_text("the bridge")
    assert archive.main([str(frozen(tmp_path)), "--into", str(into)]) == 0
    listed = into / f"live-sidecar-{version}-linux-x64.sha256"
    checked = subprocess.run(
        ["sha256sum", "--check", "--strict", listed.name],
        cwd=into,
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stderr
    assert checked.stdout.split("\n")[:-1] == [
        f"live-sidecar-{version}-linux-x64.tar.gz: OK",
        f"live-sidecar-linux-x64-{version}.tgz: OK",
    ]


def test_without_a_frozen_program_it_says_what_to_do(archive: Any, tmp_path: Path, capsys: Any) -> None:
    assert archive.main([str(tmp_path / "none"), "--into", str(tmp_path)]) == 1
    assert "Run `make binary` first." in capsys.readouterr().err
