"""How a request proves who asks (LP 1.2). Secrets become text only here, in the moment of use."""

from typing import Protocol

from sidecar.live.endpoints import InvalidConfig
from sidecar.observe.secret import Secret


class Auth(Protocol):
    """Gives the headers of one upgrade request. `secret` is what must not be seen anywhere else."""

    @property
    def secret(self) -> Secret: ...
    def headers(self) -> dict[str, str]: ...


class ApiKey:
    """An API key in the header `x-goog-api-key`, never in the URL: URLs end up in logs."""

    __slots__ = ("secret",)

    def __init__(self, secret: Secret) -> None:
        """
        Raises:
            InvalidConfig: the key cannot stand in a header; most often it was read from a file, with its
                line feed.
        """
        key = secret.reveal()
        if not (key.isascii() and key.isprintable() and " " not in key):
            raise InvalidConfig("auth.apiKey has spaces, line feeds or other characters that no key has")
        self.secret = secret

    def headers(self) -> dict[str, str]:
        return {"x-goog-api-key": self.secret.reveal()}
