"""The one outbox of a session: order, delivery, replay, and books that balance (design section 3, Delivery).

Messages leave in the order of acceptance. A written message is confirmed only by a pong for a ping
written after it; what a line took with it when it died goes back to the front and is sent again.
With transparent resumption the service itself confirms, by index.
Kinds decide only what may be dropped when it is full, never what goes first.
"""

from collections import deque
from collections.abc import Callable

from sidecar.lifecycle.books import Books, Drops, HighWater
from sidecar.lifecycle.item import DROPPABLE, REPLAYABLE, Item, Kind, tail_within
from sidecar.lifecycle.numbers import Numbers
from sidecar.lifecycle.pace import Pace
from sidecar.lifecycle.settings import OutboxLimits
from sidecar.lifecycle.transparent import Indexes

FRAME_OVERHEAD = 32
"""Bytes on the wire beside a payload, at most: the frame's header, and its share of the pings."""
_UNKNOWN = "deliveryUnknown"


class Full(Exception):
    """No room, and nothing that may be dropped for this message. It was not accepted."""


class Outbox:
    """Accept, take, confirm; and the way back after a cut.

    Args:
        limits: sizes and rates.
        ring_s: seconds of audio kept, held and unconfirmed together.
        transparent: the setup asks for transparent resumption.
    """

    def __init__(self, limits: OutboxLimits, ring_s: float, *, transparent: bool = False) -> None:
        self.limits = limits
        self._ring_us = int(ring_s * 1e6)
        self.books = Books()
        self.held: deque[Item] = deque()
        self.unconfirmed: deque[Item] = deque()
        self.drops = Drops()
        self._size = 0
        self._pace = Pace(limits)
        self._activity_open = False
        self._droppable = 0
        self.numbers = Numbers()
        self._high_water = HighWater()
        self.indexes = Indexes(rule=transparent)

    # --- in ---------------------------------------------------------------------------------------

    def accept(self, item: Item) -> None:
        """Take responsibility for a message; makes room by dropping the oldest audio and video.

        Raises:
            Full: there is no room even so; the message is refused and stays the caller's.
        """
        books = self.books
        if not self._make_room(item):
            self.refuse(item)
            raise Full
        self.held.append(item)
        self._size += item.size
        self._droppable += item.kind in DROPPABLE
        if item.audio_us:
            books.accepted_us += item.audio_us
            books.held_us += item.audio_us
        if item.n is not None:
            self.numbers.accepted(item.n)

    def refuse(self, item: Item) -> None:
        """Note that a message was offered and not accepted."""
        self.books.refused_us += item.audio_us
        if item.n is not None:
            self.numbers.refused(item.n)

    def _has_room(self, item: Item) -> bool:
        books, ring_us, limits = self.books, self._ring_us, self.limits
        return (
            books.held_us + item.audio_us <= ring_us
            and books.unconfirmed_us <= ring_us
            and self._size + item.size <= limits.max_bytes
            and self._droppable < limits.max_messages
        )

    def _make_room(self, item: Item) -> bool:
        books = self.books
        ring_us, limits = self._ring_us, self.limits
        if self._has_room(item):
            return True
        self._note_high_water()
        while self.unconfirmed and self._has_arrived(self.unconfirmed[0]):  # it only waits for its index
            self._account_confirmed(self.unconfirmed.popleft())
            if self._has_room(item):
                return True
        # What is under way has a ring of its own: to give it up for what waits would be to call lost what
        # arrives.
        over_us = (books.unconfirmed_us - ring_us, books.held_us + item.audio_us - ring_us)
        if not item.audio_us:
            over_us = (0, 0)
        over_bytes = self._size + item.size - limits.max_bytes
        over = self._droppable + 1 - limits.max_messages if item.kind in DROPPABLE else 0
        if max(*over_us, over_bytes, over) <= 0:
            return True
        if item.audio_us > ring_us or over_bytes > self._droppable_bytes(over_bytes):
            return False
        queues = ((self.unconfirmed, _UNKNOWN), (self.held, "outboxFull"))
        for (queue, reason), too_long_us in zip(queues, over_us, strict=True):
            kept: list[Item] = []
            left_us = too_long_us
            while queue and (left_us > 0 or over_bytes > 0 or over > 0):
                oldest = queue.popleft()
                if oldest.kind in DROPPABLE and (over_bytes > 0 or over > 0 or oldest.audio_us):
                    self._account_drop(queue, oldest, reason)
                    left_us -= oldest.audio_us
                    over_bytes -= oldest.size
                    over -= 1
                else:
                    kept.append(oldest)
            queue.extendleft(reversed(kept))
        return True

    def _droppable_bytes(self, wanted: int) -> int:
        """Bytes that dropping could free, counted up to `wanted`."""
        found = 0
        for queue in (self.unconfirmed, self.held):
            for item in queue:
                if found >= wanted:
                    return found
                found += item.size if item.kind in DROPPABLE else 0
        return found

    # --- out --------------------------------------------------------------------------------------

    def take(self, now: float, mark: int) -> Item | None:
        """The next message to write now, marked with the number of the next ping; None when there is
        none or the backlog's rate says wait (see `ready_at`)."""
        if not self.held:
            return None
        item = self.held[0]
        if item.audio_us and not self._pace.allows(now):
            return None
        self.held.popleft()
        books = self.books
        if item.audio_us:
            self._pace.spend(item.audio_us)
            books.held_us -= item.audio_us
            books.unconfirmed_us += item.audio_us
        item.written_at = now
        item.mark = mark
        item.index = self.indexes.next()
        if item.writes:
            books.replayed_us += item.audio_us
            books.maybe_doubled_us += item.audio_us if item.again else 0
        item.writes += 1
        item.again = False
        if item.kind is Kind.ACTIVITY:
            self._activity_open = _opens_activity(item)
        self.unconfirmed.append(item)
        return item

    def ready_at(self, now: float) -> float | None:
        """When `take` will have something: now, later because of the rate, or None when it is empty."""
        if not self.held:
            return None
        if not self.held[0].audio_us or self._pace.allows(now):
            return now
        return self._pace.allowed_at(now)

    def confirm(self, number: int) -> bool:
        """A pong for ping `number` came: all written before it arrived. Returns whether anything moved."""
        indexes = self.indexes
        if not indexes.rule:
            return self._confirm_while(lambda item: item.mark <= number)
        moved = any(indexes.arrived < item.mark <= number for item in self.unconfirmed)
        indexes.arrived = max(indexes.arrived, number)
        return moved

    def _has_arrived(self, item: Item) -> bool:
        """Of a written message: whether a pong says so, and only its index has not come yet."""
        return self.indexes.rule and item.mark <= self.indexes.arrived

    def consumed(self, index: int) -> bool:
        """The newest handle holds the line's messages up to this index. Returns whether anything moved."""
        indexes = self.indexes
        if index > 0 or not indexes.rule:
            indexes.told |= index > 0
            return indexes.rule and self._confirm_while(lambda item: item.index <= index)
        sure = indexes.unnamed()
        return self._confirm_while(lambda item: item.mark <= sure)

    def confirm_all(self) -> None:
        """The service has all that was written, and there will be no other line."""
        self._confirm_while(lambda _: True)

    def _confirm_while(self, arrived: Callable[[Item], bool]) -> bool:
        queue = self.unconfirmed
        if not queue or not arrived(queue[0]):
            return False
        self._note_high_water()
        while queue and arrived(queue[0]):
            self._account_confirmed(queue.popleft())
        return True

    # --- a cut, and after -------------------------------------------------------------------------

    def line_lost(
        self,
        had_at: float,
        *,
        unsent_bytes: int = 0,
        unacked_bytes: int | None = None,
        refused: bool = False,
        blamed: bool = False,
    ) -> None:
        """The line died. Put back what must be sent again, end what must not.

        Args:
            had_at: what TCP had acknowledged at this moment is taken as delivered (`Line.had`). With late
                pongs it would else be said twice; what TCP has acknowledged by the end proves nothing, and
                inbound bytes alone prove nothing either: an uplink can stall while the other direction flows.
            unsent_bytes: bytes at the end that never left this process.
            unacked_bytes: of what was written until `had_at`, the bytes that the other side's TCP had not
                acknowledged then, None where nobody can tell.
            refused: the service refused the session on this line; nothing written on it was taken.
            blamed: the service closed because of something written; only audio is tried again.
        """
        self._note_high_water()
        exact = self.indexes.rule
        written = list(self.unconfirmed)
        self.unconfirmed.clear()
        surely_unsent = tail_within(written, unsent_bytes, FRAME_OVERHEAD)
        heard_of = [item for item in written if item.written_at <= had_at]
        acknowledged = 0 if unacked_bytes is None else tail_within(heard_of, unacked_bytes, 0)
        back: list[Item] = []
        for index, item in enumerate(written):
            untouched = refused or index >= surely_unsent
            replayable = item.kind is Kind.AUDIO or (not blamed and (exact or item.kind in REPLAYABLE))
            if not untouched and replayable and not exact and index < acknowledged:
                self.books.presumed_us += item.audio_us
                self._account_confirmed(item)
            elif untouched or (replayable and self.limits.replay_unconfirmed):
                item.arrived |= not refused and self._has_arrived(item)
                self._put_back(item, maybe_arrived=not untouched)
                back.append(item)
            else:  # nobody knows whether it arrived, and it must not be sent again
                self._account_drop(self.unconfirmed, item, _UNKNOWN)
        self.held.extendleft(reversed(back))
        self._note_high_water()
        for item in back:
            if item.kind is Kind.ACTIVITY:  # as it stood before the first mark that goes out again
                self._activity_open = not _opens_activity(item)
                break

    def _put_back(self, item: Item, *, maybe_arrived: bool) -> None:
        books = self.books
        books.unconfirmed_us -= item.audio_us
        books.held_us += item.audio_us
        if maybe_arrived:
            item.maybe_arrived = True
            item.again = not self.indexes.told  # else the session that is resumed does not have it

    def connected(self, *, resumed: bool) -> Item | None:
        """A line is usable again. On a fresh session the answers to the old one's tool calls end here, and
        texts that the old one may have answered. Returns the `activityStart` that must go first when an
        activity was open at the cut; not where the resumed session knows it."""
        if not resumed:
            self._confirm_arrived()
            self._drop_held(lambda item: item.kind is Kind.TOOL_RESPONSE, "sessionLost")
            self._drop_held(lambda item: item.maybe_arrived and item.kind not in REPLAYABLE, _UNKNOWN)
        self._note_high_water()
        self.indexes.new_line()
        if resumed and self.indexes.rule:
            return None
        reopen, self._activity_open = self._activity_open, False
        return Item(Kind.ACTIVITY, b'{"realtimeInput":{"activityStart":{}}}') if reopen else None

    def put_first(self, item: Item) -> None:
        """An own message that goes before everything held."""
        self.held.appendleft(item)
        self._size += item.size

    def _confirm_arrived(self) -> None:
        """The old session has it, and the fresh one need not hear it again: as without transparency."""
        arrived = [item for item in self.held if item.arrived]
        if arrived:
            self._note_high_water()
            self.held = deque(item for item in self.held if not item.arrived)
            books = self.books
            for item in arrived:
                books.held_us -= item.audio_us
                books.unconfirmed_us += item.audio_us
                self._account_confirmed(item)
                if item.kind is Kind.ACTIVITY:  # it does not go out again
                    self._activity_open = _opens_activity(item)

    def _drop_held(self, ends: Callable[[Item], bool], reason: str) -> None:
        lost = [item for item in self.held if ends(item)]
        if lost:
            self.held = deque(item for item in self.held if not ends(item))
            for item in lost:
                self._account_drop(self.held, item, reason)

    def cancelled(self, ids: frozenset[str]) -> None:
        """These calls want no answer any more: what was not written yet stays here."""
        self._drop_held(lambda item: bool(item.ids) and ids.issuperset(item.ids), "callCancelled")

    def close(self) -> None:
        """The session is over; what is left ends as `sessionClosed` or `deliveryUnknown`."""
        self._confirm_while(self._has_arrived)
        self._note_high_water()
        for queue, reason in ((self.unconfirmed, _UNKNOWN), (self.held, "sessionClosed")):
            while queue:
                self._account_drop(queue, queue.popleft(), reason)

    def configure(self, limits: OutboxLimits, ring_s: float) -> None:
        """Other limits, for the next message."""
        self.limits = self._pace.limits = limits
        self._ring_us = int(ring_s * 1e6)

    # --- books ------------------------------------------------------------------------------------

    @property
    def accepted_through(self) -> int:
        """The highest number that was accepted; -1 before the first."""
        return self.numbers.accepted_through

    @property
    def confirmed_through(self) -> int:
        """All numbers up to here are confirmed, or ended and were reported; -1 before the first."""
        for queue in (self.unconfirmed, self.held):
            for item in queue:
                if item.n is not None:
                    return item.n - 1
        return self.numbers.accepted_through

    @property
    def sent_through(self) -> int:
        """All numbers up to here were written on the present line, or are confirmed."""
        for item in reversed(self.unconfirmed):
            if item.n is not None:
                return item.n
        return self.confirmed_through

    @property
    def new(self) -> set[Item]:
        """What waits, and never was on a line that may have delivered it."""
        return {item for item in self.held if not item.maybe_arrived}

    @property
    def replay_us(self) -> int:
        """Of the audio held, what was written before."""
        return sum(item.audio_us for item in self.held if item.writes)

    @property
    def delivered(self) -> bool:
        """All that was written has arrived."""
        return not self.unconfirmed or self._has_arrived(self.unconfirmed[-1])

    @property
    def idle(self) -> bool:
        """Nothing held, nothing unconfirmed."""
        return not self.held and not self.unconfirmed

    @property
    def high_water(self) -> HighWater:
        """The most that was kept at once."""
        self._note_high_water()
        return self._high_water

    def _note_high_water(self) -> None:
        """Called before something leaves; what was written between two pongs counts as under way."""
        self._high_water.note(self.books, len(self.held) + len(self.unconfirmed), self._size)

    def _account_confirmed(self, item: Item) -> None:
        books = self.books
        self._size -= item.size
        self._droppable -= item.kind in DROPPABLE
        if item.audio_us:
            books.unconfirmed_us -= item.audio_us
            books.confirmed_us += item.audio_us

    def _account_drop(self, queue: deque[Item], item: Item, reason: str) -> None:
        books = self.books
        if item.maybe_arrived and reason in ("outboxFull", "sessionClosed"):
            reason = _UNKNOWN
        self._size -= item.size
        self._droppable -= item.kind in DROPPABLE
        if item.audio_us:
            if queue is self.unconfirmed:
                books.unconfirmed_us -= item.audio_us
            else:
                books.held_us -= item.audio_us
            books.dropped_us += item.audio_us
        self.drops.add(reason, item)


def _opens_activity(item: Item) -> bool:
    return b"activityStart" in item.frame
