"""What a fresh session is told of the one before, wherever the line fails on the way there."""

from typing import Any

from sidecar.lifecycle.settings import ResumptionOptions
from sidecar.live.turns import Transcript
from sidecar.session.conversation import Conversation
from tests.unit.live.talk import finals, model, server, user

SETUP = {"model": "models/m"}


def talk(*contents: dict[str, Any], reseed: bool = True) -> Conversation:
    conversation = Conversation(ResumptionOptions(reseed=reseed), took_over=False)
    for content in contents:
        conversation.heard(server(serverContent=content))
    return conversation


def seeded(conversation: Conversation) -> list[tuple[str, str]]:
    """(role, text) of a seed."""
    seed, setup = conversation.seed(SETUP, ())
    if seed is None:
        assert setup == SETUP
        return []
    assert setup["historyConfig"] == {"initialHistoryInClientContent": True}
    return [(turn["role"], turn["parts"][0]["text"]) for turn in seed["clientContent"]["turns"]]


def test_the_users_unfinished_sentence_is_in_the_seed_and_in_every_later_one() -> None:
    conversation = talk(user("my name is Ann"))
    conversation.cut()
    assert seeded(conversation) == [("user", "my name is Ann")]
    assert conversation.lost() == [Transcript("user", "my name is Ann", True, 1, cut=True)]
    assert seeded(conversation) == [("user", "my name is Ann")]
    conversation.heard(server(serverContent={**model("Hello Ann."), "turnComplete": True}))
    conversation.cut()
    assert seeded(conversation) == [("user", "my name is Ann"), ("model", "Hello Ann.")]


def test_a_line_that_fails_before_it_is_set_up_neither_ends_the_sentence_nor_tells_it_twice() -> None:
    conversation = talk(user("how far "))
    conversation.cut()
    for _ in range(3):
        assert seeded(conversation) == [("user", "how far")]
    events = conversation.heard(server(serverContent=user("is the moon")))  # the old one, resumed after all
    events += conversation.heard(server(serverContent={**model("Far."), "turnComplete": True}))
    assert finals(events) == [("user", "how far is the moon"), ("model", "Far.")]
    assert seeded(conversation) == [("user", "how far is the moon"), ("model", "Far.")]


def test_there_is_no_seed_where_none_is_wanted_or_nothing_was_said() -> None:
    conversation = talk(user("my name is Ann"), reseed=False)
    conversation.cut()
    assert seeded(conversation) == []
    assert finals(conversation.lost()) == [("user", "my name is Ann")]
    assert seeded(talk()) == []
