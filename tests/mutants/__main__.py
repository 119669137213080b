"""`python -m tests.mutants`: makes the slips of `table.py` one at a time, and tells which no test noticed."""

import argparse
import queue
import signal
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from tests.arguments import at_least
from tests.mutants.table import MUTANTS, Mutant
from tests.mutants.trial import Broken, Verdict, copy_tree, time_stages, try_mutant

ROOT = Path(__file__).resolve().parents[2]
MAY_SURVIVE = 3
PATIENCE = 5.0
"""A stage may take so many times what it takes without a slip."""


def main() -> int:
    """Returns the exit code: 1 when too many survive, or one without a reason; 2 when nothing could be found out."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--only", metavar="NAME", default="", help="those with this in their name or file")
    parser.add_argument("--jobs", type=at_least(1), default=2, help="so many at a time (2)")
    options = parser.parse_args()
    # Whoever ends this wants its copies gone, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))
    mutants = [m for m in MUTANTS if options.only in m.name or options.only in m.file]
    if not mutants:
        parser.error(
            f"no slip has {options.only!r} in its name or file; they stand in tests/mutants/table.py"
        )
    began = time.monotonic()
    try:
        for mutant in MUTANTS:
            mutant.apply((ROOT / mutant.path).read_text(encoding="utf-8"))
        verdicts = run(mutants, options.jobs)
    except (Broken, ValueError) as problem:
        print(f"cannot tell: {problem}")
        return 2
    return judge(verdicts, time.monotonic() - began)


def run(mutants: list[Mutant], jobs: int) -> dict[Mutant, Verdict]:
    """Each in one of so many copies; prints a row for each as it comes."""
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder, ThreadPoolExecutor(jobs) as pool:
        copies: queue.SimpleQueue[Path] = queue.SimpleQueue()
        for number in range(jobs):
            copies.put(Path(folder, str(number)))
            copy_tree(ROOT, Path(folder, str(number)))
        spent = time_stages(Path(folder, "0"))
        print(f"without a slip all pass, in {' + '.join(f'{s:.0f}' for s in spent)} s", flush=True)
        limits_s = [10.0 + PATIENCE * s for s in spent]

        def one(mutant: Mutant) -> Verdict:
            copy = copies.get()
            try:
                return try_mutant(copy, mutant, limits_s)
            finally:
                copies.put(copy)

        waiting = {pool.submit(one, mutant): mutant for mutant in mutants}
        verdicts: dict[Mutant, Verdict] = {}
        try:
            for future in as_completed(waiting):
                mutant = waiting[future]
                verdicts[mutant] = verdict = future.result()
                where, name = mutant.file.rpartition("/")[2], mutant.name
                print(
                    f"{verdict.took_s:6.1f} s  {where:14} {name:52} {verdict.killed_by or 'SURVIVED'}",
                    flush=True,
                )
        finally:
            pool.shutdown(cancel_futures=True)
        return verdicts


def judge(verdicts: dict[Mutant, Verdict], took_s: float) -> int:
    """Say who survived, and return the exit code."""
    survivors = [mutant for mutant, verdict in verdicts.items() if verdict.killed_by is None]
    hung = sum("hung" in (verdict.killed_by or "") for verdict in verdicts.values())
    files = len({mutant.file for mutant in verdicts})
    print(
        f"\n{len(verdicts)} slips in {files} files, {len(verdicts) - len(survivors)} noticed ({hung} by a hang), "
        f"{len(survivors)} not, in {took_s:.0f} s"
    )
    for mutant in survivors:
        print(f"  SURVIVED {mutant.file}: {mutant.name}: {mutant.survives or 'NO REASON'}")
    unexplained = any(not mutant.survives for mutant in survivors)
    return int(len(survivors) > MAY_SURVIVE or unexplained or not verdicts)


if __name__ == "__main__":
    sys.exit(main())
