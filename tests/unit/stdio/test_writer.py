"""What reaches the host, in which order, with which numbers; and what a host that does not read costs."""

import os
import sys
import threading
import time

import pytest

from sidecar.stdio import writer as module
from sidecar.stdio.writer import Line, Writer

FLUSH_S = 20


class Host:
    """Reads the other end of a writer's pipe, as soon as it is told to."""

    def __init__(self):
        self.read_end, self.write_end = os.pipe()
        self.broken = threading.Event()
        self.times_broken = 0
        self.data = b""
        self._thread = threading.Thread(target=self._read)
        self.writer = Writer(self.write_end, on_broken=self._on_broken)

    def _on_broken(self):
        self.times_broken += 1
        self.broken.set()

    def _read(self):
        pieces = []
        while piece := os.read(self.read_end, 1 << 20):
            pieces.append(piece)
        self.data = b"".join(pieces)

    def hang_up(self):
        os.close(self.read_end)
        self.read_end = -1

    def receive(self):
        """Everything put so far, written by a writer that starts only now, as lines."""
        self.writer.start()
        self._thread.start()
        assert self.writer.flush(FLUSH_S)
        self.close()
        return self.data.decode().split("\n")[:-1]

    def close(self):
        if self._thread.ident is None and self.read_end >= 0:
            self.hang_up()  # a writer in its write holds up the closing of its own end, on Windows
        if self.write_end >= 0:
            os.close(self.write_end)
            self.write_end = -1
        if self._thread.ident is not None:
            self._thread.join()
        if self.read_end >= 0:
            os.close(self.read_end)
            self.read_end = -1


@pytest.fixture
def host():
    host = Host()
    yield host
    host.close()


@pytest.fixture
def small_limits(monkeypatch):
    monkeypatch.setattr(module, "SOFT_LIMIT_BYTES", 1000)
    monkeypatch.setattr(module, "HARD_LIMIT_BYTES", 2000)
    monkeypatch.setattr(module, "RESERVE_BYTES", 500)


def numbered(text, **options):
    return Line(f"{text} ".encode(), b"", **options)


def line_of(size_bytes, mark="x", **options):
    """A line that takes this much room in its queue: its newline counts."""
    return Line(mark.encode().ljust(size_bytes - 1, b"."), **options)


# --- order and numbers --------------------------------------------------------------------------------


def test_lines_of_a_queue_keep_their_order(host):
    for number in range(5000):
        host.writer.put("s1", Line(b"%d" % number))

    assert host.receive() == [str(number) for number in range(5000)]


def test_each_queue_counts_its_numbered_lines_from_one_without_gaps(host):
    for queue in ("s1", "s2", "s1", "s1", "s2"):
        host.writer.put(queue, numbered(queue))
        host.writer.put(queue, Line(b"a response", response=True))

    received = [line for line in host.receive() if line != "a response"]
    assert sorted(received) == ["s1 1", "s1 2", "s1 3", "s2 1", "s2 2"]
    assert [line for line in received if line.startswith("s1")] == ["s1 1", "s1 2", "s1 3"]


def test_the_number_stands_between_head_and_tail(host):
    host.writer.put("s1", Line(b'{"seq":', b',"x":1}'))

    assert host.receive() == ['{"seq":1,"x":1}']


def test_what_stands_around_the_tail_is_written_and_counted(host):
    host.writer.put("a", Line(b"head ", b"tail", before=b" <", after=b">"))
    assert host.writer.pending_bytes("a") == len(b"head  <tail>\n")
    assert host.receive() == ["head 1 <tail>"]


def test_numbers_go_on_after_everything_was_written(host):
    host.writer.put("s1", numbered("first"))
    host.writer.start()
    assert host.writer.flush(FLUSH_S)
    host.writer.put("s1", numbered("second"))
    assert host.writer.flush(FLUSH_S)

    assert os.read(host.read_end, 1000) == b"first 1\nsecond 2\n"


def test_a_forgotten_queue_counts_from_one_again(host):
    host.writer.put("s1", numbered("old"))
    host.writer.start()
    assert host.writer.flush(FLUSH_S)
    host.writer.forget("s1")
    host.writer.put("s1", numbered("new"))
    assert host.writer.flush(FLUSH_S)

    assert os.read(host.read_end, 1000) == b"old 1\nnew 1\n"


def test_forgetting_loses_no_line_and_a_new_session_of_the_name_comes_after_the_old(host):
    for _ in range(3):
        host.writer.put("s1", numbered("old", coalesce="k"))
        host.writer.put("s1", numbered("old"))
    host.writer.forget("s1")
    for _ in range(2):
        host.writer.put("s1", numbered("new", coalesce="k"))
    host.writer.put("other", numbered("other"))
    host.writer.forget("never heard of")

    received = [line for line in host.receive() if not line.startswith("other")]
    assert received == ["old 1", "old 2", "old 3", "old 4", "new 1"]


