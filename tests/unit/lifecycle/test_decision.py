"""When to try again and when to give up; the precedence of the waits."""

from typing import Any

import pytest

from sidecar.lifecycle.decision import Outage, Retry, Situation, Stop, decide, ended_by
from sidecar.lifecycle.faults import Cause, Fault, Layer, classify
from sidecar.lifecycle.settings import Reconnect, Settings

DEFAULTS = Settings()
CUT = classify(Cause(Layer.WEBSOCKET, 1006))
INTERNAL = classify(Cause(Layer.WEBSOCKET, 1011, "Internal error encountered."))
REFUSED = classify(Cause(Layer.TCP, "refused"))
QUOTA = classify(Cause(Layer.WEBSOCKET, 1011, "You exceeded your current quota, please check"))
BAD_KEY = classify(Cause(Layer.WEBSOCKET, 1007, "API key not valid. Please pass a valid API key."))
TOKEN_EXPIRED = classify(Cause(Layer.WEBSOCKET, 1011, "auth token has expired"))
UNAUTHORIZED = classify(Cause(Layer.HTTP, 401, "Unauthorized"))
DEAD_HANDLE = classify(Cause(Layer.WEBSOCKET, 1008, "BidiGenerateContent session not found"))


def ask(
    fault: Fault, outage: Outage, now: float = 100.0, *, settings: Settings = DEFAULTS, **situation: Any
) -> Retry | Stop:
    return decide(fault, outage, Situation(**{"has_handle": True, **situation}), settings, now, lambda: 0.5)


def test_after_a_cut_the_first_resume_waits_for_the_old_owner_to_be_gone() -> None:
    assert ask(CUT, Outage(since=100.0, owner_gone_at=100.0)) == Retry(1.5, fresh=False)


def test_when_the_model_was_speaking_the_resume_goes_at_once() -> None:
    assert ask(CUT, Outage(since=100.0, owner_gone_at=100.0, resume_at_once=True)) == Retry(0.0, fresh=False)


def test_without_a_handle_nobody_needs_to_be_waited_for() -> None:
    assert ask(CUT, Outage(since=100.0, owner_gone_at=100.0), has_handle=False) == Retry(0.0, fresh=True)


def test_the_largest_wait_wins() -> None:
    outage = Outage(since=90.0, owner_gone_at=100.0, failures=3, reached=1)
    assert ask(REFUSED, outage) == Retry(2.0, fresh=False)  # 0.5 x 4 s is more than the hand-over's 1.5 s
    busy = classify(Cause(Layer.HTTP, 503, "busy", retry_after_s=20.0))
    assert ask(busy, outage, has_handle=False) == Retry(20.0, fresh=True)
    assert ask(QUOTA, outage, has_handle=False) == Retry(65.0, fresh=True)


def test_a_permanent_fault_stops_before_everything_else() -> None:
    decision = ask(BAD_KEY, Outage(since=100.0, owner_gone_at=100.0))
    assert isinstance(decision, Stop)
    assert decision.fault.kind == "authentication"


def test_only_attempts_that_reached_the_service_count_against_the_limit() -> None:
    unreached = Outage(since=90.0, failures=50, reached=4)
    assert isinstance(ask(REFUSED, unreached, has_handle=False), Retry)
    decision = ask(REFUSED, Outage(since=90.0, failures=5, reached=5), has_handle=False)
    assert isinstance(decision, Stop)
    assert (decision.fault.kind, decision.last.kind) == ("maxAttempts", "connectionRefused")


def test_attempts_that_never_arrive_end_by_time() -> None:
    assert isinstance(ask(REFUSED, Outage(since=0.0, failures=50), now=599.9), Retry)
    decision = ask(REFUSED, Outage(since=0.0, failures=50), now=600.0)
    assert isinstance(decision, Stop)
    assert decision.fault.kind == "maxElapsed"


