"""What is told about params that do not fit: every field, with its path, and never a value."""

from typing import Annotated, Any, Literal

import msgspec
import pytest
from msgspec import UNSET, Meta, Struct, UnsetType, field

from sidecar.observe.wording import sentence
from sidecar.rpc.problems import MAX_PROBLEMS, problems
from sidecar.rpc.protocol import METHODS, FieldProblem, OpenParams

SECRET = "canary-of-a-value"


class Inner(Struct, rename="camel", forbid_unknown_fields=True):
    max_size: Annotated[int, Meta(ge=500, le=86_400_000)] | UnsetType = UNSET
    factor: Annotated[float, Meta(ge=1, le=10)] | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET


class Cat(Struct, tag_field="type", tag="cat", forbid_unknown_fields=True):
    lives: int


class Dog(Struct, tag_field="type", tag="dog", forbid_unknown_fields=True):
    name: str


class Outer(Struct, rename="camel", forbid_unknown_fields=True):
    name: Annotated[str, Meta(min_length=1, max_length=8)]
    version: Annotated[str, Meta(pattern=r"^v[0-9]$(?!\n)")] = "v1"
    jitter: Literal["full", "none"] = "full"
    inner: Inner = field(default_factory=Inner)
    pet: Cat | Dog | UnsetType = UNSET
    delays: Annotated[list[Annotated[int, Meta(ge=0)]], Meta(min_length=1, max_length=3)] | UnsetType = UNSET
    anything: dict[str, Any] = field(default_factory=dict)
    id: int | str = 0


def told(params: bytes) -> list[tuple[str, str, Any]]:
    with pytest.raises(msgspec.ValidationError):  # what fits never comes here
        msgspec.json.decode(params, type=Outer)
    return [(p.field, p.problem, p.allowed) for p in problems(Outer, params)]


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        (b"{}", ("name", "missing", "a string of 1 to 8 characters")),
        (b'{"name":""}', ("name", "wrong length", "a string of 1 to 8 characters")),
        (b'{"name":"123456789"}', ("name", "wrong length", "a string of 1 to 8 characters")),
        (b'{"name":5}', ("name", "wrong type: a number", "a string of 1 to 8 characters")),
        (b'{"name":"a","version":"x"}', ("version", "wrong form", "a string that matches ^v[0-9]$")),
        (b'{"name":"a","jitter":"x"}', ("jitter", "not one of the allowed values", "one of: full, none")),
        (b'{"name":"a","jitter":null}', ("jitter", "wrong type: null", "one of: full, none")),
        (b'{"name":"a","inner":[]}', ("inner", "wrong type: a list", "an object")),
        (b'{"name":"a","inner":{"maxSize":499}}', ("inner.maxSize", "out of range", "a whole number from 500 to 86400000")),
        (b'{"name":"a","inner":{"maxSize":86400001}}', ("inner.maxSize", "out of range", "a whole number from 500 to 86400000")),
        (b'{"name":"a","inner":{"maxSize":1e99}}', ("inner.maxSize", "not a whole number", "a whole number from 500 to 86400000")),
        (b'{"name":"a","inner":{"maxSize":501.5}}', ("inner.maxSize", "not a whole number", "a whole number from 500 to 86400000")),
        (b'{"name":"a","inner":{"factor":0.5}}', ("inner.factor", "out of range", "a number from 1 to 10")),
        (b'{"name":"a","inner":{"factor":"2"}}', ("inner.factor", "wrong type: a string", "a number from 1 to 10")),
        (b'{"name":"a","inner":{"enabled":1}}', ("inner.enabled", "wrong type: a number", "true or false")),
        (b'{"name":"a","inner":{"enabled":null}}', ("inner.enabled", "wrong type: null", "true or false")),
        (b'{"name":"a","delays":[1,-1]}', ("delays[1]", "out of range", "a whole number from 0")),
        (b'{"name":"a","anything":true}', ("anything", "wrong type: a boolean", "an object")),
        (b'{"name":"a","id":{}}', ("id", "wrong type: an object", "a whole number or a string")),
        (b'{"name":"a","pet":{"lives":9}}', ("pet.type", "missing", "one of: cat, dog")),
        (b'{"name":"a","pet":{"type":"cow"}}', ("pet.type", "not one of the allowed values", "one of: cat, dog")),
        (b'{"name":"a","pet":{"type":"CAT"}}', ("pet.type", "not one of the allowed values; did you mean cat?", "one of: cat, dog")),
        (b'{"name":"a","jitter":"ful"}', ("jitter", "not one of the allowed values; did you mean full?", "one of: full, none")),
        (b'{"name":"a","pet":{"type":7}}', ("pet.type", "not one of the allowed values", "one of: cat, dog")),
        (b'{"name":"a","pet":{"type":"dog","name":1}}', ("pet.name", "wrong type: a number", "a string")),
        (b'{"name":"a","x":1}', ("x", "unknown field", UNSET)),
        (b'{"name":"a","inner":{"max_size":1}}', ("inner.max_size", "unknown field; did you mean maxSize?", UNSET)),
        (b'{"name":"a","jiter":"full"}', ("jiter", "unknown field; did you mean jitter?", UNSET)),
        (b"[]", ("params", "wrong type: a list", "an object")),
        (b"null", ("params", "wrong type: null", "an object")),
    ],
    ids=lambda value: value.decode() if isinstance(value, bytes) else "",
)  # fmt: skip
def test_a_wrong_field_is_told_with_its_path_and_what_may_stand_there(params, expected):
    assert told(params) == [expected]


