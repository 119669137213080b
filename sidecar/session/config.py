"""What a session is made of, and what it tells."""

from typing import Any, NamedTuple

from sidecar.lifecycle import events as ev
from sidecar.lifecycle.settings import Settings
from sidecar.live import frames
from sidecar.live.auth import Auth
from sidecar.live.checking import Checks, Terms
from sidecar.live.endpoints import Endpoint
from sidecar.live.proxy import Route
from sidecar.live.tls import Tls
from sidecar.live.turns import TurnEvent

SessionEvent = ev.Event | TurnEvent | frames.MessageReceived | frames.InvalidFrame


class Config(NamedTuple):
    """What a session is made of. `setup` is the Live API's own message; `handle` resumes an older session,
    whose line ended `previous_close_age_s` ago (None: nobody knows); `name` stands in the log."""

    endpoint: Endpoint
    auth: Auth
    setup: dict[str, Any]
    settings: Settings = Settings()
    handle: str | None = None
    previous_close_age_s: float | None = None
    max_frame_bytes: int = 16 * 1024 * 1024
    checks: Checks = "strict"
    name: str = "session"
    tls: Tls = Tls()
    proxy: Route = Route()

    @property
    def terms(self) -> Terms:
        """What the service takes, and how strictly that is judged."""
        return Terms(
            self.endpoint.family,
            self.endpoint.api_version,
            strict=self.checks == "strict",
            constrained=self.auth.constrained,
        )

    def __repr__(self) -> str:
        return f"Config(endpoint={self.endpoint!r}, name={self.name!r})"  # the rest may hold secrets
