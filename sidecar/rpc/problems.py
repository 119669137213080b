"""What is wrong with params that msgspec refused: every field, not only the first.

Only refused params come here, so valid ones cost nothing. The walk is along the type: a Struct by its
fields, a list by its entries, everything else by one decoding of its own, so that msgspec has the last
word here too. No value is ever repeated: it may be a secret in the wrong place.
"""

from collections.abc import Iterator
from functools import cache
from itertools import islice
from typing import Any, NamedTuple, get_args, get_origin

import msgspec
from msgspec import Raw, Struct, inspect

from sidecar.observe.wording import allowed, join, shown, unknown
from sidecar.rpc.protocol import FieldProblem

MAX_PROBLEMS = 50
"""More are not told."""
_MAX_LIST_BYTES = 64 * 1024
"""A longer list is judged as a whole, not entry by entry."""

_ROOT = "params"
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


def problems(type_: type[Struct], raw: bytes) -> list[FieldProblem]:
    """Every field of `raw`, which is JSON and does not fit `type_`; at most `MAX_PROBLEMS`.

    Empty when all is well as it stands last: of a field that is given twice, msgspec judges both.
    """
    return list(islice(_in_value(_shape(type_), Raw(raw), ""), MAX_PROBLEMS))


# --- the walk -------------------------------------------------------------------------------------


class _Shape(NamedTuple):
    """A type as the walk sees it.

    Attributes:
        structs: those that a value may be, told apart by their tag; empty for other types.
        entry: of a list, its entries' shape.
    """

    info: inspect.Type
    decoder: msgspec.json.Decoder[Any]
    structs: tuple[inspect.StructType, ...]
    entry: "_Shape | None"


class _Field(NamedTuple):
    name: str
    required: bool
    shape: _Shape


def _shape(annotation: Any) -> _Shape:
    info = _plain(inspect.type_info(annotation))
    members = info.types if isinstance(info, inspect.UnionType) else (info,)
    structs = tuple(member for member in map(_plain, members) if isinstance(member, inspect.StructType))
    entry = _shape(_entry_of(annotation)) if isinstance(info, inspect.ListType) else None
    return _Shape(info, msgspec.json.Decoder(annotation), structs, entry)


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
    return info.type if isinstance(info, inspect.Metadata) else info


def _in_value(shape: _Shape, raw: Raw, path: str) -> Iterator[FieldProblem]:
    try:
        if shape.structs:
            yield from _in_struct(shape.structs, raw, path)
        elif shape.entry is not None and len(memoryview(raw)) <= _MAX_LIST_BYTES:
            yield from _in_list(shape, shape.entry, raw, path)
        else:
            shape.decoder.decode(raw)
    except msgspec.DecodeError:
        yield _wrong(shape.structs[0] if shape.structs else shape.info, raw, path)
    except RecursionError:
        yield FieldProblem(field=path or _ROOT, problem="nested too deeply")


def _in_struct(structs: tuple[inspect.StructType, ...], raw: Raw, path: str) -> Iterator[FieldProblem]:
    members = _members.decode(raw)
    struct: inspect.StructType | None = structs[0]
    tag_field = structs[0].tag_field
    if tag_field is not None and (tag_field in members or len(structs) > 1):
        struct = _by_tag(structs, members.get(tag_field))
    if struct is None:
        problem = "not one of the allowed values" if tag_field in members else "missing"
        tags = f"one of: {', '.join(str(choice.tag) for choice in structs)}"
        yield FieldProblem(field=join(path, str(tag_field)), problem=problem, allowed=tags)
        return
    fields = _fields(struct.cls)
    for field in fields:
        where = join(path, field.name)
        value = members.get(field.name)
        if value is not None:
            yield from _in_value(field.shape, value, where)
        elif field.required:
            yield FieldProblem(field=where, problem="missing", allowed=allowed(field.shape.info))
    if struct.forbid_unknown_fields:
        known = [field.name for field in fields]
        for name in members:
            if name not in known and name != tag_field:
                yield _unknown(name, known, path)


def _in_list(shape: _Shape, entry: _Shape, raw: Raw, path: str) -> Iterator[FieldProblem]:
    found = False
    for number, value in enumerate(_entries.decode(raw)):
        for problem in _in_value(entry, value, f"{path}[{number}]"):
            found = True
            yield problem
    if not found:
        shape.decoder.decode(raw)  # its length may be wrong


def _by_tag(structs: tuple[inspect.StructType, ...], raw: Raw | None) -> inspect.StructType | None:
    try:
        tag = None if raw is None else msgspec.json.decode(raw, type=str)
    except msgspec.DecodeError:
        return None
    return next((choice for choice in structs if choice.tag == tag), None)


# --- the words ------------------------------------------------------------------------------------


def _wrong(info: inspect.Type, raw: Raw, path: str) -> FieldProblem:
    text = bytes(raw).lstrip()[:64].decode("ascii", "replace")
    kind = _KINDS.get(text[:1], "a number")
    return FieldProblem(field=path or _ROOT, problem=_what_is_wrong(info, kind, text), allowed=allowed(info))


def _what_is_wrong(info: inspect.Type, kind: str, text: str) -> str:
    """The value's kind does not fit, or its kind does and it does not."""
    match info, kind:
        case inspect.IntType(), "a number":
            return "not a whole number" if set(text) & set(".eE") else "out of range"
        case inspect.FloatType(), "a number":
            return "out of range"
        case inspect.LiteralType(), "a string":
            return "not one of the allowed values"
        case inspect.StrType(pattern=str()), "a string":
            return "wrong form"
        case inspect.StrType(), "a string":
            return "wrong length"
        case inspect.ListType(), "a list":
            return "too many entries, too few, or a wrong one"
        case _:
            return f"wrong type: {kind}"


def _unknown(name: str, known: list[str], path: str) -> FieldProblem:
    return FieldProblem(field=join(path, shown(name)), problem=unknown(name, known))
