"""Strict reading of what a client says, as proto3 JSON (LP 1.5): a field that is not in the table is fatal.

Keys may be camelCase or snake_case; what is returned has camelCase keys.
"""

import binascii
import math
import re
from collections.abc import Callable
from typing import Any

import msgspec

from .fields import ANY, BOOL, BYTES, FLOAT, INT, INT64, LIST, OBJECT, STRING, UNSUPPORTED, Fields
from .refusals import Refused, refused


def parse(frame: bytes, fields: Fields) -> tuple[str, dict[str, Any]]:
    """The kind of a client message (such as "setup") and its content. Raises Refused."""
    message = checked(decode(frame), fields)
    if len(message) != 1:  # a oneof
        raise refused("invalidArgument")
    return next(iter(message.items()))


def decode(text: bytes) -> Any:
    """JSON. Raises Refused."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Refused(1007, "Invalid JSON payload received. Unexpected token.") from None


def checked(value: Any, fields: Fields, path: tuple[str, ...] = ()) -> dict[str, Any]:
    """The message with camelCase keys and without nulls. Raises Refused, which names the field."""
    if not isinstance(value, dict):
        raise Refused(1007, f"Invalid value at '{_name(path)}' ({OBJECT}).")
    known: dict[str, Any] = {}
    for key, item in value.items():
        name = key if key in fields else camel(key)
        if name not in fields:
            at = f" at '{_name(path)}'" if path else ""
            raise Refused(
                1007, f'Invalid JSON payload received. Unknown name "{key}"{at}: Cannot find field.'
            )
        if item is not None:  # null is the same as absent
            known[name] = _checked_field(item, fields[name], (*path, name))
    return known


def decode_bytes(text: str, path: str) -> bytes:
    """Base64 in either alphabet, padded or not: proto3 JSON takes all. Raises Refused."""
    try:
        if "-" in text or "_" in text:
            text = text.replace("-", "+").replace("_", "/")
        if len(text) % 4:
            if text.endswith("="):
                raise ValueError("padded, but not to a whole group")
            text += "=" * (-len(text) % 4)
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError:  # binascii.Error, or a character that is not ASCII
        raise Refused(1007, f"Invalid value at '{path}' (TYPE_BYTES), Base64 decoding failed.") from None


def camel(name: str) -> str:
    return re.sub(r"_([a-z0-9])", lambda match: match[1].upper(), name)


def _checked_field(value: Any, spec: Any, path: tuple[str, ...]) -> Any:
    if isinstance(spec, dict):
        return checked(value, spec, path)
    if isinstance(spec, list):
        if not isinstance(value, list):
            raise Refused(1007, f"Invalid value at '{_name(path)}' ({LIST}).")
        return [checked(item, spec[0], (*path, f"[{i}]")) for i, item in enumerate(value)]
    if spec == UNSUPPORTED:
        # That it is refused is documented (LP 2.1), the text is ours in the service's style.
        raise Refused(1007, f"* BidiGenerateContentRequest.{_name(path)}: is not supported in the live api")
    if not _IS[spec](value):
        raise Refused(1007, f"Invalid value at '{_name(path)}' ({spec}).")
    return value


def _is_float(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return False
    try:
        float(value)
    except (ValueError, OverflowError):
        return False
    return True


def _is_int(bits: int) -> Callable[[Any], bool]:
    """proto3 JSON: a number, or its text; int64 is always written as text."""
    limit = 2.0 ** (bits - 1)
    return lambda value: _is_float(value) and float(value) % 1 == 0 and -limit <= float(value) < limit


_IS: dict[str, Callable[[Any], bool]] = {
    STRING: lambda value: isinstance(value, str),
    BYTES: lambda value: isinstance(value, str),
    BOOL: lambda value: isinstance(value, bool),
    INT: _is_int(32),
    INT64: _is_int(64),
    FLOAT: lambda value: _is_float(value) and not math.isnan(float(value)),
    OBJECT: lambda value: isinstance(value, dict),
    LIST: lambda value: isinstance(value, list),
    ANY: lambda _: True,
}


def _name(path: tuple[str, ...]) -> str:
    """The place as the service writes it, such as setup.tools[0].google_search."""
    return ".".join(map(_snake, path)).replace(".[", "[")


def _snake(name: str) -> str:
    return re.sub(r"[A-Z]", lambda match: "_" + match[0].lower(), name)
