"""A line to calls, and an outcome to a line: the JSON-RPC 2.0 envelope, checked before anything else sees it.

Every member of a batch is judged by itself, and an invalid one still gets its id back when it has one.
"""

import logging
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from sidecar.rpc.errors import RpcError
from sidecar.rpc.protocol import MAX_BATCH

log = logging.getLogger(__name__)

CallId = int | str

MAX_ID_CHARS = 1024
"""An id comes back in the answer, and in an error's text: both must fit into a line."""


class Call(NamedTuple):
    """A request, or with `id` None a notification."""

    method: str
    params: bytes
    id: CallId | None


class Answer(NamedTuple):
    """The host's response to a call of ours: a result or an error, as JSON."""

    id: CallId | None
    result: bytes | None
    error: bytes | None


class Invalid(NamedTuple):
    """Not a JSON-RPC 2.0 message; answered with `error` under `id`."""

    error: RpcError
    id: CallId | None


Member = Call | Answer | Invalid


_Id = int | Annotated[str, Meta(max_length=MAX_ID_CHARS)]


class _Envelope(Struct):
    jsonrpc: str | UnsetType = UNSET
    method: str | UnsetType = UNSET
    id: _Id | UnsetType | None = UNSET
    params: Raw | UnsetType = UNSET
    result: Raw | UnsetType = UNSET
    error: Raw | UnsetType = UNSET


class _Identified(Struct):
    id: _Id | None = None


_envelope = msgspec.json.Decoder(_Envelope)
_identified = msgspec.json.Decoder(_Identified)
_batch = msgspec.json.Decoder(list[Raw])

_encoder = msgspec.json.Encoder()

NO_PARAMS = b"{}"


def parse(line: bytes) -> Member | list[Member]:
    """What a line says: one member, or the members of a batch. Never raises."""
    try:
        line.decode()
        if line[:1] != b"{" and line.lstrip()[:1] == b"[":
            return _parse_batch(line)
        return _member(line)
    except UnicodeDecodeError as exc:
        return _broken(f"not UTF-8 at byte {exc.start}")
    except msgspec.DecodeError as exc:
        return _unreadable(line, exc)
    except RecursionError:
        return _broken("not JSON that can be read: nested too deeply")


def _parse_batch(line: bytes) -> Member | list[Member]:
    members = _batch.decode(line)
    if not members:
        return _invalid("an empty batch")
    if len(members) > MAX_BATCH:
        return Invalid(
            RpcError("overloaded", f"a batch of {len(members)} members; {MAX_BATCH} are allowed"), None
        )
    return [_member(bytes(member)) for member in members]


def _member(data: bytes) -> Member:
    try:
        envelope = _envelope.decode(data)
    except msgspec.ValidationError as exc:
        return _invalid(f"not a JSON-RPC 2.0 message: {exc}", _id_of(data))
    if envelope.method is UNSET and (envelope.result is not UNSET or envelope.error is not UNSET):
        return Answer(
            None if envelope.id is UNSET else envelope.id,
            None if envelope.result is UNSET else bytes(envelope.result),
            None if envelope.error is UNSET else bytes(envelope.error),
        )
    call_id = envelope.id
    if envelope.jsonrpc != "2.0":
        return _invalid('"jsonrpc" must be "2.0"', _id_of(data))
    if envelope.method is UNSET:
        return _invalid('"method" is missing', _id_of(data))
    if call_id is None:
        return _invalid('"id" must be a string or an integer; a notification has none')
    params = NO_PARAMS if envelope.params is UNSET else bytes(envelope.params)
    return Call(envelope.method, params, None if call_id is UNSET else call_id)


def _id_of(data: bytes) -> CallId | None:
    try:
        return _identified.decode(data).id
    except msgspec.DecodeError:
        return None


def _unreadable(line: bytes, exc: msgspec.DecodeError) -> Invalid:
    """JavaScript writes half of an emoji as a lone surrogate escape, which is no text that could be sent on.
    The standard reader takes it, and NaN, so the refusal can still name the call."""
    from json import dumps, loads

    try:
        value = loads(line.decode())
    except (ValueError, RecursionError):
        return _broken(f"not JSON: {exc}")
    call_id = value.get("id") if isinstance(value, dict) else None
    known = _id_of(dumps({"id": call_id}).encode()) if isinstance(call_id, int | str) else None
    return _broken("not JSON in UTF-8: a lone surrogate such as \\ud83d, NaN or Infinity", known)


def _invalid(why: str, call_id: CallId | None = None) -> Invalid:
    return Invalid(RpcError("invalidRequest", why), call_id)


def _broken(why: str, call_id: CallId | None = None) -> Invalid:
    return Invalid(RpcError("parseError", why, remediation="Write one JSON value a line, in UTF-8."), call_id)


def response(call_id: CallId | None, outcome: dict[str, Any]) -> bytes:
    """The line that answers a call with `{"result": ...}` or `{"error": ...}`. Never raises: what cannot be
    written becomes an `internalError`, for every call is answered.
    """
    try:
        return _encoder.encode({"jsonrpc": "2.0", "id": call_id, **outcome})
    except Exception:
        log.exception("a result could not be written")
        error = RpcError("internalError", "a defect of the sidecar; its log has the details").to_wire()
        return _encoder.encode({"jsonrpc": "2.0", "id": call_id, "error": error})
