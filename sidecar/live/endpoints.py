"""Where to connect: the WebSocket URL of the Developer API (LP 1.1)."""

import ipaddress
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from msgspec import Struct

_SCHEMES = {"ws": "ws", "wss": "wss", "http": "ws", "https": "wss"}
_PORTS = {"ws": 80, "wss": 443}


class InvalidConfig(ValueError):
    """Endpoint or setup cannot be used; the message names the field and says what to write instead."""


class Endpoint(Struct, frozen=True):
    """An address to dial. `url` carries no secret."""

    url: str
    host: str
    port: int
    secure: bool


def developer(base_url: str, api_version: str) -> Endpoint:
    """The Developer API's endpoint under `base_url` (ws, wss, http or https; a path is kept as a prefix).

    Raises:
        InvalidConfig: not a URL of that kind, or no such version; or plain text to another machine, which
            would show the key.
    """
    try:
        parts = urlsplit(base_url.strip())
        port = parts.port
    except ValueError as exc:
        raise InvalidConfig(f"endpoint.baseUrl is not a URL: {exc}") from None
    scheme = _SCHEMES.get(parts.scheme.lower())
    if scheme is None or not parts.hostname:
        raise InvalidConfig("endpoint.baseUrl must look like wss://host[:port][/path]")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise InvalidConfig("endpoint.baseUrl must not carry credentials, a query or a fragment")
    if scheme == "ws" and not is_loopback(parts.hostname):
        raise InvalidConfig(
            "endpoint.baseUrl must be wss:// (or https://): without TLS the key could be read"
        )
    if not (parts.path.isascii() and parts.path.isprintable() and " " not in parts.path):
        raise InvalidConfig("endpoint.baseUrl must have its path percent-encoded")
    if not api_version.isalnum():
        raise InvalidConfig('endpoint.apiVersion must be a name such as "v1beta"')
    method = f"google.ai.generativelanguage.{api_version}.GenerativeService.BidiGenerateContent"
    path = f"{parts.path.rstrip('/')}/ws/{method}"
    url = urlunsplit((scheme, parts.netloc, path, "", ""))
    return Endpoint(url, parts.hostname, port or _PORTS[scheme], scheme == "wss")


def is_loopback(host: str) -> bool:
    """Whether a name or address means this machine."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_setup(setup: dict[str, Any]) -> None:
    """The least a setup needs, so that a slip is told here and not as a close code.

    Raises:
        InvalidConfig: `model` is missing or no string.
    """
    model = setup.get("model")
    if not isinstance(model, str) or not model.startswith(("models/", "tunedModels/")):
        raise InvalidConfig('setup.model must be a name such as "models/gemini-3.8-live"')
