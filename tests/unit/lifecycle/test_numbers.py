"""The host's numbers."""

from sidecar.lifecycle.numbers import REFUSALS_KEPT, Numbers


def test_a_number_is_known_once_it_or_a_later_one_was_accepted() -> None:
    numbers = Numbers()
    assert not numbers.knows(0)
    numbers.accepted(3)
    assert numbers.knows(0)
    assert numbers.knows(3)
    assert not numbers.knows(4)


def test_a_refused_number_may_be_offered_again_until_a_later_one_is_accepted() -> None:
    numbers = Numbers()
    numbers.refused(5)
    assert not numbers.knows(5)
    assert not numbers.comes_late(5)
    numbers.accepted(6)
    assert not numbers.knows(5)
    assert numbers.comes_late(5)


def test_a_number_that_is_accepted_after_all_is_known() -> None:
    numbers = Numbers()
    numbers.refused(5)
    numbers.accepted(5)
    assert numbers.knows(5)
    assert not numbers.comes_late(5)


def test_refusals_are_not_remembered_for_ever() -> None:
    numbers = Numbers()
    for n in range(REFUSALS_KEPT + 10):
        numbers.refused(n)
    numbers.accepted(2 * REFUSALS_KEPT)
    assert not numbers.comes_late(9)
    assert numbers.comes_late(10)
