"""There is one way out, it is taken once, and nothing holds it up."""

import asyncio
import threading
import time

import pytest

from sidecar.stdio.exit import DEADLINE_S, End

WAIT_S = 20


class Process:
    """Records what the end does, in order."""

    def __init__(self, loop, *, before=None, flush=lambda timeout_s: True):
        self.steps = []
        self.left = threading.Event()
        self._before = before
        self._flush = flush
        self.end = End(loop, before=self.before, flush=self.flush, leave=self.leave)

    def before(self, reason):
        self.steps.append(("last words", reason, threading.current_thread()))
        if self._before is not None:
            self._before()

    def flush(self, timeout_s):
        self.steps.append(("flush", timeout_s))
        return self._flush(timeout_s)

    def leave(self, code):
        self.steps.append(("left", code))
        self.left.set()

    @property
    def names(self):
        return [step[0] for step in self.steps]


async def gone(process):
    await asyncio.get_running_loop().run_in_executor(None, process.left.wait, WAIT_S)
    assert process.left.is_set()


async def test_last_words_on_the_loop_then_the_flush_then_the_end():
    process = Process(asyncio.get_running_loop())

    process.end.end("asked", 3)
    assert process.end.begun
    await gone(process)

    assert process.names[:3] == ["last words", "flush", "left"]
    assert process.steps[0][1:] == ("asked", threading.current_thread())
    assert process.steps[2] == ("left", 3)


async def test_the_first_reason_wins_from_whatever_thread_the_others_come():
    process = Process(asyncio.get_running_loop())
    process.end.end("first", 1)
    threads = [threading.Thread(target=process.end.end, args=("later", 2)) for _ in range(10)]
    for thread in threads:
        thread.start()
    await gone(process)
    for thread in threads:
        thread.join()

    assert process.names.count("last words") == 1
    assert process.steps[0][1] == "first"
    assert ("left", 2) not in process.steps


async def test_last_words_that_fail_do_not_keep_the_process():
    def fail():
        raise RuntimeError("no words")

    process = Process(asyncio.get_running_loop(), before=fail)

    process.end.end("asked", 0)
    await gone(process)

    assert process.names[:3] == ["last words", "flush", "left"]


async def test_a_blocked_loop_is_passed_over():
    process = Process(asyncio.get_running_loop())
    started = time.monotonic()

    process.end.end("asked", 0)
    assert process.left.wait(WAIT_S)  # blocks this loop until the process has left

    assert process.names == ["flush", "left"]
    assert time.monotonic() - started < DEADLINE_S + 0.5


async def test_a_flush_that_never_returns_is_cut_off_at_the_deadline():
    process = Process(asyncio.get_running_loop(), flush=lambda timeout_s: threading.Event().wait(WAIT_S))
    started = time.monotonic()

    process.end.end("asked", 7)
    await gone(process)

    assert DEADLINE_S - 0.1 < time.monotonic() - started < DEADLINE_S + 1
    assert process.steps[-1] == ("left", 7)


def test_a_closed_loop_is_no_reason_to_stay():
    loop = asyncio.new_event_loop()
    loop.close()
    process = Process(loop)

    process.end.end("asked", 0)

    assert process.left.wait(WAIT_S)
    assert process.names[:2] == ["flush", "left"]


@pytest.mark.parametrize("deadline_s", [0.0, 0.1])
def test_an_armed_exit_fires_whatever_happens(deadline_s):
    process = Process(asyncio.new_event_loop())
    process.end.arm(5, deadline_s)

    assert process.left.wait(WAIT_S)
    assert process.steps == [("left", 5)]
    assert not process.end.begun
    process.end._loop.close()
