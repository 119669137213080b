"""Where in a JSON text the value of a path stands, for people who have to find it there. Pure."""

import re
from collections.abc import Mapping
from json import JSONDecoder
from typing import NamedTuple

_SPACE = re.compile(r"[ \t\r\n]*")
_SCALAR = re.compile(r"[^\s,\]}]+")
_STRING = JSONDecoder(strict=False).raw_decode


class Place(NamedTuple):
    """Offsets in the text: of the key, or of the value where there is none, and of the value's two ends."""

    key: int
    start: int
    end: int


class Repetition(NamedTuple):
    """A key that its object has already: the path of both, and their offsets."""

    path: str
    first: int
    key: int


class Places(dict[str, Place]):
    """Every value by its path, such as `faults[1].timeLeft`; the whole is the empty path. Of a key that
    stands twice the last counts, as everywhere, and it is in `repetitions`."""

    def __init__(self) -> None:
        super().__init__()
        self.repetitions: list[Repetition] = []


def places(text: str) -> Places:
    """Where all of `text` is.

    Args:
        text: valid JSON; anything else may give anything.
    """
    found = Places()
    _value(text, _skip(text, 0), "", None, found)
    return found


def place_of(path: str, found: Mapping[str, Place]) -> Place:
    """The place of what a path names, or of the nearest thing around it, when it is not there itself."""
    while path not in found and path:
        path = path[: max(path.rfind("."), path.rfind("["), 0)]
    return found[path]


def line_of(text: str, offset: int) -> int:
    """The line, from 1."""
    return text.count("\n", 0, offset) + 1


def column_of(text: str, offset: int) -> int:
    """The column, from 1, in characters."""
    return offset - text.rfind("\n", 0, offset)


def _value(text: str, at: int, path: str, key: int | None, found: Places) -> int:
    """Notes the value at `at` and all inside; returns where it ends."""
    match text[at]:
        case "{":
            end = _members(text, at, path, found)
        case "[":
            end = _entries(text, at, path, found)
        case '"':
            _, end = _STRING(text, at)
        case _:
            scalar = _SCALAR.match(text, at)
            end = scalar.end() if scalar is not None else at + 1
    found[path] = Place(at if key is None else key, at, end)
    return end


def _members(text: str, at: int, path: str, found: Places) -> int:
    at = _skip(text, at + 1)
    keys: dict[str, int] = {}
    while text[at] != "}":
        key = at
        name, at = _STRING(text, at)
        inner = f"{path}.{name}" if path else name
        first = keys.setdefault(name, key)
        if first != key:
            found.repetitions.append(Repetition(inner, first, key))
        at = _skip(text, _skip(text, at) + 1)  # the colon
        at = _value(text, at, inner, key, found)
        at = _after(text, at)
    return at + 1


def _entries(text: str, at: int, path: str, found: Places) -> int:
    at, number = _skip(text, at + 1), 0
    while text[at] != "]":
        at = _after(text, _value(text, at, f"{path}[{number}]", None, found))
        number += 1
    return at + 1


def _after(text: str, at: int) -> int:
    """Past the comma after a member, or at the bracket that ends the last one."""
    at = _skip(text, at)
    return _skip(text, at + 1) if text[at] == "," else at


def _skip(text: str, at: int) -> int:
    space = _SPACE.match(text, at)
    return space.end() if space is not None else at
