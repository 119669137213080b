"""How long to wait after the n-th failure, and how chance spreads it (design section 3, Reconnect).

Two small tables: the kinds of growth, and the kinds of jitter. Chance comes in as an argument.
"""

from collections.abc import Callable
from typing import Final

from sidecar.lifecycle.settings import BackoffKind, JitterKind, Reconnect

MAX_EXPONENT = 64
"""Far above any cap; keeps the power finite."""


def backoff_s(failures: int, settings: Reconnect, random: Callable[[], float]) -> float:
    """The wait after `failures` failures in a row, 0 for none.

    `random` is uniform in [0, 1). The distribution, with `d` the delay of the kind:
    full: uniform in [0, d); proportional: uniform in [d - r*d, d + r*d) with r the jitter range; none: d.
    """
    if failures <= 0:
        return 0.0
    return _JITTER[settings.jitter](delay_s(failures, settings), settings, random())


def delay_s(failures: int, settings: Reconnect) -> float:
    """The delay of the n-th failure (from 1) before the jitter. A list is taken as it is given; the other
    kinds stay under `max_delay_s`."""
    delay = _GROWTH[settings.backoff](failures, settings)
    return delay if settings.backoff == "list" else min(settings.max_delay_s, delay)


def _exponential(n: int, s: Reconnect) -> float:
    return s.base_delay_s * float(s.factor) ** min(n - 1, MAX_EXPONENT)


def _linear(n: int, s: Reconnect) -> float:
    return s.base_delay_s * n


def _fibonacci(n: int, s: Reconnect) -> float:
    """1, 1, 2, 3, 5, 8 ... times the base."""
    before, now = 0, 1
    for _ in range(min(n, MAX_EXPONENT) - 1):
        before, now = now, before + now
    return s.base_delay_s * now


def _list(n: int, s: Reconnect) -> float:
    return s.delays_s[min(n, len(s.delays_s)) - 1] if s.delays_s else 0.0


_GROWTH: Final[dict[BackoffKind, Callable[[int, Reconnect], float]]] = {
    "exponential": _exponential,
    "linear": _linear,
    "fibonacci": _fibonacci,
    "list": _list,
}

_JITTER: Final[dict[JitterKind, Callable[[float, Reconnect, float], float]]] = {
    "full": lambda delay, _, chance: delay * chance,
    "proportional": lambda delay, s, chance: delay * (1 + s.jitter_range * (2 * chance - 1)),
    "none": lambda delay, _, __: delay,
}
