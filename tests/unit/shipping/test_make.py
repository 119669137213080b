"""The Makefile hands the path of a build on as it is."""

import importlib
import io
import shlex
import shutil
import subprocess
import sys
from pathlib import Path, PureWindowsPath
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
@pytest.mark.parametrize("target", ["sign", "notarise", "packages"])
@pytest.mark.parametrize("folder", [r"D:\a\x\live-sidecar-win32-x64", "/with a space/live-sidecar-linux-x64"])
def test_a_folder_of_any_name_is_one_argument(target: str, folder: str) -> None:
    command = ["make", "--dry-run", "--no-print-directory", target, f"BUILT={folder}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    lines = [shlex.split(line) for line in done.stdout.splitlines() if "live-sidecar-" in line]
    assert len(lines) == (2 if target == "packages" else 1)
    assert all(folder in words for words in lines)


def test_the_path_of_a_build_has_no_backslash_and_no_carriage_return(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "build"))
    binary: Any = importlib.import_module("binary")
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, newline="\r\n"))
    binary.tell(PureWindowsPath(r"D:\a\live-sidecar-win32-x64"))
    sys.stdout.flush()
    assert written.getvalue() == b"D:/a/live-sidecar-win32-x64\n"
