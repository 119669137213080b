"""JSON Schema of the protocol -> `docs/protocol.md`, the method reference for people."""

import json
from collections.abc import Iterator
from typing import Any

from tables import table

from sidecar.rpc import openrpc, protocol

Schema = dict[str, Any]

CONVERSATION: tuple[tuple[str, Schema], ...] = (
    (
        ">",
        {
            "id": 1,
            "method": "initialize",
            "params": {
                "protocolVersion": protocol.PROTOCOL_VERSION,
                "client": {"name": "demo", "version": "1.0"},
                "parentPid": 4242,
            },
        },
    ),
    (
        "<",
        {
            "id": 1,
            "result": {
                "protocolVersion": protocol.PROTOCOL_VERSION,
                "instanceId": "5ff8a93884c443e6",
                "sidecar": {"version": "0.1.0", "python": "3.11.7", "platform": "linux-x86_64"},
                "limits": {"maxLineBytes": protocol.MAX_LINE_BYTES},
                "capabilities": {},
            },
        },
    ),
    (
        ">",
        {
            "id": 2,
            "method": "session/open",
            "params": {
                "sessionId": "s1",
                "endpoint": {
                    "family": "developer",
                    "apiVersion": "v1beta",
                    "baseUrl": "ws://127.0.0.1:9000",
                },
                "auth": {"type": "apiKey", "apiKey": "..."},
                "setup": {
                    "model": "models/gemini-3.8-live",
                    "generationConfig": {"responseModalities": ["AUDIO"]},
                    "inputAudioTranscription": {},
                },
                "settings": {"heartbeat": {"intervalMs": 30000}, "reconnect": {"maxAttempts": 5}},
                "notifications": {"exclude": ["session/message"]},
            },
        },
    ),
    (
        "<",
        {
            "method": "session/stateChanged",
            "params": {
                "sessionId": "s1",
                "instanceId": "5ff8a93884c443e6",
                "seq": 1,
                "revision": 1,
                "state": "connecting",
                "phase": "dialing",
                "previous": "disconnected",
                "reason": "open",
                "attempt": 1,
            },
        },
    ),
    (
        "<",
        {
            "id": 2,
            "result": {
                "sessionId": "s1",
                "state": "connected",
                "phase": "active",
                "revision": 4,
                "attempt": 0,
                "reason": "setupComplete",
                "connectionId": "s1#1",
                "resumable": True,
                "healthScore": 100,
                "quality": "excellent",
                "queue": {
                    "offeredMs": 0,
                    "acceptedMs": 0,
                    "refusedMs": 0,
                    "heldMs": 0,
                    "unconfirmedMs": 0,
                    "confirmedMs": 0,
                    "droppedMs": 0,
                    "presumedMs": 0,
                    "replayedMs": 0,
                    "maybeDoubledMs": 0,
                    "heldMessages": 0,
                    "unconfirmedMessages": 0,
                },
            },
        },
    ),
    (
        ">",
        {
            "method": "session/sendAudio",
            "params": {"sessionId": "s1", "n": 17, "data": "AAAA", "mimeType": "audio/pcm;rate=16000"},
        },
    ),
    (
        "<",
        {
            "method": "session/transcript",
            "params": {
                "sessionId": "s1",
                "instanceId": "5ff8a93884c443e6",
                "seq": 9,
                "source": "user",
                "text": "Hello",
                "final": False,
                "turnId": 1,
            },
        },
    ),
)
"""(direction, message without its `jsonrpc` member): `>` from the host, `<` from the sidecar."""

OPENING = f"""\
<!-- Made from sidecar/rpc/protocol/ by build/generate.py: change that package and run `make generate`. -->

# The protocol, version {protocol.PROTOCOL_VERSION}

The host (an app's main process) starts `live-sidecar` and talks to it in JSON-RPC 2.0 over the child's stdin
and stdout. `rpc.discover` answers the same as an OpenRPC document.

## Lines

- One message a line: JSON in UTF-8, ended by the byte 0x0A. A 0x0D before it and empty lines are ignored.
- A line may hold {protocol.MAX_LINE_BYTES} bytes, unless `limits.maxLineBytes` in the answer to `initialize`
  says otherwise. A longer or unreadable line is answered with an error whose `id` is null, and the
  conversation goes on.
- A batch may hold {protocol.MAX_BATCH} members;
  {protocol.MAX_CALLS_IN_FLIGHT} calls may wait for their answer. The `id` of a call is a number or
  a string, unique among those in flight.
- Names are in camelCase, times in milliseconds, audio is base64. A field that the sidecar does not know is an
  error; a host must ignore fields that it does not know, because later versions add some.
- stdout carries nothing else. Logs go to stderr.
- An answer comes after every notification that its call caused. The lines of a session keep their order;
  `seq` counts them from 1 without gaps.
- When stdin ends, or the process `parentPid` does, the sidecar ends within a second.

## A conversation

`>` is from the host, `<` from the sidecar.
"""


def write() -> str:
    """The whole page."""
    return "\n".join(
        [
            OPENING,
            *_conversation(),
            *_methods(),
            *_host_methods(),
            *_notifications(),
            *_types(),
            *_errors(),
        ]
    )


def type_of(schema: Schema) -> str:
    """A schema in words for a table cell, with links to the types below."""
    if "$ref" in schema:
        name = str(schema["$ref"]).removeprefix(openrpc.REF)
        return f"[{name}](#type-{name.lower()})"
    if "enum" in schema:
        return ", ".join(f"`{json.dumps(value)}`" for value in schema["enum"])
    if "anyOf" in schema:
        return " or ".join(map(type_of, schema["anyOf"]))
    kind = schema.get("type", "anything")
    if kind == "array":
        return f"list of {type_of(schema.get('items', {}))}"
    return " ".join(filter(None, [kind, _bounds(schema), "(secret)" if schema.get("x-secret") else ""]))


