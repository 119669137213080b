"""Valid calls, and the places where they can be made wrong, from the OpenRPC document of the running process."""

from copy import deepcopy
from typing import Any, NamedTuple

from tests.fuzz.child import CANARY

REF = "#/components/schemas/"
MISSING = object()
_NAMED = {
    "baseUrl": "ws://127.0.0.1:1",
    "data": "AAAA",
    "mimeType": "audio/pcm;rate=16000",
    "apiVersion": "v1beta",
    "protocolVersion": "1",
    "model": "models/m",
    "sessionId": "target",
    "setup": {"model": "models/m", "generationConfig": {"responseModalities": ["AUDIO"]}},
    "realtimeInput": {"text": "hello"},
    "clientContent": {"turns": [{"role": "user", "parts": [{"text": "hello"}]}], "turnComplete": True},
    "toolResponse": {"functionResponses": [{"id": "f", "name": "g", "response": {}}]},
}
"""What a schema cannot tell."""
_OF_TYPE = {"string": "s", "integer": 7, "number": 1.5, "boolean": True, "object": {}, "null": None}


class Place(NamedTuple):
    """A field of a method's params: where it stands, and the values that are just inside or outside its range."""

    path: tuple[str, ...]
    edges: tuple[Any, ...]


class Method(NamedTuple):
    """A method as its document tells it. `valid`: its required params; `places`: all of them, at any depth."""

    name: str
    request: bool
    valid: dict[str, Any]
    places: tuple[Place, ...]


def methods(document: dict[str, Any]) -> list[Method]:
    """All methods of an OpenRPC document."""
    return [_method(each, document["components"]["schemas"]) for each in document["methods"]]


def altered(params: dict[str, Any], path: tuple[str, ...], value: Any) -> dict[str, Any]:
    """A copy with another value at `path`, or with none. What stands in the way becomes an object."""
    params = deepcopy(params)
    *parents, last = path
    holder = params
    for name in parents:
        if not isinstance(holder.get(name), dict):
            holder[name] = {}
        holder = holder[name]
    if value is MISSING:
        holder.pop(last, None)
    else:
        holder[last] = value
    return params


def _method(row, schemas):
    params = row["params"]
    valid = {p["name"]: _example(p["name"], p["schema"], schemas) for p in params if p["required"]}
    if row["name"] == "session/send":
        valid["realtimeInput"] = _NAMED["realtimeInput"]
    places = [place for p in params for place in _places((p["name"],), p["schema"], schemas)]
    return Method(row["name"], "result" in row, valid, tuple(places))


def _resolved(schema, schemas):
    while "$ref" in schema:
        schema = schemas[schema["$ref"].removeprefix(REF)]
    return schema["anyOf"][0] if "anyOf" in schema else schema


def _example(name, schema, schemas):
    schema = _resolved(schema, schemas)
    if schema.get("x-secret"):
        return CANARY
    if name in _NAMED:
        return deepcopy(_NAMED[name])
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("type") == "array":
        return [_example("", schema["items"], schemas)]
    if "properties" in schema:
        required = schema.get("required", ())
        return {k: _example(k, schema["properties"][k], schemas) for k in required}
    return schema.get("minimum", _OF_TYPE[schema.get("type", "object")])


def _places(path, schema, schemas):
    schema = _resolved(schema, schemas)
    yield Place(path, (_example(path[-1], schema, schemas), *_edges(schema)))
    for name, inner in schema.get("properties", {}).items():
        yield from _places((*path, name), inner, schemas)


def _edges(schema):
    for bound in ("minimum", "maximum"):
        if bound in schema:
            value = schema[bound]
            yield from (value - 1, value, value + 1, value + 0.5)
    for bound in ("minLength", "maxLength"):
        if bound in schema:
            yield from ("x" * max(0, schema[bound] - 1), "x" * schema[bound], "x" * (schema[bound] + 1))
    yield from schema.get("enum", ())
