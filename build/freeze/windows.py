"""What Windows shows of a program: its version, and its icon."""

import re
import struct
import zlib

_RESOURCE = """\
VSVersionInfo(
  ffi=FixedFileInfo(filevers={numbers}, prodvers={numbers}, mask=0x3F, flags=0, OS=0x40004, fileType=1),
  kids=[
    StringFileInfo([StringTable('040904B0', [
      StringStruct('CompanyName', 'live-sidecar'),
      StringStruct('FileDescription', 'Connection to the Gemini Live API'),
      StringStruct('FileVersion', '{version}'),
      StringStruct('InternalName', 'live-sidecar'),
      StringStruct('LegalCopyright', 'MIT licence'),
      StringStruct('OriginalFilename', 'live-sidecar.exe'),
      StringStruct('ProductName', 'live-sidecar'),
      StringStruct('ProductVersion', '{version} ({commit})')])]),
    VarFileInfo([VarStruct('Translation', [0x409, 1200])])
  ]
)
"""
_SIZES = (16, 32, 48, 256)
_BACK, _FRONT = (24, 60, 120, 255), (255, 255, 255, 255)


def version_resource(version: str, commit: str) -> str:
    """The text that PyInstaller makes a version resource of."""
    numbers = (*map(int, re.findall(r"\d+", version)[:3]), 0)  # of 1.2.0-rc.1 the first three
    return _RESOURCE.format(numbers=numbers, version=version, commit=commit)


def icon() -> bytes:
    """An .ico: three bars of sound on a disc."""
    images = [_png(size) for size in _SIZES]
    at = 6 + 16 * len(images)
    entries = b""
    for size, image in zip(_SIZES, images, strict=True):
        entries += struct.pack("<BBBBHHII", size % 256, size % 256, 0, 0, 1, 32, len(image), at)
        at += len(image)
    return struct.pack("<HHH", 0, 1, len(images)) + entries + b"".join(images)


def _png(size: int) -> bytes:
    rows = b"".join(
        b"\0" + b"".join(bytes(_pixel((x + 0.5) / size, (y + 0.5) / size)) for x in range(size))
        for y in range(size)
    )
    header = struct.pack(">IIBBBBB", size, size, 8, 6, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def _pixel(x: float, y: float) -> tuple[int, int, int, int]:
    """The colour at a point of the unit square."""
    if (x - 0.5) ** 2 + (y - 0.5) ** 2 > 0.25:
        return (0, 0, 0, 0)
    bars = ((0.3, 0.14), (0.5, 0.3), (0.7, 0.2))
    on_bar = any(abs(x - middle) < 0.06 and abs(y - 0.5) < half for middle, half in bars)
    return _FRONT if on_bar else _BACK
