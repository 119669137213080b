"""A simulator in a process of its own, for one client."""

import asyncio
import json
import sys
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

_STARTED_WITHIN_S = 20.0
_ANSWERS_WITHIN_S = 10.0


class Service(NamedTuple):
    url: str
    control: str
    ca: str | None
    """With TLS, the file with the authority to trust."""

    def state(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.control}/state", timeout=_ANSWERS_WITHIN_S) as answer:
            return json.load(answer)


@asynccontextmanager
async def simulator(script: Path, *, tls: bool) -> AsyncIterator[Service]:
    """It ends with the block, and with this process."""
    command = [
        sys.executable,
        "-m",
        "sidecar",
        "simulate",
        "--script",
        str(script),
        "--until-stdin-closes",
        "--quiet",
    ]
    process = await asyncio.create_subprocess_exec(
        *command,
        *(["--tls"] if tls else []),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), _STARTED_WITHIN_S)
        said = json.loads(line)
        yield Service(said["url"], said["control"], said.get("ca"))
    finally:
        process.stdin.close()
        await process.wait()
