"""Transparent resumption: what the handle's state holds is pruned, the rest is sent again, exactly once.

The service here has its own idea of it: a session's state is the list of what it consumed, a handle is a copy
of that list, and a resume goes on from the copy.
"""

import random
from itertools import count

import pytest

from sidecar.lifecycle.core import Lifecycle
from sidecar.lifecycle.item import Item, Kind
from sidecar.lifecycle.outbox import Outbox
from sidecar.lifecycle.settings import OutboxLimits, Settings
from tests.unit.lifecycle.rig import Rig

CHUNK_US = 20_000


def make(ring_s: float = 45.0) -> Outbox:
    return Outbox(OutboxLimits(flush_rate=1000.0, flush_burst_s=60.0), ring_s, transparent=True)


def message(n: int, kind: Kind = Kind.AUDIO) -> Item:
    return Item(kind, b"%d" % n, n=n, audio_us=CHUNK_US if kind is Kind.AUDIO else 0, ids=("c",))


def numbers(items: object) -> list[int | None]:
    return [item.n for item in items]  # type: ignore[attr-defined]


def write(outbox: Outbox, now: float = 0.0, mark: int = 1) -> list[Item]:
    written = []
    while (item := outbox.take(now, mark)) is not None:
        written.append(item)
    return written


def offer(outbox: Outbox, *messages: Item) -> None:
    for item in messages:
        outbox.accept(item)


def test_an_index_confirms_and_a_pong_does_not() -> None:
    outbox = make()
    outbox.connected(resumed=True)
    offer(outbox, *map(message, range(4)))
    write(outbox)
    outbox.confirm(1)
    assert len(outbox.unconfirmed) == 4
    assert outbox.consumed(2)
    assert numbers(outbox.unconfirmed) == [2, 3]
    assert not outbox.consumed(2)
    assert outbox.books.confirmed_us == 2 * CHUNK_US


def test_the_rest_is_sent_again_first_and_in_order_whatever_its_kind() -> None:
    outbox = make()
    kinds = [Kind.AUDIO, Kind.TEXT, Kind.TOOL_RESPONSE, Kind.CONTENT, Kind.AUDIO]
    offer(outbox, *(message(n, kind) for n, kind in enumerate(kinds)))
    write(outbox)
    outbox.consumed(1)
    outbox.line_lost(1e9, unacked_bytes=0)  # that TCP has all of it says nothing of the state
    offer(outbox, message(5))
    assert outbox.connected(resumed=True) is None
    assert numbers(write(outbox)) == [1, 2, 3, 4, 5]
    assert [item.index for item in outbox.unconfirmed] == [1, 2, 3, 4, 5]
    assert (outbox.books.replayed_us, outbox.books.maybe_doubled_us) == (CHUNK_US, 0)
    assert not outbox.drops


def test_a_fresh_session_is_not_asked_what_the_old_one_may_have_answered() -> None:
    outbox = make()
    offer(outbox, message(0), message(1, Kind.TEXT), message(2, Kind.TOOL_RESPONSE), message(3))
    write(outbox)
    outbox.line_lost(0.0)
    offer(outbox, message(4, Kind.TEXT))
    outbox.connected(resumed=False)
    assert numbers(outbox.held) == [0, 3, 4]
    assert {(drop.reason, drop.from_n) for drop in outbox.drops.take()} == {
        ("sessionLost", 2),
        ("deliveryUnknown", 1),
    }


def test_an_open_activity_is_known_to_the_resumed_session() -> None:
    for resumed, first in ((True, None), (False, b"activityStart")):
        outbox = make()
        offer(outbox, Item(Kind.ACTIVITY, b'{"realtimeInput":{"activityStart":{}}}', n=0), message(1))
        write(outbox)
        outbox.consumed(1)
        outbox.line_lost(0.0)
        opened = outbox.connected(resumed=resumed)
        assert (opened is None) is (first is None)