def test_an_emptied_forgotten_queue_leaves_nothing_behind(host):
    for number in range(100):
        host.writer.put(f"s{number}", numbered("line"))
        host.writer.forget(f"s{number}")
        host.writer.put("", Line(b"process"))
    host.receive()

    assert host.writer._queues == {}
    assert not host.writer._turns


def test_a_line_that_waits_for_other_queues_comes_after_what_they_hold(host):
    for number in range(30):
        host.writer.put("s1", line_of(5000, f"s1-{number} "))
        host.writer.put("s2", line_of(9000, f"s2-{number} "))
    host.writer.put_after(["s1", "s2", "idle"], "", Line(b"batch", response=True))
    assert host.writer.pending_responses == 1
    host.writer.put("s1", Line(b"later"))

    received = [line.split(" ")[0] for line in host.receive()]
    assert len(received) == 62
    batch = received.index("batch")
    assert all(received.index(f"{name}-{number}") < batch for name in ("s1", "s2") for number in range(30))
    assert host.writer.pending_responses == 0


def test_a_line_that_waits_for_idle_queues_is_simply_put(host):
    host.writer.put_after(["s1", "s2"], "", Line(b"batch"))

    assert host.receive() == ["batch"]


# --- fairness -----------------------------------------------------------------------------------------


def test_a_flooding_queue_does_not_hold_up_another_ones_line(host):
    for _ in range(1000):
        host.writer.put("flood", line_of(10_000))
    host.writer.put("quiet", Line(b"state"))

    assert host.receive().index("state") <= 3  # after one turn of the flood


