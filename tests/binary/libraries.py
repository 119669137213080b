"""What libraries are called in a build, by system: patterns for the names of files."""

import sys

_NAMES = {
    "linux": ("libssl.so*", "libcrypto.so*", "libpython*.so*", ".*.so"),
    "darwin": ("libssl*.dylib", "libcrypto*.dylib", "Python", ".*.so"),
    "win32": ("libssl*.dll", "libcrypto*.dll", "python3?*.dll", "*.pyd"),
}
SSL, CRYPTO, PYTHON, _ENDING = _NAMES[sys.platform]


def module(name: str) -> str:
    """A compiled module of Python's, or of a package."""
    return name + _ENDING
