"""The bucket that a backlog leaves through."""

import pytest

from sidecar.lifecycle.pace import Pace
from sidecar.lifecycle.settings import OutboxLimits


def test_what_was_spent_comes_back_at_the_rate() -> None:
    pace = Pace(OutboxLimits(flush_rate=2.0, flush_burst_s=0.1))
    assert pace.allows(10.0)
    pace.spend(300_000)
    assert not pace.allows(10.0)
    allowed_at = pace.allowed_at(10.0)
    assert allowed_at == pytest.approx(10.1, abs=1e-3)
    assert not pace.allows(allowed_at - 0.002)
    assert pace.allows(allowed_at)


def test_silence_saves_up_for_no_more_than_the_burst() -> None:
    pace = Pace(OutboxLimits(flush_rate=2.0, flush_burst_s=0.1))
    pace.allows(1000.0)
    pace.spend(110_000)
    assert not pace.allows(1000.0)


def test_other_limits_hold_from_the_next_message_on() -> None:
    pace = Pace(OutboxLimits(flush_rate=2.0, flush_burst_s=0.1))
    pace.spend(1_100_000)
    assert not pace.allows(0.1)
    pace.limits = OutboxLimits(flush_rate=100.0, flush_burst_s=0.1)
    assert pace.allows(0.2)
