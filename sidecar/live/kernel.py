"""What the operating system knows of a TCP connection and Python has no call for."""

import socket
import sys
from array import array

_SO_NWRITE = 0x1024  # macOS, <sys/socket.h>


def unacknowledged_bytes(sock: socket.socket) -> int | None:
    """Bytes written to the socket that the other side's TCP has not acknowledged; None where nobody tells."""
    try:
        return _ask(sock)
    except OSError:
        return None


if sys.platform == "linux":
    import fcntl
    import termios

    def _ask(sock: socket.socket) -> int | None:
        answer = array("i", [0])
        fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, answer)  # the same number as SIOCOUTQ
        return answer[0]

elif sys.platform == "darwin":

    def _ask(sock: socket.socket) -> int | None:
        return sock.getsockopt(socket.SOL_SOCKET, _SO_NWRITE)

else:

    def _ask(sock: socket.socket) -> int | None:
        return None
