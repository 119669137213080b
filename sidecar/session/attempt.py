"""One attempt at a connection: a credential, a way, a socket, and the line that stands on it."""

from typing import Protocol

from sidecar.live import dial
from sidecar.live.line import Receiver, WebSocketLine
from sidecar.live.way import Way, find_way
from sidecar.observe.logging import websockets_logger
from sidecar.observe.secret import Secret
from sidecar.session.config import Config


class Attempting(Receiver, Protocol):
    """Who makes the attempt, and will own the line."""

    def attempt_asks(self) -> None:
        """It waits for a credential."""

    def attempt_asked(self, secret: Secret) -> None:
        """The credential came; from now on no log may show it."""

    def attempt_uses(self, secret: Secret) -> None:
        """From now on no log may show this, either."""

    def attempt_step(self, step: dial.Step, way: Way) -> None: ...

    def attempt_connected(self) -> bool:
        """TCP, and the proxy if there is one, are done. False: the attempt is not wanted any more."""

    def attempt_line(self, line: WebSocketLine, way: Way) -> None:
        """The line of this attempt; its own calls tell the rest."""


async def attempt(config: Config, owner: Attempting) -> None:
    """Up to the upgrade request.

    Raises:
        NoCredential: there is none to be had.
        DialFailed: by name resolution, connection, proxy or TLS.
    """
    endpoint = config.endpoint
    owner.attempt_asks()
    credential = await config.auth.credential()
    owner.attempt_asked(credential.secret)
    way = find_way(endpoint, config.tls, config.proxy)
    for secret in way.secrets:
        owner.attempt_uses(secret)

    # Made before there is a socket: what cannot be dialled leaves none behind.
    line = WebSocketLine(
        owner,
        endpoint.url(constrained=credential.constrained, query=credential.query),
        credential.headers,
        max_frame_bytes=config.max_frame_bytes,
        logger=websockets_logger(),
    )

    def step(name: dial.Step) -> None:
        owner.attempt_step(name, way)

    carrier = await dial.connect(endpoint, step, proxy=way.proxy, proxy_tls=way.proxy_tls)
    if not owner.attempt_connected():
        carrier.close()
        return
    owner.attempt_line(line, way)
    await dial.attach(line, carrier, way.tls, way.server_name)
