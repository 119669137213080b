"""Ephemeral tokens of the Developer API: making them, and what they allow (LP 1.3).

Times are seconds on the service's clock. The client's RFC 3339 times are turned into how long from now.
"""

import secrets
import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from .credentials import EPHEMERAL_PREFIX
from .endpoint import Family
from .fields import AUTH_TOKEN, setup_fields
from .lock import Lock
from .refusals import Refused, refused
from .schema import checked, decode

_DEFAULT_EXPIRE_S = 30 * 60.0
_DEFAULT_NEW_SESSION_S = 60.0
_AT_MOST_S = 20 * 3600.0
_CLOCK_TOLERANCE_S = 5.0
_HERE = "authToken"


@dataclass
class EphemeralToken:
    lock: Lock | None
    uses: int | None
    """How many sessions it opens. None: any number."""
    expires_at_s: float
    new_session_until_s: float
    used: int = 0
    number: int = field(default=0)
    """From 1, for reports: the token itself is a secret."""

    def admit(self, now_s: float, *, resuming: bool) -> None:
        """A setup asks to come in. A resume is no use, and a spent token still resumes.

        Raises Refused. That a new session after newSessionExpireTime is told "expired" is a guess.
        """
        if now_s >= self.expires_at_s:
            raise refused("tokenExpired")
        if resuming:
            return
        if self.uses is not None and self.used >= self.uses:
            raise refused("tokenSpent")
        if now_s >= self.new_session_until_s:
            raise refused("tokenExpired")
        self.used += 1

    def report(self) -> dict[str, Any]:
        return {"token": self.number, "uses": self.uses or 0, "used": self.used}


class EphemeralTokens:
    def __init__(self) -> None:
        self._by_name: dict[str, EphemeralToken] = {}

    def make(self, body: bytes, version: str, now_s: float, *, safety_settings: bool = False) -> str:
        """The name of a new token. Raises Refused: its text is that of the HTTP 400."""
        asked = checked(decode(body or b"{}"), AUTH_TOKEN, (_HERE,))
        fields = setup_fields(Family.DEVELOPER, version, safety_settings=safety_settings)
        setup = asked.get("bidiGenerateContentSetup")
        if setup is not None:
            setup = checked(setup, fields, (_HERE, "bidiGenerateContentSetup"))
        uses = int(float(asked.get("uses", 1)))
        if uses < 0:
            raise Refused(1007, f"Invalid value at '{_HERE}.uses': it must not be negative.")
        name = EPHEMERAL_PREFIX + secrets.token_hex(32)
        self._by_name[name] = EphemeralToken(
            lock=Lock.read(setup, asked.get("fieldMask", ""), fields),
            uses=uses or None,
            expires_at_s=now_s + _ahead_s(asked, "expireTime", _DEFAULT_EXPIRE_S),
            new_session_until_s=now_s + _ahead_s(asked, "newSessionExpireTime", _DEFAULT_NEW_SESSION_S),
            number=len(self._by_name) + 1,
        )
        return name

    def find(self, name: str) -> EphemeralToken | None:
        return self._by_name.get(name)

    def report(self) -> list[dict[str, Any]]:
        return [token.report() for token in self._by_name.values()]


def _ahead_s(asked: dict[str, Any], name: str, default_s: float) -> float:
    text = asked.get(name)
    if text is None:
        return default_s
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise Refused(
            1007, f"Invalid value at '{_HERE}.{name}' (type.googleapis.com/google.protobuf.Timestamp)."
        )
    ahead_s = at.timestamp() - time.time()
    if not 0 < ahead_s <= _AT_MOST_S + _CLOCK_TOLERANCE_S:
        # The limit is documented (LP 1.3), the wording is ours.
        raise Refused(1007, f"{name} must be in the future, and at most 20 hours ahead.")
    return ahead_s
