"""What reaches the host, and what never does."""

import json
import os
import re
import subprocess
import sys

import psutil
import pytest

from tests.program import BINARY, PLATFORM, PROGRAM, of_sources

MIB = 1024 * 1024


def test_lines_are_answered_in_order(spawn):
    child = spawn("edge_echo.py").drain_stderr()
    assert child.hear() == b"ready"
    child.say(*(b"echo %d" % number for number in range(1000)), b"")
    child.process.stdin.close()

    assert child.hear_all() == [b"%d" % number for number in range(1000)] + [b"ending: stdinClosed"]
    assert child.seconds_until_gone() < 5
    assert child.process.returncode == 0


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        (b"print", b"printed"),
        (b"os_write", b"written"),
        pytest.param(
            b"libc",
            b"written by C",
            marks=pytest.mark.skipif(PLATFORM == "win32", reason="there is no libc to load on Windows"),
        ),
        (b"child", b"child ended"),
    ],
)
def test_stray_output_goes_to_stderr_and_never_to_the_protocol(spawn, command, answer):
    child = spawn("edge_echo.py").drain_stderr()
    child.say(command + b" stray-output", b"echo and the protocol goes on")
    child.process.stdin.close()

    assert child.hear_all() == [b"ready", answer, b"and the protocol goes on", b"ending: stdinClosed"]
    child.clean_up()
    assert b"stray-output" in child.errors
    assert b"a banner at import time" in child.errors


def test_nobody_else_can_read_the_protocol(spawn):
    child = spawn("edge_echo.py").drain_stderr()
    child.say(b"read_stdin", b"child x", b"echo still mine")
    child.process.stdin.close()

    assert child.hear_all()[1:-1] == [b"stdin gave ''", b"child ended", b"still mine"]
    child.clean_up()
    assert b"x ''" in child.errors  # what the child process found on its stdin: nothing


def test_an_over_long_line_is_told_and_the_connection_lives_on(spawn):
    child = spawn("edge_echo.py").drain_stderr()
    child.say(b"echo before", b"echo " + b"x" * 3 * MIB, b"echo after", b"echo " + b"y" * (MIB - 5))
    child.process.stdin.close()

    lines = child.hear_all()
    assert lines[1:4] == [b"before", b"too long: %d" % (3 * MIB + 5), b"after"]
    assert lines[4] == b"y" * (MIB - 5)


def test_a_handler_that_fails_costs_its_own_line_alone(spawn):
    child = spawn("edge_echo.py").drain_stderr()
    child.say(b"fail with a reason", b"echo alive")
    child.process.stdin.close()

    assert child.hear_all() == [b"ready", b"alive", b"ending: stdinClosed"]
    child.clean_up()
    (line,) = [json.loads(each) for each in child.errors.splitlines() if b"could not be handled" in each]
    assert line["level"] == "error"
    assert "RuntimeError: with a reason" in line["exc"]


def test_a_flooding_session_does_not_hold_up_anothers_line(spawn):
    child = spawn("edge_echo.py")
    assert child.hear() == b"ready"
    child.say(b"flood 1000")
    said = b""
    while b"flooded" not in said:  # until then the host does not read
        said += child.process.stderr.read(65536)
    child.drain_stderr()

    lines = [child.hear() for _ in range(1001)]  # before its end, for which it has little time
    # What was on its way already: a pipe full, one write, and then one turn.
    assert lines.index(b"state changed 1") < 30
    numbers = [int(line[1 : line.index(b" ")]) for line in lines if line.startswith(b"f")]
    assert numbers == list(range(1, 1001))
    child.process.stdin.close()
    assert child.hear_all() == [b"ending: stdinClosed"]


@pytest.mark.timeout(120)
def test_a_host_that_writes_and_never_reads_is_served_without_growth_and_its_end_is_seen(spawn):
    child = spawn("edge_echo.py").drain_stderr()
    assert child.hear() == b"ready"
    resident = psutil.Process(child.pid).memory_info
    line = b"droppable " + b"x" * 10_000 + b"\n"
    block = line * 100
    sizes = []

    for _ in range(64):  # 64 MiB in all; the answers would be as much
        for start in range(0, len(block), 65_536):
            view = memoryview(block)[start : start + 65_536]
            while view:
                view = view[child.process.stdin.write(view) :]
        sizes.append(resident().rss)
    child.process.stdin.close()

    assert child.seconds_until_gone() < 1
    assert child.process.returncode == 0
    # The queue holds 16 MiB, and has since the first third.
    assert max(sizes) - sizes[24] < 8 * MIB
    assert max(sizes) < 120 * MIB


