"""Lines reach the handler in order, and the loop's other work gets its turn between them."""

import asyncio
import os
import threading
import time

import pytest

from sidecar.stdio.framing import TooLong
from sidecar.stdio.intake import Intake


class Recorder:
    """A handler that notes what it was given, and what else the loop did between."""

    def __init__(self):
        self.seen = []
        self.on_line = None

    def line(self, line):
        self.seen.append(line)
        if self.on_line is not None:
            self.on_line(line)

    def too_long(self, size_bytes):
        self.seen.append(TooLong(size_bytes))

    def ending(self, reason):
        raise AssertionError("the intake does not end the process")


@pytest.fixture
async def stream():
    """Feeds an intake through a pipe: `send` bytes, then `finish` to hear that all was dispatched."""

    class Stream:
        def __init__(self):
            self.handler = Recorder()
            self.gone = threading.Event()
            self.read_end, self.write_end = os.pipe()
            self.at_end = asyncio.Event()
            self.intake = Intake(
                asyncio.get_running_loop(),
                self.read_end,
                self.handler,
                max_line_bytes=1_000_000,
                gone=self.gone.set,
                at_end=self.at_end.set,
            )

        async def send(self, data):
            def write():
                view = memoryview(data)
                while view:
                    view = view[os.write(self.write_end, view) :]

            await asyncio.get_running_loop().run_in_executor(None, write)

        async def finish(self):
            os.close(self.write_end)
            self.write_end = -1
            await asyncio.wait_for(self.at_end.wait(), 20)

    stream = Stream()
    yield stream
    if stream.write_end >= 0:
        os.close(stream.write_end)
    stream.gone.wait(20)  # the reader's thread is done with the descriptor
    os.close(stream.read_end)


async def test_every_line_arrives_in_order_and_then_the_end(stream):
    stream.intake.start()
    await stream.send(b"".join(b"%d\r\n" % number for number in range(20_000)) + b"no newline, no line")
    await stream.finish()

    assert stream.handler.seen == [b"%d" % number for number in range(20_000)]
    assert stream.gone.is_set()


async def test_an_over_long_line_is_told_in_its_place(stream):
    stream.intake.start()
    await stream.send(b"before\n" + b"x" * 2_000_000 + b"\nafter\n")
    await stream.finish()

    assert stream.handler.seen == [b"before", TooLong(2_000_000), b"after"]


async def test_a_line_that_cannot_be_handled_costs_no_other_line(stream, caplog):
    def fail_once(line):
        if line == b"2":
            raise ValueError("a defect")

    stream.handler.on_line = fail_once
    stream.intake.start()
    await stream.send(b"1\n2\n3\n")
    await stream.finish()

    assert stream.handler.seen == [b"1", b"2", b"3"]
    assert [record.message for record in caplog.records] == ["a line could not be handled"]


async def test_the_loop_does_other_work_between_many_slow_lines(stream):
    others = 0

    def other_work():
        nonlocal others
        others += 1
        stream.handler.seen.append("other work")
        asyncio.get_running_loop().call_soon(other_work)

    stream.handler.on_line = lambda line: time.sleep(0.001)  # stands for work, not for waiting
    asyncio.get_running_loop().call_soon(other_work)
    stream.intake.start()
    await stream.send(b"".join(b"%d\n" % number for number in range(200)))
    await stream.finish()
    seen = stream.handler.seen

    first, last = seen.index(b"0"), seen.index(b"199")
    stretches = [0]
    for each in seen[first : last + 1]:
        if each == "other work":
            stretches.append(0)
        else:
            stretches[-1] += 1
    assert [each for each in seen if each != "other work"] == [b"%d" % number for number in range(200)]
    assert max(stretches) <= 7  # 5 ms of lines that take 1 ms or more each


async def test_the_loop_does_other_work_between_many_large_lines(stream):
    seen = stream.handler.seen

    def other_work():
        seen.append("other work")
        asyncio.get_running_loop().call_soon(other_work)

    asyncio.get_running_loop().call_soon(other_work)
    stream.intake.start()
    await stream.send((b"x" * 500_000 + b"\n") * 20)
    await stream.finish()

    first = seen.index(b"x" * 500_000)
    assert seen[first:].count("other work") >= 5


async def test_nothing_is_dispatched_after_a_stop(stream):
    stream.handler.on_line = lambda line: stream.intake.stop() if line == b"stop" else None
    stream.intake.start()
    await stream.send(b"before\nstop\nafter\n")
    os.close(stream.write_end)
    stream.write_end = -1
    await asyncio.get_running_loop().run_in_executor(None, stream.gone.wait, 20)
    for _ in range(3):
        await asyncio.sleep(0)

    assert stream.handler.seen == [b"before", b"stop"]
    assert not stream.at_end.is_set()
