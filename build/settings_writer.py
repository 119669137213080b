"""The settings, on the wire and in the lifecycle -> `docs/settings.md`."""

import json
import re
from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import inspect, structs
from tables import span, table

from sidecar.lifecycle.settings import Settings
from sidecar.live.dial import DIALS_PER_HOST
from sidecar.rpc import openrpc, protocol, settings
from sidecar.rpc.errors import RpcError, invalid_params
from sidecar.stdio.writer import HARD_LIMIT_BYTES, SOFT_LIMIT_BYTES

RULES_FROM: dict[str, str] = {
    "heartbeat": "at once",
    "reconnect": "from the next decision",
    "reconnect.stableAfterMs": "at once",
    "breaker": "from the next failure",
    "stall": "at once",
    "deadlines": "from the next such step",
    "outbox": "at once",
    "handOver": "from the next hand-over",
    "handOver.leadMs": "at once",
    "handOver.marginMs": "at once",
    "handOver.recycleAfterMs": "at once",
    "handOver.doneAfterMs": "at once",
    "resumption": "from the next attempt",
}
"""From when a change rules: of a section, and of those of its fields that differ."""

OPENING = """\
<!-- Made from sidecar/rpc/protocol/settings.py and sidecar/lifecycle/settings.py by build/generate.py:
     change those and run `make generate`. -->

# Settings

All settings of a session, with their ranges and defaults. They stand in `settings` of `session/open`, each
in its section; what is absent has its default. `session/configure` changes them while the session runs.
Times are in milliseconds, and their names end in `Ms`. An unknown name or a value out of range is an error,
never ignored.
"""

CONFIGURING = """\
## Changing settings while a session runs

`session/configure` takes the same sections. What is absent stays as it is. The line is kept: no reconnect, no
gap. The answer holds all settings as they are in effect now, `outbox.ringMs` as it is really kept.

A patch is taken whole or not at all. When anything in it is wrong, nothing changes, and `error.data.problems`
names every wrong field, what is wrong with it, and what may stand there. The value itself is never repeated.
"""

PRESET_NOTE = """\
A `preset` sets `intervalMs`, `suspectAfterMs` and `deadAfterMs` and leaves the other fields alone; what is
given by name in the same call wins over it. `tolerant` takes `strict` back.
"""

RULES = """\
## Rules between settings

Each value may be in its range and the whole still contradict itself. These are refused with `invalidParams`:

- `heartbeat.suspectAfterMs` is at most `heartbeat.deadAfterMs`.
- `reconnect.baseDelayMs` is at most `reconnect.maxDelayMs`.
- `reconnect.backoff` `list` needs `reconnect.delaysMs`.
- `handOver.marginMs` is at most `handOver.leadMs`.

One rule corrects instead of refusing: the ring is never shorter than `heartbeat.deadAfterMs` +
`heartbeat.audioIntervalMs` + 1000, or a death that is found late would have lost its beginning.
"""


def write() -> str:
    """The whole page."""
    return "\n".join([OPENING, *_sections(), CONFIGURING, *_example(), RULES, *_constants()])


def _sections() -> Iterator[str]:
    defaults = msgspec.to_builtins(settings.effective(Settings()))
    for section in structs.fields(protocol.SessionSettings):
        yield f"## {section.encode_name}\n"
        yield f"{openrpc.summary(section.type)}\n"
        own = defaults[section.encode_name]
        yield from table(
            ("name", "type", "range", "default", "while running", "meaning"),
            (_row(section.encode_name, field, own) for field in structs.fields(section.type)),
        )
        if section.encode_name == "heartbeat":
            yield PRESET_NOTE


def _row(section: str, field: structs.FieldInfo, defaults: dict[str, Any]) -> tuple[str, ...]:
    name = f"{section}.{field.encode_name}"
    info = _inner(inspect.type_info(field.type))
    return (
        f"`{field.encode_name}`",
        type_of(info),
        range_of(info),
        _default(field.encode_name, defaults),
        changeable(name),
        _meaning(field),
    )


def changeable(name: str) -> str:
    """Whether `session/configure` takes a setting, and from when the change rules."""
    if name in protocol.FIXED_SETTINGS:
        return f"fixed: {protocol.FIXED_SETTINGS[name]}"
    return RULES_FROM.get(name) or RULES_FROM[name.partition(".")[0]]


def type_of(info: inspect.Type) -> str:
    """A type in a word or two."""
    if isinstance(info, inspect.ListType):
        return f"list of {type_of(_inner(info.item_type))}s"
    return _TYPES[type(info)]