def test_a_1011_within_the_window_keeps_the_handle_and_tries_again_soon() -> None:
    outage = Outage(since=100.0, owner_gone_at=100.0)
    assert ask(INTERNAL, outage, now=102.0, resuming=True) == Retry(1.0, fresh=False)
    assert ask(INTERNAL, outage, now=109.9, resuming=True) == Retry(1.0, fresh=False)
    assert not outage.fresh_tried


def test_a_resume_refused_for_longer_is_followed_by_one_fresh_session() -> None:
    outage = Outage(since=100.0, owner_gone_at=100.0, failures=1, reached=1)
    assert ask(INTERNAL, outage, now=110.0, resuming=True) == Retry(0.0, fresh=True)
    assert outage.fresh_tried
    again = ask(INTERNAL, outage, now=111.0, resuming=False)
    assert isinstance(again, Retry)
    assert again.fresh


def test_before_giving_up_for_too_many_attempts_one_fresh_session_is_tried() -> None:
    outage = Outage(since=100.0, owner_gone_at=50.0, failures=5, reached=5)
    assert ask(CUT, outage, now=120.0) == Retry(8.0, fresh=True)
    assert isinstance(ask(CUT, outage, now=121.0), Stop)


def test_a_fresh_session_is_tried_at_once_only_the_first_time() -> None:
    outage = Outage(since=100.0, owner_gone_at=100.0, failures=1, reached=1)
    assert ask(DEAD_HANDLE, outage) == Retry(0.0, fresh=True)
    outage.failures = outage.reached = 3
    assert ask(DEAD_HANDLE, outage) == Retry(2.0, fresh=True)


def test_a_certificate_that_fails_is_permanent_after_others_were_good_too() -> None:
    portal = classify(Cause(Layer.TLS, "selfSigned", "self-signed certificate"))
    assert isinstance(ask(portal, Outage(since=100.0)), Stop)
    assert isinstance(ask(portal, Outage(since=100.0), first=True), Stop)


def test_a_dead_handle_is_dropped_and_a_fresh_session_tried_at_once() -> None:
    outage = Outage(since=100.0, owner_gone_at=100.0)
    assert ask(DEAD_HANDLE, outage, resuming=True) == Retry(0.0, fresh=True)


def test_what_would_drop_a_handle_means_something_else_without_one() -> None:
    invalid = classify(Cause(Layer.WEBSOCKET, 1007, "Request contains an invalid argument."))
    assert isinstance(ask(invalid, Outage(since=100.0), has_handle=False), Stop)
    assert isinstance(ask(DEAD_HANDLE, Outage(since=100.0), has_handle=False), Retry)


@pytest.mark.parametrize("failures", [0, 9])
def test_a_move_that_the_host_asked_for_waits_for_the_old_owner_only(failures: int) -> None:
    outage = Outage(since=0.0, owner_gone_at=100.0, failures=failures, reached=failures)
    wish = classify(Cause(Layer.LOCAL, "requested"))
    assert ask(wish, outage, now=100.2, planned=True) == Retry(pytest.approx(1.3), fresh=False)
    assert ask(wish, outage, now=100.2, planned=True, has_handle=False) == Retry(0.0, fresh=True)


def test_a_move_that_the_service_ordered_waits_for_the_backoff_too_and_is_no_end() -> None:
    order = classify(Cause(Layer.LOCAL, "goAway"))
    stable = Outage(since=0.0, owner_gone_at=100.0)
    assert ask(order, stable, now=100.2, planned=True) == Retry(pytest.approx(1.3), fresh=False)
    driven_on = Outage(since=0.0, owner_gone_at=100.0, failures=4, reached=9)
    assert ask(order, driven_on, now=100.2, planned=True) == Retry(4.0, fresh=False)  # 0.5 x 8 s


def test_the_first_connection_is_ended_by_its_own_deadline_not_by_the_number_of_attempts() -> None:
    assert isinstance(
        ask(INTERNAL, Outage(since=99.0, failures=9, reached=9), first=True, has_handle=False), Retry
    )


def test_advice_that_the_limit_and_the_last_attempt_share_is_given_once() -> None:
    unreachable = classify(Cause(Layer.TCP, "timeout"))
    assert ended_by("openTimeout", unreachable).remediation == unreachable.remediation
    refused = classify(Cause(Layer.TCP, "refused"))
    assert ended_by("openTimeout", refused).remediation.startswith(f"{refused.remediation} Check the network")


