"""What a library for Linux says of where its own libraries are: taken out, for it is the place of a build."""

import struct
from pathlib import Path

_MAGIC = b"\x7fELF\x02\x01"  # 64 bits, little-endian: all that is built
_LOAD, _DYNAMIC = 1, 2  # PT_LOAD, PT_DYNAMIC
_STRINGS, _RPATH, _RUNPATH = 5, 15, 29  # DT_STRTAB, DT_RPATH, DT_RUNPATH


def forget_search_path(path: Path) -> None:
    """Takes RPATH and RUNPATH out of a file, in place, with what they name. No ELF file: nothing is done.

    PyInstaller's loader names the folder in which the libraries are; with such an entry the place of the
    build would be searched first, on a machine where anybody may have made it.
    """
    content = bytearray(path.read_bytes())
    if content[:6] != _MAGIC:
        return
    loaded = _segments(content, _LOAD)
    for _, offset, size in _segments(content, _DYNAMIC):
        entries = [struct.unpack_from("<qQ", content, at) for at in range(offset, offset + size, 16)]
        strings = next(value for tag, value in entries if tag == _STRINGS)
        kept = []
        for tag, value in entries:
            if tag in (_RPATH, _RUNPATH):
                _blacken(content, _in_file(loaded, strings) + value)
            else:
                kept.append(struct.pack("<qQ", tag, value))
        if len(kept) == len(entries):
            continue
        content[offset : offset + size] = b"".join(kept).ljust(size, b"\0")  # DT_NULL is all zeros
        mode = path.stat().st_mode
        path.chmod(mode | 0o200)
        path.write_bytes(content)
        path.chmod(mode)


def _segments(content: bytearray, wanted: int) -> list[tuple[int, int, int]]:
    """Address, offset and size in the file of each segment of this kind, as the program headers tell them."""
    (headers,) = struct.unpack_from("<Q", content, 32)
    size, count = struct.unpack_from("<HH", content, 54)
    found = []
    for at in range(headers, headers + size * count, size):
        kind, offset, address, in_file = struct.unpack_from("<I4xQQ8xQ", content, at)
        if kind == wanted:
            found.append((address, offset, in_file))
    return found


def _in_file(loaded: list[tuple[int, int, int]], address: int) -> int:
    """Where in the file it is that will be at this address."""
    return next(offset + address - first for first, offset, size in loaded if first <= address < first + size)


def _blacken(content: bytearray, at: int) -> None:
    """Puts X over a string, so that everything behind it stays where it is."""
    end = content.index(0, at)
    content[at:end] = b"X" * (end - at)
