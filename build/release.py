"""What a release needs: one version everywhere, its notes, the files of every platform.

python build/release.py check --tag v0.1.0       exit 1, naming all that disagrees with the tag
python build/release.py notes --tag v0.1.0       print the section of the change log
python build/release.py collect --from FOLDER    put all that lies in folders of FOLDER into dist/packages
python build/release.py packages --tag v0.1.0    name, file and integrity of each npm package, as published
"""

import argparse
import base64
import hashlib
import json
import re
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HEADING = re.compile(r"^## (?P<version>\S+) \((?P<date>[^)]*)\)$", re.MULTILINE)
PACKAGES = Path("dist/packages")
SCOPE = "@live-sidecar"
PLATFORMS = ("linux-x64", "win32-x64", "darwin-arm64", "darwin-x64")
"""Those that a release has, in Node's names."""
DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


class NotReady(Exception):
    """The tree is not what the tag says. The message is for people."""


def versions(root: Path) -> dict[str, str]:
    """Every version that the tree names, by where it stands."""
    package = json.loads((root / "bridge-js/package.json").read_text("utf-8"))
    lock = json.loads((root / "bridge-js/package-lock.json").read_text("utf-8"))
    named = re.search(r'^__version__ = "([^"]+)"', (root / "sidecar/__init__.py").read_text("utf-8"), re.M)
    return {
        "sidecar/__init__.py": named[1] if named else "none",
        "bridge-js/package.json": package["version"],
        "bridge-js/package-lock.json": lock["version"],
    }


def check(version: str, root: Path) -> None:
    """Raises `NotReady` unless every version is this one, and the change log has it with a date."""
    wrong = [f"{where} says {named}" for where, named in versions(root).items() if named != version]
    if wrong:
        raise NotReady(f"The tag is for {version}, but {'; '.join(wrong)}. Change those, or the tag.")
    notes(version, root)


def notes(version: str, root: Path) -> str:
    """The section of the change log about this version, without its heading."""
    text = (root / "CHANGELOG.md").read_text("utf-8")
    heading, following = None, None
    for each in HEADING.finditer(text):
        if heading is not None:
            following = each
            break
        if each["version"] == version:
            heading = each
    if heading is None:
        raise NotReady(f"CHANGELOG.md has no section `## {version} (date)`. Write what changed for the user.")
    if not DATE.fullmatch(heading["date"]):
        raise NotReady(f"CHANGELOG.md calls {version} {heading['date']}. Give it the date of the release.")
    section = text[heading.end() : following.start() if following else None].strip()
    if not section:
        raise NotReady(f"CHANGELOG.md says nothing about {version}. Write what changed for the user.")
    return section + "\n"


def collect(parts: Path, root: Path) -> None:
    """Puts the files of all folders in `parts` into one; raises `NotReady` when two have the same name."""
    into = root / PACKAGES
    into.mkdir(parents=True, exist_ok=True)
    for path in sorted(path for path in parts.glob("*/*") if path.is_file()):
        if (into / path.name).exists():
            raise NotReady(f"{path.name} is there twice: which of them is it? Let one machine make it.")
        shutil.copyfile(path, into / path.name)


def packages(version: str, root: Path) -> list[tuple[str, Path]]:
    """Name and file, from the root, of each npm package in the order of publishing: nobody may find a bridge
    whose binaries are not there yet.

    Raises `NotReady` unless all files of a release are there, and no others.
    """
    listed = [
        *((f"{SCOPE}/{each}", PACKAGES / f"live-sidecar-{each}-{version}.tgz") for each in PLATFORMS),
        ("live-sidecar", PACKAGES / f"live-sidecar-{version}.tgz"),
    ]
    needed = {file.name for _, file in listed}
    needed |= {f"live-sidecar-{version}-{each}{end}" for each in PLATFORMS for end in (".tar.gz", ".sha256")}
    there = {path.name for path in (root / PACKAGES).glob("*")}
    if there != needed:
        wrong = [f"{name} is missing" for name in sorted(needed - there)]
        wrong += [f"{name} is none of {version}" for name in sorted(there - needed)]
        raise NotReady(f"{PACKAGES.as_posix()}: {', '.join(wrong)}. Nothing may be published.")
    return listed


def integrity(file: Path) -> str:
    """What npm says of a package's bytes (its `dist.integrity`)."""
    return f"sha512-{base64.b64encode(hashlib.sha512(file.read_bytes()).digest()).decode()}"


def main(argv: list[str] | None = None, root: Path = ROOT) -> int:
    """The exit code of the process: 1 when the tree is not ready."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("what", choices=["check", "notes", "collect", "packages"])
    parser.add_argument("--tag", default="", help="v and the version")
    parser.add_argument("--from", dest="parts", type=Path, help="a folder with a folder of each machine")
    arguments = parser.parse_args(argv)
    if arguments.parts is None if arguments.what == "collect" else not arguments.tag:
        parser.error("--from is needed" if arguments.what == "collect" else "--tag is needed")
    version = arguments.tag.removeprefix("v")
    try:
        if arguments.what == "check":
            check(version, root)
            print(f"All is ready for {version}.")
        elif arguments.what == "collect":
            collect(arguments.parts, root)
        elif arguments.what == "packages":
            for name, file in packages(version, root):
                print(name, file.as_posix(), integrity(root / file))
        else:
            print(notes(version, root), end="")
    except NotReady as wrong:
        print(wrong, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