def test_with_reconnect_off_a_cut_is_the_end() -> None:
    settings = Settings(reconnect=Reconnect(enabled=False))
    decision = ask(CUT, Outage(since=100.0), settings=settings)
    assert isinstance(decision, Stop)
    assert decision.fault.kind == "reconnectDisabled"
    assert decision.last.kind == "lineLost"


def test_no_attempts_allowed_means_none() -> None:
    decision = ask(
        CUT, Outage(since=100.0), settings=Settings(reconnect=Reconnect(max_attempts=0)), has_handle=False
    )
    assert isinstance(decision, Stop)


@pytest.mark.parametrize("cause", [Cause(Layer.HTTP, 503), Cause(Layer.WEBSOCKET, 1006)])
def test_a_resume_that_was_not_answered_is_not_a_resume_refused(cause: Cause) -> None:
    outage = Outage(since=100.0, owner_gone_at=90.0, failures=1, reached=1)
    assert ask(classify(cause), outage, resuming=True) == Retry(0.5, fresh=False)


def test_a_resume_left_hanging_is_refused_once_the_service_had_time_to_let_go_of_the_old_line() -> None:
    hung = classify(Cause(Layer.LOCAL, "setupTimeout"))
    early = Outage(since=100.0, owner_gone_at=90.1, failures=1, reached=1)
    late = Outage(since=100.0, owner_gone_at=90.0, failures=1, reached=1)
    assert ask(hung, early, resuming=True) == Retry(0.5, fresh=False)
    assert ask(hung, late, resuming=True) == Retry(0.0, fresh=True)


# --- precedence, each wait against the next -------------------------------------------------------

BUSY = classify(Cause(Layer.HTTP, 503, "busy"))
OVERLOADED = classify(Cause(Layer.WEBSOCKET, 1011, "OVERLOADED_TOO_MANY_RETRIES_PER_REQUEST"))


def busy_for(seconds: float) -> Fault:
    return classify(Cause(Layer.HTTP, 503, "busy", retry_after_s=seconds))


def quota_for(seconds: float) -> Fault:
    return classify(Cause(Layer.HTTP, 429, "slow down", retry_after_s=seconds))


@pytest.mark.parametrize(
    ("fault", "breaker_s", "wait_s"),
    [
        (BUSY, 0.0, 1.5),  # hand-over delay over backoff
        (BUSY, 30.0, 30.0),  # breaker over both
        (BUSY, 1.2, 1.5),
        (busy_for(20.0), 0.0, 20.0),
        (busy_for(20.0), 30.0, 30.0),
        (busy_for(40.0), 30.0, 40.0),
        (busy_for(0.1), 0.0, 1.5),
        (OVERLOADED, 0.0, 65.0),
        (OVERLOADED, 30.0, 65.0),
        (OVERLOADED, 80.0, 80.0),
        (quota_for(10.0), 0.0, 65.0),
        (quota_for(90.0), 0.0, 90.0),
        (quota_for(90.0), 120.0, 120.0),
    ],
)
def test_of_all_waits_that_apply_the_largest_rules(fault: Fault, breaker_s: float, wait_s: float) -> None:
    # The hand-over delay is 1.5 s here, the backoff 0.5 x 2 s.
    outage = Outage(since=90.0, owner_gone_at=100.0, failures=2, reached=1)
    assert ask(fault, outage, breaker_s=breaker_s) == Retry(wait_s, fresh=False)


@pytest.mark.parametrize("breaker_s", [0.0, 30.0, 1000.0])
@pytest.mark.parametrize("planned", [False, True])
def test_a_permanent_fault_goes_before_every_wait(breaker_s: float, planned: bool) -> None:
    decision = ask(BAD_KEY, Outage(since=100.0), breaker_s=breaker_s, planned=planned)
    assert isinstance(decision, Stop)
    assert decision.fault.kind == "authentication"


