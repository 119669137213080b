"""One attempt: what it leaves behind when it comes to nothing."""

import pytest
from websockets.exceptions import InvalidURI

from sidecar.live import proxy
from sidecar.live.auth import ApiKey
from sidecar.live.endpoints import Endpoint
from sidecar.observe.secret import Secret
from sidecar.session import Config
from sidecar.session.attempt import attempt


class Owner:
    """Hears up to the moment of dialling."""

    def attempt_asks(self) -> None: ...

    def attempt_asked(self, secret: Secret) -> None: ...

    def attempt_uses(self, secret: Secret) -> None: ...

    def attempt_step(self, *_: object) -> None:
        raise AssertionError("nothing is to be dialled")


async def test_what_no_line_can_be_made_for_is_not_dialled() -> None:
    """Such an address does not pass `developer`; a socket would be left to the garbage collector."""
    endpoint = Endpoint("ws://@127.0.0.1:1/", "127.0.0.1", 1)
    config = Config(
        endpoint=endpoint, auth=ApiKey(Secret("any-key")), setup={"model": "models/m"}, proxy=proxy.direct()
    )
    with pytest.raises(InvalidURI):
        await attempt(config, Owner())
