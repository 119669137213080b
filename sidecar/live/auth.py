"""How a request proves who asks (LP 1.2). Secrets become text only here, in the moment of use."""

import logging
import math
import time
from collections.abc import Callable
from typing import Literal, NamedTuple, Protocol
from urllib.parse import quote

from sidecar.lifecycle.faults import Cause, Layer
from sidecar.live.endpoints import Endpoint, InvalidConfig
from sidecar.observe.secret import Secret

log = logging.getLogger(__name__)

RENEW_BEFORE_S = 60.0
"""A token that expires sooner is not used for a new connection: dialling and the setup take their time."""
MAX_CHARS = 16 * 1024
"""Of a token: what fits into an upgrade request."""

Reason = Literal["open", "expired", "refused"]
"""Why a token is asked for: there is none yet, it has expired or is about to, the service refused it."""


class Credential(NamedTuple):
    """What one upgrade request carries. `secret` is what must not be seen anywhere else."""

    secret: Secret
    headers: dict[str, str]
    query: str = ""
    constrained: bool = False
    """For the method that takes ephemeral tokens."""

    def __repr__(self) -> str:
        return "Credential(<secret>)"


class Auth(Protocol):
    """Who asks, for the life of a session.

    Attributes:
        secrets: what is known at the start and must not be seen.
        renewable: a credential that was refused can be replaced by a newer one.
        constrained: it is an ephemeral token, which may fix the setup (LP 1.3).
    """

    @property
    def secrets(self) -> tuple[Secret, ...]: ...
    @property
    def renewable(self) -> bool: ...
    @property
    def constrained(self) -> bool: ...

    def check(self, endpoint: Endpoint) -> None:
        """Raises InvalidConfig when that service takes no credential of this kind."""

    def lacks(self, in_s: float = 0.0) -> bool:
        """Whether the credential for a connection in so many seconds has to be asked for first."""

    def refused(self, secret: Secret) -> None:
        """The service refused this one: from now on a newer one is wanted."""

    async def credential(self, in_s: float = 0.0) -> Credential:
        """For an upgrade request in so many seconds.

        Raises:
            NoCredential: it could not be had.
        """


class NoCredential(Exception):
    """There is nothing to prove with who asks; `cause` says why."""

    def __init__(self, cause: Cause) -> None:
        super().__init__(cause.text)
        self.cause = cause


# --- the forms on the wire ------------------------------------------------------------------------

Form = Callable[[Secret], Credential]


def api_key_header(key: Secret) -> Credential:
    return Credential(key, {"x-goog-api-key": key.reveal()})


def api_key_query(key: Secret) -> Credential:
    """Only where a header cannot pass: URLs end up in the logs of others."""
    return Credential(key, {}, f"key={quote(key.reveal(), safe='')}")


def ephemeral_query(token: Secret) -> Credential:
    """The form that was seen to work; of the header a refusal was reported (LP 1.2)."""
    return Credential(token, {}, f"access_token={quote(token.reveal(), safe='/')}", constrained=True)


def ephemeral_header(token: Secret) -> Credential:
    return Credential(token, {"Authorization": f"Token {token.reveal()}"}, constrained=True)


def bearer(token: Secret) -> Credential:
    """An OAuth access token, or a JWT."""
    return Credential(token, {"Authorization": f"Bearer {token.reveal()}"})


def bearer_for(quota_project: str) -> Form:
    """As `bearer`, with the project that is to be billed (LP 1.2)."""

    def form(token: Secret) -> Credential:
        return Credential(token, bearer(token).headers | {"x-goog-user-project": quota_project})

    return form if quota_project else bearer


def checked(secret: Secret, field: str) -> Secret:
    """The secret itself, when it can stand in a header.

    Raises:
        InvalidConfig: it cannot; most often it was read from a file, with its line feed.
    """
    text = secret.reveal()
    if not 0 < len(text) <= MAX_CHARS:
        raise InvalidConfig(f"{field} has {len(text)} characters; 1 to {MAX_CHARS} are possible")
    if not (text.isascii() and text.isprintable() and " " not in text):
        raise InvalidConfig(f"{field} has spaces, line feeds or other characters that none has")
    return secret


def _needs_developer(endpoint: Endpoint, what: str) -> None:
    if endpoint.family != "developer":
        raise InvalidConfig(f"{what} is for the Developer API; Vertex AI takes a bearer token or an API key")


# --- what a host gives once -----------------------------------------------------------------------


class _Given:
    """A credential for the life of the session: refused, it cannot be replaced."""

    renewable = False

    def __init__(self, form: Form, secret: Secret) -> None:
        self._credential = form(secret)
        self.constrained = self._credential.constrained

    @property
    def secrets(self) -> tuple[Secret, ...]:
        return (self._credential.secret,)

    def check(self, endpoint: Endpoint) -> None: ...

    def lacks(self, in_s: float = 0.0) -> bool:
        return False

    def refused(self, secret: Secret) -> None: ...

    async def credential(self, in_s: float = 0.0) -> Credential:
        return self._credential


