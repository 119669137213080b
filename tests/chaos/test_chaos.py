"""The judge of the chaos runs finds each broken promise; its table holds together; and one real, quick run."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest

from tests.chaos import clock, net, report
from tests.chaos.judge import Promise, Row, account, broken, unbalanced
from tests.chaos.scenarios import SCENARIOS

ROOT = Path(__file__).parents[2]
PROMISE = Promise(gap_s=(1, 4), kinds=frozenset({"lineSilent"}))
GOOD = Row(
    "good",
    faults=2,
    recovered=2,
    reconnects=1,
    offered_ms=5000,
    doubled_ms=700,
    gaps_s=[1.5],
    rss_before_mb=30,
    rss_after_mb=46,
    kinds={"lineSilent", "networkError"},
    restored={"resumed"},
)
WRONG = {
    "a crash": ({"crash": "exit code -11"}, "crashed"),
    "gave up": ({"ends": "failed: maxElapsed"}, "ended failed: maxElapsed"),
    "not recovered": ({"recovered": 1}, "recovers from each"),
    "no reconnect": ({"reconnects": 0, "gaps_s": [], "doubled_ms": 0}, "reconnects: 0"),
    "one reconnect too many": ({"reconnects": 2}, "reconnects: 2"),
    "a long gap": ({"gaps_s": [1.5, 4.01]}, "gaps of 1 to 4 s"),
    "a gap too short to be true": ({"gaps_s": [0.99]}, "gaps of 1 to 4 s"),
    "speech lost": ({"lost_ms": 20}, "lost at most"),
    "lost and not told": ({"untold_ms": 20}, "without being told"),
    "too much doubled": ({"doubled_ms": 720}, "doubled at most"),
    "what nobody said": ({"spoiled_ms": 20}, "never said"),
    "out of order": ({"disordered": 1}, "the order stays"),
    "the fault untold": ({"kinds": {"networkError"}}, "tells ['lineSilent']"),
    "started over": ({"restored": {"fresh"}}, "restores ['resumed']"),
    "memory": ({"rss_after_mb": 46.5}, "grows at most 16 MB"),
    "books": ({"books": ["offered = accepted + refused"]}, "books balance"),
    "its own promise": ({"notes": ["seq has no gap"]}, "seq has no gap"),
}


def test_a_row_that_keeps_every_promise_is_kept():
    assert broken(PROMISE, GOOD) == []
    assert report.cells(GOOD, [])[-1] == "kept"


@pytest.mark.parametrize("what", WRONG)
def test_each_broken_promise_is_found_and_named(what):
    change, text = WRONG[what]
    problems = broken(PROMISE, dataclasses.replace(GOOD, **change))
    assert len(problems) == 1
    assert text in problems[0]


def test_what_the_books_only_presumed_counts_as_told_and_no_more():
    lossy = Promise(lost_ms=40)
    row = dataclasses.replace(GOOD, lost_ms=40, untold_ms=40, presumed_ms=40)
    assert broken(lossy, row) == []
    assert len(broken(lossy, dataclasses.replace(row, presumed_ms=20))) == 1
    assert len(broken(Promise(), row)) == 1  # lost is lost


def test_what_is_lost_doubled_spoiled_or_out_of_order_is_counted_by_content():
    a, b, c, d = (bytes((n,)) * 4 for n in range(4))
    whole = {
        "offered_ms": 80,
        "lost_ms": 0,
        "untold_ms": 0,
        "doubled_ms": 0,
        "spoiled_ms": 0,
        "disordered": 0,
    }
    cases = [
        ([a + b, c + d], [], {}),
        ([a + b, b + c + d], [], {"doubled_ms": 20}),
        ([a + b, d], [], {"lost_ms": 20, "untold_ms": 20}),
        ([a + b, d], [(2, 2)], {"lost_ms": 20}),
        ([a], [(2, 3)], {"lost_ms": 60, "untold_ms": 20}),
        ([a + c + b + d], [], {"disordered": 1}),
        ([a + b + b"????" + d], [], {"lost_ms": 20, "untold_ms": 20, "spoiled_ms": 20}),
    ]
    for received, dropped, expected in cases:
        assert account([a, b, c, d], received, dropped) == whole | expected


def test_books_that_do_not_balance_are_named():
    names = ("offeredMs", "acceptedMs", "refusedMs", "heldMs", "unconfirmedMs", "confirmedMs", "droppedMs")
    good = dict(zip(names, (100, 80, 20, 0, 20, 40, 20), strict=True))
    assert unbalanced(good, 100) == []
    assert unbalanced(good, 120) == ["offered 120 ms, told 100"]
    assert unbalanced(good | {"refusedMs": 0}, 100) == ["offered = accepted + refused"]
    assert unbalanced(good | {"confirmedMs": 20}, 100) == ["accepted 80 ms, its parts 60"]


def test_the_table_is_large_enough_and_each_scenario_has_a_name_of_its_own():
    names = [each.name for each in SCENARIOS]
    assert len(set(names)) == len(names) >= 24
    assert len([each for each in SCENARIOS if not each.needs]) >= 24  # also where no namespaces are allowed
    assert all(len(name) <= 40 for name in names)


def test_namespaces_are_removed_with_all_that_belongs_to_them():
    if reason := net.missing():
        pytest.skip(reason)
    link = net.Link()
    link.serve_names()
    link.remove()
    listed = subprocess.run(("ip", "netns", "list"), capture_output=True, text=True, check=True).stdout
    assert link.near not in listed
    assert link.far not in listed
    assert not Path("/etc/netns", link.near).exists()


def test_clocks_step_for_one_process_alone():
    if reason := clock.lacking():
        pytest.skip(reason)
    assert clock.missing() is None  # it steps them and looks whether they moved


def chaos(*arguments):
    command = (sys.executable, "-m", "tests.chaos", *arguments)
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=50)


def test_a_reset_line_for_real():
    done = chaos("--only", "while the model speaks", "--markdown")
    assert done.returncode == 0, done.stdout + done.stderr
    row = next(line for line in done.stdout.splitlines() if line.startswith("| reset while"))
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[1:3] == ["1", "1"]
    assert int(cells[3]) > 500  # it spoke
    assert cells[4] == "0"
    assert cells[-1] == "kept"


def test_a_name_that_no_scenario_has_is_an_error():
    assert chaos("--only", "no such thing").returncode == 2
