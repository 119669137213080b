"""An attempt through a proxy, on virtual time: its deadlines, and what ends or revives the session."""

import pytest

from sidecar.lifecycle import events as ev
from sidecar.lifecycle.faults import Cause, Layer
from sidecar.lifecycle.settings import Deadlines, Settings
from sidecar.lifecycle.states import State
from tests.unit.lifecycle.rig import Rig

NAME = "proxy.test:3128"
DIAL_S = 5.0


class Proxied(Rig):
    """Its dials go to a proxy, and get as far as `steps` says."""

    def __init__(self, *steps: str) -> None:
        super().__init__(Settings(deadlines=Deadlines(open_s=120.0, attempt_s=60.0)))
        self.steps = steps

    def dial(self, effect: ev.Dial) -> None:
        self.core.dialing(self.now, NAME)
        for step in self.steps:
            self.later(1.0 + self.steps.index(step), lambda step=step: getattr(self.core, step)(self.now))

    def faults(self) -> list[ev.Failure]:
        return [event for event in self.told if isinstance(event, ev.Failure)]


@pytest.mark.parametrize(
    ("steps", "kind", "after_s", "words"),
    [
        ((), "proxyUnreachable", DIAL_S, "a name was not found"),
        (("resolved",), "proxyUnreachable", DIAL_S, "it was not connected"),
        (("resolved", "tunnelling"), "proxyTimeout", 2.0 + DIAL_S, "did not find a way to the service"),
        (("resolved", "tunnelling", "tcp_connected"), "handshakeTimeout", 3.0 + DIAL_S, ""),
    ],
)
def test_each_step_through_a_proxy_has_its_deadline_and_names_who_was_late(
    steps: tuple[str, ...], kind: str, after_s: float, words: str
) -> None:
    rig = Proxied(*steps)
    rig.core.open(rig.now)
    rig.run()
    rig.pass_time(after_s - 0.01)
    assert rig.faults() == []
    rig.pass_time(0.02)
    fault = rig.faults()[0].fault
    assert (fault.kind, fault.retryable, fault.reached) == (kind, True, False)
    assert words in fault.message
    assert (NAME in fault.message) is kind.startswith("proxy")


def test_without_a_proxy_the_causes_are_the_services_own() -> None:
    rig = Rig()
    rig.core.open(rig.now)
    rig.run()
    rig.pass_time(DIAL_S + 0.01)
    (failure,) = [event for event in rig.told if isinstance(event, ev.Failure)]
    assert failure.fault.kind == "dnsTimeout"


@pytest.mark.parametrize(
    ("cause", "revived"),
    [
        (Cause(Layer.TLS, "untrusted"), True),
        (Cause(Layer.TLS, "expired"), True),
        (Cause(Layer.PROXY, 407), True),
        (Cause(Layer.PROXY, 403), True),
        (Cause(Layer.HTTP, 403), False),
        (Cause(Layer.WEBSOCKET, 1008, "denied access"), False),
    ],
)
@pytest.mark.parametrize("online", [True, False])
def test_what_the_network_did_ends_with_the_network_and_nothing_else_does(
    cause: Cause, revived: bool, online: bool
) -> None:
    rig = Rig()
    rig.open()
    rig.cut()
    rig.dial = lambda _effect: rig.later(0.1, lambda: rig.abort(cause))  # type: ignore[method-assign]
    rig.pass_time(60.0)
    assert rig.core.state is State.FAILED
    dials = rig.dials
    rig.pass_time(3600.0)
    assert rig.dials == dials, "nothing is tried by itself"
    rig.core.network_changed(rig.now, online=online)
    rig.run()
    rig.pass_time(10.0)
    assert (rig.dials > dials) is (revived and online)


def test_a_proxy_that_is_away_never_uses_up_the_attempts() -> None:
    rig = Rig()
    rig.open()
    rig.cut()
    rig.dial = lambda _effect: rig.later(0.1, lambda: rig.abort(Cause(Layer.PROXY, "refused")))  # type: ignore[method-assign]
    rig.pass_time(300.0)
    assert rig.core.state is State.RECONNECTING
    assert rig.dials > 10
    assert rig.core.outage.reached == 1, "the cut itself"