def test_two_flooding_queues_share_by_bytes_and_not_by_lines(host):
    for _ in range(2000):
        host.writer.put("many small", line_of(100, "s"))
    for _ in range(20):
        host.writer.put("few large", line_of(10_000, "l"))

    received = host.receive()
    half = received[: len(received) // 2]
    small = sum(len(line) + 1 for line in half if line[0] == "s")
    large = sum(len(line) + 1 for line in half if line[0] == "l")
    assert abs(small - large) <= 2 * module.QUANTUM_BYTES + 10_000


def test_a_line_far_longer_than_a_turn_is_paid_back(host):
    for _ in range(2):
        host.writer.put("long", line_of(500_000, "l"))
    for _ in range(100):
        host.writer.put("short", line_of(10_000, "s"))

    received = "".join(line[0] for line in host.receive())
    between = received.index("l", received.index("l") + 1) - received.index("l") - 1
    assert 40 <= between <= 60  # 500,000 bytes of the other queue


# --- coalescing, dropping, limits ---------------------------------------------------------------------


def test_a_newer_line_of_the_same_key_takes_the_place_of_an_unwritten_one_at_the_end(host):
    host.writer.put("s1", numbered("health old", coalesce="health"))
    host.writer.put("s1", numbered("text"))
    host.writer.put("s2", numbered("health other session", coalesce="health"))
    host.writer.put("s1", numbered("health new", coalesce="health"))

    received = host.receive()
    assert [line for line in received if "other" not in line] == ["text 1", "health new 2"]
    assert "health other session 1" in received


def test_a_key_whose_only_line_is_replaced_again_and_again_does_not_grow(host):
    for number in range(10_000):
        host.writer.put("s1", numbered(f"{number:05}", coalesce="k", droppable=True, response=True))

    assert host.writer.pending_bytes("s1") == len("00000 ") + 1
    assert host.writer.pending_responses == 1
    assert host.receive() == ["09999 1"]


def test_a_line_that_was_written_is_not_replaced(host):
    first = numbered("first", coalesce="k")
    host.writer.put("s1", first)
    assert not first.taken
    host.writer.start()
    assert host.writer.flush(FLUSH_S)
    assert first.taken
    host.writer.put("s1", numbered("second", coalesce="k"))
    assert host.writer.flush(FLUSH_S)

    assert os.read(host.read_end, 1000) == b"first 1\nsecond 2\n"


@pytest.mark.usefixtures("small_limits")
def test_beyond_the_soft_limit_the_oldest_droppable_lines_go_and_are_reported(host):
    reports = []
    host.writer.on_dropped = lambda queue, lines: reports.append((queue, [line.head[:2] for line in lines]))
    host.writer.put("s1", line_of(100, "kept"))
    for number in range(10):
        host.writer.put("s1", line_of(100, f"a{number}", droppable=True))
    host.writer.put("s2", line_of(900, "other"))
    host.writer.put("s1", line_of(250, "text"))

    assert reports == [("s1", [b"a0"]), ("s1", [b"a1", b"a2", b"a3"])]
    received = [line.rstrip(".") for line in host.receive() if line[0] != "o"]
    assert received == ["kept", *(f"a{number}" for number in range(4, 10)), "text"]


@pytest.mark.usefixtures("small_limits")
def test_who_is_told_of_dropped_lines_may_put_a_line_about_it(host):
    def report(queue, lines):
        host.writer.put(queue, numbered(f"dropped {len(lines)}", coalesce="dropped"))

    host.writer.on_dropped = report
    for _ in range(50):
        host.writer.put("s1", line_of(100, droppable=True))

    assert host.writer.pending_bytes("s1") <= 1000
    assert any(line.startswith("dropped") for line in host.receive())


@pytest.mark.usefixtures("small_limits")
def test_numbers_have_no_gap_where_lines_were_dropped(host):
    for number in range(500):
        host.writer.put("s1", numbered(f"{number:03}", droppable=True))

    numbers = [int(line.split()[1]) for line in host.receive()]
    assert 1 < len(numbers) < 500
    assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.usefixtures("small_limits")
def test_the_hard_limit_is_told_once_and_leaves_room_for_last_words(host):
    told = []
    host.writer.on_overflow = told.append
    for _ in range(21):
        host.writer.put("s1", line_of(100, "text"))
    assert told == ["s1"]
    host.writer.put("s1", Line(b"the session ends", response=True))

    for _ in range(1000):
        host.writer.put("s1", line_of(100, "ignored"))

    assert told == ["s1"]
    assert host.writer.pending_bytes("s1") <= 2100 + 500
    assert host.writer.discarded_lines > 900
    assert "the session ends" in host.receive()


@pytest.mark.usefixtures("small_limits")
def test_one_queue_beyond_its_limit_costs_no_other_queue_anything(host):
    for _ in range(1000):
        host.writer.put("s1", line_of(100))
    for number in range(8):
        host.writer.put("s2", line_of(100, f"n{number}", droppable=True))

    assert [line[:2] for line in host.receive() if line[0] == "n"] == [f"n{number}" for number in range(8)]


def test_the_real_limits_are_those_of_the_design():
    assert (module.SOFT_LIMIT_BYTES, module.HARD_LIMIT_BYTES) == (16 * 2**20, 32 * 2**20)


# --- the books ----------------------------------------------------------------------------------------


def test_pending_bytes_and_responses_go_back_to_nothing(host):
    for _ in range(10):
        host.writer.put("s1", Line(b"12345", b"67", response=True))
        host.writer.put("s1", Line(b"note"))
    assert host.writer.pending_bytes("s1") == 10 * 8 + 10 * 5
    assert host.writer.pending_bytes("nobody") == 0
    assert host.writer.pending_responses == 10

    host.receive()

    assert host.writer.pending_bytes("s1") == 0
    assert host.writer.pending_responses == 0


def test_responses_are_pending_until_they_are_written_and_not_just_taken(host):
    host.writer.put("s1", line_of(10_000_000, response=True))  # more than a pipe holds
    host.writer.start()

    assert not host.writer.flush(0.05)
    assert host.writer.pending_responses == 1


def test_many_threads_may_put_at_once(host):
    def put(name):
        for _ in range(500):
            host.writer.put("shared", numbered(name))

    threads = [threading.Thread(target=put, args=(f"t{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [int(line.split()[1]) for line in host.receive()] == list(range(1, 4001))


def test_a_line_longer_than_any_pipe_arrives_whole(host):
    host.writer.put("s1", Line(b"x" * 5_000_000))

    assert host.receive() == ["x" * 5_000_000]


@pytest.mark.skipif(sys.platform == "win32", reason="pipes of Windows always block")
def test_a_non_blocking_descriptor_loses_nothing(host):
    os.set_blocking(host.write_end, False)
    for number in range(300):
        host.writer.put("s1", line_of(5000, f"{number} "))

    assert [int(line.split(" ")[0]) for line in host.receive()] == list(range(300))


def test_flush_gives_up_in_time_when_nobody_reads(host):
    host.writer.put("s1", Line(b"x" * 1_000_000))
    host.writer.start()
    started = time.monotonic()

    assert not host.writer.flush(0.1)
    assert 0.05 < time.monotonic() - started < 5


def test_flush_of_nothing_is_done_at_once(host):
    assert host.writer.flush(0)


def test_a_host_that_went_away_is_told_once_and_costs_nothing_more(host):
    host.hang_up()
    host.writer.put("s1", Line(b"x", response=True))
    host.writer.start()
    assert host.broken.wait(FLUSH_S)

    for _ in range(1000):
        host.writer.put("s1", Line(b"x" * 10_000, response=True))
        host.writer.put_after(["s1"], "", Line(b"batch", response=True))
        host.writer.forget("s1")

    assert host.times_broken == 1
    assert host.writer.pending_bytes("s1") == 0
    assert host.writer.pending_responses == 0
    assert not host.writer.flush(FLUSH_S)
