"""An answer that was asked for and does not come. Only a demand starts the clock."""

import pytest

from sidecar.lifecycle import events as ev
from sidecar.lifecycle.settings import HandOver, Settings, StallLimits
from sidecar.lifecycle.stall import Stall
from tests.unit.lifecycle.rig import NO_RESUMPTION, REFUSED, Rig

DEMANDS = ["turnComplete", "audioStreamEnd", "activityEnd", "toolResponse", "text", "speech"]
MOVES_ON = Settings(stall=StallLimits(action="reconnect"))


def told(rig: Rig) -> list[tuple[str, float, str]]:
    return [(e.demand, round(e.waited_s, 3), e.action) for e in rig.of(ev.Stalled)]


# --- by itself ------------------------------------------------------------------------------------


def test_without_a_demand_nothing_is_ever_due() -> None:
    stall = Stall()
    assert stall.due_at(30.0) == float("inf")
    assert stall.overdue(1e9, 30.0) is None


@pytest.mark.parametrize("demand", DEMANDS)
def test_a_demand_is_overdue_after_its_time_and_told_once(demand: str) -> None:
    stall = Stall()
    stall.demanded(demand, 100.0)
    assert stall.due_at(30.0) == 130.0
    assert stall.overdue(129.9, 30.0) is None
    assert stall.overdue(130.0, 30.0) == (demand, 30.0)
    assert stall.overdue(131.0, 30.0) is None
    assert stall.due_at(30.0) == float("inf")


def test_a_newer_demand_starts_the_time_anew_and_may_be_told_again() -> None:
    stall = Stall()
    stall.demanded("text", 100.0)
    stall.demanded("audioStreamEnd", 120.0)
    assert stall.overdue(149.0, 30.0) is None
    assert stall.overdue(150.0, 30.0) == ("audioStreamEnd", 30.0)
    stall.demanded("text", 160.0)
    assert stall.overdue(190.0, 30.0) == ("text", 30.0)


def test_an_answer_ends_the_demand() -> None:
    stall = Stall()
    stall.demanded("text", 100.0)
    stall.answered(101.0)
    assert stall.overdue(1e9, 30.0) is None


def test_what_is_transcribed_right_after_an_answer_was_answered_already() -> None:
    stall = Stall()
    stall.demanded("speech", 100.0)
    stall.answered(101.0)
    stall.demanded("speech", 102.0)
    assert stall.due_at(30.0) == float("inf")


def test_what_is_transcribed_long_after_an_answer_asks_again() -> None:
    stall = Stall()
    stall.answered(101.0)
    stall.demanded("speech", 110.0)
    assert stall.due_at(30.0) == 140.0


@pytest.mark.parametrize("demand", [d for d in DEMANDS if d != "speech"])
def test_what_the_host_sends_right_after_an_answer_asks_again(demand: str) -> None:
    stall = Stall()
    stall.answered(100.0)
    stall.demanded(demand, 100.5)
    assert stall.due_at(30.0) == 130.5


def test_the_time_it_may_take_can_change_meanwhile() -> None:
    stall = Stall()
    stall.demanded("text", 100.0)
    assert stall.overdue(110.0, 30.0) is None
    assert stall.overdue(110.0, 10.0) == ("text", 10.0)


def test_a_resumed_session_owes_what_it_owed_with_new_time_and_a_fresh_one_nothing() -> None:
    resumed, fresh = Stall(), Stall()
    for stall, again in ((resumed, True), (fresh, False)):
        stall.demanded("toolResponse", 100.0)
        stall.connected(120.0, resumed=again)
    assert resumed.due_at(30.0) == 150.0
    assert resumed.overdue(150.0, 30.0) == ("toolResponse", 30.0)
    assert fresh.due_at(30.0) == float("inf")


# --- in a session ---------------------------------------------------------------------------------


@pytest.mark.parametrize("demand", DEMANDS)
def test_a_session_tells_an_overdue_answer_at_its_time_and_keeps_its_line(demand: str) -> None:
    rig = Rig()
    rig.open()
    rig.core.demanded(demand, rig.now)
    rig.pass_time(29.9)
    assert told(rig) == []
    rig.pass_time(0.2)
    assert told(rig) == [(demand, 30.0, "event")]
    rig.pass_time(600.0)
    assert len(told(rig)) == 1
    assert (rig.state, rig.closes, rig.core.stats.stalls) == ("connected/active", 0, 1)


