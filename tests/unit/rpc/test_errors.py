"""The error table, and the one shape in which every error goes out."""

import msgspec
import pytest

from sidecar.lifecycle.faults import ROWS, Cause, Layer, classify
from sidecar.rpc import protocol as p
from sidecar.rpc.errors import RpcError, connection_failed, fault_data, invalid_fields, invalid_params

STANDARD = {
    "parseError": -32700,
    "invalidRequest": -32600,
    "methodNotFound": -32601,
    "invalidParams": -32602,
    "internalError": -32603,
}
"""JSON-RPC 2.0, section 5.1."""


def test_codes_and_kinds_are_unique():
    assert len({row.code for row in p.ERROR_CODES}) == len(p.ERROR_CODES)
    assert len({row.kind for row in p.ERROR_CODES}) == len(p.ERROR_CODES)


def test_standard_errors_have_their_standard_codes():
    codes = {row.kind: row.code for row in p.ERROR_CODES}
    assert {kind: codes[kind] for kind in STANDARD} == STANDARD


def test_our_own_codes_lie_in_the_range_that_json_rpc_leaves_to_servers():
    for row in p.ERROR_CODES:
        assert row.kind in STANDARD or -32099 <= row.code <= -32000


def test_the_kinds_of_the_table_and_those_of_faults_are_apart():
    """`connectionFailed` carries a fault's kind in `data.kind`, so the two must not be mixed up by a host."""
    shared = {row.kind for row in p.ERROR_CODES} & {row.kind for row in ROWS}
    assert shared <= {"internalError", "overloaded"}  # the same thing said of both sides


def test_an_error_says_the_same_in_its_message_and_in_its_data():
    wire = msgspec.to_builtins(
        RpcError("wrongState", "too early", remediation="Wait.", session_id="s").to_wire()
    )

    assert wire == {
        "code": -32013,
        "message": "too early",
        "data": {
            "kind": "wrongState",
            "message": "too early",
            "userMessage": wire["data"]["userMessage"],
            "retryable": False,
            "action": "stop",
            "remediation": "Wait.",
            "sessionId": "s",
        },
    }
    assert wire["data"]["userMessage"]


@pytest.mark.parametrize("row", p.ERROR_CODES, ids=lambda row: row.kind)
def test_every_row_can_be_answered_with_all_that_data_must_have(row):
    wire = msgspec.to_builtins(RpcError(row.kind, "why").to_wire())

    assert wire["code"] == row.code
    assert {"kind", "message", "userMessage", "retryable", "action"} <= set(wire["data"])
    assert wire["data"]["retryable"] == (wire["data"]["action"] != "stop")


@pytest.mark.parametrize("kind", ["overloaded", "outboxFull", "deadlineExceeded"])
def test_what_may_work_later_is_retryable(kind):
    assert RpcError(kind, "").data.retryable


@pytest.mark.parametrize(
    "kind", ["parseError", "methodNotFound", "invalidParams", "unknownSession", "sessionClosed"]
)
def test_what_cannot_work_unchanged_is_not_retryable(kind):
    assert not RpcError(kind, "").data.retryable


def test_a_message_is_cut_before_it_fills_a_line():
    """Some repeat a name that the host chose; it may have been megabytes long."""
    wire = msgspec.json.encode(RpcError("invalidParams", "unknown field " + "x" * 10_000_000).to_wire())

    assert len(wire) < 10_000


def test_invalid_params_name_every_wrong_field_in_a_sentence_and_in_the_data():
    wire = msgspec.to_builtins(invalid_params(p.WaitParams, b'{"states":[],"timeout":5}').to_wire())

    assert wire["code"] == -32602
    assert wire["data"]["problems"] == [
        {"field": "sessionId", "problem": "missing", "allowed": "a string of 1 to 128 characters"},
        wire["data"]["problems"][1],
        {"field": "timeout", "problem": "unknown field; did you mean timeoutMs?"},
    ]
    assert wire["data"]["problems"][1]["field"] == "states"
    assert wire["message"].startswith(
        "sessionId: missing (allowed: a string of 1 to 128 characters). states: "
    )
    assert wire["message"].endswith(" timeout: unknown field; did you mean timeoutMs?")
    assert wire["data"]["message"] == wire["message"]


def test_a_field_given_twice_is_told_without_its_value():
    refused = invalid_params(p.SetLevelParams, b'{"level":"canary","level":"info"}')

    assert "given twice" in str(refused)
    assert "canary" not in str(refused)


def test_the_message_of_many_problems_is_whole():
    """The bound on a problem's length makes the cut of other messages needless here."""
    longest = p.FieldProblem(field="settings." + "x" * 64, problem="not allowed", allowed="y" * 450)
    message = str(invalid_fields([longest] * 50))

    assert message.count("not allowed") == 50
    assert "(cut)" not in message


def test_a_fault_is_told_with_its_own_kind_and_figures():
    refused = connection_failed(classify(Cause(Layer.HTTP, 503, "busy", retry_after_s=1.5)), "s1")
    data = msgspec.to_builtins(refused.to_wire())["data"]

    assert refused.code == -32020
    assert (data["kind"], data["httpStatus"], data["retryAfterMs"]) == ("serviceUnavailable", 503, 1500)
    assert (data["retryable"], data["sessionId"]) == (True, "s1")
    assert "wsCode" not in data


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.layer}-{row.code}-{row.text}")
def test_every_fault_can_be_told(row):
    code = {"3xx": 302, "4xx": 418, None: 4999 if row.layer is Layer.WEBSOCKET else "other"}.get(
        row.code, row.code
    )
    data = msgspec.to_builtins(fault_data(classify(Cause(row.layer, code, row.text)), "s1"))

    assert set(data) >= {"kind", "message", "userMessage", "retryable", "action", "sessionId"}
    assert msgspec.convert(data, p.ErrorData).kind == row.kind
