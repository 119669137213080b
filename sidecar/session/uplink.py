"""What a line carries: the totals of all lines of a session, and whether a slow uplink still moves."""

from sidecar.live.line import WebSocketLine


class Traffic:
    """Totals over all lines; see `TrafficStats` in docs/protocol.md."""

    __slots__ = ("bytes_received", "bytes_sent", "frames_received", "frames_sent")

    def __init__(self) -> None:
        self.bytes_sent = self.bytes_received = self.frames_sent = self.frames_received = 0

    def plus(self, line: WebSocketLine | None) -> "Traffic":
        """With what this line has carried so far."""
        total = Traffic()
        for name in Traffic.__slots__:
            setattr(total, name, getattr(self, name) + (getattr(line, name) if line is not None else 0))
        return total


class Uplink:
    """Whether the oldest unanswered ping still waits behind other bytes, and these are leaving.

    On an uplink slower than the speech a ping takes seconds to leave; that is no silence of the other side
    (design section 3: a slow uplink is judged by progress). What TCP acknowledged tells the two apart.
    """

    __slots__ = ("_acked", "_ping_ends_at")

    def __init__(self) -> None:
        self._ping_ends_at = 0
        self._acked = 0

    def pinged(self, line: WebSocketLine) -> None:
        """A ping was written, and none was unanswered before."""
        self._ping_ends_at = line.bytes_sent
        self._acked = line.acked_bytes or 0

    def moves(self, line: WebSocketLine) -> bool:
        """Since it was last asked, something was acknowledged, and the ping was not."""
        acked = line.acked_bytes
        if acked is None or acked <= self._acked:
            return False
        self._acked = acked
        return acked < self._ping_ends_at
