"""Whether the service will take a message: a walk along the client's Structs, before anything leaves.

The service knows every field, and ends the connection with 1007 over one that it does not know (LP 1.5, 5).
So all that is wrong is told here, with its path. Keys may be camelCase or snake_case and numbers may be
strings, as in all proto3 JSON; null and the UNSPECIFIED value of an enum are absence.
"""

import binascii
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import cache
from typing import Any, Literal, NamedTuple, Self

import msgspec
from msgspec import inspect

from sidecar.live.messages.client import Choice, ClientMessage
from sidecar.observe.wording import UNKNOWN, allowed, join, sentence, shown, unknown

MAX_PROBLEMS = 50
"""More are neither told nor looked for."""
MAX_NAME_CHARS = 16_384
"""Of a name that nobody knows, so much is looked at: more than any secret has that could stand there."""

Checks = Literal["strict", "lenient"]
NAMES = {"developer": "the Developer API", "vertex": "Vertex AI"}

LENIENT_HELPS = (
    'The service may know more than this release of the sidecar: `checks: "lenient"` in session/open lets '
    "names and values through that are new, and what was only seen to be refused. See docs/messages.md."
)


class Terms(NamedTuple):
    """What the service on the other side takes, and how strictly that is judged.

    Attributes:
        strict: what this release does not know, and what was only seen to be refused, is wrong too.
        constrained: an ephemeral token may fix the setup, and what the host gives of it is ignored (LP 1.3).
        automatic: the service finds out itself who speaks; None when the setup does not tell.
        model: its name, without the path before it; "" when the setup does not tell.
    """

    family: str = "developer"
    api_version: str = "v1beta"
    strict: bool = True
    constrained: bool = False
    automatic: bool | None = None
    model: str = ""


class Problem(NamedTuple):
    """A field that is wrong.

    Attributes:
        certain: also for a service that is newer than this table.
        slip: the problem names the field that was most likely meant; to let this one through would not help.
    """

    field: str
    problem: str
    allowed: str = ""
    certain: bool = True
    slip: bool = False


class NotTaken(ValueError):
    """The service would not take it; the text names every field that is wrong.

    Attributes:
        problems: the same, one by one.
        remediation: what to do about it, where there is more to say than what is allowed.
    """

    def __init__(self, text: str, problems: Sequence[Problem] = ()) -> None:
        super().__init__(text)
        self.problems = tuple(problems)
        self.remediation = LENIENT_HELPS if any(not p.certain and not p.slip for p in problems) else ""

    @classmethod
    def of(cls, problems: Sequence[Problem], prefix: str = "") -> Self:
        return cls(prefix + " ".join(map(sentence, problems)), problems)


Rule = Callable[[dict[str, Any], Terms], Iterator[Problem]]
"""Finds what the types cannot tell. Takes the message in camelCase, as far as its fields fit their types."""


def check(
    name: str, struct: type[ClientMessage], value: object, terms: Terms, rules: Sequence[Rule] = ()
) -> tuple[dict[str, Any], list[Problem]]:
    """The message with camelCase keys and without what does not fit, and what is wrong with it."""
    walk = _Walk(terms, name, struct)
    known: dict[str, Any] = {}
    with suppress(_Enough):
        known = walk.value(inspect.type_info(struct), value, name) or {}
        for rule in rules:
            for problem in rule(known, terms):
                walk.tell(problem)
    return known, walk.found


def at(value: Any, path: str, where: str = "") -> Iterator[tuple[str, Any]]:
    """Every field that `path` names, such as "tools[].functionDeclarations[].name", with its own path."""
    step, _, rest = path.partition(".")
    name = step.removesuffix("[]")
    found = value.get(name) if isinstance(value, dict) else None
    where = join(where, name)
    each = [(where, found)]
    if step.endswith("[]") and isinstance(found, list):
        each = [(f"{where}[{n}]", entry) for n, entry in enumerate(found)]
    for inner, entry in each:
        if rest:
            yield from at(entry, rest, inner)
        elif entry is not None:
            yield inner, entry


def first(value: Any, path: str) -> Any:
    """The first of them, None when there is none."""
    return next((found for _, found in at(value, path)), None)


def is_default(value: Any) -> bool:
    """Whether proto3 JSON does not tell it from absence, in a field that is of no oneof."""
    return value in (None, False, "", [])


_URL_SAFE = str.maketrans("-_", "+/")


