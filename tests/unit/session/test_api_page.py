"""What docs/python-api.md names is there, and what is there is named."""

import ast
import importlib
import re
from pathlib import Path
from typing import Any, get_args

import pytest

from sidecar import session as api
from sidecar.live.auth import ApiKey
from sidecar.live.endpoints import developer
from sidecar.observe.secret import Secret
from sidecar.session import Config, LiveSession, SessionEvent

PAGE = (Path(__file__).parents[3] / "docs" / "python-api.md").read_text()
OF_THE_SIDECAR_ALONE = {"give_up"}


def table(first_heading: str) -> list[list[str]]:
    """The rows of the table whose first column has this heading."""
    _, _, rest = PAGE.partition(f"\n| {first_heading} |")
    rows = rest.partition("\n\n")[0].splitlines()[2:]
    assert rows, f"no table with {first_heading}"
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows]


def code(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_every_method_of_a_session_is_on_the_page_and_no_other() -> None:
    named = {re.match(r"(?:await )?(\w+)", call)[1] for row in table("method") for call in code(row[0])}  # type: ignore[index]
    methods = {
        name for name, value in vars(LiveSession).items() if not name.startswith("_") and callable(value)
    }
    assert named == methods - OF_THE_SIDECAR_ALONE


def test_every_event_is_on_the_page_with_its_fields() -> None:
    rows = [row for row in table("class") if not row[0].startswith("in ")]
    named = {code(row[0])[0]: tuple(code(row[1])) for row in rows}
    assert named == {kind.__name__: getattr(kind, "_fields", ()) for kind in get_args(SessionEvent)}


def test_every_event_stands_in_the_module_that_the_page_names() -> None:
    module = ""
    for row in table("class"):
        if row[0].startswith("in "):
            module = code(row[0])[0]
        else:
            assert hasattr(importlib.import_module(module), code(row[0])[0])


def test_every_field_of_a_config_is_on_the_page() -> None:
    assert [name for row in table("field of `Config`") for name in code(row[0])] == list(Config._fields)


def test_every_error_stands_in_the_module_that_the_page_names() -> None:
    for error, module, *_ in table("error"):
        assert issubclass(getattr(importlib.import_module(code(module)[0]), code(error)[0]), Exception)


def test_all_that_the_package_offers_is_on_the_page() -> None:
    assert [name for name in api.__all__ if name != "SessionEvent" and name not in PAGE] == []


@pytest.mark.parametrize("row", table("expression"), ids=lambda row: row[0])
async def test_every_figure_can_be_read(row: list[str]) -> None:
    session = LiveSession(Config(developer("ws://127.0.0.1:9", "v1beta"), ApiKey(Secret("k")), {}))
    expressions = code(row[0])
    whole, _, _ = expressions[0].rpartition(".")
    values = [eval(whole + e if e.startswith(".") else e, {"session": session}) for e in expressions]
    for name in code(row[1]):
        if name.isidentifier() and name.islower():
            assert hasattr(values[0], name)


def test_the_pages_code_is_all_run_by_a_test() -> None:
    """tests/integration/session/test_session_page.py runs it: by name, so a new one must be added there."""
    runner = (Path(__file__).parents[2] / "integration" / "session" / "test_session_page.py").read_text()
    defined: list[Any] = [
        node.name
        for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
        for node in ast.parse(block).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    ]
    assert len(defined) >= 5
    assert [name for name in defined if not re.search(rf"page\.{name}\b", runner)] == []
