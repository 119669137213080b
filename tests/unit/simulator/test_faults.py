from sidecar.simulator.faults import (
    Close,
    Cut,
    FaultPlan,
    Freeze,
    GoAway,
    Hang,
    Moment,
    Refuse,
    When,
)


def test_a_fault_by_audio_is_due_once_when_the_session_has_that_much() -> None:
    plan = FaultPlan([Cut(when=When(audio_ms=5000))])
    assert plan.due(Moment(connection=1, session=1, audio_ms=4980, since_setup_ms=1)) == []
    assert len(plan.due(Moment(connection=1, session=1, audio_ms=5000, since_setup_ms=2))) == 1
    assert plan.due(Moment(connection=1, session=1, audio_ms=5020, since_setup_ms=3)) == []


def test_all_conditions_of_a_fault_must_hold() -> None:
    plan = FaultPlan([Cut(session=2, when=When(audio_ms=100, connection=3))])
    assert not plan.due(Moment(connection=3, session=1, audio_ms=200, since_setup_ms=0))
    assert not plan.due(Moment(connection=2, session=2, audio_ms=200, since_setup_ms=0))
    assert not plan.due(Moment(connection=3, session=2, audio_ms=80, since_setup_ms=0))
    assert plan.due(Moment(connection=3, session=2, audio_ms=100, since_setup_ms=0))


def test_a_line_fault_waits_for_setup_and_a_gate_fault_does_not() -> None:
    plan = FaultPlan([Cut(), Hang(), Refuse()])
    assert [type(fault) for fault in plan.due(Moment())] == [Hang, Refuse]
    assert [type(fault) for fault in plan.due(Moment(connection=1, session=1, since_setup_ms=0))] == [Cut]


def test_a_connection_ends_once_so_the_next_ending_waits_for_the_next_connection() -> None:
    plan = FaultPlan([Cut(), GoAway(), Freeze(), Close()])
    first = plan.due(Moment(connection=1, session=1, since_setup_ms=0))
    assert [type(fault) for fault in first] == [Cut, GoAway]
    assert [type(fault) for fault in plan.due(Moment(connection=2, since_setup_ms=0))] == [Freeze]
    assert [type(fault) for fault in plan.due(Moment(connection=3, since_setup_ms=0))] == [Close]


def test_two_equal_faults_are_two_faults() -> None:
    plan = FaultPlan([Cut(), Cut()])
    moment = Moment(connection=1, session=1, since_setup_ms=0)
    assert [len(plan.due(moment)) for _ in range(3)] == [1, 1, 0]


def test_the_plan_says_when_it_wants_to_be_asked_again() -> None:
    plan = FaultPlan([Cut(when=When(after_setup_ms=250)), Close(when=When(audio_ms=1))])
    assert plan.waits_ms() == {250}
    assert not plan.due(Moment(connection=1, session=1, since_setup_ms=249.9))
    assert plan.due(Moment(connection=1, session=1, since_setup_ms=250))
    assert plan.waits_ms() == set()
