"""What the operating system knows of a TCP connection and Python has no call for."""

import socket
import sys
from array import array
from collections.abc import Callable

_SO_NWRITE = 0x1024  # macOS, <sys/socket.h>


def unacknowledged_bytes(sock: socket.socket) -> int | None:
    """Bytes written to the socket that the other side's TCP has not acknowledged; None where nobody tells."""
    return _unless_closed(_unacknowledged, sock)


def unread_bytes(sock: socket.socket) -> int | None:
    """Bytes that have come in and were not read yet; None where nobody tells."""
    return _unless_closed(_unread, sock)


def _unless_closed(ask: Callable[[socket.socket], int | None], sock: socket.socket) -> int | None:
    try:
        return ask(sock)
    except (OSError, ValueError):  # ValueError: there is no descriptor any more
        return None


if sys.platform != "win32":
    import fcntl
    import termios

    def _ioctl(sock: socket.socket, request: int) -> int:
        answer = array("i", [0])
        fcntl.ioctl(sock.fileno(), request, answer)
        return answer[0]

    def _unread(sock: socket.socket) -> int | None:
        return _ioctl(sock, termios.FIONREAD)


if sys.platform == "linux":

    def _unacknowledged(sock: socket.socket) -> int | None:
        return _ioctl(sock, termios.TIOCOUTQ)  # the same number as SIOCOUTQ

elif sys.platform == "darwin":

    def _unacknowledged(sock: socket.socket) -> int | None:
        return sock.getsockopt(socket.SOL_SOCKET, _SO_NWRITE)

else:

    def _unacknowledged(sock: socket.socket) -> int | None:
        return None

    def _unread(sock: socket.socket) -> int | None:
        return None