def test_a_stderr_that_nobody_reads_does_not_hold_up_the_protocol(spawn):
    child = spawn("edge_echo.py")
    assert child.hear() == b"ready"
    for number in range(5):
        child.say(b"log 2000", b"echo %d" % number)
        assert child.hear() == b"logged"
        assert child.hear() == b"%d" % number
    child.process.stdin.close()

    assert child.seconds_until_gone() < 1
    assert child.process.returncode == 0


def test_lost_log_lines_are_counted_once_somebody_reads_again(spawn):
    child = spawn("edge_echo.py")
    child.say(b"log 3000", b"echo done")
    assert [child.hear(), child.hear(), child.hear()] == [b"ready", b"logged", b"done"]
    child.drain_stderr()
    child.say(b"echo more")
    child.hear()
    child.process.stdin.close()
    child.seconds_until_gone()
    child.clean_up()

    lines = [json.loads(line) for line in child.errors.splitlines() if line.startswith(b"{")]
    written = sum("number" in line for line in lines)
    dropped = sum(line.get("dropped", 0) for line in lines)
    assert dropped > 0
    assert written + dropped >= 3000


def test_a_host_that_closes_stdout_ends_the_process(spawn):
    child = spawn("edge_echo.py").drain_stderr()
    assert child.hear() == b"ready"
    child.process.stdout.close()
    child.say(b"echo to nobody")

    assert child.seconds_until_gone() < 1
    assert child.process.returncode == 0
    child.clean_up()
    assert b'"reason": "stdoutBroken"' in child.errors


@of_sources
@pytest.mark.skipif(PLATFORM == "win32", reason="a Windows process has its three standard handles")
@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_standard_descriptor_that_was_closed_from_the_start_ends_the_process_or_does_not_matter(
    spawn, closed
):
    program = f'exec "$0" "$1" {closed}'
    echo = os.path.join(os.path.dirname(__file__), "programs", "edge_echo.py")  # noqa: PTH118, PTH120
    child = spawn(command=["/bin/sh", "-c", program, sys.executable, echo])
    if closed == "2>&-":
        child.say(b"print into the void", b"echo heard")
        assert [child.hear(), child.hear(), child.hear()] == [b"ready", b"printed", b"heard"]
        child.process.stdin.close()

    assert child.seconds_until_gone() < 5
    assert child.process.returncode == 0


@pytest.mark.skipif(PLATFORM == "win32", reason="there are no pseudo-terminals on Windows")
def test_on_a_terminal_serve_explains_itself_in_two_lines_and_ends_with_control_d(spawn):
    terminal, its_end = os.openpty()
    try:
        child = spawn(command=PROGRAM, stdin=its_end)
        os.close(its_end)
        said = b""
        while said.count(b"\n") < 2:
            said += child.process.stderr.read(65536)
        assert said.startswith(b"live-sidecar speaks JSON-RPC 2.0")
        os.write(terminal, b"\x04")

        assert child.seconds_until_gone() < 5
        assert child.process.returncode == 0
        assert child.process.stdout.read() == b""
    finally:
        os.close(terminal)


def test_the_version_goes_through_a_pipe():
    command = [*PROGRAM, "--version"]
    result = subprocess.run(command, capture_output=True, check=False, timeout=30, text=True)

    assert result.returncode == 0
    name, _, rest = result.stdout.partition(" ")
    assert name == "live-sidecar"
    build = "from sources" if BINARY is None else r"commit [0-9a-f]{12}(, with changes)?|commit unknown"
    assert re.fullmatch(
        rf"0\.\d+\.\d+ \(({build}), python 3\.\d+\.\d+, OpenSSL \d\S+, {PLATFORM}-\w+\)\n", rest
    )
    assert result.stderr == ""


def test_help_goes_through_a_pipe_and_names_the_commands():
    for arguments in (["--help"], ["serve", "--help"]):
        command = [*PROGRAM, *arguments]
        result = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=30)
        assert b"serve" in result.stdout


def test_an_unknown_command_is_named_and_answers_code_2():
    command = [*PROGRAM, "sevre"]
    result = subprocess.run(command, capture_output=True, check=False, timeout=30)

    assert result.returncode == 2
    assert b"sevre" in result.stderr
    assert result.stdout == b""
