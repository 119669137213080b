"""`python -m tests.fuzz --inputs 200000 --frames 200000`: the campaigns, and a table of what came of them."""

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

from tests.arguments import at_least
from tests.fuzz import frames, lines
from tests.fuzz.child import Broken

CAMPAIGNS = {"inputs": lines.campaign, "frames": frames.campaign}


def main() -> int:
    """Returns the exit code: 1 when a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    for name in CAMPAIGNS:
        parser.add_argument(
            f"--{name}", type=at_least(0), default=200_000, help="so many at least (200000); 0: none"
        )
    parser.add_argument("--seed", type=int, default=1, help="of what is drawn (1)")
    parser.add_argument("--random", action="store_true", help="take another seed, and print it")
    options = parser.parse_args()
    if not any(getattr(options, name) for name in CAMPAIGNS):
        parser.error("nothing to do: --inputs or --frames must be more than 0")
    number = random.SystemRandom().randrange(10**6) if options.random else options.seed
    print(f"seed {number}")
    for name, campaign in CAMPAIGNS.items():
        wanted = getattr(options, name)
        if not wanted:
            continue
        began_s = time.monotonic()
        try:
            with tempfile.TemporaryDirectory() as folder:
                tallies, samples = campaign(Path(folder), wanted, number)
        except Broken as broken:
            print(f"BROKEN after {time.monotonic() - began_s:.0f} s: {broken}")
            return 1
        _show(name, tallies, samples, time.monotonic() - began_s)
    return 0


def _show(name, tallies, samples, spent_s):
    print(f"\n{'class':10}{name:>9}{'distinct':>9}{'answers':>9}{'us each':>9}  errors")
    for each, tally in tallies.items():
        errors = ", ".join(f"{kind} {n}" for kind, n in tally.errors.most_common(8))
        print(
            f"{each:10}{tally.inputs:9}{len(tally.distinct):9}{tally.answered:9}{tally.spent_s / max(tally.inputs, 1) * 1e6:9.0f}  {errors}"
        )
    total = sum(tally.inputs for tally in tallies.values())
    first, half, last = samples[0], samples[len(samples) // 2], samples[-1]
    print(f"{'all':10}{total:9}   in {spent_s:.0f} s; first / half / last sample:")
    for figure in first:
        print(f"  {figure:8}{first[figure]:>11} {half[figure]:>11} {last[figure]:>11}")


if __name__ == "__main__":
    sys.exit(main())
