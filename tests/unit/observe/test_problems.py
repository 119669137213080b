"""The walk over what msgspec refused, where it goes further than a host's params need (tests/unit/rpc)."""

from typing import Annotated

import pytest
from msgspec import Meta, Struct

from sidecar.observe.problems import Problem, Rule, problems


class Inner(Struct, forbid_unknown_fields=True):
    low: float = 0
    high: float = 1

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise Rule("low", "over high")


class Outer(Struct, forbid_unknown_fields=True):
    inner: Inner | None = None
    several: list[Inner] | None = None
    rate: Annotated[float, Meta(gt=0)] | None = None
    wait: Annotated[str, Meta(pattern="^[0-9]+s$", title="a duration")] = "1s"


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b'{"inner":{"low":2}}', [Problem("inner.low", "over high")]),
        (b'{"several":[{},{"low":2}]}', [Problem("several[1].low", "over high")]),
        (b'{"inner":{"low":2,"x":1}}', [Problem("inner.x", "unknown field")]),
        (b'{"inner":null,"several":null,"rate":null}', []),
        (b'{"inner":5}', [Problem("inner", "wrong type: a number", "null or an object")]),
        (b'{"rate":0}', [Problem("rate", "out of range", "null or a number over 0")]),
        (b'{"wait":"soon"}', [Problem("wait", "wrong form", "a duration")]),
        (b"[]", [Problem("", "wrong type: a list", "an object")]),
    ],
)
def test_rules_nulls_and_names_of_forms(raw: bytes, expected: list[Problem]) -> None:
    assert problems(Outer, raw) == expected
