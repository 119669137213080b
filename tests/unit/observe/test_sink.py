"""The sink writes what it can, and waits for nobody."""

import contextlib
import json
import os
import sys
import time
from typing import ClassVar

import pytest

from sidecar.observe import sink as module


class Sink(module.Sink):
    """One whose thread ends with its test: a descriptor's number is soon another pipe's."""

    made: ClassVar[list["Sink"]] = []

    def __init__(self, fd, **options):
        super().__init__(fd, **options)
        self.made.append(self)

    def end(self):
        self.close()
        if self._thread is not None:
            self._thread.join(5)
            assert not self._thread.is_alive()


@pytest.fixture
def pipe():
    read_fd, write_fd = os.pipe()
    yield read_fd, write_fd
    with contextlib.suppress(OSError):  # the test closed it
        os.close(read_fd)  # who waits to write is told
    while Sink.made:
        Sink.made.pop().end()
    with contextlib.suppress(OSError):
        os.close(write_fd)


def read_lines(fd, count, *, exactly=False):
    data = b""
    while data.count(b"\n") < count:
        data += os.read(fd, 1 if exactly else 65536)
    return data.splitlines()


def test_lines_arrive_in_order(pipe):
    sink = Sink(pipe[1])
    for number in range(100):
        sink.put(b"%d\n" % number)

    assert sink.flush(5)
    assert read_lines(pipe[0], 100) == [b"%d" % number for number in range(100)]


def test_put_does_not_wait_for_a_reader_that_is_not_there(pipe):
    sink = Sink(pipe[1], max_queued_bytes=100_000)
    started = time.monotonic()

    for _ in range(10_000):
        sink.put(b"x" * 999 + b"\n")

    assert time.monotonic() - started < 2
    assert not sink.flush(0.01)


def test_what_was_dropped_is_counted_and_told_in_its_place(pipe):
    sink = Sink(pipe[1], max_queued_bytes=100_000)
    for number in range(1000):
        sink.put(b"%-999d\n" % number)  # a pipe and the queue hold fewer than these

    expected = dropped = 0
    while expected < 1000:
        (line,) = read_lines(pipe[0], 1, exactly=True)
        if line.startswith(b"{"):
            dropped += json.loads(line)["dropped"]
            expected += json.loads(line)["dropped"]
        else:
            assert int(line) == expected
            expected += 1

    assert expected == 1000
    assert dropped > 0
    sink.put(b"later\n")
    assert read_lines(pipe[0], 1) == [b"later"]


def test_a_reader_that_went_away_ends_the_sink_and_nothing_else(pipe):
    os.close(pipe[0])
    sink = Sink(pipe[1])

    sink.put(b"to nobody\n")

    assert sink.flush(5)
    sink.put(b"to nobody\n")
    assert sink.flush(0)


def test_a_closed_descriptor_ends_the_sink_and_nothing_else():
    fd = os.open(os.devnull, os.O_WRONLY)
    os.close(fd)
    sink = Sink(fd)

    sink.put(b"to nobody\n")

    assert sink.flush(5)


@pytest.mark.skipif(sys.platform == "win32", reason="pipes of Windows always block")
def test_a_non_blocking_descriptor_loses_nothing(pipe):
    os.set_blocking(pipe[1], False)
    sink = Sink(pipe[1])
    for number in range(500):
        sink.put(b"%-999d\n" % number)

    assert [int(line) for line in read_lines(pipe[0], 500)] == list(range(500))


def test_a_closed_sink_still_writes_what_it_took(pipe):
    sink = Sink(pipe[1])
    sink.put(b"taken\n")
    sink.close()
    sink.put(b"not taken\n")

    assert sink.flush(5)
    assert os.read(pipe[0], 100) == b"taken\n"
