"""What is counted: figures that balance at every moment, and what the histograms say."""

import random

import pytest

from sidecar.lifecycle import events as ev
from sidecar.lifecycle.faults import classify
from sidecar.lifecycle.item import Item, Kind
from sidecar.lifecycle.settings import (
    OutboxLimits,
    Reconnect,
    Settings,
)
from sidecar.lifecycle.states import State
from sidecar.lifecycle.stats import Histogram, Stats
from tests.unit.lifecycle.rig import (
    BUSY,
    CHUNK_US,
    DENIED,
    REFUSED,
    Rig,
)

BOUNDS_S = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0]

# --- histograms and percentiles -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value_s", "bucket"),
    [(0.0, 0), (0.005, 0), (0.0051, 1), (0.1, 4), (0.3, 6), (1.0, 7), (59.0, 12), (300.0, 13), (301.0, 14), (1e9, 14)],
)  # fmt: skip
def test_a_duration_goes_into_the_first_bucket_that_is_long_enough(value_s: float, bucket: int) -> None:
    histogram = Histogram()
    histogram.add(value_s)
    assert histogram.counts.index(1) == bucket
    assert len(histogram.counts) == len(BOUNDS_S) + 1


def test_a_histogram_knows_sum_count_and_maximum() -> None:
    histogram = Histogram()
    for value_s in (0.2, 0.05, 3.0):
        histogram.add(value_s)
    assert (histogram.count, histogram.sum_s, histogram.max_s) == (3, pytest.approx(3.25), 3.0)


def test_without_a_round_trip_there_is_no_percentile() -> None:
    assert Stats().rtt_percentile_s(0.5) is None


@pytest.mark.parametrize(("size", "share", "rank"), [(1, 0.5, 1), (1, 0.99, 1), (3, 0.5, 2), (101, 0.5, 51)])
def test_a_percentile_is_the_nearest_rank(size: int, share: float, rank: int) -> None:
    assert _percentile(size, share) == rank


@pytest.mark.parametrize(
    ("size", "share", "rank"), [(4, 0.5, 2), (2, 0.5, 1), (100, 0.95, 95), (20, 0.9, 18)]
)
def test_a_percentile_whose_rank_is_whole_is_the_nearest_rank(size: int, share: float, rank: int) -> None:
    assert _percentile(size, share) == rank


def _percentile(size: int, share: float) -> float | None:
    """Of 1, 2, 3 ... in some order."""
    stats = Stats()
    values = [float(n) for n in range(1, size + 1)]
    random.Random(1).shuffle(values)
    for value in values:
        stats.round_trip(value)
    return stats.rtt_percentile_s(share)


def test_percentiles_are_of_the_newest_128_round_trips() -> None:
    stats = Stats()
    for value in [9.0] * 500 + [0.1] * 128:
        stats.round_trip(value)
    assert stats.rtt_percentile_s(0.99) == 0.1
    assert (stats.rtt.count, stats.pongs) == (628, 628)


# --- steps, gaps, errors --------------------------------------------------------------------------


def test_each_step_of_an_attempt_is_timed_from_the_one_before() -> None:
    rig = Rig()
    rig.start()
    core = rig.core
    for seconds, step in (
        (0.01, core.resolved),
        (0.02, core.tcp_connected),
        (0.03, core.secured),
        (0.04, lambda now: core.upgraded(now, resuming=False)),
        (0.5, core.setup_complete),
    ):
        rig.pass_time(seconds)
        step(rig.now)
    stats = core.stats
    assert {name: round(took_s, 6) for name, took_s in stats.last_steps.items()} == {
        "dns": 0.01,
        "tcp": 0.02,
        "tls": 0.03,
        "upgrade": 0.04,
        "setup": 0.5,
    }
    assert {name: histogram.count for name, histogram in stats.steps.items()} == dict.fromkeys(
        ("dns", "tcp", "tls", "upgrade", "setup"), 1
    ) | {"proxy": 0}


def test_through_a_proxy_the_way_to_it_and_beyond_it_are_timed_apart() -> None:
    rig = Rig()
    rig.start()
    for seconds, step in (
        (0.01, rig.core.resolved),
        (0.02, rig.core.tunnelling),
        (0.03, rig.core.tcp_connected),
    ):
        rig.pass_time(seconds)
        step(rig.now)
    steps = {name: round(took_s, 6) for name, took_s in rig.core.stats.last_steps.items()}
    assert steps == {"dns": 0.01, "tcp": 0.02, "proxy": 0.03}


def test_the_time_in_the_queue_of_dials_is_no_step() -> None:
    rig = Rig()
    rig.core.open(rig.now)
    rig.now += 7.0  # others are dialling
    rig.run()
    rig.pass_time(0.01)
    rig.core.resolved(rig.now)
    assert rig.core.stats.last_steps["dns"] == pytest.approx(0.01)


