"""A copy of the tree in which a slip is made, and the tests that should notice it."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import psutil

from tests.mutants.table import Mutant

LEFT_OUT = shutil.ignore_patterns(
    ".*", "__pycache__", "node_modules", "dist", "mutants", "chaos", "soak", "fuzz"
)
PYTEST = (
    "-m",
    "pytest",
    "-x",
    "-q",
    "--tb=no",
    "-p",
    "no:cacheprovider",
    "--hypothesis-profile=once",
    "--timeout=20",
)
STAGES = (
    ("tests/unit/lifecycle", "tests/unit/live"),
    ("tests/unit/session", "tests/model"),
    # That a page made from a table is stale says nothing of what the table promises.
    ("tests/unit/rpc", "tests/unit/stdio", "tests/unit/simulator", "tests/unit/observe",
     "--ignore=tests/unit/rpc/test_generate.py", "--ignore=tests/unit/rpc/test_pages.py"),
)  # fmt: skip
"""What is run one after the other, until something fails; the fastest first."""


class Broken(Exception):
    """The tests could not be run, which says nothing of them."""


class Verdict(NamedTuple):
    """`killed_by`: the test that failed, or that it hung; None: all passed."""

    killed_by: str | None
    took_s: float


def copy_tree(root: Path, to: Path) -> None:
    """What the tests need of the tree at `root`."""
    shutil.copytree(root, to, ignore=LEFT_OUT)
    told = _python(to, ("-c", "import sidecar; print(sidecar.__file__)"), 60.0)
    if Path(told.output.strip()).parents[1].resolve() != to.resolve():
        raise Broken(f"not the copy is tested, but {told.output}")


def time_stages(copy: Path) -> list[float]:
    """How long each stage takes, seconds; all must pass.

    Raises:
        Broken: one does not.
    """
    spent: list[float] = []
    for stage in STAGES:
        verdict = _run(copy, stage, 600.0)
        if verdict.killed_by is not None:
            raise Broken(f"without any slip: {verdict.killed_by}")
        spent.append(verdict.took_s)
    return spent


def try_mutant(copy: Path, mutant: Mutant, limits_s: list[float]) -> Verdict:
    """Make the slip in the copy, run stage after stage, and take it back.

    Args:
        limits_s: for each stage; who takes longer hangs, and that is noticed too.
    """
    took_s = 0.0
    with _slip(copy, mutant):
        tests = copy / "tests/unit" / Path(mutant.file).parent
        nearest = [tests / f"test_{Path(mutant.file).name}", tests / "test_found_by_slips.py"]
        there = tuple(str(path.relative_to(copy)) for path in nearest if path.exists())
        stages = [(there, limits_s[0])] if there else []
        for stage, limit_s in [*stages, *zip(STAGES, limits_s, strict=True)]:
            verdict = _run(copy, stage, limit_s)
            took_s += verdict.took_s
            if verdict.killed_by is not None:
                return Verdict(verdict.killed_by, took_s)
    return Verdict(None, took_s)


@contextmanager
def _slip(copy: Path, mutant: Mutant) -> Iterator[None]:
    path = copy / mutant.path
    compiled = Path(importlib.util.cache_from_source(str(path)))
    whole = path.read_text(encoding="utf-8")
    try:
        path.write_text(mutant.apply(whole), encoding="utf-8")
        compiled.unlink(missing_ok=True)  # one of the same second and size would be taken for it
        yield
    finally:
        path.write_text(whole, encoding="utf-8")
        compiled.unlink(missing_ok=True)


def _run(copy: Path, arguments: tuple[str, ...], limit_s: float) -> Verdict:
    began = time.monotonic()
    done = _python(copy, (*PYTEST, *arguments), limit_s)
    return Verdict(read(done.code, done.output, limit_s), time.monotonic() - began)


def read(code: int | None, output: str, limit_s: float) -> str | None:
    """Which test failed, or None.

    Raises:
        Broken: neither passed nor failed: a slip that cannot even be imported proves nothing.
    """
    failed = re.search(r"^(?:FAILED|ERROR) (\S+::.+?)(?: - |$)", output, re.MULTILINE)
    if code is None:
        return f"it hung for {limit_s:.0f} s"
    if code == 0:
        return None
    if code == 1 and failed:
        return failed.group(1)
    if code == 1 and "+ Timeout +" in output:
        hung = re.findall(r'tests/.*/(test_\w+)\.py", line \d+, in (test_\w+)', output)
        return "::".join(hung[-1]) + " hung" if hung else "a test hung"
    raise Broken(f"exit code {code}: {output[-1500:]}")


class _Done(NamedTuple):
    code: int | None
    output: str


def _python(copy: Path, arguments: tuple[str, ...], limit_s: float) -> _Done:
    """Run Python in the copy. `code` is None when it took longer than `limit_s` and was ended, with its children."""
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=copy,
            env={**os.environ, "PYTHONPATH": str(copy)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        code: int | None
        try:
            code = process.wait(limit_s)
        except subprocess.TimeoutExpired:
            code = None
            _end(process)
        output.seek(0)
        return _Done(code, output.read())


def _end(process: subprocess.Popen[bytes]) -> None:
    family = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.wait()
    for child in family:
        with suppress(psutil.NoSuchProcess):
            child.kill()
