"""Tokens that expire, are spent or refused, and transparent resumption: sessions over real sockets."""

import asyncio
import json
import time
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

from sidecar.lifecycle import events as ev
from sidecar.lifecycle.faults import Action, Cause, Layer
from sidecar.lifecycle.settings import ResumptionOptions
from sidecar.lifecycle.states import State
from sidecar.live.auth import Asked, Bearer, EphemeralToken, NoCredential, Token
from sidecar.live.endpoints import vertex
from sidecar.observe.redact import redact
from sidecar.observe.secret import Secret
from sidecar.simulator import Simulator
from sidecar.simulator.faults import RefuseSetup

VERTEX_MODEL = "projects/p/locations/us-central1/publishers/google/models/m"


class Source:
    """Gives what `make` makes, and remembers why it was asked."""

    secrets = ()

    def __init__(self, make: Callable[[int], Token]) -> None:
        self.reasons: list[str] = []
        self._make = make
        self.down = 0

    async def token(self, reason: str) -> Token:
        self.reasons.append(reason)
        if self.down:
            self.down -= 1
            raise NoCredential(Cause(Layer.LOCAL, "tokenTimeout", "the host did not answer"))
        return await asyncio.to_thread(self._make, len(self.reasons))


def opaque(number: int) -> Token:
    return Token(Secret(f"token-{number}"))


def minted(sim: Simulator, **limits: Any) -> Callable[[int], Token]:
    """Ephemeral tokens, made by the simulator as by the service."""

    def make(_: int) -> Token:
        request = urllib.request.Request(
            sim.url.replace("ws://", "http://") + "/v1beta/auth_tokens",
            json.dumps(limits).encode(),
            {"x-goog-api-key": "k", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=5) as answer:
            return Token(Secret(json.load(answer)["name"]))

    return make


def rfc3339(in_s: float) -> str:
    ends = time.time() + in_s
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(ends)) + f".{int(ends % 1 * 1000):03}Z"


def on_vertex(url: str, **changes: Any) -> dict[str, Any]:
    setup = {"model": VERTEX_MODEL, "generationConfig": {"responseModalities": ["AUDIO"]}}
    given = {"endpoint": vertex("us-central1", "v1beta1", url), "setup": setup, "auth": Asked(Source(opaque))}
    return {**given, **changes}


async def test_a_session_on_vertex_with_a_bearer_token(talks: Any, fast: Any) -> None:
    async with Simulator(fast(tokens=["token-1"])) as sim:
        talk = await talks.open(sim.url, **on_vertex(sim.url, auth=Bearer(Secret("token-1"))))
        await talk.say(10)
        await talk.all_heard(sim)
        await sim.cut()
        await talk.told(ev.Reconnected)
        assert talk.session.core.state_restored == "resumed"


async def test_a_token_that_expired_meanwhile_is_renewed_and_the_session_resumed(
    talks: Any, fast: Any
) -> None:
    source = Source(opaque)
    async with Simulator(fast(token_lifetime_ms=300)) as sim:
        talk = await talks.open(sim.url, **on_vertex(sim.url, auth=Asked(source)))
        await talk.say(20)
        await asyncio.sleep(0.3)  # the life of the token, by the simulator's own clock
        await sim.cut()
        back = await talk.told(ev.Reconnected)
        assert back.state_restored == "resumed"
        await talk.all_heard(sim)
        assert source.reasons == ["open", "refused"]
        assert [failure.fault.kind for failure in talk.of(ev.Failure)] == ["lineLost", "authentication"]


async def test_a_token_known_to_have_expired_is_renewed_before_it_is_refused(talks: Any, fast: Any) -> None:
    source = Source(lambda n: Token(Secret(f"token-{n}"), time.time() + (30 if n == 1 else 3600)))
    async with Simulator(fast()) as sim:
        talk = await talks.open(sim.url, **on_vertex(sim.url, auth=Asked(source)))
        await sim.cut()
        await talk.told(ev.Reconnected)
        assert source.reasons == ["open", "expired"]
        assert [failure.fault.kind for failure in talk.of(ev.Failure)] == ["lineLost"]


async def test_a_second_refusal_in_a_row_is_final(talks: Any, fast: Any, refused: Any) -> None:
    source = Source(opaque)
    async with Simulator(fast(tokens=["another"])) as sim:
        fault = await refused(talks(sim.url, **on_vertex(sim.url, auth=Asked(source))))
        assert (fault.kind, fault.http_status, fault.retryable) == ("authentication", 401, False)
        assert source.reasons == ["open", "refused"]


async def test_a_token_that_cannot_be_renewed_is_final_at_once(talks: Any, fast: Any, refused: Any) -> None:
    for refusal, kind in (("http", "authentication"), ("close", "authentication")):
        async with Simulator(fast(tokens=["another"], bad_bearer=refusal)) as sim:
            started = time.monotonic()
            fault = await refused(talks(sim.url, **on_vertex(sim.url, auth=Bearer(Secret("token-1")))))
            assert (fault.kind, fault.retryable) == (kind, False)
            assert time.monotonic() - started < 2
            assert len(sim.connections) <= 1


