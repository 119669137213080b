"""A resume that is refused, before or after setupComplete; handles that are too old; the fresh session in their place."""

import pytest

from sidecar.lifecycle import events as ev
from sidecar.lifecycle.faults import Cause, Layer
from sidecar.lifecycle.item import Item, Kind
from sidecar.lifecycle.settings import ResumptionOptions, Settings
from tests.unit.lifecycle.rig import NO_RESUMPTION, OWNED, Rig


def test_a_refused_resume_within_the_window_keeps_the_handle_and_does_not_count() -> None:
    rig = Rig()
    rig.open()
    rig.pass_time(11.0)
    rig.cut()
    rig.pass_time(1.5)
    for _ in range(5):
        assert rig.core._attempting
        rig.core.tcp_connected(rig.now)
        rig.core.upgraded(rig.now, resuming=True)
        rig.cut(OWNED)
        assert rig.core.resumption.has_handle
        rig.pass_time(1.01)
    assert rig.core.outage.reached == 0
    rig.connect()
    assert rig.core.state_restored == "resumed"


def test_a_refusal_after_setup_complete_is_survived_and_gives_back_what_was_written() -> None:
    rig = Rig()
    rig.open()
    rig.cut()
    rig.core.outbox.accept(Item(Kind.TEXT, b"hello", n=1))
    rig.pass_time(1.5)
    rig.connect(content=False)
    assert rig.written == [1]
    rig.pass_time(0.4)
    rig.cut(OWNED)
    assert [i.n for i in rig.core.outbox.held] == [1]
    assert rig.of(ev.Dropped) == []
    rig.pass_time(1.0)
    rig.connect()
    assert rig.written == [1, 1]


def test_a_pong_on_a_resume_that_is_not_proven_yet_confirms_nothing() -> None:
    rig = Rig()
    rig.open()
    rig.cut()
    rig.pass_time(1.5)
    rig.connect(content=False)
    rig.speak(0, 30)  # 0.62 s, pongs come
    assert rig.core.outbox.books.confirmed_us == 0
    rig.cut(OWNED)
    assert [i.n for i in rig.core.outbox.held] == list(range(31))
    rig.pass_time(1.0)
    rig.connect(content=False)
    rig.pass_time(1.6)
    assert rig.core.outbox.idle


def test_a_resume_refused_for_ten_seconds_becomes_a_fresh_session_within_fifteen() -> None:
    rig = Rig()
    rig.open()
    cut_at = rig.now
    rig.cut()
    fresh_at = None
    while fresh_at is None and rig.now < cut_at + 30:
        if rig.core._attempting:
            if rig.core.recovery.fresh:
                fresh_at = rig.now
                break
            rig.core.tcp_connected(rig.now)
            rig.core.upgraded(rig.now, resuming=True)
            rig.pass_time(0.5)
            rig.cut(OWNED)
        rig.pass_time(0.05)
    assert fresh_at is not None
    assert fresh_at - cut_at < 15
    rig.connect(resuming=False)
    assert rig.core.state_restored == "fresh"
    assert rig.of(ev.Reconnected)[-1].state_restored == "fresh"


def test_a_handle_from_an_earlier_process_is_used_at_once_and_its_refusal_is_taken_as_too_early() -> None:
    rig = Rig(handle="handle-0")
    rig.core.open(rig.now)
    rig.run()
    rig.core.tcp_connected(rig.now)
    rig.core.upgraded(rig.now, resuming=True)
    rig.cut(OWNED)
    assert rig.core.resumption.has_handle
    rig.pass_time(1.0)
    assert rig.dials == 2
    rig.connect()
    assert rig.core.state_restored == "resumed"


def test_a_handle_from_an_earlier_process_refused_after_setup_complete_is_kept_too() -> None:
    rig = Rig(handle="handle-0")
    rig.core.open(rig.now)
    rig.run()
    rig.connect(content=False)
    rig.pass_time(0.5)
    rig.cut(OWNED)
    assert rig.core.resumption.has_handle
    assert rig.of(ev.Reconnecting)[-1].fresh is False


def test_a_dropped_handle_is_told_so_that_nobody_keeps_it() -> None:
    rig = Rig()
    rig.open()
    rig.told.clear()
    rig.cut(Cause(Layer.WEBSOCKET, 1008, "BidiGenerateContent session not found"))
    assert ev.HandleChanged(False, None) in rig.told


# --- an old owner that never goes: a change of Wi-Fi ------------------------------------------------


