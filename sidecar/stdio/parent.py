"""Watches the process that `initialize` named as our parent (design section 2).

The kernel tells at once when it ends, however it ends, and though somebody else holds our stdin open.
Not PDEATHSIG: that fires when the thread ends which spawned us.
"""

import os
import select
import sys
import threading
import time
from collections.abc import Callable

POLL_S = 1.0
"""Where the kernel cannot tell, it is asked this often."""


def watch(pid: int, on_gone: Callable[[], None]) -> None:
    """Calls `on_gone` from a daemon thread when the process ends: at once if there is none."""

    def run() -> None:
        _wait_for_end(pid)
        on_gone()

    threading.Thread(target=run, name="parent-watch", daemon=True).start()


def _poll_for_end(pid: int) -> None:
    """Asks the kernel every second. A parent has also ended when we were given another one."""
    was_parent = os.getppid() == pid
    while not (was_parent and os.getppid() != pid):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        except PermissionError:
            pass  # it lives, and is not ours
        time.sleep(POLL_S)


if sys.platform == "win32":
    _SYNCHRONIZE = 0x00100000
    _INFINITE = 0xFFFFFFFF
    _ERROR_INVALID_PARAMETER = 87  # what OpenProcess says of a number that no process has

    def _wait_for_end(pid: int) -> None:
        import ctypes

        kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
        kernel32.OpenProcess.argtypes = (ctypes.c_ulong, ctypes.c_int, ctypes.c_ulong)
        kernel32.OpenProcess.restype = ctypes.c_void_p
        kernel32.WaitForSingleObject.argtypes = (ctypes.c_void_p, ctypes.c_ulong)
        handle = kernel32.OpenProcess(_SYNCHRONIZE, False, pid)
        if handle:
            kernel32.WaitForSingleObject(handle, _INFINITE)
        elif ctypes.get_last_error() != _ERROR_INVALID_PARAMETER:
            # It exists, and we may not look at it. Asking for it with os.kill would end it on Windows.
            threading.Event().wait()

elif sys.platform == "linux":

    def _wait_for_end(pid: int) -> None:
        try:
            handle = os.pidfd_open(pid)
        except ProcessLookupError:
            return
        except OSError:  # a kernel before 5.3, or a sandbox that forbids it
            _poll_for_end(pid)
            return
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        poll.poll()
        os.close(handle)

elif sys.platform == "darwin":

    def _wait_for_end(pid: int) -> None:
        event = select.kevent(
            pid,
            filter=select.KQ_FILTER_PROC,
            flags=select.KQ_EV_ADD | select.KQ_EV_ONESHOT,
            fflags=select.KQ_NOTE_EXIT,
        )
        queue = select.kqueue()
        try:
            queue.control([event], 1, None)
        except ProcessLookupError:
            return
        except OSError:  # a process that we may not look at
            _poll_for_end(pid)
        finally:
            queue.close()

else:
    _wait_for_end = _poll_for_end
