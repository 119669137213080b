"""The program that tests of processes start: the sources, or the one that LIVE_SIDECAR_BINARY names, as for the
bridge (`make test-binary`)."""

import os
import sys
from pathlib import Path

import pytest

_named = os.environ.get("LIVE_SIDECAR_BINARY")
BINARY = Path(_named).resolve() if _named else None
SOURCES = (sys.executable, "-m", "sidecar")
PROGRAM = SOURCES if BINARY is None else (str(BINARY),)

of_sources = pytest.mark.skipif(BINARY is not None, reason="runs Python code, which a binary does not take")
