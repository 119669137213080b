"""What is wrong with a field, in words: for what a host sends, wherever it is judged.

No value is ever repeated: it may be a secret in the wrong place.
"""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from types import MappingProxyType
from typing import Protocol

from msgspec import UnsetType, inspect

from sidecar.observe.redact import redact_cut

MAX_NAME_CHARS = 64
"""Of a field that nobody knows."""
_MAX_REDACTED_CHARS = 4 * MAX_NAME_CHARS
"""A name may have megabytes, and redacting takes time."""
SHORTEST_PART = 6
"""A shorter name is inside of many others."""
UNKNOWN = "unknown field"
"""The whole of what is said of it when nothing has a name like it."""
_NO_LINE_FEED = r"(?!\n)"
"""How a pattern ends that means the text's very end; noise to a reader."""


class Wrong(Protocol):
    """A field that is wrong: its path, why, and what may stand there."""

    @property
    def field(self) -> str: ...
    @property
    def problem(self) -> str: ...
    @property
    def allowed(self) -> str | UnsetType: ...


def sentence(wrong: Wrong) -> str:
    """The problem as a sentence."""
    text = f"{wrong.field}: {wrong.problem}"
    if wrong.allowed:
        text += f" (allowed: {wrong.allowed})"
    return text if text.endswith("?") else text + "."


def shown(name: str) -> str:
    """A name that nobody knows, as it may be repeated."""
    return redact_cut(name[:_MAX_REDACTED_CHARS])[:MAX_NAME_CHARS]


def unknown(name: str, known: Iterable[str], elsewhere: Mapping[str, str] = MappingProxyType({})) -> str:
    """That nobody knows the field, and which one may have been meant: one of its neighbours, or one that
    stands `elsewhere`, name to place; rather one that has this name in its own."""
    neighbours = {each: each for each in known}
    return f"{UNKNOWN}{_meant(name, neighbours, elsewhere)}"


def not_allowed(value: str, choices: Iterable[str]) -> str:
    """That the value is none of the choices, and which one may have been meant."""
    return f"not one of the allowed values{_meant(value, {each: each for each in choices})}"


def _meant(name: str, *choices: Mapping[str, str]) -> str:
    given = shown(name)
    for find in (_with_it_inside, _close):
        for places in choices:
            for found in find(given, places):
                return f"; did you mean {places[found]}?"
    return ""


def _with_it_inside(name: str, names: Iterable[str]) -> list[str]:
    if len(name) < SHORTEST_PART:
        return []
    return [each for each in names if name.casefold() in each.casefold()]


def _close(name: str, names: Iterable[str]) -> list[str]:
    folded = {each.casefold(): each for each in names}
    return [folded[found] for found in get_close_matches(name.casefold(), folded, n=1)]


def join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def allowed(info: inspect.Type) -> str:
    """What may stand in a field of this type."""
    match info:
        case inspect.Metadata(extra_json_schema={"title": str(title)}):
            return title
        case inspect.Metadata():
            return allowed(info.type)
        case inspect.UnionType():
            members = sorted(info.types, key=lambda member: not isinstance(member, inspect.NoneType))
            return " or ".join(dict.fromkeys(map(allowed, members)))  # null first: a list has its own "or"
        case inspect.LiteralType():
            return f"one of: {', '.join(map(str, info.values))}"
        case inspect.IntType():
            return f"a whole number{_range(info.ge, info.le)}"
        case inspect.FloatType(gt=float() | int() as low):
            return f"a number over {low:g}"
        case inspect.FloatType():
            return f"a number{_range(info.ge, info.le)}"
        case inspect.StrType(pattern=str()):
            return f"a string that matches {str(info.pattern).removesuffix(_NO_LINE_FEED)}"
        case inspect.StrType():
            return f"a string{_size(info.min_length, info.max_length, 'characters')}"
        case inspect.ListType():
            entries = _size(info.min_length, info.max_length, "entries")
            return f"a list{entries}, each {allowed(info.item_type)}"
        case _:
            return _NAMES.get(type(info), "anything")


_NAMES: dict[type[inspect.Type], str] = {
    inspect.BoolType: "true or false",
    inspect.NoneType: "null",
    inspect.BytesType: "base64",
    inspect.DictType: "an object",
    inspect.StructType: "an object",
}


def _range(low: float | None, high: float | None) -> str:
    return "".join([f" from {low}" if low is not None else "", f" to {high}" if high is not None else ""])


def _size(low: int | None, high: int | None, unit: str) -> str:
    if low is None and high is None:
        return ""
    if low == high:
        return f" of length {low}"
    if high is None:
        return f" of at least {low} {unit}"
    return f" of {low or 0} to {high} {unit}"
