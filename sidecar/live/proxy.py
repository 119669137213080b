"""Which way a line takes to the service: straight, or through a proxy, and through which."""

from base64 import b64encode
from collections.abc import Iterable, Mapping
from typing import Literal
from urllib.parse import unquote, urlsplit

from msgspec import Struct

from sidecar.lifecycle.faults import Cause, Layer
from sidecar.live.endpoints import Endpoint, InvalidConfig, is_host, is_loopback
from sidecar.live.failure import DialFailed
from sidecar.live.no_proxy import Rule, rules
from sidecar.observe.secret import Secret

Scheme = Literal["http", "https", "socks5", "socks5h"]

PORTS: dict[Scheme, int] = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}
"""The kinds of proxies there are, and the ports if none is given."""
MAX_CREDENTIAL_CHARS = 255
"""Of a user name and of a password (RFC 1929 section 2)."""


class Proxy(Struct, frozen=True):
    """A proxy that takes CONNECT (http, https) or SOCKS5.

    Attributes:
        scheme: https is CONNECT over TLS. With socks5 we look up the service's name, with socks5h the proxy
            does; http and https leave it to the proxy, too.
    """

    scheme: Scheme
    host: str
    port: int
    username: Secret | None = None
    password: Secret | None = None

    @property
    def address(self) -> str:
        """Host and port, for people."""
        return join(self.host, self.port)

    @property
    def basic(self) -> Secret | None:
        """The credentials for `Proxy-Authorization: Basic` (RFC 7617)."""
        if self.username is None:
            return None
        password = self.password.reveal() if self.password is not None else ""
        return Secret(b64encode(f"{self.username.reveal()}:{password}".encode()).decode())

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """What no log may show. A user name is no secret: it may be so short that half of any text has it."""
        return tuple(secret for secret in (self.password, self.basic) if secret)


class Route(Struct, frozen=True, kw_only=True):
    """The way to the service, as the host wants it: `system()`, `direct()` or `through()` make one.

    Attributes:
        mode: the system's proxy, if there is one; none; or the one given.
        proxy: the one given.
        no_proxy: which endpoints are dialled straight all the same.
    """

    mode: Literal["system", "off", "explicit"] = "system"
    proxy: Proxy | None = None
    no_proxy: tuple[Rule, ...] = ()

    def check(self, endpoint: Endpoint, *, verify: bool = True) -> None:
        """Whether the endpoint may be reached this way.

        Args:
            verify: the service must prove who it is.

        Raises:
            InvalidConfig: another machine could read the key.
        """
        proxy = self.proxy
        if proxy is None or is_loopback(proxy.host) or self._passes_by(endpoint):
            return
        if not (endpoint.secure and verify):
            raise InvalidConfig(
                "proxy must be on this machine, or the endpoint wss:// with a certificate that is checked: "
                f"to {proxy.address}, {endpoint.host} is another machine, and the key could be read"
            )

    def choose(self, endpoint: Endpoint, environment: Mapping[str, str] | None = None) -> Proxy | None:
        """The proxy for the next connection; None for none. The system is asked each time.

        Args:
            environment: in place of the process's.

        Raises:
            DialFailed: the system names a proxy that the sidecar cannot use.
        """
        if self._passes_by(endpoint):
            return None
        if self.mode == "explicit":
            return self.proxy
        from sidecar.live.system_proxy import system_proxy

        url, without = system_proxy(environment)
        if not url or any(rule.fits(endpoint.host, endpoint.port) for rule in without):
            return None
        try:
            return parse(url if "://" in url else f"http://{url}", "the system's proxy")
        except InvalidConfig as exc:
            raise DialFailed(Cause(Layer.PROXY, "unusable", str(exc))) from None

    def _passes_by(self, endpoint: Endpoint) -> bool:
        """A system's proxy is no way to this machine itself."""
        return (
            self.mode == "off"
            or (self.mode == "system" and is_loopback(endpoint.host))
            or any(rule.fits(endpoint.host, endpoint.port) for rule in self.no_proxy)
        )


def system(*, no_proxy: Iterable[str] = ()) -> Route:
    """Through the system's proxy, if it has one: from HTTPS_PROXY, ALL_PROXY and NO_PROXY, else from the
    settings of Windows or macOS. Never to loopback.

    Raises:
        InvalidConfig: a rule of `no_proxy` is none.
    """
    return Route(no_proxy=rules(no_proxy, "proxy.noProxy"))


def direct() -> Route:
    """Through no proxy at all."""
    return Route(mode="off")


def through(
    url: str, *, username: Secret | None = None, password: Secret | None = None, no_proxy: Iterable[str] = ()
) -> Route:
    """Through this proxy, whatever the system says.

    Args:
        url: such as "http://proxy.example:3128"; also https, socks5, socks5h. It may hold the credentials.
        no_proxy: hosts, domains, addresses and networks that are dialled straight; see docs/network.md.

    Raises:
        InvalidConfig: one of these cannot be used. The text repeats no credential.
    """
    proxy = parse(url, "proxy.url", username, password)
    return Route(mode="explicit", proxy=proxy, no_proxy=rules(no_proxy, "proxy.noProxy"))


def parse(url: str, field: str, username: Secret | None = None, password: Secret | None = None) -> Proxy:
    """A proxy from its URL, with credentials from there or beside it.

    Raises:
        InvalidConfig: `field` is no such URL. The text repeats nothing of it: it may hold a password.
    """
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise InvalidConfig(f"{field} is not a URL") from None
    scheme = next((known for known in PORTS if known == parts.scheme.lower()), None)
    if scheme is None or not is_host(host) or port == 0:
        schemes = ", ".join(f"{known}://" for known in PORTS)
        raise InvalidConfig(f"{field} must look like http://host:port; possible are {schemes}")
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise InvalidConfig(f"{field} must end after the port")
    if parts.username is not None:
        if username is not None or password is not None:
            raise InvalidConfig(f"{field} holds credentials, and others stand beside it")
        username = Secret(unquote(parts.username))
        password = None if parts.password is None else Secret(unquote(parts.password))
    _check_credentials(scheme, field.partition(".")[0], username, password)
    return Proxy(scheme, host, port or PORTS[scheme], username, password)


def _check_credentials(scheme: Scheme, field: str, username: Secret | None, password: Secret | None) -> None:
    socks = scheme.startswith("socks")
    if password is not None and not username:
        raise InvalidConfig(f"{field} has a password and no username")
    if socks and username and not password:
        raise InvalidConfig(f"{field} has a username and no password, which SOCKS5 cannot say")
    for name, secret in (("username", username), ("password", password)):
        text = secret.reveal() if secret is not None else ""
        if len(text) > MAX_CREDENTIAL_CHARS:
            raise InvalidConfig(f"{field} has a {name} of over {MAX_CREDENTIAL_CHARS} characters")
        if not text.isprintable() or (socks and not text.isascii()):
            raise InvalidConfig(f"{field} has a {name} with line feeds or letters that cannot be sent")
    if not socks and username and ":" in username.reveal():
        raise InvalidConfig(f"{field} has a username with a colon, which HTTP cannot say (RFC 7617)")


def join(host: str, port: int) -> str:
    """host:port, as it stands in a URL."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