def _bounds(schema: Schema) -> str:
    """The limits of a number or of a string's length; the limit of exact integers in JSON goes unsaid."""
    low = schema.get("minimum", schema.get("minLength"))
    high = schema.get("maximum", schema.get("maxLength"))
    if high == 2**53 - 1:
        high = None
    unit = " characters" if schema.get("type") == "string" else ""
    match low, high:
        case None, None:
            return ""
        case _, None:
            return f"from {low}{unit}"
        case None, _:
            return f"up to {high}{unit}"
        case _:
            return f"{low} to {high}{unit}"


def _conversation() -> Iterator[str]:
    yield "```"
    for direction, message in CONVERSATION:
        yield f"{direction} {json.dumps({'jsonrpc': '2.0'} | message, separators=(',', ':'))}"
    yield "```\n"


def _methods() -> Iterator[str]:
    yield "## Methods\n"
    yield "A request is answered. A notification never is: what was wrong with it comes as a `log`.\n"
    yield from table(
        ("method", "kind", "what it does"),
        (
            (f"[`{name}`]({_anchor(name)})", "request" if row.result else "notification", row.summary)
            for name, row in protocol.METHODS.items()
        ),
    )
    common = ", ".join(f"`{kind}`" for kind in (*openrpc.COMMON_ERRORS, "notInitialized"))
    yield f"Every request may be answered with {common}; what else a method may answer stands with it.\n"
    schemas = openrpc.components()
    for name, row in protocol.METHODS.items():
        yield f"### `{name}`\n"
        yield f"{row.summary}\n"
        description = openrpc.summary(row.params)
        if description and schemas[row.params.__name__]["properties"]:
            yield f"{description}\n"
        yield from _fields(schemas[row.params.__name__], "No params.")
        result = openrpc.result_schema(name)
        if result is None:
            continue
        yield f"Result: {type_of(result) if '$ref' in result else result['description']}\n"
        own = openrpc.METHOD_ERRORS.get(name, ())
        if own:
            yield f"Errors: {', '.join(f'`{kind}`' for kind in own)}\n"


def _host_methods() -> Iterator[str]:
    yield "## Calls to the host\n"
    yield "Both directions can ask. These the sidecar sends, with an `id` of its own; the host answers.\n"
    schemas = openrpc.components()
    for name, row in protocol.HOST_METHODS.items():
        assert row.result is not None
        yield f"### `{name}`\n"
        yield f"{row.summary} {openrpc.summary(row.params)}\n"
        yield from _fields(schemas[row.params.__name__])
        yield f"Result: {openrpc.summary(row.result)}\n"
        yield from _fields(schemas[row.result.__name__])


def _notifications() -> Iterator[str]:
    schemas = openrpc.components()
    yield "## Notifications\n"
    yield "Those of a session carry these fields before their own:\n"
    yield from _fields(schemas["Stamp"])
    for name, struct in (protocol.EVENTS | protocol.PROCESS_EVENTS).items():
        yield f"### `{name}`\n"
        yield f"{openrpc.summary(struct)}\n"
        yield from _fields(schemas[struct.__name__])


def _types() -> Iterator[str]:
    schemas = openrpc.components()
    yield "## Types\n"
    for name in sorted(_linked(schemas)):
        schema = schemas[name]
        yield f"### Type {name}\n"  # not the name alone: `session/list` and SessionList have one anchor
        if "description" in schema:
            yield f"{' '.join(schema['description'].split())}\n"
        if "enum" in schema:
            yield f"{', '.join(f'`{json.dumps(value)}`' for value in schema['enum'])}\n"
        else:
            yield from _fields(schema, "An empty object.")


def _linked(schemas: dict[str, Schema]) -> set[str]:
    """The types that the page refers to: results, and whatever a field names."""
    roots = [result for name in protocol.METHODS if (result := openrpc.result_schema(name))]
    found: set[str] = set()
    waiting = [*roots, *schemas.values()]
    while waiting:
        for name in openrpc.references(waiting.pop()):
            if name not in found:
                found.add(name)
                waiting.append(schemas[name])
    return found


def _errors() -> Iterator[str]:
    yield "## Errors\n"
    yield "`error.data` is always an [ErrorData](#type-errordata); its `kind` is the name to test for.\n"
    yield from table(
        ("code", "kind", "when"),
        ((str(row.code), f"`{row.kind}`", row.meaning) for row in protocol.ERROR_CODES),
    )


def _fields(schema: Schema, none: str = "No fields.") -> Iterator[str]:
    if not schema["properties"]:
        yield f"{none}\n"
        return
    required = schema.get("required", [])
    yield from table(
        ("field", "type", "", "meaning"),
        (
            (f"`{key}`", type_of(value), "" if key in required else "optional", _meaning(value))
            for key, value in schema["properties"].items()
        ),
    )


def _meaning(schema: Schema) -> str:
    notes = [schema.get("description", "")]
    default = schema.get("default")
    if isinstance(default, str | int | float):
        notes.append(f"Default `{json.dumps(default)}`.")
    return " ".join(filter(None, notes))


def _anchor(name: str) -> str:
    """The anchor that a Markdown reader gives the heading of a method."""
    return "#" + "".join(c for c in name.lower() if c.isalnum() or c in "-_")
