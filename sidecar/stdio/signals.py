"""Hears signals though the main thread is blocked (design section 2)."""

import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType

SIGNALS = ("SIGTERM", "SIGINT", "SIGBREAK")
"""SIGBREAK is Windows's own, and the only one that a parent there can send to another process."""


def hear(on_signal: Callable[[int], None], *, at_terminal: bool) -> None:
    """Calls `on_signal` with the number of each signal: from the main thread, from another one, or from both.

    A terminal's Ctrl-C goes to all processes in front, the host and us. Unless we read from that terminal
    ourselves (`at_terminal`) it is the host's to decide on: SIGINT is ignored, and stdin ends when it does.
    Call it in the main thread. It takes the place that `loop.add_signal_handler` would need on POSIX.
    """

    def handler(number: int, frame: FrameType | None) -> None:
        on_signal(number)

    heard = [name for name in SIGNALS if at_terminal or name != "SIGINT"]
    numbers = [number for name in heard if (number := getattr(signal, name, None)) is not None]
    if not at_terminal:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    for number in numbers:
        signal.signal(number, handler)
    if sys.platform != "win32":  # asyncio takes this place for itself on Windows
        _hear_in_thread(numbers, on_signal)


if sys.platform != "win32":

    def _hear_in_thread(numbers: list[int], on_signal: Callable[[int], None]) -> None:
        """Python runs its handlers in the main thread alone, and never when that one is about to block in C.

        The interpreter's own C handler writes the number to a pipe at once, which any thread can read.
        """
        read_end, write_end = os.pipe()
        os.set_blocking(write_end, False)
        signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)

        def run() -> None:
            while came := os.read(read_end, 64):
                for number in came:
                    if number in numbers:
                        on_signal(number)

        threading.Thread(target=run, name="signals", daemon=True).start()
