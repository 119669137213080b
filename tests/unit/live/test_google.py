"""Google's own credentials: the real google-auth against a token service on loopback."""

import asyncio
import json
import os
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth.exceptions import TransportError

from sidecar.live import google
from sidecar.live.auth import NoCredential
from sidecar.live.endpoints import InvalidConfig
from sidecar.observe.redact import register, unregister
from sidecar.observe.secret import Secret


class TokenService:
    """Answers as Google's token endpoint does. `status` and `answer` say what comes next."""

    def __init__(self) -> None:
        self.asked: list[dict[str, list[str]]] = []
        self.status = 200
        self.answer: dict[str, Any] = {
            "access_token": "ya29.from-google",
            "expires_in": 3600,
            "token_type": "Bearer",
        }
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                service.asked.append(parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode()))
                body = json.dumps(service.answer).encode()
                self.send_response(service.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = False
        self.url = f"http://127.0.0.1:{self.server.server_port}/token"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def service() -> Iterator[TokenService]:
    made = TokenService()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture(scope="module")
def private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return pem.decode()


@pytest.fixture
def key(service: TokenService, private_key: str) -> dict[str, Any]:
    return {
        "type": "service_account",
        "project_id": "p",
        "private_key_id": "k1",
        "private_key": private_key,
        "client_email": "robot@p.iam.gserviceaccount.com",
        "token_uri": service.url,
    }


async def test_a_service_account_gets_a_token_with_its_end(
    service: TokenService, key: dict[str, Any]
) -> None:
    tokens = google.service_account(key)
    token = await tokens.token("open")
    assert token.secret.reveal() == "ya29.from-google"
    assert token.expires_at is not None
    assert abs(token.expires_at - time.time() - 3600) < 60
    assert service.asked[0]["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
    assert [secret.reveal() for secret in tokens.secrets] == [key["private_key"]]


async def test_each_time_a_new_token_is_fetched(service: TokenService, key: dict[str, Any]) -> None:
    tokens = google.service_account(key)
    await tokens.token("open")
    await tokens.token("refused")
    assert len(service.asked) == 2


async def test_a_key_file_and_the_application_default(
    service: TokenService, key: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "key.json"
    path.write_text(json.dumps(key))
    assert (
        await google.service_account(key_file=str(path)).token("open")
    ).secret.reveal() == "ya29.from-google"
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
    assert (await google.application_default().token("open")).secret.reveal() == "ya29.from-google"
    assert len(service.asked) == 2


async def test_a_denied_account_is_told_so_and_not_asked_for_again(
    service: TokenService, key: dict[str, Any]
) -> None:
    service.status, service.answer = 400, {"error": "invalid_grant", "error_description": "Account deleted"}
    with pytest.raises(NoCredential) as failed:
        await google.service_account(key).token("open")
    assert failed.value.cause.code == "tokenDenied"
    assert "Account deleted" in failed.value.cause.text


async def test_a_token_service_out_of_reach_may_come_back(service: TokenService, key: dict[str, Any]) -> None:
    service.server.server_close()
    with pytest.raises(NoCredential) as failed:
        await google.service_account(key | {"token_uri": "http://127.0.0.1:1/token"}).token("open")
    assert failed.value.cause.code == "tokenUnavailable"


async def test_a_token_service_that_hangs_is_given_up(
    key: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(google, "TIMEOUT_S", 0.05)
    go_on = threading.Event()
    tokens = google.GoogleTokens(lambda: go_on.wait(10))
    with pytest.raises(NoCredential) as failed:
        await tokens.token("open")
    go_on.set()
    assert failed.value.cause.code == "tokenUnavailable"


async def test_a_broken_key_is_denied_without_being_shown(key: dict[str, Any]) -> None:
    broken = key | {"private_key": key["private_key"][:200]}
    with pytest.raises(NoCredential) as failed:
        await google.service_account(broken).token("open")
    assert failed.value.cause.code == "tokenDenied"
    assert key["private_key"][60:120] not in failed.value.cause.text


async def test_no_default_credentials_is_denied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_GCE_CHECK", "true")  # it would ask the network
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    with pytest.raises(NoCredential) as failed:
        await google.application_default().token("open")
    assert failed.value.cause.code == "tokenDenied"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "exactly one"),
        ({"key": {"type": "service_account"}, "key_file": "x"}, "exactly one"),
        ({"key": {"type": "authorized_user"}}, "service_account"),
        ({"key_file": "/nowhere/key.json"}, "cannot be read"),
    ],
)
def test_a_slip_is_told_before_anything_is_dialled(given: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidConfig, match=says):
        google.service_account(**given)


async def test_what_google_repeats_of_a_request_is_not_told(
    service: TokenService, key: dict[str, Any]
) -> None:
    secret = Secret("".join(f"opaque{number:03}" for number in range(70)))
    register(secret)
    try:
        for repeated in (secret.reveal(), secret.reveal()[:200]):
            service.status, service.answer = 400, {"error": "invalid_grant", "error_description": repeated}
            with pytest.raises(NoCredential) as failed:
                await google.service_account(key).token("open")
            assert "invalid_grant" in failed.value.cause.text
            assert "opaque" not in failed.value.cause.text
    finally:
        unregister(secret)


async def test_a_token_service_that_hangs_costs_one_thread_however_often_it_is_asked(
    service: TokenService, key: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens, go_on, loads = google.service_account(key), threading.Event(), []
    load = tokens._load

    def hang() -> Any:
        loads.append(threading.current_thread())
        go_on.wait(10)
        return load()

    tokens._load = hang
    monkeypatch.setattr(google, "TIMEOUT_S", 0.02)
    for _ in range(5):
        with pytest.raises(NoCredential):
            await tokens.token("open")
    assert len(loads) == 1
    assert [thread.name for thread in threading.enumerate()].count("token") == 1

    monkeypatch.setattr(google, "TIMEOUT_S", 10.0)
    go_on.set()
    waiting = [asyncio.create_task(tokens.token("open")) for _ in range(2)]
    assert [(await each).secret.reveal() for each in waiting] == ["ya29.from-google"] * 2
    assert len(service.asked) == 1
    await tokens.token("expired")
    assert len(service.asked) == 2


async def test_who_gave_up_leaves_the_fetch_to_the_next(service: TokenService, key: dict[str, Any]) -> None:
    tokens = google.service_account(key)
    asking = asyncio.create_task(tokens.token("open"))
    await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert (await tokens.token("open")).secret.reveal() == "ya29.from-google"
    assert len(service.asked) == 1


async def test_a_fetch_is_given_up_by_its_thread_too(
    key: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Google's client would wait for 120 s."""
    waits: list[float] = []

    class Request:
        def __call__(self, *_: Any, timeout: float = 120.0, **__: Any) -> Any:
            waits.append(timeout)
            raise TransportError("no way")

    monkeypatch.setattr("google.auth.transport.requests.Request", Request)
    with pytest.raises(NoCredential):
        await google.service_account(key).token("open")
    assert set(waits) == {google.TIMEOUT_S}


@pytest.mark.timeout(10)
def test_a_key_file_must_be_a_file_that_ends(tmp_path: Path) -> None:
    paths = [tmp_path, *([Path("/dev/zero")] if Path("/dev/zero").exists() else [])]
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        paths.append(tmp_path / "pipe")
    for path in paths:
        with pytest.raises(InvalidConfig, match=r"^auth\.keyFile is no file$"):
            google.service_account(key_file=str(path))
    large = tmp_path / "large.json"
    large.write_bytes(b" " * (google.MAX_KEY_BYTES + 1))
    with pytest.raises(InvalidConfig, match="has more than 64 KiB"):
        google.service_account(key_file=str(large))


@pytest.mark.parametrize("text", ["canary" * 1000, "canary\0"])
def test_a_key_in_the_place_of_its_path_is_not_repeated(text: str) -> None:
    with pytest.raises(InvalidConfig, match=r"auth\.keyFile cannot be read") as told:
        google.service_account(key_file=text)
    assert "canary" not in str(told.value)


@pytest.mark.parametrize("content", [b"not json", b"\xff", b"[" * 60_000])
def test_a_key_file_must_hold_json(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "key.json"
    path.write_bytes(content)
    with pytest.raises(InvalidConfig, match="not JSON"):
        google.service_account(key_file=str(path))


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InvalidConfig, match=r"live-sidecar\[google\]"):
        google.application_default()
