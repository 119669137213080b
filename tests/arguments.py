"""Arguments of the commands under `tests/`: a number that makes no sense is told, not taken for a good run."""

import argparse
from collections.abc import Callable


def at_least(least: float, kind: Callable[[str], float] = int) -> Callable[[str], float]:
    """A type for argparse: a number that is not below `least`."""

    def read(text: str) -> float:
        value = kind(text)
        if not value >= least:
            raise argparse.ArgumentTypeError(f"{text} is less than {least}")
        return value

    read.__name__ = "number"
    return read