def test_as_long_as_no_index_was_named_what_is_sent_again_may_be_doubled() -> None:
    for told, doubled_us in ((0, CHUNK_US), (1, 0)):
        outbox = make()
        offer(outbox, message(0), message(1))
        write(outbox)
        outbox.confirm(1)
        outbox.consumed(told)
        outbox.line_lost(0.0)
        outbox.connected(resumed=True)
        expected = [0, 1] if told == 0 else [1]
        assert numbers(outbox.held) == expected
        assert (outbox.books.replayed_us, outbox.books.maybe_doubled_us) == (0, 0)
        write(outbox)
        assert outbox.books.replayed_us == len(expected) * CHUNK_US
        assert outbox.books.maybe_doubled_us == (2 * doubled_us if told == 0 else 0)


def test_an_index_that_comes_late_still_rules() -> None:
    outbox = make()
    offer(outbox, *map(message, range(600)))
    write(outbox)
    outbox.confirm(1)
    assert outbox.consumed(500)
    outbox.line_lost(1e9, unacked_bytes=0)
    outbox.connected(resumed=True)
    assert numbers(outbox.held) == list(range(500, 600))


def test_what_arrived_and_waits_for_its_index_makes_room() -> None:
    outbox = Outbox(OutboxLimits(flush_rate=1000.0, flush_burst_s=60.0, max_bytes=40), 0.2, transparent=True)
    for n in range(100):
        offer(outbox, message(n, Kind.AUDIO if n % 2 else Kind.TEXT))
        write(outbox, mark=n + 1)
        outbox.confirm(n + 1)
    assert not outbox.drops
    books = outbox.books
    assert books.confirmed_us + books.unconfirmed_us == books.accepted_us == 50 * CHUNK_US


def test_a_fresh_session_does_not_hear_again_what_the_old_one_heard() -> None:
    outbox = make()
    offer(outbox, message(0), message(1, Kind.TEXT), message(2))
    write(outbox, mark=1)
    outbox.confirm(1)
    offer(outbox, message(3))
    write(outbox, mark=2)
    outbox.line_lost(0.0)
    outbox.connected(resumed=False)
    assert numbers(outbox.held) == [3]
    books = outbox.books
    assert (books.confirmed_us, books.held_us, outbox.replay_us) == (2 * CHUNK_US, CHUNK_US, CHUNK_US)
    assert not outbox.drops


START, END = (b'{"realtimeInput":{"activity%s":{}}}' % name for name in (b"Start", b"End"))


@pytest.mark.parametrize(
    ("marks", "reopened"), [((START,), True), ((START, END), False), ((START, END, START), True)]
)
def test_an_activity_that_the_old_session_heard_begin_is_begun_again_in_a_fresh_one(
    marks: tuple[bytes, ...], reopened: bool
) -> None:
    outbox = make()
    offer(outbox, *(Item(Kind.ACTIVITY, mark, n=n) for n, mark in enumerate(marks)))
    write(outbox, mark=1)
    outbox.confirm(1)
    offer(outbox, message(10))
    write(outbox, mark=2)
    outbox.line_lost(0.0)
    first = outbox.connected(resumed=False)
    assert (first is not None and first.frame == START) is reopened
    assert numbers(outbox.held) == [10]


def test_a_service_that_names_no_message_is_not_asked_every_old_question_again() -> None:
    """What had arrived before the handle before the last one is in the state, named or not."""
    outbox = make()
    for n in range(4):
        offer(outbox, message(n, Kind.TEXT))
        write(outbox, mark=n + 1)
        outbox.confirm(n + 1)
        outbox.consumed(0)
    assert numbers(outbox.unconfirmed) == [3]
    outbox.consumed(1)  # it names them after all: by its own count, of which 3 is the fourth
    outbox.consumed(0)
    outbox.consumed(0)
    assert numbers(outbox.unconfirmed) == [3]


def test_what_was_not_written_again_is_not_told_as_replayed() -> None:
    outbox = make()
    offer(outbox, *map(message, range(4)))
    write(outbox, mark=1)
    outbox.confirm(1)
    outbox.line_lost(0.0)
    outbox.connected(resumed=True)
    outbox.take(0.0, 2)
    outbox.line_lost(0.0)
    assert outbox.replay_us == 4 * CHUNK_US
    outbox.connected(resumed=False)
    assert (outbox.books.replayed_us, outbox.replay_us) == (CHUNK_US, 0)


