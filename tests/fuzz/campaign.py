"""Hypothesis draws the batches; each goes to the running process, and what fails is shown small."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any, Protocol

from hypothesis import HealthCheck, given, settings

from tests.fuzz.child import Broken
from tests.fuzz.small import smallest

SHOWN_BYTES = 400
SEARCH_S = 60.0
"""For the smallest input that fails."""
ENTROPY_BYTES = 2**15
"""For one batch."""
ROUNDS = 12
"""Every class has its turn in each round, and after each the process is measured at rest: growth is not
mistaken for a change of class."""


@dataclass
class Tally:
    """What a class of input came to."""

    inputs: int = 0
    answered: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    spent_s: float = 0.0
    distinct: set[int] = field(default_factory=set)


class Judge(Protocol):
    """Has a process of its own, says batches to it, and raises `Broken` when it breaks a promise."""

    def batch(self, inputs: list[Any], tally: Tally) -> None: ...
    def sample(self) -> None: ...
    def discard(self) -> None: ...


def run(
    classes: dict[str, tuple[Any, int]], number: int, judge: Judge, afresh: Callable[[], Judge]
) -> dict[str, Tally]:
    """Draws batches until each class, a strategy of batches, gave so many inputs; returns what came of it.

    Raises:
        Broken: with the smallest input that breaks the promise; `afresh` gives the judges that look for it.
    """
    tallies = {name: Tally() for name in classes}
    for turn in range(1, ROUNDS + 1):
        for name, (strategy, inputs) in classes.items():
            _turn(name, strategy, tallies[name], inputs * turn // ROUNDS, number * 1000 + turn, judge, afresh)
        judge.sample()
    return tallies


def _turn(name, strategy, tally, until, number, judge, afresh):
    draw = _drawing(strategy, number)
    while tally.inputs < until:
        batch = draw()
        tally.distinct.update(map(hash, batch))
        try:
            judge.batch(batch, tally)
        except Broken as error:
            part = smallest(batch, lambda part: _fails(part, afresh), SEARCH_S)
            shown = "\n".join(f"  {each!s:.{SHOWN_BYTES}} ({len(each)} long)" for each in part[:10])
            raise Broken(
                f"{name}: {error}\nsmallest input found, {len(part)} of {len(batch)}:\n{shown}"
            ) from None


def _drawing(strategy, number):
    """A function that draws from a strategy, by Hypothesis's door for fuzzers: each draw is new, where its own
    search would begin with the simplest and repeat most of what it drew. It always gives the same for a number."""
    random, drawn = Random(number), []

    @settings(database=None, deadline=None, suppress_health_check=list(HealthCheck))
    @given(strategy)
    def take(batch):
        drawn.append(batch)

    def draw():
        while not drawn:  # bytes that make no batch
            take.hypothesis.fuzz_one_input(random.randbytes(ENTROPY_BYTES))
        return drawn.pop()

    return draw


def _fails(part, afresh):
    judge = afresh()
    try:
        judge.batch(part, Tally())
    except Broken:
        return True
    finally:
        judge.discard()
    return False