_TYPES: dict[type[inspect.Type], str] = {
    inspect.IntType: "whole number",
    inspect.FloatType: "number",
    inspect.BoolType: "boolean",
    inspect.StrType: "string",
    inspect.LiteralType: "word",
}


def range_of(info: inspect.Type) -> str:
    """What a value may be, beside its type."""
    match info:
        case inspect.IntType() | inspect.FloatType():
            return f"{info.ge} to {info.le}" if info.le != 2**53 - 1 else f"from {info.ge}"
        case inspect.LiteralType():
            return ", ".join(f"`{value}`" for value in info.values)
        case inspect.StrType():
            return f"{info.min_length} to {info.max_length} characters"
        case inspect.ListType():
            inner = range_of(_inner(info.item_type))
            return f"{info.min_length} to {info.max_length} entries, each {inner}"
        case _:
            return "`true`, `false`"


def _inner(info: inspect.Type) -> inspect.Type:
    return _inner(info.type) if isinstance(info, inspect.Metadata) else info


def _default(name: str, defaults: dict[str, Any]) -> str:
    if name == "preset":
        return "`tolerant`"
    if name not in defaults:
        return "none"
    value = defaults[name]
    if isinstance(value, float):
        return f"`{value:g}`"
    shown = f"`{value if isinstance(value, str) else json.dumps(value)}`"
    return f"{shown} ({span(value)})" if name.endswith("Ms") and value >= 60_000 else shown


def _meaning(field: structs.FieldInfo) -> str:
    """The description, without a default that the column before it tells."""
    schema = msgspec.json.schema(field.type)
    text = " ".join(str(schema.get("description", "")).split())
    return re.sub(r" ?Default [\w.]+\.$", "", text)


# --- the example: computed, not typed -------------------------------------------------------------

PATCH: dict[str, Any] = {
    "heartbeat": {"preset": "strict"},
    "reconnect": {"maxAttempts": 10, "jitter": "none"},
}
WRONG: dict[str, Any] = {
    "deadlines": {"openMs": 60_000},
    "reconnect": {"factor": 0.5, "maxAttemps": 10},
    "stall": {"action": "restart"},
}
CONTRADICTION: dict[str, Any] = {"heartbeat": {"deadAfterMs": 2000}, "deadlines": {"openMs": 60_000}}


def conversation() -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Requests of the example, each with what the sidecar answers to it."""
    for number, given in enumerate((PATCH, WRONG, CONTRADICTION), 1):
        params = {"sessionId": "s1", "settings": given}
        request = {"jsonrpc": "2.0", "id": number, "method": "session/configure", "params": params}
        answer = {"jsonrpc": "2.0", "id": number, **_answer(json.dumps(params).encode())}
        yield request, answer


def _answer(raw: bytes) -> dict[str, Any]:
    try:
        try:
            params = msgspec.json.decode(raw, type=protocol.ConfigureParams)
        except msgspec.ValidationError:
            raise invalid_params(protocol.ConfigureParams, raw) from None
        effective = settings.effective(settings.patch(Settings(), params.settings))
        return {"result": msgspec.to_builtins(protocol.ConfigureResult(settings=effective))}
    except RpcError as exc:
        return {"error": msgspec.to_builtins(exc.to_wire())}


_NOTES = (
    "A patch that is taken, and all settings as they are then:",
    "One that is not, because of values and names:",
    "And one whose values are all in range:",
)


def _example() -> Iterator[str]:
    for note, (request, answer) in zip(_NOTES, conversation(), strict=True):
        yield f"{note}\n"
        yield "```"
        yield f"> {json.dumps(request, separators=(',', ':'))}"
        yield f"< {json.dumps(answer, separators=(',', ':'))}"
        yield "```\n"


def _constants() -> Iterator[str]:
    yield f"""\
## What is no setting

Some numbers are the same for everybody, because another value would only break a promise:

- At most {DIALS_PER_HOST} connection attempts to one host are under way at a time, all sessions together; the
  others wait for their turn, and their deadlines begin when they have it.
- A session holds {SOFT_LIMIT_BYTES >> 20} MiB for a host that does not read; then its oldest model audio
  is dropped and reported as one range. At {HARD_LIMIT_BYTES >> 20} MiB the session ends with
  `hostNotReading`.
- A line in, a line out and a frame of the service hold at most {protocol.MAX_LINE_BYTES} bytes.
- `session/queue` comes at most four times a second, `session/health` once a second and when the quality
  changes.
"""
