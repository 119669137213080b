"""`build/generate.py` and its writers. Here, because pytest does not look into folders named `build`."""

import importlib
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest

from sidecar.rpc import openrpc, protocol

ROOT = Path(__file__).resolve().parents[3]
PAGES = {
    "docs/protocol.md": "reference_writer",
    "docs/settings.md": "settings_writer",
    "docs/lifecycle.md": "lifecycle_writer",
    "docs/errors.md": "errors_writer",
}
"""Those whose whole text is written by a function `write`."""


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Imports a module of `build/` by name."""

    def load(name: str) -> ModuleType:
        monkeypatch.syspath_prepend(str(ROOT / "build"))
        return importlib.import_module(name)

    return load


def generate(root: Path, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(root / "build" / "generate.py"), *args],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A copy of what the generator needs."""
    for name in ("build", "sidecar"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_the_committed_files_are_up_to_date() -> None:
    done = generate(ROOT, "--check")
    assert done.returncode == 0, done.stderr


def test_check_names_the_stale_file_and_writes_nothing(house: Path) -> None:
    assert generate(house).returncode == 0
    page = house / "docs" / "protocol.md"
    page.write_text("old")
    done = generate(house, "--check")
    assert done.returncode == 1
    assert done.stderr == "docs/protocol.md is stale: run `make generate` and commit the result.\n"
    assert page.read_text() == "old"


def test_a_change_of_the_protocol_makes_types_and_reference_stale(house: Path) -> None:
    assert generate(house).returncode == 0
    assert generate(house, "--check").returncode == 0
    source = house / "sidecar" / "rpc" / "protocol" / "events.py"
    source.write_text(source.read_text().replace("rtt_average_ms", "rtt_mean_ms"))
    done = generate(house, "--check")
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 2)
    assert "wrote docs/protocol.md" in generate(house).stdout
    assert "  rttMeanMs?: number;" in (house / "bridge-js/src/generated/protocol.ts").read_text()


@pytest.mark.parametrize(
    ("source", "old", "new", "page", "shown"),
    [
        ("lifecycle/settings.py", "slow_lane_s: float = 65.0", "slow_lane_s: float = 66.0", "settings", "`66000`"),
        ("lifecycle/settings.py", "slow_lane_s: float = 65.0", "slow_lane_s: float = 66.0", "lifecycle", "66 s"),
        ("rpc/protocol/settings.py", "How the delay grows", "How the wait grows", "settings", "How the wait grows"),
        ("lifecycle/faults.py", '"regionBlocked"', '"regionRefused"', "errors", "`regionRefused`"),
        ("session/logged.py", "The machine slept", "A nap", "errors", "| A nap | info |"),
        ("lifecycle/reasons.py", "The silence ended.", "It spoke.", "lifecycle", "It spoke."),
        ("lifecycle/health.py", "SLOW_S = 0.1, 2.0", "SLOW_S = 0.1, 2.5", "lifecycle", "1 from 2.5 s on"),
        ("simulator/script.py", "Answer in text frames.", "Text frames only.", "simulator-script", "Text frames only."),
        ("simulator/refusals.py", "Invalid session handle", "No such handle", "simulator-script", "| No such handle |"),
        ("lifecycle/states.py", 'HEARD = "heard"', 'HEARD = "alive"', "lifecycle", "`alive`"),
    ],
)  # fmt: skip
def test_a_change_of_a_table_changes_its_page(
    house: Path, source: str, old: str, new: str, page: str, shown: str
) -> None:
    path = house / "sidecar" / source
    assert old in path.read_text()
    before = (ROOT / "docs" / f"{page}.md").read_text()
    assert shown not in before
    path.write_text(path.read_text().replace(old, new))
    assert generate(house).returncode == 0
    assert shown in (house / "docs" / f"{page}.md").read_text()


def test_the_output_does_not_depend_on_the_hash_seed(house: Path) -> None:
    assert generate(house).returncode == 0
    for seed in "123":
        done = subprocess.run(
            [sys.executable, str(house / "build" / "generate.py"), "--check"],
            env={"PYTHONHASHSEED": seed},
            check=False,
        )
        assert done.returncode == 0


def test_windows_line_ends_are_not_stale(house: Path) -> None:
    assert generate(house).returncode == 0
    page = house / "docs" / "protocol.md"
    page.write_bytes(page.read_bytes().replace(b"\n", b"\r\n"))
    assert generate(house, "--check").returncode == 0


