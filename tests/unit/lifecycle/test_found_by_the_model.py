"""What the model tests found, each as the short story it was shrunk to."""

from sidecar.lifecycle import events as ev
from sidecar.lifecycle.faults import Cause, Layer
from sidecar.lifecycle.item import Item, Kind
from sidecar.lifecycle.settings import HandOver, Reconnect, Settings
from tests.unit.lifecycle.rig import CHUNK_US, OWNED, REFUSED, Rig

QUOTA = Cause(Layer.WEBSOCKET, 1011, "You exceeded your current quota")
DEAD_HANDLE = Cause(Layer.WEBSOCKET, 1008, "BidiGenerateContent session not found")
ONCE = Settings(reconnect=Reconnect(enabled=False))


def test_a_quota_counts_also_on_a_line_that_is_being_left() -> None:
    rig = Rig()
    rig.open()
    rig.core.reconnect(rig.now)
    rig.run()
    rig.cut(QUOTA)
    assert rig.wait_for_attempt() >= 64.9


def test_whoever_insists_gets_past_a_dead_handle_although_reconnecting_is_off() -> None:
    rig = Rig(ONCE)
    rig.open()
    rig.cut()
    assert rig.state == "failed"
    rig.core.reconnect(rig.now)
    rig.run()
    rig.wait_for_attempt()
    rig.refuse(DEAD_HANDLE)
    rig.wait_for_attempt()
    assert not rig.would_resume
    rig.connect()
    assert rig.core.state_restored == "fresh"


def test_whoever_insists_gets_past_a_session_that_is_refused_although_reconnecting_is_off() -> None:
    rig = Rig(ONCE)
    rig.open()
    rig.cut()
    rig.pass_time(60.0)
    rig.core.reconnect(rig.now)
    rig.run()
    rig.wait_for_attempt()
    rig.refuse(OWNED)
    rig.wait_for_attempt()
    assert not rig.would_resume


def test_with_reconnecting_off_the_fresh_session_is_tried_once_and_no_more() -> None:
    rig = Rig(ONCE)
    rig.open()
    rig.cut()
    rig.core.reconnect(rig.now)
    rig.run()
    rig.wait_for_attempt()
    rig.refuse(DEAD_HANDLE)
    rig.wait_for_attempt()
    rig.refuse(OWNED)
    assert rig.state == "failed"


def test_a_message_that_may_have_arrived_is_not_told_as_never_sent() -> None:
    rig = Rig()
    rig.open()
    rig.answers_pings = False
    rig.core.offer(Item(Kind.AUDIO, b"x", n=0, audio_us=CHUNK_US), rig.now)
    rig.core.out.append(ev.Flush())
    rig.run()
    rig.cut()
    rig.core.offer(Item(Kind.AUDIO, b"x", n=1, audio_us=CHUNK_US), rig.now)
    rig.core.close(rig.now)
    rig.run()
    assert [(e.drop.from_n, e.drop.through_n, e.drop.reason) for e in rig.of(ev.Dropped)] == [
        (0, 0, "deliveryUnknown"),
        (1, 1, "sessionClosed"),
    ]


def test_a_line_gets_one_close_frame_whoever_else_wants_it_closed() -> None:
    rig = Rig()
    rig.open()
    rig.core.reconnect(rig.now)
    rig.run()
    rig.core.suspend(rig.now, "suspendRequested")
    rig.run()
    rig.core.close(rig.now)
    rig.run()
    assert rig.closes == 1


def test_a_quota_on_a_line_that_is_being_left_is_told() -> None:
    rig = Rig()
    rig.open()
    rig.core.reconnect(rig.now)
    rig.run()
    rig.cut(QUOTA)
    assert [e.fault.kind for e in rig.of(ev.Failure)] == ["quotaExceeded"]


def test_a_hint_makes_no_wait_longer_after_the_host_insisted() -> None:
    rig = Rig()
    rig.open()
    rig.cut(QUOTA)
    rig.pass_time(5.0)
    rig.core.reconnect(rig.now)
    rig.run()
    rig.cut(REFUSED)
    rig.core.network_changed(rig.now, online=True)
    rig.run()
    assert rig.wait_for_attempt() < 2.0


def test_what_an_earlier_cut_replayed_is_not_told_again_after_a_rest() -> None:
    rig = Rig()
    rig.open()
    rig.answers_pings = False
    rig.speak(0, 0)
    rig.cut()
    rig.answers_pings = True
    rig.wait_for_attempt()
    rig.connect()
    rig.pass_time(20.0)
    rig.core.suspend(rig.now, "suspendRequested")
    rig.run()
    rig.echo()
    rig.core.resume(rig.now, "resumeRequested")
    rig.run()
    rig.wait_for_attempt()
    rig.connect()
    assert [e.replayed_us for e in rig.of(ev.Reconnected)] == [CHUNK_US, 0]


def test_on_a_resume_that_is_not_proven_nothing_is_taken_as_delivered() -> None:
    rig = Rig(Settings(hand_over=HandOver(done_after_s=6.0)))
    rig.open()
    rig.answers_pings = False
    rig.cut()
    rig.wait_for_attempt()
    rig.connect(content=False)
    for n in range(30):
        rig.speak(n, n)
        rig.pass_time(0.1)
        rig.core.heard(rig.now, 0)
    rig.cut(QUOTA)
    assert rig.core.outbox.books.presumed_us == 0
