"""What was said, as text: the seed of a fresh session when the old one is lost (LP 2.2; design section 3).

The service takes it after setupComplete, before anything else, and only on a line that does not resume.
"""

from collections import deque
from collections.abc import Collection
from typing import Any

from sidecar.lifecycle.item import Item
from sidecar.live.turns import Transcript

_CONFIG = ("historyConfig", "history_config")
_FLAG = ("initialHistoryInClientContent", "initial_history_in_client_content")


class History:
    """The newest part of the conversation, at most `max_chars` characters. No repr shows it."""

    def __init__(self, max_chars: int) -> None:
        self.max_chars = max_chars
        self._texts: deque[tuple[str, str, Item | None]] = deque()
        """(role, text, the message it was sent in by the host), oldest first."""
        self._chars = 0

    def __repr__(self) -> str:
        return f"History(texts={len(self._texts)}, chars={self._chars})"

    def add(self, transcript: Transcript) -> None:
        """Take what was transcribed. Only finals count; what a cut left of a turn was heard."""
        if transcript.final:
            self._add(transcript.source, transcript.text)

    def said(self, text: str, item: Item) -> None:
        """Take what the host wrote for the user."""
        self._add("user", text, item)

    def copy(self) -> "History":
        """One that goes its own way."""
        other = History(self.max_chars)
        other._texts, other._chars = self._texts.copy(), self._chars
        return other

    def seed(self, waiting: Collection[Item] = ()) -> dict[str, Any] | None:
        """The message that gives a fresh session what was said; None when that is nothing.

        Args:
            waiting: messages that the fresh session will get all the same.
        """
        turns: list[tuple[str, list[str]]] = []
        for role, text, item in self._texts:
            if item is not None and item in waiting:
                continue
            if turns and turns[-1][0] == role:
                turns[-1][1].append(text)
            else:
                turns.append((role, [text]))
        if not turns:
            return None
        contents = [{"role": role, "parts": [{"text": "\n".join(texts)}]} for role, texts in turns]
        return {"clientContent": {"turns": contents, "turnComplete": True}}

    @staticmethod
    def setup(setup: dict[str, Any]) -> dict[str, Any]:
        """The setup of a session that waits for a seed. The caller's dict is not changed.

        Only for a setup without a handle: on a resume the service would wait for ever.
        """
        config: dict[str, Any] = {}
        for name in _CONFIG:
            given = setup.get(name)
            if isinstance(given, dict):
                config |= {key: value for key, value in given.items() if key not in _FLAG}
        rest = {key: value for key, value in setup.items() if key not in _CONFIG}
        return {**rest, _CONFIG[0]: {**config, _FLAG[0]: True}}

    def _add(self, role: str, text: str, item: Item | None = None) -> None:
        """A text over the limit keeps its end; for a new one the oldest make room."""
        text = text.strip()
        text = text[max(0, len(text) - self.max_chars) :]
        if not text:
            return
        self._texts.append((role, text, item))
        self._chars += len(text)
        while self._chars > self.max_chars:
            _, oldest, _ = self._texts.popleft()
            self._chars -= len(oldest)