def test_at_the_end_what_arrived_is_not_called_unknown() -> None:
    outbox = make()
    offer(outbox, message(0), message(1))
    write(outbox, mark=1)
    outbox.confirm(1)
    offer(outbox, message(2))
    write(outbox, mark=2)
    outbox.close()
    assert [(drop.reason, drop.from_n) for drop in outbox.drops.take()] == [("deliveryUnknown", 2)]


@pytest.mark.parametrize("seed", range(30))
def test_whatever_is_cut_the_state_holds_everything_once_and_in_order(seed: int) -> None:
    rng = random.Random(seed)
    outbox = make()
    outbox.indexes.told = True
    outbox.connected(resumed=True)
    accepted: list[int | None] = []
    state: list[int | None] = []
    handle: list[int | None] = []  # a copy of the state, with the index that belongs to it
    index = 0
    for n in count():
        step = rng.random()
        if n < 400 and step < 0.6:
            kind = rng.choice([Kind.AUDIO, Kind.AUDIO, Kind.TEXT, Kind.TOOL_RESPONSE])
            offer(outbox, message(n, kind))
            accepted.append(n)
        elif step < 0.8:
            written = write(outbox, now=n * 0.02)
            taken = written[: rng.randint(0, len(written))] if rng.random() < 0.2 else written
            state += numbers(taken)
            index += len(taken)
            outbox.confirm(1)
            if taken is not written:  # the line dies under the rest
                outbox.line_lost(n * 0.02, unsent_bytes=rng.choice([0, 3]))
                outbox.connected(resumed=True)
                state, index = list(handle), 0
        elif step < 0.9 or n >= 400:
            handle = list(state)
            outbox.consumed(index)
        else:
            outbox.line_lost(n * 0.02, unacked_bytes=0)
            outbox.connected(resumed=True)
            state, index = list(handle), 0
        if n > 400 and outbox.idle:
            break
    assert state == accepted
    books = outbox.books
    assert (books.dropped_us, books.maybe_doubled_us, books.accepted_us) == (0, 0, books.confirmed_us)


# --- in the whole lifecycle -----------------------------------------------------------------------


def rig() -> Rig:
    made = Rig()
    made.core = Lifecycle(Settings(), lambda: 0.5, transparent=True)
    return made


def test_the_echo_of_a_hand_over_confirms_nothing_that_the_handle_does_not_hold() -> None:
    talk = rig()
    talk.open()
    talk.core.handle("h1", resumable=True)
    talk.answers_pings = False
    talk.speak(0, 2)
    talk.core.consumed(1, talk.now)
    talk.core.reconnect(talk.now)
    talk.pass_time(1.1)
    assert talk.core.line is not None
    talk.echo()
    assert numbers(talk.core.outbox.held) == [1, 2]
    assert talk.core.outbox.books.confirmed_us == CHUNK_US


def test_a_hand_over_does_not_wait_for_an_index_when_all_has_arrived() -> None:
    talk = rig()
    talk.open()
    talk.core.handle("h1", resumable=True)
    talk.speak(0, 2)
    talk.core.reconnect(talk.now)
    talk.pass_time(0.1)
    assert talk.closes == 1


def test_a_close_ends_as_soon_as_all_has_arrived() -> None:
    talk = rig()
    talk.open()
    talk.speak(0, 2)
    talk.core.close(talk.now, 5.0)
    talk.pass_time(0.1)
    assert talk.closes == 1
    talk.cut()
    books = talk.core.outbox.books
    assert (books.dropped_us, books.confirmed_us) == (0, 3 * CHUNK_US)


def test_what_a_line_took_whose_session_was_refused_has_not_arrived_anywhere() -> None:
    outbox = make()
    offer(outbox, message(0))
    write(outbox, mark=1)
    outbox.confirm(1)
    outbox.line_lost(0.0, refused=True)
    outbox.connected(resumed=False)
    assert numbers(outbox.held) == [0]
    assert outbox.books.confirmed_us == 0
