"""`--self-check`, as a person runs it."""

import json
import os
import re
import subprocess

import pytest

from tests.program import PLATFORM, PROGRAM, WINE


def run(*arguments, **environment):
    return subprocess.run(
        [*PROGRAM, *arguments],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
        env=os.environ | environment,
    )


@pytest.mark.skipif(WINE, reason="Wine cannot trust a private authority: tests/wine")
def test_all_is_ok_and_the_first_line_names_the_build():
    done = run("--self-check")

    assert done.returncode == 0, done.stdout
    assert done.stderr == ""
    first, *lines = done.stdout.splitlines()
    assert first == run("--version").stdout.strip()
    names = ["files", "system trust", "private authority", "compression", "calls", "session"]
    assert [re.match(r"ok {6}([a-z ]+): ", line).group(1) for line in lines] == names


@pytest.mark.skipif(PLATFORM != "linux", reason="elsewhere the system's store is no file")
def test_what_fails_says_so_with_what_to_do_and_the_rest_is_checked_all_the_same(tmp_path):
    (tmp_path / "nothing.pem").write_text("")
    (tmp_path / "folder").mkdir()
    store = {"SSL_CERT_FILE": str(tmp_path / "nothing.pem"), "SSL_CERT_DIR": str(tmp_path / "folder")}
    done = run("--self-check", "--json", **store)

    assert done.returncode == 1
    told = json.loads(done.stdout)
    assert told["ok"] is False
    assert {check["name"] for check in told["checks"] if not check["ok"]} == {"system trust"}
    assert "ca-certificates" in next(check["remedy"] for check in told["checks"] if not check["ok"])
    [line] = [line for line in run("--self-check", **store).stdout.splitlines() if line.startswith("FAILED")]
    assert line.startswith("FAILED  system trust: there is no certificate authority in ")


@pytest.mark.parametrize(
    "arguments", [("--json",), ("--json", "simulate"), ("--version", "--wrong"), ("--self-check", "nonsense")]
)
def test_what_makes_no_sense_is_refused(arguments):
    done = run(*arguments)

    assert done.returncode == 2
    assert done.stdout == ""
