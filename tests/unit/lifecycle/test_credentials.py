"""A credential that has to be asked for: once for a refusal, and never without an end."""

from sidecar.lifecycle import events as ev
from sidecar.lifecycle.core import Lifecycle
from sidecar.lifecycle.faults import Cause, Layer
from sidecar.lifecycle.settings import Deadlines, Reconnect, Settings
from tests.unit.lifecycle.rig import CUT, Rig

EXPIRED = Cause(Layer.WEBSOCKET, 1011, "auth token has expired")
SETTINGS = Settings(reconnect=Reconnect(max_elapsed_s=30.0), deadlines=Deadlines(open_s=20.0))


class Asking(Rig):
    """Its attempts wait for a credential, until the test says that it is there."""

    def __init__(self) -> None:
        super().__init__()
        self.core = Lifecycle(SETTINGS, lambda: 0.5, renewable=True)
        self.waits = False
        self.renewals: list[bool] = []

    def dial(self, effect: ev.Dial) -> None:
        self.renewals.append(effect.renew)
        self.core.asking(self.now)
        if not self.waits:
            self.has_it()

    def has_it(self) -> None:
        self.core.asked()
        self.core.dialing(self.now)


def test_a_refusal_is_told_to_one_attempt_and_no_other() -> None:
    talk = Asking()
    talk.open()
    talk.cut(EXPIRED)
    talk.wait_for_attempt()
    talk.connect()
    talk.pass_time(20.0)
    for _ in range(2):
        talk.core.suspend(talk.now, "suspendRequested")
        talk.run()
        talk.echo()
        talk.core.resume(talk.now, "resumeRequested")
        talk.run()
        talk.wait_for_attempt()
        talk.connect()
    assert talk.renewals == [False, True, False, False]


def test_a_newer_token_that_was_taken_may_be_refused_later_like_any_other() -> None:
    talk = Asking()
    talk.open()
    for _ in range(2):
        talk.cut(CUT)
        talk.wait_for_attempt()
        talk.refuse(EXPIRED)
        talk.wait_for_attempt()
        talk.connect()
        talk.pass_time(1.5)
    assert talk.renewals == [False, False, True, False, True]
    assert talk.fatal() == []


def test_a_service_that_takes_every_token_and_refuses_it_at_once_is_not_dialled_for_ever() -> None:
    talk = Asking()
    talk.open()
    began = talk.now
    while talk.state != "failed":
        assert talk.dials < 20
        talk.cut(EXPIRED)
        if talk.state != "failed":
            talk.wait_for_attempt()
            talk.connect()
    assert talk.fatal() in (["maxAttempts"], ["maxElapsed"])
    assert talk.now - began > 3  # with growing delays between them


def test_who_goes_on_after_a_denial_asks_for_another_token() -> None:
    talk = Asking()
    talk.open()
    talk.pass_time(20.0)
    for _ in range(2):
        talk.cut(EXPIRED)
        if talk.state != "failed":
            talk.wait_for_attempt()
    assert talk.fatal() == ["tokenExpired"]
    talk.core.reconnect(talk.now)
    talk.run()
    talk.wait_for_attempt()
    assert talk.renewals[-1]


def test_whoever_gives_no_token_does_not_outlast_the_outage() -> None:
    talk = Asking()
    talk.open()
    talk.waits = True
    talk.cut(CUT)
    talk.pass_time(29.0)
    assert talk.state.startswith("reconnecting")
    talk.pass_time(2.0)
    assert talk.state == "failed"
    assert talk.fatal() == ["maxElapsed"]
    fault = talk.core.fault
    assert fault is not None
    assert "tokenUnavailable" in fault.message
    assert fault.user_message == "The app could not sign in to the service."
    assert "auth/token" in fault.remediation


def test_the_open_says_what_it_waited_for() -> None:
    talk = Asking()
    talk.waits = True
    talk.start()
    talk.pass_time(21.0)
    fault = talk.core.fault
    assert fault is not None
    assert (fault.kind, talk.state) == ("openTimeout", "failed")
    assert "tokenUnavailable" in fault.message
    assert fault.user_message == "The app could not sign in to the service."


def test_a_token_that_comes_is_waited_for_no_more() -> None:
    talk = Asking()
    talk.open()
    talk.waits = True
    talk.cut(CUT)
    talk.pass_time(25.0)
    talk.has_it()
    talk.connect()
    talk.pass_time(10.0)
    assert talk.state.startswith("connected")
