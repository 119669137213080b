"""JSON Schema of the protocol -> `bridge-js/src/generated/protocol.ts`.

A writer of our own, so that the types can be made and checked with Python alone. It knows the part of
JSON Schema that msgspec emits, and refuses the rest instead of guessing.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from sidecar.lifecycle import faults
from sidecar.rpc import openrpc, protocol

Schema = dict[str, Any]

HEADER = """\
// Made from sidecar/rpc/protocol/ by build/generate.py. Change that package and run `make generate`.

import type { Secret } from '../secret.js';
"""

HOST_RESULTS = {row.result.__name__ for row in protocol.HOST_METHODS.values() if row.result}

KINDS = "ErrorKind | FaultKind | (string & {})"
"""An editor completes the kinds of this release; those of another one and of the host are strings too."""

MORE_PRECISE = {("ErrorData", "kind"): KINDS}
"""Members of which more is known than their schema says."""

PRIMITIVES = {
    "string": "string",
    "integer": "number",
    "number": "number",
    "boolean": "boolean",
    "null": "null",
}


def write() -> str:
    """The whole file."""
    sections = [
        HEADER,
        *(_component(name, schema) for name, schema in openrpc.components().items()),
        _methods(),
        _host_notifications(),
        _host_requests(),
        _notifications(),
        _errors(),
        _constants(),
    ]
    return "\n".join(sections)


def type_of(schema: Schema, *, sent: bool = False) -> str:
    """A schema as a TypeScript type. `sent`: the host sends it, so a secret may come wrapped."""
    if "$ref" in schema:
        return str(schema["$ref"]).removeprefix(openrpc.REF)
    if "enum" in schema:
        return " | ".join(map(_literal, schema["enum"]))
    if "const" in schema:
        return _literal(schema["const"])
    if "anyOf" in schema:
        return " | ".join(type_of(member, sent=sent) for member in schema["anyOf"])
    kind = schema.get("type")
    if kind == "array":
        item = type_of(schema.get("items", {}), sent=sent)
        return f"({item})[]" if " | " in item else f"{item}[]"
    if kind == "object":
        return f"Record<string, {type_of(schema.get('additionalProperties') or {}, sent=sent)}>"
    if kind in PRIMITIVES:
        secret = " | Secret" if sent and schema.get("x-secret") else ""
        return PRIMITIVES[kind] + secret
    if kind is None:
        return "unknown"
    raise ValueError(f"no TypeScript type is known for the schema {schema!r}")


def _component(name: str, schema: Schema) -> str:
    lines = list(_comment(schema.get("description"), ""))
    if "properties" not in schema:
        one_line = f"export type {name} = {type_of(schema)};"
        lines.append(
            one_line
            if len(one_line) <= 110
            else one_line.replace(" = ", " =\n  | ").replace("' | '", "'\n  | '")
        )
    elif not schema["properties"]:
        lines.append(f"export type {name} = Record<string, never>;")
    else:
        lines.append(f"export interface {name} {{")
        lines += _properties(schema)
        lines.append("}")
    return "\n".join(lines) + "\n"


def _properties(schema: Schema) -> Iterator[str]:
    required = schema.get("required", [])
    # The host's params are closed, results and events are open; what it answers is its own, too.
    sent = schema.get("additionalProperties") is False or schema.get("title") in HOST_RESULTS
    for key, value in schema["properties"].items():
        yield from _comment(_property_note(value, sent=sent), "  ")
        mark = "" if key in required else "?"
        known = MORE_PRECISE.get((schema.get("title", ""), key))
        yield f"  {key}{mark}: {known or type_of(value, sent=sent)};"


def _property_note(schema: Schema, *, sent: bool) -> str:
    notes = [schema.get("description", "")]
    default = schema.get("default")
    if isinstance(default, str | int | float):  # of an object or list, the members tell
        notes.append(f"{'Default' if sent else 'Absent means'} {json.dumps(default)}.")
    return " ".join(filter(None, notes))


def _methods() -> str:
    body: list[str] = []
    for name, row in protocol.METHODS.items():
        result = openrpc.result_schema(name)
        if result is not None:
            body += _comment(row.summary, "  ")
            body.append(
                f"  {_literal(name)}: {{ params: {row.params.__name__}; result: {type_of(result)} }};"
            )
    return _interface("Requests of the host: `call(method, params)` gives the result.", "Methods", body)


def _host_notifications() -> str:
    body: list[str] = []
    for name, row in protocol.METHODS.items():
        if row.result is None:
            body += _comment(row.summary, "  ")
            body.append(f"  {_literal(name)}: {row.params.__name__};")
    return _interface("Notifications of the host: `notify(method, params)`.", "HostNotifications", body)


def _host_requests() -> str:
    body: list[str] = []
    for name, row in protocol.HOST_METHODS.items():
        assert row.result is not None
        body += _comment(row.summary, "  ")
        body.append(
            f"  {_literal(name)}: {{ params: {row.params.__name__}; result: {row.result.__name__} }};"
        )
    note = "What the sidecar asks of the host: `handle(method, handler)` answers it."
    return _interface(note, "HostRequests", body)


def _notifications() -> str:
    body: list[str] = []
    for name, struct in protocol.EVENTS.items():
        body += _comment(openrpc.summary(struct), "  ")
        body.append(f"  {_literal(name)}: Stamp & {struct.__name__};")
    for name, struct in protocol.PROCESS_EVENTS.items():
        body += _comment(openrpc.summary(struct), "  ")
        body.append(f"  {_literal(name)}: {struct.__name__};")
    return _interface("What the sidecar sends unasked: `on(name, listener)`.", "Notifications", body)


def _errors() -> str:
    lines = ["/** JSON-RPC error codes by `error.data.kind`. */", "export const ERROR_CODES = {"]
    for row in protocol.ERROR_CODES:
        lines += _comment(row.meaning, "  ")
        lines.append(f"  {row.kind}: {row.code},")
    lines += ["} as const;", "", "export type ErrorKind = keyof typeof ERROR_CODES;", ""]
    lines += _comment("What can go wrong between the sidecar and the service: docs/errors.md.", "")
    lines.append("export type FaultKind =")
    lines += [f"  | {_literal(kind)}" for kind in sorted({row.kind for row in faults.ROWS})]
    lines[-1] += ";"
    return "\n".join(lines) + "\n"


def _constants() -> str:
    return (
        f"export const PROTOCOL_VERSION = {_literal(protocol.PROTOCOL_VERSION)};\n"
        "\n/** The longest line either side writes, until `initialize` announces another limit. */\n"
        f"export const MAX_LINE_BYTES = {protocol.MAX_LINE_BYTES};\n"
    )


def _interface(note: str, name: str, body: Iterable[str]) -> str:
    return "\n".join([*_comment(note, ""), f"export interface {name} {{", *body, "}"]) + "\n"


def _comment(text: str | None, indent: str) -> Iterator[str]:
    if text:
        yield f"{indent}/** {' '.join(text.split()).replace('*/', '* /')} */"


def _literal(value: object) -> str:
    """A string in single quotes, anything else as JSON."""
    if not isinstance(value, str):
        return json.dumps(value)
    escaped = json.dumps(value)[1:-1].replace("'", "\\'").replace('\\"', '"')
    return f"'{escaped}'"
