"""Logical sessions: they outlive their connections, and each has one owner at a time (LP 4.4)."""

import uuid
from typing import Any

from .accounting import SessionAudio
from .refusals import MALFORMED_HANDLE, UNKNOWN_HANDLE, Refused
from .script import Script, Turn
from .turns import SpeechDetector


class Session:
    """One conversation, with all that a resume finds again."""

    def __init__(self, index: int, script: Script) -> None:
        self.index = index
        self.audio = SessionAudio()
        self.detector = SpeechDetector(script)
        self.unspoken: list[str] = []  # words of the running utterance that were not transcribed yet
        self.activity_ms: float | None = None  # length of an activity the client marks itself
        self.turns_taken = 0
        self.pending_tools: dict[str, Turn] = {}
        self.cancelled_tools: set[str] = set()
        self.history: list[dict[str, Any]] = []  # the turns given with initialHistoryInClientContent
        self.texts: list[str] = []  # what the user wrote since
        self.owner: int | None = None
        self.handles_issued = 0
        self._script = script
        self._ended_at_s = 0.0
        self._held_until_s = 0.0
        self._was_speaking = False

    def next_turn(self) -> Turn | None:
        """The turn that the utterance now running, or coming next, belongs to."""
        turns = self._script.turns
        return turns[self.turns_taken % len(turns)] if turns else None

    def may_be_resumed(self, now_s: float) -> bool:
        """No while a connection owns it, nor shortly after that one's end (LP 4.4 items 3 and 4)."""
        if self.owner is not None or now_s < self._held_until_s:
            return False
        if self._was_speaking and self._script.speaking_resumes_at_once:
            return True
        return now_s - self._ended_at_s >= self._script.owner_grace_ms / 1000

    def take(self, connection: int) -> None:
        self.owner = connection

    def hold(self, until_s: float) -> None:
        """The owner's connection is gone, and until then the service does not know it (LP 4.4 item 8)."""
        self._held_until_s = until_s

    def release(self, now_s: float, *, was_speaking: bool) -> None:
        """The owner's connection ended."""
        self.owner = None
        self._ended_at_s = now_s
        self._was_speaking = was_speaking

    def report(self) -> dict[str, Any]:
        return {
            "session": self.index,
            "owner": self.owner,
            "turnsTaken": self.turns_taken,
            "historyTurns": len(self.history),
            "texts": len(self.texts),
            "pendingToolCalls": list(self.pending_tools),
            "handlesIssued": self.handles_issued,
            "audio": self.audio.report(),
        }


class Sessions:
    """All sessions and their handles. A handle names a session, not a moment of it: old ones stay good."""

    def __init__(self, script: Script) -> None:
        self.all: list[Session] = []
        self._by_handle: dict[str, Session] = {}
        self._script = script

    def open(self) -> Session:
        session = Session(len(self.all) + 1, self._script)
        self.all.append(session)
        return session

    def issue_handle(self, session: Session) -> str:
        handle = str(uuid.uuid4())
        self._by_handle[handle] = session
        session.handles_issued += 1
        return handle

    def find(self, handle: str) -> Session:
        """Raises Refused: 1007 for what cannot be a handle, 1008 for one that names nothing."""
        session = self._by_handle.get(handle)
        if session is not None:
            return session
        try:
            well_formed = str(uuid.UUID(handle)) == handle
        except ValueError:
            well_formed = False
        raise Refused(1008, UNKNOWN_HANDLE) if well_formed else Refused(1007, MALFORMED_HANDLE)