async def test_a_host_that_has_no_token_now_is_asked_again(talks: Any, fast: Any) -> None:
    source = Source(opaque)
    source.down = 2
    async with Simulator(fast()) as sim:
        talk = await talks.open(sim.url, **on_vertex(sim.url, auth=Asked(source)))
        assert source.reasons == ["open"] * 3
        assert {failure.fault.kind for failure in talk.of(ev.Failure)} == {"tokenUnavailable"}


async def test_a_spent_ephemeral_token_still_resumes(talks: Any, fast: Any) -> None:
    async with Simulator(fast()) as sim:
        token = (await asyncio.to_thread(minted(sim, uses=1), 0)).secret
        talk = await talks.open(sim.url, auth=EphemeralToken(token))
        for cuts in (1, 2):
            await talk.say(5)
            await sim.cut()
            await talk.until(lambda cuts=cuts: len(talk.of(ev.Reconnected)) == cuts)
        await talk.all_heard(sim)
        assert {event.state_restored for event in talk.of(ev.Reconnected)} == {"resumed"}


async def test_a_new_session_needs_a_new_token_and_the_host_has_one(talks: Any, fast: Any) -> None:
    async with Simulator(fast(handle_lifetime_ms=1)) as sim:
        source = Source(minted(sim, uses=1))
        talk = await talks.open(sim.url, auth=Asked(source, "ephemeralToken"))
        await sim.cut()
        back = await talk.told(ev.Reconnected)
        assert back.state_restored == "fresh"
        assert source.reasons == ["open", "refused"]
        assert "tokenSpent" in {failure.fault.kind for failure in talk.of(ev.Failure)}


async def test_the_end_of_a_token_ends_no_session(talks: Any, fast: Any) -> None:
    async with Simulator(fast()) as sim:

        def make(number: int) -> Token:
            return minted(sim, uses=1, expireTime=rfc3339(0.6 if number == 1 else 600))(number)

        source = Source(make)
        talk = await talks.open(sim.url, auth=Asked(source, "ephemeralToken"))
        await talk.say(20)
        back = await talk.told(ev.Reconnected)
        await talk.say(20)
        await talk.all_heard(sim)
        assert back.state_restored == "resumed"
        assert source.reasons == ["open", "refused"]
        assert talk.of(ev.Failure)[0].fault.kind == "tokenExpired"


@pytest.mark.parametrize(
    "text", ["Token has expired", "auth token has expired", "Token has been used too many times"]
)
async def test_a_token_that_is_spent_does_not_cost_the_handle(talks: Any, fast: Any, text: str) -> None:
    async with Simulator(fast()) as sim:
        talk = await talks.open(sim.url, **on_vertex(sim.url))
        sim.inject(RefuseSetup(code=1011, reason=text, resumes_only=True))
        await sim.cut()
        restored = await talk.told(ev.Reconnected)
        assert restored.state_restored == "resumed"
        assert [e.fault.action for e in talk.of(ev.Failure) if e.fault.ws_code == 1011] == [
            Action.REFRESH_TOKEN
        ]


async def test_a_session_whose_host_signed_out_goes_on_when_he_is_back(talks: Any, fast: Any) -> None:
    class SignedOut(Source):
        out = False

        async def token(self, reason: str) -> Token:
            if self.out:
                raise NoCredential(Cause(Layer.LOCAL, "tokenDenied", "the user signed out"))
            return await super().token(reason)

    source = SignedOut(opaque)
    async with Simulator(fast(token_lifetime_ms=1)) as sim:
        talk = await talks.open(sim.url, **on_vertex(sim.url, auth=Asked(source)))
        await talk.say(10)
        source.out = True
        await sim.cut()
        await talk.session.wait_for([State.FAILED], 5)
        assert talk.of(ev.Failure)[-1].fault.kind == "tokenDenied"
        source.out = False
        talk.session.reconnect()
        await talk.session.wait_for([State.CONNECTED], 5)
        await talk.say(5)
        await talk.all_heard(sim)


async def test_transparent_resumption_leaves_every_message_once_and_in_order(
    talks: Any, fast: Any, settings: Any
) -> None:
    async with Simulator(fast(index_every_ms=100)) as sim:
        given = on_vertex(sim.url, settings=settings(heartbeat={"audio_interval_s": 0.02}))
        given["setup"]["sessionResumption"] = {"transparent": True}
        talk = await talks.open(sim.url, **given)
        for cuts in (1, 2, 3):
            for number in range(4):
                await talk.say(10)
                talk.session.send("realtimeInput", {"text": f"question {cuts}.{number}"})
            await talk.until(lambda: talk.session.core.outbox.indexes.told)  # before, it may be doubled
            talk.say_chunk()  # no index knows of this one: the line is cut before it is read
            await sim.cut()
            await talk.until(lambda cuts=cuts: len(talk.of(ev.Reconnected)) == cuts)
        await talk.say(3)
        await talk.until(lambda: talk.session.core.outbox.idle)
        (session,) = sim.state()["sessions"]
        assert {event.state_restored for event in talk.of(ev.Reconnected)} == {"resumed"}
        books = talk.session.core.outbox.books
        assert books.replayed_us >= 3 * 20_000
        assert (books.maybe_doubled_us, books.dropped_us) == (0, 0)
        assert session["messages"] | {"sha256": ""} == {
            "taken": 3 * 45 + 3, "sha256": "", "lost": 0, "doubled": 0, "replaying": False,
        }  # fmt: skip


