"""sessionResumptionUpdate: when a connection's client is given a handle, and what it is told (LP 3, 4.4)."""

from collections.abc import Callable

from .dialect import Message
from .script import Script
from .session import Session, Sessions


class HandleIssuer:
    """`every` asks to be called again and again, at an interval in milliseconds.

    In transparent mode (LP 4.4 item 10) client messages are counted, from 1 on each connection; 0 is the
    setup.
    """

    def __init__(
        self,
        session: Session,
        sessions: Sessions,
        script: Script,
        send: Callable[[Message], None],
        *,
        transparent: bool,
    ) -> None:
        self._session = session
        self._sessions = sessions
        self._script = script
        self._send = send
        self._transparent = transparent
        self._index = 0
        self._told_index = 0
        self._resumable = True

    def begin(self, every: Callable[[float, Callable[[], None]], None]) -> None:
        """The first handle comes right after setupComplete."""
        self._issue()
        interval_ms = self._script.index_every_ms if self._transparent else self._script.handle_every_ms
        if interval_ms is not None:
            every(interval_ms, self._again)

    def consumed(self, frame: bytes) -> None:
        """The session took a message."""
        if self._transparent:
            self._index += 1
            self._session.messages.take(frame)

    def busy(self, busy: bool) -> None:
        """The model generates or runs tools, or no longer does (LP 3: resumable is false meanwhile)."""
        if not self._script.resumable_while_generating:
            self._resumable = not busy
            self._issue()

    def _again(self) -> None:
        if not self._transparent or self._index > self._told_index:
            self._issue()

    def _issue(self) -> None:
        update: Message = {}
        if self._resumable:
            update = {"newHandle": self._sessions.issue_handle(self._session), "resumable": True}
            if self._index:  # int64: a string; zero is absent (LP 1.5)
                update["lastConsumedClientMessageIndex"] = str(self._index)
            self._told_index = self._index
        self._send({"sessionResumptionUpdate": update})
