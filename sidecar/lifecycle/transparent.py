"""Transparent resumption, of Vertex AI: which messages the state behind the handle holds (LP 4.4 item 10).

The service counts the client messages of a connection, the setup being 0, and says with each handle which
was the last one in it. What comes after is sent again on the next connection: then nothing is missing in the
session, and nothing is in it twice.
"""

PATIENCE_S = 10.0
"""A service that had messages for so long, and named no index, does not know of it: pongs confirm then."""


class Indexes:
    """The count of a session's present line.

    Attributes:
        rule: indexes confirm, and pongs do not.
    """

    __slots__ = ("_told", "_written", "rule")

    def __init__(self, *, asked: bool) -> None:
        """`asked`: the setup asks for it."""
        self.rule = asked
        self._written = 0
        self._told = False

    def new_line(self) -> None:
        """A line is usable; its setup was message 0."""
        self._written = 0

    def next(self) -> int:
        """A message is written: its index."""
        self._written += 1
        return self._written

    def told(self, index: int) -> None:
        """The service names an index; the default of 0 may only mean that it names none."""
        self._told |= index > 0

    def doubt(self, waited_s: float) -> None:
        """A message that the service has, as a pong says, waits for its index for so long."""
        if not self._told and waited_s > PATIENCE_S:
            self.rule = False
