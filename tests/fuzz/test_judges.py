"""What the judges go by: answers due, growth, and the smallest part that fails."""

from collections import Counter

import pytest

from tests.fuzz.growth import FEWEST, RSS_SLACK_BYTES, grown
from tests.fuzz.oracle import NAMELESS, Due, answers_due, matched
from tests.fuzz.small import smallest

CALL = b'{"jsonrpc":"2.0","id":%s,"method":"ping"}'


@pytest.mark.parametrize(
    ("line", "due"),
    [
        (CALL % b"1", [Due(("1",))]),
        (CALL % b'"1"', [Due(('"1"',))]),
        (CALL % b"-0", [Due(("0",))]),
        (CALL % b"null", [NAMELESS]),
        (CALL % b"1.0", [NAMELESS]),
        (CALL % b"true", [NAMELESS]),
        (CALL % b"1" + b"\r", [Due(("1",))]),
        (b"[" + CALL % b"1" + b"," + CALL % b"2" + b"]", [Due(("1",)), Due(("2",))]),
        (b'{"jsonrpc":"2.0","method":"ping"}', []),
        (b'{"jsonrpc":"2.0","id":1,"result":1}', []),
        (b'{"jsonrpc":"1.0","id":1,"method":"ping"}', [Due(("1", "null"))]),
        (b'{"jsonrpc":"2.0","id":NaN,"method":"ping"}', [NAMELESS]),
        (b"[]", [NAMELESS]),
        (b"[" + b",".join([b"1"] * 51) + b"]", [NAMELESS]),
        (b"[1,2]", [NAMELESS, NAMELESS]),
        (b"\xff", [NAMELESS]),
        (b"\xef\xbb\xbf{}", [NAMELESS]),
        (b"\r", []),
        (b"", []),
        (b" ", [NAMELESS]),
        (b"[" * 100_000, [Due(None)]),
    ],
)
def test_the_answers_due(line, due):
    assert answers_due(line) == due


def test_what_is_missing_or_over_is_seen():
    due = [Due(("1",)), Due(("2", "null")), Due(None), Due(("3",), sure=False)]
    assert matched(due, Counter(["1", "null", '"x"'])) == ([], Counter())
    assert matched(due, Counter(["1", "2", "3", "9"])) == ([], Counter())
    assert matched(due, Counter(["null", '"x"'])) == ([Due(("1",))], Counter())
    assert matched(due, Counter(["1", "1", "2", "9"])) == ([], Counter({"1": 0, "9": 1}) + Counter())


def samples(**series):
    return [dict(zip(series, values, strict=True)) for values in zip(*series.values(), strict=True)]


def test_growth_is_seen_in_each_figure_and_a_single_peak_is_none():
    flat, leak = [10] * 2 * FEWEST, list(range(2 * FEWEST))
    peak = [*[10] * (2 * FEWEST - 1), 99]
    rss = [n * RSS_SLACK_BYTES for n in leak]
    assert grown(samples(rss=flat, fds=flat, threads=peak)) == {}
    assert grown(samples(rss=flat, fds=leak, threads=flat)).keys() == {"fds"}
    assert grown(samples(rss=flat, fds=flat, threads=leak)).keys() == {"threads"}
    assert grown(samples(rss=rss, fds=flat, threads=flat)).keys() == {"rss"}
    with pytest.raises(ValueError, match="say nothing"):
        grown(samples(rss=[1], fds=[1], threads=[1]))


def test_the_smallest_part_that_fails_is_found():
    assert smallest(list(range(200)), lambda part: {3, 117} <= set(part), 10.0) == [3, 117]
    assert smallest(list(range(200)), lambda part: 42 in part, 10.0) == [42]
