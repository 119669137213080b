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


# --- the range of a field's type (proto3 JSON) --------------------------------------------------------

INT32, INT64 = 2**31, 2**63
TRIGGER = {"contextWindowCompression": "triggerTokens"}
TOKENS = {"generationConfig": "maxOutputTokens"}


@pytest.mark.parametrize("terms", [STRICT, LENIENT])
@pytest.mark.parametrize("form", [int, str])
@pytest.mark.parametrize(("place", "over"), [(TOKENS, INT32), (TRIGGER, INT64)])
def test_a_number_beyond_its_type_is_refused_and_no_other(
    place: dict[str, str], over: int, form: Any, terms: Terms
) -> None:
    [(part, name)] = place.items()
    for good in (-over, over - 1):
        assert wrong({"model": MODEL, part: {name: form(good)}}, terms) == []
    for bad in (-over - 1, over, 99999999999999999999):
        assert wrong({"model": MODEL, part: {name: form(bad)}}, terms) == [
            f"setup.{part}.{name}: out of range"
        ]


@pytest.mark.parametrize("value", [1e300, 3e9, -3e9])
def test_a_number_with_an_exponent_has_the_same_range(value: float) -> None:
    assert wrong({"model": MODEL, "generationConfig": {"seed": value}}) == [
        "setup.generationConfig.seed: out of range"
    ]
    assert wrong({"model": MODEL, "generationConfig": {"seed": 2e9}}) == []


def test_the_range_is_told() -> None:
    with pytest.raises(InvalidSetup, match="a whole number from -2147483648 to 2147483647"):
        check_setup({"model": MODEL, "generationConfig": {"seed": 2**31}}, STRICT)
