"""A service that takes a session and throws it out again: over real sockets, what the breaker does."""

import asyncio
import itertools

import pytest

from sidecar.lifecycle import events as ev
from sidecar.lifecycle.settings import BreakerLimits
from sidecar.lifecycle.states import State

LIFE_S = 0.05
OPEN_S = 0.4
FAILURES = 3


class Bouncer:
    """Takes every session, and closes each line after 50 ms until `kind` is set."""

    def __init__(self):
        self.came_at = []
        self.kind = asyncio.Event()

    async def __call__(self, connection):
        self.came_at.append(asyncio.get_running_loop().time())
        try:
            await asyncio.wait_for(self.kind.wait(), LIFE_S)
        except TimeoutError:
            await connection.close(1011, "Internal error encountered.")
        else:
            await connection.wait_closed()


@pytest.fixture
def broken(settings):
    def change(**reconnect):
        return settings(
            breaker=BreakerLimits(failures=FAILURES, open_s=OPEN_S),
            reconnect={"max_attempts": 1000, "stable_after_s": 0.3, **reconnect},
        )

    return change


def changes(talk):
    return [(e.previous, e.state) for e in talk.of(ev.BreakerChanged)]


TRIPPED = ("closed", "open")
PROBED = ("open", "halfOpen")
TRIPPED_AGAIN = ("halfOpen", "open")
HEALED = ("halfOpen", "closed")


async def test_the_breaker_opens_leaves_the_service_alone_asks_once_and_opens_again(talks, service, broken):
    bouncer = Bouncer()
    async with service(bouncer) as url:
        talk = await talks.open(url, settings=broken())
        await talk.until(lambda: len(talk.of(ev.BreakerChanged)) >= 5)

        assert changes(talk)[:5] == [TRIPPED, PROBED, TRIPPED_AGAIN, PROBED, TRIPPED_AGAIN]
        tripped = talk.of(ev.BreakerChanged)[0]
        assert tripped.failures == FAILURES
        assert tripped.retry_in_s == pytest.approx(OPEN_S, abs=0.05)
        # Three lines, then one after each time of rest.
        assert len(bouncer.came_at) == FAILURES + 2
        gaps = [later - sooner for sooner, later in itertools.pairwise(bouncer.came_at)]
        assert all(gap < OPEN_S for gap in gaps[: FAILURES - 1])
        assert all(gap >= OPEN_S for gap in gaps[FAILURES - 1 :])
        assert not any(e.fatal for e in talk.of(ev.Failure))
        assert talk.session.state is State.RECONNECTING
        waits = [e.delay_s for e in talk.of(ev.Reconnecting)]
        assert waits[FAILURES - 1] >= OPEN_S - 0.05


async def test_the_breaker_closes_once_the_connection_of_the_probe_is_stable(talks, service, broken):
    bouncer = Bouncer()
    async with service(bouncer) as url:
        talk = await talks.open(url, settings=broken())
        await talk.told(ev.BreakerChanged, lambda e: e.state == "open")
        bouncer.kind.set()
        await talk.told(ev.BreakerChanged, lambda e: e.state == "halfOpen")
        await talk.told(ev.Reconnected, lambda e: talk.session.state is State.CONNECTED)
        assert changes(talk) == [TRIPPED, PROBED], "setupComplete proves nothing yet"
        await talk.say(5)  # its pongs are the signs of life
        await talk.told(ev.BreakerChanged, lambda e: e.state == "closed")
        assert changes(talk) == [TRIPPED, PROBED, HEALED]


async def test_a_reconnect_on_request_probes_at_once_though_the_breaker_is_open(talks, service, settings):
    bouncer = Bouncer()
    async with service(bouncer) as url:
        options = settings(
            breaker=BreakerLimits(failures=FAILURES, open_s=60.0), reconnect={"max_attempts": 1000}
        )
        talk = await talks.open(url, settings=options)
        await talk.told(ev.BreakerChanged, lambda e: e.state == "open")
        bouncer.kind.set()
        talk.session.reconnect()
        await talk.until(lambda: talk.session.state is State.CONNECTED and changes(talk)[-1] == PROBED)
        assert len(bouncer.came_at) == FAILURES + 1


async def test_a_session_thrown_out_too_often_ends_and_a_request_gives_it_one_more_chance(
    talks, service, broken
):
    """Lines that die before they are stable count like attempts."""
    bouncer = Bouncer()
    async with service(bouncer) as url:
        talk = await talks.open(url, settings=broken(max_attempts=2))
        ended = await talk.told(ev.Failure, lambda e: e.fatal)
        assert (ended.fault.kind, talk.session.state) == ("maxAttempts", State.FAILED)
        assert "serviceError" in ended.fault.message
        assert len(bouncer.came_at) == 2

        bouncer.kind.set()
        talk.session.reconnect()
        await talk.told(ev.Reconnected, lambda e: talk.session.state is State.CONNECTED)
        assert len(bouncer.came_at) == 3


async def test_a_reason_that_is_transient_once_is_not_tried_for_ever(talks, service, broken):
    text = "Operation is not implemented, or supported, or enabled."
    lines = []

    async def refuse(connection):
        lines.append(connection)
        await connection.close(1008, text)

    async with service(refuse) as url:
        talk = await talks.open(url, settings=broken(max_attempts=5, max_elapsed_s=20))
        ended = await talk.told(ev.Failure, lambda e: e.fatal)
        assert ended.fault.kind == "maxAttempts"
        assert text in ended.fault.message
        assert len(lines) <= 6
