"""Order, delivery by the pong watermark, replay after a cut, drops, and books that balance."""

import random
from collections.abc import Iterator

import pytest

from sidecar.lifecycle.books import Drop
from sidecar.lifecycle.item import Item, Kind
from sidecar.lifecycle.outbox import FRAME_OVERHEAD, Full, Outbox
from sidecar.lifecycle.settings import OutboxLimits

CHUNK_US = 20_000


class Drops:
    """What an outbox has told to be dropped so far."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._told: list[Drop] = []

    def __iter__(self) -> Iterator[Drop]:
        self._told += self._outbox.drops.take()
        return iter(self._told)

    def __eq__(self, other: object) -> bool:
        return list(self) == other

    __hash__ = None  # type: ignore[assignment]


def make(ring_s: float = 45.0, **limits: object) -> "tuple[Outbox, Drops]":
    outbox = Outbox(OutboxLimits(**{"flush_rate": 1000.0, **limits}), ring_s)  # type: ignore[arg-type]
    return outbox, Drops(outbox)


def audio(n: int) -> Item:
    return Item(Kind.AUDIO, b"a%06d" % n, n=n, audio_us=CHUNK_US)


def text(n: int, frame: bytes = b"text") -> Item:
    return Item(Kind.TEXT, frame, n=n)


def activity(name: str) -> Item:
    return Item(Kind.ACTIVITY, b'{"realtimeInput":{"%s":{}}}' % name.encode())


def take_all(outbox: Outbox, now: float = 0.0, mark: int = 1) -> list[Item]:
    taken = []
    while (item := outbox.take(now, mark)) is not None:
        taken.append(item)
        now += 0.02
    return taken


def balanced(outbox: Outbox) -> bool:
    b = outbox.books
    held = sum(i.audio_us for i in outbox.held)
    unconfirmed = sum(i.audio_us for i in outbox.unconfirmed)
    return (
        b.held_us == held
        and b.unconfirmed_us == unconfirmed
        and b.accepted_us == b.held_us + b.unconfirmed_us + b.confirmed_us + b.dropped_us
    )


def test_messages_leave_in_the_order_of_acceptance_whatever_their_kind() -> None:
    outbox, _ = make()
    items = [audio(1), text(2), audio(3), Item(Kind.TOOL_RESPONSE, b"tool", n=4, ids=("c1",)), audio(5)]
    for item in items:
        outbox.accept(item)
    assert take_all(outbox) == items


def test_only_a_pong_for_a_ping_sent_after_the_write_confirms() -> None:
    outbox, _ = make()
    for n in range(4):
        outbox.accept(audio(n))
    outbox.take(0.0, 1)
    outbox.take(0.1, 1)
    outbox.take(0.2, 2)  # ping 1 went out before this one
    assert outbox.confirm(1)
    assert (outbox.confirmed_through, outbox.sent_through, outbox.accepted_through) == (1, 2, 3)
    assert not outbox.confirm(1)
    assert outbox.books.confirmed_us == 2 * CHUNK_US
    assert balanced(outbox)


def test_after_a_cut_the_unconfirmed_part_goes_out_again_before_what_was_held() -> None:
    outbox, drops = make()
    for n in range(6):
        outbox.accept(audio(n))
    for now in (10.0, 10.1, 10.2, 10.3):
        outbox.take(now, 1 if now < 10.15 else 2)
    outbox.confirm(1)
    outbox.line_lost(had_at=10.25, unsent_bytes=0)
    assert outbox.sent_through == outbox.confirmed_through == 1
    assert [i.n for i in take_all(outbox, 20.0, 3)] == [2, 3, 4, 5]
    assert outbox.books.replayed_us == outbox.books.maybe_doubled_us == 2 * CHUNK_US
    assert drops == []
    assert balanced(outbox)


def test_what_tcp_had_acknowledged_when_it_surely_was_read_is_not_said_twice() -> None:
    outbox, _ = make()
    for n in range(5):
        outbox.accept(audio(n))
        outbox.take(float(n), 1)
    outbox.line_lost(had_at=2.5, unacked_bytes=0)
    assert [i.n for i in outbox.held] == [3, 4]
    assert outbox.books.presumed_us == 3 * CHUNK_US
    assert balanced(outbox)


@pytest.mark.parametrize(
    ("unacked_bytes", "again"), [(None, [0, 1, 2, 3, 4]), (3 * 7, [1, 2, 3, 4]), (4 * 7, [0, 1, 2, 3, 4])]
)
def test_inbound_bytes_alone_do_not_prove_that_anything_arrived(
    unacked_bytes: int | None, again: list[int]
) -> None:
    """An uplink can stall while the model's frames keep coming."""
    outbox, _ = make()
    for n in range(5):
        outbox.accept(audio(n))  # 7 bytes each
        outbox.take(float(n), 1)
    outbox.line_lost(had_at=3.5, unacked_bytes=unacked_bytes)
    assert [i.n for i in outbox.held] == again


