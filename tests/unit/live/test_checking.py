"""What the walk along a message tells, and how far it looks."""

from typing import Any

import pytest

from sidecar.live import checking
from sidecar.live.checking import MAX_PROBLEMS, Terms
from sidecar.live.setup import InvalidSetup, check_setup

MODEL = "models/gemini-3.8-live-extended-thinking"
STRICT = Terms()
LENIENT = Terms(strict=False)


def wrong(setup: dict[str, Any], terms: Terms = STRICT) -> list[str]:
    """What is wrong, one by one; empty when it passes."""
    try:
        check_setup(setup, terms)
    except InvalidSetup as exc:
        return [f"{problem.field}: {problem.problem}" for problem in exc.problems]
    return []


def test_no_value_is_repeated_and_no_list_of_problems_is_endless() -> None:
    secret = "AIzaSyA-not-a-real-key-0123456789abcdefg"
    with pytest.raises(InvalidSetup) as caught:
        check_setup({"model": secret, "tools": secret, secret: secret}, STRICT)
    assert secret not in str(caught.value)
    many = {"model": MODEL, **{f"field{n}": n for n in range(1000)}}
    assert len(wrong(many)) == MAX_PROBLEMS
    for terms in (STRICT, LENIENT):
        assert len(wrong({"model": MODEL, "tools": [5] * 1000}, terms)) == MAX_PROBLEMS


def test_lenient_checks_look_for_no_problem_that_they_would_not_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    """To find what was meant takes a third of a millisecond a name; ten thousand names took three seconds."""
    searched: list[str] = []
    monkeypatch.setattr(checking, "unknown", lambda name, *known: searched.append(name) or "unknown field")
    many = {"model": MODEL, **{f"field{n}": n for n in range(10_000)}}
    assert wrong(many, LENIENT) == []
    assert searched == []
    wrong(many)
    assert len(searched) == MAX_PROBLEMS


def test_a_name_of_megabytes_is_not_searched_through(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at: list[int] = []
    monkeypatch.setattr(checking, "shown", lambda name: looked_at.append(len(name)) or name[:64])
    wrong({"model": MODEL, "x" * 1_000_000: 1})
    assert looked_at == [checking.MAX_NAME_CHARS]
