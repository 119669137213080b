"""Client messages: checked before they are accepted, and made into the outbox's items (LP 2.2 - 2.4).

What goes out is what the host gave; it is read, and not made anew.
"""

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import islice
from typing import Any, NamedTuple

import msgspec

from sidecar.lifecycle.item import Item, Kind
from sidecar.live.checking import NotTaken, Problem, Rule, Terms, at, base64_size, check, is_default
from sidecar.live.messages.client import ClientContent, ClientMessage, RealtimeInput, ToolResponse
from sidecar.observe.wording import join

PCM16_BYTES_PER_SAMPLE = 2
DEFAULT_RATE_HZ = 16_000


class InvalidMessage(NotTaken):
    """The message cannot be sent; the text says what is wrong with it. Nothing else was touched."""


def audio(n: int, data: str, mime_type: str) -> Item:
    """One chunk of PCM16 in base64.

    Raises:
        InvalidMessage: the chunk is no base64 of PCM16.
    """
    try:
        duration_us = sound_us(data, mime_type)
    except Unfit as exc:
        raise InvalidMessage(f"chunk {n}: {exc}") from None
    frame = f'{{"realtimeInput":{{"audio":{{"mimeType":"{mime_type}","data":"{data}"}}}}}}'.encode()
    return Item(Kind.AUDIO, frame, n=n, audio_us=duration_us)


# --- any message ----------------------------------------------------------------------------------


UNKNOWN = Terms()
"""Of a session whose setup nobody has looked at."""


class Outgoing(NamedTuple):
    """A message that was checked: the outbox's item, and what the session does with it.

    Attributes:
        answered: ids of the calls that it answers for good; a function that will continue goes on answering.
        texts: what the user says in it, in writing.
    """

    item: Item
    answered: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()


def message(kind: str, payload: dict[str, Any], n: int | None, terms: Terms = UNKNOWN) -> Outgoing:
    """Check one client message and make the outbox's item of it (LP 2.2 - 2.4).

    Raises:
        InvalidMessage: what the service would close the connection for.
    """
    form = _FORMS.get(kind)
    if form is None:
        raise InvalidMessage(f"a client message is one of: {', '.join(_FORMS)}")
    known, found = check(kind, form.struct, payload, terms, form.rules)
    if found:
        raise InvalidMessage.of(found, "" if n is None else f"number {n}: ")
    return form.make(known, msgspec.json.encode({kind: payload}), n)


# --- clientContent (LP 2.2) -----------------------------------------------------------------------


def _content(message: dict[str, Any], frame: bytes, n: int | None) -> Outgoing:
    demand = "turnComplete" if message.get("turnComplete") is True else None
    users = [turn for _, turn in at(message, "turns[]") if turn.get("role", "user") == "user"]
    texts = tuple(text for turn in users for _, text in at(turn, "parts[].text") if text)
    return Outgoing(Item(Kind.CONTENT, frame, n=n, demand=demand), texts=texts)


_OLDER = re.compile(r"gemini-(live-)?2\.")
"""Models before 3.1 (LP 8)."""


def _functions(message: dict[str, Any], terms: Terms) -> Iterator[Problem]:
    """Older models were seen to refuse them in a history (LP 2.2)."""
    for kind in ("functionCall", "functionResponse") if _OLDER.match(terms.model) else ():
        for where, _ in at(message, f"turns[].parts[].{kind}"):
            problem = "models of this age were seen to end the connection over it"
            yield Problem(join("clientContent", where), problem, certain=False)


def _inline_sound(message: dict[str, Any], terms: Terms) -> Iterator[Problem]:
    for where, blob in at(message, "turns[].parts[].inlineData"):
        if str(blob.get("mimeType", "")).lower().startswith("audio/pcm"):
            yield from _sound_problems(join("clientContent", where), blob)


# --- realtimeInput (LP 2.3) -----------------------------------------------------------------------

_REALTIME_KINDS = {
    "audio": Kind.AUDIO,
    "video": Kind.VIDEO,
    "text": Kind.TEXT,
    "activityStart": Kind.ACTIVITY,
    "activityEnd": Kind.ACTIVITY,
    "audioStreamEnd": Kind.CONTROL,
}
_DEMANDS = frozenset({"text", "activityEnd", "audioStreamEnd"})
"""They ask the model for an answer; more audio alone does not."""


def _realtime(message: dict[str, Any], frame: bytes, n: int | None) -> Outgoing:
    name, value = _input(message)
    if name == "mediaChunks":
        value = value[0]  # the others are ignored (LP 2.3)
        name = "audio" if _is_sound(value) else "video"
    # What only lenient checks let through is not sent twice.
    kind = _REALTIME_KINDS.get(name, Kind.CONTENT)
    if kind is Kind.ACTIVITY:
        frame = _mark(frame)
    audio_us = sound_us(value["data"], value["mimeType"]) if name == "audio" else 0
    demand = name if name in _DEMANDS and not is_default(value) else None
    texts = (value,) if name == "text" and value else ()
    return Outgoing(Item(kind, frame, n=n, audio_us=audio_us, demand=demand), texts=texts)


_MARKS = {"activity_start": "activityStart", "activity_end": "activityEnd"}


def _mark(frame: bytes) -> bytes:
    """The frame with its mark by the name that the outbox knows, and no other there, be it null. What stands
    beside it stays, also what nobody knows."""
    given = msgspec.json.decode(frame)["realtimeInput"]
    named = {_MARKS.get(name, name): value for name, value in given.items() if value is not None}
    return msgspec.json.encode({"realtimeInput": named})