def test_what_the_service_closed_on_is_not_sent_to_it_for_ever() -> None:
    outbox, drops = make()
    for item in (audio(1), Item(Kind.VIDEO, b"poison", n=2), audio(3)):
        outbox.accept(item)
    take_all(outbox)
    outbox.line_lost(had_at=0.0, blamed=True)
    assert [i.n for i in outbox.held] == [1, 3]
    assert [(d.reason, d.kind) for d in drops] == [("deliveryUnknown", Kind.VIDEO)]


def test_a_text_that_may_have_arrived_is_never_sent_again_silently() -> None:
    outbox, drops = make()
    for item in (audio(1), text(2), audio(3)):
        outbox.accept(item)
    take_all(outbox)
    outbox.line_lost(had_at=0.0, unsent_bytes=0)
    assert [i.n for i in outbox.held] == [1, 3]
    assert [(d.reason, d.kind, d.from_n, d.through_n) for d in drops] == [
        ("deliveryUnknown", Kind.TEXT, 2, 2)
    ]


def test_what_never_left_the_process_goes_back_whatever_its_kind() -> None:
    outbox, drops = make()
    outbox.accept(text(1, b"x" * 1000))
    outbox.accept(text(2, b"y" * 1000))
    take_all(outbox)
    outbox.line_lost(had_at=0.0, unsent_bytes=500)
    assert [i.n for i in outbox.held] == [2]
    assert [d.from_n for d in drops] == [1]


def test_the_bytes_that_never_left_are_counted_with_care_for_the_frames_around_them() -> None:
    outbox, drops = make()
    outbox.accept(text(1, b"x" * 1000))
    outbox.accept(text(2, b"y" * 1000))
    take_all(outbox)
    outbox.line_lost(had_at=0.0, unsent_bytes=1000 + FRAME_OVERHEAD)
    assert [i.n for i in outbox.held] == [2]
    assert [d.from_n for d in drops] == [1]


def test_a_refused_resume_took_nothing_so_everything_goes_back() -> None:
    outbox, drops = make()
    for item in (audio(1), text(2)):
        outbox.accept(item)
    take_all(outbox)
    outbox.line_lost(had_at=100.0, unsent_bytes=0, refused=True)
    assert [i.n for i in outbox.held] == [1, 2]
    assert drops == []
    assert outbox.books.maybe_doubled_us == 0


def test_without_replay_the_unconfirmed_part_is_lost_and_said_to_be() -> None:
    outbox, drops = make(replay_unconfirmed=False)
    for n in range(3):
        outbox.accept(audio(n))
    take_all(outbox)
    outbox.line_lost(had_at=0.0, unsent_bytes=0)
    assert [(d.reason, d.count, d.audio_us) for d in drops] == [("deliveryUnknown", 3, 3 * CHUNK_US)]
    assert outbox.books.dropped_us == 3 * CHUNK_US
    assert balanced(outbox)


def test_tool_responses_survive_a_resume_and_end_with_a_lost_session() -> None:
    outbox, drops = make()
    outbox.accept(Item(Kind.TOOL_RESPONSE, b"t", ids=("call-1", "call-2")))
    take_all(outbox)
    outbox.line_lost(0.0)
    assert outbox.connected(resumed=True) is None
    assert [i.ids for i in outbox.held] == [("call-1", "call-2")]
    outbox.connected(resumed=False)
    assert [(d.reason, d.ids) for d in drops] == [("sessionLost", ["call-1", "call-2"])]
    assert not outbox.held