def base64_size(data: str) -> int:
    """Number of bytes in a base64 text, standard or URL-safe, with or without padding (proto3 JSON).

    Raises:
        ValueError: it is none.
    """
    try:
        return len(msgspec.convert(data, bytes))  # the usual form; a microsecond
    except msgspec.ValidationError:
        text = data.translate(_URL_SAFE)
        return len(binascii.a2b_base64(text + "=" * (-len(text) % 4), strict_mode=True))


# --- the walk -------------------------------------------------------------------------------------


class _Field(NamedTuple):
    name: str
    info: inspect.Type
    required: bool
    only: str
    refused: str


class _Shape(NamedTuple):
    """`by_name`: the fields by both of their names."""

    fields: tuple[_Field, ...]
    by_name: dict[str, _Field]
    choices: tuple[Choice, ...]


@cache
def _shape(cls: type[ClientMessage]) -> _Shape:
    fields, by_name = [], {}
    for each in msgspec.structs.fields(cls):
        info, marks = _plain(inspect.type_info(each.type))
        only, refused = marks.get("only", ""), marks.get("refused", "")
        field = _Field(each.encode_name, info, each.required, only, refused)
        fields.append(field)
        by_name[each.encode_name] = by_name[each.name] = field
    return _Shape(tuple(fields), by_name, cls.choices)


def _plain(info: inspect.Type) -> tuple[inspect.Type, dict[str, str]]:
    """A type without its None and its marks, and the marks."""
    marks: dict[str, str] = {}
    while True:
        if isinstance(info, inspect.Metadata):
            marks |= info.extra or {}
            info = info.type
        elif isinstance(info, inspect.UnionType):
            [info] = [each for each in info.types if not isinstance(each, inspect.NoneType)]
        else:
            return info, marks


@cache
def _places(name: str, root: type[ClientMessage]) -> dict[str, str]:
    """Where in a message a name stands: the shallowest place of each."""
    places: dict[str, str] = {}
    level: list[tuple[str, Any]] = [(name, root)]
    while level:
        below: list[tuple[str, Any]] = []
        for path, cls in level:
            for field in _shape(cls).fields:
                info, where = field.info, join(path, field.name)
                if not field.refused:
                    places.setdefault(field.name, where)
                if isinstance(info, inspect.ListType):
                    info, where = _plain(info.item_type)[0], f"{where}[]"
                if isinstance(info, inspect.StructType):
                    below.append((where, info.cls))
        level = below
    return places


class _Enough(Exception):
    """As many problems were found as are told."""


class _Walk:
    def __init__(self, terms: Terms, name: str, root: type[ClientMessage]) -> None:
        self._terms = terms
        self._root = name, root
        self.found: list[Problem] = []

    def tell(self, problem: Problem) -> None:
        """
        Raises:
            _Enough: it was the last.
        """
        if problem.certain or self._terms.strict:
            self.found.append(problem)
            if len(self.found) == MAX_PROBLEMS:
                raise _Enough

    def value(self, info: inspect.Type, value: Any, path: str) -> Any:
        """The value as far as it is known; None when it does not fit, or stands for absence."""
        match info:
            case inspect.StructType():
                if isinstance(value, dict):
                    return self._members(_shape(info.cls), value, path)
            case inspect.ListType():
                if isinstance(value, list):
                    return self._entries(info, value, path)
            case _:
                fits, problem = _LEAVES[type(info)](info, value)
                enum = isinstance(info, inspect.LiteralType)
                if fits:
                    return None if enum and _unspecified(value) else value
                if problem:
                    if self._terms.strict or not enum:  # of an enum the service may have more
                        self.tell(Problem(path, problem, allowed(info), certain=not enum))
                    return None
        expected = allowed(info)
        if isinstance(info, inspect.StructType):
            expected = f"an object with {', '.join(field.name for field in _shape(info.cls).fields)}"
        self.tell(Problem(path, f"wrong type: {_kind(value)}", expected))
        return None

    def _entries(self, info: inspect.ListType, values: list[Any], path: str) -> list[Any]:
        entry, _ = _plain(info.item_type)
        low, high = info.min_length or 0, info.max_length
        if len(values) < low or (high is not None and len(values) > high):
            self.tell(Problem(path, f"a list of length {len(values)}", allowed(info)))
        return [self.value(entry, value, f"{path}[{n}]") for n, value in enumerate(values)]

    def _members(self, shape: _Shape, values: dict[str, Any], path: str) -> dict[str, Any]:
        known: dict[str, Any] = {}
        strange = False
        for name, value in values.items():
            field = shape.by_name.get(name)
            if field is None:
                strange = True
                self._unknown(name, shape, path)
            elif value is not None:
                self._member(field, value, join(path, field.name), known)
        for field in shape.fields:
            if field.required and field.name not in known:
                self.tell(Problem(join(path, field.name), "missing", allowed(field.info)))
        for choice in shape.choices:
            given = [name for name in choice.fields if known.get(name, []) != []]
            counted = given if choice.oneof else [name for name in given if not is_default(known[name])]
            if len(counted) > 1 or (choice.required and not given and not strange):
                problem = f"{len(counted)} of fields that exclude each other" if given else "nothing in it"
                one = "exactly one" if choice.required else "at most one"
                self.tell(Problem(path, problem, f"{one} of: {', '.join(choice.fields)}"))
        return known

    def _member(self, field: _Field, value: Any, path: str, known: dict[str, Any]) -> None:
        if field.refused:
            self.tell(Problem(path, field.refused))
        elif field.only and field.only != self._terms.family:
            self.tell(Problem(path, f"only {NAMES[field.only]} knows this field", certain=False))
        if field.name in known:
            self.tell(Problem(path, "given twice, in camelCase and in snake_case", certain=False))
        known[field.name] = self.value(field.info, value, path)

    def _unknown(self, name: str, shape: _Shape, path: str) -> None:
        if not self._terms.strict:
            return  # it is let through; to look for what was meant takes long
        name = name[:MAX_NAME_CHARS]
        places = _places(*self._root)
        camel = _CAMEL.sub(lambda match: match[1].upper(), name)
        if camel in places:
            problem = f"unknown field here; it belongs at {places[camel]}"
        else:
            known = [f.name for f in shape.fields if not f.refused and f.only in ("", self._terms.family)]
            problem = unknown(name, known, places)
        slip = camel in places or problem != UNKNOWN
        self.tell(Problem(join(path, shown(name)), problem, certain=False, slip=slip))


