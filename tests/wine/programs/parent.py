"""Starts the program that is named on its own descriptors, says its own number on stderr, and waits to be killed."""

import os
import subprocess
import sys

child = subprocess.Popen([sys.argv[1], "serve", "--log-level", "error"])
sys.stderr.write(f"{os.getpid()}\n")
sys.stderr.flush()
raise SystemExit(child.wait())
