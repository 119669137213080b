"""What a library for Linux says of where its own libraries are: taken out, for it is the place of a build."""

import struct
from pathlib import Path

_MAGIC = b"\x7fELF\x02\x01"  # 64 bits, little-endian: all that is built
_DYNAMIC = 2  # PT_DYNAMIC
_END, _RPATH, _RUNPATH = 0, 15, 29  # DT_NULL, DT_RPATH, DT_RUNPATH


def forget_search_path(path: Path) -> None:
    """Takes RPATH and RUNPATH out of a file, in place. No ELF file: nothing is done.

    PyInstaller's loader names the folder in which the libraries are; with such an entry the place of the
    build would be searched first, on a machine where anybody may have made it.
    """
    content = bytearray(path.read_bytes())
    if content[:6] != _MAGIC:
        return
    for offset, size in _segments(content):
        entries = [bytes(content[at : at + 16]) for at in range(offset, offset + size, 16)]
        kept = [entry for entry in entries if struct.unpack("<q8x", entry)[0] not in (_RPATH, _RUNPATH)]
        if len(kept) == len(entries):
            continue
        kept += [bytes(16)] * (len(entries) - len(kept))  # DT_NULL
        content[offset : offset + size] = b"".join(kept)
        mode = path.stat().st_mode
        path.chmod(mode | 0o200)
        path.write_bytes(content)
        path.chmod(mode)


def _segments(content: bytearray) -> list[tuple[int, int]]:
    """Offset and size of the dynamic sections, as the program headers tell them."""
    (headers,) = struct.unpack_from("<Q", content, 32)
    size, count = struct.unpack_from("<HH", content, 54)
    found = []
    for at in range(headers, headers + size * count, size):
        kind, offset, in_file = struct.unpack_from("<I4xQ16xQ", content, at)
        if kind == _DYNAMIC:
            found.append((offset, in_file))
    return found
