"""A tiny protocol on the real edge: one command a line, answered by lines. What the edge tests spawn."""
# ruff: noqa: E402 - the guard comes before every other import, as in the real entry

from sidecar.stdio import guard

descriptors = guard.claim()

print("a banner at import time")

import asyncio
import ctypes
import logging
import os
import subprocess
import sys
import threading
import time

from sidecar.observe import logging as logs
from sidecar.stdio import edge
from sidecar.stdio.writer import Line

MAX_LINE_BYTES = 1024 * 1024


class Echo:
    """`word argument` calls the method `do_word`; what it returns is the answer."""

    def __init__(self, its_edge: edge.Edge) -> None:
        self.edge = its_edge
        self.say(b"ready")

    def say(self, text: bytes) -> None:
        self.edge.writer.put("", Line(text))

    def line(self, line: bytes) -> None:
        word, _, argument = line.partition(b" ")
        answer = getattr(self, f"do_{word.decode()}")(argument)
        if answer is not None:
            self.say(answer)

    def too_long(self, size_bytes: int) -> None:
        self.say(b"too long: %d" % size_bytes)

    def ending(self, reason: str) -> None:
        self.say(b"ending: " + reason.encode())

    def do_echo(self, text: bytes) -> bytes:
        return text

    def do_droppable(self, text: bytes) -> None:
        """An answer that a slow host loses: what bounds the memory under a host that does not read."""
        self.edge.writer.put("echo", Line(text, droppable=True))

    def do_print(self, text: bytes) -> bytes:
        print(text.decode())
        return b"printed"

    def do_os_write(self, text: bytes) -> bytes:
        os.write(1, text + b"\n")
        return b"written"

    def do_libc(self, text: bytes) -> bytes:
        libc = ctypes.CDLL(None)
        libc.write(1, text + b"\n", len(text) + 1)
        libc.puts(text)
        libc.fflush(None)
        return b"written by C"

    def do_child(self, text: bytes) -> bytes:
        program = "import sys; print(sys.argv[1], repr(sys.stdin.read()))"
        subprocess.run([sys.executable, "-c", program, text.decode()], check=True)
        return b"child ended"

    def do_read_stdin(self, _: bytes) -> bytes:
        return b"stdin gave %r" % sys.stdin.read()

    def do_fail(self, text: bytes) -> None:
        raise RuntimeError(text.decode())

    def do_block_loop(self, _: bytes) -> None:
        """Blocks in a system call."""
        threading.Event().wait()

    def do_block_in_c(self, _: bytes) -> None:
        """Blocks in a call that no signal interrupts (Linux): Python's own signal handlers never run."""
        libc = ctypes.CDLL(None)
        mutex = ctypes.create_string_buffer(256)  # all zero is how glibc spells an unlocked one
        libc.pthread_mutex_lock(mutex)
        libc.pthread_mutex_lock(mutex)

    def do_spin_loop(self, _: bytes) -> None:
        """Blocks in Python, without ever giving the interpreter away freely."""
        while True:
            pass

    def do_sleep_ms(self, ms: bytes) -> None:
        time.sleep(int(ms) / 1000)

    def do_block_executor(self, _: bytes) -> bytes:
        """What a name resolution that hangs does: a thread of the default executor that cannot be ended."""
        stuck = threading.Event()
        asyncio.get_running_loop().run_in_executor(None, lambda: (stuck.set(), threading.Event().wait()))
        stuck.wait()
        return b"executor is stuck"

    def do_watch(self, pid: bytes) -> bytes:
        self.edge.watch_parent(int(pid))
        return b"watching"

    def do_log(self, count: bytes) -> bytes:
        for number in range(int(count)):
            logs.log(logging.getLogger("echo"), "info", "x" * 1000, number=number)
        return b"logged"

    def do_flood(self, count: bytes) -> None:
        """Fills the queue of one session, then puts one line in another's, and says so on stderr."""
        for _ in range(int(count)):
            self.edge.writer.put("flood", Line(b"f", b" " + b"x" * 10_000))
        self.edge.writer.put("quiet", Line(b"state changed ", b""))
        print("flooded")

    def do_end(self, code: bytes) -> None:
        self.edge.end("asked", int(code))


logs.setup("info", 2)
edge.run(descriptors, Echo, max_line_bytes=MAX_LINE_BYTES)
