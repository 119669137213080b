"""Server frames: checked once, read as far as needed, and passed on unparsed (design section 2)."""

import re
from typing import Any, NamedTuple

import msgspec

from sidecar.live.messages import ServerMessage


class MessageReceived(NamedTuple):
    """A server message as it came, on one line, without a handle.

    `audio`: it is the model's sound and nothing else, of which it holds `audio_ms`.
    """

    data: bytes
    audio: bool
    audio_ms: float


class InvalidFrame(NamedTuple):
    """A frame that could not be read."""

    reason: str
    size_bytes: int


class Unreadable(Exception):
    """The frame is not a JSON object in UTF-8; the message says what is wrong, never what was in it."""


_decoder = msgspec.json.Decoder(ServerMessage)
MODEL_RATE_HZ = 24_000
_DURATION = re.compile(r"^(\d+(?:\.\d+)?)s$")


def read(data: bytes) -> tuple[ServerMessage, bytes]:
    """A server frame's meaning, and its bytes on one line.

    Line feeds and carriage returns become spaces: valid JSON holds them only between tokens. A frame
    that is JSON but not of the known shape counts as a message of no known kind.

    Raises:
        Unreadable: not UTF-8, not JSON, or no object.
    """
    try:
        data.decode()
        message = _decoder.decode(data)
    except msgspec.ValidationError:
        message = _of_unknown_shape(data)
    except UnicodeDecodeError as exc:
        raise Unreadable(f"not UTF-8 at byte {exc.start}") from None
    except msgspec.DecodeError as exc:
        raise Unreadable(f"not JSON: {exc}") from None
    except RecursionError:
        raise Unreadable("nested too deeply") from None
    return message, data.replace(b"\n", b" ").replace(b"\r", b" ")


def _of_unknown_shape(data: bytes) -> ServerMessage:
    value = msgspec.json.decode(data)
    if not isinstance(value, dict):
        raise Unreadable("not a JSON object")
    return ServerMessage()


def without_handle(data: bytes) -> bytes:
    """A sessionResumptionUpdate as it may be passed on: the handle is a secret and left out."""
    message: dict[str, Any] = msgspec.json.decode(data)
    for key in ("sessionResumptionUpdate", "session_resumption_update"):
        update = message.get(key)
        if isinstance(update, dict):
            message[key] = {k: v for k, v in update.items() if k not in ("newHandle", "new_handle")}
    return msgspec.json.encode(message)


def duration_s(text: str) -> float | None:
    """A proto3 JSON duration such as "50s" or "9.5s", in seconds; None for anything else."""
    match = _DURATION.match(text)
    return float(match.group(1)) if match else None


def is_audio_alone(message: ServerMessage) -> bool:
    """Whether a message may be dropped for a host that does not read: the model's sound and nothing else."""
    content = message.server_content
    return (
        content is not None
        and content.model_turn is not None
        and all(part.inline_data is not None for part in content.model_turn.parts)
        and not (content.turn_complete or content.generation_complete or content.interrupted)
        and content.input_transcription is None
        and content.output_transcription is None
        and message.tool_call is None
        and message.tool_call_cancellation is None
        and message.go_away is None
    )


def audio_ms(message: ServerMessage) -> float:
    """Milliseconds of the model's sound in a message (PCM16; 24 kHz unless its type says else)."""
    content = message.server_content
    if content is None or content.model_turn is None:
        return 0.0
    total = 0.0
    for part in content.model_turn.parts:
        if part.inline_data is not None:
            _, _, rate = part.inline_data.mime_type.partition("rate=")
            bytes_per_ms = 2 * (int(rate) if rate.isdigit() and int(rate) else MODEL_RATE_HZ) / 1000
            total += len(part.inline_data.data) * 3 / 4 / bytes_per_ms
    return total
