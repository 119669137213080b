"""`make test-wine`: builds the program for Windows under Wine, and runs the tests of processes against it.

    python -m tests.wine [--no-build] [arguments of pytest]

Without Wine, or without `make setup-wine`, it says so and does nothing.
"""

import os
import shutil
import subprocess
import sys

from tests.program import SETUP, WINDOWS, WINDOWS_PYTHON
from tests.wine.windows import FOLDER, HOLDER, ROOT, missing, name

TESTS = ("tests/wine", "tests/process")
LEFT_OUT = ("demo", "simulator_page", "quickstart", "live_session_example")
"""Pages and examples that Node or Python on Linux runs: they would tell a Windows program of a parent it cannot see."""


def main(arguments: list[str]) -> int:
    if not shutil.which("wine"):
        print(
            "Wine is not installed (apt-get install wine wine64 xvfb): the tests of the Windows program are skipped."
        )
        return 0
    if lacking := missing():
        print(f"{lacking}. The tests of the Windows program are skipped.")
        return 0
    build = "--no-build" not in arguments
    rest = [each for each in arguments if each != "--no-build"]
    with subprocess.Popen(
        [*HOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as holder:
        try:
            if holder.stdout.readline().strip() != b"up":
                print("Wine does not run a program: make clean setup-wine")
                return 1
            return (build and _build()) or _test(rest)
        finally:
            holder.stdin.close()
            ours = os.environ | {"WINEPREFIX": str(SETUP / "prefix")}
            subprocess.run(["wineserver", "--kill"], env=ours, check=False)


def _build() -> int:
    """The same command as everywhere. There is no git on this Windows, so it is told what git would say."""
    print("== the program for Windows, built under Wine", flush=True)
    shutil.rmtree(FOLDER, ignore_errors=True)
    told = {
        "LIVE_SIDECAR_COMMIT": _git("rev-parse", "HEAD") or "unknown",
        "SOURCE_DATE_EPOCH": _git("log", "-1", "--format=%ct"),
    }
    with subprocess.Popen(
        [*WINDOWS_PYTHON, name(ROOT / "build" / "binary.py")],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | told,
    ) as builder:
        for line in builder.stdout:
            if "could not resolve 'api-ms-win-" not in line:  # in Windows itself, and nowhere in Wine
                print(line, end="", flush=True)
    return builder.returncode


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", "-C", ROOT, *arguments], capture_output=True, text=True, check=False)
    return done.stdout.strip()


def _test(arguments: list[str]) -> int:
    print("== the folder, the tests of processes, the bridge under Node for Windows", flush=True)
    compiler = ["node", "node_modules/typescript/bin/tsc", "-p", "tsconfig.test.json"]
    subprocess.run(compiler, cwd=ROOT / "bridge-js", check=True)
    tests = [*TESTS, *(f"--ignore=tests/process/test_{each}.py" for each in LEFT_OUT)]
    command = [sys.executable, "-m", "pytest", "-q", *tests, *arguments]
    program = {
        "LIVE_SIDECAR_WINE": "1",
        "LIVE_SIDECAR_BINARY": str(WINDOWS.with_name("live-sidecar")),
        "PYTHONPATH": str(ROOT),  # for programs of the tests; the frozen one takes no notice
    }
    return subprocess.run(command, cwd=ROOT, env=os.environ | program, check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
