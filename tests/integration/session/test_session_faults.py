"""What the service, the network and the way to it can do wrong, and what follows.

The expectations are written by hand, from what the service was seen to do and from what the design
promises; none is read from the fault table.
"""

import socket

import pytest

from sidecar.lifecycle import events as ev
from sidecar.lifecycle.faults import Action
from sidecar.lifecycle.states import State
from sidecar.simulator import Simulator
from sidecar.simulator.faults import Close, Hang, Refuse, RefuseSetup

SLOW_LANE_S = 0.2


@pytest.fixture
def brisk(settings):
    """A line is stable at once, so that only attempts count; a quota costs less than a minute."""

    def change(**reconnect):
        quick = {"stable_after_s": 0.001, "slow_lane_s": SLOW_LANE_S, "jitter": "none"}
        return settings(
            reconnect=quick | reconnect,
            deadlines={"dial_s": 0.3, "handshake_s": 0.1, "setup_s": 0.1},
        )

    return change


async def live(talks, url, options):
    """A session on a line that is stable, and all that was said is confirmed."""
    talk = await talks.open(url, settings=options)
    await talk.say(10)
    await talk.session.ping()  # its pong confirms what was written before
    assert talk.session.core.outbox.idle
    return talk


# --- the upgrade is refused ---------------------------------------------------------------------------

GOOD = (State.CONNECTED, "resumed")
BAD = (State.FAILED, None)

# status, Retry-After in s, kind, action, shortest wait in s, what comes in the end
REFUSALS = [
    (401, None, "authentication", Action.STOP, None, BAD),
    (403, None, "accessDenied", Action.STOP, None, BAD),
    (404, None, "endpointNotFound", Action.STOP, None, BAD),
    (408, None, "serviceUnavailable", Action.RETRY, 0.0, GOOD),
    (425, None, "serviceUnavailable", Action.RETRY, 0.0, GOOD),
    (429, None, "quotaExceeded", Action.SLOW_DOWN, SLOW_LANE_S, GOOD),
    (429, 1, "quotaExceeded", Action.SLOW_DOWN, 1.0, GOOD),
    (500, None, "serviceUnavailable", Action.RETRY, 0.0, GOOD),
    (502, None, "serviceUnavailable", Action.RETRY, 0.0, GOOD),
    (503, None, "serviceUnavailable", Action.RETRY, 0.0, GOOD),
    (503, 1, "serviceUnavailable", Action.RETRY, 1.0, GOOD),
    (504, None, "serviceUnavailable", Action.RETRY, 0.0, GOOD),
]


@pytest.mark.parametrize(("status", "retry_after_s", "kind", "action", "wait_s", "end"), REFUSALS)
async def test_an_upgrade_refused_on_the_way_back(
    talks, fast, brisk, status, retry_after_s, kind, action, wait_s, end
):
    async with Simulator(fast()) as sim:
        talk = await live(talks, sim.url, brisk())
        sim.inject(Refuse(status=status, retry_after_s=retry_after_s))
        await sim.cut()
        met = await talk.told(ev.Failure, lambda e: e.fault.http_status == status)
        if retry_after_s is not None:
            talk.session.reconnect()  # the wait was told; it need not be sat out
        state, restored = end
        await talk.until(lambda: talk.session.state is state)

        assert (met.fault.kind, met.fault.action, met.fatal) == (kind, action, wait_s is None)
        assert met.fault.retryable == (wait_s is not None)
        if wait_s is not None:
            [told] = [e for e in talk.of(ev.Reconnecting) if e.fault.http_status == status]
            assert told.delay_s >= wait_s
            assert talk.session.core.state_restored == restored
            await talk.say(5)
            await talk.all_heard(sim)


# what to inject so that every attempt fails, the kind, whether attempts count
EVERY_ATTEMPT = [
    (Refuse(status=408, times=50), "serviceUnavailable", True),
    (Refuse(status=425, times=50), "serviceUnavailable", True),
    (Refuse(status=429, times=50), "quotaExceeded", True),
    (Refuse(status=500, times=50), "serviceUnavailable", True),
    (Refuse(status=503, times=50), "serviceUnavailable", True),
    (Hang(times=50), "setupTimeout", True),
    (Hang(at="upgrade", times=50), "handshakeTimeout", False),
]


