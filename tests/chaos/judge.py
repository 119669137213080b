"""What a scenario measured, what it promised, and where the two part. Pure."""

import statistics
from dataclasses import dataclass, field

CHUNK_MS = 20


@dataclass(frozen=True)
class Promise:
    """What must hold after a scenario. Times in seconds, audio in ms; bounds are included."""

    ends: str = "connected"
    """The last state; `failed: kind` with the fault that ended it."""
    reconnects: tuple = (1, 1)
    """At least and at most so many."""
    gap_s: tuple = (0.0, 6.0)
    """Each gap, from the fault to being usable again."""
    lost_ms: float = 0
    """At most so much speech did not arrive. All of it must have been told."""
    untold_ms: float = 0
    """Of the lost, what no `session/dropped` told: only where nobody can know, such as after a flipped bit."""
    doubled_ms: float = 700
    """For each reconnect: two ping intervals, and some."""
    kinds: frozenset = frozenset()
    """Faults that must have been told; `reason: x` is one of a `session/reconnecting`."""
    restored: frozenset = frozenset({"resumed"})
    """What became of the session at each reconnect: any of these."""
    growth_mb: float = 16
    """Of the resident memory."""
    spoiled_ms: float = 0
    """At most so much arrived that was never said."""


@dataclass
class Row:
    """What was measured."""

    name: str
    faults: int = 0
    recovered: int = 0
    reconnects: int = 0
    offered_ms: float = 0
    lost_ms: float = 0
    untold_ms: float = 0
    presumed_ms: float = 0
    """What the books call delivered on the word of TCP alone: if it is lost, it was told as doubtful."""
    doubled_ms: float = 0
    spoiled_ms: float = 0
    disordered: int = 0
    gaps_s: list = field(default_factory=list)
    rss_before_mb: float = 0
    rss_after_mb: float = 0
    ends: str = "connected"
    kinds: set = field(default_factory=set)
    restored: set = field(default_factory=set)
    books: list = field(default_factory=list)
    """What does not balance."""
    crash: str = ""
    """How the sidecar ended, where it should not have, or its traceback."""
    notes: list = field(default_factory=list)
    """Promises of this scenario alone that were broken."""

    @property
    def gap_p50_s(self):
        return statistics.median(self.gaps_s) if self.gaps_s else None

    @property
    def gap_max_s(self):
        return max(self.gaps_s, default=None)


def broken(promise, row):
    """Each promise that was broken, and what was seen instead. Empty: all were kept."""
    fewest, most = promise.reconnects
    shortest_s, longest_s = promise.gap_s
    checks = (
        (not row.crash, f"the sidecar crashed: {row.crash}"),
        (row.ends == promise.ends, f"ends {promise.ends}: ended {row.ends}"),
        (
            promise.ends != "connected" or row.recovered == row.faults,
            f"recovers from each of {row.faults} faults: from {row.recovered}",
        ),
        (fewest <= row.reconnects <= most, f"{fewest} to {most} reconnects: {row.reconnects}"),
        (
            all(shortest_s <= gap_s <= longest_s for gap_s in row.gaps_s),
            f"gaps of {shortest_s:g} to {longest_s:g} s: {[round(gap_s, 2) for gap_s in row.gaps_s]}",
        ),
        (row.lost_ms <= promise.lost_ms, f"lost at most {promise.lost_ms:g} ms: {row.lost_ms:g}"),
        (
            row.untold_ms <= promise.untold_ms + row.presumed_ms,
            f"lost without being told at most {promise.untold_ms:g} ms: {row.untold_ms:g}",
        ),
        (
            row.doubled_ms <= promise.doubled_ms * max(1, row.reconnects),
            f"doubled at most {promise.doubled_ms:g} ms a reconnect: {row.doubled_ms:g} in {row.reconnects}",
        ),
        (
            row.spoiled_ms <= promise.spoiled_ms,
            f"arrived and never said at most {promise.spoiled_ms:g} ms: {row.spoiled_ms:g}",
        ),
        (not row.disordered, f"the order stays: {row.disordered} chunks out of order"),
        (promise.kinds <= row.kinds, f"tells {sorted(promise.kinds)}: told {sorted(row.kinds)}"),
        (
            row.restored <= promise.restored,
            f"restores {sorted(promise.restored)}: {sorted(row.restored)}",
        ),
        (
            row.rss_after_mb - row.rss_before_mb <= promise.growth_mb,
            f"grows at most {promise.growth_mb:g} MB: {row.rss_after_mb - row.rss_before_mb:.1f}",
        ),
        (not row.books, f"the books balance: {'; '.join(row.books)}"),
    )
    return [text for kept, text in checks if not kept] + row.notes


def account(said, received, dropped):
    """Compares what was said with what arrived, chunk by chunk.

    Args:
        said: the PCM of each chunk, by its number.
        received: the PCM that each connection brought, in their order.
        dropped: ranges of numbers (first, last) that were told as dropped.

    Returns:
        The fields of `Row` it knows.
    """
    number = {pcm: n for n, pcm in enumerate(said)}
    size = len(said[0]) if said else 1
    seen, spoiled, doubled, disordered = set(), 0, 0, 0
    for pcm in received:
        last = -1
        for at in range(0, len(pcm), size):
            n = number.get(pcm[at : at + size])
            if n is None:
                spoiled += 1
                continue
            doubled += n in seen
            disordered += n <= last
            seen.add(n)
            last = n
    lost = set(range(len(said))) - seen
    untold = {n for n in lost if not any(first <= n <= through for first, through in dropped)}
    return {
        "offered_ms": len(said) * CHUNK_MS,
        "lost_ms": len(lost) * CHUNK_MS,
        "untold_ms": len(untold) * CHUNK_MS,
        "doubled_ms": doubled * CHUNK_MS,
        "spoiled_ms": spoiled * CHUNK_MS,
        "disordered": disordered,
    }


def unbalanced(queue, offered_ms):
    """Where the books of `session/queue` do not balance, or not with what was offered."""
    parts_ms = queue["heldMs"] + queue["unconfirmedMs"] + queue["confirmedMs"] + queue["droppedMs"]
    checks = (
        (queue["offeredMs"] == offered_ms, f"offered {offered_ms:g} ms, told {queue['offeredMs']:g}"),
        (queue["offeredMs"] == queue["acceptedMs"] + queue["refusedMs"], "offered = accepted + refused"),
        (queue["acceptedMs"] == parts_ms, f"accepted {queue['acceptedMs']:g} ms, its parts {parts_ms:g}"),
    )
    return [text for kept, text in checks if not kept]
