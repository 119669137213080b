"""The secrets of one session: as long as it lives, no log shows them."""

from collections import deque
from collections.abc import Iterable

from sidecar.observe import redact
from sidecar.observe.secret import Secret

KEPT = 8


class Guard:
    """Credentials, and handles: of what is renewed the newest few, as the older still mean something (of
    handles LP 4.4 item 2 says so)."""

    def __init__(self) -> None:
        self._given: list[Secret] = []
        self._tokens: deque[Secret] = deque()
        self._handles: deque[Secret] = deque()

    def given(self, secrets: Iterable[Secret]) -> None:
        """Those that the session is opened with, until `release`."""
        for secret in secrets:
            self._given.append(secret)
            redact.register(secret)

    def token(self, secret: Secret) -> None:
        """The credential of a new connection."""
        if secret not in self._given and secret not in self._tokens:
            self._keep(secret, self._tokens)

    def handle(self, handle: str | None) -> None:
        """A handle that was given or received, None for none."""
        if not handle:
            return
        self._keep(Secret(handle), self._handles)

    def release(self) -> None:
        for kept in (self._given, self._tokens, self._handles):
            for secret in kept:
                redact.unregister(secret)
            kept.clear()

    @staticmethod
    def _keep(secret: Secret, kept: deque[Secret]) -> None:
        kept.append(secret)
        redact.register(secret)
        if len(kept) > KEPT:
            redact.unregister(kept.popleft())
