"""Freeze live-sidecar into a folder that needs no Python: `make binary`.

    python build/binary.py            write dist/live-sidecar-<os>-<arch>/
    python build/binary.py --where    tell the path of the program in it
    python build/binary.py --folder   tell the path of the folder

The same sources, Python and libraries make the same bytes, wherever they lie. The environment may name
SOURCE_DATE_EPOCH and LIVE_SIDECAR_COMMIT, where git cannot be asked.
"""

import argparse
import io
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path, PurePath

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # the sources beside this script, whatever is installed

from freeze import elf, native, packages, papers, windows  # noqa: E402

from sidecar import __version__  # noqa: E402
from sidecar.origin import COMMIT_FILE  # noqa: E402

SPEC = Path(__file__).parent / "freeze" / "live-sidecar.spec"
ARCHITECTURES = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}
"""Node's names for processors, by those of the systems."""
EARLIEST = 315_532_800
"""1980-01-01, before which there are no zip files."""
KEPT = (
    "PATH",
    "HOME",
    "LD_LIBRARY_PATH",
    "SYSTEMROOT",
    "TEMP",
    "TMP",
    "TMPDIR",
    "USERPROFILE",
    "WINEPREFIX",
)
"""Of the environment; the rest must not find its way into a build."""


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--dist", type=Path, default=ROOT / "dist", help="where the folder goes")
    parser.add_argument("--where", action="store_true", help="tell the path of the program, and do nothing")
    parser.add_argument("--folder", action="store_true", help="tell the path of the folder, and do nothing")
    options = parser.parse_args()
    machine = platform.machine().lower()
    folder = options.dist / f"live-sidecar-{sys.platform}-{ARCHITECTURES.get(machine, machine)}"
    if options.where or options.folder:
        tell(folder / program_name() if options.where else folder)
        return 0
    if sys.platform == "linux" and not (shutil.which("strip") and shutil.which("objdump")):
        print("make binary needs strip and objdump: install binutils.", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as work:
        built = freeze(Path(work), commit(), made_at())
        describe(built, packages.read_modules(Path(work) / "modules.json"), made_at())
        try:
            replace(folder, built)
        except OSError as exc:
            print(
                f"{folder} cannot be replaced: {exc}. End what runs from it, and try again.", file=sys.stderr
            )
            return 1
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    subprocess.run([folder / program_name(), "--version"], check=True)
    print(f"{size / 1e6:.1f} MB in {folder}")
    return 0


def replace(folder: Path, built: Path) -> None:
    """Puts `built` in the place of `folder`. Raises OSError when that cannot be; that is then as it was."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, ignore_cleanup_errors=True) as aside:
        new = shutil.move(built, Path(aside) / "new")  # on the same disk now
        if folder.exists():
            folder.rename(Path(aside) / "old")
        new.rename(folder)


def tell(path: PurePath) -> None:
    """Prints it for `make` and shells, to which a backslash and a carriage return mean something else."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(newline="\n")
    print(path.as_posix())


def program_name() -> str:
    return "live-sidecar.exe" if sys.platform == "win32" else "live-sidecar"


def commit() -> str:
    """The first 12 digits, with a note when the files differ from it; "unknown" without git."""
    named = os.environ.get("LIVE_SIDECAR_COMMIT")
    if named:
        return named[:12]
    found = _git("rev-parse", "HEAD")
    if not found:
        return "unknown"
    return found[:12] + (", with changes" if _git("status", "--porcelain") else "")


def made_at() -> int:
    """SOURCE_DATE_EPOCH: when the commit was made, in Unix seconds."""
    return int(os.environ.get("SOURCE_DATE_EPOCH") or _git("log", "-1", "--format=%ct") or EARLIEST)


def _git(*arguments: str) -> str:
    try:
        return subprocess.run(
            ["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=True
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def freeze(work: Path, commit: str, made_at: int) -> Path:
    """Runs PyInstaller; returns the folder that it made."""
    (work / COMMIT_FILE).write_bytes(f"{commit}\n".encode())
    (work / "icon.ico").write_bytes(windows.icon())
    (work / "version.txt").write_bytes(windows.version_resource(__version__, commit).encode())
    environment = {name: value for name, value in os.environ.items() if name.upper() in KEPT} | {
        "LIVE_SIDECAR_WORK": str(work),
        "PYINSTALLER_CONFIG_DIR": str(work / "cache"),
        "PYTHONHASHSEED": "0",
        "SOURCE_DATE_EPOCH": str(made_at),
        "PYTHONDONTWRITEBYTECODE": "1",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
    }
    command = [sys.executable, "-m", "PyInstaller", "--noconfirm", "--log-level", "WARN"]
    command += ["--distpath", str(work / "dist"), "--workpath", str(work / "build"), str(SPEC)]
    subprocess.run(command, check=True, env=environment, cwd=work)
    return work / "dist" / "live-sidecar"


def describe(folder: Path, modules: list[str], made_at: int) -> None:
    """Writes the papers into a build, and makes modes and times the same everywhere."""
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            elf.forget_search_path(path)
    theirs, libraries = packages.in_modules(modules), native.in_folder(folder)
    bill = json.dumps(papers.bill(__version__, theirs, libraries, made_at), indent=2)
    (folder / papers.LICENCES).write_bytes(papers.licences(theirs, libraries).encode())
    (folder / papers.BILL).write_bytes(f"{bill}\n".encode())
    (folder / "LICENSE").write_bytes((ROOT / "LICENSE").read_bytes())
    (folder / papers.SUMS).write_bytes(papers.sums(folder).encode())
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.name == program_name() else 0o644)
            os.utime(path, (made_at, made_at))


if __name__ == "__main__":
    raise SystemExit(main())
