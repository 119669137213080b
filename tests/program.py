"""The program that tests of processes start: the sources, or the one that LIVE_SIDECAR_BINARY names, as for the
bridge (`make test-binary`). With LIVE_SIDECAR_WINE that is a Windows program under Wine (`make test-wine`)."""

import os
import sys
from pathlib import Path

import pytest

_named = os.environ.get("LIVE_SIDECAR_BINARY")
BINARY = Path(_named).resolve() if _named else None
WINE = bool(os.environ.get("LIVE_SIDECAR_WINE"))
PLATFORM = "win32" if WINE else sys.platform
"""As the program sees it."""
WINDOWS = Path(__file__).parent / "wine" / "wine.sh"
"""Runs a program for Windows."""
SETUP = Path(__file__).parent / "wine" / "node_modules" / ".wine"
"""What `make setup-wine` made."""
WINDOWS_PYTHON = (str(WINDOWS), str(SETUP / "python/python.exe"))
PYTHON = WINDOWS_PYTHON if WINE else (sys.executable,)
"""For programs of the tests."""
SOURCES = (sys.executable, "-m", "sidecar")
PROGRAM = SOURCES if BINARY is None else (str(BINARY),)
PARENT = {} if WINE else {"parentPid": os.getpid()}
"""What `initialize` tells of this process, which a Windows program cannot see."""

sees_us = pytest.mark.skipif(WINE, reason="tells a Windows program of this process, which it cannot see")
of_sources = pytest.mark.skipif(BINARY is not None, reason="runs Python code, which a binary does not take")
