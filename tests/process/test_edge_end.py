"""However the process is to end, it is gone within a second."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from tests.program import PLATFORM, WINE, of_sources, sees_us

PROMPT_S = 1.0
"""What design section 2 promises from the host's end to the process's."""


def reasons(child):
    child.clean_up()
    lines = [json.loads(line) for line in child.errors.splitlines() if line.startswith(b"{")]
    return [line["reason"] for line in lines if line["msg"] == "ending"]


@pytest.fixture
def child(spawn):
    child = spawn("edge_echo.py").drain_stderr()
    assert child.hear() == b"ready"
    return child


def test_the_end_of_stdin_ends_the_process_after_its_last_words(child):
    child.process.stdin.close()

    assert child.seconds_until_gone() < PROMPT_S
    assert child.process.returncode == 0
    assert child.hear_all() == [b"ending: stdinClosed"]
    assert reasons(child) == ["stdinClosed"]


def test_lines_before_the_end_are_answered_before_it(child):
    child.say(*(b"echo %d" % number for number in range(5000)))
    child.process.stdin.close()

    assert child.hear_all() == [b"%d" % number for number in range(5000)] + [b"ending: stdinClosed"]


@pytest.mark.parametrize("block", [b"block_loop", b"spin_loop"])
def test_the_end_of_stdin_is_seen_though_the_loop_is_blocked(child, block):
    child.say(b"echo last", block)
    assert child.hear() == b"last"
    child.process.stdin.close()

    assert child.seconds_until_gone() < PROMPT_S
    assert child.process.returncode == 0


@pytest.mark.skipif(PLATFORM == "win32", reason="a Windows pipe tells its end only after its last byte")
def test_the_end_of_stdin_is_seen_though_the_loop_is_blocked_and_input_is_left_over(child):
    child.say(b"block_loop")
    os.set_blocking(child.process.stdin.fileno(), False)
    stuck_since_s = time.monotonic()
    while time.monotonic() - stuck_since_s < 0.3:  # until the bound is reached and the pipe is full
        if child.process.stdin.write(b"echo " + b"x" * 50_000 + b"\n"):
            stuck_since_s = time.monotonic()
    child.process.stdin.close()

    assert child.seconds_until_gone() < PROMPT_S


def test_the_end_of_stdin_is_seen_though_a_name_resolution_hangs(child):
    child.say(b"block_executor")
    assert child.hear() == b"executor is stuck"
    child.process.stdin.close()

    assert child.seconds_until_gone() < PROMPT_S
    assert child.process.returncode == 0


def test_the_end_of_stdin_is_seen_though_stdout_is_full(child):
    child.say(*(b"echo " + b"x" * 10_000 for _ in range(100)))
    child.process.stdin.close()

    assert child.seconds_until_gone() < PROMPT_S
    assert child.process.returncode == 0


def test_the_protocol_may_end_the_process_with_a_code(child):
    child.say(b"end 7")

    assert child.seconds_until_gone() < PROMPT_S
    assert child.process.returncode == 7
    assert child.hear_all() == [b"ending: asked"]


@pytest.mark.skipif(PLATFORM == "win32", reason="Windows has no signals between processes")
@pytest.mark.parametrize("state", [None, b"spin_loop", b"block_loop", b"block_executor"])
def test_a_signal_ends_the_process_with_its_number(child, state):
    if state is not None:
        child.say(b"echo now", state)
        assert child.hear() == b"now"
    child.process.send_signal(signal.SIGTERM)

    assert child.seconds_until_gone() < PROMPT_S
    assert child.process.returncode == 128 + signal.SIGTERM
    if state is None:
        assert child.hear_all() == [b"ending: signal"]
        assert reasons(child) == ["signal"]


@pytest.mark.skipif(PLATFORM != "linux", reason="the blocking call is glibc's")
@pytest.mark.parametrize("end", ["signal", "stdin"])
def test_a_call_in_c_that_nothing_interrupts_holds_up_neither_signal_nor_end_of_stdin(child, end):
    child.say(b"echo now", b"block_in_c")
    assert child.hear() == b"now"
    if end == "signal":
        child.process.send_signal(signal.SIGTERM)
    else:
        child.process.stdin.close()

    assert child.seconds_until_gone() < PROMPT_S
    assert child.process.returncode == (128 + signal.SIGTERM if end == "signal" else 0)


@pytest.mark.skipif(PLATFORM == "win32", reason="Windows has no signals between processes")
def test_a_second_signal_changes_nothing(child):
    child.say(b"echo now", b"sleep_ms 200")
    assert child.hear() == b"now"
    for _ in range(3):
        child.process.send_signal(signal.SIGTERM)

    assert child.seconds_until_gone() < PROMPT_S + 0.2
    assert child.process.returncode == 128 + signal.SIGTERM
    assert child.hear_all() == [b"ending: signal"]


@pytest.mark.skipif(PLATFORM == "win32", reason="Windows has no signals between processes")
def test_ctrl_c_in_the_terminal_of_a_host_is_the_hosts_to_decide_on(child):
    child.process.send_signal(signal.SIGINT)
    child.say(b"echo still here")
    assert child.hear() == b"still here"
    child.process.stdin.close()

    assert child.seconds_until_gone() < PROMPT_S
    assert reasons(child) == ["stdinClosed"]


@pytest.mark.skipif(PLATFORM == "win32", reason="Windows has no such terminals")
def test_ctrl_c_ends_a_process_that_is_typed_to(spawn):
    keyboard, terminal = os.openpty()
    child = spawn("edge_echo.py", stdin=terminal).drain_stderr()
    os.close(terminal)
    assert child.hear() == b"ready"
    child.process.send_signal(signal.SIGINT)

    assert child.seconds_until_gone() < PROMPT_S
    assert child.process.returncode == 128 + signal.SIGINT
    os.close(keyboard)


@sees_us
def test_the_end_of_a_watched_process_ends_this_one_though_stdin_is_open(spawn, child):
    parent = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        child.say(b"watch %d" % parent.pid)
        assert child.hear() == b"watching"
        parent.kill()

        assert child.seconds_until_gone() < PROMPT_S
        assert child.process.returncode == 0
        assert reasons(child) == ["parentGone"]
    finally:
        parent.kill()
        parent.communicate()


def test_a_parent_that_is_gone_already_ends_the_process_at_once(child):
    parent = subprocess.Popen([sys.executable, "-c", ""])
    parent.wait()
    child.say(b"watch %d" % parent.pid)

    assert child.seconds_until_gone() < PROMPT_S
    assert reasons(child) == ["parentGone"]


@pytest.mark.parametrize("held_open", [False, True])
@pytest.mark.parametrize("state", [None, b"spin_loop", b"block_executor"])
def test_a_parent_that_is_killed_takes_the_process_with_it(spawn, held_open, state):
    """The launcher is the real parent. With stdin held open by the test, the parent watch alone must do it."""
    if WINE and held_open:
        pytest.skip("it would watch a number that is no process to it: tests/wine has its own")
    launcher = spawn("launcher.py").drain_stderr()
    assert launcher.hear() == b"ready"
    if held_open:
        launcher.say(b"watch %d" % launcher.pid)
        assert launcher.hear() == b"watching"
    if state is not None:
        launcher.say(b"echo now", state)
        assert launcher.hear() == b"now"

    launcher.process.kill()
    if not held_open:
        launcher.process.stdin.close()

    launcher.reach_the_end(PROMPT_S)


@of_sources
def test_a_protocol_that_cannot_start_says_so_and_ends_with_code_1(spawn):
    program = (
        "from sidecar.stdio import guard; d = guard.claim()\n"
        "from sidecar.observe import logging; logging.setup('info', 2)\n"
        "from sidecar.stdio import edge\n"
        "edge.run(d, lambda its_edge: 1 / 0, max_line_bytes=1000)\n"
    )
    child = spawn(command=[sys.executable, "-c", program]).drain_stderr()

    assert child.seconds_until_gone() < 5
    assert child.process.returncode == 1
    assert reasons(child) == ["startFailed"]
    assert b"ZeroDivisionError" in child.errors


@of_sources
def test_a_loop_that_is_torn_down_ends_the_process_with_code_1(spawn):
    program = (
        "from sidecar.stdio import guard; d = guard.claim()\n"
        "from sidecar.observe import logging; logging.setup('info', 2)\n"
        "from sidecar.stdio import edge\n"
        "def make(its_edge):\n"
        "    its_edge.loop.call_soon(lambda: exit('torn down'))\n"
        "edge.run(d, make, max_line_bytes=1000)\n"
    )
    child = spawn(command=[sys.executable, "-c", program]).drain_stderr()

    assert child.seconds_until_gone() < 5
    assert child.process.returncode == 1
    assert reasons(child) == ["loopStopped"]


@of_sources
def test_the_descriptors_can_be_claimed_once():
    program = (
        "from sidecar.stdio import guard\n"
        "import os, sys\n"
        "d = guard.claim()\n"
        "try:\n"
        "    guard.claim()\n"
        "except RuntimeError as refused:\n"
        "    os.write(d.stdout, str(refused).encode())\n"
        "os.write(d.stdout, b' %r %r' % (min(d.stdin, d.stdout) >= 3, os.get_inheritable(d.stdout)))\n"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, timeout=30)

    assert result.stdout == (
        b"stdin and stdout were claimed already; only one protocol can own them True False"
    )


@of_sources
def test_the_guard_imports_nothing_beyond_the_interpreter():
    program = (
        "import sys\n"
        "before = set(sys.modules)\n"
        "from sidecar.stdio import guard\n"
        "print(sorted(set(sys.modules) - before))\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, timeout=30, text=True
    )

    assert result.stdout.strip() == "['sidecar', 'sidecar.stdio', 'sidecar.stdio.guard']"
