"""The simulator's script, from its Structs -> its JSON Schema and `docs/simulator-script.md`."""

import ast
import json
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import msgspec
from msgspec import NODEFAULT, Struct, inspect, structs
from tables import table

from sidecar.observe.wording import allowed
from sidecar.simulator import faults, script
from sidecar.simulator.refusals import KNOWN

SCHEMA_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_REF = "#/$defs/{name}"

OPENING = """\
<!-- Made from sidecar/simulator/script.py, faults.py and refusals.py by build/generate.py: change those and
     run `make generate`. -->

# The simulator's script

Everything that may stand in a script for `live-sidecar simulate --script FILE`. [simulator.md](simulator.md)
tells how to use it. A script is one JSON object; an empty one is a service that behaves well. What is not
known is an error, and so is a value that cannot be.

Times in milliseconds end in `Ms`. Where it says "service time", `timeScale` makes it pass faster.
"""

FAULTS = """\
## Faults

Entries of `faults`, and what the control API takes. `do` says what happens. Each fault happens once.
"""

COMMON = """\
Every fault may also have:
"""

WHEN = """\
All conditions in `when` must hold:
"""

TURNS = """\
## Turns

Entries of `turns`. The n-th utterance gets the n-th turn, over and over.
"""

TEXTS = """\
## Texts of the service

Names for `like` and `goAwayOverrun`. Texts are cut at 123 bytes, as the service cuts them; what stands in
braces is filled in.
"""


def write_schema() -> str:
    """The JSON Schema of a script (draft 2020-12), with what the sources say of each field."""
    (root,), components = msgspec.json.schema_components([script.Script], ref_template=_REF)
    for struct in _all_structs():
        _describe(components[struct.__name__], struct)
    whole = {"$schema": SCHEMA_DIALECT, "title": "Script of live-sidecar's simulator", **root}
    return json.dumps({**whole, "$defs": components}, indent=1) + "\n"


def write_page() -> str:
    """The page for people."""
    lines = [OPENING, *_settings(), FAULTS, *_faults(), COMMON, *_fields_table(faults.Fault)]
    lines += [WHEN, *_fields_table(faults.When), TURNS, *_fields_table(script.Turn)]
    for name, struct in (("toolCall", script.ToolCall), ("code", script.CodeRun)):
        lines += [f"`{name}` has:\n", *_fields_table(struct)]
    return "\n".join([*lines, TEXTS, *_texts()])


# --- what the sources say -------------------------------------------------------------------------


def meanings(struct: type[Struct]) -> dict[str, str]:
    """The text below each field of a Struct in its source, by the field's name in JSON."""
    found: dict[str, str] = {}
    names = {field.name: field.encode_name for field in structs.fields(struct)}
    for base in reversed(struct.__mro__):
        for name, text in _texts_below(base).items():
            found[names[name]] = text
    missing = set(names.values()) - set(found)
    if missing:
        raise ValueError(f"{struct.__name__}: nothing is said of {', '.join(sorted(missing))}")
    return found


def _texts_below(cls: type) -> dict[str, str]:
    body = _classes().get(cls.__name__, [])
    return {
        node.target.id: _plain(below.value.value)
        for node, below in pairwise(body)
        if isinstance(node, ast.AnnAssign)
        and isinstance(node.target, ast.Name)
        and isinstance(below, ast.Expr)
        and isinstance(below.value, ast.Constant)
        and isinstance(below.value.value, str)
    }


def _classes() -> dict[str, list[ast.stmt]]:
    return {
        node.name: node.body
        for module in (faults, script)
        for node in ast.parse(_source(module)).body
        if isinstance(node, ast.ClassDef)
    }


def _source(module: ModuleType) -> str:
    return Path(str(module.__file__)).read_text(encoding="utf-8")


def _plain(text: str) -> str:
    """In one line, without the sources of a rule, and with JSON's null."""
    text = re.sub(r"\s*\(LP [^)]*\)", "", text)
    return re.sub(r"\bNone\b", "null", " ".join(text.split())).replace("False:", "false:")


def _all_structs() -> list[type[Struct]]:
    parts = [script.Script, script.Turn, script.ToolCall, script.CodeRun, faults.When]
    return [*parts, *get_args(faults.AnyFault)]


# --- the schema -----------------------------------------------------------------------------------


def _describe(schema: dict[str, Any], struct: type[Struct]) -> None:
    schema["description"] = _plain(struct.__doc__ or "")
    for name, text in meanings(struct).items():
        schema["properties"][name]["description"] = text


# --- the page -------------------------------------------------------------------------------------


def _settings() -> Iterator[str]:
    """The settings, in the sections of the source."""
    rows = dict(_rows(script.Script))
    for title, names in sections():
        yield f"## {title}\n"
        yield from table(("setting", "may be", "default", "meaning"), (rows[name] for name in names))


def sections() -> list[tuple[str, list[str]]]:
    """The headings among the fields of Script, each with the names in JSON that follow it."""
    fields = {field.name: field.encode_name for field in structs.fields(script.Script)}
    found: list[tuple[str, list[str]]] = [("The file", [])]
    for line in _source(script).partition("class Script(")[2].splitlines():
        heading = re.match(r"    # --- (.+)", line)
        name = re.match(r"    (\w+):", line)
        if heading is not None:
            found.append((_plain(heading[1]).capitalize(), []))
        elif name is not None and name[1] in fields:
            found[-1][1].append(fields[name[1]])
    return found


def _fields_table(struct: type[Struct], *, without: type[Struct] = Struct) -> Iterator[str]:
    inherited = set(without.__struct_fields__)
    names = [f.encode_name for f in structs.fields(struct) if f.name not in inherited]
    rows = dict(_rows(struct))
    yield from table(("field", "may be", "default", "meaning"), (rows[name] for name in names))


def _rows(struct: type[Struct]) -> Iterator[tuple[str, tuple[str, ...]]]:
    texts = meanings(struct)
    for field in structs.fields(struct):
        name = field.encode_name
        yield name, (f"`{name}`", _may_be(field), _default(field), texts[name])


def _may_be(field: structs.FieldInfo) -> str:
    if field.type in (faults.Like, faults.Like | None):
        return "the name of a text"
    return allowed(inspect.type_info(field.type)).removeprefix("one of: ")


def _default(field: structs.FieldInfo) -> str:
    if field.name == "turns":
        return "three small turns"
    if field.default_factory is not NODEFAULT:
        return f"`{json.dumps(msgspec.to_builtins(field.default_factory()))}`"
    return "none, it is needed" if field.default is NODEFAULT else f"`{json.dumps(field.default)}`"


def _faults() -> Iterator[str]:
    for fault in get_args(faults.AnyFault):
        yield f"### `{fault.__struct_config__.tag}`\n"
        yield f"{_plain(fault.__doc__)}\n"
        if set(fault.__struct_fields__) - set(faults.Fault.__struct_fields__):
            yield from _fields_table(fault, without=faults.Fault)


def _texts() -> Iterator[str]:
    rows = ((f"`{name}`", str(row.code), row.text or "(none)") for name, row in KNOWN.items())
    yield from table(("name", "code", "text"), rows)
