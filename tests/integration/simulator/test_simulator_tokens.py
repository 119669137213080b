"""Ephemeral tokens: made over HTTP on the same port, used on the method that is made for them."""

import asyncio
import contextlib
import json
import ssl
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from sidecar.simulator import Script, Simulator

PLAIN = "/ws/google.ai.generativelanguage.v1alpha.GenerativeService.BidiGenerateContent"
CONSTRAINED = PLAIN + "Constrained"
SPENT = (1011, "Token has been used too many times")
EXPIRED = (1011, "Token has expired")


async def post(
    sim: Simulator,
    body: Any,
    path: str = "/v1alpha/auth_tokens",
    *,
    key: str | None = "good",
    pieces: int = 1,
) -> tuple[int, Any]:
    """Status and JSON. The request goes out in so many pieces, each read for itself."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(data)}\r\nContent-Type: application/json\r\n"
    head += f"x-goog-api-key: {key}\r\n\r\n" if key is not None else "\r\n"
    tls = ssl.create_default_context(cafile=sim.ca_path) if sim.ca_path else None
    host, _, port = sim.url.partition("://")[2].rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port), ssl=tls)
    request = head.encode() + data
    size = -(-len(request) // pieces)
    for start in range(0, len(request), size):
        writer.write(request[start : start + size])
        await writer.drain()
        if pieces > 1:
            await asyncio.sleep(0.001)
    async with asyncio.timeout(5):
        answer = await reader.read()
    writer.close()
    top, _, content = answer.partition(b"\r\n\r\n")
    return int(top.split(b" ")[1]), json.loads(content)


async def make(sim: Simulator, body: Any = None) -> str:
    status, content = await post(sim, body or {})
    assert status == 200, content
    assert list(content) == ["name"]
    assert content["name"].startswith("auth_tokens/")
    return str(content["name"])


def ahead(**delta: float) -> str:
    return (datetime.now(UTC) + timedelta(**delta)).isoformat().replace("+00:00", "Z")


@pytest.fixture
def enter(dial: Any) -> Any:
    """`await enter(sim, token, **setup)`: connects with the token and sends a setup."""

    async def enter(sim: Simulator, token: str, path: str = CONSTRAINED, **setup: Any) -> Any:
        client = await dial(sim, f"{path}?access_token={token}", key=None)
        with contextlib.suppress(ConnectionClosed):  # some are closed before they can say a word
            await client.send({"setup": setup})
        return client

    return enter


async def accepted(client: Any) -> str:
    """The handle, when the setup was taken."""
    assert await client.receive() == {"setupComplete": {}}
    return str((await client.receive())["sessionResumptionUpdate"]["newHandle"])


USUAL: dict[str, Any] = {"model": "models/m", "sessionResumption": {}}


@pytest.mark.parametrize(
    "path",
    ["/v1alpha/auth_tokens", "/v1beta/auth_tokens", "//v1beta/auth_tokens", "/a/b/v1alpha/auth_tokens"],
)
@pytest.mark.parametrize("pieces", [1, 150])
async def test_a_token_opens_a_session(enter: Any, path: str, pieces: int) -> None:
    async with Simulator(Script(keys=["good"])) as sim:
        status, content = await post(sim, {}, path, pieces=pieces)
        assert status == 200
        await accepted(await enter(sim, content["name"], **USUAL))
        assert sim.state()["ephemeralTokens"] == [{"token": 1, "uses": 1, "used": 1}]
        assert content["name"] not in json.dumps(sim.state())


async def test_the_key_may_be_in_the_query(enter: Any) -> None:
    async with Simulator(Script(keys=["good"])) as sim:
        status, _ = await post(sim, {}, "/v1alpha/auth_tokens?key=good", key=None)
        assert status == 200


@pytest.mark.parametrize(
    ("body", "path", "key", "status", "text"),
    [
        ({}, "/v1alpha/auth_tokens", None, 403, "Method doesn't allow unregistered callers"),
        ({}, "/v1alpha/auth_tokens", "bad", 400, "API key not valid."),
        ({}, "/v1/auth_tokens", "good", 404, "Not found."),
        (b"{", "/v1alpha/auth_tokens", "good", 400, "Invalid JSON payload received."),
        (
            {"liveConnectConstraints": {}},
            "/v1alpha/auth_tokens",
            "good",
            400,
            'Unknown name "liveConnectConstraints"',
        ),
        (
            {"bidiGenerateContentSetup": {"modell": "x"}},
            "/v1beta/auth_tokens",
            "good",
            400,
            "Unknown name \"modell\" at 'auth_token.bidi_generate_content_setup'",
        ),
        (
            {"bidiGenerateContentSetup": {"proactivity": {}}},
            "/v1beta/auth_tokens",
            "good",
            400,
            'Unknown name "proactivity"',
        ),
        ({"fieldMask": "model,nonsense"}, "/v1alpha/auth_tokens", "good", 400, "no field nonsense"),
        (
            {"fieldMask": "generationConfig.nonsense"},
            "/v1alpha/auth_tokens",
            "good",
            400,
            "no field generationConfig.nonsense",
        ),
        ({"expireTime": "tomorrow"}, "/v1alpha/auth_tokens", "good", 400, "Timestamp"),
        ({"expireTime": "2030-01-01T00:00:00"}, "/v1alpha/auth_tokens", "good", 400, "Timestamp"),
        (
            {"expireTime": "2020-01-01T00:00:00Z"},
            "/v1alpha/auth_tokens",
            "good",
            400,
            "must be in the future",
        ),
        (
            {"newSessionExpireTime": "2999-01-01T00:00:00Z"},
            "/v1alpha/auth_tokens",
            "good",
            400,
            "at most 20 hours",
        ),
        ({"uses": -1}, "/v1alpha/auth_tokens", "good", 400, "must not be negative"),
    ],
)
async def test_what_is_wrong_with_a_request_is_told(
    body: Any, path: str, key: str | None, status: int, text: str
) -> None:
    async with Simulator(Script(keys=["good"])) as sim:
        answered, content = await post(sim, body, path, key=key)
        assert (answered, content["error"]["code"]) == (status, status)
        assert text in content["error"]["message"]


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"POST /v1alpha/auth_tokens HTTP/1.1\r\nHost: x\r\n\r\n", b"411"),
        (b"POST /v1alpha/auth_tokens HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n", b"413"),
        (b"POST nonsense\r\n\r\n", b"400"),
        (b"POST /" + b"x" * 20_000, b"431"),
    ],
)
async def test_a_request_that_cannot_be_read_is_answered_and_hung_up_on(
    request_bytes: bytes, status: bytes
) -> None:
    async with Simulator() as sim:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(sim.url.rpartition(":")[2]))
        writer.write(request_bytes)
        async with asyncio.timeout(5):
            assert (await reader.read()).split(b" ")[1] == status
        writer.close()


async def test_a_client_in_the_middle_of_a_post_does_not_hold_the_end() -> None:
    async with Simulator() as sim:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(sim.url.rpartition(":")[2]))
        writer.write(b"POST /v1alpha/auth_tokens HTTP/1.1\r\nContent-Length: 9\r\n\r\n{")
        await writer.drain()
    with pytest.raises(ConnectionResetError):
        await reader.read()
    writer.close()


# --- uses, and a resume is none


async def test_a_token_is_spent_after_its_uses_and_still_resumes(enter: Any) -> None:
    async with Simulator(Script(owner_grace_ms=0)) as sim:
        token = await make(sim, {"uses": 2})
        for _ in range(2):
            handle = await accepted(await enter(sim, token, **USUAL))
        assert await (await enter(sim, token, **USUAL)).closed() == SPENT
        await sim.cut()
        for _ in range(2):
            resumed = await enter(sim, token, model="models/m", sessionResumption={"handle": handle})
            await accepted(resumed)
            await sim.cut()
        assert len(sim.sessions) == 2


async def test_zero_uses_are_any_number(enter: Any) -> None:
    async with Simulator() as sim:
        token = await make(sim, {"uses": 0})
        for _ in range(3):
            await accepted(await enter(sim, token, **USUAL))
        assert len(sim.sessions) == 3


# --- times


async def test_at_its_end_a_token_closes_its_session_and_resumes_it_no_more(enter: Any) -> None:
    async with Simulator(Script(owner_grace_ms=0, time_scale=300)) as sim:
        token = await make(sim, {"expireTime": ahead(minutes=2), "uses": 0})
        client = await enter(sim, token, **USUAL)
        handle = await accepted(client)
        assert await client.closed() == (1011, "auth token has expired")
        assert 0.35 <= sim.now_s() < 2
        resume = {"model": "models/m", "sessionResumption": {"handle": handle}}
        assert await (await enter(sim, token, **resume)).closed() == EXPIRED
        assert await (await enter(sim, token, **USUAL)).closed() == EXPIRED
        await accepted(await enter(sim, await make(sim), **resume))  # a new token resumes an old handle


async def test_new_sessions_have_an_earlier_end_than_resumes(enter: Any) -> None:
    async with Simulator(Script(owner_grace_ms=0, time_scale=300)) as sim:
        token = await make(sim, {"newSessionExpireTime": ahead(seconds=60), "uses": 0})
        handle = await accepted(await enter(sim, token, **USUAL))
        await asyncio.sleep(max(0.0, 0.25 - sim.now_s()))
        assert await (await enter(sim, token, **USUAL)).closed() == EXPIRED
        await sim.cut()
        await accepted(await enter(sim, token, model="models/m", sessionResumption={"handle": handle}))


async def test_without_times_it_is_a_minute_to_begin_and_half_an_hour_in_all(enter: Any) -> None:
    async with Simulator(Script(time_scale=3600, go_away_at_ms=None, idle_timeout_ms=None)) as sim:
        client = await enter(sim, await make(sim), **USUAL)
        assert await client.closed() == (1011, "auth token has expired")
        assert 0.45 <= sim.now_s() < 2


# --- the lock


async def test_a_setup_without_a_mask_locks_everything_and_an_empty_setup_is_enough(enter: Any) -> None:
    async with Simulator(Script(models=["models/locked"])) as sim:
        setup = {"model": "models/locked", "sessionResumption": {}}
        token = await make(sim, {"bidiGenerateContentSetup": setup, "uses": 0})
        await accepted(await enter(sim, token))
        # The client's own wishes are ignored, not rejected.
        client = await enter(
            sim, token, model="models/other", generationConfig={"responseModalities": ["TEXT"]}
        )
        await accepted(client)
        await client.send({"realtimeInput": {"text": "hi"}})
        turn = await client.receive_until(lambda m: "modelTurn" in m.get("serverContent", {}))
        assert "inlineData" in turn[-1]["serverContent"]["modelTurn"]["parts"][0]


async def test_a_locked_session_is_resumed_all_the_same(enter: Any) -> None:
    async with Simulator(Script(owner_grace_ms=0)) as sim:
        token = await make(sim, {"bidiGenerateContentSetup": {"model": "models/m", "sessionResumption": {}}})
        handle = await accepted(await enter(sim, token))
        await sim.cut()
        await accepted(await enter(sim, token, sessionResumption={"handle": handle}))
        assert len(sim.sessions) == 1


async def test_a_mask_locks_what_it_names_and_leaves_the_rest(enter: Any) -> None:
    async with Simulator(Script(models=["models/locked"])) as sim:
        token = await make(
            sim,
            {
                "bidiGenerateContentSetup": {"model": "models/locked"},
                "fieldMask": "model,generationConfig.response_modalities",
            },
        )
        client = await enter(
            sim,
            token,
            model="models/other",
            sessionResumption={},
            generationConfig={"responseModalities": ["TEXT"], "temperature": 1},
        )
        await accepted(client)
        await client.send({"realtimeInput": {"text": "hi"}})
        turn = await client.receive_until(lambda m: "modelTurn" in m.get("serverContent", {}))
        assert "inlineData" in turn[-1]["serverContent"]["modelTurn"]["parts"][0]


async def test_a_token_without_a_setup_locks_nothing(enter: Any) -> None:
    async with Simulator(Script(models=["models/real"])) as sim:
        token = await make(sim, {"uses": 0})
        assert (await (await enter(sim, token)).closed())[0] == 1007
        assert (await (await enter(sim, token, model="models/other")).closed())[0] == 1008


# --- where a token is taken


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        (PLAIN + "?access_token={}", {}),
        (CONSTRAINED, {"Authorization": "Token {}"}),
        (CONSTRAINED + "?key={}", {}),
    ],
)
async def test_other_places_were_seen_refused_and_are_a_switch(dial: Any, path: str, headers: Any) -> None:
    for anywhere in (False, True):
        async with Simulator(Script(ephemeral_tokens_anywhere=anywhere)) as sim:
            token = await make(sim)
            headers_now = {name: value.format(token) for name, value in headers.items()}
            client = await dial(sim, path.format(token), key=None, headers=headers_now)
            if anywhere or path.endswith("?key={}"):
                await client.set_up()
            else:
                code, reason = await client.closed()
                assert (code, reason[:41]) == (1008, "Method doesn't allow unregistered callers")


async def test_tokens_are_made_over_tls_too(dial: Any) -> None:
    async with Simulator(tls="trusted") as sim:
        token = await make(sim)
        tls = ssl.create_default_context(cafile=sim.ca_path)
        await (await dial(sim, f"{CONSTRAINED}?access_token={token}", key=None, tls=tls)).set_up()
