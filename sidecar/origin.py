"""Which build this is, and what it runs on. It imports nothing: `initialize` tells some of it."""

import os
import sys

from sidecar import __version__

COMMIT_FILE = "COMMIT"
"""Beside the libraries of a frozen build: the commit it was made from."""


def frozen_folder() -> str | None:
    """Where the libraries of a frozen build are; None when this runs from sources."""
    return getattr(sys, "_MEIPASS", None) if getattr(sys, "frozen", False) else None


def python_version() -> str:
    """Such as `3.11.7`."""
    return sys.version.split()[0]


def platform_name() -> str:
    """Such as `linux-x86_64`. Not by `platform`, which takes long to import and, on Windows, to answer."""
    if sys.platform == "win32":
        machine = os.environ.get("PROCESSOR_ARCHITECTURE", "unknown")
    else:
        machine = os.uname().machine
    return f"{sys.platform}-{machine.lower()}"


def commit() -> str | None:
    """What a frozen build was made from; None for sources, or when the file is gone."""
    folder = frozen_folder()
    if folder is None:
        return None
    try:
        with open(os.path.join(folder, COMMIT_FILE), encoding="ascii") as file:  # noqa: PTH118, PTH123
            return file.read().strip()
    except OSError:
        return None


def describe() -> str:
    """Such as `live-sidecar 0.1.0 (commit 1a2b3c4d5e6f, python 3.11.7, OpenSSL 3.0.20, linux-x86_64)`."""
    import ssl

    kind = "from sources" if frozen_folder() is None else f"commit {commit() or 'unknown'}"
    openssl = " ".join(ssl.OPENSSL_VERSION.split()[:2])
    return f"live-sidecar {__version__} ({kind}, python {python_version()}, {openssl}, {platform_name()})"
