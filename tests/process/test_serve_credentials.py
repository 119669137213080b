"""Secrets of every kind, before a service that repeats in its refusal whatever it was sent."""

import asyncio
import json
import sys
import threading
from collections.abc import Iterator
from typing import Any

import psutil
import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request

SERVE = (sys.executable, "-m", "sidecar", "serve", "--log-level", "debug")
CANARY = "canary4e1d7c"
HANDLE = f"{CANARY}-handle"


class Parrot:
    """Takes every upgrade, and closes with the credential as the reason."""

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
        self.heard.append(shown)
        await connection.recv()
        await connection.close(1008, f"refused: {shown}"[:123])

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


AUTHS: dict[str, dict[str, Any]] = {
    "apiKey in the header": {"type": "apiKey", "apiKey": CANARY},
    "apiKey in the URL": {"type": "apiKey", "apiKey": f"{CANARY}/+", "sendAs": "query"},
    "ephemeralToken in the URL": {"type": "ephemeralToken", "token": f"auth_tokens/{CANARY}"},
    "ephemeralToken in the header": {"type": "ephemeralToken", "token": f"auth_tokens/{CANARY}", "sendAs": "header"},
    "bearer": {"type": "bearer", "token": f"{CANARY}-opaque"},
    "a token of the host": {"type": "host", "tokenType": "bearer"},
    "serviceAccount": {"type": "serviceAccount", "key": {"type": "service_account", "private_key": f"-----BEGIN PRIVATE KEY-----\n{CANARY}\n", "client_email": "a", "token_uri": "http://127.0.0.1:9/"}},
}  # fmt: skip


@pytest.mark.parametrize("auth", AUTHS.values(), ids=AUTHS)
def test_no_secret_is_seen_from_outside(spawn, parrot: Parrot, auth: dict[str, Any]) -> None:
    child = spawn(command=SERVE).drain_stderr()
    child.say(call("0", "initialize", protocolVersion="1", client={"name": "t", "version": "1"}))
    child.say(
        call(
            "open",
            "session/open",
            sessionId="s1",
            endpoint={"baseUrl": parrot.url},
            auth=auth,
            setup={"model": "models/m"},
            settings={
                "deadlines": {"openMs": 600},
                "resumption": {"handle": HANDLE},
                "reconnect": {"baseDelayMs": 50},
            },
        )
    )
    told: list[dict[str, Any]] = []
    while (message := json.loads(child.hear())).get("id") != "open":
        told.append(message)
        if message.get("method") == "auth/token":
            answer = {"jsonrpc": "2.0", "id": message["id"], "result": {"token": f"{CANARY}-opaque"}}
            child.say(json.dumps(answer).encode())
        if message.get("method") == "session/reconnecting":
            child.say(call("dump", "diagnostics/dump"))
            child.say(call("stats", "session/stats", sessionId="s1"))
            process = psutil.Process(child.pid)
            seen = [*process.cmdline(), *process.environ(), *process.environ().values()]
            assert not [text for text in seen if CANARY in text]
    told.append(message)
    child.process.stdin.close()
    child.seconds_until_gone()
    child.clean_up()

    assert message["error"]["data"]["kind"] in ("openTimeout", "tokenDenied")
    if auth["type"] == "serviceAccount":
        assert parrot.heard == []
    else:
        assert CANARY in parrot.heard[0], "it did reach the service"
        assert any(m.get("id") == "dump" for m in told)
    assert CANARY not in json.dumps(told)
    assert CANARY not in child.errors.decode()
