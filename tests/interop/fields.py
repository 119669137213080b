"""Every field that a `google-genai` can send to the Live API, found by its own converters.

Run by a Python that has the package: `python -P tests/interop/fields.py`. It prints JSON: the version, and for
each service the fields of its client messages, as objects in each other; a list is as its entries. One message
is made for each field, and what the converters make of it is what would go on the wire.

tests/unit/simulator/sdk_fields.json keeps what it said: `.venv/bin/python -m tests.unit.simulator.test_fields`.
"""

import enum
import json
import re
import typing
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import google.genai
import pydantic
from google.genai import Client, _common, types
from google.genai import _live_converters as converters
from google.genai import _transformers as transformers

MAX_DEPTH = 8
"""Of a sample. Schemas hold schemas, and so on for ever."""

Tree = dict[str, Any]
Converter = Callable[[Any], dict[str, Any]]


def main() -> None:
    warnings.simplefilter("ignore")  # of samples that are none of the type's
    clients = {
        "developer": Client(api_key="any"),
        "vertex": Client(vertexai=True, api_key="any"),
    }
    found = {family: _fields(family, client._api_client) for family, client in clients.items()}
    print(json.dumps({"version": google.genai.__version__, **found}))


def _fields(family: str, client: Any) -> Tree:
    end = "mldev" if family == "developer" else "vertex"
    found: Tree = {}
    for model, convert in _messages(end, client).items():
        for sample in _samples(model):
            try:
                message = json.loads(json.dumps(_common.encode_unserializable_types(convert(sample))))
            except (ValueError, TypeError, AttributeError):
                continue  # this service does not know the field, or the sample is none that the client takes
            _grow(found, message)
    return found


def _messages(end: str, client: Any) -> dict[type[pydantic.BaseModel], Converter]:
    """What `connect` and the `send_...` methods do with what they are given, up to the frame."""
    in_camel = lambda value: _common.convert_to_dict(value, convert_keys=True)  # noqa: E731

    def setup(config: types.LiveConnectConfig) -> dict[str, Any]:
        asked = types.LiveConnectParameters(model="models/m", config=config).model_dump(exclude_none=True)
        made = getattr(converters, f"_LiveConnectParameters_to_{end}")(api_client=client, from_object=asked)
        return {"setup": _common.convert_to_dict(made).get("setup", {})}

    def content(turn: types.Content) -> dict[str, Any]:
        given = transformers.t_client_content([turn], True).model_dump(mode="json", exclude_none=True)
        if end == "vertex":
            return {"clientContent": in_camel(given)}
        return {"clientContent": converters._LiveClientContent_to_mldev(from_object=given)}

    def realtime(given: types.LiveSendRealtimeInputParameters) -> dict[str, Any]:
        made = getattr(converters, f"_LiveSendRealtimeInputParameters_to_{end}")(from_object=given)
        return {"realtimeInput": _common.convert_to_dict(made)}

    def response(given: types.FunctionResponse) -> dict[str, Any]:
        return {"toolResponse": in_camel(transformers.t_tool_response([given]))}

    messages: dict[type[pydantic.BaseModel], Converter] = {
        types.LiveConnectConfig: setup,
        types.Content: content,
        types.LiveSendRealtimeInputParameters: realtime,
        types.FunctionResponse: response,
    }
    if hasattr(types, "LiveClientContextUpdate"):

        def update(given: Any) -> dict[str, Any]:
            message = types.LiveClientMessage(context_update=given)
            return dict(
                _common.convert_to_dict(getattr(converters, f"_LiveClientMessage_to_{end}")(client, message))
            )

        messages[types.LiveClientContextUpdate] = update
    return messages


def _samples(model: type[pydantic.BaseModel], around: tuple[type, ...] = ()) -> Iterator[pydantic.BaseModel]:
    """One for each field at any depth: with that field, and what is around it."""
    if model in around or len(around) == MAX_DEPTH:
        return
    for name, field in model.model_fields.items():
        for value in _values(field.annotation, (*around, model)):
            yield model.model_construct(**{name: value})


def _values(annotation: Any, around: tuple[type, ...]) -> Iterator[Any]:
    arguments = [each for each in typing.get_args(annotation) if each is not type(None)]
    origin = typing.get_origin(annotation)
    if origin is list:
        for value in _values(arguments[0], around):
            yield [value]
    elif origin is dict:
        yield {"k": "v"}
    elif arguments:  # a union: every message in it, and one of the others
        messages = [each for each in arguments if _is_message(each) or typing.get_origin(each) is list]
        for each in messages or arguments[:1]:
            yield from _values(each, around)
    elif _is_message(annotation):
        yield annotation.model_construct()
        yield from _samples(annotation, around)
    elif isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        yield next(iter(annotation))
    else:
        yield {str: "x", bytes: b"x", bool: True, int: 1, float: 1.0}.get(annotation, "x")


def _is_message(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, pydantic.BaseModel)


def _grow(tree: Tree, value: Any) -> None:
    if isinstance(value, dict):
        for name, inner in value.items():
            camel = re.sub(r"_([a-z0-9])", lambda match: match[1].upper(), name)  # both are taken (LP 1.5)
            _grow(tree.setdefault(camel, {}), inner)
    elif isinstance(value, list):
        for entry in value:
            _grow(tree, entry)


if __name__ == "__main__":
    main()
