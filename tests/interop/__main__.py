"""Google's own clients, and ours, hold the same conversation with the simulator: `make interop`.

Each client is a program of its own that talks to a simulator process of its own. A check that fails, and a
client that cannot be run, is exit code 1.
"""

import argparse
import asyncio
import json
import os
import sys
import time
from typing import Any

from tests.interop.checks import CHECKS, SCRIPT, Seen, judge
from tests.interop.clients import CLIENTS, ROOT, WAV, Client, Missing
from tests.interop.service import Service, simulator

TALK_S = 60.0
KEPT_VARIABLES = ("PATH", "HOME", "LANG", "SYSTEMROOT", "TEMP", "TMP")
"""No key, no proxy and no address of the caller's reaches a client."""


class Broken(Exception):
    """The client said nothing that can be judged."""


async def main(names: list[str], *, verbose: bool) -> int:
    chosen = [client for client in CLIENTS if not names or any(name in client.name for name in names)]
    if not chosen:
        print(f"no client is called so; there are: {', '.join(client.name for client in CLIENTS)}")
        return 1
    print(f"{'client':16} {'version':8} {'tls':3} {'kept':>5} {'s':>5}  what is wrong")
    good = [await row(client, verbose=verbose) for client in chosen]
    print(f"{sum(good)} of {len(chosen)} clients, {len(CHECKS)} checks each: {', '.join(CHECKS)}")
    return 0 if all(good) else 1


async def row(client: Client, *, verbose: bool) -> bool:
    """Runs and judges one client, and prints its row. Whether all was well."""
    started_s = time.monotonic()
    tls = "yes" if client.tls else "no"
    try:
        seen = await conversation(client)
    except (Missing, Broken) as error:
        print(f"{client.name:16} {'-':8} {tls:3} {'-':>5} {'-':>5}  NOT RUN: {error}")
        return False
    wrong = judge(seen)
    kept = sum(not problems for problems in wrong.values())
    figures = f"{kept}/{len(wrong)}".rjust(5) + f" {time.monotonic() - started_s:5.1f}"
    print(
        f"{client.name:16} {seen.report['version']:8} {tls:3} {figures}  {'nothing' if kept == len(wrong) else ''}".rstrip()
    )
    for check, problems in wrong.items():
        for problem in problems:
            print(f"  WRONG {check}: {problem}")
    if verbose:
        print(json.dumps({"report": seen.report, "state": seen.state}, indent=2))
    return kept == len(wrong)


async def conversation(client: Client) -> Seen:
    """Raises Missing or Broken."""
    command = client.command()
    async with simulator(SCRIPT, tls=client.tls) as service:
        report = await talk([*command, service.url, service.control, str(WAV)], service)
        return Seen(report, await asyncio.to_thread(service.state), client.api_version)


async def talk(command: list[str], service: Service) -> dict[str, Any]:
    """The client's own report. Raises Broken."""
    environment = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    if service.ca is not None:
        environment |= {"SSL_CERT_FILE": service.ca, "NODE_EXTRA_CA_CERTS": service.ca}
    process = await asyncio.create_subprocess_exec(
        *command,
        env=environment,
        cwd=ROOT,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(), TALK_S)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise Broken(f"it was not done after {TALK_S:g} s") from None
    try:
        return json.loads(out)
    except ValueError:
        last = err.decode(errors="replace").strip().splitlines()[-1:] or ["nothing on stderr"]
        raise Broken(f"it ended with {process.returncode} and no report: {last[0]}") from None


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        prog="python -m tests.interop", description="Clients against the simulator."
    )
    parser.add_argument(
        "--only", action="append", default=[], metavar="NAME", help="clients whose name has this"
    )
    parser.add_argument(
        "--verbose", action="store_true", help="print what each client and the simulator reported"
    )
    given = parser.parse_args()
    sys.exit(asyncio.run(main(given.only, verbose=given.verbose)))
