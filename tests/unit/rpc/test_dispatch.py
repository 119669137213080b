"""What the routing library must never do to us: its known faults, and the fences around them."""

import json
import logging
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from msgspec import Struct

from sidecar.rpc.dispatch import Dispatcher, Route
from sidecar.rpc.errors import RpcError

ROOT = Path(__file__).parents[3]
SECRET = "sk-canary-of-a-defect"


class Params(Struct, forbid_unknown_fields=True):
    number: int = 0


def route(handler, params=Params):
    return Route(msgspec.json.Decoder(params), handler)


def kind_of(dispatcher, method, params=b"{}"):
    with pytest.raises(RpcError) as caught:
        dispatcher.dispatch(method, params)
    return caught.value.data.kind


def raise_(exc):
    def handler(_):
        raise exc

    return handler


def test_a_method_gets_its_params_and_its_result_comes_back_untouched():
    result = object()
    given = []
    dispatcher = Dispatcher({"m": route(lambda params: given.append(params) or result)})

    assert dispatcher.dispatch("m", b'{"number":5}') is result
    assert given == [Params(5)]


@pytest.mark.parametrize("result", [None, 0, "", [], False, {"error": 1}])
def test_a_result_may_be_any_value_also_an_empty_one(result):
    assert Dispatcher({"m": route(lambda _: result)}).dispatch("m", b"{}") == result


async def test_an_awaitable_is_given_back_to_be_awaited():
    async def later(params):
        return params.number + 1

    assert await Dispatcher({"m": route(later)}).dispatch("m", b'{"number":1}') == 2


@pytest.mark.parametrize("method", ["nothing", "", "__class__", "M", "m ", "x" * 100_000])
def test_an_unknown_method_is_named_in_a_short_text(method):
    dispatcher = Dispatcher({"m": route(lambda _: 1)})

    with pytest.raises(RpcError) as caught:
        dispatcher.dispatch(method, b"{}")

    assert caught.value.data.kind == "methodNotFound"
    assert method[:50] in str(caught.value)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    "params",
    [
        b'{"number":"5"}',
        b'{"other":1}',
        b"[1]",
        b"null",
        b'"text"',
        b"5",
        b"1e999999",
        b"9" * 5000,
        b'{"number":1.5}',
    ],
)
def test_params_that_do_not_fit_are_invalid(params):
    assert kind_of(Dispatcher({"m": route(lambda _: 1)}), "m", params) == "invalidParams"


def test_the_text_about_a_wrong_field_names_it_and_says_what_is_expected_but_not_what_came():
    with pytest.raises(RpcError) as caught:
        Dispatcher({"m": route(lambda _: 1)}).dispatch("m", json.dumps({"number": SECRET}).encode())

    assert "number" in str(caught.value)
    assert "a whole number" in str(caught.value)
    assert SECRET not in str(caught.value)


def test_every_wrong_field_is_told():
    with pytest.raises(RpcError) as caught:
        Dispatcher({"m": route(lambda _: 1)}).dispatch("m", b'{"number":"5","other":1}')

    assert [p.field for p in caught.value.data.problems] == ["number", "other"]


def test_a_handler_that_reads_wrongly_is_a_defect_and_not_the_callers_fault():
    def handler(_):
        msgspec.json.decode(b"{}", type=int)

    assert kind_of(Dispatcher({"m": route(handler)}), "m") == "internalError"


def test_an_error_that_the_handler_answers_comes_back_as_it_is():
    error = RpcError("wrongState", "not now")

    with pytest.raises(RpcError) as caught:
        Dispatcher({"m": route(raise_(error))}).dispatch("m", b"{}")

    assert caught.value is error


@pytest.mark.parametrize(
    "exc",
    [
        RuntimeError(SECRET),
        KeyError(SECRET),
        AssertionError(SECRET),
        TypeError(SECRET),
        StopIteration(SECRET),
        LookupError(),
    ],
)
def test_a_defect_becomes_an_internal_error_without_its_text_and_is_logged(exc, caplog):
    dispatcher = Dispatcher({"m": route(raise_(exc))})

    with caplog.at_level(logging.ERROR), pytest.raises(RpcError) as caught:
        dispatcher.dispatch("m", b"{}")

    assert caught.value.data.kind == "internalError"
    assert SECRET not in json.dumps(caught.value.to_wire(), default=msgspec.to_builtins)
    assert caught.value.__cause__ is None
    assert [record.name for record in caplog.records] == ["sidecar.rpc.dispatch"]
    assert caplog.records[0].exc_info[1] is exc