def _input(message: dict[str, Any]) -> tuple[str, Any]:
    """The one field that says something; else any that is there. ("", None) for what nobody knows."""
    given = [field for field in message.items() if field[1] not in (None, [])]
    return next((field for field in given if not is_default(field[1])), given[0] if given else ("", None))


def _one_chunk(message: dict[str, Any], terms: Terms) -> Iterator[Problem]:
    """What the service ignores would be lost (LP 2.3)."""
    if len(message.get("mediaChunks") or ()) > 1:
        problem = "the service takes the first chunk and ignores the others"
        yield Problem("realtimeInput.mediaChunks", problem, "one chunk in a message", certain=False)


def _sound(message: dict[str, Any], terms: Terms) -> Iterator[Problem]:
    chunks = [*islice(at(message, "mediaChunks[]"), 1)]
    for where, blob in [*at(message, "audio"), *((where, blob) for where, blob in chunks if _is_sound(blob))]:
        yield from _sound_problems(join("realtimeInput", where), blob)


def _is_sound(blob: dict[str, Any]) -> bool:
    return str(blob.get("mimeType", "")).lower().startswith("audio/")


_AUTOMATIC = "realtimeInputConfig.automaticActivityDetection.disabled"


def _activity(message: dict[str, Any], terms: Terms) -> Iterator[Problem]:
    """Marks of the host's own and the automatic detection exclude each other (LP 2.3)."""
    for name, automatic in (("activityStart", False), ("activityEnd", False), ("audioStreamEnd", True)):
        given = message.get(name) not in (None, False)
        if given and terms.automatic is (not automatic):
            wanted = "false" if automatic else "true"
            yield Problem(join("realtimeInput", name), f"only where the setup has {_AUTOMATIC}: {wanted}")


# --- toolResponse (LP 2.4) ------------------------------------------------------------------------


def _tool_response(message: dict[str, Any], frame: bytes, n: int | None) -> Outgoing:
    responses = message["functionResponses"]
    ids = tuple(response["id"] for response in responses if response.get("id"))
    last = tuple(r["id"] for r in responses if r.get("id") and not r.get("willContinue"))
    silent = all(response.get("scheduling") == "SILENT" for response in responses)
    item = Item(Kind.TOOL_RESPONSE, frame, n=n, ids=ids, demand=None if silent else "toolResponse")
    return Outgoing(item, answered=last)


def _ids(message: dict[str, Any], terms: Terms) -> Iterator[Problem]:
    """The Developer API needs the id, Vertex AI does not (LP 2.4)."""
    for where, response in at(message, "functionResponses[]"):
        if not response.get("id") and terms.family == "developer":
            yield Problem(f"toolResponse.{where}.id", "missing", "the id of the function call")


class _Form(NamedTuple):
    struct: type[ClientMessage]
    rules: tuple[Rule, ...]
    make: Callable[[dict[str, Any], bytes, int | None], Outgoing]


_FORMS = {
    "realtimeInput": _Form(RealtimeInput, (_one_chunk, _sound, _activity), _realtime),
    "clientContent": _Form(ClientContent, (_inline_sound, _functions), _content),
    "toolResponse": _Form(ToolResponse, (_ids,), _tool_response),
}
"""What a host may send; the setup is the session's own."""


# --- sound ----------------------------------------------------------------------------------------


class Unfit(ValueError):
    """It is no sound that the service takes: which field of its blob, and why."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(f"{field} {why}")
        self.field = field
        self.why = why


def sound_us(data: str, mime_type: str) -> int:
    """Microseconds of mono PCM16 in base64; 16 kHz unless the type says otherwise (LP 4.2).

    Raises:
        Unfit: no base64, nothing at all, half a sample; or no media type.
    """
    try:
        size = base64_size(data)
    except ValueError as exc:  # binascii.Error, or a character outside ASCII
        raise Unfit("data", f"is not base64: {exc}") from None
    if size == 0:
        raise Unfit("data", "is empty")
    if size % PCM16_BYTES_PER_SAMPLE:
        raise Unfit("data", f"has {size} bytes; PCM16 needs an even number")
    return size * 1_000_000 // (PCM16_BYTES_PER_SAMPLE * _rate_hz(mime_type))


def _sound_problems(where: str, blob: dict[str, Any]) -> Iterator[Problem]:
    if blob.get("data") is not None:  # else its lack was told
        try:
            sound_us(blob["data"], blob.get("mimeType") or "")
        except Unfit as exc:
            yield Problem(join(where, exc.field), exc.why)


_MIME_TYPE = re.compile(r"[a-z]+/[a-z0-9.+-]+(?:; ?[a-z]+=[a-zA-Z0-9.+-]+)*", re.IGNORECASE)
_RATE = re.compile(r"rate=([0-9]{1,6})(?![0-9])")


@lru_cache(64)
def _rate_hz(mime_type: str) -> int:
    """
    Raises:
        Unfit: it is no media type (that of a chunk goes into its frame as it is), or its rate no number.
    """
    if _MIME_TYPE.fullmatch(mime_type):
        mime_type = mime_type.lower()  # the names in it have no case (RFC 2045 section 5.1)
        if "rate=" not in mime_type:
            return DEFAULT_RATE_HZ
        rate = _RATE.search(mime_type)
        if rate is not None and int(rate.group(1)):
            return int(rate.group(1))
    raise Unfit("mimeType", "must be audio/pcm;rate= and the samples per second")