def refused_for_ever(rig: Rig, how: str) -> float:
    """Every resume is refused, until one attempt comes without the handle; returns when it came."""
    while True:
        rig.wait_for_attempt()
        if not rig.would_resume:
            return rig.now
        match how:
            case "before setupComplete":
                rig.pass_time(0.2)
                rig.core.tcp_connected(rig.now)
                rig.core.upgraded(rig.now, resuming=True)
                rig.pass_time(0.5)
                rig.cut(OWNED)
            case "after setupComplete":
                rig.pass_time(0.2)
                rig.connect(content=False)
                rig.pass_time(0.5)
                rig.cut(OWNED)


@pytest.mark.parametrize("how", ["before setupComplete", "after setupComplete"])
@pytest.mark.parametrize("left_by", ["cut", "silence", "address", "probe", "goAway"])
def test_where_the_old_owner_never_goes_a_fresh_session_is_there_within_the_window_and_five_seconds(
    left_by: str, how: str
) -> None:
    rig = Rig()
    rig.open()
    rig.core.handle("handle-2", resumable=True)
    rig.pass_time(60.0)
    rig.say(1)
    rig.pass_time(1.0)
    match left_by:
        case "cut":
            rig.cut()
        case "silence":
            rig.answers_pings = False
            rig.pass_time_until(lambda: rig.core.line is None, 70.0)
        case "address":
            rig.core.network_changed(rig.now, online=True, address_changed=True)
        case "probe":
            rig.answers_pings = False
            rig.core.network_changed(rig.now, online=True)
            rig.pass_time(2.0)
        case _:
            rig.core.go_away(rig.now, 9.0)
    rig.run()
    rig.pass_time_until(lambda: rig.core.line is None, 3.0)
    rig.answers_pings = True
    lost_at = rig.now
    fresh_at = refused_for_ever(rig, how)
    assert 10.0 <= fresh_at - lost_at < 15.0
    rig.connect(resuming=False)
    assert rig.core.state_restored == "fresh"
    assert [e.state_restored for e in rig.of(ev.Reconnected)][-1] == "fresh"
    assert rig.of(ev.StateChanged)[-1].state_restored == "fresh"
    assert rig.fatal() == []
    assert rig.of(ev.BreakerChanged) == []


def test_a_fresh_session_uses_its_own_handle_for_the_next_resume() -> None:
    rig = Rig()
    rig.open()
    rig.pass_time(60.0)
    rig.cut()
    refused_for_ever(rig, "before setupComplete")
    rig.connect(resuming=False)
    assert not rig.core.resumption.has_handle
    rig.core.handle("handle-of-the-fresh-one", resumable=True)
    rig.pass_time(60.0)
    rig.cut()
    assert rig.wait_for_attempt() == pytest.approx(1.5, abs=0.06)
    assert rig.would_resume
    assert rig.core.resumption.handle == "handle-of-the-fresh-one"


def test_a_resume_taken_in_the_last_moment_of_the_window_is_kept() -> None:
    rig = Rig()
    rig.open()
    rig.pass_time(60.0)
    lost_at = rig.now
    rig.cut()
    while rig.now - lost_at < 9.0:
        rig.wait_for_attempt()
        rig.refuse(OWNED)
    rig.wait_for_attempt()
    assert rig.would_resume
    rig.connect()
    assert rig.of(ev.Reconnected)[-1].state_restored == "resumed"


def test_while_the_window_lasts_a_resume_is_tried_about_every_second() -> None:
    rig = Rig()
    rig.open()
    rig.pass_time(60.0)
    rig.cut()
    waits = []
    for _ in range(8):
        waits.append(rig.wait_for_attempt())
        rig.refuse(OWNED)
    assert waits == pytest.approx([1.5] + [1.0] * 7, abs=0.06)


# --- handles that are too old, or dead ------------------------------------------------------------


@pytest.mark.parametrize(
    ("age_s", "resumes"),
    [(None, True), (0.0, True), (60.0, True), (7100.0, True), (7300.0, False), (1e6, False)],
)
def test_an_imported_handle_is_tried_unless_it_is_known_to_be_too_old(
    age_s: float | None, resumes: bool
) -> None:
    rig = Rig(handle="handle-0")
    rig.start(previous_close_age_s=age_s)
    rig.wait_for_attempt()
    assert rig.would_resume is resumes
    assert (ev.HandleChanged(False, None) in rig.told) is not resumes
    rig.connect()
    assert rig.core.state_restored == ("resumed" if resumes else "fresh")


@pytest.mark.parametrize(("age_s", "wait_s"), [(None, 0.0), (0.0, 1.5), (1.0, 0.5), (1.5, 0.0), (60.0, 0.0)])
def test_an_imported_handle_waits_for_its_old_owner_as_far_as_is_known(
    age_s: float | None, wait_s: float
) -> None:
    rig = Rig(handle="handle-0")
    rig.start(previous_close_age_s=age_s)
    assert rig.wait_for_attempt() == pytest.approx(wait_s, abs=0.06)
    assert rig.state == "connecting/dialing"


