"""A Live service for the model, by rules of its own (LP 4.1, 4.4): one owner per session, handles that name one,
and a memory of all that it was told."""


class Session:
    """A conversation as the service has it.

    Attributes:
        received: numbers of the messages taken, in the order of arrival.
        owned_until: while it is in the future, no other connection gets the session.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.received: list[int] = []
        self.owned_until = 0.0
        self.dead = False


class Service:
    """All sessions, the way to one, and out of one."""

    def __init__(self) -> None:
        self.sessions: list[Session] = []
        self._handles: dict[str, Session] = {}

    def new_session(self) -> Session:
        session = Session(f"session-{len(self.sessions)}")
        self.sessions.append(session)
        return session

    def new_handle(self, session: Session) -> str:
        handle = f"handle-{len(self._handles)}"
        self._handles[handle] = session
        return handle

    def by_handle(self, handle: str) -> Session | None:
        """None when it is not known any more."""
        session = self._handles.get(handle)
        return None if session is None or session.dead else session

    def forget_all(self) -> None:
        """Every handle so far is dead."""
        for session in self.sessions:
            session.dead = True

    def let_go_all(self, now: float) -> None:
        """Whatever it believed of old connections, it knows better now."""
        for session in self.sessions:
            session.owned_until = min(session.owned_until, now)

    @property
    def received(self) -> list[int]:
        return [n for session in self.sessions for n in session.received]
