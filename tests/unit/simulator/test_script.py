import json
import re
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from sidecar.simulator import Script
from sidecar.simulator.faults import AnyFault, Cut, Freeze, GoAway, Hang, Refuse
from sidecar.simulator.refusals import KNOWN
from sidecar.simulator.script import ScriptError, Turn, parse_fault

ROOT = Path(__file__).parents[3]
EXAMPLES = sorted((ROOT / "examples" / "scripts").glob("*.json"))
GUIDE = (ROOT / "docs" / "simulator.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_is_a_script(path: Path) -> None:
    script = Script.load(path)
    assert script.faults or script != Script(), "an example that says nothing"


def test_every_script_and_every_fault_in_the_guide_is_good() -> None:
    scripts = re.findall(r"```json\n(.*?)```", GUIDE, re.DOTALL)
    faults = re.findall(r"curl -d '(.*?)'", GUIDE)
    assert [len(scripts), len(faults)] == [2, 3]
    for text in scripts:
        assert Script.parse(text.encode()) != Script()
    for text in faults:
        parse_fault(text.encode())


def test_the_guide_has_every_setting_with_its_default() -> None:
    table = GUIDE.partition("## All settings")[2].partition("## ")[0]
    rows = dict(re.findall(r"^\| `(\w+)` \| ([^|]+?) \|", table, re.MULTILINE))
    assert list(rows) == [field.encode_name for field in msgspec.structs.fields(Script)]
    for name, default in json.loads(msgspec.json.encode(Script())).items():
        if isinstance(default, bool | int | float | str):
            assert rows[name].strip("`") == json.dumps(default), name


def test_the_guide_has_every_fault_every_known_text_and_every_field_of_a_turn() -> None:
    for name in KNOWN:
        assert f"`{name}`" in GUIDE
    for struct in get_args(AnyFault):
        assert f"| `{struct.__struct_config__.tag}` |" in GUIDE
    for field in msgspec.structs.fields(Turn):
        assert field.encode_name in GUIDE


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 3


def test_a_script_is_read_with_its_faults() -> None:
    script = Script.parse(
        b"""{"turns": [{"user": "hi", "model": "ho", "audioMs": 500, "toolCall": {"name": "f"}}],
             "ownerGraceMs": 200,
             "faults": [{"when": {"audioMs": 5000}, "do": "cut"},
                        {"do": "freeze", "forMs": 100, "session": 2},
                        {"do": "goAway", "timeLeft": "9.5s"},
                        {"do": "hang", "when": {"connection": 2}},
                        {"do": "refuse", "status": 429, "times": 2, "retryAfterS": 3}]}"""
    )
    assert script.owner_grace_ms == 200
    assert [type(fault) for fault in script.faults] == [Cut, Freeze, GoAway, Hang, Refuse]
    assert script.faults[0].when.audio_ms == 5000
    assert script.turns[0].tool_call is not None


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (b'{"turns": [{"model": "a", "audioMs": "long"}]}', "$.turns[0].audioMs"),
        (b'{"turns": [{"modell": "a"}]}', "$.turns[0]"),
        (b'{"faults": [{"do": "explode"}]}', "$.faults[0].do"),
        (b'{"faults": [{"do": "cut"}, {"do": "goAway", "timeLeft": "soon"}]}', "$.faults[1].timeLeft"),
        (b'{"faults": [{"do": "close", "code": 1006}]}', "$.faults[0]"),
        (b'{"faults": [{"do": "refuse", "status": 499}]}', "$.faults[0]"),
        (b'{"faults": [{"do": "cut"}, {"do": "close", "like": "quota"}]}', "$.faults[1]"),
        (b'{"goAwayOverrun": "quota"}', "no refusal is called 'quota'"),
        (b'{"turns": [{"model": "a", "code": {"output": "b"}}]}', "$.turns[0].code"),
        (b'{"faults": [{"do": "cut", "when": {"audio": 1}}]}', "$.faults[0].when"),
        (b'{"ownerGraceMs": -1}', "$.ownerGraceMs"),
        (b'{"colour": "red"}', "colour"),
    ],
)
def test_a_wrong_script_names_the_place(text: bytes, place: str) -> None:
    with pytest.raises(ScriptError) as caught:
        Script.parse(text)
    assert place in str(caught.value)


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"\xff", b"[" * 100_000])
def test_what_is_not_json_is_an_error_and_not_a_crash(text: bytes) -> None:
    with pytest.raises(ScriptError):
        Script.parse(text)
    with pytest.raises(ScriptError):
        parse_fault(text)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ScriptError, match=r"missing\.json cannot be read"):
        Script.load(tmp_path / "missing.json")


def test_keys_are_not_in_the_repr() -> None:
    assert "secret-key" not in repr(Script(keys=["secret-key"]))


def test_scripts_do_not_share_their_lists() -> None:
    Script().faults.append(Cut())
    Script().turns.clear()
    assert Script().faults == []
    assert len(Script().turns) == 3
