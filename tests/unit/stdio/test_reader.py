"""The reader hands over what comes, within its bound, and sees the end whatever the loop does."""

import os
import socket
import sys
import threading

import pytest

from sidecar.stdio.reader import MAX_OUTSTANDING_BYTES, Reader

WAIT_S = 20


class Loop:
    """Stands where the event loop stands: it takes chunks when the test says so."""

    def __init__(self, fd):
        self.woken = threading.Semaphore(0)
        self.gone = threading.Event()
        self.times_gone = 0
        self.reader = Reader(fd, wake=self.woken.release, gone=self._on_gone)

    def _on_gone(self):
        self.times_gone += 1
        self.gone.set()

    def take_all(self):
        """Takes until the end of the input."""
        data = b""
        while True:
            assert self.woken.acquire(timeout=WAIT_S)
            while (chunk := self.reader.take()) is not None:
                if not chunk:
                    return data
                data += chunk
                self.reader.release(chunk)


@pytest.fixture
def pipe():
    ends = list(os.pipe())
    yield ends
    for end in reversed(ends):  # a reader in its read holds up the closing of its own end, on Windows
        if end >= 0:
            os.close(end)


def hang_up(pipe):
    fd, pipe[1] = pipe[1], -1  # first, so that it is closed once
    os.close(fd)


def fill_in_background(pipe, data):
    def fill():
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(pipe[1], view) :]
        finally:
            hang_up(pipe)

    thread = threading.Thread(target=fill, daemon=True)
    thread.start()
    return thread


def test_everything_arrives_in_order_and_then_the_end(pipe):
    data = os.urandom(5_000_000)
    loop = Loop(pipe[0])
    fill_in_background(pipe, data)
    loop.reader.start()

    assert loop.take_all() == data
    assert loop.times_gone == 1


def test_it_reads_no_more_than_its_bound_ahead_of_the_loop(pipe):
    loop = Loop(pipe[0])
    thread = fill_in_background(pipe, b"x" * 5_000_000)
    loop.reader.start()

    thread.join(0.5)

    assert thread.is_alive()  # the pipe is full, the host waits
    assert loop.reader._outstanding_bytes <= MAX_OUTSTANDING_BYTES + 65_536 + 64
    assert len(loop.take_all()) == 5_000_000


def test_the_loop_is_woken_once_however_many_chunks_wait(pipe):
    loop = Loop(pipe[0])
    fill_in_background(pipe, b"x" * 500_000)
    loop.reader.start()
    assert loop.gone.wait(WAIT_S)

    assert loop.take_all() == b"x" * 500_000
    assert not loop.woken.acquire(blocking=False)


@pytest.mark.skipif(sys.platform == "win32", reason="a Windows pipe tells its end only after its last byte")
@pytest.mark.parametrize("left_unread", [0, 3_000_000])
def test_the_end_is_seen_though_the_loop_takes_nothing(pipe, left_unread):
    loop = Loop(pipe[0])
    loop.reader.start()
    blocked = MAX_OUTSTANDING_BYTES + left_unread

    def fill():
        os.set_blocking(pipe[1], False)
        sent = 0
        while sent < blocked and loop.reader._outstanding_bytes < MAX_OUTSTANDING_BYTES:
            try:
                sent += os.write(pipe[1], b"x" * 65_536)
            except BlockingIOError:
                threading.Event().wait(0.001)
        hang_up(pipe)

    fill()

    assert loop.gone.wait(WAIT_S)
    assert loop.times_gone == 1


@pytest.mark.skipif(sys.platform == "win32", reason="Node's pipes are sockets on POSIX alone")
@pytest.mark.parametrize("how", [socket.SHUT_WR, socket.SHUT_RDWR])
def test_a_socket_for_a_pipe_tells_its_end_as_well(how):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        loop = Loop(ours.fileno())
        loop.reader.start()
        theirs.setblocking(False)
        while loop.reader._outstanding_bytes < MAX_OUTSTANDING_BYTES:
            try:
                theirs.send(b"x" * 65_536)
            except BlockingIOError:
                threading.Event().wait(0.001)
        assert not loop.gone.is_set()

        theirs.shutdown(how)

        if sys.platform == "linux" or how == socket.SHUT_RDWR:
            assert loop.gone.wait(WAIT_S)


def test_a_host_that_writes_byte_by_byte_is_bounded_as_well(pipe):
    loop = Loop(pipe[0])
    loop.reader.start()
    for number in range(1, 51):
        os.write(pipe[1], b"x")
        assert loop.woken.acquire(timeout=WAIT_S)  # read, and by itself
        assert loop.reader.take() == b"x"
        assert loop.reader.take() is None
        assert loop.reader._outstanding_bytes >= number * 50  # far more than the byte it holds


@pytest.mark.skipif(sys.platform == "win32", reason="pipes of Windows always block")
def test_a_non_blocking_descriptor_is_waited_for(pipe):
    os.set_blocking(pipe[0], False)
    loop = Loop(pipe[0])
    loop.reader.start()
    os.write(pipe[1], b"hello")
    hang_up(pipe)

    assert loop.take_all() == b"hello"


def test_a_descriptor_that_cannot_be_read_is_at_its_end():
    fd = os.open(os.devnull, os.O_WRONLY)
    try:
        loop = Loop(fd)
        loop.reader.start()

        assert loop.take_all() == b""
        assert loop.times_gone == 1
    finally:
        os.close(fd)
