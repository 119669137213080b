"""In what the two services' messages differ, as one table (LP 3)."""

import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from .endpoint import Family

Message = dict[str, Any]

VOICE_RATE_HZ = 24_000


@dataclass(frozen=True)
class Dialect:
    setup_complete: Callable[[], Message]
    model_turn: Message
    """What stands in a modelTurn beside its parts."""
    audio_mime_type: str
    call_id: Callable[[], str]
    needs_call_ids: bool
    """An answer to a function call has to name its id (LP 2.4)."""
    response_tokens: str
    """"response" or "candidates": the word in the names of usageMetadata."""
    usage: Message
    """What stands in usageMetadata beside the figures."""
    stray: Message
    """A message that says nothing, which clients have to ignore."""
    default_sensitivity: str
    """Of the automatic activity detection (LP 2.1)."""
    tells_activity: bool
    """voiceActivity comes unasked."""


DIALECTS = {
    Family.DEVELOPER: Dialect(
        setup_complete=dict,
        model_turn={},
        audio_mime_type=f"audio/pcm;rate={VOICE_RATE_HZ}",
        call_id=lambda: f"call_{random.randrange(10**15, 10**16)}",
        needs_call_ids=True,
        response_tokens="response",
        usage={},
        stray={},
        default_sensitivity="HIGH",
        tells_activity=True,
    ),
    Family.VERTEX: Dialect(
        setup_complete=lambda: {"sessionId": str(uuid.uuid4())},
        model_turn={"role": "model"},
        audio_mime_type="audio/pcm",
        call_id=lambda: str(uuid.uuid4()),
        needs_call_ids=False,
        response_tokens="candidates",
        usage={"trafficType": "ON_DEMAND"},
        stray={"serverContent": {"outputTranscription": {}}},
        default_sensitivity="LOW",
        # Unasked it was seen on the Developer API only; there is a field to ask for it here.
        tells_activity=False,
    ),
}


def encode(message: object) -> bytes:
    """JSON as the service writes it: pretty-printed, with a trailing newline (LP 1.5)."""
    return msgspec.json.format(msgspec.json.encode(message), indent=2) + b"\n"
