"""One Live session over as many connections as it takes: the only driver of `lifecycle` and `live`.

    session = LiveSession(config, on_event)
    await session.connect()
    session.send_audio(0, base64_pcm, "audio/pcm;rate=16000")
    await session.close()

All methods are called on the event loop's thread, and so is `on_event`; other threads go through a `Portal`.
Times are seconds. See docs/python-api.md.
"""

from sidecar.session.audience import WrongState
from sidecar.session.config import Config, SessionEvent
from sidecar.session.portal import Portal, PortalClosed
from sidecar.session.session import LiveSession, OutboxFull, SessionFailed

__all__ = [
    "Config",
    "LiveSession",
    "OutboxFull",
    "Portal",
    "PortalClosed",
    "SessionEvent",
    "SessionFailed",
    "WrongState",
]