@pytest.mark.parametrize(("fault", "kind", "counts"), EVERY_ATTEMPT, ids=lambda value: str(value)[:40])
async def test_only_attempts_that_reached_the_service_count(talks, fast, brisk, fault, kind, counts):
    """Two are allowed. When two resumes failed, one fresh session is tried before the end."""
    async with Simulator(fast()) as sim:
        options = brisk(max_attempts=2, max_elapsed_s=30, slow_lane_s=0.02)
        talk = await live(talks, sim.url, options)
        sim.inject(fault)
        await sim.cut()
        if counts:
            ended = await talk.told(ev.Failure, lambda e: e.fatal)
            assert ended.fault.kind == "maxAttempts"
            tried = [e for e in talk.of(ev.Reconnecting) if e.fault.kind != "lineLost"]
            assert {e.fault.kind for e in tried} == {kind}
            assert tried[-1].fresh
            assert [e.fresh for e in tried].count(True) == 1
            assert talk.session.core.stats.attempts == 1 + 3
        else:
            await talk.until(lambda: [e.fault.kind for e in talk.of(ev.Failure)].count(kind) >= 4)
            assert talk.session.state is State.RECONNECTING
            assert not any(e.fatal for e in talk.of(ev.Failure))


@pytest.fixture
def names(monkeypatch):
    """A resolver that knows `localhost` as long as `names["known"]`."""
    answers = {"known": True}
    real = socket.getaddrinfo

    def resolve(host, *args, **kwargs):
        if host != "localhost":
            return real(host, *args, **kwargs)
        if not answers["known"]:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return real("127.0.0.1", *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return answers


async def test_a_name_that_is_not_found_for_a_while_is_asked_again_and_never_counts(
    talks, fast, brisk, names
):
    async with Simulator(fast()) as sim:
        url = sim.url.replace("127.0.0.1", "localhost")
        talk = await live(talks, url, brisk(max_attempts=1))
        names["known"] = False
        await sim.cut()
        await talk.until(lambda: [e.fault.kind for e in talk.of(ev.Failure)].count("dnsError") >= 3)
        names["known"] = True
        restored = await talk.told(ev.Reconnected)

        assert restored.state_restored == "resumed"
        assert not any(
            e.fault.kind == "dnsError" and e.fault.action is not Action.RETRY for e in talk.of(ev.Failure)
        )
        await talk.say(5)
        await talk.all_heard(sim)


async def test_a_port_where_nobody_listens_is_tried_again_and_never_counts(talks, fast, brisk):
    async with Simulator(fast()) as sim:
        talk = await live(talks, sim.url, brisk(max_attempts=1))
        await sim.unreachable(0.3)
        await sim.cut()
        restored = await talk.told(ev.Reconnected)

        refused = [e.fault for e in talk.of(ev.Failure) if e.fault.kind == "connectionRefused"]
        assert len(refused) >= 2
        assert {fault.action for fault in refused} == {Action.RETRY}
        assert restored.state_restored == "resumed"
        await talk.say(5)
        await talk.all_heard(sim)


async def test_an_outage_without_a_network_ends_at_its_limit_and_the_network_revives_it(talks, fast, brisk):
    async with Simulator(fast()) as sim:
        talk = await live(talks, sim.url, brisk(max_elapsed_s=0.3))
        await sim.unreachable(0.6)
        await sim.cut()
        ended = await talk.told(ev.Failure, lambda e: e.fatal)
        assert (ended.fault.kind, talk.session.state) == ("maxElapsed", State.FAILED)
        await sim.wait_for(lambda: sim.now_s() >= 0.6 and sim.listening)
        talk.session.network_changed(online=True)
        restored = await talk.told(ev.Reconnected)
        assert restored.state_restored == "resumed"
        await talk.say(5)
        await talk.all_heard(sim)


# --- the setup is refused -----------------------------------------------------------------------------

QUOTA = "You exceeded your current quota, please check your plan and billing details"
NOT_FOUND = "BidiGenerateContent session not found"
MALFORMED = "Invalid session handle"
INVALID = "Request contains an invalid argument."


async def away_and_talking(sim, talk, fault):
    """The line is cut, the next setups meet the fault, and the user goes on."""
    sim.inject(fault)
    await sim.cut()
    before = len(talk.said)
    await talk.say(20)
    return before


@pytest.mark.parametrize("after", [False, True], ids=["before setupComplete", "after setupComplete"])
async def test_a_resume_that_meets_a_quota_waits_for_the_slow_lane_and_keeps_its_handle(
    talks, fast, brisk, after
):
    async with Simulator(fast()) as sim:
        talk = await live(talks, sim.url, brisk())
        fault = RefuseSetup(code=1011, reason=QUOTA, resumes_only=True, after_setup_complete=after)
        await away_and_talking(sim, talk, fault)
        told = await talk.told(ev.Reconnecting, lambda e: e.fault.kind == "quotaExceeded")
        assert told.delay_s >= SLOW_LANE_S
        assert told.fault.action is Action.SLOW_DOWN
        assert not told.fresh
        await talk.all_heard(sim)
        assert len(sim.sessions) == 1
        assert talk.session.core.state_restored == "resumed"


@pytest.mark.parametrize("after", [False, True], ids=["before setupComplete", "after setupComplete"])
@pytest.mark.parametrize(
    ("code", "reason", "kind"),
    [
        (1008, NOT_FOUND, "handleExpired"),
        (1008, "Requested entity was not found.", "handleExpired"),
        (1007, MALFORMED, "handleInvalid"),
        (1007, INVALID, "invalidArgument"),
    ],
)
async def test_a_dead_handle_is_dropped_and_one_fresh_session_takes_what_was_said(
    talks, fast, brisk, after, code, reason, kind
):
    async with Simulator(fast()) as sim:
        talk = await live(talks, sim.url, brisk())
        fault = RefuseSetup(code=code, reason=reason, resumes_only=True, times=9, after_setup_complete=after)
        before = await away_and_talking(sim, talk, fault)
        told = await talk.told(ev.Reconnecting, lambda e: e.fault.kind == kind)
        await talk.told(ev.Reconnected, lambda e: e.state_restored == "fresh")
        await sim.wait_for(lambda: len(sim.sessions) == 2 and sim.sessions[1].audio.pcm())
        await talk.session.ping()

        assert told.fresh
        assert [e.fault.kind for e in talk.of(ev.Failure)].count(kind) == 1, "the dead handle is tried once"
        assert talk.session.core.resumption.has_handle, "of the new session"
        heard = sim.audio(2)
        assert talk.said.endswith(heard)
        assert len(talk.said) - before <= len(heard)
        assert talk.of(ev.Dropped) == []


@pytest.mark.parametrize("after", [False, True], ids=["before setupComplete", "after setupComplete"])
async def test_a_1011_inside_the_window_does_not_kill_the_handle_and_does_not_count(
    talks, fast, brisk, after
):
    async with Simulator(fast()) as sim:
        talk = await live(talks, sim.url, brisk(max_attempts=1))
        fault = RefuseSetup(
            code=1011, reason="Internal error encountered.", times=4, after_setup_complete=after
        )
        await away_and_talking(sim, talk, fault)
        await talk.all_heard(sim)

        assert len(sim.sessions) == 1
        assert talk.session.core.stats.resumes_refused == 4
        assert not any(e.fresh for e in talk.of(ev.Reconnecting))


# --- a live line is closed ----------------------------------------------------------------------------

GO_AWAY_TEXT = (
    "Connection aborted because the client failed to close the connection after receiving a GoAway signal "
    "once the session durat"
)
UNKNOWN_MODEL = (
    "models/m is not found for API version v1beta, or is not supported for bidiGenerateContent. Call Li"
)
CONCURRENT = "Request trace id: 4f1, [ORIGINAL ERROR] generic::resource_exhausted: RESOURCE_EXHAUSTED: Maximum concurrent se"
STUBS = "generic::unavailable: extensible_stubs::OVERLOADED_TOO_MANY_RETRIES_PER_REQUEST: You are mos"
MODALITIES = "The requested combination of response modalities (TEXT) is not supported by the model"
CONTENT_TYPE = "The audio content type (CONTENT_TYPE_AUDIO) is not supported for this model configuration"

# transient, retried later, permanent, handle dead, client bug: what follows on a live line with a handle
T, R, P, H, C = "resumed", "resumed after the slow lane", "stopped", "fresh", "stopped"

CLOSES = [
    (1000, "", T),
    (1000, "The operation was cancelled", T),
    (1001, "", T),
    (1008, GO_AWAY_TEXT, T),
    (1008, "The operation was aborted.", T),
    (1008, "Operation is not implemented, or supported, or enabled.", T),
    (1011, "Internal error encountered.", T),
    (1011, "Internal error occurred.", T),
    (1011, "Deadline expired before operation could complete.", T),
    (1011, "The service is currently unavailable.", T),
    (
        1011,
        "Thread was cancelled when writing StartStep status to channel.; Failed to close the streaming",
        T,
    ),
    (1011, "Failed to run inference for model: go/debugonly", T),
    (1012, "", T),
    (3999, "something new", T),
    (1011, QUOTA, R),
    (1011, "Resource has been exhausted (e.g. check quota).", R),
    (1011, "Resource exhausted. Please try again later.", R),
    (1011, CONCURRENT, R),
    (1011, STUBS, R),
    (1007, "API key not valid. Please pass a valid API key.", P),
    (1007, "API key expired. Please renew the API key.", P),
    (1007, "User location is not supported for the API use.", P),
    (1007, "models/m is not supported in the live api.", P),
    (1007, "the system instruction has 94 tokens, user system instruction has 41942 tokens", P),
    (1007, MODALITIES, P),
    (1007, "Text output is not supported for native audio output model.", P),
    (1007, "Cannot extract voices from a non-audio request", P),
    (1007, "No matching speaker voice found for name: alloy", P),
    (1007, "* BidiGenerateContentRequest.setup.tools[0].function_declarations[3].name: only allow", P),
    (1008, UNKNOWN_MODEL, P),
    (1008, "Publisher Model `projects/p/locations/l/publishers/google/models/m` was", P),
    (1008, "Generative Language API has not been used in project 4711 before or it is disabled.", P),
    (1008, "Agent Platform API has not been used in project 4711 before or it is disabled.", P),
    (1008, "Your project has been denied access. Please contact support.", P),
    (1008, "Method doesn't allow unregistered callers (callers without established identity). Please use", P),
    (1008, "Your API key was reported as leaked. Please use another API key.", P),
    (1011, "Your prepayment credits are depleted. Please go to AI Studio", P),
    (1007, MALFORMED, H),
    (1008, NOT_FOUND, H),
    (1008, "Requested entity was not found.", H),
    (1007, INVALID, H),
    (1007, CONTENT_TYPE, H),
    (1007, """Invalid JSON payload received. Unknown name "X" at 'setup': Cannot find field.""", C),
    (1007, "setup must be the first message and only the first", C),
    (1007, "Explicit activity control is not supported when automatic activity detection is enabled.", C),
]


@pytest.mark.parametrize(("code", "reason", "follows"), CLOSES)
async def test_a_live_line_closed_by_the_service(talks, fast, brisk, code, reason, follows):
    async with Simulator(fast()) as sim:
        talk = await live(talks, sim.url, brisk())
        sim.inject(Close(code=code, reason=reason))
        met = await talk.told(ev.Failure)
        await talk.until(lambda: talk.of(ev.Reconnected) or talk.session.state is State.FAILED)

        assert met.fault.ws_code == code
        assert reason in met.fault.message
        if follows == "stopped":
            assert met.fatal
            assert talk.session.state is State.FAILED
            assert talk.session.core.stats.attempts == 1, "the same again cannot help"
            return
        [told] = talk.of(ev.Reconnecting)
        assert not met.fatal
        assert told.fresh == (follows == H)
        assert (told.delay_s >= SLOW_LANE_S) == (follows == R)
        assert talk.session.core.state_restored == ("fresh" if follows == H else "resumed")


@pytest.mark.parametrize("text", [INVALID, CONTENT_TYPE])
async def test_a_1007_that_the_fresh_session_meets_too_is_permanent(talks, fast, brisk, text):
    """With a handle it may be the handle; without one it is what we ask for."""
    async with Simulator(fast()) as sim:
        talk = await live(talks, sim.url, brisk())
        sim.inject(RefuseSetup(code=1007, reason=text, times=50))
        await sim.cut()
        ended = await talk.told(ev.Failure, lambda e: e.fatal)

        assert (ended.fault.ws_code, talk.session.state) == (1007, State.FAILED)
        assert talk.session.core.stats.attempts == 3
