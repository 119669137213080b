"""The protocol as documents: JSON Schema of every Struct, and the OpenRPC document of `rpc.discover`.

Both are made from the tables in `protocol/`; `build/generate.py` makes the TypeScript types and
`docs/protocol.md` from them. Only `rpc.discover` needs this module in a running sidecar, so the
dispatcher imports it when that call comes.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any, Literal, get_args, get_origin

import msgspec

from sidecar.rpc import protocol

Schema = dict[str, Any]

REF = "#/components/schemas/"

SECRETS = frozenset(
    {
        ("ApiKeyAuth", "apiKey"),
        ("EphemeralTokenAuth", "token"),
        ("BearerAuth", "token"),
        ("ServiceAccountAuth", "key"),
        ("AuthTokenResult", "token"),
        ("ExplicitProxy", "url"),
        ("ExplicitProxy", "password"),
        ("ResumptionSettings", "handle"),
        ("Resumption", "handle"),
    }
)
"""(component, property) of every secret on the wire; marked `x-secret` in the schema."""

LINE_ERRORS = ("parseError", "lineTooLong")
"""Answered with a null id: the line could not be read, so nobody knows whose call it was."""

COMMON_ERRORS = (
    "invalidRequest",
    "invalidParams",
    "internalError",
    "overloaded",
    "duplicateId",
    "shuttingDown",
)
"""May answer every request."""

METHOD_ERRORS: dict[str, tuple[str, ...]] = {
    "initialize": ("alreadyInitialized", "unsupportedProtocolVersion"),
    "shutdown": ("requestCancelled",),
    "session/open": ("sessionExists", "sessionClosed", "connectionFailed", "requestCancelled"),
    "session/close": ("unknownSession", "requestCancelled"),
    "session/get": ("unknownSession",),
    "session/wait": ("unknownSession", "deadlineExceeded", "requestCancelled"),
    "session/reconnect": (
        "unknownSession",
        "wrongState",
        "sessionClosed",
        "connectionFailed",
        "requestCancelled",
    ),
    "session/suspend": ("unknownSession", "wrongState"),
    "session/resume": (
        "unknownSession",
        "wrongState",
        "sessionClosed",
        "connectionFailed",
        "requestCancelled",
    ),
    "session/configure": ("unknownSession", "wrongState"),
    "session/stats": ("unknownSession",),
    "session/ping": ("unknownSession", "wrongState", "requestCancelled"),
    "session/send": ("unknownSession", "wrongState", "outboxFull", "invalidMessage"),
}
"""What a request may be answered with beside `COMMON_ERRORS`; every one but `initialize` also
`notInitialized`. An unknown method is `methodNotFound`."""


@cache
def components() -> dict[str, Schema]:
    """JSON Schema (draft 2020-12) of every Struct and named vocabulary, by name. Do not change it."""
    structs = {protocol.Stamp: None, protocol.ErrorData: None}  # a dict keeps the order
    for row in (protocol.METHODS | protocol.HOST_METHODS).values():
        structs |= dict.fromkeys(filter(None, (row.params, row.result)))
    structs |= dict.fromkeys([*protocol.EVENTS.values(), *protocol.PROCESS_EVENTS.values()])
    _, schemas = msgspec.json.schema_components(structs, ref_template=REF + "{name}")
    words = _vocabularies()
    _name_vocabularies(schemas, {frozenset(values): word for word, values in words.items()})
    for name, key in SECRETS:
        schemas[name]["properties"][key]["x-secret"] = True
    return {word: {"enum": list(values)} for word, values in words.items()} | schemas


@cache
def document() -> Schema:
    """The OpenRPC document. Do not change it.

    A method without `result` is a notification of the host. What the sidecar sends unasked stands
    under `x-notifications`, what it asks of the host under `x-host-methods`.
    """
    return {
        "openrpc": "1.3.2",
        "info": {
            "title": "live-sidecar",
            "version": protocol.PROTOCOL_VERSION,
            "description": "JSON-RPC 2.0, one message a line, over stdin and stdout.",
            "license": {"name": "MIT"},
        },
        "methods": [_method(name, row) for name, row in protocol.METHODS.items()],
        "components": {
            "schemas": components(),
            "errors": {
                row.kind: {
                    "code": row.code,
                    "message": row.meaning,
                    "data": {"$ref": f"{REF}ErrorData"},
                }
                for row in protocol.ERROR_CODES
            },
        },
        "x-notifications": [
            {"name": name, "summary": summary(struct), "params": event_schema(name)}
            for name, struct in (protocol.EVENTS | protocol.PROCESS_EVENTS).items()
        ],
        "x-host-methods": [_method(name, row) for name, row in protocol.HOST_METHODS.items()],
        "x-limits": {
            "maxLineBytes": protocol.MAX_LINE_BYTES,
            "maxBatch": protocol.MAX_BATCH,
            "maxCallsInFlight": protocol.MAX_CALLS_IN_FLIGHT,
        },
    }


def event_schema(name: str) -> Schema:
    """The params of a notification of the sidecar: for a session's, the fields of `Stamp`, then its own."""
    schemas = components()
    if name in protocol.PROCESS_EVENTS:
        return schemas[protocol.PROCESS_EVENTS[name].__name__]
    stamp, own = schemas["Stamp"], schemas[protocol.EVENTS[name].__name__]
    return own | {
        "properties": stamp["properties"] | own["properties"],
        "required": stamp["required"] + own["required"],
    }


