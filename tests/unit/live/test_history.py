"""The seed of a fresh session: who said what, how much of it, and a setup that waits for it."""

import pytest

from sidecar.lifecycle.item import Item, Kind
from sidecar.live.history import History
from sidecar.live.turns import Transcript

ITEM = Item(Kind.TEXT, b"{}")


def turns(history: History) -> list[tuple[str, str]]:
    """Role and text of the seed's turns."""
    seed = history.seed()
    if seed is None:
        return []
    assert seed["clientContent"]["turnComplete"] is True
    assert list(seed) == ["clientContent"]
    assert all(len(turn["parts"]) == 1 for turn in seed["clientContent"]["turns"])
    return [(turn["role"], turn["parts"][0]["text"]) for turn in seed["clientContent"]["turns"]]


def final(source: str, text: str, *, cut: bool = False) -> Transcript:
    return Transcript(source, text, True, 1, cut)


def test_without_a_word_there_is_no_seed() -> None:
    history = History(100)
    history.said("", ITEM)
    history.add(final("model", " \n"))
    assert history.seed() is None


def test_what_was_said_is_seeded_in_its_order_and_cut_turns_count() -> None:
    history = History(1000)
    history.add(final("user", " Is it raining?"))
    history.add(final("model", "It is, and", cut=True))
    history.said("Where?", ITEM)
    assert turns(history) == [("user", "Is it raining?"), ("model", "It is, and"), ("user", "Where?")]


def test_deltas_are_not_said_twice() -> None:
    history = History(1000)
    history.add(Transcript("model", "It ", False, 1))
    history.add(Transcript("model", "is.", False, 1))
    history.add(final("model", "It is."))
    assert turns(history) == [("model", "It is.")]


def test_neighbours_of_one_role_are_one_turn() -> None:
    history = History(1000)
    history.said("One.", ITEM)
    history.add(final("user", "Two."))
    history.add(final("model", "Three."))
    history.add(final("model", "Four."))
    assert turns(history) == [("user", "One.\nTwo."), ("model", "Three.\nFour.")]


def test_over_the_limit_the_oldest_go_first() -> None:
    history = History(10)
    history.said("aaaa", ITEM)
    history.add(final("model", "bbbb"))
    assert turns(history) == [("user", "aaaa"), ("model", "bbbb")]
    history.said("ccc", ITEM)
    assert turns(history) == [("model", "bbbb"), ("user", "ccc")]


def test_a_text_longer_than_the_limit_keeps_its_end_and_nothing_beside_it() -> None:
    history = History(4)
    history.said("before", ITEM)
    history.add(final("model", "0123456789"))
    assert turns(history) == [("model", "6789")]


def test_with_no_room_at_all_there_is_no_seed() -> None:
    history = History(0)
    history.said("a", ITEM)
    assert history.seed() is None


def test_however_much_is_said_no_more_is_kept_than_the_limit() -> None:
    history = History(500)
    for i in range(1000):
        history.add(final("user" if i % 2 else "model", f"sentence {i}"))
        assert sum(len(text) for _, text in turns(history)) <= 500
    assert turns(history)[-1] == ("user", "sentence 999")


def test_asking_for_the_seed_takes_nothing_away() -> None:
    history = History(100)
    history.said("a", ITEM)
    assert history.seed() == history.seed() != None  # noqa: E711


def test_its_repr_does_not_give_away_what_was_said() -> None:
    history = History(100)
    history.said("my secret", ITEM)
    assert "secret" not in repr(history)
    assert "secret" not in str(history)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"historyConfig": {}},
        {"history_config": {}},
        {"historyConfig": {"initialHistoryInClientContent": False}},
        {"history_config": {"initial_history_in_client_content": False}},
        {"historyConfig": {"initial_history_in_client_content": True}},
        {"historyConfig": None},
    ],
)
def test_the_setup_asks_once_to_wait_for_the_seed(given) -> None:
    setup = {"model": "models/m", **given}
    copy = {key: dict(value) if isinstance(value, dict) else value for key, value in setup.items()}
    assert History.setup(setup) == {
        "model": "models/m",
        "historyConfig": {"initialHistoryInClientContent": True},
    }
    assert setup == copy


def test_what_else_stands_in_the_history_config_stays() -> None:
    setup = {"history_config": {"other": 1, "initial_history_in_client_content": False}}
    assert History.setup(setup) == {"historyConfig": {"other": 1, "initialHistoryInClientContent": True}}


def test_a_message_that_the_fresh_session_will_get_is_not_in_its_seed() -> None:
    history = History(100)
    history.said("Where?", ITEM)
    waiting = Item(Kind.TEXT, b"{}")
    history.said("And when?", waiting)
    assert history.seed({waiting}) == {
        "clientContent": {"turns": [{"role": "user", "parts": [{"text": "Where?"}]}], "turnComplete": True}
    }
    assert history.seed() != history.seed({waiting})


def test_a_copy_goes_its_own_way() -> None:
    history = History(10)
    history.said("one", ITEM)
    other = history.copy()
    other.said("two", ITEM)
    assert history.seed() != other.seed()
    assert other.max_chars == 10
