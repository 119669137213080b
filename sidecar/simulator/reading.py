"""Scripts and faults from JSON, and what is told of those that are wrong: every problem, with its line."""

import json
import re
from difflib import get_close_matches
from operator import itemgetter
from typing import Any

import msgspec

from sidecar.observe.problems import Problem, problems
from sidecar.observe.redact import redact
from sidecar.observe.wording import shown

from .positions import Place, column_of, line_of, place_of, places

_MAX_SHOWN_CHARS = 40
_MAX_LIST_CHARS = 300
_SECRET = re.compile(r"(keys|tokens)\b")
"""Paths whose values may be real credentials."""
_COMMENT = re.compile(r"/[/*]|#")
_BYTE = re.compile(r" \(byte (\d+)\)$")
_TOO_DEEP = "nested too deeply"


class ScriptError(Exception):
    """The script cannot be used; the text says where and why, one line for each problem."""


def read(data: bytes, type_: Any, name: str | None = None) -> Any:
    """The value of `type_` that the JSON in `data` is.

    Args:
        name: of the file, to stand before each line's number; without it the number stands alone.

    Raises:
        ScriptError: it is no JSON, it does not fit, or a key stands twice in one object.
    """
    text = _decoded(data, name)
    value, problem = None, ""
    try:
        value = msgspec.json.decode(text, type=type_)
    except msgspec.DecodeError as error:
        problem = str(error)
    except RecursionError:
        problem = _TOO_DEEP
    try:
        told = _not_json(text, name) if problem else []
        told = told or _told(text, type_, name)
    except RecursionError:
        told = [_at(name, None, _TOO_DEEP)]
    if problem or told:
        raise ScriptError("\n".join(told or [_at(name, None, problem)]))
    return value


def _decoded(data: bytes, name: str | None) -> str:
    try:
        return data.decode("utf-8-sig")  # editors on Windows like to write the mark
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ScriptError(_at(name, line, "not UTF-8 text; save the file as UTF-8")) from None


def _at(name: str | None, line: int | None, text: str, column: int | None = None) -> str:
    """As compilers write it, so that editors find the place."""
    numbers = ":".join(str(number) for number in (line, column) if number is not None)
    if name is not None:
        return f"{name}:{numbers}: {text}" if numbers else f"{name}: {text}"
    return f"line {numbers}: {text}" if numbers else text


# --- not JSON -------------------------------------------------------------------------------------


def _not_json(text: str, name: str | None) -> list[str]:
    """What is wrong with the JSON itself. The standard library knows the place, msgspec only the byte."""
    try:
        msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        problem = _BYTE.sub("", str(error)).removeprefix("JSON is malformed: ")
        offset = len(text)
        byte = _BYTE.search(str(error))
        if byte is not None:
            offset = len(text.encode()[: int(byte[1])].decode(errors="ignore"))
    else:
        return []
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        problem, offset = error.msg, error.pos
    if _COMMENT.match(text, offset):
        problem = 'JSON has no comments; a script may have a "description"'
    return [_at(name, line_of(text, offset), f"not JSON: {problem}", column_of(text, offset))]


# --- JSON, but not what is wanted -----------------------------------------------------------------


def _told(text: str, type_: Any, name: str | None) -> list[str]:
    """From the top of the file to its end."""
    found = places(text)
    told = []
    for twice in found.repetitions:
        line, first = line_of(text, twice.key), line_of(text, twice.first)
        told.append(
            (line, _at(name, line, f"{shown(twice.path)}: given twice; the first is in line {first}"))
        )
    for wrong in problems(type_, text.encode()):
        line = line_of(text, place_of(wrong.field, found).key)
        what = _what(text, found.get(wrong.field), wrong)
        told.append((line, _at(name, line, f"{wrong.field}: {what}" if wrong.field else what)))
    return [line for _, line in sorted(told, key=itemgetter(0))]


def _what(text: str, place: Place | None, wrong: Problem) -> str:
    if not wrong.allowed:
        return wrong.problem
    if place is None:
        return f"{wrong.problem}; must be {wrong.allowed}"
    got = _got(text[place.start : place.end], wrong)
    choice = _choice(wrong.allowed, got)
    return f"must be {choice}, got {got}" if got else f"must be {choice}"


def _got(value: str, wrong: Problem) -> str:
    """The value, if it may be shown and is short, or its kind."""
    kind = wrong.problem.removeprefix("wrong type: ")
    if kind == "null" or (value[0] not in "{[" and not _SECRET.match(wrong.field) and redact(value) == value):
        return value if len(value) <= _MAX_SHOWN_CHARS else f"{value[:_MAX_SHOWN_CHARS]}..."
    return kind if kind != wrong.problem else ""


def _choice(allowed: str, got: str) -> str:
    """A long list of names, shortened to those that may have been meant."""
    if len(allowed) <= _MAX_LIST_CHARS:
        return allowed
    near = get_close_matches(got.strip('"'), allowed.rsplit(": ", maxsplit=1)[-1].split(", "))
    return f"a known name, such as {' or '.join(near)}" if near else allowed
