"""The transition table: legal pairs, what must hold of every row, and that illegal events change nothing."""

import pytest

from sidecar.lifecycle.states import TRANSITIONS, Event, IllegalEvent, Machine, Phase, State

LEGAL_PAIRS = {
    "disconnected": {None},
    "connecting": {"dialing", "handshaking", "setup"},
    "connected": {"active", "suspect", "draining"},
    "reconnecting": {"waiting", "dialing", "handshaking", "setup"},
    "suspended": {"parked"},
    "disconnecting": {None},
    "failed": {None},
}
"""Design section 3, written out."""


def test_the_table_knows_exactly_the_legal_pairs_of_state_and_phase() -> None:
    targets = {node for row in TRANSITIONS.values() for node in row.values()}
    pairs = {(s.value, p.value if p else None) for s, p in targets | set(TRANSITIONS)}
    assert pairs == {(state, phase) for state, phases in LEGAL_PAIRS.items() for phase in phases}


def test_only_setup_complete_leads_from_an_attempt_to_connected() -> None:
    ways_in = {
        (node[1], event)
        for node, row in TRANSITIONS.items()
        for event, target in row.items()
        if target[0] is State.CONNECTED and node[0] is not State.CONNECTED
    }
    assert ways_in == {(Phase.SETUP, Event.SETUP_COMPLETE)}


def test_every_state_but_the_closed_ones_can_be_closed() -> None:
    closable = {node[0] for node, row in TRANSITIONS.items() if Event.CLOSE in row}
    assert closable == set(State) - {State.DISCONNECTED, State.DISCONNECTING}


def test_the_way_of_a_session_that_is_cut_once() -> None:
    machine = Machine()
    way = []
    for event in (
        Event.OPEN, Event.TCP_CONNECTED, Event.UPGRADED, Event.SETUP_COMPLETE, Event.LINE_LOST, Event.RETRY,
        Event.TCP_CONNECTED, Event.UPGRADED, Event.SETUP_COMPLETE, Event.CLOSE, Event.CLOSED,
    ):  # fmt: skip
        machine.step(event)
        way.append((machine.state.value, machine.phase.value if machine.phase else None))
    assert way == [
        ("connecting", "dialing"), ("connecting", "handshaking"), ("connecting", "setup"),
        ("connected", "active"),
        ("reconnecting", "waiting"), ("reconnecting", "dialing"), ("reconnecting", "handshaking"),
        ("reconnecting", "setup"), ("connected", "active"), ("disconnecting", None), ("disconnected", None),
    ]  # fmt: skip
    assert machine.revision == 11


@pytest.mark.parametrize(
    ("way", "event"),
    [
        ([], Event.SETUP_COMPLETE),
        ([Event.OPEN], Event.UPGRADED),
        ([Event.OPEN], Event.LINE_LOST),
        ([Event.OPEN, Event.TCP_CONNECTED, Event.UPGRADED, Event.SETUP_COMPLETE], Event.OPEN),
        ([Event.OPEN, Event.TCP_CONNECTED, Event.UPGRADED, Event.SETUP_COMPLETE], Event.HEARD),
        ([Event.OPEN, Event.CLOSE], Event.SUSPEND),
        ([Event.OPEN, Event.GIVE_UP], Event.RETRY),
    ],
)
def test_an_illegal_event_is_refused_and_changes_nothing(way: list[Event], event: Event) -> None:
    machine = Machine()
    for step in way:
        machine.step(step)
    before = (machine.node, machine.revision)
    assert not machine.allows(event)
    with pytest.raises(IllegalEvent, match=event.value):
        machine.step(event)
    assert (machine.node, machine.revision) == before
