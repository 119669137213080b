"""The real process behind a fence, its stdout read by a thread: lines out, growth measured, secrets looked for."""

import json
import os
import subprocess
import sys
import threading
from collections import deque
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[2]
PROGRAMS = Path(__file__).parent / "programs"
PROGRAM = ("fenced.py",)
"""What is run, of `programs`; the proof that the judges can see runs others."""
CANARY = "canary-9a31e7-of-a-key"
"""Stands wherever the protocol takes a secret, and must come back nowhere."""
WAIT_S = 20.0
"""For what should take milliseconds: long enough for a busy machine, short enough to call a hang."""

sys.set_int_max_str_digits(0)  # the numbers that are sent are read here too


class Broken(AssertionError):
    """The process broke a promise."""


class Child:
    """A process that was told `initialize`."""

    def __init__(self):
        self.process = subprocess.Popen(
            [sys.executable, str(PROGRAMS / PROGRAM[0]), *PROGRAM[1:], "serve", "--log-level", "error"],
            bufsize=0,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
        self._watched = psutil.Process(self.process.pid)
        self._lines = deque()
        self._changed = threading.Condition()
        self._ended = False
        self._leaks = []
        self.errors = b""
        self._threads = [
            threading.Thread(target=self._read_stdout, daemon=True),
            threading.Thread(target=self._read_stderr, daemon=True),
        ]
        for thread in self._threads:
            thread.start()
        self.say(call("begin", "initialize", protocolVersion="1", client={"name": "fuzz", "version": "1"}))
        hello = self.hear()
        if "result" not in hello:
            raise Broken(f"initialize was answered with {hello}")

    def _read_stdout(self):
        rest = b""
        while piece := self.process.stdout.read(2**18):
            *lines, rest = (rest + piece).split(b"\n")
            with self._changed:
                self._lines.extend(lines)
                self._changed.notify()
        with self._changed:
            self._ended = True
            self._changed.notify()

    def _read_stderr(self):
        while piece := self.process.stderr.read(2**16):
            self.errors = self.errors[-(2**16) :] + piece
            if CANARY.encode() in self.errors:
                self._leaks.append("stderr")

    def say(self, data):
        """Writes as it is. Whoever is gone cannot be written to."""
        try:
            view = memoryview(data)
            while view:
                view = view[self.process.stdin.write(view) :]
        except OSError:
            raise Broken(f"the process is gone: {self._epitaph()}") from None

    def hear_raw(self):
        """The next line of stdout."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._lines or self._ended, WAIT_S):
                raise Broken(f"silent for {WAIT_S} s")
            if not self._lines:
                raise Broken(f"stdout ended: {self._epitaph()}")
            return self._lines.popleft()

    def hear(self):
        """The next line, which must be strict JSON, without a secret."""
        return self.read(self.hear_raw())

    def read(self, line):
        if CANARY.encode() in line or self._leaks:
            raise Broken(f"a secret came back, on {self._leaks or 'stdout'}: {line[:300]!r}")
        try:
            return json.loads(line, parse_constant=_not_json)
        except RecursionError:
            return None
        except ValueError as error:
            raise Broken(f"stdout holds no JSON ({error}): {line[:300]!r}") from None

    def figures(self):
        """What may not grow: resident bytes, descriptors, threads."""
        return {
            "rss": self._watched.memory_info().rss,
            "fds": self._watched.num_fds(),
            "threads": self._watched.num_threads(),
        }

    def _epitaph(self):
        try:
            code = self.process.wait(WAIT_S)
        except subprocess.TimeoutExpired:
            code = "it lives"
        return f"exit code {code}; stderr: {self.errors[-2000:].decode(errors='replace')}"

    def end(self):
        """Ends it by the end of its input; returns the exit code."""
        self.process.stdin.close()
        return self.code()

    def code(self):
        """The exit code of a process that was told to end."""
        try:
            return self.process.wait(WAIT_S)
        except subprocess.TimeoutExpired:
            raise Broken(f"still there after {WAIT_S} s") from None
        finally:
            self.discard()

    def discard(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(WAIT_S)
        for thread in self._threads:
            thread.join(WAIT_S)
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            pipe.close()


def call(call_id, method, **params):
    """A call's line, newline and all."""
    return json.dumps({"jsonrpc": "2.0", "id": call_id, "method": method, "params": params}).encode() + b"\n"


def tell(method, **params):
    """A notification's line."""
    return json.dumps({"jsonrpc": "2.0", "method": method, "params": params}).encode() + b"\n"


def _not_json(name):
    raise ValueError(f"{name} is not JSON")
