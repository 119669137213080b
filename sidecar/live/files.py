"""Files that the host names: looked at before they are read, as a pipe or a device would be read for ever."""

import os
import stat
from pathlib import Path

from sidecar.live.endpoints import InvalidConfig


def regular_file(path: str, where: str) -> os.stat_result:
    """What the system knows of it.

    Args:
        where: how an error names it.

    Raises:
        InvalidConfig: there is no such file, or it is none that ends.
    """
    try:
        found = Path(path).stat()
    except (OSError, ValueError) as exc:
        raise _unreadable(where, exc) from None
    if not stat.S_ISREG(found.st_mode):
        raise InvalidConfig(f"{where} is no file")
    return found


def read_file(path: str, where: str, max_bytes: int) -> bytes:
    """All of it.

    Raises:
        InvalidConfig: as `regular_file`; or it cannot be read, or is longer.
    """
    regular_file(path, where)
    try:
        with Path(path).open("rb") as file:
            data = file.read(max_bytes + 1)
    except OSError as exc:
        raise _unreadable(where, exc) from None
    check_size(data, where, max_bytes)
    return data


def check_size(data: bytes, where: str, max_bytes: int) -> None:
    """Raises InvalidConfig when there is more."""
    if len(data) > max_bytes:
        size, unit = (max_bytes // 1024**2, "MiB") if max_bytes >= 1024**2 else (max_bytes // 1024, "KiB")
        raise InvalidConfig(f"{where} has more than {size} {unit}")


def _unreadable(where: str, exc: Exception) -> InvalidConfig:
    return InvalidConfig(f"{where} cannot be read: {getattr(exc, 'strerror', None) or 'this is no path'}")