def test_the_library_s_own_exception_is_a_defect_like_any_other():
    """jsonrpcserver answers a JsonRpcError with whatever code and data it holds; that is not our table."""
    import jsonrpcserver

    dispatcher = Dispatcher({"m": route(raise_(jsonrpcserver.JsonRpcError(code=-1, message=SECRET)))})

    assert kind_of(dispatcher, "m") == "internalError"


def test_the_library_s_own_results_are_values_like_any_other():
    import jsonrpcserver

    value = jsonrpcserver.Error(code=1, message="x")

    assert Dispatcher({"m": route(lambda _: value)}).dispatch("m", b"{}") is value


def test_a_recursion_in_a_handler_does_not_pass_the_fence():
    def endless(params):
        return endless(params)

    assert kind_of(Dispatcher({"m": route(endless)}), "m") in {"internalError", "invalidParams"}


def test_the_fences_hold_without_assertions():
    """The library checks what a method returns by `assert`; `python -O` takes that away."""
    program = (
        "import warnings; warnings.simplefilter('ignore')\n"
        "import msgspec\n"
        "from sidecar.rpc.dispatch import Dispatcher, Route\n"
        "from sidecar.rpc.errors import RpcError\n"
        "assert False, 'assertions are on'\n"
        "def fail(_): raise RuntimeError('sk-canary')\n"
        "any_ = msgspec.json.Decoder()\n"
        "d = Dispatcher({'nothing': Route(any_, lambda _: None), 'text': Route(any_, lambda _: 'plain'),\n"
        "    'fail': Route(any_, fail), 'typed': Route(msgspec.json.Decoder(int), lambda n: n)})\n"
        "print(d.dispatch('nothing', b'1'), d.dispatch('text', b'1'))\n"
        "for method, params in (('fail', b'1'), ('typed', b'[]'), ('unknown', b'1')):\n"
        "    try: print(d.dispatch(method, params))\n"
        "    except RpcError as e: print(e.data.kind, 'canary' in str(e.to_wire()))\n"
    )
    run = subprocess.run(
        [sys.executable, "-O", "-c", program],
        capture_output=True,
        text=True,
        timeout=30,
        cwd=ROOT,
        check=False,
    )

    assert run.stdout.splitlines() == [
        "None plain",
        "internalError False",
        "invalidParams False",
        "methodNotFound False",
    ], run.stderr


def in_a_new_interpreter(program):
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        capture_output=True,
        text=True,
        timeout=30,
        cwd=ROOT,
        check=True,
    )
    return run.stdout.split()


HEAVY = ("jsonrpcserver", "jsonschema", "sidecar.session", "websockets", "argparse", "msgspec")
"""The last one is there to show that this finds something."""


def test_what_initialize_needs_is_loaded_first_and_the_rest_after_it():
    program = (
        "import sys, sidecar.cli, sidecar.observe.logging, sidecar.rpc.server, sidecar.stdio.edge\n"
        f"loaded = lambda: [name for name in {HEAVY} if name in sys.modules]\n"
        "print(*loaded())\n"
        "sidecar.rpc.loading.import_the_rest()\n"
        "print(*loaded())\n"
    )

    assert in_a_new_interpreter(program) == [
        "msgspec",
        "jsonrpcserver",
        "sidecar.session",
        "websockets",
        "msgspec",
    ]


def test_the_schemas_that_the_library_would_load_are_spared_and_nobody_else_is_in_its_way():
    program = (
        "import sys, msgspec\n"
        "from sidecar.rpc.dispatch import Dispatcher, Route\n"
        "d = Dispatcher({'m': Route(msgspec.json.Decoder(), lambda _: 1)})\n"
        "print(d.dispatch('m', b'1'), [name for name in sys.modules if name.startswith('jsonschema')])\n"
        "from jsonschema import validators\n"
        "print(validators.validator_for({}).__name__)\n"
    )

    assert in_a_new_interpreter(program) == ["1", "[]", "Draft202012Validator"]


def test_the_library_that_somebody_else_loaded_is_taken():
    program = (
        "import sys, jsonrpcserver\n"
        "from sidecar.rpc.dispatch import library\n"
        "print(library() is jsonrpcserver, 'jsonschema.validators' in sys.modules)\n"
    )

    assert in_a_new_interpreter(program) == ["True", "True"]