def result_schema(name: str) -> Schema | None:
    """What a request is answered with; None for a notification of the host."""
    result = (protocol.METHODS | protocol.HOST_METHODS)[name].result
    return None if result is None else {"$ref": REF + result.__name__}


def method_errors(name: str) -> tuple[str, ...]:
    """The kinds a request may be answered with, in the order of the error table; () for a notification."""
    if name in protocol.HOST_METHODS or protocol.METHODS[name].result is None:
        return ()
    kinds = {*COMMON_ERRORS, *METHOD_ERRORS.get(name, ())}
    if name != "initialize":
        kinds.add("notInitialized")
    return tuple(row.kind for row in protocol.ERROR_CODES if row.kind in kinds)


def references(schema: Schema) -> Iterator[str]:
    """The names of the components that a schema refers to."""
    return (str(node["$ref"]).removeprefix(REF) for node in _nodes(schema) if "$ref" in node)


def summary(struct: type[msgspec.Struct]) -> str:
    """The Struct's docstring as one paragraph."""
    return " ".join((struct.__doc__ or "").split())


def _method(name: str, row: protocol.Method) -> Schema:
    params = components()[row.params.__name__]
    required = params.get("required", [])
    entry: Schema = {
        "name": name,
        "summary": row.summary,
        "description": summary(row.params),
        "paramStructure": "by-name",
        "params": [
            {"name": key, "required": key in required, "schema": schema}
            for key, schema in params.get("properties", {}).items()
        ],
    }
    result = result_schema(name)
    if result is not None:
        entry["result"] = {"name": "result", "schema": result}
        entry["errors"] = [{"$ref": f"#/components/errors/{kind}"} for kind in method_errors(name)]
    return entry


def _vocabularies() -> dict[str, tuple[str, ...]]:
    """The named string unions of `protocol/` (`State`, `Phase`, ...), values in the order written there."""
    return {name: get_args(value) for name, value in vars(protocol).items() if get_origin(value) is Literal}


def _name_vocabularies(schema: Schema, words: dict[frozenset[str], str]) -> None:
    """Replace the enums that msgspec wrote out by references to their names."""
    for node in _nodes(schema):
        word = words.get(frozenset(node.get("enum", ())))
        if word is not None:
            del node["enum"]
            node["$ref"] = REF + word


def _nodes(value: Any) -> Iterator[Schema]:
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for member in value:
            yield from _nodes(member)
