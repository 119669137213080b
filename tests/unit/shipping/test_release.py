"""`build/release.py`: a tag that the tree does not agree with is refused. Here, for pytest skips folders named `build`."""

import importlib
import json
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
LOG = """# Change log

## 0.3.0 (unreleased)

- Later.

## 0.2.0 (2026-12-01)

- A line for the user.
- Another.

## 0.1.0 (2026-11-01)

- The first.
"""


@pytest.fixture
def release(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(ROOT / "build"))
    return importlib.import_module("release")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    def write(name: str, text: str) -> None:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)

    write("sidecar/__init__.py", '"""Words."""\n\n__version__ = "0.2.0"\n')
    write("bridge-js/package.json", json.dumps({"version": "0.2.0"}))
    write("bridge-js/package-lock.json", json.dumps({"version": "0.2.0"}))
    write("CHANGELOG.md", LOG)
    return tmp_path


def test_the_notes_are_the_section_of_the_change_log(release: Any, tree: Path, capsys: Any) -> None:
    assert release.main(["notes", "--tag", "v0.2.0"], tree) == 0
    assert capsys.readouterr().out == "- A line for the user.\n- Another.\n"
    assert release.notes("0.1.0", tree) == "- The first.\n"


def test_a_tree_that_agrees_with_the_tag_is_ready(release: Any, tree: Path, capsys: Any) -> None:
    assert release.main(["check", "--tag", "v0.2.0"], tree) == 0
    assert capsys.readouterr().out == "All is ready for 0.2.0.\n"


@pytest.mark.parametrize(
    "name",
    [
        "sidecar/__init__.py",
        "bridge-js/package.json",
        "bridge-js/package-lock.json",
    ],
)
def test_every_version_that_disagrees_is_named(release: Any, tree: Path, capsys: Any, name: str) -> None:
    path = tree / name
    path.write_text(path.read_text().replace('"0.2.0"', '"0.1.9"', 1))
    assert release.main(["check", "--tag", "v0.2.0"], tree) == 1
    told = capsys.readouterr().err
    assert f"{name} says 0.1.9" in told
    assert told.count(" says ") == 1


@pytest.mark.parametrize(
    ("tag", "why"),
    [
        ("v0.9.0", "has no section"),
        ("v0.3.0", "calls 0.3.0 unreleased"),
        ("0.4.0", "has no section `## 0.4.0 (date)`"),
    ],
)
def test_what_the_change_log_does_not_have_is_no_release(
    release: Any, tree: Path, capsys: Any, tag: str, why: str
) -> None:
    assert release.main(["notes", "--tag", tag], tree) == 1
    assert why in capsys.readouterr().err


def test_a_section_without_words_is_no_release(release: Any, tree: Path) -> None:
    (tree / "CHANGELOG.md").write_text("## 0.2.0 (2026-12-01)\n\n## 0.1.0 (2026-11-01)\n\n- x\n")
    with pytest.raises(release.NotReady, match="says nothing"):
        release.notes("0.2.0", tree)


def test_this_tree_names_one_version_everywhere(release: Any) -> None:
    assert len(set(release.versions(ROOT).values())) == 1
