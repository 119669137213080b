"""What the host offered and what became of it, as somebody sees it who watches the wire and hears the events."""

from collections import Counter

from sidecar.lifecycle import events as ev
from sidecar.lifecycle.books import Drop
from sidecar.lifecycle.core import Lifecycle
from sidecar.lifecycle.item import Item, Kind
from sidecar.lifecycle.outbox import Full
from sidecar.lifecycle.settings import OutboxLimits

CHUNK_US = 200_000
BODY = b"x" * 400
ONCE = frozenset({Kind.TEXT, Kind.CONTENT})
"""Twice the same is a second question to the model."""


class Ledger:
    """Every message by its number, from the offer to its end.

    Attributes:
        kinds: of the accepted messages.
        dropped: what was told as ended without delivery, with the reason.
        resends: the speech that a cut took with it is sent again.

    Args:
        limits: what the outbox may hold.
        ring_s: seconds of audio that it must be able to hold.
    """

    def __init__(self, limits: OutboxLimits, ring_s: float) -> None:
        self._limits = limits
        self._ring_us = ring_s * 1e6
        self.resends = limits.replay_unconfirmed
        self.kinds: dict[int, Kind] = {}
        self.dropped: dict[int, str] = {}
        self._n = 0
        self._offered_us = 0

    def offer(self, core: Lifecycle, kind: Kind, now: float, frame: bytes = BODY) -> None:
        n, self._n = self._n, self._n + 1
        audio_us = CHUNK_US if kind is Kind.AUDIO else 0
        self._offered_us += audio_us
        demand = "text" if kind is Kind.TEXT else None
        item = Item(kind, frame, n=n, audio_us=audio_us, demand=demand)
        try:
            accepted = core.offer(item, now)
        except Full:
            accepted = False
        if accepted:
            self.kinds[n] = kind

    @property
    def _roomy(self) -> bool:
        """All that was ever accepted would have found room at once."""
        messages = len(self.kinds)
        audio_us = sum(kind is Kind.AUDIO for kind in self.kinds.values()) * CHUNK_US
        limits = self._limits
        return (
            audio_us < self._ring_us
            and messages < limits.max_messages
            and messages * len(BODY) < limits.max_bytes
        )

    def tell_dropped(self, event: ev.Dropped, *, over: bool) -> None:
        """`over`: the session is closing or closed."""
        drop = event.drop
        if drop.reason == "outboxFull":
            assert drop.kind in (Kind.AUDIO, Kind.VIDEO), f"{drop.kind} is dropped for want of room"
            assert not self._roomy, "there was room for it"
        if drop.reason == "sessionClosed":
            assert over
        if drop.reason == "sessionLost":
            assert drop.kind is Kind.TOOL_RESPONSE
        if drop.reason == "deliveryUnknown" and drop.kind is Kind.AUDIO and self.resends and not over:
            assert not self._roomy, f"{drop.kind} could have been sent again"
        numbers = _numbers(drop)
        assert len(numbers) in (0, drop.count), "a range without gaps"
        for n in numbers:
            assert n not in self.dropped, f"{n} was told as lost before"
            assert self.kinds[n] is drop.kind, f"{n} was never accepted as {drop.kind}"
            self.dropped[n] = drop.reason

    def check(self, core: Lifecycle, received: list[int]) -> None:
        """Every accepted message is accounted for, and nothing is called confirmed that did not arrive."""
        outbox = core.outbox
        untold = [n for drop in outbox.drops._ranges for n in _numbers(drop)]
        held = [item.n for item in outbox.held if item.n is not None]
        unconfirmed = [item.n for item in outbox.unconfirmed if item.n is not None]
        kept = [*unconfirmed, *held]
        assert kept == sorted(set(kept)), "what is kept is in the order of acceptance, each once"
        ended = self.dropped.keys() | set(untold)
        assert not ended & set(kept), "what was told as lost is not kept any more"
        confirmed = self.kinds.keys() - ended - set(kept)
        assert confirmed <= set(received), f"confirmed and never arrived: {confirmed - set(received)}"
        self._check_books(core, confirmed, len(ended))

    def _check_books(self, core: Lifecycle, confirmed: set[int], ended: int) -> None:
        books = core.outbox.books
        audio = {n for n, kind in self.kinds.items() if kind is Kind.AUDIO}
        assert books.offered_us == self._offered_us
        assert books.accepted_us == len(audio) * CHUNK_US
        assert books.refused_us == self._offered_us - books.accepted_us
        assert books.confirmed_us == len(audio & confirmed) * CHUNK_US
        kept_us = books.held_us + books.unconfirmed_us
        assert books.accepted_us == kept_us + books.confirmed_us + books.dropped_us
        assert min(books.held_us, books.unconfirmed_us, books.dropped_us, books.confirmed_us) >= 0

    def check_end(self, received: list[int]) -> None:
        """The session is over: each message arrived, or was told as lost; no question was asked twice."""
        missing = self.kinds.keys() - set(received) - self.dropped.keys()
        assert not missing, f"lost in silence: {sorted(missing)}"
        for n, reason in self.dropped.items():
            if n in received:  # `sessionLost`: it may have arrived, at a session that is no more
                assert reason in ("deliveryUnknown", "sessionLost"), f"{n} arrived, and {reason} was told"

    def check_doubled(self, core: Lifecycle, received: list[int]) -> None:
        """What arrived twice was told as such."""
        doubled = sum(times - 1 for n, times in Counter(received).items() if self.kinds[n] is Kind.AUDIO)
        assert doubled * CHUNK_US <= core.outbox.books.maybe_doubled_us, f"{doubled} doubled chunks"

    def check_once(self, received: list[int]) -> None:
        twice = [n for n, times in Counter(received).items() if times > 1 and self.kinds[n] in ONCE]
        assert not twice, f"asked twice: {twice}"


def _numbers(drop: Drop) -> range:
    """None for the sidecar's own activityStart."""
    if drop.from_n is None or drop.through_n is None:
        return range(0)
    return range(drop.from_n, drop.through_n + 1)