def test_the_breaker_holds_back_the_fresh_session_and_the_early_resume_too() -> None:
    refused = Outage(since=100.0, owner_gone_at=100.0, failures=1, reached=1)
    assert ask(INTERNAL, refused, now=111.0, resuming=True, breaker_s=9.0) == Retry(9.0, fresh=True)
    early = Outage(since=100.0, owner_gone_at=100.0)
    assert ask(INTERNAL, early, now=102.0, resuming=True, breaker_s=9.0) == Retry(9.0, fresh=False)


# --- the end of patience --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "breaker_s"), [(busy_for(31.0), 0.0), (BUSY, 31.0), (OVERLOADED, 0.0), (busy_for(1e9), 0.0)]
)
def test_a_wait_that_was_asked_for_and_ends_too_late_is_given_up_at_once(
    fault: Fault, breaker_s: float
) -> None:
    decision = ask(fault, Outage(since=0.0), now=570.0, breaker_s=breaker_s)
    assert isinstance(decision, Stop)
    assert decision.fault.kind == ("maxElapsed" if breaker_s else fault.kind)
    assert decision.fault.retryable
    assert fault.message in decision.fault.message
    assert "is after" in decision.fault.message


def test_a_wait_that_was_asked_for_and_ends_in_time_is_waited_for() -> None:
    assert ask(busy_for(29.0), Outage(since=0.0), now=570.0) == Retry(29.0, fresh=False)


def test_a_backoff_never_leads_past_the_end_there_is_one_last_attempt_at_it() -> None:
    tired = Outage(since=0.0, failures=20)
    assert ask(REFUSED, tired, now=580.0) == Retry(15.0, fresh=False)
    assert ask(REFUSED, tired, now=590.0) == Retry(10.0, fresh=False)
    assert ask(REFUSED, tired, now=599.0) == Retry(pytest.approx(1.0), fresh=False)


def test_attempts_that_never_reach_the_service_never_come_to_an_end_by_number() -> None:
    for cause in (
        Cause(Layer.DNS, "timeout"),
        Cause(Layer.DNS, "nodename"),
        Cause(Layer.TCP, "refused"),
        Cause(Layer.TCP, "timeout"),
        Cause(Layer.TCP, "unreachable"),
        Cause(Layer.TLS, "eof"),
        Cause(Layer.HTTP, "timeout"),
        Cause(Layer.LOCAL, "attemptTimeout"),
    ):
        fault = classify(cause)
        assert not fault.reached, cause
        assert isinstance(ask(fault, Outage(since=90.0, failures=10_000, reached=4)), Retry), cause


@pytest.mark.parametrize(
    "cause", [Cause(Layer.HTTP, 503), Cause(Layer.WEBSOCKET, 1011, "x"), Cause(Layer.LOCAL, "setupTimeout")]
)
def test_what_the_service_answered_or_left_unanswered_after_the_upgrade_has_reached_it(cause: Cause) -> None:
    assert classify(cause).reached


# --- the first connection -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "last"), [(OVERLOADED, "overloaded"), (busy_for(31.0), "serviceUnavailable")]
)
def test_an_open_that_would_have_to_wait_over_its_deadline_rejects_at_once(fault: Fault, last: str) -> None:
    decision = decide(
        fault, Outage(since=100.0), Situation(first=True, open_ends_at=130.0), DEFAULTS, 100.0, lambda: 0.5
    )
    assert isinstance(decision, Stop)
    assert decision.fault.kind == last
    assert "is after openTimeout" in decision.fault.message


def test_an_open_that_may_wait_does() -> None:
    situation = Situation(first=True, open_ends_at=200.0)
    assert decide(OVERLOADED, Outage(since=100.0), situation, DEFAULTS, 100.0, lambda: 0.5) == Retry(
        65.0, fresh=True
    )


def test_an_open_is_tried_again_though_reconnecting_is_switched_off() -> None:
    settings = Settings(reconnect=Reconnect(enabled=False, max_attempts=0))
    situation = Situation(first=True, open_ends_at=130.0)
    assert isinstance(decide(BUSY, Outage(since=100.0), situation, settings, 100.0, lambda: 0.5), Retry)


