"""Function calls of one connection: asking, answers and their scheduling, cancellation (LP 2.4, 3)."""

from collections.abc import Callable
from typing import Any, Protocol

from .dialect import Message
from .refusals import refused
from .script import Script, Turn
from .session import PendingCall, Session
from .setup import Setup, behaviors


class Speaker(Protocol):
    """What an answered call makes the model do."""

    def go_on(self, turn: Turn) -> None:
        """Speaks the turn, after the one that may be running."""

    def interrupt(self) -> object:
        """Ends the turn that may be running."""


class Tools:
    def __init__(
        self, session: Session, setup: Setup, script: Script, send: Callable[[Message], None]
    ) -> None:
        self._session = session
        self._setup = setup
        self._behaviors = setup.behaviors
        self._script = script
        self._send = send

    def declared(self, tools: list[dict[str, Any]]) -> None:
        """From now on these are the tools (contextUpdate)."""
        self._behaviors = behaviors(tools)

    def call(self, turn: Turn) -> bool:
        """Asks for the turn's function. True when its turn is over with that: it does not block."""
        assert turn.tool_call is not None
        call_id = self._setup.manner.dialect.call_id()
        behavior = self._behaviors.get(turn.tool_call.name, self._script.tool_behavior)
        blocking = behavior != "NON_BLOCKING"
        self._session.pending_tools[call_id] = PendingCall(turn, blocking)
        call = {"id": call_id, "name": turn.tool_call.name, "args": turn.tool_call.args}
        self._send({"toolCall": {"functionCalls": [call]}})
        return not blocking

    def answered(self, response: dict[str, Any], speaker: Speaker) -> None:
        """An answer. One that says willContinue is only the first of several, and the model waits on.

        An answer to a cancelled call came too late and is not heeded. Raises Refused for one to no call.
        """
        call_id = response.get("id") or self._by_name(response.get("name", ""))
        pending = self._session.pending_tools.get(call_id)
        if pending is None:
            if call_id in self._session.cancelled_tools:
                return
            raise refused("invalidArgument")
        if response.get("willContinue", False):
            return
        del self._session.pending_tools[call_id]
        scheduling = "WHEN_IDLE" if pending.blocking else response.get("scheduling", "WHEN_IDLE")
        if scheduling == "SILENT":
            return
        if scheduling == "INTERRUPT":
            speaker.interrupt()
        speaker.go_on(pending.turn)

    def blocked(self) -> bool:
        """A turn is held up by a call without an answer."""
        return any(call.blocking for call in self._session.pending_tools.values())

    def cancel(self) -> None:
        """An interruption: the calls that held the turn up are off. The others go on."""
        pending = self._session.pending_tools
        ids = [call_id for call_id, call in pending.items() if call.blocking]
        if ids:
            self._send({"toolCallCancellation": {"ids": ids}})
            self._session.cancelled_tools.update(ids)
            for call_id in ids:
                del pending[call_id]

    def _by_name(self, name: str) -> str:
        """Vertex takes answers without an id (LP 2.4): they are for the oldest call of that name."""
        if not self._setup.manner.dialect.needs_call_ids:
            for call_id, call in self._session.pending_tools.items():
                if call.turn.tool_call is not None and call.turn.tool_call.name == name:
                    return call_id
        return ""
