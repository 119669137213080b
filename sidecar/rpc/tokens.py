"""Tokens asked from the host: `auth/token` (`docs/authentication.md`)."""

import msgspec

from sidecar.lifecycle.faults import Cause, Layer
from sidecar.live.auth import NoCredential, Reason, Token, TokenType, check_token
from sidecar.live.endpoints import InvalidConfig
from sidecar.observe.secret import Secret
from sidecar.rpc import protocol as p
from sidecar.rpc.host import Host, HostRefused

_result = msgspec.json.Decoder(p.AuthTokenResult)


class HostTokens:
    """A source of tokens for one session.

    Args:
        timeout_s: how long the host may take for an answer.
    """

    secrets: tuple[Secret, ...] = ()

    def __init__(self, host: Host, session_id: str, token_type: TokenType, timeout_s: float) -> None:
        self._host = host
        self._session_id = session_id
        self._token_type = token_type
        self._timeout_s = timeout_s

    async def token(self, reason: Reason) -> Token:
        """
        Raises:
            NoCredential: the host did not answer in time (retried), with an error (retried unless it says
                `retryable: false`), or with what is no token (not retried).
        """
        params = p.AuthTokenParams(session_id=self._session_id, token_type=self._token_type, reason=reason)
        try:
            raw = await self._host.call("auth/token", params, self._timeout_s)
        except TimeoutError:
            text = f"the host did not answer auth/token within {self._timeout_s * 1000:.0f} ms"
            raise NoCredential(Cause(Layer.LOCAL, "tokenTimeout", text)) from None
        except HostRefused as exc:
            code = "tokenUnavailable" if exc.retryable else "tokenDenied"
            raise NoCredential(Cause(Layer.LOCAL, code, f"the host has no token: {exc}")) from None
        try:
            result = _result.decode(raw)
            secret = Secret(result.token)
            check_token(secret, self._token_type)
            expires_at = _seconds(result.expires_at)
        except (msgspec.DecodeError, InvalidConfig) as exc:
            text = f"the host's answer to auth/token cannot be used: {exc}"
            raise NoCredential(Cause(Layer.LOCAL, "tokenDenied", text)) from None
        return Token(secret, expires_at)


_FIRST_MS, _FIRST_YEAR = 1e11, 1973
"""No token ended before, and in seconds no time is as late before the year 5138."""


def _seconds(expires_at: float | None) -> float | None:
    """
    Args:
        expires_at: in milliseconds since 1970.

    Raises:
        InvalidConfig: it is given in another unit.
    """
    if expires_at is None:
        return None
    if expires_at < _FIRST_MS:
        raise InvalidConfig(
            f"expiresAt is {expires_at:.0f}, which is before {_FIRST_YEAR}: "
            "it is in milliseconds since 1970, not in seconds"
        )
    return expires_at / 1000
