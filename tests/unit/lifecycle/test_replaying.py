"""What is told of what is sent again, and what is not sent again at all."""

import pytest

from sidecar.lifecycle import events as ev
from sidecar.lifecycle.faults import Cause, Layer
from sidecar.lifecycle.item import Item, Kind
from sidecar.lifecycle.outbox import Outbox
from sidecar.lifecycle.settings import OutboxLimits
from tests.unit.lifecycle.rig import CHUNK_US, OWNED, Rig

GONE = Cause(Layer.WEBSOCKET, 1008, "BidiGenerateContent session not found")


@pytest.mark.parametrize(("refusal", "resumes"), [(OWNED, True), (GONE, False)])
def test_a_resume_refused_after_setup_complete_counts_nothing_twice(refusal: Cause, resumes: bool) -> None:
    rig = Rig()
    rig.open()
    rig.core.handle("h1", resumable=True)
    rig.answers_pings = False
    rig.speak(0, 24)
    rig.cut()
    rig.wait_for_attempt()
    rig.connect(content=False)
    rig.pass_time(0.3)
    rig.cut(refusal)
    rig.wait_for_attempt()
    rig.connect(resuming=resumes)
    told = rig.of(ev.Reconnected)
    assert [event.held_us for event in told] == [25 * CHUNK_US] * 2
    assert [event.replayed_us for event in told] == [25 * CHUNK_US] * 2


def answer(n: int, *ids: str) -> Item:
    return Item(Kind.TOOL_RESPONSE, b"{}", n=n, ids=ids)


def test_an_answer_that_waits_is_not_sent_once_its_call_is_cancelled() -> None:
    rig = Rig()
    rig.open()
    rig.cut()
    for n, item in enumerate((answer(0, "c1"), answer(1, "c1", "c2"), answer(2, "c3"), answer(3, "c2"))):
        item.n = n
        rig.core.offer(item, rig.now)
    rig.core.calls_cancelled(frozenset({"c1", "c3"}), rig.now)
    rig.run()
    rig.pass_time(0.3)
    drops = [event.drop for event in rig.of(ev.Dropped)]
    assert [(drop.reason, drop.ids) for drop in drops] == [
        ("callCancelled", ["c1"]),
        ("callCancelled", ["c3"]),
    ]
    rig.wait_for_attempt()
    rig.connect()
    assert rig.written == [1, 3]


def test_what_never_left_and_is_written_again_counts_as_replayed_and_not_as_doubled() -> None:
    outbox = Outbox(OutboxLimits(flush_rate=1000.0), 45.0)
    outbox.accept(Item(Kind.AUDIO, b"x" * 100, n=0, audio_us=CHUNK_US))
    outbox.take(0.0, 1)
    outbox.line_lost(0.0, unsent_bytes=1000)
    outbox.connected(resumed=True)
    assert (outbox.replay_us, outbox.books.replayed_us) == (CHUNK_US, 0)
    outbox.take(1.0, 2)
    assert (outbox.books.replayed_us, outbox.books.maybe_doubled_us) == (CHUNK_US, 0)
