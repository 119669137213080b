"""The smallest part of a failing batch that still fails, by trying halves, quarters and so on."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def smallest(inputs: list[T], fails: Callable[[list[T]], bool], within_s: float) -> list[T]:
    """A part of `inputs` for which `fails` is true, as small as was found within the time.

    `fails` must begin afresh each time. What does not fail again at all is returned whole.
    """
    until_s = time.monotonic() + within_s
    parts = 2
    while len(inputs) > 1 and time.monotonic() < until_s:
        size = -(-len(inputs) // parts)
        pieces = [inputs[i : i + size] for i in range(0, len(inputs), size)]
        rests = [[line for other in pieces if other is not piece for line in other] for piece in pieces]
        found = next((part for part in [*pieces, *rests] if time.monotonic() < until_s and fails(part)), None)
        if found is not None:
            inputs, parts = found, 2 if found in pieces else max(parts - 1, 2)
        elif size == 1:
            break
        else:
            parts = min(len(inputs), parts * 2)
    return inputs
