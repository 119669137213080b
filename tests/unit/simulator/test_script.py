import json
from pathlib import Path

import pytest

from sidecar.simulator import Script
from sidecar.simulator.faults import Cut, Freeze, GoAway, Hang, Refuse

ROOT = Path(__file__).parents[3]
EXAMPLES = sorted((ROOT / "examples" / "scripts").glob("*.json"))
SCHEMA = ROOT / "sidecar" / "simulator" / "script.schema.json"


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_is_a_script(path: Path) -> None:
    script = Script.load(path)
    assert script.faults or script.turns != Script().turns, "an example that says nothing"


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_names_the_schema_where_editors_find_it(path: Path) -> None:
    assert (path.parent / json.loads(path.read_text())["$schema"]).resolve() == SCHEMA


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 2


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


def test_keys_are_not_in_the_repr() -> None:
    assert "secret-key" not in repr(Script(keys=["secret-key"]))


def test_scripts_do_not_share_their_lists() -> None:
    Script().faults.append(Cut())
    Script().turns.clear()
    assert Script().faults == []
    assert len(Script().turns) == 3
