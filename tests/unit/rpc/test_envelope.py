"""One line, one judgement: what is a call, what is not, and whose id the refusal carries."""

import json

import pytest

from sidecar.rpc.envelope import Answer, Call, Invalid, parse, response

DEEP = 100_000


def call(**members: object) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": "m"} | members).encode()


BAD_LINES = [
    # what it is, line, kind, id of the answer
    ("nothing but spaces", b"   ", "parseError", None),
    ("a word", b"hello", "parseError", None),
    ("half an object", b'{"jsonrpc":"2.0","id":1,', "parseError", None),
    ("two objects", b'{"jsonrpc":"2.0","id":1,"method":"m"}{}', "parseError", None),
    ("a comma too many", b'{"jsonrpc":"2.0","id":1,"method":"m",}', "parseError", None),
    ("single quotes", b"{'jsonrpc':'2.0','id':1,'method':'m'}", "parseError", None),
    ("a byte order mark", b"\xef\xbb\xbf" + call(), "parseError", None),
    ("a zero byte", b"\x00", "parseError", None),
    ("a control character in a string", b'{"jsonrpc":"2.0","id":1,"method":"m\x01"}', "parseError", None),
    ("a wrong escape", b'{"jsonrpc":"2.0","id":1,"method":"\\x"}', "parseError", None),
    ("invalid UTF-8", b'{"jsonrpc":"2.0","id":1,"method":"\xff"}', "parseError", None),
    (
        "invalid UTF-8 in params",
        b'{"jsonrpc":"2.0","id":1,"method":"m","params":["\xc3("]}',
        "parseError",
        None,
    ),
    ("a surrogate as UTF-8", b'{"jsonrpc":"2.0","id":1,"method":"\xed\xa0\x80"}', "parseError", None),
    ("UTF-16", call().decode().encode("utf-16"), "parseError", None),
    ("open brackets", b"[" * DEEP, "parseError", None),
    ("deep arrays", b"[" * DEEP + b"]" * DEEP, "parseError", None),
    ("deep params", call()[:-1] + b',"params":' + b"[" * DEEP + b"]" * DEEP + b"}", "parseError", None),
    ("deep objects", b'{"a":' * DEEP + b"1" + b"}" * DEEP, "parseError", None),
    (
        "an id of 5000 digits",
        b'{"jsonrpc":"2.0","method":"m","id":' + b"9" * 5000 + b"}",
        "invalidRequest",
        None,
    ),
    ("a number", b"1", "invalidRequest", None),
    ("a string", b'"hello"', "invalidRequest", None),
    ("null", b"null", "invalidRequest", None),
    ("an empty object", b"{}", "invalidRequest", None),
    ("an empty batch", b"[]", "invalidRequest", None),
    ("an empty batch with a space", b" [ ] ", "invalidRequest", None),
    ("a fraction as id", call(id=1.5), "invalidRequest", None),
    ("a float as id", call(id=1.0), "invalidRequest", None),
    ("a bool as id", call(id=True), "invalidRequest", None),
    ("null as id", call(id=None), "invalidRequest", None),
    ("an array as id", call(id=[1]), "invalidRequest", None),
    ("an object as id", call(id={}), "invalidRequest", None),
    ("no version", b'{"id":7,"method":"m"}', "invalidRequest", 7),
    ("another version", call(jsonrpc="1.0"), "invalidRequest", 1),
    ("a version that is a number", call(jsonrpc=2.0), "invalidRequest", 1),
    ("no method", b'{"jsonrpc":"2.0","id":"x"}', "invalidRequest", "x"),
    ("a method that is a number", call(method=1), "invalidRequest", 1),
    ("a method that is null", call(method=None), "invalidRequest", 1),
    ("a wrong method and a wrong id", call(method=1, id=[]), "invalidRequest", None),
]


@pytest.mark.parametrize(
    ("line", "kind", "call_id"), [row[1:] for row in BAD_LINES], ids=[row[0] for row in BAD_LINES]
)
def test_a_bad_line_is_refused_by_its_kind_under_its_id(line, kind, call_id):
    member = parse(line)

    assert isinstance(member, Invalid)
    assert (member.error.data.kind, member.id) == (kind, call_id)
    assert member.error.data.message


NOT_TEXT = [
    ("in params", b'{"jsonrpc":"2.0","id":%s,"method":"m","params":{"text":"cut \\ud83d"}}'),
    ("in the method", b'{"jsonrpc":"2.0","id":%s,"method":"\\udc00"}'),
    ("in a name", b'{"jsonrpc":"2.0","id":%s,"method":"m","params":{"\\uD800":1}}'),
    ("NaN", b'{"jsonrpc":"2.0","id":%s,"method":"m","params":{"x":NaN}}'),
    ("infinity", b'{"jsonrpc":"2.0","id":%s,"method":"m","params":[-Infinity]}'),
]