_CAMEL = re.compile("_([a-z])")


# --- the leaves -----------------------------------------------------------------------------------

Judged = tuple[bool, str]
"""Whether the value fits; and if its type does and it does not, what is wrong with it."""


def _of(type_: type) -> Callable[[Any, Any], Judged]:
    return lambda info, value: (isinstance(value, type_), "")


def _integer(info: inspect.IntType, value: Any) -> Judged:
    """int64 is a string in proto3 JSON (LP 1.5), and may be one wherever a number is asked for."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return False, ""
    if isinstance(value, str) and not _INTEGER.fullmatch(value):
        return False, ""
    if isinstance(value, float) and not value.is_integer():
        return False, "not a whole number"
    fits = (info.ge is None or int(value) >= info.ge) and (info.le is None or int(value) <= info.le)
    return fits, "" if fits else "out of range"


def _number(info: inspect.FloatType, value: Any) -> Judged:
    if isinstance(value, str):
        return bool(_NUMBER.fullmatch(value)), ""
    return isinstance(value, int | float) and not isinstance(value, bool), ""


def _choice(info: inspect.LiteralType, value: Any) -> Judged:
    """By its name; proto3 JSON takes the number of an enum as well, which nobody here knows."""
    if isinstance(value, int) and not isinstance(value, bool):
        return True, ""
    known = value in info.values if isinstance(value, str) else False
    return known, "not one of the allowed values" if isinstance(value, str) else ""


def _base64(info: inspect.BytesType, value: Any) -> Judged:
    if not isinstance(value, str):
        return False, ""
    try:
        base64_size(value)
    except ValueError:  # binascii.Error, or a character outside ASCII
        return False, "not base64"
    return True, ""


def _unspecified(value: Any) -> bool:
    """Of an enum: the value that means absence, by its name or number."""
    return value == 0 or str(value).endswith("UNSPECIFIED")


_INTEGER = re.compile(r"-?[0-9]{1,20}")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?|NaN|-?Infinity")
_LEAVES: dict[type[inspect.Type], Callable[[Any, Any], Judged]] = {
    inspect.AnyType: lambda info, value: (True, ""),
    inspect.StrType: _of(str),
    inspect.BoolType: _of(bool),
    inspect.DictType: _of(dict),
    inspect.IntType: _integer,
    inspect.FloatType: _number,
    inspect.LiteralType: _choice,
    inspect.BytesType: _base64,
}

_KINDS: tuple[tuple[type, str], ...] = (
    (bool, "a boolean"),
    (int, "a number"),
    (float, "a number"),
    (str, "a string"),
    (list, "a list"),
    (dict, "an object"),
)


def _kind(value: object) -> str:
    return next((name for type_, name in _KINDS if isinstance(value, type_)), "null")
