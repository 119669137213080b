import sys

import pytest

from sidecar import whole


@pytest.fixture
def build(monkeypatch, tmp_path):
    """A frozen build of three files, by its list."""
    inside = tmp_path / "_internal"
    inside.mkdir()
    (tmp_path / "program").write_text("")
    (inside / "one.so").write_text("")
    (inside / "für zwei.so").write_text("")
    names = ["LICENSE", "_internal/für zwei.so", "_internal/one.so"]
    (tmp_path / "SHA256SUMS").write_text("".join(f"{'0' * 64}  {name}\n" for name in names), "utf-8")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "program"))
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "_MEIPASS", str(inside), raising=False)
    return tmp_path


def test_sources_are_always_whole():
    assert whole.missing() == []


def test_what_the_program_needs_is_looked_for_and_its_papers_are_not(build):
    assert whole.missing() == []
    (build / "_internal" / "für zwei.so").unlink()
    assert whole.missing() == ["_internal/für zwei.so"]


def test_without_the_list_nothing_is_known_to_be_missing(build):
    (build / "SHA256SUMS").unlink()
    (build / "_internal" / "one.so").unlink()
    assert whole.missing() == []
    with pytest.raises(FileNotFoundError):
        list(whole.listed())


def test_the_list_is_read_as_it_is_written(build):
    assert list(whole.listed())[1] == ("0" * 64, "_internal/für zwei.so")


def test_a_person_is_told_what_is_missing_where_and_what_to_do(build):
    told = whole.explain(["a"])
    assert told.startswith(f"live-sidecar cannot start: a missing in {build}. Install live-sidecar again")
    assert "a, b, c, d, e and 2 more missing" in whole.explain(list("abcdefg"))
