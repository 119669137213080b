"""What is told of a script or a fault that is wrong: every problem, with its line."""

import re
from pathlib import Path

import pytest

from sidecar.simulator.faults import Cut
from sidecar.simulator.script import Script, ScriptError, parse_fault

SECRET = "AIzaSyCanaryCanaryCanary"


def told(text: str | bytes, name: str | None = "s.json") -> list[str]:
    with pytest.raises(ScriptError) as caught:
        Script.parse(text if isinstance(text, bytes) else text.encode(), name)
    return str(caught.value).splitlines()


def told_of_fault(text: bytes) -> str:
    with pytest.raises(ScriptError) as caught:
        parse_fault(text)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('{"turns": [{"model": "a", "audioMs": "long"}]}', 's.json:1: turns[0].audioMs: must be null or a number over 0, got "long"'),
        ('{"turns": [\n{"model": "a"},\n{}]}', "s.json:3: turns[1].model: missing; must be a string"),
        ('{"faults": [\n{"do": "cut"},\n{"do": "goAway",\n"timeLeft":\n"soon"}]}', 's.json:4: faults[1].timeLeft: must be a duration such as "10s", got "soon"'),
        ('{"faults": [{"do": "close", "code": 1006}]}', "s.json:1: faults[0].code: 1006 is no close code that may be sent; those are 1000 to 1003, 1007 to 1014 and 3000 to 4999"),
        ('{"faults": [{"do": "refuse", "status": 499}]}', "s.json:1: faults[0].status: 499 is no HTTP status that is known"),
        ('{"faults": [{"do": "close", "like": "quotaExceded"}]}', 's.json:1: faults[0].like: must be a known name, such as quotaExceeded, got "quotaExceded"'),
        ('{"turns": [{"model": "a", "code": {"output": "b"}}]}', "s.json:1: turns[0].code.code: missing; must be a string"),
        ('{"faults": [{"do": "cut", "when": {"audio": 1}}]}', "s.json:1: faults[0].when.audio: unknown field; did you mean audioMs?"),
        ('\n\n{"ownerGraceMs": -1}', "s.json:3: ownerGraceMs: must be a number from 0, got -1"),
        ('{"text": null}', "s.json:1: text: must be true or false, got null"),
        ('{"turns": {}}', "s.json:1: turns: must be a list, each an object, got an object"),
        ('{"colour": "red"}', "s.json:1: colour: unknown field"),
        ("[]", "s.json:1: must be an object, got a list"),
    ],
)  # fmt: skip
def test_a_wrong_field_is_told_with_its_line_and_what_may_stand_there(text: str, line: str) -> None:
    assert told(text) == [line]


def test_a_wrong_do_lists_those_that_are_known() -> None:
    [line] = told('{"faults": [{"do": "explode"}]}')
    assert line.startswith("s.json:1: faults[0].do: must be one of: cut, freeze, close, goAway, ")
    assert line.endswith(', hang, got "explode"')


def test_all_problems_are_told_from_the_top_of_the_file_to_its_end() -> None:
    lines = told('{"txt": true,\n"faults": [{"do": "cut", "session": 0},\n7],\n"turns": 5,\n"frameMs": 1.5}')
    assert [line.partition(": ")[0] for line in lines] == [f"s.json:{n}" for n in range(1, 6)]


@pytest.mark.parametrize("field", ["keys", "tokens"])
def test_what_may_be_a_credential_is_not_repeated(field: str) -> None:
    text = " ".join(told(f'{{"{field}": "plainCanary", "vertexAliasPath": 5, "text": "{SECRET}"}}'))
    assert "vertexAliasPath: must be null or a string, got 5" in text
    assert "Canary" not in text


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('{"a": 1\n "b": 2}', "s.json:2:2: not JSON: Expecting ',' delimiter"),
        ('{ // why\n}', 's.json:1:3: not JSON: JSON has no comments; a script may have a "description"'),
        ('{"description": "ü", "frameMs": NaN}', "s.json:1:33: not JSON: invalid character"),
        ("", "s.json:1:1: not JSON: Expecting value"),
        (b'{\n"description": "\xff"}', "s.json:2: not UTF-8 text; save the file as UTF-8"),
    ],
)  # fmt: skip
def test_what_is_not_json_is_told_with_line_and_column(text: str | bytes, line: str) -> None:
    [said] = told(text)
    assert said.startswith(line)


def test_a_comma_too_many_is_told_as_this_python_puts_it() -> None:
    [said] = told('{\n "text": true,\n}')
    assert re.match(r"s\.json:[23]:\d+: not JSON: ", said)


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "[" * 100_000 + "]" * 100_000, '{"a":' * 5000 + "1" + "}" * 5000]
)
def test_what_is_nested_too_deeply_is_an_error_and_not_a_crash(text: str) -> None:
    assert told(text)
    assert told_of_fault(text.encode())


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ('{"text": 1, "text": true}', ["s.json:1: text: given twice; the first is in line 1"]),
        ('{\n"text": true,\n"text": true}', ["s.json:3: text: given twice; the first is in line 2"]),
        ('{"faults": [{"do": "cut"},\n{"do": "freeze", "forMs": 1,\n"forMs": 2, "do": "freeze"}]}',
            ["s.json:3: faults[1].forMs: given twice; the first is in line 2", "s.json:3: faults[1].do: given twice; the first is in line 2"]),
        ('{"turns": [{"model": "a", "toolCall": {"name": "f", "args": {"x": {"y": 1, "y": 1}}}}]}',
            ["s.json:1: turns[0].toolCall.args.x.y: given twice; the first is in line 1"]),
        ('{"text": true,\n"t\\u0065xt": true,\n"frameMs": 1}',
            ["s.json:2: text: given twice; the first is in line 1", "s.json:3: frameMs: must be a whole number from 20 to 1000, got 1"]),
    ],
)  # fmt: skip
def test_a_key_given_twice_in_one_object_is_told(text: str, lines: list[str]) -> None:
    assert told(text) == lines


def test_the_same_key_in_two_objects_is_no_repetition() -> None:
    script = Script.parse(
        b'{"faults": [{"do": "cut", "when": {"audioMs": 1}}, {"do": "cut", "when": {"audioMs": 1}}]}'
    )
    assert len(script.faults) == 2


def test_of_a_fault_a_key_given_twice_is_told_too() -> None:
    assert (
        told_of_fault(b'{"do": "freeze", "forMs": 1, "forMs": 2}')
        == "line 1: forMs: given twice; the first is in line 1"
    )


def test_the_mark_that_windows_editors_write_is_no_error() -> None:
    assert Script.parse(b'\xef\xbb\xbf{"text": true}').text


def test_a_fault_is_told_without_the_name_of_a_file() -> None:
    assert (
        told_of_fault(b'{"do": "cut",\n"session": 0}')
        == "line 2: session: must be null or a whole number from 1, got 0"
    )
    assert isinstance(parse_fault(b'{"do": "cut", "session": null}'), Cut)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ScriptError, match=r"missing\.json: cannot be read: "):
        Script.load(tmp_path / "missing.json")
