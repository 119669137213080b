"""The secrets of one session: as long as it lives, no log shows them."""

from collections import deque

from sidecar.observe import redact
from sidecar.observe.secret import Secret

HANDLES_KEPT = 8


class Guard:
    """The credential, and the newest handles: an older one still names the session (LP 4.4 item 2)."""

    def __init__(self) -> None:
        self._credential: Secret | None = None
        self._handles: deque[Secret] = deque()

    def credential(self, secret: Secret) -> None:
        """The one that the session is opened with, until `release`."""
        self._credential = secret
        redact.register(secret)

    def handle(self, handle: str | None) -> None:
        """A handle that was given or received, None for none."""
        if not handle:
            return
        secret = Secret(handle)
        self._handles.append(secret)
        redact.register(secret)
        if len(self._handles) > HANDLES_KEPT:
            redact.unregister(self._handles.popleft())

    def release(self) -> None:
        if self._credential is not None:
            redact.unregister(self._credential)
            self._credential = None
        while self._handles:
            redact.unregister(self._handles.popleft())
