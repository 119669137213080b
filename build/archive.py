"""Packs a frozen program for a download, and tells the sums of what is downloaded (docs/packaging.md).

    python build/archive.py dist/live-sidecar-linux-x64 --into dist/packages

The same folder makes the same bytes: order, times, owners and the header of gzip are fixed. Links stay links,
and programs executable. It is .tar.gz because the `tar` of every supported system opens that.
"""

import argparse
import gzip
import sys
import tarfile
from hashlib import sha256
from pathlib import Path

from freeze import papers

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # the sources beside this script, whatever is installed

from sidecar import __version__  # noqa: E402


def main(argv: list[str] | None = None) -> int:
    """The exit code of the process: 1 when there is no frozen program."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, help="what `make binary` made")
    parser.add_argument("--into", type=Path, required=True, help="where the archive goes")
    options = parser.parse_args(argv)
    if not (options.folder / papers.SUMS).is_file():
        print(f"{options.folder} is no frozen program. Run `make binary` first.", file=sys.stderr)
        return 1
    options.into.mkdir(parents=True, exist_ok=True)
    platform = options.folder.name.removeprefix("live-sidecar-")
    archive = options.into / f"live-sidecar-{__version__}-{platform}.tar.gz"
    write(options.folder, archive)
    package = options.into / f"live-sidecar-{platform}-{__version__}.tgz"
    # Not the bridge: every machine packs it, and one is published. npm and the provenance tell its sum.
    files = [path for path in (archive, package) if path.is_file()]
    listed = options.into / f"live-sidecar-{__version__}-{platform}.sha256"
    listed.write_bytes(
        "".join(f"{sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files).encode()
    )
    print(archive, listed, sep="\n")
    return 0


def write(folder: Path, archive: Path) -> None:
    """Puts the folder, under its own name, into the archive."""
    made_at = int((folder / papers.SUMS).stat().st_mtime)  # as `make binary` set it

    def same_everywhere(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        entry.mtime = made_at
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = ""
        # Windows has no such bit, and who unpacks it elsewhere would miss it.
        runs = entry.isdir() or entry.mode & 0o111 or entry.name.endswith(".exe")
        entry.mode = 0o755 if runs else 0o644
        return entry

    with (
        archive.open("wb") as file,
        gzip.GzipFile(filename="", fileobj=file, mode="wb", compresslevel=9, mtime=made_at) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for path in (folder, *sorted(folder.rglob("*"))):
            name = (Path(folder.name) / path.relative_to(folder)).as_posix()
            tar.add(path, name, recursive=False, filter=same_everywhere)


if __name__ == "__main__":
    raise SystemExit(main())
