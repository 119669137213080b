"""Takes stdin and stdout away from everybody else, before anybody else is imported (design section 2).

The protocol gets private copies. Descriptor 0 becomes the null device and descriptor 1 becomes stderr, so
a stray `print`, a chatty C library or a child process cannot reach the protocol, nor read it.
On Windows this also ends the hangs of libraries that look at a standard handle while a thread reads it.
"""

import os
import sys

_claimed = False


class Descriptors:
    """The private descriptors of the protocol: at least 3, binary, not inherited by child processes."""

    __slots__ = ("stdin", "stdout")

    def __init__(self, stdin: int, stdout: int) -> None:
        self.stdin = stdin
        self.stdout = stdout


def claim() -> Descriptors:
    """Makes the swap, once per process. Raises RuntimeError the second time.

    A standard descriptor that was closed at the start is taken as a null device that can only be read:
    stdin is then at its end, and the first write to stdout fails, which end the process as they always do.
    """
    global _claimed
    if _claimed:
        raise RuntimeError("stdin and stdout were claimed already; only one protocol can own them")
    _claimed = True

    private = Descriptors(_private_copy(0), _private_copy(1))
    null = _at_least_3(os.open(os.devnull, os.O_RDWR))
    os.dup2(null, 0, inheritable=True)
    if not _is_open(2):
        os.dup2(null, 2, inheritable=True)
    os.dup2(2, 1, inheritable=True)
    os.close(null)
    if sys.platform == "win32":
        _repoint_windows_handles(private)
    # Python's own stdout was made for a pipe: it would keep a stray print in its buffer for ever.
    sys.stdout = sys.stderr
    return private


def _private_copy(fd: int) -> int:
    try:
        return _at_least_3(os.dup(fd))
    except OSError:
        return _at_least_3(os.open(os.devnull, os.O_RDONLY))


def _at_least_3(fd: int) -> int:
    """Moves a descriptor out of the standard range, where it lands when a standard one was closed."""
    low: list[int] = []
    while fd < 3:
        low.append(fd)
        fd = os.dup(fd)
    for each in low:
        os.close(each)
    return fd


def _is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


if sys.platform == "win32":

    def _repoint_windows_handles(private: Descriptors) -> None:
        """Child processes and C libraries read the Win32 slots, not the C runtime's table."""
        import ctypes
        import msvcrt

        for fd in (private.stdin, private.stdout):
            msvcrt.setmode(fd, os.O_BINARY)
        set_std_handle = ctypes.WinDLL("kernel32", use_last_error=True).SetStdHandle
        set_std_handle.argtypes = (ctypes.c_ulong, ctypes.c_void_p)
        set_std_handle.restype = ctypes.c_int
        for fd, slot in ((0, -10), (1, -11), (2, -12)):  # STD_INPUT_HANDLE and the two after it
            set_std_handle(slot & 0xFFFFFFFF, msvcrt.get_osfhandle(fd))
