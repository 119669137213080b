"""Ids of the model's tool calls, each with what is known of it: the newest of them."""

from collections import OrderedDict

CALLS_KEPT = 1000
"""A service that asks and asks, and a host that never answers, must not fill the memory."""


class Calls(OrderedDict[str, str]):
    """Forgets the oldest for one that is too many."""

    def __setitem__(self, call_id: str, known: str) -> None:
        super().__setitem__(call_id, known)
        if len(self) > CALLS_KEPT:
            self.popitem(last=False)
