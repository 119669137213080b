"""What is wrong with JSON that msgspec refused: every field, not only the first.

Only what was refused comes here, so valid JSON costs nothing. The walk is along the type: a Struct by its
fields, a list by its entries, everything else by one decoding of its own, so that msgspec has the last
word here too. No value is ever repeated: it may be a secret in the wrong place.
"""

from collections.abc import Iterator
from functools import cache
from itertools import islice
from typing import Any, NamedTuple, get_args, get_origin

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType, inspect

from sidecar.observe.wording import allowed, join, not_allowed, shown, unknown

MAX_PROBLEMS = 50
"""More are not told."""
_MAX_LIST_BYTES = 64 * 1024
"""A longer list is judged as a whole, not entry by entry."""

_KINDS = {
    '"': "a string",
    "{": "an object",
    "[": "a list",
    "t": "a boolean",
    "f": "a boolean",
    "n": "null",
}
"""What a JSON value is, by its first character; a number has many."""

_members = msgspec.json.Decoder(dict[str, Raw])
_entries = msgspec.json.Decoder(list[Raw])


class Problem(NamedTuple):
    """One wrong field: its path, empty for the whole; why; and what may stand there."""

    field: str
    problem: str
    allowed: str | UnsetType = UNSET


class Rule(ValueError):
    """Raised by a Struct's `__post_init__` when a rule is broken that no type can say."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field
        self.problem = problem


def problems(type_: Any, raw: bytes) -> list[Problem]:
    """Every field of `raw`, which is JSON and does not fit `type_`; at most `MAX_PROBLEMS`.

    Empty when all is well as it stands last: of a field that is given twice, msgspec judges both.
    """
    return list(islice(_in_value(_shape(type_), Raw(raw), ""), MAX_PROBLEMS))


# --- the walk -------------------------------------------------------------------------------------


class _Shape(NamedTuple):
    """A type as the walk sees it.

    Attributes:
        info: the type, without the null that it may allow.
        nullable: whether it allows null.
        structs: those that a value may be, told apart by their tag; empty for other types.
        entry: of a list, its entries' shape.
    """

    info: inspect.Type
    nullable: bool
    decoder: msgspec.json.Decoder[Any]
    structs: tuple[inspect.StructType, ...]
    entry: "_Shape | None"


class _Field(NamedTuple):
    name: str
    required: bool
    shape: _Shape


def _shape(annotation: Any) -> _Shape:
    info = inspect.type_info(annotation)
    members = _members_of(info)
    others = [member for member in members if not isinstance(member, inspect.NoneType)]
    structs = tuple(member for member in map(_plain, others) if isinstance(member, inspect.StructType))
    if len(others) == 1:
        info = others[0]
    is_list = isinstance(_plain(info), inspect.ListType)
    entry = _shape(_entry_of(annotation)) if is_list else None
    return _Shape(info, len(others) < len(members), msgspec.json.Decoder(annotation), structs, entry)


@cache
def _fields(cls: type[Struct]) -> tuple[_Field, ...]:
    return tuple(
        _Field(field.encode_name, field.required, _shape(field.type)) for field in msgspec.structs.fields(cls)
    )


def _entry_of(annotation: Any) -> Any:
    """`X` of the `list[X]` inside, whatever is around it."""
    inner = get_args(annotation)
    if get_origin(annotation) is list:
        return inner[0]
    return next(filter(None, map(_entry_of, inner)), None)


def _plain(info: inspect.Type) -> inspect.Type:
    return _plain(info.type) if isinstance(info, inspect.Metadata) else info


def _members_of(info: inspect.Type) -> tuple[inspect.Type, ...]:
    """Of a union, its members; anything else is its own."""
    plain = _plain(info)
    return plain.types if isinstance(plain, inspect.UnionType) else (info,)


def _in_value(shape: _Shape, raw: Raw, path: str) -> Iterator[Problem]:
    if shape.nullable and bytes(raw) == b"null":
        return
    try:
        if shape.structs:
            yield from _in_struct(shape, raw, path)
        elif shape.entry is not None and len(memoryview(raw)) <= _MAX_LIST_BYTES:
            yield from _in_list(shape, shape.entry, raw, path)
        else:
            shape.decoder.decode(raw)
    except msgspec.DecodeError:
        yield _wrong(shape, raw, path)
    except RecursionError:
        yield Problem(field=path, problem="nested too deeply")


def _in_struct(shape: _Shape, raw: Raw, path: str) -> Iterator[Problem]:
    members = _members.decode(raw)
    structs = shape.structs
    struct: inspect.StructType | None = structs[0]
    tag_field = structs[0].tag_field
    if tag_field is not None and (tag_field in members or len(structs) > 1):
        struct = _by_tag(structs, members.get(tag_field))
    if struct is None:
        tags = [str(choice.tag) for choice in structs]
        given = members.get(str(tag_field))
        problem = "missing" if given is None else not_allowed(_string(given) or "", tags)
        yield Problem(field=join(path, str(tag_field)), problem=problem, allowed=f"one of: {', '.join(tags)}")
        return
    found = False
    for wrong in _in_members(struct, members, path):
        found = True
        yield wrong
    if not found:
        yield from _in_rules(shape, raw, path)


def _in_members(struct: inspect.StructType, members: dict[str, Raw], path: str) -> Iterator[Problem]:
    fields = _fields(struct.cls)
    for field in fields:
        where = join(path, field.name)
        value = members.get(field.name)
        if value is not None:
            yield from _in_value(field.shape, value, where)
        elif field.required:
            yield Problem(field=where, problem="missing", allowed=_allowed(field.shape))
    if struct.forbid_unknown_fields:
        known = [field.name for field in fields]
        for name in members:
            if name not in known and name != struct.tag_field:
                yield _unknown(name, known, path)


def _in_rules(shape: _Shape, raw: Raw, path: str) -> Iterator[Problem]:
    """What a Struct whose fields are right each says of the whole."""
    try:
        shape.decoder.decode(raw)
    except msgspec.ValidationError as error:
        if isinstance(error.__cause__, Rule):
            yield Problem(field=join(path, error.__cause__.field), problem=error.__cause__.problem)


def _in_list(shape: _Shape, entry: _Shape, raw: Raw, path: str) -> Iterator[Problem]:
    found = False
    for number, value in enumerate(_entries.decode(raw)):
        for problem in _in_value(entry, value, f"{path}[{number}]"):
            found = True
            yield problem
    if not found:
        shape.decoder.decode(raw)  # its length may be wrong


def _by_tag(structs: tuple[inspect.StructType, ...], raw: Raw | None) -> inspect.StructType | None:
    tag = None if raw is None else _string(raw)
    return next((choice for choice in structs if choice.tag == tag), None)


def _string(raw: Raw) -> str | None:
    try:
        return msgspec.json.decode(raw, type=str)
    except msgspec.DecodeError:
        return None


# --- the words ------------------------------------------------------------------------------------


def _wrong(shape: _Shape, raw: Raw, path: str) -> Problem:
    text = bytes(raw).lstrip()[:64].decode("ascii", "replace")
    kind = _KINDS.get(text[:1], "a number")
    info = _plain(shape.structs[0] if shape.structs else shape.info)
    problem = _what_is_wrong(info, kind, text)
    if isinstance(info, inspect.LiteralType) and kind == "a string":
        problem = not_allowed(_string(raw) or "", map(str, info.values))
    return Problem(field=path, problem=problem, allowed=_allowed(shape))


def _allowed(shape: _Shape) -> str:
    text = allowed(shape.structs[0] if shape.structs else shape.info)
    return f"null or {text}" if shape.nullable else text


def _what_is_wrong(info: inspect.Type, kind: str, text: str) -> str:
    """The value's kind does not fit, or its kind does and it does not."""
    match info, kind:
        case inspect.IntType(), "a number":
            return "not a whole number" if set(text) & set(".eE") else "out of range"
        case inspect.FloatType(), "a number":
            return "out of range"
        case inspect.StrType(pattern=str()), "a string":
            return "wrong form"
        case inspect.StrType(), "a string":
            return "wrong length"
        case inspect.ListType(), "a list":
            return "too many entries, too few, or a wrong one"
        case _:
            return f"wrong type: {kind}"


def _unknown(name: str, known: list[str], path: str) -> Problem:
    return Problem(field=join(path, shown(name)), problem=unknown(name, known))
