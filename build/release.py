"""What a release needs beside its binaries: one version everywhere, and its notes.

python build/release.py check --tag v0.1.0    exit 1, naming all that disagrees with the tag
python build/release.py notes --tag v0.1.0    print the section of the change log
"""

import argparse
import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HEADING = re.compile(r"^## (?P<version>\S+) \((?P<date>[^)]*)\)$", re.MULTILINE)
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


def main(argv: list[str] | None = None, root: Path = ROOT) -> int:
    """The exit code of the process: 1 when the tree is not ready."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("what", choices=["check", "notes"])
    parser.add_argument("--tag", required=True, help="v and the version")
    arguments = parser.parse_args(argv)
    version = arguments.tag.removeprefix("v")
    try:
        if arguments.what == "check":
            check(version, root)
            print(f"All is ready for {version}.")
        else:
            print(notes(version, root), end="")
    except NotReady as wrong:
        print(wrong, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
