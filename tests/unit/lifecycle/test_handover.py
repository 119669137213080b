"""When a line is left: in a quiet moment of the last 45 s, or 8 s before the end."""

import pytest

from sidecar.lifecycle.handover import Schedule
from sidecar.lifecycle.settings import HandOver


@pytest.mark.parametrize(
    ("time_left_s", "quiet", "due_after_s"), [(300.0, True, 255.0), (300.0, False, 292.0), (50.0, True, 5.0), (50.0, False, 42.0)]
)  # fmt: skip
def test_the_moment_depends_on_who_speaks(time_left_s: float, quiet: bool, due_after_s: float) -> None:
    schedule = Schedule(HandOver(), 0.0)
    schedule.go_away(time_left_s, 100.0)
    assert schedule.next_due_at(quiet=quiet) == 100.0 + due_after_s
    assert not schedule.due(100.0 + due_after_s - 0.1, quiet=quiet)
    assert schedule.due(100.0 + due_after_s, quiet=quiet)


def test_the_earliest_end_counts() -> None:
    schedule = Schedule(HandOver(), 0.0)
    schedule.go_away(300.0, 0.0)
    schedule.go_away(50.0, 10.0)
    schedule.go_away(300.0, 20.0)
    assert schedule.ends_at == 60.0


def test_without_a_go_away_a_line_is_left_after_55_minutes_and_a_closing_one_never() -> None:
    schedule = Schedule(HandOver(), 0.0)
    assert (schedule.next_due_at(quiet=True), schedule.reason) == (3300.0, "recycle")
    schedule.cancel()
    assert not schedule.due(1e9, quiet=False)