@pytest.mark.parametrize(
    ("schema", "type_"),
    [
        ({"type": "string"}, "string"),
        ({"type": "integer", "minimum": 1}, "number"),
        ({"$ref": openrpc.REF + "State"}, "State"),
        ({"enum": ["a", "it's", 1, None]}, "'a' | 'it\\'s' | 1 | null"),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "string | null"),
        ({"type": "array", "items": {"type": "boolean"}}, "boolean[]"),
        ({"type": "array", "items": {"enum": ["a", "b"]}}, "('a' | 'b')[]"),
        ({"type": "object"}, "Record<string, unknown>"),
        ({"type": "object", "additionalProperties": {"type": "number"}}, "Record<string, number>"),
        ({}, "unknown"),
        ({"type": "string", "x-secret": True}, "string"),
    ],
)
def test_a_schema_becomes_a_type(module: Any, schema: dict[str, Any], type_: str) -> None:
    assert module("typescript_writer").type_of(schema) == type_


def test_a_secret_may_be_wrapped_where_the_host_sends_it(module: Any) -> None:
    assert (
        module("typescript_writer").type_of({"type": "string", "x-secret": True}, sent=True)
        == "string | Secret"
    )


def test_a_schema_that_is_not_known_is_refused(module: Any) -> None:
    with pytest.raises(ValueError, match="no TypeScript type"):
        module("typescript_writer").type_of({"type": "tuple"})


def test_a_union_of_tagged_structs_becomes_a_discriminated_union(module: Any) -> None:
    class A(msgspec.Struct, tag_field="type", tag="a"):
        x: int

    class B(msgspec.Struct, tag_field="type", tag="b"):
        y: int

    (schema,), _ = msgspec.json.schema_components([A | B], ref_template=openrpc.REF + "{name}")
    assert module("typescript_writer").type_of(schema) == "A | B"


def test_the_types_hold_every_name_of_the_protocol(module: Any) -> None:
    text = module("typescript_writer").write()
    for name in openrpc.components():
        assert f"export interface {name} {{" in text or f"export type {name} =" in text
    for name, row in protocol.METHODS.items():
        assert f"  '{name}': " in text, row
    for name in protocol.EVENTS:
        assert f"  '{name}': Stamp & " in text
    assert "  -32700" not in text
    assert "  parseError: -32700," in text


def test_the_page_holds_every_method_notification_and_error(module: Any) -> None:
    text = module("reference_writer").write()
    for name in [*protocol.METHODS, *protocol.EVENTS, *protocol.PROCESS_EVENTS]:
        assert f"\n### `{name}`\n" in text
    for row in protocol.ERROR_CODES:
        assert f"| {row.code} | `{row.kind}` | {row.meaning} |" in text


def anchors(page: str) -> list[str]:
    headings = [line.lstrip("# ").strip("`") for line in page.splitlines() if line.startswith("#")]
    dashed = [head.lower().replace(" ", "-") for head in headings]
    return ["".join(c for c in head if c.isalnum() or c == "-") for head in dashed]


@pytest.mark.parametrize("name", PAGES)
def test_every_link_of_a_page_leads_to_one_heading(module: Any, name: str) -> None:
    text: str = module(PAGES[name]).write()
    own, others = set(), set()
    for target in re.findall(r"\]\(([^)]+)\)", text):
        page, _, anchor = target.partition("#")
        (others if page else own).add((page, anchor))
    assert {anchor: anchors(text).count(anchor) for _, anchor in own} == {anchor: 1 for _, anchor in own}
    for page, anchor in others:
        linked = f"docs/{page}"
        other = module(PAGES[linked]).write() if linked in PAGES else (ROOT / linked).read_text()
        assert not anchor or anchors(other).count(anchor) == 1, (page, anchor)
    assert name != "docs/protocol.md" or own


def test_the_conversation_of_the_page_is_valid(module: Any) -> None:
    requests: dict[int, str] = {}
    seen = []
    for direction, message in module("reference_writer").CONVERSATION:
        seen.append(direction)
        if direction == "<" and "result" in message:
            result = protocol.METHODS[requests.pop(message["id"])].result
            assert result is not None
            told = msgspec.convert(message["result"], result)
            assert msgspec.to_builtins(told) == message["result"]  # nothing that would not be sent
            continue
        name, params = message["method"], message["params"]
        if direction == ">":
            msgspec.convert(params, protocol.METHODS[name].params)
            if "id" in message:
                requests[message["id"]] = name
            assert ("id" in message) == (protocol.METHODS[name].result is not None)
        else:
            msgspec.convert(params, protocol.Stamp)
            msgspec.convert(params, protocol.EVENTS[name])
    assert not requests
    assert set(seen) == {"<", ">"}
