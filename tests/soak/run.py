"""Many lives: `python -m tests.soak --hours 1000 --seed 1 --jobs 2`. Exit code 1 when one broke a promise.

A life that did is repeated exactly by `--only` its seed, with the same `--life-hours` and `--busy`.
"""

import argparse
import multiprocessing
import resource
import sys
import time
from collections import Counter
from collections.abc import Iterator
from math import ceil
from pathlib import Path

from tests.arguments import at_least
from tests.soak.life import CHUNK_S, Life, live

OBJECTS_MAY_GROW = 3000
"""From the second quarter of a life to its last: more is a leak. A life holds 30,000 objects, its program included."""
RSS_MAY_GROW_KIB = 6 * 1024
"""Of a process, over the last half of its lives."""
COLUMNS = [
    "dials",
    "connects",
    "resumed",
    "fresh",
    "losses",
    "moves",
    "sleeps",
    "said",
    "told",
    "lost",
    "doubled",
    "refused",
    "overruns",
]


def main() -> int:
    """Live, print a row per life and the sum of all."""
    args = _arguments()
    began = time.monotonic()
    print(
        "seed".rjust(8),
        "settings".ljust(13),
        "hours",
        *(name.rjust(8) for name in COLUMNS),
        "   gap s   cpu s objects",
    )
    lives: list[Life] = []
    rss: dict[str, list[int]] = {}
    for life, cpu_s, process, rss_kib in _lives(args):
        lives.append(life)
        rss.setdefault(process, []).append(rss_kib)
        life.broken += _grown(life)
        figures = (str(life.figures[name]).rjust(8) for name in COLUMNS)
        objects = f"{life.objects[1]}-{life.objects[-1]}" if life.objects else "-"
        print(
            life.seed.rjust(8), life.kind.ljust(13), f"{life.hours:5.1f}", *figures,
            f"{life.longest_gap_s:8.0f}{cpu_s:8.2f} {objects} {life.digest}", flush=True,
        )  # fmt: skip
        for text in life.broken[:10]:
            print(f"    BROKEN, seed {life.seed}: {text}")
        if life.broken:
            more = f" (and {len(life.broken) - 10} more)" if len(life.broken) > 10 else ""
            again = f"--only {life.seed} --life-hours {args.life_hours:g} --busy {args.busy:g}"
            print(f'    again{more}: make soak SOAK_ARGS="{again}"')
    return _sum_up(lives, rss, time.monotonic() - began)


def _lives(args: argparse.Namespace) -> Iterator[tuple[Life, float, str, int]]:
    seeds = (
        [args.only] if args.only else [f"{args.seed}.{i}" for i in range(ceil(args.hours / args.life_hours))]
    )
    work = [(seed, args.life_hours, args.busy) for seed in seeds]
    if args.jobs == 1:
        yield from map(_one, work)
    else:
        with multiprocessing.get_context("spawn").Pool(args.jobs) as pool:
            yield from pool.imap_unordered(_one, work)


def _one(work: tuple[str, float, float]) -> tuple[Life, float, str, int]:
    began = time.process_time()
    life = live(*work)
    cpu_s = time.process_time() - began
    return life, cpu_s, multiprocessing.current_process().name, _rss_kib()


def _rss_kib() -> int:
    if sys.platform == "linux":
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() // 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _grown(life: Life) -> list[str]:
    grown = life.objects[-1] - life.objects[1] if life.objects else 0
    return [f"{grown} objects more at its end than in its second quarter"] if grown > OBJECTS_MAY_GROW else []


def _sum_up(lives: list[Life], rss: dict[str, list[int]], took_s: float) -> int:
    total: Counter[str] = Counter()
    faults: Counter[str] = Counter()
    calls: Counter[str] = Counter()
    for life in lives:
        total.update(life.figures)
        faults.update(life.faults)
        calls.update(life.calls)
    hours = sum(life.hours for life in lives)
    audio = ", ".join(f"{name} {total[name] * CHUNK_S:.0f} s" for name in ("said", "told", "lost", "doubled"))
    print(
        f"\n{hours:.0f} hours in {len(lives)} lives, {took_s:.0f} s: {audio} (lost: told as dropped, and did not arrive)"
    )
    print(
        "connections:",
        ", ".join(f"{name} {total[name]}" for name in COLUMNS if total[name] and name not in audio),
    )
    print("faults:", ", ".join(f"{name} {count}" for name, count in faults.most_common()))
    print("calls:", ", ".join(f"{name} {count}" for name, count in sorted(calls.items())))
    print(
        "ended:",
        ", ".join(f"{name} {count}" for name, count in Counter(life.ended for life in lives).items()),
    )
    broken = sum(bool(life.broken) for life in lives)
    for process, sizes in rss.items():
        grown = sizes[-1] - sizes[len(sizes) // 2]
        print(
            f"memory of {process}: {sizes[0]} KiB first, {sizes[len(sizes) // 2]} in the middle, {sizes[-1]} last"
        )
        broken += len(sizes) >= 4 and grown > RSS_MAY_GROW_KIB
    print(f"{broken} broken" if broken else "nothing was broken")
    return 1 if broken else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    add = parser.add_argument
    add("--hours", type=at_least(0.1, float), default=1000.0, help="simulated, in all (1000)")
    add("--life-hours", type=at_least(0.1, float), default=20.0, help="of one session (20)")
    add("--busy", type=at_least(1, float), default=600.0, help="mean seconds between two faults (600)")
    add("--seed", default="1", help="of all lives: the n-th has SEED.n (1)")
    add("--jobs", type=at_least(1), default=2, help="processes (2)")
    add(
        "--only",
        metavar="SEED.N",
        help="one life, by the seed that was printed with it; --life-hours and --busy as then",
    )
    return parser.parse_args()
