"""Server frames: checked once, read as far as needed, and passed on unparsed (design section 2)."""

import re
from functools import lru_cache
from typing import Any, NamedTuple, cast, get_args, get_origin

import msgspec
from msgspec import structs

from sidecar.live.messages import Part, ServerContent, ServerMessage


class MessageReceived(NamedTuple):
    """A server message as it came, on one line, without a handle. `audio_ms`: it is so much of the model's
    sound and nothing else."""

    data: bytes
    audio_ms: float | None


class InvalidFrame(NamedTuple):
    """A frame that could not be read."""

    reason: str
    size_bytes: int


class Unreadable(Exception):
    """The frame is not a JSON object in UTF-8; the message says what is wrong, never what was in it."""


_decoder = msgspec.json.Decoder(ServerMessage, strict=False)  # int64 is a string in proto3 JSON (LP 1.5)
_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_entries = msgspec.json.Decoder(list[msgspec.Raw])
MODEL_RATE_HZ = 24_000
MAX_MISFITS = 100
"""Of the entries of a list; what comes after one more has no meaning here."""
_RATE = re.compile(r"[1-9][0-9]{0,5}$", re.ASCII)
_DURATION = re.compile(r"^(\d+(?:\.\d+)?)s$")


def read(data: bytes) -> tuple[ServerMessage, bytes]:
    """A server frame's meaning, and its bytes on one line, without a handle.

    Line feeds and carriage returns become spaces: valid JSON holds them only between tokens. A field of a
    type that nobody expected costs its own meaning and no other's.

    Raises:
        Unreadable: not UTF-8, not JSON, or no object.
    """
    try:
        if not data.isascii():
            data.decode()
        line = data.replace(b"\n", b" ").replace(b"\r", b" ")
        try:
            message = _decoder.decode(data)
            secret = message.tells_handle
        except msgspec.ValidationError:
            message, secret = _what_fits(data), True
        return message, without_handle(line) if secret else line
    except UnicodeDecodeError as exc:
        raise Unreadable(f"not UTF-8 at byte {exc.start}") from None
    except msgspec.DecodeError as exc:
        raise Unreadable(f"not JSON: {exc}") from None
    except RecursionError:
        raise Unreadable("nested too deeply") from None


def _what_fits(data: bytes) -> ServerMessage:
    try:
        return cast(ServerMessage, _fitting(data, ServerMessage))
    except msgspec.ValidationError:
        raise Unreadable("not a JSON object") from None


def _fitting(raw: bytes | msgspec.Raw, type_: Any) -> Any:
    """A value without those of its members, or entries, that do not fit.

    Raises:
        ValidationError: nothing of it does.
    """
    try:
        return msgspec.json.decode(raw, type=type_, strict=False)
    except msgspec.ValidationError:
        if get_origin(type_) is list:
            return _fitting_entries(raw, *get_args(type_))
        for struct in filter(_is_struct, (type_, *get_args(type_))):
            members = _members.decode(raw)
            given = [field for field in structs.fields(struct) if field.encode_name in members]
            found = {field.name: _if_fitting(members[field.encode_name], field.type) for field in given}
            return struct(**{name: values[0] for name, values in found.items() if values})
        raise


def _fitting_entries(raw: bytes | msgspec.Raw, type_: Any) -> list[Any]:
    """Those before the misfit that is one too many."""
    decoder = msgspec.json.Decoder(type_, strict=False)
    found: list[Any] = []
    misfits = 0
    for entry in _entries.decode(raw):
        try:
            found.append(decoder.decode(entry))
        except msgspec.ValidationError:
            misfits += 1
            if misfits > MAX_MISFITS:
                break
            found += _if_fitting(entry, type_)
    return found


def _if_fitting(raw: msgspec.Raw, type_: Any) -> list[Any]:
    """One value, or none."""
    try:
        return [_fitting(raw, type_)]
    except msgspec.ValidationError:
        return []


def _is_struct(type_: Any) -> bool:
    return isinstance(type_, type) and issubclass(type_, msgspec.Struct)


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


def sound_alone_ms(message: ServerMessage) -> float | None:
    """Milliseconds of the model's sound in a message that is nothing else (PCM16; 24 kHz unless its type says
    else); None for any other message. It may be dropped for a host that does not read."""
    content = message.server_content
    if content is None or content.model_turn is None:
        return None
    # A Struct is compared in one step, field by field; every other field has its default.
    if content != ServerContent(model_turn=content.model_turn):
        return None
    if message != ServerMessage(server_content=content):
        return None
    total = 0.0
    for part in content.model_turn.parts:
        blob = part.inline_data
        if blob is None or not blob.mime_type.startswith("audio/") or part != Part(inline_data=blob):
            return None
        total += (len(memoryview(blob.data)) - 2) * _ms_per_char(blob.mime_type)
    return total if content.model_turn.parts else None


@lru_cache(64)
def _ms_per_char(mime_type: str) -> float:
    """A character of base64 is three quarters of a byte."""
    _, _, rate = mime_type.partition("rate=")
    rate_hz = int(rate) if _RATE.match(rate) else MODEL_RATE_HZ
    return 3 / 4 / (2 * rate_hz / 1000)
