"""Logical sessions: they outlive their connections, and each has one owner at a time (LP 4.4)."""

import uuid
from dataclasses import dataclass
from typing import Any, NamedTuple

from .accounting import SessionAudio
from .hearing import SpeechDetector
from .refusals import refused
from .replay import ConsumedMessages
from .script import Script, Turn
from .usage import Tokens


@dataclass(frozen=True)
class PendingCall:
    """A function call without an answer. A blocking one holds its turn up and ends with an interruption."""

    turn: Turn
    blocking: bool


class Snapshot(NamedTuple):
    """A moment of a session, as far as a transparent resume brings it back."""

    position: int
    turns_taken: int
    history: int
    texts: int
    pending_tools: dict[str, PendingCall]


class Session:
    """One conversation, with all that a resume finds again. `born_s` is in service time."""

    def __init__(self, index: int, script: Script, born_s: float = 0.0) -> None:
        self.index = index
        self.born_s = born_s
        self.audio = SessionAudio()
        self.messages = ConsumedMessages()  # kept in transparent mode only
        self.context = Tokens()  # beside the user's audio
        self.has_video = False
        self.detector = SpeechDetector(script)
        self.unspoken: list[str] = []  # words of the running utterance that were not transcribed yet
        self.activity_ms: float | None = None  # length of an activity the client marks itself
        self.turns_taken = 0
        self.pending_tools: dict[str, PendingCall] = {}
        self.cancelled_tools: set[str] = set()
        self.history: list[dict[str, Any]] = []  # the turns given with initialHistoryInClientContent
        self.texts: list[str] = []  # what the user wrote since
        self.owner: int | None = None
        self.handles_issued = 0
        self.ended_service_s = born_s
        self._script = script
        self._ended_at_s = 0.0
        self._held_until_s = 0.0
        self._was_speaking = False

    def next_turn(self) -> Turn | None:
        """The turn that the utterance now running, or coming next, belongs to."""
        turns = self._script.turns
        return turns[self.turns_taken % len(turns)] if turns else None

    def prompt(self) -> Tokens:
        """All that was said so far, which is the prompt of every turn (LP 4.2)."""
        tokens = Tokens()
        tokens.add_audio(self.audio.unique_ms)
        tokens.update(self.context)
        return tokens

    def snapshot(self) -> Snapshot:
        return Snapshot(
            self.messages.position,
            self.turns_taken,
            len(self.history),
            len(self.texts),
            dict(self.pending_tools),
        )

    def restore(self, then: Snapshot) -> None:
        """Gives back what came after. Audio stays: a repetition is known by its content."""
        self.messages.resume(then.position)
        self.turns_taken = then.turns_taken
        self.pending_tools = dict(then.pending_tools)
        del self.history[then.history :]
        del self.texts[then.texts :]

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
        self.ended_service_s = now_s * self._script.time_scale
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
            "messages": self.messages.report(),
        }


class Handle(NamedTuple):
    session: Session
    moment: Snapshot


class Sessions:
    """All sessions and their handles. A handle names a session, not a moment of it: old ones stay good.

    Only a transparent resume goes back to the handle's moment.
    """

    def __init__(self, script: Script) -> None:
        self.all: list[Session] = []
        self._by_handle: dict[str, Handle] = {}
        self._script = script

    def open(self, now_s: float = 0.0) -> Session:
        session = Session(len(self.all) + 1, self._script, now_s * self._script.time_scale)
        self.all.append(session)
        return session

    def issue_handle(self, session: Session) -> str:
        name = str(uuid.uuid4())
        self._by_handle[name] = Handle(session, session.snapshot())
        session.handles_issued += 1
        return name

    def find(self, name: str, now_s: float = 0.0) -> Handle:
        """Raises Refused: 1007 for what cannot be a handle, 1008 for one that names nothing any more."""
        handle = self._by_handle.get(name)
        if handle is not None and not self._expired(handle.session, now_s):
            return handle
        try:
            well_formed = str(uuid.UUID(name)) == name
        except ValueError:
            well_formed = False
        raise refused("sessionNotFound" if well_formed else "malformedHandle")

    def _expired(self, session: Session, now_s: float) -> bool:
        lifetime_ms = self._script.handle_lifetime_ms
        if lifetime_ms is None or session.owner is not None:
            return False
        return now_s * self._script.time_scale - session.ended_service_s > lifetime_ms / 1000
