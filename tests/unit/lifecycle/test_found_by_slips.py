"""Promises of which no other test would have noticed that they are broken: small slips were made, and these tell."""

import pytest

from sidecar.lifecycle import events as ev
from sidecar.lifecycle.books import Drop
from sidecar.lifecycle.faults import Cause, Layer, classify
from sidecar.lifecycle.item import Item, Kind
from sidecar.lifecycle.outbox import Outbox
from sidecar.lifecycle.resumption import Resumption
from sidecar.lifecycle.settings import OutboxLimits, Reconnect, Settings
from sidecar.lifecycle.states import State
from tests.unit.lifecycle.rig import BUSY, CHUNK_US, CUT, Rig

QUOTA = Cause(Layer.WEBSOCKET, 1011, "You exceeded your current quota")
UNAVAILABLE = Cause(Layer.WEBSOCKET, 1011, "The service is currently unavailable.")
BAD_ARGUMENT = Cause(Layer.WEBSOCKET, 1007, "Request contains an invalid argument.")
ONCE = Settings(reconnect=Reconnect(enabled=False))


def audio(n: int) -> Item:
    return Item(Kind.AUDIO, b"x", n=n, audio_us=CHUNK_US)


def send(rig: Rig, *items: Item) -> None:
    """Accepted, and written if there is a line."""
    for item in items:
        rig.core.offer(item, rig.now)
    rig.core.out.append(ev.Flush())
    rig.run()


def drops(told: list[Drop]) -> list[tuple[int | None, int | None, str]]:
    return [(drop.from_n, drop.through_n, drop.reason) for drop in told]


# --- whether to try again, and when ---------------------------------------------------------------


def test_a_quota_that_refuses_a_resume_is_not_taken_for_an_old_owner() -> None:
    rig = Rig(ONCE)
    rig.open()
    rig.cut()
    rig.core.reconnect(rig.now)
    rig.run()
    rig.wait_for_attempt()
    rig.refuse(QUOTA)
    assert rig.state == "failed"


def test_a_service_that_orders_us_off_every_new_line_is_left_alone_for_a_while() -> None:
    rig = Rig()
    rig.open()
    waits_s = []
    for _ in range(5):
        rig.core.go_away(rig.now, 5.0)
        rig.pass_time(0.001)
        rig.echo()
        waits_s.append(rig.wait_for_attempt())
        rig.connect()
    assert waits_s[3] < 29.0
    assert waits_s[4] >= 29.0


@pytest.mark.parametrize(("model_speaking", "wait_s"), [(True, 0.0), (False, 1.5)])
def test_a_line_cut_while_the_model_spoke_is_resumed_at_once(model_speaking: bool, wait_s: float) -> None:
    rig = Rig()
    rig.open()
    rig.pass_time(31.0)
    rig.core.moment(quiet=False, model_speaking=model_speaking)
    rig.cut()
    assert rig.wait_for_attempt() == pytest.approx(wait_s, abs=0.06)


def test_a_wait_that_the_service_asked_for_goes_on_while_the_machine_sleeps() -> None:
    rig = Rig()
    rig.open()
    rig.cut(QUOTA)
    rig.core.slept(rig.now, 60.0, clock_stood=True)
    rig.run()
    assert rig.wait_for_attempt() == pytest.approx(5.0, abs=0.1)


def test_every_failure_on_the_way_to_the_end_is_told_and_then_the_end() -> None:
    rig = Rig()
    rig.open()
    rig.cut()
    refused = 0
    while rig.state != "failed":
        rig.wait_for_attempt()
        rig.cut(BUSY)
        refused += 1
    told = [(e.fault.kind, e.fatal) for e in rig.of(ev.Failure)]
    busy = [("serviceUnavailable", False)] * refused
    assert told == [("lineLost", False), *busy, ("maxAttempts", True)]


@pytest.mark.parametrize("text", ["RESOURCE_EXHAUSTED", "Resource has been exhausted", "Quota Exhausted."])
def test_a_reason_is_read_whatever_its_letters(text: str) -> None:
    assert classify(Cause(Layer.WEBSOCKET, 1011, text)).kind == "quotaExceeded"


# --- what is delivered, and what is said of it ----------------------------------------------------


def test_of_what_the_service_closed_for_only_audio_is_said_again() -> None:
    """A video frame that it cannot take would end every line that follows."""
    rig = Rig()
    rig.answers_pings = False
    rig.open()
    send(rig, Item(Kind.VIDEO, b"v", n=0), audio(1))
    rig.cut(BAD_ARGUMENT)
    rig.wait_for_attempt()
    rig.connect()
    assert rig.written == [0, 1, 1]
    assert drops([e.drop for e in rig.of(ev.Dropped)]) == [(0, 0, "deliveryUnknown")]


