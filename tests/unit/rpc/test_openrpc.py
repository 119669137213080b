import json
import re
from typing import Any

import msgspec
import pytest
from msgspec import Struct

from sidecar.rpc import openrpc, protocol

KINDS = {row.kind for row in protocol.ERROR_CODES}


def nodes(value: Any) -> list[dict[str, Any]]:
    """Every object in a JSON value."""
    if isinstance(value, dict):
        return [value, *(node for member in value.values() for node in nodes(member))]
    if isinstance(value, list):
        return [node for member in value for node in nodes(member)]
    return []


def test_the_document_is_json_of_an_openrpc_1_document() -> None:
    document = json.loads(msgspec.json.encode(openrpc.document()))
    assert re.fullmatch(r"1\.\d+\.\d+", document["openrpc"])
    assert document["info"]["title"]
    assert document["info"]["version"] == "1"
    assert [method["name"] for method in document["methods"]] == list(protocol.METHODS)


def test_every_reference_leads_to_something() -> None:
    document = openrpc.document()
    references = [node["$ref"] for node in nodes(document) if "$ref" in node]
    assert references
    for reference in references:
        target: Any = document
        for step in reference.removeprefix("#/").split("/"):
            target = target[step]


def test_names_on_the_wire_are_in_camel_case() -> None:
    names = {key for schema in openrpc.components().values() for key in schema.get("properties", {})}
    assert {"sessionId", "maxLineBytes", "mimeType"} <= names
    assert [name for name in names if not re.fullmatch(r"[a-z][a-zA-Z0-9]*", name)] == []


def test_a_method_has_its_params_with_what_is_required() -> None:
    methods = {method["name"]: method for method in openrpc.document()["methods"]}
    params = {param["name"]: param for param in methods["session/wait"]["params"]}
    assert {name: param["required"] for name, param in params.items()} == {
        "sessionId": True,
        "states": True,
        "timeoutMs": False,
    }
    assert params["timeoutMs"]["schema"]["default"] == 30_000
    assert methods["session/wait"]["result"]["schema"] == {"$ref": "#/components/schemas/SessionSnapshot"}


def test_only_requests_have_a_result_and_errors() -> None:
    for method in openrpc.document()["methods"]:
        answered = method["name"] not in {
            "exit",
            "$/cancelRequest",
            "session/sendAudio",
            "network/changed",
            "system/suspend",
            "system/resume",
        }
        assert ("result" in method) == answered, method["name"]
        assert ("errors" in method) == answered, method["name"]


def test_the_notifications_of_a_session_begin_with_the_stamp() -> None:
    notifications = {row["name"]: row["params"] for row in openrpc.document()["x-notifications"]}
    assert set(notifications) == {*protocol.EVENTS, *protocol.PROCESS_EVENTS}
    transcript = notifications["session/transcript"]
    assert list(transcript["properties"]) == [
        *("sessionId", "instanceId", "seq"),
        *("source", "text", "final", "turnId", "cut", "interim", "languageCode", "speakerLabel"),
    ]
    assert set(transcript["required"]) == {
        "sessionId",
        "instanceId",
        "seq",
        "source",
        "text",
        "final",
        "turnId",
    }
    assert "seq" not in notifications["log"]["properties"]


def test_the_stamp_does_not_hide_a_field_of_a_notification() -> None:
    stamp = set(openrpc.components()["Stamp"]["properties"])
    for struct in protocol.EVENTS.values():
        assert stamp.isdisjoint(openrpc.components()[struct.__name__]["properties"]), struct


def test_a_named_vocabulary_is_written_once_in_its_own_order() -> None:
    schemas = openrpc.components()
    assert schemas["StateRestored"] == {"enum": ["resumed", "reseeded", "fresh"]}
    assert schemas["StateChanged"]["properties"]["state"] == {"$ref": "#/components/schemas/State"}
    assert schemas["WaitParams"]["properties"]["states"]["items"] == {"$ref": "#/components/schemas/State"}


def test_every_secret_is_marked_and_nothing_else() -> None:
    marked = {
        (name, key)
        for name, schema in openrpc.components().items()
        for key, value in schema.get("properties", {}).items()
        if value.get("x-secret")
    }
    assert marked == {
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


def test_every_kind_of_error_is_in_the_table_and_has_its_place() -> None:
    listed = {kind for name in protocol.METHODS for kind in openrpc.method_errors(name)}
    assert {*openrpc.LINE_ERRORS, "methodNotFound"} | listed == KINDS
    assert openrpc.METHOD_ERRORS.keys() <= protocol.METHODS.keys()


@pytest.mark.parametrize("name", [name for name, row in protocol.METHODS.items() if row.result is not None])
def test_every_request_but_initialize_may_come_too_early(name: str) -> None:
    errors = openrpc.method_errors(name)
    assert ("notInitialized" in errors) == (name != "initialize")
    assert "invalidParams" in errors


def test_a_method_that_takes_a_session_may_find_none() -> None:
    for name, row in protocol.METHODS.items():
        takes = "session_id" in row.params.__struct_fields__ and name != "session/open"
        if row.result is not None:
            assert ("unknownSession" in openrpc.method_errors(name)) == takes, name


def test_a_docstring_of_several_lines_becomes_one_paragraph() -> None:
    class Documented(Struct):
        """First line,
        second line."""

    class Bare(Struct):
        pass

    assert openrpc.summary(Documented) == "First line, second line."
    assert openrpc.summary(Bare) == ""