class Slow(Source):
    """A host that takes a while, from its second token on."""

    def __init__(self) -> None:
        super().__init__(self._token)
        self.go_on, self.is_asked = asyncio.Event(), asyncio.Event()
        self.given: list[str] = []

    def _token(self, number: int) -> Token:
        self.given.append(f"a-token-of-this-host-{number}")
        return Token(Secret(self.given[-1]), time.time() + (30 if number == 1 else 3600))

    async def token(self, reason: str) -> Token:
        token = await super().token(reason)
        if len(self.reasons) > 1:
            self.is_asked.set()
            await self.go_on.wait()
        return token

    async def asked(self) -> None:
        """Waits until it was asked once more."""
        async with asyncio.timeout(6):
            await self.is_asked.wait()


async def test_a_line_that_must_be_left_is_kept_until_there_is_a_token_for_the_next(
    talks: Any, fast: Any
) -> None:
    source = Slow()
    async with Simulator(fast()) as sim:
        talk = await talks.open(sim.url, **on_vertex(sim.url, auth=Asked(source)))
        await sim.go_away(40.0)
        await talk.told(ev.GoAwayReceived)
        await talk.say(20)
        await talk.all_heard(sim)
        assert source.reasons == ["open", "expired"]
        assert talk.session.state is State.CONNECTED
        source.go_on.set()
        back = await talk.told(ev.Reconnected)
        assert (back.state_restored, source.reasons) == ("resumed", ["open", "expired"])
        assert back.gap_s < 1


async def test_a_line_that_is_moved_for_its_age_asks_for_a_token_first(
    talks: Any, fast: Any, settings: Any
) -> None:
    source = Slow()
    async with Simulator(fast()) as sim:
        moving = settings(hand_over={"recycle_after_s": 0.1})
        talk = await talks.open(sim.url, **on_vertex(sim.url, auth=Asked(source), settings=moving))
        await source.asked()
        await talk.session.ping()
        assert talk.session.state is State.CONNECTED
        source.go_on.set()
        back = await talk.told(ev.Reconnected)
        assert back.gap_s < 1
        assert source.reasons == ["open", "expired"]


async def test_a_token_that_was_asked_for_ahead_stands_in_no_log_from_then_on(talks: Any, fast: Any) -> None:
    source = Slow()
    source.go_on.set()
    async with Simulator(fast()) as sim:
        talk = await talks.open(sim.url, **on_vertex(sim.url, auth=Asked(source)))
        await sim.go_away(60.0)  # it is not left before the last 45 s
        await source.asked()
        await talk.session.ping()
        assert len(sim.connections) == 1
        assert source.given[1] not in redact(f"it sent {source.given[1]}")


async def test_a_source_that_has_none_ahead_is_asked_again_by_the_attempt(talks: Any, fast: Any) -> None:
    source = Source(lambda n: Token(Secret(f"token-{n}"), time.time() + (30 if n == 1 else 3600)))
    async with Simulator(fast()) as sim:
        talk = await talks.open(sim.url, **on_vertex(sim.url, auth=Asked(source)))
        source.down = 1
        await sim.go_away(8.2)  # it is left 8 s before the end
        back = await talk.told(ev.Reconnected)
        assert (back.state_restored, source.reasons) == ("resumed", ["open", "expired", "expired"])
        assert talk.of(ev.Failure) == []


async def test_tokens_for_one_connection_each_outlast_cuts_that_come_quickly(
    talks: Any, fast: Any, settings: Any
) -> None:
    async with Simulator(fast()) as sim:
        source = Source(minted(sim, uses=1))
        alone = settings(resumption=ResumptionOptions(enabled=False))
        talk = await talks.open(sim.url, auth=Asked(source, "ephemeralToken"), settings=alone)
        for cuts in (1, 2):
            await talk.say(3)
            await sim.cut()
            await talk.until(lambda cuts=cuts: len(talk.of(ev.Reconnected)) == cuts)
        assert source.reasons == ["open", "refused", "refused"]


async def test_a_session_that_is_closed_takes_its_question_back(talks: Any, fast: Any) -> None:
    source = Slow()
    async with Simulator(fast()) as sim:
        talk = await talks.open(sim.url, **on_vertex(sim.url, auth=Asked(source)))
        await sim.go_away(40.0)
        await source.asked()
        await talk.session.close()
        assert not talk.session._preparation._running