def test_a_service_that_hangs_and_then_closes_has_read_nothing_meanwhile() -> None:
    """Its TCP acknowledged all, and its close frame came in long after that."""
    rig = Rig()
    rig.answers_pings = False
    rig.open()
    rig.core.heard(rig.now, 0)
    rig.pass_time(0.1)
    rig.speak(0, 4)
    rig.pass_time(1.0)
    rig.core.heard(rig.now, 0)
    rig.pass_time(8.0)
    rig.core.heard(rig.now, 0)
    rig.cut(UNAVAILABLE)
    assert [item.n for item in rig.core.outbox.held] == [0, 1, 2, 3, 4]


def test_a_text_that_never_left_this_process_is_sent_on_the_next_line() -> None:
    rig = Rig()
    rig.open()
    rig.say(0)
    rig.core.ended(rig.now, CUT, unsent_bytes=1000)
    rig.run()
    rig.wait_for_attempt()
    rig.connect()
    assert rig.written == [0, 0]
    assert rig.of(ev.Dropped) == []


def test_an_activity_that_was_open_at_the_cut_is_opened_again_before_all_else() -> None:
    rig = Rig()
    rig.open()
    send(rig, Item(Kind.ACTIVITY, b'{"realtimeInput":{"activityStart":{}}}', n=0))
    rig.speak(1, 50)
    rig.pass_time(1.0)
    assert rig.core.outbox.idle
    rig.cut()
    send(rig, audio(51))
    rig.wait_for_attempt()
    rig.connect()
    assert rig.written[-2:] == [None, 51]


def test_a_pong_says_nothing_of_what_was_written_after_its_ping() -> None:
    rig = Rig()
    rig.answers_pings = False
    rig.open()
    rig.speak(0, 0)
    rig.pass_time(0.6)
    send(rig, audio(1))
    rig.core.pong(rig.now, rig.pings[-1])
    assert [item.n for item in rig.core.outbox.unconfirmed] == [1]


def test_after_our_close_frame_the_host_gets_no_ping() -> None:
    rig = Rig()
    rig.open()
    rig.core.reconnect(rig.now)
    rig.run()
    assert rig.closes == 1
    assert rig.core.ping(rig.now) is None
    rig.run()
    assert rig.pings == []


def test_a_closed_session_tells_its_losses_before_its_end() -> None:
    rig = Rig()
    rig.open()
    rig.answers_pings = False
    rig.say(0)
    rig.core.close(rig.now)
    rig.run()
    rig.pass_time(4.0)
    ends = [e for e in rig.told if isinstance(e, ev.Dropped | ev.QueueMoved) or
            (isinstance(e, ev.StateChanged) and e.after[0] is State.DISCONNECTED)]  # fmt: skip
    assert [type(e) for e in ends[-3:]] == [ev.Dropped, ev.QueueMoved, ev.StateChanged]


def test_a_range_of_losses_ends_where_something_else_was_kept() -> None:
    outbox = Outbox(OutboxLimits(), ring_s=0.04)
    for item in (
        audio(0),
        Item(Kind.TEXT, b"t", n=1),
        audio(2),
        Item(Kind.AUDIO, b"x", n=3, audio_us=40_000),
    ):
        outbox.accept(item)
    assert drops(outbox.drops.take()) == [(0, 0, "outboxFull"), (2, 2, "outboxFull")]


def test_losses_of_two_kinds_are_two_ranges() -> None:
    outbox = Outbox(OutboxLimits(), ring_s=45.0)
    for item in (audio(0), audio(1), Item(Kind.VIDEO, b"v", n=2), audio(3)):
        outbox.accept(item)
    outbox.close()
    told = outbox.drops.take()
    assert [(drop.kind, drop.from_n, drop.through_n) for drop in told] == [
        (Kind.AUDIO, 0, 1),
        (Kind.VIDEO, 2, 2),
        (Kind.AUDIO, 3, 3),
    ]


# --- the handle -----------------------------------------------------------------------------------


def test_the_handle_that_the_host_once_gave_is_not_sent_when_it_is_of_no_use_any_more() -> None:
    given = {"model": "m", "sessionResumption": {"handle": "old", "transparent": True}}
    resumption = Resumption(enabled=True, handle="old")
    without = {"model": "m", "sessionResumption": {"transparent": True}}
    assert resumption.setup(given, fresh=True) == (without, False)
    resumption.drop()
    assert resumption.setup(given, fresh=False) == (without, False)
