"""What is wrong with params that msgspec refused, as it is told to the host."""

from msgspec import Struct

from sidecar.observe import problems as walk
from sidecar.observe.problems import MAX_PROBLEMS
from sidecar.rpc.protocol import FieldProblem

__all__ = ["MAX_PROBLEMS", "problems"]


def problems(type_: type[Struct], raw: bytes) -> list[FieldProblem]:
    """Every field of `raw`, which is JSON and does not fit `type_`; at most `MAX_PROBLEMS`."""
    return [
        FieldProblem(field=found.field or "params", problem=found.problem, allowed=found.allowed)
        for found in walk.problems(type_, raw)
    ]
