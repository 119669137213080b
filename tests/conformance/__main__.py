"""The Autobahn cases against both ends that are ours: `make conformance`.

The sidecar's client line, and the simulator's wire. A case that fails must stand in `SIDES`, with the reason;
a deviation that is gone must leave it.
"""

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from fnmatch import fnmatch
from typing import Any, NamedTuple

from kosoku import FailureError, run_fuzzingclient, run_fuzzingserver

from tests.conformance.echo_client import talk
from tests.conformance.echo_server import serve

CASE_S = 60.0
AGENT = "live-sidecar"
LEFT_OUT = {
    "9.3.*": "4 MiB in fragments of 64 bytes and more: minutes, and no service does it",
    "9.4.*": "the same in binary",
    "12.*": "compression: neither end offers any",
    "13.*": "compression: neither end offers any",
}


class Outcome(NamedTuple):
    results: Sequence[Any]
    received: dict[int, list[bytes]]
    """The messages that came, by the case's index; empty where nobody knows which case it was."""


class Deviation(NamedTuple):
    cases: str
    why: str
    excuses: Callable[[Any, list[bytes]], bool]
    """Given the result and what came in: whether the failed case is this deviation and nothing else."""


class Side(NamedTuple):
    name: str
    run: Callable[[], Awaitable[Outcome]]
    deviations: tuple[Deviation, ...]


async def client() -> Outcome:
    """The suite listens, and our line connects."""
    received = {}
    async with run_fuzzingserver(exclude_cases=list(LEFT_OUT), port=0) as server:
        host, port = "127.0.0.1", server.port
        base = f"ws://{host}:{port}"
        _, answer = await talk(f"{base}/getCaseCount", host, port, CASE_S)
        for case in range(1, int(answer[0]) + 1):
            _, received[case] = await talk(f"{base}/runCase?case={case}&agent={AGENT}", host, port, CASE_S)
        await talk(f"{base}/updateReports?agent={AGENT}", host, port, CASE_S)
        try:
            results = await server.get_result()
        except FailureError as failed:
            results = failed.results
    return Outcome(results, received)


async def server() -> Outcome:
    """Our wire listens, and the suite connects, once for each case, in an order of its own."""
    async with serve() as url:
        try:
            results = await run_fuzzingclient(url, exclude_cases=list(LEFT_OUT))
        except FailureError as failed:
            results = failed.results
    return Outcome(results, {})


def holds_invalid_utf8(_: Any, received: list[bytes]) -> bool:
    """Whether a message came that is no UTF-8, or none at all since the case waits for us to fail early."""
    return not received or any(_is_invalid(message) for message in received)


def _is_invalid(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return True
    return False


_EARLY_CLOSE = Deviation(
    "7.1.5",
    "the library closes with 1002 when a close frame comes inside a fragmented message; Autobahn wants 1000",
    lambda result, received: not received and result.behavior_close.value == "WRONG CODE",
)
SIDES = (
    Side(
        "the sidecar's line",
        client,
        (
            Deviation(
                "6.*",
                "a text message that is no UTF-8 does not end the connection; the host is told "
                "`session/invalidMessage`",
                holds_invalid_utf8,
            ),
            _EARLY_CLOSE,
        ),
    ),
    Side("the simulator's wire", server, (_EARLY_CLOSE,)),
)


def judge(outcome: Outcome, deviations: tuple[Deviation, ...]) -> tuple[Counter[Deviation], list[str]]:
    """How many cases each deviation excuses, and what is wrong."""
    used: Counter[Deviation] = Counter()
    wrong: list[str] = []
    if not outcome.results:
        wrong.append("no case was run")
    for result in outcome.results:
        if result.passed:
            continue
        deviation = next((d for d in deviations if fnmatch(result.case_id, d.cases)), None)
        if deviation is not None and deviation.excuses(result, outcome.received.get(result.case_index, [])):
            used[deviation] += 1
        else:
            wrong.append(f"{result.case_id}: {result.behavior.value}, close {result.behavior_close.value}")
    wrong += [f"{d.cases} is a known deviation, but no case deviates" for d in deviations if not used[d]]
    return used, wrong


async def main() -> int:
    """Both sides, one after the other; the exit code."""
    failed = False
    for side in SIDES:
        started = time.monotonic()
        outcome = await side.run()
        verdicts = Counter(result.behavior.value for result in outcome.results)
        figures = ", ".join(f"{count} {verdict}" for verdict, count in sorted(verdicts.items()))
        print(f"{side.name}: {len(outcome.results)} cases in {time.monotonic() - started:.0f} s: {figures}")
        used, wrong = judge(outcome, side.deviations)
        for deviation, count in used.items():
            print(f"  {count} deviate: {deviation.cases:6} {deviation.why}")
        for line in wrong:
            print(f"  WRONG {line}")
        failed |= bool(wrong)
    for cases, why in LEFT_OUT.items():
        print(f"not run: {cases:6} {why}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
