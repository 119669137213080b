"""Rules for the hosts that are reached without the proxy, as NO_PROXY, Windows and macOS write them."""

import ipaddress
import re
from collections.abc import Iterable
from fnmatch import fnmatchcase

from msgspec import Struct

from sidecar.live.endpoints import InvalidConfig

SIMPLE = "<local>"
"""Every name without a dot (Windows)."""

_PORT = re.compile(r"(?P<host>\[[^\]]*\]|[^:]*):(?P<port>[0-9]{1,5})")
_NAME = re.compile(r"[a-z0-9._*-]{1,253}")
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Rule(Struct, frozen=True):
    """One rule.

    Attributes:
        name: a host and the domain under it, a pattern with "*", or `SIMPLE`; empty for addresses.
        network: addresses, written as such in the URL: a name is not looked up for this.
        port: 0 for every port.
    """

    name: str = ""
    network: _Network | None = None
    port: int = 0

    def fits(self, host: str, port: int) -> bool:
        """Whether the rule is for this host and port."""
        if self.port not in (0, port):
            return False
        host = host.lower().rstrip(".")
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            address = None
        if self.network is not None:
            return address is not None and address in self.network
        if self.name == SIMPLE:
            return address is None and "." not in host
        if "*" in self.name:
            return fnmatchcase(host, self.name)
        return host == self.name or (address is None and host.endswith(f".{self.name}"))


def rule(text: str) -> Rule | None:
    """A rule from its text: `example.com`, `.example.com`, `*.example.com`, `*`, `10.1.2.3`, `10.0.0.0/8`,
    `fd00::/8`, `<local>`, each also with `:port`. None when it is none."""
    text, port = text.strip().lower(), 0
    if text == SIMPLE:
        return Rule(SIMPLE)
    network = _network(text)
    if network is None and (match := _PORT.fullmatch(text)) is not None:
        text, port = match["host"], int(match["port"])
        network = _network(text)
    if network is not None:
        return Rule(network=network, port=port)
    name = text.lstrip(".").rstrip(".")
    return Rule(name, port=port) if _NAME.fullmatch(name) else None


def rules(texts: Iterable[str], field: str) -> tuple[Rule, ...]:
    """
    Raises:
        InvalidConfig: one of them is none; `field` is its name.
    """
    made = []
    for number, text in enumerate(texts):
        found = rule(text)
        if found is None:
            raise InvalidConfig(
                f"{field}[{number}] must be a host, a domain, an address or a network, each with or without "
                'a port, such as "example.com", "10.0.0.0/8" or "example.com:443"'
            )
        made.append(found)
    return tuple(made)


def rules_of_system(text: str) -> tuple[Rule, ...]:
    """Of a text such as NO_PROXY's. What is no rule is passed over: it was not written for us."""
    found = (rule(part) for part in re.split(r"[,;\s]+", text) if part)
    return tuple(entry for entry in found if entry is not None)


def _network(text: str) -> _Network | None:
    """Also `169.254/16`, as macOS writes it."""
    address, slash, size = text.strip("[]").partition("/")
    if slash and re.fullmatch(r"[0-9.]+", address):
        address += ".0" * (3 - address.count("."))
    try:
        return ipaddress.ip_network(f"{address}{slash}{size}", strict=False)
    except ValueError:
        return None
