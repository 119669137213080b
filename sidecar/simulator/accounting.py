"""Exact books of the audio that arrived. Pure: PCM and arrival times come in, figures come out.

A client that resumes sends again what it cannot know to have arrived. The books find that repetition by
content: the longest run of chunks at the end of what the session has that equals the first chunks of the
new connection. While such a run is still going on, its chunks count as doubled; if it breaks off, the
chunks that did not belong to a whole run count as new after all.

Content is all there is to compare, so a replay that begins with a chunk which occurs more than once, such as
digital silence, has more than one reading. The longest one is taken, and `ambiguous` says so.
"""

import hashlib
from typing import Any, NamedTuple

_DIGEST_BYTES = 16


class Chunk(NamedTuple):
    """One audio message: 16-bit mono PCM at `rate_hz`."""

    pcm: bytes
    rate_hz: int

    @property
    def ms(self) -> float:
        return len(self.pcm) * 500 / self.rate_hz

    def digest(self) -> bytes:
        return hashlib.blake2b(self.pcm, digest_size=_DIGEST_BYTES).digest()


class Tally:
    """How much arrived, and when. Times are seconds on the simulator's clock."""

    def __init__(self) -> None:
        self.chunks = 0
        self.bytes = 0
        self.ms = 0.0
        self.first_at_s: float | None = None
        self.last_at_s: float | None = None
        self.longest_gap_ms = 0.0

    def add(self, chunk: Chunk, at_s: float) -> None:
        self.chunks += 1
        self.bytes += len(chunk.pcm)
        self.ms += chunk.ms
        if self.last_at_s is None:
            self.first_at_s = at_s
        else:
            self.longest_gap_ms = max(self.longest_gap_ms, (at_s - self.last_at_s) * 1000)
        self.last_at_s = at_s

    def report(self) -> dict[str, Any]:
        return {
            "chunks": self.chunks,
            "bytes": self.bytes,
            "receivedMs": self.ms,
            "firstAtMs": _to_ms(self.first_at_s),
            "lastAtMs": _to_ms(self.last_at_s),
            "longestGapMs": round(self.longest_gap_ms, 1),
        }


class ConnectionAudio:
    """What one connection brought: its figures and, up to `keep_bytes`, its PCM."""

    def __init__(self, keep_bytes: int) -> None:
        self.tally = Tally()
        self.pcm = bytearray()
        self.doubled_bytes = 0
        self.doubled_ms = 0.0
        self._keep_bytes = keep_bytes

    @property
    def truncated(self) -> bool:
        """True when more arrived than was kept: `pcm` is then only the beginning."""
        return len(self.pcm) < self.tally.bytes

    def add(self, chunk: Chunk, at_s: float) -> None:
        self.tally.add(chunk, at_s)
        room = self._keep_bytes - len(self.pcm)
        if room > 0:
            self.pcm += chunk.pcm[:room]

    def report(self) -> dict[str, Any]:
        return self.tally.report() | {"doubledMs": self.doubled_ms, "truncated": self.truncated}


class SessionAudio:
    """What one session has, over all its connections."""

    def __init__(self) -> None:
        self.tally = Tally()
        self.unique_ms = 0.0
        self.doubled_ms = 0.0
        self.ambiguous = False
        self._connections: list[ConnectionAudio] = []
        self._history: list[bytes] = []  # digests of the de-duplicated chunks, in order
        self._sha256 = hashlib.sha256()
        # The state of the comparison. `_starts` are the places in `_history` at which the new
        # connection's chunks, so far, may repeat it; empty when nothing is being compared.
        self._starts: list[int] = []
        self._undecided: list[Chunk] = []
        self._whole_run = 0  # longest run that reached the end of the history: these are doubled for sure
        self._repetitive = False  # the first chunk compared occurs more than once
        self._fresh = False  # the next chunk is the first of its connection

    def begin(self, connection: ConnectionAudio) -> None:
        """A connection took the session over; its first chunks may repeat what is already here."""
        self._abandon_comparison()
        self._connections.append(connection)
        self._fresh = True

    def add(self, chunk: Chunk, at_s: float) -> list[Chunk]:
        """Books a chunk of the connection that began last. Returns the chunks now known to be new."""
        self.tally.add(chunk, at_s)
        if not self._fresh and not self._starts:
            self._accept(chunk)
            return [chunk]
        digest = chunk.digest()
        if self._fresh:
            self._fresh = False
            self._starts = [i for i, known in enumerate(self._history) if known == digest]
            self._repetitive = len(self._starts) > 1
        else:
            offset = len(self._undecided)
            self._starts = [i for i in self._starts if self._history[i + offset] == digest]
        self._undecided.append(chunk)
        self._mark_doubled(chunk)
        return self._decide()

    @property
    def sha256(self) -> str:
        """SHA-256 of the de-duplicated PCM."""
        return self._sha256.hexdigest()

    def pcm(self) -> bytes:
        """The de-duplicated PCM, as far as the connections kept it."""
        return b"".join(bytes(c.pcm[c.doubled_bytes :]) for c in self._connections)

    def report(self) -> dict[str, Any]:
        return self.tally.report() | {
            "uniqueMs": self.unique_ms,
            "doubledMs": self.doubled_ms,
            "ambiguous": self.ambiguous,
            "sha256": self.sha256,
        }

    def _decide(self) -> list[Chunk]:
        """Settles the comparison as far as the chunks seen so far allow."""
        length = len(self._undecided)
        end = len(self._history)
        if end - length in self._starts:
            self._whole_run = length
            self.ambiguous |= self._repetitive
        self._starts = [i for i in self._starts if i + length < end]
        if self._starts:
            return []
        # No longer run is possible: what exceeds the longest whole one was new after all.
        new = self._undecided[self._whole_run :]
        self._undecided, self._whole_run = [], 0
        for chunk in new:
            self._unmark_doubled(chunk)
            self._accept(chunk)
        return new

    def _abandon_comparison(self) -> None:
        """The connection ended inside a run that was going on: all of it repeated the history."""
        self._starts, self._undecided, self._whole_run = [], [], 0

    def _accept(self, chunk: Chunk) -> None:
        self._history.append(chunk.digest())
        self._sha256.update(chunk.pcm)
        self.unique_ms += chunk.ms

    def _mark_doubled(self, chunk: Chunk) -> None:
        self._move_doubled(len(chunk.pcm), chunk.ms)

    def _unmark_doubled(self, chunk: Chunk) -> None:
        self._move_doubled(-len(chunk.pcm), -chunk.ms)

    def _move_doubled(self, n_bytes: int, ms: float) -> None:
        self.doubled_ms += ms
        self._connections[-1].doubled_bytes += n_bytes
        self._connections[-1].doubled_ms += ms


def _to_ms(at_s: float | None) -> float | None:
    return None if at_s is None else round(at_s * 1000, 1)