class ApiKey(_Given):
    """An API key, in the header `x-goog-api-key`, or in the URL when `in_query` asks for it."""

    def __init__(self, secret: Secret, *, in_query: bool = False) -> None:
        """
        Raises:
            InvalidConfig: the key cannot stand in a header.
        """
        super().__init__(api_key_query if in_query else api_key_header, checked(secret, "auth.apiKey"))
        self._in_query = in_query

    def check(self, endpoint: Endpoint) -> None:
        if self._in_query:  # Vertex takes the key of its express mode as a header (LP 1.2)
            _needs_developer(endpoint, 'auth.sendAs "query"')


class EphemeralToken(_Given):
    """A token such as "auth_tokens/...", in the URL, or in a header when `in_header` asks for it (LP 1.3)."""

    def __init__(self, secret: Secret, *, in_header: bool = False) -> None:
        """
        Raises:
            InvalidConfig: it is no ephemeral token.
        """
        _check_ephemeral(secret, "auth.token")
        super().__init__(ephemeral_header if in_header else ephemeral_query, secret)

    def check(self, endpoint: Endpoint) -> None:
        _needs_developer(endpoint, "an ephemeral token")


class Bearer(_Given):
    """An OAuth access token or JWT. `quota_project`: who is billed, "" for the token's own project."""

    def __init__(self, secret: Secret, *, quota_project: str = "") -> None:
        """
        Raises:
            InvalidConfig: the token cannot stand in a header.
        """
        super().__init__(bearer_for(quota_project), checked(secret, "auth.token"))


def _check_ephemeral(secret: Secret, field: str) -> None:
    checked(secret, field)
    if not secret.reveal().startswith("auth_tokens/"):
        raise InvalidConfig(f'{field} must be the token\'s whole name, "auth_tokens/..."')


# --- what is asked for when it is needed ----------------------------------------------------------


class Token(NamedTuple):
    """A token, and when it ends: seconds since 1970, None when nobody knows."""

    secret: Secret
    expires_at: float | None = None


class Source(Protocol):
    """Where tokens come from."""

    async def token(self, reason: Reason) -> Token:
        """A new one. A source that holds secrets of its own names them in an attribute `secrets`.

        Raises:
            NoCredential: there is none to be had now, or ever.
        """


TokenType = Literal["bearer", "ephemeralToken"]


class Asked:
    """Tokens from a source: kept until they expire, asked for anew before a connection that would come too
    late for the old one, and after a refusal.

    Args:
        token_type: what they are, and so how they go on the wire.
        quota_project: who is billed, "" for the token's own project.
        clock: seconds since 1970.
    """

    renewable = True

    def __init__(
        self,
        source: Source,
        token_type: TokenType = "bearer",
        *,
        quota_project: str = "",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._source = source
        self._token_type = token_type
        self.constrained = token_type == "ephemeralToken"
        self._form = bearer_for(quota_project) if token_type == "bearer" else ephemeral_query
        self._clock = clock
        self._token: Token | None = None
        self._came_at = 0.0
        self._lacks: Reason | None = "open"
        """Why a token has to be asked for; None while there is a good one."""

    @property
    def secrets(self) -> tuple[Secret, ...]:
        return getattr(self._source, "secrets", ())

    def check(self, endpoint: Endpoint) -> None:
        if self._token_type == "ephemeralToken":
            _needs_developer(endpoint, "an ephemeral token")

    def refused(self, secret: Secret) -> None:
        if self._token is None or self._token.secret is not secret:
            return  # there is a newer one already
        # What had ended when it came is no news to its source: that it is of no use is.
        self._lacks = "expired" if self._came_at < self._ends_at <= self._clock() else "refused"

    def lacks(self, in_s: float = 0.0) -> bool:
        return self._lack(in_s) is not None

    async def credential(self, in_s: float = 0.0) -> Credential:
        reason = self._lack(in_s)
        if reason is not None:
            self._token = await self._ask(reason)
            self._came_at = self._clock()
            if self._came_at >= self._ends_at:
                # This clock may be the wrong one, so the service is asked.
                late_s = self._came_at - self._ends_at
                log.warning("the token that came had ended %.0f s ago, by this computer's clock", late_s)
            self._lacks = None  # only now: who was asked in vain is asked once more for the same reason
        assert self._token is not None
        return self._form(self._token.secret)

    async def _ask(self, reason: Reason) -> Token:
        try:
            return await self._source.token(reason)
        except NoCredential:
            raise
        except Exception as exc:
            log.exception("the source of tokens failed")
            text = f"the source of tokens failed: {type(exc).__name__}, see the log"
            raise NoCredential(Cause(Layer.LOCAL, "tokenUnavailable", text)) from None

    def _lack(self, in_s: float) -> Reason | None:
        if self._lacks is None and self._clock() + in_s > self._ends_at - RENEW_BEFORE_S:
            return "expired"
        return self._lacks

    @property
    def _ends_at(self) -> float:
        """Of the last token; infinite while nobody knows."""
        ends_at = self._token.expires_at if self._token is not None else None
        return math.inf if ends_at is None else ends_at


def check_token(secret: Secret, token_type: TokenType) -> None:
    """
    Raises:
        InvalidConfig: it can be no token of that type.
    """
    (_check_ephemeral if token_type == "ephemeralToken" else checked)(secret, "token")
