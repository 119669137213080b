"""When to try again and when to give up; the distribution of the jitter; the precedence of the waits."""

import random
import statistics

import pytest

from sidecar.lifecycle.backoff import Outage, Retry, Situation, Stop, backoff_s, decide
from sidecar.lifecycle.faults import Cause, Fault, Layer, classify
from sidecar.lifecycle.settings import Reconnect, Settings

DEFAULTS = Settings()
CUT = classify(Cause(Layer.WEBSOCKET, 1006))
INTERNAL = classify(Cause(Layer.WEBSOCKET, 1011, "Internal error encountered."))
REFUSED = classify(Cause(Layer.TCP, "refused"))
QUOTA = classify(Cause(Layer.WEBSOCKET, 1011, "You exceeded your current quota, please check"))
BAD_KEY = classify(Cause(Layer.WEBSOCKET, 1007, "API key not valid. Please pass a valid API key."))
DEAD_HANDLE = classify(Cause(Layer.WEBSOCKET, 1008, "BidiGenerateContent session not found"))


def ask(
    fault: Fault, outage: Outage, now: float = 100.0, *, settings: Settings = DEFAULTS, **situation: bool
) -> Retry | Stop:
    return decide(fault, outage, Situation(**{"has_handle": True, **situation}), settings, now, lambda: 0.5)


@pytest.mark.parametrize(
    ("failures", "ceiling_s"), [(1, 1.0), (2, 2.0), (3, 4.0), (5, 16.0), (6, 30.0), (500, 30.0)]
)
def test_the_backoff_is_uniform_between_zero_and_the_exponential_ceiling(
    failures: int, ceiling_s: float
) -> None:
    rng = random.Random(7)
    waits = [backoff_s(failures, Reconnect(), rng.random) for _ in range(20_000)]
    assert 0.0 <= min(waits) < 0.01 * ceiling_s
    assert 0.99 * ceiling_s < max(waits) <= ceiling_s
    assert statistics.mean(waits) == pytest.approx(ceiling_s / 2, rel=0.02)
    quarters = statistics.quantiles(waits, n=4)
    assert quarters == pytest.approx([ceiling_s / 4, ceiling_s / 2, 3 * ceiling_s / 4], rel=0.03)


def test_before_the_first_failure_there_is_no_backoff() -> None:
    assert backoff_s(0, Reconnect(), lambda: 1.0) == 0.0


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


def test_a_certificate_that_fails_after_others_were_good_may_be_a_captive_portal() -> None:
    portal = classify(Cause(Layer.TLS, "certificate", "self-signed certificate"))
    assert isinstance(ask(portal, Outage(since=100.0)), Retry)
    assert isinstance(ask(portal, Outage(since=100.0), first=True), Stop)


def test_a_dead_handle_is_dropped_and_a_fresh_session_tried_at_once() -> None:
    outage = Outage(since=100.0, owner_gone_at=100.0)
    assert ask(DEAD_HANDLE, outage, resuming=True) == Retry(0.0, fresh=True)


def test_what_would_drop_a_handle_means_something_else_without_one() -> None:
    invalid = classify(Cause(Layer.WEBSOCKET, 1007, "Request contains an invalid argument."))
    assert isinstance(ask(invalid, Outage(since=100.0), has_handle=False), Stop)
    assert isinstance(ask(DEAD_HANDLE, Outage(since=100.0), has_handle=False), Retry)


def test_a_planned_hand_over_counts_nothing_and_waits_for_the_old_owner_only() -> None:
    outage = Outage(since=0.0, owner_gone_at=100.0, failures=9, reached=9)
    assert ask(CUT, outage, now=100.2, planned=True) == Retry(pytest.approx(1.3), fresh=False)
    assert ask(CUT, outage, now=100.2, planned=True, has_handle=False) == Retry(0.0, fresh=True)


def test_the_first_connection_is_ended_by_its_own_deadline_not_by_the_number_of_attempts() -> None:
    assert isinstance(
        ask(INTERNAL, Outage(since=99.0, failures=9, reached=9), first=True, has_handle=False), Retry
    )


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


@pytest.mark.parametrize(
    "cause", [Cause(Layer.HTTP, 503), Cause(Layer.LOCAL, "setupTimeout"), Cause(Layer.WEBSOCKET, 1006)]
)
def test_a_resume_that_was_not_answered_is_not_a_resume_refused(cause: Cause) -> None:
    outage = Outage(since=100.0, owner_gone_at=90.0, failures=1, reached=1)
    assert ask(classify(cause), outage, resuming=True) == Retry(0.5, fresh=False)
