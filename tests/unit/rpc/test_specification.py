"""The examples of the JSON-RPC 2.0 specification, section 7, through our reader, dispatcher and writer.

The lines are those of the specification, with its errors' own codes; messages and data are ours.
"""

import json

import msgspec
import pytest
from msgspec import Struct

from sidecar.rpc.dispatch import Route
from sidecar.rpc.server import Server


class Subtrahend(Struct):
    subtrahend: int
    minuend: int


def _subtract(numbers):
    if isinstance(numbers, Subtrahend):
        return numbers.minuend - numbers.subtrahend
    return numbers[0] - numbers[1]


class SpecServer(Server):
    """The real server, with the specification's methods in place of ours."""

    def _routes(self):
        self.notified = []
        anything = msgspec.json.Decoder()
        return super()._routes() | {
            "subtract": Route(msgspec.json.Decoder(tuple[int, int] | Subtrahend), _subtract),
            "sum": Route(msgspec.json.Decoder(list[int]), sum),
            "update": Route(anything, self.notified.append),
            "notify_hello": Route(anything, self.notified.append),
            "notify_sum": Route(anything, self.notified.append),
            "get_data": Route(anything, lambda _: ["hello", 5]),
        }


def result(value, call_id):
    return {"jsonrpc": "2.0", "result": value, "id": call_id}


def error(code, call_id):
    return {"jsonrpc": "2.0", "error": {"code": code}, "id": call_id}


EXAMPLES = [
    (
        "positional parameters",
        '{"jsonrpc": "2.0", "method": "subtract", "params": [42, 23], "id": 1}',
        result(19, 1),
    ),
    (
        "positional, the other way",
        '{"jsonrpc": "2.0", "method": "subtract", "params": [23, 42], "id": 2}',
        result(-19, 2),
    ),
    (
        "named parameters",
        '{"jsonrpc": "2.0", "method": "subtract", "params": {"subtrahend": 23, "minuend": 42}, "id": 3}',
        result(19, 3),
    ),
    (
        "named, in the other order",
        '{"jsonrpc": "2.0", "method": "subtract", "params": {"minuend": 42, "subtrahend": 23}, "id": 4}',
        result(19, 4),
    ),
    ("a notification", '{"jsonrpc": "2.0", "method": "update", "params": [1,2,3,4,5]}', None),
    ("a non-existent method", '{"jsonrpc": "2.0", "method": "foobar", "id": "1"}', error(-32601, "1")),
    ("invalid JSON", '{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]', error(-32700, None)),
    ("an invalid request object", '{"jsonrpc": "2.0", "method": 1, "params": "bar"}', error(-32600, None)),
    (
        "a batch of invalid JSON",
        '[ {"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"}, {"jsonrpc": "2.0", "method" ]',
        error(-32700, None),
    ),
    ("an empty array", "[]", error(-32600, None)),
    ("an invalid batch, but not empty", "[1]", [error(-32600, None)]),
    ("an invalid batch", "[1,2,3]", [error(-32600, None)] * 3),
    (
        "a batch",
        (
            '[ {"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},'
            ' {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]},'
            ' {"jsonrpc": "2.0", "method": "subtract", "params": [42,23], "id": "2"},'
            ' {"foo": "boo"},'
            ' {"jsonrpc": "2.0", "method": "foo.get", "params": {"name": "myself"}, "id": "5"},'
            ' {"jsonrpc": "2.0", "method": "get_data", "id": "9"} ]'
        ),
        [
            result(7, "1"),
            result(19, "2"),
            error(-32600, None),
            error(-32601, "5"),
            result(["hello", 5], "9"),
        ],
    ),
    (
        "a batch of notifications",
        (
            '[ {"jsonrpc": "2.0", "method": "notify_sum", "params": [1,2,4]},'
            ' {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]} ]'
        ),
        None,
    ),
]


def without_text(answer):
    """An answer with of its error only what the specification fixes, after a look at the rest."""
    if isinstance(answer, list):
        return [without_text(member) for member in answer]
    if "error" in answer:
        assert isinstance(answer["error"]["message"], str)
        assert set(answer["error"]) == {"code", "message", "data"}
        return answer | {"error": {"code": answer["error"]["code"]}}
    return answer


@pytest.mark.parametrize(
    ("line", "expected"), [row[1:] for row in EXAMPLES], ids=[row[0] for row in EXAMPLES]
)
async def test_the_specification_s_examples_get_the_specification_s_answers(hosts, line, expected):
    host = await hosts(SpecServer)
    await host.initialize()

    host.say(line.encode())
    answers = [without_text(message) for message in await host.hear_all()]

    assert answers == ([] if expected is None else [expected])


async def test_the_specification_s_notifications_are_carried_out(hosts):
    host = await hosts(SpecServer)
    await host.initialize()

    for name, line, _ in EXAMPLES:
        if "notification" in name or name == "a batch":
            host.say(line.encode())
    await host.hear_all()

    assert host.server.notified == [[1, 2, 3, 4, 5], [7], [1, 2, 4], [7]]


async def test_an_unknown_notification_of_the_specification_gets_no_response(hosts):
    host = await hosts(SpecServer)
    await host.initialize()

    host.say(json.dumps({"jsonrpc": "2.0", "method": "foobar"}).encode())

    assert [m.get("method") for m in await host.hear_all()] == ["log"]
