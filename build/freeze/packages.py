"""The Python packages in a build, and what their authors say of them."""

import json
import sys
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

OURS = "live-sidecar"
FREEZER = "pyinstaller"
"""Its boot loader is the program's beginning."""

SPDX = {
    "MIT License": "MIT",
    "GPLv2-or-later with a special exception which allows to use PyInstaller to build and distribute "
    "non-free programs (including commercial ones)": "GPL-2.0-or-later WITH Bootloader-exception",
}
"""For those who name their licence in words of their own."""


class Package(NamedTuple):
    name: str
    version: str
    licence: str
    text: str


def in_modules(modules: list[str]) -> list[Package]:
    """Those that the modules of a build come from, and Python and PyInstaller.

    Raises:
        LookupError: a package tells no licence.
    """
    owners = metadata.packages_distributions()
    tops = {module.partition(".")[0] for module in modules} - set(sys.stdlib_module_names)
    names = {owner for top in tops for owner in owners.get(top, ())} - {OURS} | {FREEZER}
    return [_python(), *sorted(_package(name) for name in names)]


def read_modules(path: Path) -> list[str]:
    """The names that the spec has written down."""
    names: list[str] = json.loads(path.read_text("utf-8"))
    return names


def _package(name: str) -> Package:
    found = metadata.distribution(name)
    about = found.metadata
    words = about.get("License-Expression") or about.get("License") or ""
    texts = [
        Path(str(found.locate_file(file))).read_text("utf-8").strip()
        for file in found.files or ()
        if file.parts[0].endswith(".dist-info") and file.name.upper().startswith(("LICEN", "COPYING"))
    ]
    if not words or not texts:
        raise LookupError(f"{name} {found.version} tells no licence: look it up, and add it here")
    return Package(about["Name"], found.version, SPDX.get(words, words), "\n\n".join(texts))


def _python() -> Package:
    text = next(
        path
        for path in (
            Path(sys.base_prefix, "LICENSE.txt"),
            Path(metadata.__file__).parents[2] / "LICENSE.txt",
        )
        if path.is_file()
    )
    version = ".".join(map(str, sys.version_info[:3]))
    return Package("python", version, "Python-2.0", text.read_text("utf-8").strip())
