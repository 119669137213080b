"""Tokens of Google's own credentials, through google-auth: the extra `live-sidecar[google]`.

It is imported only when such a credential is used, in the thread that does the asking: it takes a while.
"""

import asyncio
import importlib.util
import json
import threading
from collections.abc import Callable
from datetime import UTC
from functools import partial
from typing import Any

from sidecar.lifecycle.faults import Cause, Layer
from sidecar.live.auth import NoCredential, Reason, Token
from sidecar.live.endpoints import InvalidConfig
from sidecar.live.files import read_file
from sidecar.live.thread import in_thread
from sidecar.observe.redact import redact_cut
from sidecar.observe.secret import Secret

SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
"""What Vertex AI asks for (LP 1.2)."""
TIMEOUT_S = 20.0
"""For one token: a stalled fetch must not hold a session for minutes (LP 1.2)."""
MAX_WORDS_CHARS = 500
"""Of what Google says why there is none."""
MAX_KEY_BYTES = 64 * 1024
"""Of a key file; one has 2 to 3 KiB."""

Load = Callable[[], Any]
"""Makes the credentials of google-auth. Called in a thread."""


def service_account(key: dict[str, Any] | None = None, key_file: str | None = None) -> "GoogleTokens":
    """A service account by its key, or by the path of its key file.

    Raises:
        InvalidConfig: not exactly one of them is given, or it cannot be read; or the extra is not installed.
    """
    if (key is None) == (key_file is None):
        raise InvalidConfig("give exactly one of auth.key and auth.keyFile")
    _check_installed()
    info = _read(key_file) if key_file is not None else key
    if not isinstance(info, dict) or info.get("type") != "service_account":
        raise InvalidConfig(
            'auth.key must be the JSON of a service account\'s key, with "type": "service_account"'
        )
    private_key = info.get("private_key")
    secrets = (Secret(private_key),) if isinstance(private_key, str) else ()

    def load() -> Any:
        from google.oauth2 import service_account

        make: Any = service_account.Credentials
        return make.from_service_account_info(info, scopes=SCOPES)

    return GoogleTokens(load, secrets)


def application_default() -> "GoogleTokens":
    """The application default credentials of this machine and user.

    Raises:
        InvalidConfig: the extra is not installed.
    """
    _check_installed()

    def load() -> Any:
        import google.auth

        credentials, _project = google.auth.default(scopes=SCOPES)
        return credentials

    return GoogleTokens(load)


class GoogleTokens:
    """A source of access tokens. Credentials are loaded with the first one."""

    def __init__(self, load: Load, secrets: tuple[Secret, ...] = ()) -> None:
        self.secrets = secrets
        self._load = load
        self._credentials: Any = None
        self._lock = threading.Lock()  # sessions in other threads may share these credentials
        self._under_way: asyncio.Future[Token] | None = None

    async def token(self, reason: Reason) -> Token:
        """
        Raises:
            NoCredential: the token service could not be reached (retried), or denied (not retried).
        """
        try:
            async with asyncio.timeout(TIMEOUT_S):
                return await asyncio.shield(self._fetching())
        except TimeoutError:
            text = f"no token from Google within {TIMEOUT_S:.0f} s"
            raise NoCredential(Cause(Layer.LOCAL, "tokenUnavailable", text)) from None
        except Exception as exc:
            raise NoCredential(_cause(exc)) from None

    def _fetching(self) -> asyncio.Future[Token]:
        """One fetch at a time: who comes while one is under way, which was given up perhaps, waits for that.
        So a token service that hangs costs one thread, however often it is asked."""
        under_way = self._under_way
        if under_way is None or under_way.done() or under_way.get_loop() is not asyncio.get_running_loop():
            under_way = self._under_way = in_thread(self._fetch, "token")
        return under_way

    def _fetch(self) -> Token:
        from google.auth.transport.requests import Request

        with self._lock:
            if self._credentials is None:
                self._credentials = self._load()
            self._credentials.refresh(partial(Request(), timeout=TIMEOUT_S))  # it would wait for 120 s
            expiry = self._credentials.expiry
            expires_at = None if expiry is None else expiry.replace(tzinfo=UTC).timestamp()
            return Token(Secret(self._credentials.token), expires_at)


def _cause(exc: Exception) -> Cause:
    """Their errors know whether trying again may help; a text may repeat what was sent."""
    from google.auth.exceptions import GoogleAuthError, TransportError

    unavailable = isinstance(exc, TransportError) or getattr(exc, "retryable", False)
    what = str(exc.args[0]) if isinstance(exc, GoogleAuthError) and exc.args else type(exc).__name__
    code = "tokenUnavailable" if unavailable else "tokenDenied"
    return Cause(Layer.LOCAL, code, f"no token from Google: {redact_cut(what)[:MAX_WORDS_CHARS]}")


def _check_installed() -> None:
    if importlib.util.find_spec("google") is None or importlib.util.find_spec("google.auth") is None:
        raise InvalidConfig(
            "this credential needs google-auth, which is not part of this build: install "
            'live-sidecar[google], or get tokens in the host and use auth.type "host"'
        )


def _read(path: str) -> Any:
    try:
        # The path is not repeated: it may be the key itself, in the wrong field.
        return json.loads(read_file(path, "auth.keyFile", MAX_KEY_BYTES))
    except (ValueError, RecursionError) as exc:
        if isinstance(exc, InvalidConfig):
            raise
        raise InvalidConfig("auth.keyFile is not JSON") from None
