"""Client messages: checked before they are accepted, and made into the outbox's items (LP 2.2 - 2.4).

Audio is checked and not re-encoded: it goes out as it came in.
"""

import binascii
import re
from functools import lru_cache
from typing import Any

import msgspec

from sidecar.lifecycle.item import Item, Kind

PCM16_BYTES_PER_SAMPLE = 2
DEFAULT_RATE_HZ = 16_000


class InvalidMessage(ValueError):
    """The message cannot be sent; the text says what is wrong with it. Nothing else was touched."""


def audio(n: int, data: str, mime_type: str) -> Item:
    """One chunk of PCM16 in base64.

    Raises:
        InvalidMessage: the chunk is no base64 of PCM16.
    """
    try:
        duration_us = _duration_us(pcm_bytes(data), mime_type)
    except InvalidMessage as exc:
        raise InvalidMessage(f"chunk {n}: {exc}") from None
    frame = f'{{"realtimeInput":{{"audio":{{"mimeType":"{mime_type}","data":"{data}"}}}}}}'.encode()
    return Item(Kind.AUDIO, frame, n=n, audio_us=duration_us)


_REALTIME_KINDS = {
    "audio": Kind.AUDIO,
    "video": Kind.VIDEO,
    "text": Kind.TEXT,
    "activityStart": Kind.ACTIVITY,
    "activityEnd": Kind.ACTIVITY,
    "audioStreamEnd": Kind.CONTROL,
}

MESSAGES = ("realtimeInput", "clientContent", "toolResponse")
"""What a host may send; the setup is the session's own."""
_DEMANDS = frozenset({"text", "activityEnd", "audioStreamEnd"})
"""They ask the model for an answer; more audio alone does not."""


def message(kind: str, payload: dict[str, Any], n: int | None) -> Item:
    """Make the outbox's item of one client message (LP 2.2 - 2.4).

    Raises:
        InvalidMessage: a shape the service would close the connection for.
    """
    if kind not in MESSAGES:
        raise InvalidMessage(f"a client message is one of: {', '.join(MESSAGES)}")
    frame = msgspec.json.encode({kind: payload})
    if kind == "clientContent":
        demand = "turnComplete" if payload.get("turnComplete") is True else None
        return Item(Kind.CONTENT, frame, n=n, demand=demand)
    if kind == "toolResponse":
        responses = payload.get("functionResponses")
        if not isinstance(responses, list) or not responses:
            raise InvalidMessage("toolResponse.functionResponses must be a list with at least one response")
        ids = tuple(r["id"] for r in responses if isinstance(r, dict) and isinstance(r.get("id"), str))
        if len(ids) != len(responses):
            raise InvalidMessage("every function response needs the id of its call")
        return Item(Kind.TOOL_RESPONSE, frame, n=n, ids=ids, demand=kind)
    if len(payload) != 1 or (name := next(iter(payload))) not in _REALTIME_KINDS:
        raise InvalidMessage(f"realtimeInput must have exactly one of: {', '.join(_REALTIME_KINDS)}")
    if name == "audio":
        audio = payload[name]
        if not isinstance(audio, dict) or not isinstance(audio.get("data"), str):
            raise InvalidMessage("realtimeInput.audio must have data (base64) and mimeType")
        mime_type = str(audio.get("mimeType", ""))
        try:
            duration_us = _duration_us(pcm_bytes(audio["data"]), mime_type)
        except InvalidMessage as exc:
            raise InvalidMessage(f"realtimeInput.audio: {exc}") from None
        return Item(Kind.AUDIO, frame, n=n, audio_us=duration_us)
    demand = name if name in _DEMANDS and payload[name] is not False else None
    return Item(_REALTIME_KINDS[name], frame, n=n, demand=demand)


def texts(kind: str, payload: dict[str, Any]) -> list[str]:
    """What the user says in this message, in writing."""
    if kind == "realtimeInput":
        return [text] if isinstance(text := payload.get("text"), str) and text else []
    turns = payload.get("turns") if kind == "clientContent" else None
    said = [t for t in _list(turns) if isinstance(t, dict) and t.get("role", "user") == "user"]
    parts = [part for turn in said for part in _list(turn.get("parts")) if isinstance(part, dict)]
    return [text for part in parts if isinstance(text := part.get("text"), str) and text]


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


_URL_SAFE = str.maketrans("-_", "+/")


def pcm_bytes(data: str) -> int:
    """Number of PCM16 bytes in a base64 text, standard or URL-safe, with or without padding (proto3 JSON).

    Raises:
        InvalidMessage: other characters, a wrong length, nothing at all, or half a sample.
    """
    try:
        size = len(msgspec.convert(data, bytes))  # the usual form; a microsecond
    except msgspec.ValidationError:
        size = len(_decode_unusual(data))
    if size == 0:
        raise InvalidMessage("data is empty")
    if size % 2:
        raise InvalidMessage(f"data has {size} bytes; PCM16 needs an even number")
    return size


def _decode_unusual(data: str) -> bytes:
    text = data.translate(_URL_SAFE)
    text += "=" * (-len(text) % 4)
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError as exc:  # binascii.Error, or a character outside ASCII
        raise InvalidMessage(f"data is not base64: {exc}") from None


def _duration_us(pcm_bytes: int, mime_type: str) -> int:
    """Microseconds of mono PCM16; 16 kHz unless the type says otherwise (LP 4.2)."""
    return pcm_bytes * 1_000_000 // (PCM16_BYTES_PER_SAMPLE * _rate_hz(mime_type))


_MIME_TYPE = re.compile(r"[a-z]+/[a-z0-9.+-]+(?:; ?[a-z]+=[a-zA-Z0-9.+-]+)*", re.IGNORECASE)
_RATE = re.compile(r"rate=([0-9]{1,6})(?![0-9])")


@lru_cache(64)
def _rate_hz(mime_type: str) -> int:
    """
    Raises:
        InvalidMessage: it is no media type (that of a chunk goes into its frame as it is), or its rate no
            number.
    """
    if _MIME_TYPE.fullmatch(mime_type):
        if "rate=" not in mime_type:
            return DEFAULT_RATE_HZ
        rate = _RATE.search(mime_type)
        if rate is not None and int(rate.group(1)):
            return int(rate.group(1))
    raise InvalidMessage("mimeType must be audio/pcm;rate= and the samples per second")
