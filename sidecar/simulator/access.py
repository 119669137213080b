"""Who may come in: credentials of both services, and how they are refused (LP 1.2, 5)."""

from dataclasses import dataclass

from .credentials import Credential, Kind
from .endpoint import Endpoint, Family
from .ephemeral import EphemeralToken, EphemeralTokens
from .refusals import Refusal, known
from .script import Script


@dataclass(frozen=True)
class Admission:
    """What was found of one attempt to connect."""

    endpoint: Endpoint
    refusal: Refusal | None = None
    """Told by a close frame after the upgrade or, with `by_http`, by HTTP 401 instead of it."""
    by_http: bool = False
    token: EphemeralToken | None = None
    bearer_until_s: float | None = None
    """When the bearer token expires, in service time."""


class Access:
    """Times are seconds on the service's clock."""

    def __init__(self, script: Script, ephemeral: EphemeralTokens) -> None:
        self._script = script
        self._ephemeral = ephemeral
        self._bearer_seen_at_s: dict[str, float] = {}

    def judge(self, endpoint: Endpoint, credential: Credential, now_s: float) -> Admission:
        match endpoint.family, credential.kind:
            case _, Kind.KEY if not endpoint.constrained:
                return Admission(endpoint, self.key_refusal(credential))
            case Family.DEVELOPER, Kind.EPHEMERAL:
                return self._ephemeral_token(endpoint, credential, now_s)
            case Family.VERTEX, Kind.BEARER:
                return self._bearer(endpoint, credential, now_s)
            case Family.VERTEX, _:
                return Admission(endpoint, known("badBearer"), by_http=self._script.bad_bearer == "http")
        # Not known for a key on the method for tokens, and for a bearer token: taken as no credential.
        return Admission(endpoint, known("noCredential"))

    def key_refusal(self, credential: Credential) -> Refusal | None:
        """Whether a key is one. None: it is."""
        if credential.kind is not Kind.KEY:
            return known("noCredential")
        keys = self._script.keys
        return None if keys is None or credential.value in keys else known("badKey")

    def _ephemeral_token(self, endpoint: Endpoint, credential: Credential, now_s: float) -> Admission:
        """Only in the query, and only on the method made for it: so it was observed in LP 1.2."""
        placed = endpoint.constrained and credential.in_query
        token = self._ephemeral.find(credential.value)
        if token is None or not (placed or self._script.ephemeral_tokens_anywhere):
            return Admission(endpoint, known("noCredential"))
        return Admission(
            endpoint, known("tokenExpired") if now_s >= token.expires_at_s else None, token=token
        )

    def _bearer(self, endpoint: Endpoint, credential: Credential, now_s: float) -> Admission:
        tokens, lifetime_ms = self._script.tokens, self._script.token_lifetime_ms
        seen_at_s = self._bearer_seen_at_s.setdefault(credential.value, now_s)
        until_s = None if lifetime_ms is None else seen_at_s + lifetime_ms / 1000
        if (tokens is None or credential.value in tokens) and (until_s is None or now_s < until_s):
            return Admission(endpoint, bearer_until_s=until_s)
        return Admission(endpoint, known("badBearer"), by_http=self._script.bad_bearer == "http")