def test_a_gap_lasts_from_the_loss_to_setup_complete() -> None:
    rig = Rig()
    rig.open()
    rig.pass_time(20.0)
    rig.cut()
    rig.wait_for_attempt()
    rig.pass_time(0.5)
    rig.connect()
    gaps = rig.core.stats.gaps
    assert (gaps.count, gaps.max_s) == (1, pytest.approx(2.0, abs=0.06))
    assert rig.of(ev.Reconnected)[-1].gap_s == gaps.max_s


def test_errors_are_counted_by_kind_and_the_newest_are_kept() -> None:
    stats = Stats()
    for n in range(60):
        stats.error(classify(REFUSED), float(n), fatal=False)
    stats.error(classify(DENIED), 60.0, fatal=True)
    assert stats.errors == {"connectionRefused": 60, "accessDenied": 1}
    assert (stats.fatal_errors, len(stats.recent_errors)) == (1, 50)
    assert [stats.recent_errors[0].at, stats.recent_errors[-1].at] == [11.0, 60.0]
    assert stats.recent_errors[-1].fatal


def test_what_is_told_as_a_failure_is_what_is_counted() -> None:
    rig = Rig(Settings(reconnect=Reconnect(max_attempts=3)))
    rig.open()
    rig.pass_time(11.0)
    rig.cut()
    while rig.state != "failed":
        rig.wait_for_attempt()
        rig.cut(BUSY)
    told = [e.fault.kind for e in rig.of(ev.Failure)]
    assert dict(rig.core.stats.errors) == {kind: told.count(kind) for kind in told}
    assert rig.core.stats.fatal_errors == 1


# --- up and down ----------------------------------------------------------------------------------


def test_up_and_down_time_add_up_to_the_life_of_a_session_less_its_rest() -> None:
    rig = Rig()
    rig.start()
    rig.pass_time(3.0)  # the first connection is being made: neither
    rig.connect()
    rig.core.handle("handle-1", resumable=True)
    rig.pass_time(20.0)
    rig.cut()
    rig.pass_time(1.5)
    rig.connect()
    rig.pass_time(30.0)
    rig.core.suspend(rig.now, "suspendRequested")
    rig.run()
    rig.echo()
    rig.pass_time(1000.0)
    rig.core.resume(rig.now, "resumeRequested")
    rig.run()
    rig.pass_time(0.5)
    rig.connect()
    rig.pass_time(10.0)
    rig.cut(DENIED)
    rig.pass_time(5.0)
    stats = rig.core.stats
    assert stats.up_s(rig.now) == pytest.approx(20.0 + 30.0 + 10.0)
    assert stats.down_s(rig.now) == pytest.approx(1.5 + 0.5 + 5.0)
    rig.core.close(rig.now)
    rig.run()
    rig.pass_time(100.0)
    assert stats.down_s(rig.now) == pytest.approx(7.0)


def test_a_suspect_line_and_one_that_is_being_left_are_up() -> None:
    rig = Rig()
    rig.open()
    rig.answers_pings = False
    rig.pass_time(40.0)
    assert rig.state == "connected/suspect"
    rig.core.reconnect(rig.now)
    rig.run()
    rig.pass_time(0.2)
    assert rig.core.stats.up_s(rig.now) == pytest.approx(40.2)
    assert rig.core.stats.down_s(rig.now) == 0.0


def test_before_the_first_connection_nothing_is_down() -> None:
    stats = Stats()
    stats.entered(State.CONNECTING, 0.0)
    stats.entered(State.FAILED, 30.0)
    assert (stats.up_s(100.0), stats.down_s(100.0)) == (0.0, 0.0)


# --- the most that was kept -----------------------------------------------------------------------


def test_the_most_that_was_ever_kept_is_remembered() -> None:
    rig = Rig(Settings(outbox=OutboxLimits(flush_rate=1000.0)))
    rig.open()
    rig.answers_pings = False
    rig.speak(0, 24)
    rig.cut()
    for n in range(25, 75):
        rig.core.offer(Item(Kind.AUDIO, b"xy", n=n, audio_us=CHUNK_US), rig.now)
    rig.say(75, b"abc")
    high = rig.core.outbox.high_water
    assert high.unconfirmed_us == 25 * CHUNK_US
    assert high.held_us == 75 * CHUNK_US
    assert (high.messages, high.size) == (76, 25 + 50 * 2 + 3)
    rig.answers_pings = True
    rig.wait_for_attempt()
    rig.connect()
    rig.pass_time(20.0)
    assert rig.core.outbox.idle
    assert (high.held_us, high.messages, high.size) == (75 * CHUNK_US, 76, 128)
