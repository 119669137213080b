"""The books, checked against a model of a client that numbers its chunks: it knows what was repeated."""

import hashlib
import random

import pytest

from sidecar.simulator.accounting import Chunk, ConnectionAudio, SessionAudio


def chunk(n: int) -> Chunk:
    """The n-th chunk of a recording without repetitions: 20 ms, all different."""
    return Chunk(random.Random(n).randbytes(640), 16_000)


SILENCE = Chunk(bytes(640), 16_000)


class Books(SessionAudio):
    def connection(self, *chunks: Chunk) -> ConnectionAudio:
        """A whole connection that brings `chunks`."""
        audio = ConnectionAudio(keep_bytes=2**20)
        self.begin(audio)
        for at_ms, piece in enumerate(chunks):
            audio.add(piece, at_ms / 1000)
            self.add(piece, at_ms / 1000)
        return audio


def hash_of(*chunks: Chunk) -> str:
    return hashlib.sha256(b"".join(piece.pcm for piece in chunks)).hexdigest()


def test_a_chunk_lasts_as_long_as_its_samples_do() -> None:
    assert Chunk(bytes(640), 16_000).ms == 20
    assert Chunk(bytes(960), 24_000).ms == 20


def test_one_connection_is_all_new() -> None:
    books = Books()
    audio = books.connection(chunk(1), chunk(2), chunk(3))
    assert (books.tally.ms, books.unique_ms, books.doubled_ms) == (60, 60, 0)
    assert books.sha256 == hash_of(chunk(1), chunk(2), chunk(3))
    assert audio.tally.bytes == 3 * 640


def test_a_replay_counts_as_doubled_and_leaves_the_hash_alone() -> None:
    books = Books()
    books.connection(*map(chunk, range(10)))
    second = books.connection(*map(chunk, range(7, 14)))
    assert (books.tally.ms, books.unique_ms, books.doubled_ms) == (340, 280, 60)
    assert second.doubled_ms == 60
    assert books.sha256 == hash_of(*map(chunk, range(14)))
    assert books.pcm() == b"".join(chunk(n).pcm for n in range(14))
    assert not books.ambiguous


def test_a_gap_between_connections_doubles_nothing() -> None:
    books = Books()
    books.connection(*map(chunk, range(5)))
    books.connection(*map(chunk, range(8, 12)))
    assert (books.unique_ms, books.doubled_ms) == (180, 0)


def test_a_replay_that_was_cut_itself_is_doubled_all_the_same() -> None:
    books = Books()
    books.connection(*map(chunk, range(10)))
    books.connection(*map(chunk, range(4, 7)))
    books.connection(*map(chunk, range(4, 12)))
    assert books.sha256 == hash_of(*map(chunk, range(12)))
    assert (books.unique_ms, books.doubled_ms) == (240, 60 + 120)


def test_a_run_that_breaks_off_was_new_after_all() -> None:
    books = Books()
    books.connection(chunk(1), chunk(2), chunk(3), chunk(4))
    # Begins like the history does, but does not reach its end.
    books.connection(chunk(2), chunk(3), chunk(9))
    assert books.doubled_ms == 0
    assert books.sha256 == hash_of(*map(chunk, (1, 2, 3, 4, 2, 3, 9)))


def test_new_chunks_are_handed_out_once_and_in_order() -> None:
    books = Books()
    books.connection(chunk(1), chunk(2), chunk(3))
    books.begin(ConnectionAudio(0))
    handed_out = [books.add(piece, 0.0) for piece in (chunk(2), chunk(3), chunk(4), chunk(5))]
    assert handed_out == [[], [], [chunk(4)], [chunk(5)]]


def test_a_replay_out_of_silence_is_called_ambiguous() -> None:
    books = Books()
    books.connection(chunk(1), SILENCE, SILENCE)
    books.connection(SILENCE, chunk(2))
    assert books.doubled_ms == 20
    assert books.ambiguous


def test_the_longest_gap_and_the_ends_are_remembered() -> None:
    audio = ConnectionAudio(keep_bytes=1000)
    for at_s in (1.0, 1.02, 1.5, 1.52):
        audio.add(SILENCE, at_s)
    report = audio.report()
    assert (report["firstAtMs"], report["lastAtMs"]) == (1000, 1520)
    assert report["longestGapMs"] == pytest.approx(480)


def test_pcm_is_kept_up_to_the_limit_and_the_report_says_so() -> None:
    audio = ConnectionAudio(keep_bytes=1000)
    audio.add(SILENCE, 0.0)
    assert not audio.truncated
    audio.add(SILENCE, 0.1)
    assert len(audio.pcm) == 1000
    assert audio.truncated
    assert audio.tally.bytes == 1280


@pytest.mark.parametrize("seed", range(40))
def test_any_sequence_of_cuts_and_replays_gives_the_recording_back(seed: int) -> None:
    rng = random.Random(seed)
    books = Books()
    received = 0  # the client's own numbering: chunks [0, received) have arrived
    sent_ms = doubled = 0
    for _ in range(rng.randint(2, 8)):
        start = max(0, received - rng.randint(0, 12))  # it replays what it does not know to have arrived
        count = rng.randint(1, 30)
        books.connection(*map(chunk, range(start, start + count)))
        sent_ms += 20 * count
        doubled += 20 * (min(received, start + count) - start)
        received = max(received, start + count)
    assert books.tally.ms == sent_ms
    assert books.doubled_ms == doubled
    assert books.unique_ms == 20 * received
    assert books.sha256 == hash_of(*map(chunk, range(received)))
