"""The schema of scripts, which editors and `--print-schema` use, and the pages about them."""

import importlib
import json
import re
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import msgspec
import pytest
from jsonschema import Draft202012Validator

from sidecar.simulator import Script, scenarios
from sidecar.simulator.faults import AnyFault
from sidecar.simulator.refusals import KNOWN
from sidecar.simulator.script import parse_fault

ROOT = Path(__file__).parents[3]
SCHEMA = json.loads((ROOT / "sidecar" / "simulator" / "script.schema.json").read_text(encoding="utf-8"))
GUIDE = (ROOT / "docs" / "simulator.md").read_text(encoding="utf-8")
FIELDS = (ROOT / "docs" / "simulator-script.md").read_text(encoding="utf-8")
IN_GUIDE = re.findall(r"```json\n(.*?)```", GUIDE, re.DOTALL)
EXAMPLES = [
    path.read_text(encoding="utf-8") for path in sorted((ROOT / "examples" / "scripts").glob("*.json"))
]


@pytest.fixture
def writer(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "build"))
    return importlib.import_module("simulator_writer")


def fits(text: str) -> bool:
    return Draft202012Validator(SCHEMA).is_valid(json.loads(text))


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("text", [*map(scenarios.text, scenarios.names()), *EXAMPLES, *IN_GUIDE, "{}"])
def test_a_good_script_fits(text: str) -> None:
    assert fits(text)
    Script.parse(text.encode())


@pytest.mark.parametrize(
    "text",
    [
        '{"turns": [{"user": "a"}]}',
        '{"faults": [{"do": "explode"}]}',
        '{"faults": [{"do": "goAway", "timeLeft": "soon"}]}',
        '{"faults": [{"do": "close", "like": "quota"}]}',
        '{"faults": [{"do": "cut", "when": {"audio": 1}}]}',
        '{"timeScale": 0}',
        '{"colour": "red"}',
        '{"badBearer": "clos"}',
    ],
)
def test_what_no_script_may_have_does_not_fit(text: str) -> None:
    assert not fits(text)


def test_every_field_is_explained() -> None:
    bare = [
        f"{name}.{field}"
        for name, struct in SCHEMA["$defs"].items()
        for field, schema in struct["properties"].items()
        if field != "do" and not schema.get("description")
    ]
    assert bare == []
    assert [name for name, struct in SCHEMA["$defs"].items() if not struct["description"]] == []
    assert "LP " not in json.dumps(SCHEMA)


def test_a_field_of_which_nothing_is_said_stops_the_generator(writer: ModuleType) -> None:
    class Bare(msgspec.Struct):
        silent: int = 0

    with pytest.raises(ValueError, match="Bare: nothing is said of silent"):
        writer.meanings(Bare)


def test_every_setting_stands_in_one_section_with_its_default(writer: ModuleType) -> None:
    rows = dict(
        re.findall(r"^\| `(\S+)` \| [^|]+ \| ([^|]+) \|", FIELDS.partition("## Faults")[0], re.MULTILINE)
    )
    names = [field.encode_name for field in msgspec.structs.fields(Script)]
    assert list(rows) == names
    assert [name for _, section in writer.sections() for name in section] == names
    for name, default in json.loads(msgspec.json.encode(Script())).items():
        if isinstance(default, bool | int | float | str):
            assert json.loads(rows[name].strip("`")) == default, name


def test_the_pages_have_every_fault_and_every_text() -> None:
    for struct in get_args(AnyFault):
        assert f"| `{struct.__struct_config__.tag}` |" in GUIDE
        assert f"\n### `{struct.__struct_config__.tag}`\n" in FIELDS
    for name, row in KNOWN.items():
        assert f"| `{name}` | {row.code} |" in FIELDS


def test_the_guide_has_every_scenario_and_no_other() -> None:
    table = GUIDE.partition("## Scenarios")[2].partition("\n## ")[0]
    listed = re.findall(r"^\| `([\w-]+)` \|", table, re.MULTILINE)
    assert sorted(listed) == scenarios.names()
    assert len(listed) == 15


def test_a_scenario_is_short_and_says_what_it_is() -> None:
    for name in scenarios.names():
        text = scenarios.text(name)
        assert text.splitlines()[1].startswith('  "description": "'), name
        assert len(text.splitlines()) <= 16, name


def test_the_scripts_and_faults_of_the_guide_are_good() -> None:
    faults = re.findall(r"curl -d '(.*?)'", GUIDE)
    assert [len(IN_GUIDE), len(faults)] == [2, 3]
    for text in faults:
        parse_fault(text.encode())
    assert IN_GUIDE[0] == (ROOT / "examples" / "scripts" / "hard-day.json").read_text()


@pytest.mark.parametrize("page", [GUIDE, FIELDS], ids=["guide", "fields"])
def test_every_link_to_a_heading_leads_there(page: str) -> None:
    others: dict[str, Any] = {"": page, "simulator.md": GUIDE, "simulator-script.md": FIELDS}
    for name, anchor in re.findall(r"\]\(([\w.-]*)#([\w-]+)\)", page):
        heads = re.findall(r"^#+ (.+)$", others[name], re.MULTILINE)
        slugs = [re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads]
        assert slugs.count(anchor) == 1, (name, anchor)