def test_the_window_of_an_imported_handle_runs_from_the_end_of_its_old_line() -> None:
    rig = Rig(handle="handle-0")
    rig.start(previous_close_age_s=60.0)
    rig.refuse(OWNED)
    rig.wait_for_attempt()
    assert not rig.would_resume


def test_the_time_to_live_is_a_setting() -> None:
    rig = Rig(Settings(resumption=ResumptionOptions(handle_ttl_s=100.0)))
    rig.open()
    rig.core.suspend(rig.now, "suspendRequested")
    rig.run()
    rig.echo()
    rig.pass_time(101.0)
    rig.core.resume(rig.now, "resumeRequested")
    rig.run()
    rig.wait_for_attempt()
    assert not rig.would_resume


@pytest.mark.parametrize(
    "cause",
    [
        Cause(Layer.WEBSOCKET, 1007, "Invalid session handle"),
        Cause(Layer.WEBSOCKET, 1007, "Request contains an invalid argument."),
        Cause(Layer.WEBSOCKET, 1008, "BidiGenerateContent session not found"),
        Cause(Layer.WEBSOCKET, 1008, "Requested entity was not found."),
    ],
)
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_dead_handle_is_dropped_and_a_fresh_session_tried_at_once(cause: Cause, when: str) -> None:
    rig = Rig()
    rig.open()
    rig.pass_time(60.0)
    rig.cut()
    rig.wait_for_attempt()
    if when == "before":
        rig.refuse(cause)
    else:
        rig.connect(content=False)
        rig.pass_time(0.5)
        rig.cut(cause)
    assert rig.core.resumption.handle is None
    assert rig.wait_for_attempt() <= 0.05
    assert not rig.would_resume
    rig.connect()
    assert rig.core.state_restored == "fresh"


def test_a_session_that_was_reseeded_is_told_so() -> None:
    rig = Rig(Settings(resumption=NO_RESUMPTION))
    rig.open()
    rig.pass_time(20.0)
    rig.cut()
    rig.wait_for_attempt()
    rig.core.tcp_connected(rig.now)
    rig.core.upgraded(rig.now, resuming=False)
    rig.core.setup_complete(rig.now, reseeded=True)
    rig.run()
    assert rig.of(ev.Reconnected)[-1].state_restored == "reseeded"
    assert (rig.core.stats.fresh, rig.core.stats.reseeded) == (1, 1)


def test_figures_of_resumes_tell_tried_taken_and_refused() -> None:
    rig = Rig()
    rig.open()
    rig.pass_time(60.0)
    rig.cut()
    rig.wait_for_attempt()
    rig.refuse(OWNED)
    rig.wait_for_attempt()
    rig.connect(content=False)
    rig.pass_time(0.5)
    rig.cut(OWNED)
    rig.wait_for_attempt()
    rig.connect(content=False)
    rig.pass_time(1.1)
    stats = rig.core.stats
    assert (stats.resumes_tried, stats.resumes_refused, stats.resumes_ok) == (3, 2, 1)


TRANSIENT = [
    (1001, ""),
    (1012, ""),
    (1008, "The operation was aborted."),
    (1008, "Operation is not implemented, or supported, or enabled."),
    (1011, "The service is currently unavailable."),
    (1011, "Deadline expired before operation could complete."),
]


@pytest.mark.parametrize(("code", "text"), TRANSIENT)
@pytest.mark.parametrize("after_s", [2.0, 20.0])
def test_a_transient_close_of_a_resume_does_not_cost_the_conversation(
    code: int, text: str, after_s: float
) -> None:
    rig = Rig()
    rig.open()
    rig.pass_time(15.0)
    rig.cut()
    rig.pass_time(after_s)
    rig.cut(Cause(Layer.WEBSOCKET, code, text))
    assert rig.core.resumption.has_handle
    assert not rig.of(ev.Reconnecting)[-1].fresh


def test_an_answer_for_a_session_that_an_app_lost_over_its_restart_is_told_to_be_lost() -> None:
    rig = Rig(handle="handle-of-an-older-process")
    rig.start()
    rig.core.offer(Item(Kind.TOOL_RESPONSE, b"{}", n=1, ids=("call_1",)), rig.now)
    rig.core.resolved(rig.now)
    rig.core.tcp_connected(rig.now)
    rig.core.secured(rig.now)
    rig.core.upgraded(rig.now, resuming=True)
    rig.cut(Cause(Layer.WEBSOCKET, 1008, "BidiGenerateContent session not found"))
    rig.wait_for_attempt(2.0)
    rig.connect(resuming=False)
    rig.pass_time(0.5)
    assert rig.core.state_restored == "fresh"
    assert [(e.drop.reason, e.drop.ids) for e in rig.of(ev.Dropped)] == [("sessionLost", ["call_1"])]
    assert rig.written == []
