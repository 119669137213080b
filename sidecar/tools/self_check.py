"""`live-sidecar --self-check`: proves that this program is whole and can do here what a session needs.

It talks to nobody but itself. Every check is a line: what was found, or what failed and what to do next.
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from sidecar import origin, whole
from sidecar.tools import checks
from sidecar.tools.checks import Failed

TIMEOUT_S = 20.0
"""For one check: all of them together take less than a second."""

CHECKS: dict[str, Callable[[], Awaitable[str]]] = {
    "files": checks.files,
    "system trust": checks.system_trust,
    "private authority": checks.private_authority,
    "compression": checks.compression,
    "calls": checks.calls,
    "session": checks.session,
}
"""In the order in which one explains the next."""


class Finding(NamedTuple):
    """What became of one check; `remedy` is empty when it is ok."""

    name: str
    ok: bool
    text: str
    remedy: str = ""

    def line(self) -> str:
        verdict = "ok    " if self.ok else "FAILED"
        return f"{verdict}  {self.name}: {self.text}" + (f" {self.remedy}" if self.remedy else "")


def run(*, as_json: bool = False) -> int:
    """Makes every check and prints what was found. The exit code: 0 when all are ok, else 1."""
    findings = [asyncio.run(_find(name, check)) for name, check in CHECKS.items()]
    ok = all(finding.ok for finding in findings)
    if as_json:
        found = [finding._asdict() for finding in findings]
        print(json.dumps({"program": origin.describe(), "ok": ok, "checks": found}, indent=2))
    else:
        print(origin.describe())
        for finding in findings:
            print(finding.line())
    sys.stdout.flush()
    return 0 if ok else 1


async def _find(name: str, check: Callable[[], Awaitable[str]]) -> Finding:
    try:
        async with asyncio.timeout(TIMEOUT_S):
            return Finding(name, True, await check())
    except Failed as failed:
        return Finding(name, False, failed.text, failed.remedy)
    except ImportError as exc:
        return Finding(name, False, f"{exc}.", whole.REMEDY)
    except TimeoutError:
        return Finding(name, False, f"not done within {TIMEOUT_S:g} s.", checks.REPORT)
    except Exception as exc:
        return Finding(name, False, f"{type(exc).__name__}: {exc}.", checks.REPORT)
