"""Libraries that are no Python packages: which there may be in a build, and under which licence."""

import re
import ssl
import zlib
from pathlib import Path
from typing import NamedTuple

TEXTS = Path(__file__).parent / "licences"


class Library(NamedTuple):
    """`pattern` fits the names of its files, on every system; `version` is "" where it cannot be told.

    `cpe` is its `vendor:product` in the lists of vulnerabilities, "" where they are asked in vain.
    """

    name: str
    version: str
    licence: str
    text: str
    pattern: str
    cpe: str = ""


_OF_MICROSOFT = r"vcruntime\d+(_1)?\.dll|api-ms-win-.*\.dll|ucrtbase\.dll"

LIBRARIES = (
    Library(
        "openssl",
        ssl.OPENSSL_VERSION.split()[1],
        "Apache-2.0",
        "Apache-2.0.txt",
        r"lib(ssl|crypto)[.-].*",
        "openssl:openssl",
    ),
    # On Windows it is in Python's own library.
    Library(
        "zlib",
        zlib.ZLIB_RUNTIME_VERSION,
        "Zlib",
        "zlib.txt",
        r"libz\..*|zlib1?\.dll|python3\d+\.dll",
        "zlib:zlib",
    ),
    Library("libffi", "", "MIT", "libffi.txt", r"libffi[.-].*"),
    Library("vcruntime", "", "LicenseRef-Microsoft", "vcruntime.txt", _OF_MICROSOFT),
)  # fmt: skip
"""Their names in the bill of materials, too."""
_OF_PYTHON = re.compile(r"(lib)?python3?.*|.*\.pyd|.*\.cpython-.*\.so|.*\.abi3\.so|Python", re.IGNORECASE)
_IS_LIBRARY = re.compile(r".*\.(so|dll|pyd|dylib)(\.\d+)*", re.IGNORECASE)


class Unknown(Exception):
    """A library that is not in the table."""


def in_folder(folder: Path) -> list[Library]:
    """The libraries that lie in a build.

    Raises:
        Unknown: one of the files is of none that is known.
    """
    names = [path.name for path in folder.rglob("*") if path.is_file() and _IS_LIBRARY.fullmatch(path.name)]
    found = set()
    for name in names:
        library = next((each for each in LIBRARIES if re.fullmatch(each.pattern, name, re.I)), None)
        if library is not None:
            found.add(library)
        elif not _OF_PYTHON.fullmatch(name):
            raise Unknown(f"{name} is in the build: exclude it in live-sidecar.spec, or add it to native.py")
    return sorted(found)
