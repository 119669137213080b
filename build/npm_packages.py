"""The npm packages: the bridge, and one for each platform with the frozen program in it (docs/packaging.md).

    python build/npm_packages.py dist/live-sidecar-linux-x64 --into dist/packages

The bridge names its platform packages only when it is packed: they are published together with it, and
`npm ci` in bridge-js would look for them in vain.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from freeze import papers
from release import PLATFORMS, SCOPE

ROOT = Path(__file__).resolve().parent.parent
BRIDGE = ROOT / "bridge-js"
FOLDER = "live-sidecar"
"""In a platform package, and among the resources of an Electron app: packagers copy it under its own name."""
README = f"""# {{name}}

{{words}}, with all it needs, in `{FOLDER}/`.
The package `live-sidecar` finds it and starts it; npm installs it with that one, where it fits.
`{FOLDER}/{papers.LICENCES}` has the licences of its parts, `{FOLDER}/{papers.SUMS}` the sums of its files.
"""
NAMED = re.compile(r"live-sidecar-(?P<os>[a-z0-9]+)-(?P<cpu>[a-z0-9]+)")


class NotPackable(Exception):
    """The folder cannot become a package. The message is for people."""


def main(argv: list[str] | None = None) -> int:
    """The exit code of the process: 1 when there is nothing to pack, or nothing that survives it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, help="what `make binary` made")
    parser.add_argument("--into", type=Path, required=True, help="where the packages go")
    parser.add_argument("--no-bridge", action="store_true", help="pack the platform package only")
    options = parser.parse_args(argv)
    options.into.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory() as work:
            print(pack(platform_package(options.folder, Path(work) / "platform"), options.into))
            if not options.no_bridge:
                print(pack(bridge_package(Path(work) / "bridge"), options.into))
    except NotPackable as wrong:
        print(wrong, file=sys.stderr)
        return 1
    return 0


def platform_package(built: Path, into: Path) -> Path:
    """Lays out the package for what `make binary` made; raises `NotPackable`."""
    named = NAMED.fullmatch(built.name)
    if named is None or not (built / papers.SUMS).is_file():
        raise NotPackable(f"{built} is no frozen program. Run `make binary` first.")
    shutil.copytree(built, into / FOLDER, symlinks=True)
    if replace_links(into / FOLDER):
        (into / FOLDER / papers.SUMS).write_bytes(papers.sums(into / FOLDER).encode())
    bridge = manifest()
    name = f"{SCOPE}/{named['os']}-{named['cpu']}"
    words = f"The live-sidecar program for {named['os']}-{named['cpu']}"
    _write(
        into / "package.json",
        {
            "name": name,
            "version": bridge["version"],
            "description": words,
            "license": bridge["license"],
            **repository(),
            "os": [named["os"]],
            "cpu": [named["cpu"]],
            **({"libc": ["glibc"]} if named["os"] == "linux" else {}),
            "files": [FOLDER],
            # For package managers that keep packages in archives: no system runs a program in one.
            "preferUnplugged": True,
        },
    )
    (into / "README.md").write_bytes(README.format(name=name, words=words).encode())
    shutil.copyfile(ROOT / "LICENSE", into / "LICENSE")
    return into


def bridge_package(into: Path) -> Path:
    """Lays out the bridge, which `npm run build` built, with all platform packages of its own version."""
    bridge = manifest()
    missing = [name for name in bridge["files"] if not (BRIDGE / name).is_dir()]
    if missing:
        raise NotPackable(f"bridge-js has no {', '.join(missing)}. Run `make setup` first.")
    for name in bridge["files"]:
        shutil.copytree(BRIDGE / name, into / name)
    for name in ("README.md", "LICENSE"):
        shutil.copyfile(BRIDGE / name, into / name)
    # What builds and tests it is of no use to those who install it.
    published = {key: value for key, value in bridge.items() if key not in ("scripts", "devDependencies")}
    platforms = {f"{SCOPE}/{platform}": bridge["version"] for platform in PLATFORMS}
    _write(into / "package.json", published | repository() | {"optionalDependencies": platforms})
    return into


def manifest() -> dict[str, Any]:
    """The bridge's own package.json."""
    found: dict[str, Any] = json.loads((BRIDGE / "package.json").read_text("utf-8"))
    return found


def repository() -> dict[str, Any]:
    """Where GitHub's pipeline runs: npm refuses a provenance that does not name the package's repository."""
    server, name = os.environ.get("GITHUB_SERVER_URL"), os.environ.get("GITHUB_REPOSITORY")
    return {"repository": {"type": "git", "url": f"git+{server}/{name}.git"}} if server and name else {}


def replace_links(folder: Path) -> bool:
    """Makes files of links, since npm leaves links out without a word; whether there were any.

    PyInstaller makes some on macOS. A framework is links all over, and cannot be signed again without them.
    What is used of it is the library, through a link from outside. So that link becomes the library, and the
    framework goes.

    Raises `NotPackable` for a link that leads nowhere, or out of the folder.
    """
    root = folder.resolve()
    links = [path for path in sorted(folder.rglob("*")) if path.is_symlink()]
    for link in links:
        if not link.resolve().is_relative_to(root) or not link.exists():
            raise NotPackable(
                f"{link} leads to {link.readlink()}, which is not in the package. Build it again."
            )
    frameworks = [path for path in folder.rglob("*.framework") if path.is_dir() and not path.is_symlink()]
    for framework in frameworks:
        if not any(
            link.resolve().is_relative_to(framework.resolve()) for link in _outside(links, frameworks)
        ):
            raise NotPackable(
                f"Nothing outside {framework} leads into it: what is it for? npm cannot carry it."
            )
    for link in _outside(links, frameworks):
        target = link.resolve()
        if target.is_dir():
            raise NotPackable(f"{link} leads to a folder, which npm cannot carry.")
        link.unlink()
        shutil.copy2(target, link)
    for framework in frameworks:
        shutil.rmtree(framework)
    return bool(links)


def _outside(links: list[Path], frameworks: list[Path]) -> Iterator[Path]:
    return (link for link in links if not any(framework in link.parents for framework in frameworks))


def pack(package: Path, into: Path) -> Path:
    """Has npm pack it; what came of it."""
    npm = shutil.which("npm")
    if npm is None:
        raise NotPackable("npm was not found. It comes with Node.")
    command = [npm, "pack", "--silent", "--ignore-scripts", "--pack-destination", str(into.resolve())]
    done = subprocess.run(command, cwd=package, stdout=subprocess.PIPE, text=True, check=True)
    return into / done.stdout.strip().splitlines()[-1]


def _write(path: Path, content: dict[str, Any]) -> None:
    path.write_bytes(f"{json.dumps(content, indent=2, ensure_ascii=False)}\n".encode())


if __name__ == "__main__":
    raise SystemExit(main())
