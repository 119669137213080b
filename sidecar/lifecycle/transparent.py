"""Transparent resumption, of Vertex AI: which messages the state behind the handle holds (LP 4.4 item 10).

The service counts the client messages of a connection, the setup being 0, and says with each handle which
was the last one in it. What comes after is sent again on the next connection: then nothing is missing in the
session, and nothing is in it twice. A pong tells that a message has arrived, but not that it is in there.
"""


class Indexes:
    """The count of a session's present line.

    Attributes:
        rule: the setup asks for it, so indexes confirm, and pongs do not.
        told: the service has named an index. As long as it has not, it may not know of all this, and may have
            what is sent again.
        arrived: number of the newest ping whose pong came; what was written before it has arrived.
    """

    __slots__ = ("_sure", "_written", "arrived", "rule", "told")

    def __init__(self, *, rule: bool) -> None:
        self.rule = rule
        self.told = False
        self.arrived = 0
        self._written = 0
        self._sure = 0

    def unnamed(self) -> int:
        """A handle came that names no message: none is in it, which is what a missing number says, or this
        service names none. What had arrived before the handle before it is taken as in there all the same:
        else a service that never names one would be sent everything again. Returns the number of its ping."""
        if self.told:
            return 0
        sure, self._sure = self._sure, self.arrived
        return sure

    def new_line(self) -> None:
        """A line is usable; its setup was message 0."""
        self._written = 0

    def next(self) -> int:
        """A message is written: its index."""
        self._written += 1
        return self._written
