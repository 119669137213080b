"""Bytes become lines, whatever the chunks are."""

import random
import time

import pytest

from sidecar.stdio.framing import LineSplitter, TooLong


def split(data, sizes, limit=100):
    """All lines of `data` when it comes in chunks of these sizes, the last size over and over."""
    splitter = LineSplitter(limit)
    lines = []
    start = 0
    sizes = list(sizes)
    while start < len(data):
        size = sizes.pop(0) if len(sizes) > 1 else sizes[0]
        lines += splitter.feed(data[start : start + size])
        start += size
    return lines


STREAM = b"one\ntwo\r\n\n\r\nthr\ree\n" + "späß \u2028 \u0085\n".encode() + b"x" * 100 + b"\n{}\n"
LINES = [b"one", b"two", b"thr\ree", "späß \u2028 \u0085".encode(), b"x" * 100, b"{}"]


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 64, 10_000])
def test_the_lines_do_not_depend_on_the_chunks(size):
    assert split(STREAM, [size]) == LINES


def test_the_lines_do_not_depend_on_random_chunks_either():
    dice = random.Random(1)
    for _ in range(300):
        stream = b"".join(
            bytes(dice.choices(b"ab\r\n", k=dice.randrange(30))) + b"\n" for _ in range(dice.randrange(9))
        )
        expected = [line.removesuffix(b"\r") for line in stream.split(b"\n")]
        sizes = [dice.randrange(1, 12) for _ in range(40)]
        assert split(stream, sizes) == [line for line in expected if line]


def test_an_unfinished_line_waits_for_its_newline():
    splitter = LineSplitter(100)

    assert splitter.feed(b"begin") == []
    assert splitter.feed(b" middle") == []
    assert splitter.feed(b" end\nnext") == [b"begin middle end"]
    assert splitter.feed(b"\n") == [b"next"]


def test_a_carriage_return_and_its_newline_may_come_in_two_chunks():
    splitter = LineSplitter(100)

    assert splitter.feed(b"line\r") == []
    assert splitter.feed(b"\n") == [b"line"]


def test_only_one_carriage_return_is_taken_off():
    assert LineSplitter(100).feed(b"line\r\r\n") == [b"line\r"]


@pytest.mark.parametrize("size", [1, 3, 50, 1000])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_a_line_of_exactly_the_limit_is_a_line_and_one_byte_more_is_not(size, end):
    stream = b"x" * 100 + end + b"y" * 101 + end + b"after" + end

    assert split(stream, [size]) == [b"x" * 100, TooLong(100 + len(end)), b"after"]


@pytest.mark.parametrize("size", [1, 99, 101, 102, 103, 5000])
def test_a_line_over_the_limit_is_reported_once_and_costs_no_other_line(size):
    stream = b"before\n" + b"x" * 2000 + b"\nafter\n" + b"y" * 300 + b"\nend\n"

    assert split(stream, [size]) == [b"before", TooLong(2000), b"after", TooLong(300), b"end"]


def test_a_line_over_the_limit_is_not_kept():
    splitter = LineSplitter(1000)
    for _ in range(1000):
        assert splitter.feed(b"x" * 10_000) == []
        assert len(splitter._held) <= 1001

    assert splitter.feed(b"\nok\n") == [TooLong(10_000_000), b"ok"]


def test_a_long_line_costs_time_by_its_length_and_not_by_its_square():
    def seconds(size_bytes):
        splitter = LineSplitter(size_bytes)
        chunk = b"x" * 4096
        started = time.process_time()
        for _ in range(size_bytes // len(chunk)):
            splitter.feed(chunk)
        assert splitter.feed(b"\n") == [b"x" * size_bytes]
        return time.process_time() - started

    small = min(seconds(2**21) for _ in range(5))
    large = min(seconds(2**25) for _ in range(3))

    assert large < 16 * small * 6 + 0.05  # the square would be 256 times as long