def test_an_open_microphone_in_a_silent_room_is_healthy_for_hours() -> None:
    rig = Rig(Settings(hand_over=HandOver(recycle_after_s=1e6)))
    rig.open()
    for n in range(4 * 360):
        rig.speak(n, n)
        rig.pass_time(10.0)
    assert told(rig) == []
    assert rig.closes == 0


def test_an_overdue_answer_moves_the_session_to_a_new_line_if_so_wanted() -> None:
    rig = Rig(MOVES_ON)
    rig.open()
    rig.core.demanded("text", rig.now)
    rig.pass_time(30.1)
    assert told(rig) == [("text", 30.0, "reconnect")]
    assert rig.closes == 1
    rig.echo()
    assert rig.reasons()[-1] == "stalled"
    rig.wait_for_attempt()
    rig.connect()
    assert rig.core.stats.losses == 0
    assert rig.of(ev.Failure) == []


def test_a_model_that_never_answers_is_left_once_for_one_demand() -> None:
    rig = Rig(MOVES_ON)
    rig.open()
    rig.core.demanded("text", rig.now)
    for _ in range(20):
        rig.pass_time(30.1)
        if rig.state == "connected/draining":
            rig.echo()
            rig.wait_for_attempt()
            rig.connect(content=False)
    assert rig.closes == 1
    assert len(told(rig)) == 1


def test_a_demand_outlives_a_cut_and_has_new_time_on_the_new_line() -> None:
    rig = Rig()
    rig.open()
    rig.core.demanded("toolResponse", rig.now)
    rig.pass_time(25.0)
    rig.cut()
    rig.wait_for_attempt()
    rig.connect(content=False)
    rig.pass_time(29.9)
    assert told(rig) == []
    rig.pass_time(0.2)
    assert told(rig) == [("toolResponse", 30.0, "event")]


def test_a_fresh_session_does_not_owe_the_answers_of_the_lost_one() -> None:
    rig = Rig(Settings(resumption=NO_RESUMPTION))
    rig.open()
    rig.core.demanded("text", rig.now)
    rig.pass_time(5.0)
    rig.cut()
    rig.wait_for_attempt()
    rig.connect(resuming=False)
    rig.pass_time(120.0)
    assert told(rig) == []


def test_while_there_is_no_line_nothing_is_stalled() -> None:
    rig = Rig()
    rig.open()
    rig.cut()
    rig.say(1)
    rig.pass_time(1.6)
    for _ in range(40):
        if rig.attempting:
            rig.cut(REFUSED)
        rig.pass_time(1.0)
    assert told(rig) == []


def test_a_text_that_waited_for_the_first_connection_is_owed_an_answer() -> None:
    rig = Rig()
    rig.start()
    rig.say(1)
    rig.connect(content=False)
    assert rig.written == [1]
    rig.pass_time(31.0)
    assert told(rig) == [("text", 30.0, "event")]


def test_a_text_that_waited_for_a_fresh_session_is_owed_an_answer() -> None:
    rig = Rig(Settings(resumption=NO_RESUMPTION))
    rig.open()
    rig.cut()
    rig.say(1)
    rig.wait_for_attempt()
    rig.connect(resuming=False, content=False)
    assert rig.written == [1]
    rig.pass_time(31.0)
    assert told(rig) == [("text", 30.0, "event")]


@pytest.mark.parametrize("demand", DEMANDS[:-1])
def test_what_a_message_demands_is_owed_from_the_moment_it_is_written(demand: str) -> None:
    rig = Rig()
    rig.open()
    rig.cut()
    rig.say(1, demand=demand)
    rig.wait_for_attempt()
    rig.pass_time(1.0)
    rig.connect(content=False)
    rig.pass_time(29.9)
    assert told(rig) == []
    rig.pass_time(0.2)
    assert told(rig) == [(demand, 30.0, "event")]


def test_a_message_that_demands_nothing_is_owed_nothing() -> None:
    rig = Rig()
    rig.open()
    rig.say(1, demand=None)
    rig.pass_time(600.0)
    assert told(rig) == []


def test_a_session_that_is_being_closed_or_parked_is_not_stalled() -> None:
    for leave in ("close", "suspend"):
        rig = Rig()
        rig.open()
        rig.core.demanded("text", rig.now)
        rig.pass_time(29.9)
        if leave == "close":
            rig.core.close(rig.now)
        else:
            rig.core.suspend(rig.now, "suspendRequested")
        rig.run()
        rig.pass_time(0.2)
        assert told(rig) == [], leave
