"""How a client shows who it is: the forms of LP 1.2."""

from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import parse_qs

from websockets.datastructures import Headers

EPHEMERAL_PREFIX = "auth_tokens/"


class Kind(StrEnum):
    NONE = "none"
    KEY = "key"
    EPHEMERAL = "ephemeral"
    BEARER = "bearer"


@dataclass(frozen=True)
class Credential:
    kind: Kind
    value: str = field(default="", repr=False)
    in_query: bool = False


def read_credential(target: str, headers: Headers) -> Credential:
    """The credential of a request. The more special form wins.

    Google's Python client sends an ephemeral token twice: as the key, and as Authorization.
    """
    query = parse_qs(target.partition("?")[2])
    scheme, _, authorization = _first(headers, "Authorization").strip().partition(" ")
    scheme, authorization = scheme.lower(), authorization.strip()
    forms = [
        (Kind.BEARER, query.get("access_token", [""])[0], True),
        (Kind.BEARER, authorization if scheme == "bearer" else "", False),
        (Kind.EPHEMERAL, authorization if scheme == "token" else "", False),
        (Kind.KEY, _first(headers, "x-goog-api-key"), False),
        (Kind.KEY, query.get("key", [""])[0], True),
    ]
    for kind, value, in_query in forms:
        if value.startswith(EPHEMERAL_PREFIX):
            return Credential(Kind.EPHEMERAL, value, in_query)
        if value:
            return Credential(kind, value, in_query)
    return Credential(Kind.NONE)


def _first(headers: Headers, name: str) -> str:
    values = headers.get_all(name)
    return values[0] if values else ""
