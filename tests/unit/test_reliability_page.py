"""docs/reliability.md names the commands, the folders and the scenarios that there are."""

import re
from pathlib import Path

from tests.chaos.scenarios import SCENARIOS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reliability.md").read_text()


def test_every_command_is_there() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"`make ([a-z-]+)", PAGE))
    assert {"prove", "soak", "chaos", "fuzz", "mutants", "interop", "conformance"} <= named <= targets
    for folder in re.findall(r"pytest (tests/\w+)", PAGE):
        assert (ROOT / folder).is_dir()


def test_the_table_of_the_chaos_has_a_row_for_each_scenario_and_no_other() -> None:
    rows = re.findall(r"^\| (.+?) \| \d+ \|", PAGE, re.MULTILINE)
    assert sorted(rows) == sorted(scenario.name for scenario in SCENARIOS)


def test_everything_on_the_page_was_kept() -> None:
    assert "BROKEN" not in PAGE
    assert "@@" not in PAGE