def test_an_activity_open_at_the_cut_is_opened_again_first() -> None:
    outbox, _ = make()
    outbox.accept(activity("activityStart"))
    take_all(outbox, mark=1)
    outbox.confirm(1)
    outbox.accept(audio(1))
    take_all(outbox, mark=2)
    outbox.line_lost(0.0)
    first = outbox.connected(resumed=True)
    assert first is not None
    outbox.put_first(first)
    assert [i.kind for i in take_all(outbox)] == [Kind.ACTIVITY, Kind.AUDIO]


def test_an_activity_whose_start_is_sent_again_is_not_opened_twice() -> None:
    outbox, _ = make()
    outbox.accept(activity("activityStart"))
    outbox.accept(audio(1))
    take_all(outbox)
    for _ in range(2):  # also when the next line dies before anything was written
        outbox.line_lost(0.0)
        assert outbox.connected(resumed=True) is None
    assert [i.kind for i in take_all(outbox)] == [Kind.ACTIVITY, Kind.AUDIO]


def test_an_activity_that_was_ended_in_the_unconfirmed_part_begins_before_it() -> None:
    outbox, _ = make()
    outbox.accept(activity("activityStart"))
    take_all(outbox, mark=1)
    outbox.confirm(1)
    outbox.accept(activity("activityEnd"))
    take_all(outbox, mark=2)
    outbox.line_lost(0.0)
    first = outbox.connected(resumed=True)
    assert first is not None
    assert b"activityStart" in first.frame


def test_a_full_ring_drops_the_oldest_audio_and_reports_the_range() -> None:
    outbox, drops = make(ring_s=0.1)
    for n in range(8):
        outbox.accept(audio(n))
    assert [i.n for i in outbox.held] == [3, 4, 5, 6, 7]
    assert [(d.reason, d.from_n, d.through_n, d.audio_us) for d in drops] == [
        ("outboxFull", 0, 2, 3 * CHUNK_US)
    ]
    assert balanced(outbox)


def test_text_is_refused_rather_than_dropped_and_costs_audio_first() -> None:
    outbox, drops = make(max_bytes=100)
    outbox.accept(text(1, b"x" * 60))
    outbox.accept(audio(2))
    outbox.accept(text(3, b"y" * 35))
    assert [d.kind for d in drops] == [Kind.AUDIO]
    with pytest.raises(Full):
        outbox.accept(text(4, b"z" * 10))
    assert [i.n for i in outbox.held] == [1, 3]


def test_nothing_is_dropped_for_a_message_that_does_not_fit_even_so() -> None:
    outbox, drops = make(max_bytes=100)
    outbox.accept(text(1, b"x" * 60))
    outbox.accept(audio(2))
    with pytest.raises(Full):
        outbox.accept(text(3, b"y" * 50))
    assert [i.n for i in outbox.held] == [1, 2]
    assert drops == []


def test_a_line_that_lives_without_pongs_does_not_call_what_was_written_lost() -> None:
    outbox, drops = make(ring_s=0.1)
    for n in range(8):
        outbox.accept(audio(n))
        outbox.take(n * 0.02, 1)
    assert [(d.reason, d.from_n, d.through_n) for d in drops] == [("deliveryUnknown", 0, 1)]
    assert balanced(outbox)


def test_a_number_that_was_refused_is_not_taken_as_accepted() -> None:
    outbox, _ = make(max_bytes=100)
    outbox.accept(text(4, b"x" * 90))
    with pytest.raises(Full):
        outbox.accept(text(5, b"y" * 20))
    assert not outbox.numbers.knows(5)
    assert not outbox.numbers.comes_late(5)
    outbox.accept(text(6, b"z"))
    assert not outbox.numbers.knows(5)
    assert outbox.numbers.comes_late(5)
    assert outbox.numbers.knows(6)


def test_a_refusal_stands_in_the_books() -> None:
    outbox, _ = make(max_bytes=10)
    with pytest.raises(Full):
        outbox.accept(Item(Kind.AUDIO, b"x" * 11, n=1, audio_us=CHUNK_US))
    assert (outbox.books.offered_us, outbox.books.refused_us, outbox.books.accepted_us) == (
        CHUNK_US,
        CHUNK_US,
        0,
    )


