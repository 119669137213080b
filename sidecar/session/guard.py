"""The secrets of one session: as long as it lives, no log shows them."""

from sidecar.observe import redact
from sidecar.observe.secret import Secret


class Guard:
    """Secrets by name; a new one takes the place of the one before."""

    def __init__(self) -> None:
        self._kept: dict[str, Secret] = {}

    def keep(self, name: str, secret: Secret | None) -> None:
        """From now on this one is guarded under this name; None: none is."""
        before = self._kept.pop(name, None)
        if secret is not None:
            self._kept[name] = secret
            redact.register(secret)
        if before is not None:
            redact.unregister(before)

    def release(self) -> None:
        for name in list(self._kept):
            self.keep(name, None)
