"""The check itself: every row still fits, a slip that nobody notices is found, and one that proves nothing is no kill."""

from pathlib import Path

import pytest

from tests.mutants import trial
from tests.mutants.__main__ import judge
from tests.mutants.table import MUTANTS, Mutant
from tests.mutants.trial import Broken, Verdict, copy_tree, read, time_stages, try_mutant

ROOT = Path(__file__).resolve().parents[2]
SLIP = Mutant("a slip", "sums.py", "a + b", "a - b")
CONFTEST = """
from hypothesis import settings
settings.register_profile("once", max_examples=1)
"""
TESTS = """
from sidecar.sums import add, double
def test_add(): assert add(2, 2) == 4
"""
SUMS = """
def add(a, b): return a + b
def double(a): return a * 2
"""


def test_every_slip_can_be_made_and_is_still_python() -> None:
    for mutant in MUTANTS:
        source = (ROOT / mutant.path).read_text(encoding="utf-8")
        compile(mutant.apply(source), mutant.path, "exec")


def test_the_slips_are_many_and_each_is_another() -> None:
    assert len(MUTANTS) >= 40
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)
    assert len({(m.file, m.before, m.after) for m in MUTANTS}) == len(MUTANTS)
    assert all(mutant.before != mutant.after for mutant in MUTANTS)
    assert len({mutant.file for mutant in MUTANTS}) >= 18


def test_a_row_that_fits_nowhere_or_twice_is_an_error() -> None:
    for source in ("", "a + b + (a + b)"):
        with pytest.raises(ValueError, match="a slip"):
            SLIP.apply(source)


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The copy of a tree with two functions, of which one is tested."""
    tree = tmp_path / "tree"
    files = {"sidecar/__init__.py": "", "sidecar/sums.py": SUMS, "tests/conftest.py": CONFTEST, "tests/test_it.py": TESTS}  # fmt: skip
    for name, text in {**files, "pyproject.toml": "[tool.pytest.ini_options]\n"}.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text)
    monkeypatch.setattr(trial, "STAGES", (("tests",),))
    copy_tree(tree, tmp_path / "copy")
    return tmp_path / "copy"


def test_a_slip_is_noticed_where_there_is_a_test_and_taken_back(copy: Path) -> None:
    assert len(time_stages(copy)) == 1
    assert try_mutant(copy, SLIP, [30.0]).killed_by == "tests/test_it.py::test_add"
    untested = Mutant("another", "sums.py", "a * 2", "a * 3")
    assert try_mutant(copy, untested, [30.0]).killed_by is None
    hangs = Mutant("a hang", "sums.py", "return a + b", "import time; time.sleep(30)")
    assert try_mutant(copy, hangs, [3.0]).killed_by == "it hung for 3 s"
    assert (copy / "sidecar/sums.py").read_text() == SUMS


def test_a_slip_that_cannot_be_imported_proves_nothing(copy: Path) -> None:
    with pytest.raises(Broken):
        try_mutant(copy, Mutant("no python", "sums.py", "a + b", "a +"), [30.0])


def test_a_tree_whose_tests_fail_without_a_slip_tells_nothing(copy: Path) -> None:
    (copy / "tests/test_it.py").write_text("def test_it(): assert False\n")
    with pytest.raises(Broken, match=r"without any slip: tests/test_it\.py::test_it"):
        time_stages(copy)


def test_what_pytest_says_is_read() -> None:
    assert read(0, "3 passed", 9.0) is None
    assert read(1, "FAILED tests/a.py::test_b[1-x y] - assert", 9.0) == "tests/a.py::test_b[1-x y]"
    assert (
        read(1, '++++ Timeout ++++\n  File "/x/tests/unit/test_c.py", line 3, in test_d\n', 9.0)
        == "test_c::test_d hung"
    )
    assert read(None, "", 9.0) == "it hung for 9 s"
    for code in (1, 2, 3, 4, 5):
        with pytest.raises(Broken):
            read(code, "ERROR: usage", 9.0)


def test_up_to_three_may_survive_and_each_with_its_reason() -> None:
    killed, survived = Verdict("test", 1.0), Verdict(None, 1.0)
    rows = [Mutant(f"slip {n}", "a.py", "a", "b", "nobody can tell") for n in range(5)]

    def code(survivors: int) -> int:
        return judge({row: survived if n < survivors else killed for n, row in enumerate(rows)}, 1.0)

    assert [code(n) for n in range(5)] == [0, 0, 0, 0, 1]
    assert judge({SLIP: survived, rows[0]: killed}, 1.0) == 1, "no reason"
    assert judge({}, 1.0) == 1, "nothing was tried"
