"""realtimeInput: audio is booked to the sample, images are counted, marks and text go to the model."""

from typing import Any, Protocol

from .accounting import Chunk, ConnectionAudio
from .model import Model
from .refusals import refused
from .schema import decode_bytes
from .session import Session

_DEFAULT_RATE_HZ = 16_000
_WHERE = "realtime_input"


class Line(Protocol):
    """What is needed of the connection."""

    audio: ConnectionAudio
    session: Session | None

    @property
    def model(self) -> Model | None:
        """None as long as the connection is not open, and when it is no longer."""

    @property
    def booking(self) -> bool:
        """What arrives is the session's: from setupComplete to the very end."""

    def heard(self) -> None:
        """The session has more audio."""

    def saw(self) -> None:
        """The session has an image."""


def take(line: Line, content: dict[str, Any], now_s: float) -> None:
    """One message. Raises Refused."""
    # Of the deprecated mediaChunks all but the first are ignored (LP 2.3).
    for name, blob in (("audio", content.get("audio")), ("video", content.get("video")), _chunk(content)):
        if blob is not None:
            data = decode_bytes(blob.get("data", ""), f"{_WHERE}.{name}.data")
            _blob(line, blob.get("mimeType", ""), data, now_s)
    model = line.model
    if model is None:
        return
    if content.get("audioStreamEnd"):
        model.audio_stream_end()
    if "activityStart" in content:
        model.activity_start()
    if "activityEnd" in content:
        model.activity_end()
    if content.get("text"):
        model.text(content["text"])


def _chunk(content: dict[str, Any]) -> tuple[str, dict[str, Any] | None]:
    return "media_chunks[0]", next(iter(content.get("mediaChunks", [])), None)


def _blob(line: Line, mime_type: str, data: bytes, now_s: float) -> None:
    if mime_type.startswith("audio/pcm"):
        _audio(line, Chunk(data, _rate_hz(mime_type)), now_s)
    elif mime_type.startswith("image/") and data and line.model is not None:
        line.model.see()
        line.saw()


def _audio(line: Line, chunk: Chunk, now_s: float) -> None:
    """Booked even while closing: until the close frame is out, pings are answered."""
    if len(chunk.pcm) % 2:
        raise refused("invalidArgument")
    if not chunk.pcm:
        return
    line.audio.add(chunk, now_s)
    if line.session is None or not line.booking:
        return
    new = line.session.audio.add(chunk, now_s)
    if line.model is not None:
        line.model.hear(new)
        line.heard()


def _rate_hz(mime_type: str) -> int:
    """The rate in "audio/pcm;rate=16000"; the service takes 16 kHz when none is given."""
    for parameter in mime_type.split(";")[1:]:
        name, _, value = parameter.strip().partition("=")
        if name == "rate":
            if not value.isascii() or not value.isdigit() or not 8_000 <= int(value) <= 96_000:
                raise refused("invalidArgument")
            return int(value)
    return _DEFAULT_RATE_HZ
