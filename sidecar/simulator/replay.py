"""The books of transparent resumption: which client messages a session took, and whether a replay is exact.

In this mode (Vertex only, LP 4.4 item 10) a handle names a moment: the session as it was when a certain
message had been consumed. A resume gives everything after that back, and the client sends it again, before
anything else. Pure; messages are compared by content.
"""

import hashlib
from typing import Any


class ConsumedMessages:
    """The messages of one session, over all its connections, without those that were given back."""

    def __init__(self) -> None:
        self.lost = 0
        """Messages that were given back and did not come again."""
        self.doubled = 0
        """Messages that were not given back and came again."""
        self._taken: list[bytes] = []
        # The running comparison: what was known before the resume, where the replay ought to begin in it,
        # the places where it may have begun, the best of them, and how many messages came so far.
        self._known: list[bytes] = []
        self._due = 0
        self._starts: list[int] | None = None
        self._best: int | None = None
        self._came = 0

    @property
    def position(self) -> int:
        """How many messages the session has taken."""
        return len(self._taken)

    @property
    def replaying(self) -> bool:
        """Something that was given back has not come again yet."""
        return self._starts is not None

    def resume(self, position: int) -> None:
        """A new connection took the session over as it was at `position`."""
        began = self._due if self._best is None else self._best
        rest = self._known[began + self._came :] if self.replaying else []
        self._known = self._taken + rest
        self._taken = self._taken[:position]
        self._due, self._best, self._came = position, None, 0
        self._starts = list(range(len(self._known))) if self._known else None

    def take(self, frame: bytes) -> None:
        """Books the next message of the connection that resumed last."""
        digest = hashlib.sha256(frame).digest()
        self._taken.append(digest)
        if self._starts is not None:
            self._compare(digest)

    def report(self) -> dict[str, Any]:
        """`sha256` is of the messages' SHA-256 digests joined."""
        return {
            "taken": self.position,
            "sha256": hashlib.sha256(b"".join(self._taken)).hexdigest(),
            "lost": self.lost,
            "doubled": self.doubled,
            "replaying": self.replaying,
        }

    def _compare(self, digest: bytes) -> None:
        """One more message of a replay; judged when the replay has ended."""
        assert self._starts is not None
        known, came = self._known, self._came
        going_on = [p for p in self._starts if p + came < len(known) and known[p + came] == digest]
        if not going_on:
            self._judge()
            return
        self._came += 1
        # Equal messages give more than one reading; the one in the client's favour is taken.
        self._best = min(going_on, key=lambda p: abs(p - self._due))
        self._starts = going_on
        if self._best + self._came == len(known):
            self._judge()

    def _judge(self) -> None:
        began = len(self._known) if self._best is None else self._best
        ended = began + self._came
        if ended < self._due:  # no replay, but a message that equals an old one
            began = ended = len(self._known)
        again = max(0, ended - max(began, self._due))
        self.lost += len(self._known) - self._due - again
        self.doubled += max(0, min(ended, self._due) - began)
        self._starts = None
