"""The delay after the n-th failure, and the stated distribution of its jitter."""

import math
import random
import statistics

import pytest

from sidecar.lifecycle.backoff import backoff_s, delay_s
from sidecar.lifecycle.settings import BackoffKind, Reconnect

SAMPLES = 20_000
BINS = 20
CHI_SQUARE_19_DF = 43.82
"""Passed by chance once in a thousand."""
KOLMOGOROV_SMIRNOV = 1.95 / math.sqrt(SAMPLES)
"""The same."""


def chi_square(waits: list[float], low: float, high: float) -> float:
    """Against the uniform distribution between the two."""
    counts = [0] * BINS
    for wait in waits:
        counts[min(BINS - 1, int((wait - low) / (high - low) * BINS))] += 1
    expected = len(waits) / BINS
    return sum((seen - expected) ** 2 / expected for seen in counts)


def largest_distance(waits: list[float], low: float, high: float) -> float:
    """Kolmogorov-Smirnov, against the uniform distribution between the two."""
    ordered = sorted(waits)
    size = len(ordered)
    return max(
        max((i + 1) / size - (wait - low) / (high - low), (wait - low) / (high - low) - i / size)
        for i, wait in enumerate(ordered)
    )


@pytest.mark.parametrize(
    ("settings", "delays_s"),
    [
        (Reconnect(), [1, 2, 4, 8, 16, 30, 30, 30]),
        (Reconnect(base_delay_s=0.5, factor=3.0, max_delay_s=10.0), [0.5, 1.5, 4.5, 10, 10]),
        (Reconnect(factor=1.0), [1, 1, 1, 1]),
        (Reconnect(backoff="linear", base_delay_s=2.0, max_delay_s=7.0), [2, 4, 6, 7, 7]),
        (Reconnect(backoff="fibonacci"), [1, 1, 2, 3, 5, 8, 13, 21, 30, 30]),
        (Reconnect(backoff="fibonacci", base_delay_s=0.1, max_delay_s=0.6), [0.1, 0.1, 0.2, 0.3, 0.5, 0.6]),
        (Reconnect(backoff="list", delays_s=(3.0, 0.0, 50.0, 7.0)), [3, 0, 50, 7, 7, 7]),
        (Reconnect(backoff="list", delays_s=(0.25,)), [0.25, 0.25]),
    ],
)
def test_each_kind_grows_as_it_says_and_stays_under_its_cap(
    settings: Reconnect, delays_s: list[float]
) -> None:
    assert [delay_s(n, settings) for n in range(1, len(delays_s) + 1)] == pytest.approx(delays_s)


@pytest.mark.parametrize("kind", ["exponential", "linear", "fibonacci", "list"])
@pytest.mark.parametrize("failures", [64, 65, 1000, 10**6, 10**9])
def test_however_many_failures_the_delay_is_finite_and_capped(kind: BackoffKind, failures: int) -> None:
    settings = Reconnect(backoff=kind, factor=10.0, delays_s=(1.0, 30.0), jitter="none")
    assert backoff_s(failures, settings, lambda: 0.5) == 30.0


def test_a_cap_so_high_that_nothing_reaches_it_still_leaves_the_delay_finite() -> None:
    settings = Reconnect(factor=10.0, base_delay_s=86_400.0, max_delay_s=math.inf, jitter="none")
    assert math.isfinite(backoff_s(10**9, settings, lambda: 0.5))


@pytest.mark.parametrize(
    ("failures", "ceiling_s"), [(1, 1.0), (2, 2.0), (3, 4.0), (5, 16.0), (6, 30.0), (500, 30.0)]
)
def test_full_jitter_is_uniform_between_zero_and_the_delay(failures: int, ceiling_s: float) -> None:
    rng = random.Random(7)
    waits = [backoff_s(failures, Reconnect(), rng.random) for _ in range(SAMPLES)]
    assert 0.0 <= min(waits) < 0.01 * ceiling_s
    assert 0.99 * ceiling_s < max(waits) < ceiling_s
    assert statistics.mean(waits) == pytest.approx(ceiling_s / 2, rel=0.02)
    assert chi_square(waits, 0.0, ceiling_s) < CHI_SQUARE_19_DF
    assert largest_distance(waits, 0.0, ceiling_s) < KOLMOGOROV_SMIRNOV


@pytest.mark.parametrize(
    ("share", "failures", "low_s", "high_s"),
    [(0.1, 1, 0.9, 1.1), (0.1, 4, 7.2, 8.8), (0.5, 3, 2.0, 6.0), (1.0, 2, 0.0, 4.0)],
)
def test_proportional_jitter_is_uniform_within_its_share_of_the_delay(
    share: float, failures: int, low_s: float, high_s: float
) -> None:
    rng = random.Random(11)
    settings = Reconnect(jitter="proportional", jitter_range=share)
    waits = [backoff_s(failures, settings, rng.random) for _ in range(SAMPLES)]
    width_s = high_s - low_s
    assert low_s <= min(waits) < low_s + 0.01 * width_s
    assert high_s - 0.01 * width_s < max(waits) <= high_s
    assert statistics.mean(waits) == pytest.approx((low_s + high_s) / 2, rel=0.02)
    assert chi_square(waits, low_s, high_s) < CHI_SQUARE_19_DF
    assert largest_distance(waits, low_s, high_s) < KOLMOGOROV_SMIRNOV


def test_the_statistics_tell_a_uniform_distribution_from_another() -> None:
    rng = random.Random(13)
    bent = [rng.random() ** 1.1 for _ in range(SAMPLES)]
    assert chi_square(bent, 0.0, 1.0) > CHI_SQUARE_19_DF
    assert largest_distance(bent, 0.0, 1.0) > KOLMOGOROV_SMIRNOV


def test_without_jitter_the_delay_is_the_delay_whatever_chance_says() -> None:
    settings = Reconnect(jitter="none")
    assert {backoff_s(3, settings, lambda chance=chance: chance) for chance in (0.0, 0.5, 0.999)} == {4.0}


@pytest.mark.parametrize("chance", [0.0, 0.999_999_999])
def test_no_wait_is_longer_than_the_longest_delay_asked_for_but_by_the_stated_share(chance: float) -> None:
    full, share = Reconnect(), Reconnect(jitter="proportional", jitter_range=0.1)
    assert backoff_s(50, full, lambda: chance) <= 30.0
    assert 27.0 <= backoff_s(50, share, lambda: chance) <= 33.0


@pytest.mark.parametrize("jitter", ["full", "proportional", "none"])
def test_before_the_first_failure_there_is_no_backoff(jitter: str) -> None:
    settings = Reconnect(jitter=jitter)  # type: ignore[arg-type]
    assert backoff_s(0, settings, lambda: 1.0) == 0.0


def test_a_list_is_spread_by_the_jitter_too() -> None:
    rng = random.Random(3)
    settings = Reconnect(backoff="list", delays_s=(2.0,))
    waits = [backoff_s(1, settings, rng.random) for _ in range(SAMPLES)]
    assert chi_square(waits, 0.0, 2.0) < CHI_SQUARE_19_DF
