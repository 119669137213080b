"""The books of transparent resumption, against clients that replay rightly and wrongly."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.simulator.replay import ConsumedMessages


def frames(*numbers: int) -> list[bytes]:
    return [b"message %d" % number for number in numbers]


def resumed(given_back_after: int, replay: list[bytes], *, before: int = 10) -> ConsumedMessages:
    """A session that took messages 0 to `before` - 1, was resumed at a moment of it, and got a replay."""
    books = ConsumedMessages()
    for frame in frames(*range(before)):
        books.take(frame)
    books.resume(given_back_after)
    for frame in replay:
        books.take(frame)
    return books


@pytest.mark.parametrize(
    ("after", "replay", "lost", "doubled", "taken"),
    [
        # Right: what was given back, then what is new.
        (6, frames(6, 7, 8, 9, 10, 11), 0, 0, 12),
        (10, frames(10, 11), 0, 0, 12),
        (0, frames(*range(12)), 0, 0, 12),
        # Too late, too early, not at all, and with a hole.
        (6, frames(8, 9, 10), 2, 0, 9),
        (6, frames(4, 5, 6, 7, 8, 9, 10), 0, 2, 13),
        (10, frames(9, 10), 0, 1, 12),
        (6, frames(10, 11), 4, 0, 8),
        (6, frames(6, 7, 10), 2, 0, 9),
        (6, frames(5, 6, 7, 10), 2, 1, 10),
        # A new message that equals an old one is no replay.
        (10, frames(3, 10), 0, 0, 12),
    ],
)
def test_a_replay_is_judged_by_what_was_given_back(
    after: int, replay: list[bytes], lost: int, doubled: int, taken: int
) -> None:
    books = resumed(after, replay)
    assert (books.lost, books.doubled, books.position) == (lost, doubled, taken)
    assert not books.replaying


def test_until_everything_came_again_nothing_is_judged() -> None:
    books = resumed(6, frames(6, 7))
    assert books.replaying
    assert (books.lost, books.doubled) == (0, 0)
    for frame in frames(8, 9):
        books.take(frame)
    assert not books.replaying


@pytest.mark.parametrize("again_at", [6, 7, 8])
def test_a_replay_that_is_cut_goes_on_where_the_next_resume_begins(again_at: int) -> None:
    books = resumed(6, frames(6, 7))
    books.resume(again_at)
    for frame in frames(*range(again_at, 12)):
        books.take(frame)
    assert (books.lost, books.doubled, books.position) == (0, 0, 12)


def test_the_digest_is_that_of_the_messages_as_one_client_sent_them() -> None:
    sent = frames(*range(12))
    books = resumed(6, sent[6:])
    digests = b"".join(hashlib.sha256(frame).digest() for frame in sent)
    assert books.report()["sha256"] == hashlib.sha256(digests).hexdigest()
    assert resumed(6, sent[7:]).report()["sha256"] != books.report()["sha256"]


@given(
    st.lists(st.sampled_from([b"a", b"b", b"c", b"d"]), max_size=12),
    st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=5),
)
def test_an_exact_client_is_never_blamed_even_when_messages_are_alike(
    sent: list[bytes], cuts: list[tuple[int, int]]
) -> None:
    """Each cut: so many more are consumed, and the resume goes back to some moment before."""
    books = ConsumedMessages()
    for more, back in cuts:
        for frame in sent[books.position : books.position + more]:
            books.take(frame)
        books.resume(max(0, books.position - back))
    for frame in sent[books.position :]:
        books.take(frame)
    assert books.lost == 0
    assert books.position == len(sent)
