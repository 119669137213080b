"""Chaos on real sockets: `python -m tests.chaos [--short] [--only NAME] [--list] [--jobs N] [--markdown]`.

Runs the real sidecar against the simulator while the network, the service, the processes and the clocks fail,
and prints a row for each scenario. Exit code 1 if a promise was broken, 2 if no scenario has that name.
"""

import argparse
import asyncio
import contextlib
import signal
import sys
import time

from tests.arguments import at_least
from tests.chaos import report
from tests.chaos.judge import broken
from tests.chaos.scenarios import SCENARIOS
from tests.chaos.world import run


def chosen(args):
    """The scenarios to run, and the skipped with their reasons."""
    named = [
        each
        for each in SCENARIOS
        if (args.short <= each.short) and (args.only is None or args.only.lower() in each.name.lower())
    ]
    reasons = {each.name: each.missing() for each in named}
    return [each for each in named if not reasons[each.name]], [(n, why) for n, why in reasons.items() if why]


async def run_all(scenarios, jobs, tell):
    """Runs `jobs` scenarios at a time. Returns how many broke a promise."""
    places = asyncio.Semaphore(jobs)

    async def one(scenario):
        async with places:
            row = await run(scenario)
        problems = broken(scenario.promise, row)
        tell(row, problems)
        return bool(problems)

    tasks = [asyncio.create_task(one(scenario)) for scenario in scenarios]
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows
            loop.add_signal_handler(number, lambda: [task.cancel() for task in tasks])
    try:
        return sum(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--short", action="store_true", help="a selection that takes under 90 s")
    parser.add_argument("--only", metavar="NAME", help="scenarios with this in their name")
    parser.add_argument("--list", action="store_true", help="print the names and end")
    parser.add_argument(
        "--jobs", type=at_least(1), default=4, help="so many at a time: most of them wait (default: 4)"
    )
    parser.add_argument("--markdown", action="store_true", help="print a Markdown table")
    args = parser.parse_args()
    scenarios, skipped = chosen(args)
    if not scenarios and not skipped:
        print(f"no scenario has {args.only!r} in its name", file=sys.stderr)
        return 2
    if args.list:
        print("\n".join(each.name for each in scenarios))
        return 0
    line = report.markdown if args.markdown else report.aligned
    print(report.markdown_head() if args.markdown else report.aligned(report.HEAD), flush=True)

    def tell(row, problems):
        print(line(report.cells(row, problems)), flush=True)
        for problem in problems:
            print(
                f"    broken: {row.name}: {problem}",
                file=sys.stderr if args.markdown else sys.stdout,
                flush=True,
            )

    started_s = time.monotonic()
    try:
        failed = asyncio.run(run_all(scenarios, args.jobs, tell))
    except asyncio.CancelledError:
        print("interrupted", file=sys.stderr)
        return 130
    if args.markdown:
        print()
    for name, why in skipped:
        print(f"skipped: {name}: {why}")
    took_s = time.monotonic() - started_s
    print(f"{len(scenarios)} scenarios, {failed} broken, {len(skipped)} skipped, {took_s:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