def test_every_wrong_field_is_told_the_known_ones_first():
    params = b"""{"unknwon":1, "inner":{"factor":0,"maxSize":"9"}, "jitter":"x", "delays":[-1,2,"3"]}"""

    assert [path for path, _, _ in told(params)] == [
        "name",
        "jitter",
        "inner.maxSize",
        "inner.factor",
        "delays[0]",
        "delays[2]",
        "unknwon",
    ]


@pytest.mark.parametrize("delays", [b"[]", b"[1,2,3,4]"])
def test_a_list_of_the_wrong_length_is_told_once(delays):
    ((path, problem, allowed),) = told(b'{"name":"a","delays":' + delays + b"}")

    assert (path, allowed) == ("delays", "a list of 1 to 3 entries, each a whole number from 0")
    assert "too many" in problem


def test_the_tag_of_a_struct_is_no_unknown_field():
    assert told(b'{"name":5,"pet":{"type":"cat","lives":9}}') == [
        ("name", "wrong type: a number", "a string of 1 to 8 characters")
    ]


def test_a_field_that_is_right_where_it_stands_last_is_not_told():
    """msgspec refuses the first of the two; there is nothing to say about the second."""
    assert told(b'{"name":5,"name":"a"}') == []


@pytest.mark.parametrize(
    "params",
    [
        {"name": "long-" + SECRET},
        {"name": "a", "version": SECRET},
        {"name": "a", "jitter": SECRET},
        {"name": "a", "inner": {"maxSize": SECRET, "factor": SECRET, "enabled": SECRET}},
        {"name": "a", "inner": SECRET},
        {"name": "a", "pet": {"type": SECRET}},
        {"name": "a", "pet": {"type": "cat", "lives": SECRET}},
        {"name": "a", "delays": [SECRET]},
        {"name": "a", "delays": {SECRET: SECRET}},
        {"name": "a", "unknown": SECRET},
        SECRET,
    ],
)
def test_no_value_is_repeated(params):
    found = problems(Outer, msgspec.json.encode(params))

    assert found
    assert SECRET not in repr(found)
    assert SECRET not in "".join(map(sentence, found))


def test_a_secret_in_the_place_of_a_name_is_not_repeated():
    found = problems(Outer, b'{"name":"a","AIzaSyCanaryCanaryCanary":1}')

    assert [p.problem for p in found] == ["unknown field"]
    assert "Canary" not in repr(found)


def test_a_long_name_is_cut():
    (problem,) = problems(Outer, b'{"name":"a","' + b"x" * 1_000_000 + b'":1}')

    assert len(sentence(problem)) < 200


def test_no_more_than_the_limit_is_told():
    unknown = b",".join(b'"f%d":1' % number for number in range(10 * MAX_PROBLEMS))

    assert len(problems(Outer, b'{"name":"a",' + unknown + b"}")) == MAX_PROBLEMS
    assert MAX_PROBLEMS == 50


@pytest.mark.parametrize("path", ["x", "inner", "anything", "delays", "name", "id", "pet"])
def test_deep_nesting_is_told_and_harms_nothing(path):
    deep = b"[" * 100_000 + b"]" * 100_000
    found = problems(Outer, b'{"version":1,"%s":%s}' % (path.encode(), deep))

    assert "nested too deeply" in {p.problem for p in found}


def test_a_long_list_is_judged_as_a_whole():
    found = problems(Outer, b'{"name":"a","delays":[' + b",".join([b'"x"'] * 100_000) + b"]}")

    assert [p.field for p in found] == ["delays"]


def test_a_sentence_names_field_problem_and_what_is_allowed():
    told = FieldProblem(field="a.b", problem="out of range", allowed="a number")

    assert sentence(told) == "a.b: out of range (allowed: a number)."
    assert sentence(FieldProblem(field="a", problem="unknown field; did you mean b?")) == (
        "a: unknown field; did you mean b?"
    )


def test_an_open_tells_every_wrong_setting():
    params = b"""{"sessionId":"s","auth":{"type":"apiKey","apiKey":"k"},"setup":{"model":"m"},"settings":{
        "heartbeat":{"preset":"fast"},"reconnect":{"factor":0.5,"maxAttemps":1},"deadlines":{"attemptMs":10}}}"""

    assert [p.field for p in problems(OpenParams, params)] == [
        "settings.heartbeat.preset",
        "settings.reconnect.factor",
        "settings.reconnect.maxAttemps",
        "settings.deadlines.attemptMs",
    ]


@pytest.mark.parametrize("name", METHODS)
def test_every_method_can_tell_what_is_wrong(name):
    (unknown,) = [p for p in problems(METHODS[name].params, b'{"no such field":1}') if "unknown" in p.problem]

    assert unknown.field == "no such field"
