"""The end of another process is told, however it is watched."""

import os
import subprocess
import sys
import threading

import pytest

from sidecar.stdio import parent

WAIT_S = 20


@pytest.fixture
def child():
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.communicate()


def test_nothing_is_told_while_the_process_lives(child):
    told = threading.Event()
    parent.watch(child.pid, told.set)

    assert not told.wait(0.2)


@pytest.mark.parametrize("end", ["kill", "return"])
def test_the_end_is_told_at_once_even_before_anybody_waits_for_it(child, end):
    told = threading.Event()
    parent.watch(child.pid, told.set)
    assert not told.wait(0.1)

    if end == "kill":
        child.kill()
    else:
        child.stdin.close()

    assert told.wait(WAIT_S)


def test_a_process_that_is_gone_already_is_told_at_once(child):
    child.kill()
    child.wait()
    told = threading.Event()

    parent.watch(child.pid, told.set)

    assert told.wait(WAIT_S)


@pytest.mark.skipif(sys.platform == "win32", reason="on Windows os.kill would end the process it asks for")
def test_where_the_kernel_cannot_tell_it_is_asked(child, monkeypatch):
    monkeypatch.setattr(parent, "POLL_S", 0.01)
    told = threading.Event()

    def ask():
        parent._poll_for_end(child.pid)
        told.set()

    threading.Thread(target=ask, daemon=True).start()
    assert not told.wait(0.1)
    child.kill()
    child.wait()

    assert told.wait(WAIT_S)


@pytest.mark.skipif(sys.platform != "linux", reason="pidfd_open is Linux's own")
def test_a_sandbox_without_pidfd_falls_back_to_asking(child, monkeypatch):
    def refuse(pid, flags=0):
        raise PermissionError

    monkeypatch.setattr(os, "pidfd_open", refuse)
    monkeypatch.setattr(parent, "POLL_S", 0.01)
    told = threading.Event()
    parent.watch(child.pid, told.set)
    assert not told.wait(0.1)
    child.kill()
    child.wait()

    assert told.wait(WAIT_S)
