"""Server frames: checked once, read as far as needed, and passed on unparsed (design section 2)."""

import re
from operator import attrgetter
from typing import NamedTuple

import msgspec

from sidecar.live.messages import ServerContent, ServerMessage


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
_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
MODEL_RATE_HZ = 24_000
_RATE = re.compile(r"[1-9][0-9]{0,5}$", re.ASCII)
_DURATION = re.compile(r"^(\d+(?:\.\d+)?)s$")


def read(data: bytes) -> tuple[ServerMessage, bytes]:
    """A server frame's meaning, and its bytes on one line, without a handle.

    Line feeds and carriage returns become spaces: valid JSON holds them only between tokens. A frame
    that is JSON but not of the known shape counts as a message of no known kind.

    Raises:
        Unreadable: not UTF-8, not JSON, or no object.
    """
    try:
        data.decode()
        message = _decode(data)
        line = data.replace(b"\n", b" ").replace(b"\r", b" ")
        if message.session_resumption_update is not None or message is _OF_UNKNOWN_SHAPE:
            line = without_handle(line)
    except UnicodeDecodeError as exc:
        raise Unreadable(f"not UTF-8 at byte {exc.start}") from None
    except msgspec.DecodeError as exc:
        raise Unreadable(f"not JSON: {exc}") from None
    except RecursionError:
        raise Unreadable("nested too deeply") from None
    return message, line


_OF_UNKNOWN_SHAPE = ServerMessage()


def _decode(data: bytes) -> ServerMessage:
    try:
        return _decoder.decode(data)
    except msgspec.ValidationError:
        pass
    try:
        _members.decode(data)
    except msgspec.ValidationError:
        raise Unreadable("not a JSON object") from None
    return _OF_UNKNOWN_SHAPE


def without_handle(data: bytes) -> bytes:
    """A message as it may be passed on: the handle in a sessionResumptionUpdate is a secret and left out."""
    message = _members.decode(data)
    updates = {"sessionResumptionUpdate", "session_resumption_update"} & message.keys()
    for key in updates:
        try:
            update = _members.decode(message[key])
        except msgspec.ValidationError:
            update = {}  # it has no members; whatever it is may be the secret itself
        kept = {k: v for k, v in update.items() if k not in ("newHandle", "new_handle")}
        message[key] = msgspec.Raw(msgspec.json.encode(kept))
    return msgspec.json.encode(message) if updates else data


MAX_DURATION_S = 315_576_000_000.0
"""Of google.protobuf.Duration: ten thousand years."""


def duration_s(text: str) -> float | None:
    """A proto3 JSON duration such as "50s" or "9.5s", in seconds; None for anything else."""
    match = _DURATION.match(text)
    return min(float(match.group(1)), MAX_DURATION_S) if match else None


_others_in_content = attrgetter(*(name for name in ServerContent.__struct_fields__ if name != "model_turn"))
_others_in_message = attrgetter(
    *(name for name in ServerMessage.__struct_fields__ if name != "server_content")
)


def is_audio_alone(message: ServerMessage) -> bool:
    """Whether a message may be dropped for a host that does not read: the model's sound and nothing else."""
    content = message.server_content
    return (
        content is not None
        and content.model_turn is not None
        and bool(content.model_turn.parts)
        and all(
            part.inline_data is not None and part.inline_data.mime_type.startswith("audio/")
            for part in content.model_turn.parts
        )
        and not any(_others_in_content(content))  # every default is false
        and not any(_others_in_message(message))
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
            rate_hz = int(rate) if _RATE.match(rate) else MODEL_RATE_HZ
            bytes_per_ms = 2 * rate_hz / 1000
            total += len(part.inline_data.data) * 3 / 4 / bytes_per_ms
    return total
