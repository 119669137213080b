import pytest

from sidecar.simulator.refusals import Refused
from sidecar.simulator.script import Script, Turn
from sidecar.simulator.session import Session, Sessions


def test_a_handle_names_its_session_and_stays_good_when_a_newer_one_is_issued() -> None:
    sessions = Sessions(Script())
    one, two = sessions.open(), sessions.open()
    old, new = sessions.issue_handle(one), sessions.issue_handle(one)
    other = sessions.issue_handle(two)
    assert len({old, new, other}) == 3
    assert sessions.find(old).session is sessions.find(new).session is one
    assert sessions.find(other).session is two


@pytest.mark.parametrize(
    ("handle", "code", "reason"),
    [
        ("5b1d0c6e-8f3a-4f7e-9a55-2c9be1d4a7f0", 1008, "BidiGenerateContent session not found"),
        ("not a handle", 1007, "Invalid session handle"),
        ("5B1D0C6E-8F3A-4F7E-9A55-2C9BE1D4A7F0", 1007, "Invalid session handle"),
        ("5b1d0c6e8f3a4f7e9a552c9be1d4a7f0", 1007, "Invalid session handle"),
    ],
)
def test_a_wrong_handle_is_refused_as_unknown_or_as_malformed(handle: str, code: int, reason: str) -> None:
    with pytest.raises(Refused) as caught:
        Sessions(Script()).find(handle)
    assert (caught.value.code, caught.value.reason) == (code, reason)


def test_a_session_has_one_owner_and_a_grace_after_it() -> None:
    session = Session(1, Script(owner_grace_ms=1000))
    session.take(1)
    assert not session.may_be_resumed(now_s=100.0)
    session.release(100.0, was_speaking=False)
    assert not session.may_be_resumed(now_s=100.9)
    assert session.may_be_resumed(now_s=101.0)


def test_a_session_whose_model_was_speaking_is_free_at_once_unless_switched_off() -> None:
    for at_once in (True, False):
        session = Session(1, Script(speaking_resumes_at_once=at_once))
        session.take(1)
        session.release(5.0, was_speaking=True)
        assert session.may_be_resumed(now_s=5.0) is at_once


def test_turns_come_round_again() -> None:
    session = Session(1, Script(turns=[Turn(model="a"), Turn(model="b")]))
    said = []
    for _ in range(3):
        turn = session.next_turn()
        assert turn is not None
        said.append(turn.model)
        session.turns_taken += 1
    assert said == ["a", "b", "a"]
    assert Session(1, Script(turns=[])).next_turn() is None
