"""Real child processes, watched through their pipes: a pipe at its end is a process that is gone."""

import os
import queue
import subprocess
import threading
import time
from pathlib import Path

import pytest

from tests.program import BINARY, PYTHON, WINE

PROGRAMS = Path(__file__).parent / "programs"
ROOT = Path(__file__).parents[2]
WAIT_S = 30
"""For what should take milliseconds: long enough for a busy machine, short enough to fail."""


class Spawned:
    """A child process with pipes on all three standard descriptors."""

    def __init__(self, command, **options):
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        self.process = subprocess.Popen(command, bufsize=0, cwd=ROOT, **(pipes | options))
        self._received = b""
        self.errors = b""
        self._drain = None

    @property
    def pid(self):
        return self.process.pid

    def drain_stderr(self):
        """Reads stderr from now on, as every host should. `errors` is whole once the process is gone."""

        def run():
            while piece := self.process.stderr.read(65536):
                self.errors += piece

        self._drain = threading.Thread(target=run)
        self._drain.start()
        return self

    def say(self, *lines):
        self.process.stdin.write(b"".join(line + b"\n" for line in lines))

    def hear(self):
        """The next line of stdout, or None at its end."""
        until_s = time.monotonic() + WAIT_S
        while b"\n" not in self._received:
            piece = self._read(until_s - time.monotonic())
            if not piece:
                assert self._received == b"", "the last line was cut off"
                return None
            self._received += piece
        line, _, self._received = self._received.partition(b"\n")
        return line

    def reach_the_end(self, timeout_s):
        """Reads until stdout ends. Its last writer is then gone: a process that lives would hold it open."""
        until_s = time.monotonic() + timeout_s
        while self._read(until_s - time.monotonic()):
            pass

    def _read(self, timeout_s):
        """Once, and only when asked: some tests leave the pipe full. A thread waits, for Windows's `select` takes
        sockets only."""
        pieces = queue.SimpleQueue()
        threading.Thread(
            target=lambda: pieces.put(self.process.stdout.read(65536)), daemon=True, name="one read of stdout"
        ).start()
        try:
            return pieces.get(timeout=max(0, timeout_s))
        except queue.Empty:
            raise AssertionError(f"neither a line nor the end; so far {self._received[:200]!r}") from None

    def hear_all(self):
        """All lines until stdout ends."""
        lines = []
        while (line := self.hear()) is not None:
            lines.append(line)
        return lines

    def seconds_until_gone(self):
        """Waits for the end; stdout must be read by somebody else, or not at all."""
        started_s = time.monotonic()
        while self.process.poll() is None:  # `wait` with a timeout looks only every 50 ms
            assert time.monotonic() - started_s < WAIT_S, "the process is still there"
            time.sleep(0.002)
        return time.monotonic() - started_s

    def clean_up(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(WAIT_S)
        if self._drain is not None:
            self._drain.join(WAIT_S)
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()


@pytest.fixture
def spawn():
    """Starts programs of `programs/`, or with `command=` anything; kills what is left of them."""
    children = []

    def start(*arguments, command=None, **options):
        if command is None:
            if BINARY is not None and not WINE:
                pytest.skip("runs a Python program of its own, not the binary")
            command = [*PYTHON, PROGRAMS / arguments[0], *arguments[1:]]
        child = Spawned([os.fspath(part) for part in command], **options)
        children.append(child)
        return child

    yield start
    for child in children:
        child.clean_up()
