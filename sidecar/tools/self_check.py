"""`live-sidecar --self-check`: proves that this program is whole and can do here what a session needs.

It talks to nobody but itself. Every check is a line: what was found, or what failed and what to do next.
"""

import json
import sys
from collections.abc import Callable
from typing import NamedTuple

from sidecar import __version__, origin, whole
from sidecar.tools import checks
from sidecar.tools.checks import Failed

CHECKS: dict[str, Callable[[], str]] = {
    "system trust": checks.system_trust,
    "private authority": checks.private_authority,
    "compression": checks.compression,
    "calls": checks.calls,
    "session": checks.session,
}


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
    findings = [_find("files", checks.files)]
    program = f"live-sidecar {__version__}"
    if findings[0].ok:  # a damaged library may end the process that loads it
        program = origin.describe()
        findings += [_find(name, check) for name, check in CHECKS.items()]
    ok = all(finding.ok for finding in findings)
    if as_json:
        found = [finding._asdict() for finding in findings]
        print(json.dumps({"program": program, "ok": ok, "checks": found}, indent=2))
    else:
        print(program, *(finding.line() for finding in findings), sep="\n")
    if sys.stdout is not None:  # somebody may want the exit code only
        sys.stdout.flush()
    return 0 if ok else 1


def _find(name: str, check: Callable[[], str]) -> Finding:
    try:
        return Finding(name, True, check())
    except Failed as failed:
        return Finding(name, False, failed.text, failed.remedy)
    except ImportError as exc:
        return Finding(name, False, f"{exc}.", whole.REMEDY)
    except TimeoutError:
        return Finding(name, False, f"not done within {checks.TIMEOUT_S:g} s.", checks.REPORT)
    except Exception as exc:
        return Finding(name, False, f"{type(exc).__name__}: {exc}.", checks.REPORT)
