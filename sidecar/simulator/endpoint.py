"""Where the two services answer (LP 1.1)."""

import re
from enum import StrEnum
from typing import NamedTuple


class Family(StrEnum):
    DEVELOPER = "developer"
    VERTEX = "vertex"


class Endpoint(NamedTuple):
    family: Family
    version: str
    constrained: bool = False
    """The Developer API's method for ephemeral tokens."""


# A custom base URL may bring a path of its own; the SDKs' paths then begin with two slashes. Note the
# separator of service and method: a dot here, a slash there.
_DEVELOPER = re.compile(
    r"(?:/.*)?/ws/google\.ai\.generativelanguage\.(v1|v1beta|v1alpha)"
    r"\.GenerativeService\.BidiGenerateContent(Constrained)?"
)
_VERTEX = re.compile(
    r"(?:/.*)?/ws/google\.cloud\.aiplatform\.(v1|v1beta1)\.LlmBidiService/BidiGenerateContent"
)
_TOKENS = re.compile(r"(?:/.*)?/(v1alpha|v1beta)/auth_tokens")
_ALIAS_VERSION = "v1beta1"


def live_endpoint(target: str, vertex_alias: str | None = None) -> Endpoint | None:
    """What the target of an upgrade names, or None when it is not the service's.

    `vertex_alias` is one more path that counts as Vertex's: Google's Python client takes a custom base URL
    as the whole address there.
    """
    path = target.partition("?")[0]
    if match := _DEVELOPER.fullmatch(path):
        return Endpoint(Family.DEVELOPER, match[1], constrained=match[2] is not None)
    if match := _VERTEX.fullmatch(path):
        return Endpoint(Family.VERTEX, match[1])
    if vertex_alias is not None and path == vertex_alias:
        return Endpoint(Family.VERTEX, _ALIAS_VERSION)
    return None


def tokens_version(target: str) -> str | None:
    """The API version when ephemeral tokens are made at this target (LP 1.3), else None."""
    match = _TOKENS.fullmatch(target.partition("?")[0])
    return match[1] if match else None
