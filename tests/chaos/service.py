"""The simulator in a process of its own, commanded over its control API, wherever it runs."""

import asyncio
import contextlib
import json
import os
import signal
import sys
import tempfile
import urllib.request

from tests.program import PROGRAM, SOURCES

FETCH = (
    "import sys, urllib.request as u;"
    "d = sys.argv[2].encode() or None;"
    "sys.stdout.buffer.write(u.urlopen(sys.argv[1], d, 20).read())"
)


class Service:
    """Start it with `await Service.start(...)`."""

    @classmethod
    async def start(cls, script, prefix=(), address="127.0.0.1", *, tls=False):
        """`prefix` runs it elsewhere, such as in a network namespace, where it listens on `address`."""
        self = cls()
        self._prefix = prefix
        program = SOURCES if tls else PROGRAM  # a binary has nothing that makes certificates
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(script, file)
            file.flush()
            self._process = await asyncio.create_subprocess_exec(
                *(*prefix, *program, "simulate", "--until-stdin-closes", "--quiet"),
                *("--host", address, "--control-port", "0", "--script", file.name),
                *(("--tls",) if tls else ()),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
            )
            listening = json.loads(await self._process.stdout.readline())
        self.url, self._control, self.ca = listening["url"], listening["control"], listening.get("ca")
        return self

    @property
    def address(self):
        host, _, port = self.url.partition("://")[2].rpartition(":")
        return host, int(port)

    async def do(self, **fault):
        """Lets a fault of docs/simulator.md happen."""
        return json.loads(await self._request("/fault", json.dumps(fault).encode()))

    async def state(self):
        return json.loads(await self._request("/state"))

    async def audio(self, session, connection):
        """The PCM that one connection of a session brought."""
        return await self._request(f"/audio?session={session}&connection={connection}")

    async def _request(self, path, data=None):
        url = self._control + path
        if not self._prefix:
            return await asyncio.to_thread(_fetch, url, data)
        fetch = await asyncio.create_subprocess_exec(
            *(*self._prefix, sys.executable, "-c", FETCH, url, (data or b"").decode()),
            stdout=asyncio.subprocess.PIPE,
        )
        body, _ = await fetch.communicate()
        if fetch.returncode:
            raise OSError(f"{path} was not answered")
        return body

    def stop_process(self):
        os.kill(self._process.pid, signal.SIGSTOP)

    def continue_process(self):
        os.kill(self._process.pid, signal.SIGCONT)

    async def end(self):
        with contextlib.suppress(ProcessLookupError):
            self.continue_process()
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), 5)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()


def _fetch(url, data):
    with urllib.request.urlopen(url, data, 20) as answer:
        return answer.read()
