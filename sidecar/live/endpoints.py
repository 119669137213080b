"""Where to connect: the WebSocket addresses of the Developer API and of Vertex AI (LP 1.1)."""

import ipaddress
import re
from typing import Literal
from urllib.parse import urlsplit

from msgspec import Struct

Family = Literal["developer", "vertex"]

DEVELOPER_BASE_URL = "wss://generativelanguage.googleapis.com"
VERSIONS: dict[Family, tuple[str, ...]] = {
    "developer": ("v1beta", "v1", "v1alpha"),
    "vertex": ("v1beta1", "v1"),
}
"""The API versions of each family; the first is the default, as in Google's SDKs (LP 1.1)."""
MULTI_REGIONS = frozenset({"us", "eu"})

_METHODS: dict[Family, str] = {
    # The separator differs: a dot there, a slash here (LP 1.1).
    "developer": "google.ai.generativelanguage.{version}.GenerativeService.BidiGenerateContent",
    "vertex": "google.cloud.aiplatform.{version}.LlmBidiService/BidiGenerateContent",
}
_SCHEMES = {"ws": "ws", "wss": "wss", "http": "ws", "https": "wss"}
_PORTS = {"ws": 80, "wss": 443}
_LABEL = "[A-Za-z0-9_-]{1,63}"
_NAME = re.compile(rf"(?=.{{1,253}}\.?\Z){_LABEL}(?:\.{_LABEL})*\.?")
"""Sizes by RFC 1035 section 2.3.4; the root's dot may end it. An IPv4 address has this form too."""
_LOCATION = re.compile(r"[a-z]+(?:-[a-z0-9]+)*")


class InvalidConfig(ValueError):
    """Endpoint, credential or setup cannot be used; the message names the field and says what to write."""


class Endpoint(Struct, frozen=True):
    """An address to dial; nothing in it is secret.

    Attributes:
        method_url: ws or wss URL of the method BidiGenerateContent.
        family: which of the two services speaks there.
        api_version: such as "v1beta".
    """

    method_url: str
    host: str
    port: int
    family: Family = "developer"
    api_version: str = "v1beta"

    @property
    def secure(self) -> bool:
        return self.method_url.startswith("wss:")

    def url(self, *, constrained: bool = False, query: str = "") -> str:
        """The URL of an upgrade request. `constrained`: of the method for ephemeral tokens (LP 1.1). `query`
        may hold a secret: then so does the answer."""
        suffix = "Constrained" if constrained else ""
        return f"{self.method_url}{suffix}{'?' if query else ''}{query}"


def developer(base_url: str = DEVELOPER_BASE_URL, api_version: str = "v1beta") -> Endpoint:
    """The Developer API under `base_url` (ws, wss, http or https; a path is kept as a prefix).

    Raises:
        InvalidConfig: not a URL of that kind, or no such version; or plain text to another machine, which
            would show the key.
    """
    return _endpoint("developer", base_url, api_version)


def vertex(location: str = "global", api_version: str = "v1beta1", base_url: str = "") -> Endpoint:
    """Vertex AI in a region ("us-central1"), a multi-region ("us", "eu") or everywhere ("global"), or what
    stands under `base_url` in its place.

    Raises:
        InvalidConfig: as `developer`; or the location is no name of one.
    """
    if not _LOCATION.fullmatch(location):
        raise InvalidConfig(
            'endpoint.location must be a region such as "us-central1", "us", "eu" or "global"'
        )
    return _endpoint("vertex", base_url or f"wss://{_vertex_host(location)}", api_version)


def _vertex_host(location: str) -> str:
    if location == "global":
        return "aiplatform.googleapis.com"
    if location in MULTI_REGIONS:
        return f"aiplatform.{location}.rep.googleapis.com"
    return f"{location}-aiplatform.googleapis.com"


def _endpoint(family: Family, base_url: str, api_version: str) -> Endpoint:
    if api_version not in VERSIONS[family]:
        raise InvalidConfig(f"endpoint.apiVersion of {family} must be one of: {', '.join(VERSIONS[family])}")
    try:
        parts = urlsplit(base_url.strip())
        port = parts.port
    except ValueError:  # its text repeats what may be a password
        raise InvalidConfig("endpoint.baseUrl is not a URL such as wss://host[:port][/path]") from None
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise InvalidConfig("endpoint.baseUrl must not carry credentials, a query or a fragment")
    scheme = _SCHEMES.get(parts.scheme.lower())
    if scheme is None or not is_host(_in_ascii(parts.hostname or "")) or port == 0:
        raise InvalidConfig("endpoint.baseUrl must look like wss://host[:port][/path]")
    assert parts.hostname is not None
    if scheme == "ws" and not is_loopback(parts.hostname):
        raise InvalidConfig(
            "endpoint.baseUrl must be wss:// (or https://): without TLS the key could be read"
        )
    if not (parts.path.isascii() and parts.path.isprintable() and " " not in parts.path):
        raise InvalidConfig("endpoint.baseUrl must have its path percent-encoded")
    method = _METHODS[family].format(version=api_version)
    url = f"{scheme}://{parts.netloc}{parts.path.rstrip('/')}/ws/{method}"
    return Endpoint(url, parts.hostname, port or _PORTS[scheme], family, api_version)


def is_host(text: str) -> bool:
    """Whether it has the form of a host name in ASCII or of an address, without brackets."""
    return _NAME.fullmatch(text) is not None or _is_ipv6(text)


def _is_ipv6(text: str) -> bool:
    try:
        return ipaddress.IPv6Address(text).scope_id is None
    except ValueError:
        return False


def _in_ascii(host: str) -> str:
    """Of a name with other letters its xn-- form, which is what goes on the wire; "" if it has none."""
    try:
        return host if host.isascii() else host.encode("idna").decode()
    except UnicodeError:
        return ""


def is_localhost(name: str) -> bool:
    """Whether it is a name that never means another machine (RFC 6761 section 6.3)."""
    return f".{name.lower().removesuffix('.')}".endswith(".localhost")


def is_loopback(host: str) -> bool:
    """Whether a name or address means this machine: also an IPv4 address written as IPv6, and 0.0.0.0 or ::,
    at which nobody else can be reached (RFC 1122 section 3.2.1.3)."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return is_localhost(host)
    address = getattr(address, "ipv4_mapped", None) or address
    return address.is_loopback or address.is_unspecified
