"""`build/release.py`: a tag that the tree does not agree with is refused. Here, for pytest skips folders named `build`."""

import base64
import importlib
import json
import subprocess
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


def make_files(folder: Path, *names: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_text(name)


def names_for(platform: str) -> list[str]:
    """As `make packages` names what it makes."""
    archive = f"live-sidecar-0.2.0-{platform}"
    return [f"live-sidecar-{platform}-0.2.0.tgz", f"{archive}.tar.gz", f"{archive}.sha256"]


def test_what_all_machines_made_is_collected_and_listed_with_the_bridge_last(
    release: Any, tree: Path, capsys: Any
) -> None:
    for platform in release.PLATFORMS:
        make_files(tree / "parts" / platform, *names_for(platform))
    make_files(tree / "parts/bridge", "live-sidecar-0.2.0.tgz")

    assert release.main(["collect", "--from", str(tree / "parts")], tree) == 0
    assert release.main(["packages", "--tag", "v0.2.0"], tree) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[0][:2] == ["@live-sidecar/linux-x64", "dist/packages/live-sidecar-linux-x64-0.2.0.tgz"]
    assert lines[-1][:2] == ["live-sidecar", "dist/packages/live-sidecar-0.2.0.tgz"]
    assert len(lines) == 5
    sha512 = subprocess.run(
        ["openssl", "dgst", "-sha512", "-binary", tree / lines[-1][1]], capture_output=True, check=True
    )
    assert lines[-1][2] == f"sha512-{base64.b64encode(sha512.stdout).decode()}"


def test_a_file_that_two_machines_made_is_refused(release: Any, tree: Path, capsys: Any) -> None:
    for platform in ("linux-x64", "win32-x64"):
        make_files(tree / "parts" / platform, *names_for(platform), "live-sidecar-0.2.0.tgz")

    assert release.main(["collect", "--from", str(tree / "parts")], tree) == 1
    assert "live-sidecar-0.2.0.tgz is there twice" in capsys.readouterr().err


def test_a_release_without_a_platform_or_with_a_stranger_is_refused(
    release: Any, tree: Path, capsys: Any
) -> None:
    for platform in release.PLATFORMS[:3]:
        make_files(tree / "dist/packages", *names_for(platform))
    make_files(tree / "dist/packages", "live-sidecar-0.2.0.tgz", "live-sidecar-0.1.0.tgz")

    assert release.main(["packages", "--tag", "v0.2.0"], tree) == 1
    told = capsys.readouterr().err
    assert "live-sidecar-darwin-x64-0.2.0.tgz is missing" in told
    assert "live-sidecar-0.1.0.tgz is none of 0.2.0" in told
