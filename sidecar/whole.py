"""Whether the folder of a frozen build is whole, by the list that lies in it.

A library that is missing would otherwise show late, and as something else: without OpenSSL the process
starts, and cannot open a session. At a start only names are looked at, which takes a millisecond.
"""

import os
import sys
from collections.abc import Iterator

from sidecar.origin import frozen_folder

LIST = "SHA256SUMS"
"""Beside the program; in the form of `sha256sum`."""
REMEDY = (
    "Install live-sidecar again, and ship its folder whole, as it was built: see docs/packaging.md, "
    '"A binary that does not start".'
)
_NAMED = 5


def folder() -> str:
    """Where the program of a frozen build is."""
    return os.path.dirname(sys.executable)  # noqa: PTH120 - pathlib takes longer to import than this takes


def listed() -> Iterator[tuple[str, str]]:
    """SHA-256 and path of every file of the build, by the list.

    Raises:
        OSError: there is no list, or it cannot be read.
    """
    with open(os.path.join(folder(), LIST), encoding="utf-8") as file:  # noqa: PTH118, PTH123
        for line in file:
            digest, _, path = line.rstrip("\n").partition("  ")
            yield digest, path


def missing() -> list[str]:
    """Files that the program needs and that are not there. Empty from sources, and where the list is gone."""
    inside = frozen_folder()
    if inside is None:
        return []
    needed = os.path.basename(inside) + "/"  # noqa: PTH119
    try:
        paths = [path for _, path in listed() if path.startswith(needed)]
    except OSError:
        return []
    return [path for path in paths if not os.path.exists(os.path.join(folder(), path))]  # noqa: PTH110, PTH118


def explain(paths: list[str]) -> str:
    """What is missing and what to do, for a person."""
    more = f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else ""
    names = ", ".join(paths[:_NAMED])
    return f"live-sidecar cannot start: {names}{more} missing in {folder()}. {REMEDY}"
