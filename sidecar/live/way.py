"""What the next connection goes by: through which proxy, and whom it trusts.

Both are found out anew for each: the system's settings, or a file, may have changed meanwhile.
"""

import ssl
from typing import NamedTuple

from sidecar.lifecycle.faults import Cause, Layer
from sidecar.live.endpoints import Endpoint, InvalidConfig
from sidecar.live.failure import DialFailed
from sidecar.live.proxy import Proxy, Route
from sidecar.live.tls import Tls
from sidecar.observe.secret import Secret


class Way(NamedTuple):
    """
    Attributes:
        proxy_tls: for the TLS with an https proxy.
        tls: for the TLS with the service; None when that is not asked for.
        server_name: the name its certificate must be for.
    """

    proxy: Proxy | None
    proxy_tls: ssl.SSLContext | None
    tls: ssl.SSLContext | None
    server_name: str

    @property
    def proxy_address(self) -> str:
        """Host and port of the proxy, for people; "" for none."""
        return self.proxy.address if self.proxy is not None else ""

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """What no log may show."""
        return self.proxy.secrets if self.proxy is not None else ()


def find_way(endpoint: Endpoint, tls: Tls, route: Route) -> Way:
    """
    Raises:
        DialFailed: the CA file, which was good, cannot be used; or the system's proxy cannot.
    """
    try:
        proxy = route.choose(endpoint)
        https = proxy is not None and proxy.scheme == "https"
        return Way(
            proxy=proxy,
            proxy_tls=tls.context() if https else None,
            tls=tls.context() if endpoint.secure else None,
            server_name=tls.server_name or endpoint.host,
        )
    except InvalidConfig as exc:
        raise DialFailed(Cause(Layer.TLS, "caFile", str(exc))) from None