def test_the_backlog_leaves_at_the_flush_rate_and_live_audio_is_not_held() -> None:
    outbox, _ = make(flush_rate=4.0, flush_burst_s=0.5)
    for n in range(500):
        outbox.accept(audio(n))
    now, sent = 100.0, 0
    while outbox.held:
        while outbox.take(now, 1) is not None:
            sent += 1
        ready_at = outbox.ready_at(now)
        now = max(now + 1e-6, ready_at if ready_at is not None else now)
    assert now - 100.0 == pytest.approx((500 * 0.02 - 0.5) / 4, abs=0.02)
    for n in range(500, 1000):
        now += 0.02
        outbox.accept(audio(n))
        assert outbox.take(now, 1) is not None


def test_text_behind_audio_waits_for_its_turn_and_is_not_rated_itself() -> None:
    outbox, _ = make(flush_rate=1.0, flush_burst_s=0.01)
    for item in (audio(1), audio(2), text(3), text(4)):
        outbox.accept(item)
    first = outbox.take(5.0, 1)
    assert first is not None
    assert first.n == 1
    assert outbox.take(5.0, 1) is None  # the rate holds the second chunk, and so the texts behind it
    ready_at = outbox.ready_at(5.0)
    assert ready_at == pytest.approx(5.011, abs=1e-6)
    assert [i.n for i in (outbox.take(5.02, 1), outbox.take(5.02, 1), outbox.take(5.02, 1)) if i] == [2, 3, 4]


def test_a_closed_session_says_what_it_did_not_deliver() -> None:
    outbox, drops = make()
    for n in range(3):
        outbox.accept(audio(n))
    outbox.take(0.0, 1)
    outbox.close()
    assert [(d.reason, d.count) for d in drops] == [("deliveryUnknown", 1), ("sessionClosed", 2)]
    assert outbox.idle
    assert balanced(outbox)


@pytest.mark.parametrize("seed", range(20))
def test_the_books_balance_after_every_step_of_a_random_life(seed: int) -> None:
    rng = random.Random(seed)
    outbox, drops = make(ring_s=1.0, max_bytes=2000)
    now, ping, n = 0.0, 0, 0
    for _ in range(400):
        now += rng.random() * 0.1
        match rng.randrange(7):
            case 0 | 1 | 2:
                n += 1
                item = audio(n) if rng.random() < 0.8 else text(n, b"t" * rng.randrange(200))
                try:
                    outbox.accept(item)
                except Full:
                    n -= 1
            case 3 | 4:
                outbox.take(now, ping + 1)
            case 5:
                ping += 1
                outbox.confirm(rng.randint(max(0, ping - 3), ping))
            case _:
                outbox.line_lost(
                    now - rng.random() * 2,
                    unsent_bytes=rng.randrange(300),
                    unacked_bytes=rng.choice([None, 0, 50]),
                    refused=rng.random() < 0.2,
                    blamed=rng.random() < 0.2,
                )
                outbox.connected(resumed=rng.random() < 0.7)
        assert balanced(outbox)
        assert outbox.confirmed_through <= outbox.sent_through <= outbox.accepted_through
    assert sum(d.audio_us for d in drops) == outbox.books.dropped_us


def test_what_waits_and_what_is_under_way_are_bounded_whatever_happens_to_the_lines() -> None:
    """Pongs that never come, then a cut, again and again: a ring of each, and after a cut both wait."""
    ring_us = 1_000_000
    outbox, drops = make(ring_s=1.0)
    n = 0
    for _ in range(5):
        for _ in range(200):
            outbox.accept(audio(n))
            outbox.take(n * 0.02, 1)
            n += 1
            assert outbox.books.unconfirmed_us <= ring_us + CHUNK_US
        outbox.line_lost(had_at=n * 0.02)
        assert outbox.books.held_us <= 2 * (ring_us + CHUNK_US)
        for _ in range(200):
            outbox.accept(audio(n))
            n += 1
            assert outbox.books.held_us <= ring_us
        assert balanced(outbox)
    newest = [i.n for i in outbox.held]
    assert newest == list(range(n - 50, n))
    assert sum(d.audio_us for d in drops) == outbox.books.dropped_us == (n - 50) * CHUNK_US
