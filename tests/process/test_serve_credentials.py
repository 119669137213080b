"""Secrets of every kind and length, before a service that repeats in its refusal whatever it was sent."""

import asyncio
import json
import threading
from collections.abc import Iterator
from typing import Any

import psutil
import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request

from tests.program import PROGRAM, of_sources

SERVE = (*PROGRAM, "serve", "--log-level", "debug")
CANARY = "canary4e1d7c"
PIECES = (CANARY[:8], CANARY[-6:])
"""Any piece of a secret that is longer than the canary has one of these."""
REASON_BYTES = 123
"""Of a close frame (RFC 6455 section 5.5)."""
REFUSED = "refused: "
LENGTHS = {"short": 30, "fits": REASON_BYTES - len(REFUSED), "long": 300}
"""Characters of a secret: the library shows a reason in pieces that just fits, and the service cuts a longer one."""


def secret(length: int, beginning: str = "", end: str = "") -> str:
    """Made of nothing but canaries, and none a piece of another."""
    beginning += str(length)
    canaries = CANARY * (length // len(CANARY) + 1)
    return beginning + canaries[: length - len(beginning) - len(end)] + end


class Parrot:
    """Takes every upgrade, and closes with the credential as the reason; when it heard that twice, with the handle."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._thread.start()
        assert self._ready.wait(10)

    async def _serve(self) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        async with serve(self._talk, "127.0.0.1", 0) as server:
            self.url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            self._ready.set()
            await self._end.wait()

    async def _talk(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        shown = _credential(connection.request)
        handle = json.loads(await connection.recv())["setup"]["sessionResumption"].get("handle")
        if handle and self.heard.count(shown) == 2:
            shown = handle
        self.heard.append(shown)
        await connection.ping(shown[:125])
        await connection.close(1008, f"{REFUSED}{shown}"[:REASON_BYTES])

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(10)


def _credential(request: Request) -> str:
    """The bare value, which no pattern of the redactor knows."""
    headers = request.headers
    shown = headers.get("authorization") or headers.get("x-goog-api-key") or request.path
    return shown.rpartition(" ")[2].rpartition("=")[2]


@pytest.fixture
def parrot() -> Iterator[Parrot]:
    made = Parrot()
    yield made
    made.stop()


def call(call_id: str, method: str, **params: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": call_id, "method": method, "params": params}).encode()


def given(kind: str, length: int) -> dict[str, Any]:
    """What a host gives as `auth`."""
    ephemeral = secret(length, "auth_tokens/")
    key = secret(length, "-----BEGIN PRIVATE KEY-----\n", "\n")
    return {
        "apiKey in the header": {"type": "apiKey", "apiKey": secret(length)},
        "apiKey in the URL": {"type": "apiKey", "apiKey": secret(length, end="/+"), "sendAs": "query"},
        "ephemeralToken in the URL": {"type": "ephemeralToken", "token": ephemeral},
        "ephemeralToken in the header": {"type": "ephemeralToken", "token": ephemeral, "sendAs": "header"},
        "bearer": {"type": "bearer", "token": secret(length)},
        "a token of the host": {"type": "host", "tokenType": "bearer"},
        "serviceAccount": {"type": "serviceAccount", "key": {"type": "service_account", "private_key": key, "client_email": "a", "token_uri": "http://127.0.0.1:9/"}},
    }[kind]  # fmt: skip


KINDS = (
    "apiKey in the header",
    "apiKey in the URL",
    "ephemeralToken in the URL",
    "ephemeralToken in the header",
    "bearer",
    "a token of the host",
    pytest.param("serviceAccount", marks=of_sources),  # google-auth is not in a binary
)


@pytest.mark.parametrize("kind", KINDS)
def test_no_secret_is_seen_from_outside(spawn, parrot: Parrot, kind: str) -> None:
    child = spawn(command=SERVE).drain_stderr()
    child.say(call("0", "initialize", protocolVersion="1", client={"name": "t", "version": "1"}))
    for name, length in LENGTHS.items():
        child.say(
            call(
                f"open {name}",
                "session/open",
                sessionId=name,
                endpoint={"baseUrl": parrot.url},
                auth=given(kind, length),
                setup={"model": "models/m"},
                settings={
                    "deadlines": {"openMs": 900},
                    "resumption": {"handle": secret(length, end="-handle")},
                    "reconnect": {"baseDelayMs": 50, "maxDelayMs": 50},
                },
            )
        )
    told: list[dict[str, Any]] = []
    ended: dict[str, dict[str, Any]] = {}
    while len(ended) < len(LENGTHS):
        told.append(message := json.loads(child.hear()))
        if str(message.get("id")).startswith("open "):
            ended[message["id"]] = message["error"]["data"]
        if message.get("method") == "auth/token":
            token = secret(LENGTHS[message["params"]["sessionId"]])
            child.say(
                json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": {"token": token}}).encode()
            )
        if message.get("method") == "session/reconnecting":
            child.say(call("dump", "diagnostics/dump"))
            child.say(call("stats", "session/stats", sessionId=message["params"]["sessionId"]))
            process = psutil.Process(child.pid)
            seen = [*process.cmdline(), *process.environ(), *process.environ().values()]
            assert not [text for text in seen if CANARY in text]
    child.process.stdin.close()
    child.seconds_until_gone()
    child.clean_up()

    assert {data["kind"] for data in ended.values()} <= {"openTimeout", "tokenDenied"}
    if kind == "serviceAccount":
        assert parrot.heard == []
    else:
        for length in LENGTHS.values():
            assert any(f"{length}{CANARY}" in text for text in parrot.heard), "they did reach the service"
        assert any(m.get("id") == "dump" for m in told)
    log = child.errors.decode()
    assert kind == "serviceAccount" or "CLOSE 1008" in log
    for piece in PIECES:
        assert piece not in json.dumps(told)
        assert piece not in log
