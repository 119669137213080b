"""What a line that died may be believed to have delivered without a pong."""

import pytest

from sidecar.lifecycle.line import Line
from sidecar.lifecycle.settings import Settings


def line() -> Line:
    return Line(Settings(), 0.0, resuming=False, quiet=True)


def test_what_tcp_had_a_second_before_the_last_byte_was_taken() -> None:
    a_line = line()
    for tenth in range(1, 51):
        a_line.heard(tenth / 10, tenth)
    had = a_line.had(closed=False)
    assert had is not None
    assert (had.at, had.unacked_bytes) == (4.0, 40)


def test_a_close_frame_speaks_for_nobody_who_read() -> None:
    """A service that hangs acknowledges, and what closes the line for it need not have read a byte."""
    a_line = line()
    a_line.heard(3.0, 10)
    a_line.heard(9.0, 0)
    had = a_line.had(closed=True)
    assert had is not None
    assert had.at < 3.0
    assert had.unacked_bytes is None


def test_what_was_acknowledged_at_the_end_of_a_standstill_proves_nothing() -> None:
    a_line = line()
    a_line.heard(1.0, 0)
    a_line.heard(30.0, 0)
    had = a_line.had(closed=False)
    assert had is not None
    assert had.at == 1.0


def test_a_line_too_young_had_nothing_for_sure() -> None:
    a_line = line()
    a_line.heard(0.5, 0)
    assert a_line.had(closed=False) is None


@pytest.mark.parametrize(("ping_at", "had_at"), [(9.9, 9.0), (8.0, 7.5), (-30.0, 5.0)])
def test_a_queue_on_the_way_counts_up_to_five_seconds(ping_at: float, had_at: float) -> None:
    """A proxy acknowledges what still waits in it: the ping that waits with it shows how much, and up to half
    a second of speech may have been written before the ping."""
    a_line = line()
    a_line.liveness.pinged(1, ping_at)
    for tenth in range(1, 101):
        a_line.heard(tenth / 10, 0)
    had = a_line.had(closed=False)
    assert had is not None
    assert had.at == had_at


def test_the_trail_stays_short_however_often_is_heard() -> None:
    a_line = line()
    for thousandth in range(100_000):
        a_line.heard(thousandth / 1000, 0)
    assert len(a_line.trail) < 150
