"""What meets the next attempts: counted, timed, and only those it is meant for."""

from sidecar.simulator.faults import Hang, Refuse, RefuseSetup
from sidecar.simulator.gate import Gate


def test_a_refusal_counts_upgrades() -> None:
    gate = Gate()
    gate.arm(Refuse(status=503, times=2), now_s=0)
    assert [bool(gate.upgrade(now_s=100)) for _ in range(3)] == [True, True, False]


def test_a_refusal_by_time_lasts_as_long_as_it_says_and_then_the_next_one_counts() -> None:
    gate = Gate()
    gate.arm(Refuse(status=503, for_ms=1000), now_s=5)
    gate.arm(Refuse(status=429), now_s=5)
    statuses = []
    for now_s in (5.0, 5.9, 6.0, 6.1):
        fault = gate.upgrade(now_s)
        statuses.append(fault.status if isinstance(fault, Refuse) else None)
    assert statuses == [503, 503, 429, None]


def test_hangs_add_up() -> None:
    gate = Gate()
    gate.arm(Hang(times=1), now_s=0)
    gate.arm(Hang(times=2), now_s=0)
    assert [bool(gate.setup(0, resuming=False)) for _ in range(4)] == [True, True, True, False]


def test_a_hang_meets_upgrades_or_setups_and_not_both() -> None:
    gate = Gate()
    gate.arm(Hang(at="upgrade"), now_s=0)
    assert gate.setup(0, resuming=False) is None
    assert isinstance(gate.upgrade(0), Hang)
    gate.arm(Hang(), now_s=0)
    assert gate.upgrade(0) is None
    assert isinstance(gate.setup(0, resuming=True), Hang)


def test_a_refusal_of_resumes_spares_new_sessions_and_is_not_spent_by_them() -> None:
    gate = Gate()
    gate.arm(RefuseSetup(resumes_only=True), now_s=0)
    assert gate.setup(0, resuming=False) is None
    assert isinstance(gate.setup(0, resuming=True), RefuseSetup)
    assert gate.setup(0, resuming=True) is None


def test_a_refused_setup_meets_everybody_unless_told_otherwise() -> None:
    gate = Gate()
    gate.arm(RefuseSetup(times=2), now_s=0)
    assert gate.upgrade(0) is None
    assert gate.setup(0, resuming=False)
    assert gate.setup(0, resuming=True)