@pytest.mark.parametrize("line", [row[1] for row in NOT_TEXT], ids=[row[0] for row in NOT_TEXT])
@pytest.mark.parametrize("call_id", [3, "three"])
def test_a_lone_surrogate_or_nan_is_refused_under_the_id_of_its_call(line, call_id):
    """A host cuts an emoji in two more easily than it thinks; its call must not wait for ever."""
    member = parse(line % json.dumps(call_id).encode())

    assert isinstance(member, Invalid)
    assert (member.error.data.kind, member.id) == ("parseError", call_id)
    assert "surrogate" in member.error.data.message


def test_an_id_that_is_no_text_itself_cannot_be_given_back():
    member = parse(b'{"jsonrpc":"2.0","id":"\\ud800","method":"m"}')

    assert isinstance(member, Invalid)
    assert (member.error.data.kind, member.id) == ("parseError", None)


@pytest.mark.parametrize("call_id", [0, 1, -1, 2**53, 2**63, 2**70, "", "a", "1", "\u00e9\U0001f600", "\n"])
def test_an_id_is_an_integer_or_a_string_of_any_value(call_id):
    member = parse(call(id=call_id))

    assert isinstance(member, Call)
    assert member.id == call_id
    assert type(member.id) is type(call_id)


def test_an_id_longer_than_any_host_needs_is_refused():
    """It comes back in the answer, and may come back in an error's text: an answer must fit into a line."""
    assert isinstance(parse(call(id="x" * 1000)), Call)

    member = parse(call(id="x" * 1_000_000))

    assert isinstance(member, Invalid)
    assert (member.error.data.kind, member.id) == ("invalidRequest", None)


def test_without_an_id_it_is_a_notification():
    assert parse(b'{"jsonrpc":"2.0","method":"m"}') == Call("m", b"{}", None)


def test_params_are_passed_on_as_they_were_written():
    line = b' {"jsonrpc" : "2.0","extra":[1],"params": {"a" :[1e999, "\\u00e9" ]} ,"method":"m","id":1}\r'

    assert parse(line) == Call("m", b'{"a" :[1e999, "\\u00e9" ]}', 1)


@pytest.mark.parametrize(
    ("answer", "result", "error"),
    [
        ({"result": None}, b"null", None),
        ({"result": [1, 2]}, b"[1, 2]", None),
        ({"error": {"code": 1, "message": ""}}, None, b'{"code": 1, "message": ""}'),
    ],
)
def test_a_response_of_the_host_is_told_from_a_call(answer, result, error):
    line = json.dumps({"jsonrpc": "2.0", "id": 5} | answer).encode()

    assert parse(line) == Answer(5, result, error)


def test_a_message_with_method_and_result_is_a_call():
    assert isinstance(parse(call(result=1)), Call)


def test_members_of_a_batch_are_judged_one_by_one():
    members = parse(
        b'[1, %s, [], {"id":7}, {"jsonrpc":"2.0","method":"n"}, %s]' % (call(id=2), call(id=True))
    )

    assert [(type(m).__name__, m.id) for m in members] == [
        ("Invalid", None),
        ("Call", 2),
        ("Invalid", None),
        ("Invalid", 7),
        ("Call", None),
        ("Invalid", None),
    ]


def test_a_batch_inside_a_batch_is_no_message():
    (member,) = parse(b"[[%s]]" % call())

    assert isinstance(member, Invalid)
    assert member.error.data.kind == "invalidRequest"


def test_a_batch_of_fifty_is_taken_and_one_of_fifty_one_is_not():
    fifty = parse(b"[" + b",".join([call()] * 50) + b"]")
    more = parse(b"[" + b",".join([call()] * 51) + b"]")

    assert [type(member) for member in fifty] == [Call] * 50
    assert isinstance(more, Invalid)
    assert (more.error.data.kind, more.id) == ("overloaded", None)


def test_a_batch_cut_off_is_one_broken_line():
    member = parse(b"[%s, %s" % (call(), call()))

    assert isinstance(member, Invalid)
    assert (member.error.data.kind, member.id) == ("parseError", None)


@pytest.mark.parametrize("outcome", [{"result": {"a": 1}}, {"error": {"code": 1, "message": "x"}}])
def test_an_outcome_is_a_response(outcome: dict[str, object]) -> None:
    assert json.loads(response("7", outcome)) == {"jsonrpc": "2.0", "id": "7"} | outcome


def test_a_result_that_cannot_be_written_is_answered_all_the_same(caplog: pytest.LogCaptureFixture) -> None:
    answer = json.loads(response(7, {"result": object()}))
    assert (answer["id"], answer["error"]["data"]["kind"]) == (7, "internalError")
    assert "could not be written" in caplog.text