def test_a_hand_over_happens_though_reconnecting_is_switched_off() -> None:
    settings = Settings(reconnect=Reconnect(enabled=False))
    decision = ask(CUT, Outage(owner_gone_at=100.0), settings=settings, planned=True)
    assert isinstance(decision, Retry)


# --- what a limit tells the person at the screen ----------------------------------------------------


@pytest.mark.parametrize(
    "met",
    [
        Cause(Layer.WEBSOCKET, 1011, "You exceeded your current quota, please check your plan"),
        Cause(Layer.HTTP, 429, "slow down", retry_after_s=90.0),
    ],
)
def test_a_quota_that_ends_the_open_is_told_as_a_quota_not_as_a_network_that_is_down(met: Cause) -> None:
    quota = classify(met)
    stop = ask(quota, Outage(since=100.0), first=True, has_handle=False, open_ends_at=130.0)
    assert isinstance(stop, Stop)
    assert stop.fault.kind == "quotaExceeded"
    assert stop.fault.retryable
    assert stop.fault.user_message == quota.user_message
    assert "internet" not in stop.fault.user_message
    assert "firewall" not in stop.fault.remediation
    assert stop.fault.retry_after_s == (90.0 if met.retry_after_s else 65.0)
    assert (stop.fault.ws_code, stop.fault.http_status) == (quota.ws_code, quota.http_status)


# --- credentials ----------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [TOKEN_EXPIRED, UNAUTHORIZED])
def test_a_refused_credential_that_cannot_be_renewed_ends_it_and_is_told_as_final(fault: Fault) -> None:
    for outage in (Outage(since=100.0), Outage(since=100.0, owner_gone_at=100.0, failures=3, reached=3)):
        decision = ask(fault, outage, renewable=False)
        assert isinstance(decision, Stop)
        assert decision.fault.kind == fault.kind
        assert not decision.fault.retryable
        assert "auth.type" in decision.fault.remediation


@pytest.mark.parametrize("fault", [TOKEN_EXPIRED, UNAUTHORIZED])
def test_a_refused_credential_is_renewed_at_once_and_once(fault: Fault) -> None:
    outage = Outage(since=100.0, failures=4, reached=4)
    assert ask(fault, outage, has_handle=False, renewable=True) == Retry(0.0, fresh=True, renew=True)
    decision = ask(fault, outage, has_handle=False, renewable=True)
    assert isinstance(decision, Stop)
    assert "refused too" in decision.fault.remediation


def test_a_renewed_credential_resumes_with_the_handle_when_the_old_owner_is_gone() -> None:
    outage = Outage(since=100.0, owner_gone_at=100.0)
    assert ask(TOKEN_EXPIRED, outage, renewable=True) == Retry(1.5, fresh=False, renew=True)
    assert ask(CUT, outage) == Retry(1.5, fresh=False)


def test_renewing_belongs_to_the_attempt_that_the_limits_allowed() -> None:
    spent = Outage(since=90.0, failures=5, reached=5, fresh_tried=True)
    assert ask(UNAUTHORIZED, spent, renewable=True) == Retry(0.0, fresh=False, renew=True)
    disabled = Settings(reconnect=Reconnect(enabled=False))
    assert ask(UNAUTHORIZED, Outage(since=100.0), settings=disabled, renewable=True) == Retry(
        0.0, fresh=False, renew=True
    )
    too_late = ask(UNAUTHORIZED, Outage(since=0.0), now=600.0, renewable=True)
    assert isinstance(too_late, Stop)
    assert too_late.fault.kind == "maxElapsed"


def test_who_wants_no_reconnect_gets_none_for_a_token_that_ended_a_line() -> None:
    disabled = Settings(reconnect=Reconnect(enabled=False))
    decision = ask(TOKEN_EXPIRED, Outage(since=100.0), settings=disabled, renewable=True, line_lost=True)
    assert isinstance(decision, Stop)
    assert decision.fault.kind == "reconnectDisabled"
