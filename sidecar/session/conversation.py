"""What is said in a session, over all its lines: whose turn it is, and what a fresh session would be told."""

from collections.abc import Collection
from typing import Any

from sidecar.lifecycle.item import Item, Kind
from sidecar.lifecycle.settings import ResumptionOptions
from sidecar.live.history import History
from sidecar.live.messages import ServerMessage
from sidecar.live.outgoing import InvalidMessage, Outgoing
from sidecar.live.turns import Transcript, TurnEvent, Turns


class Conversation:
    """
    Attributes:
        turns: as the service tells them.
        took_over: the session is older than this object: it may wait for answers that nobody here knows of.
    """

    def __init__(self, options: ResumptionOptions, *, took_over: bool) -> None:
        self.turns = Turns()
        self.took_over = took_over
        self._options = options
        self._history = History(options.reseed_chars)

    def configure(self, options: ResumptionOptions) -> None:
        self._options = options
        self._history.max_chars = options.reseed_chars

    # --- what the host says -----------------------------------------------------------------------

    def check_calls(self, ids: tuple[str, ...]) -> None:
        """
        Raises:
            InvalidMessage: nobody waits for the answer to one of these tool calls; the service would close
                the line for it.
        """
        for call_id in ids:
            if (why := self.turns.dead_calls.get(call_id)) is not None:
                raise InvalidMessage(f"{call_id[:200]}: {why}; nobody waits for its answer")
            if call_id not in self.turns.known_calls and not self.took_over:
                raise InvalidMessage(
                    f"{call_id[:200]}: the service made no such call; it would end the line for an answer"
                )

    def sent(self, message: Outgoing) -> None:
        """The message was accepted."""
        item = message.item
        if item.kind is Kind.ACTIVITY:
            self.turns.activity(started=item.demand is None)
        elif item.demand is not None and item.kind is not Kind.CONTROL:
            self.turns.asked()
        self.turns.answered(message.answered)
        if self._options.reseed:
            for text in message.texts:
                self._history.said(text, item)

    # --- what the service says --------------------------------------------------------------------

    def heard(self, message: ServerMessage) -> list[TurnEvent]:
        return self._remembered(self.turns.feed(message))

    def cut(self) -> list[TurnEvent]:
        """The line is gone."""
        return self._remembered(self.turns.cut())

    def lost(self) -> list[TurnEvent]:
        """A fresh session has taken the old one's place."""
        return self._remembered(self.turns.lost())

    def _remembered(self, told: list[TurnEvent]) -> list[TurnEvent]:
        if told and self._options.reseed:
            for event in told:
                if isinstance(event, Transcript):
                    self._history.add(event)
        return told

    # --- starting over ----------------------------------------------------------------------------

    def seed(
        self, setup: dict[str, Any], waiting: Collection[Item]
    ) -> tuple[dict[str, Any] | None, dict[str, Any]]:
        """What a fresh session in place of this one is told, None for nothing; and its setup.

        The user's unfinished sentence is in it, though `lost` is still to tell that: until setupComplete the
        line may fail, and the old session be resumed after all. Not in it is what is `waiting` to be sent.
        """
        if not self._options.reseed:
            return None, setup
        history = self._history.copy()
        for transcript in self.turns.unfinished():
            history.add(transcript)
        seed = history.seed(waiting)
        return seed, setup if seed is None else history.setup(setup)
