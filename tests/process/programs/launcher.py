"""Starts the edge program on its own descriptors and waits: a parent for tests to kill."""

import subprocess
import sys
from pathlib import Path

program = Path(__file__).with_name("edge_echo.py")
# The child inherits the three descriptors, which the test holds as well.
raise SystemExit(subprocess.run([sys.executable, str(program)], check=False).returncode)
