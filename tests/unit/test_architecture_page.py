"""docs/architecture.md knows every part of the core and of its driver."""

import re
from pathlib import Path

import pytest

from sidecar.lifecycle.core import Lifecycle

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text()
WITHOUT_A_ROW = {"lifecycle": {"__init__.py", "events.py"}, "session": {"__init__.py"}}


@pytest.mark.parametrize(("folder", "next_heading"), [("lifecycle", "Around it"), ("session", "## Why")])
def test_every_file_has_its_row(folder: str, next_heading: str) -> None:
    before, _, _ = PAGE.partition(next_heading)
    tables = before.rpartition("Around it")[2] if folder == "session" else before
    named = {
        name
        for row in re.findall(r"^\| (`\w+\.py`.*?) \|", tables, re.MULTILINE)
        for name in re.findall(r"\w+\.py", row)
    }
    files = {path.name for path in (ROOT / "sidecar" / folder).glob("*.py")}
    assert named == files - WITHOUT_A_ROW[folder]


def test_every_file_of_the_wire_has_its_row() -> None:
    rows = re.findall(
        r"^\| ((?:`\w+\.py`(?:, )?)+) \|", PAGE.partition("| file of `live/` |")[2], re.MULTILINE
    )
    named = [name for row in rows for name in re.findall(r"\w+\.py", row)]
    assert sorted(named) == sorted(
        p.name for p in (ROOT / "sidecar" / "live").glob("*.py") if p.stem != "__init__"
    )


def test_the_layers_of_the_core_stand_in_their_order_from_the_ground_up() -> None:
    layers = [base.__module__.rpartition(".")[2] + ".py" for base in reversed(Lifecycle.__mro__[:-1])]
    rows = re.findall(r"^\| `(\w+\.py)` \|", PAGE, re.MULTILINE)
    assert rows[: len(layers)] == layers
