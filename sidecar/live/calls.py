"""Ids of the model's tool calls, each with what is known of it: the newest of them."""

from collections import OrderedDict

CALLS_KEPT = 1000
"""A service that asks and asks, and a host that never answers, must not fill the memory."""
MAX_ID_CHARS = 1024
"""A call with a longer id is told and not remembered; those of the service have a few dozen (LP 3)."""
MAX_KNOWN_CHARS = 1024
"""Of what is known of a call."""


class Calls(OrderedDict[str, str]):
    """Forgets the oldest for one that is too many."""

    def __setitem__(self, call_id: str, known: str) -> None:
        if len(call_id) > MAX_ID_CHARS:
            return
        super().__setitem__(call_id, known[:MAX_KNOWN_CHARS])
        if len(self) > CALLS_KEPT:
            self.popitem(last=False)
