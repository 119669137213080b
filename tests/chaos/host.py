"""A host of the real sidecar process, on asyncio: it asks, keeps every notification with its time, and speaks."""

import asyncio
import base64
import contextlib
import itertools
import json
import os
import random
import signal
import time

import psutil

from tests.program import PROGRAM

CHUNK_MS = 20
CHUNK_BYTES = 640
LATE_S = 30.0
"""How long anything may take that should be quick, before the run itself is at fault."""


class SidecarEnded(Exception):
    """The process is gone, and should not be."""


class _Pipes(asyncio.SubprocessProtocol):
    """stdout line by line, stderr as it is."""

    def __init__(self, on_line):
        self._on_line = on_line
        self._rest = b""
        self.errors = bytearray()
        self.ended = asyncio.Event()

    def pipe_data_received(self, fd, data):
        if fd == 2:
            self.errors += data
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._on_line(line)

    def process_exited(self):
        self.ended.set()


class Host:
    """Start it with `await Host.start(...)`. It has one session, `s1`."""

    def __init__(self):
        self.heard = []
        """(time in s, method, params) of every notification."""
        self.said = []
        """The PCM of each chunk, by its number: what was offered."""
        self._answers = {}
        self._ids = itertools.count(1)
        self._news = asyncio.Event()
        self._rng = random.Random()
        self._speech = None

    @classmethod
    async def start(cls, prefix=(), env=None, seed=1):
        """`prefix` runs the sidecar elsewhere, such as in a network namespace; `env` is added to ours."""
        host = cls()
        host._rng.seed(seed)
        host._transport, host._pipes = await asyncio.get_running_loop().subprocess_exec(
            lambda: _Pipes(host._on_line),
            *(*prefix, *PROGRAM, "serve", "--log-level", "error"),
            env=os.environ | (env or {}),
        )
        host._stdin = host._transport.get_pipe_transport(0)
        host._stdout = host._transport.get_pipe_transport(1)
        await host.ask("initialize", protocolVersion="1", client={"name": "chaos", "version": "1"})
        return host

    @property
    def pid(self):
        return self._transport.get_pid()

    @property
    def errors(self):
        """stderr so far, as text."""
        return self._pipes.errors.decode(errors="replace")

    def rss_mb(self):
        return psutil.Process(self.pid).memory_info().rss / 2**20

    # --- JSON-RPC

    def tell(self, method, **params):
        self._say({"method": method, "params": params})

    def begin(self, method, **params):
        """Sends a call; returns its id."""
        call = next(self._ids)
        self._say({"id": call, "method": method, "params": params})
        return call

    async def answer(self, call, within_s=LATE_S):
        """The answer to a call: with `result` or `error`."""
        await self.until(lambda: call in self._answers, within_s, f"an answer to call {call}")
        return self._answers.pop(call)

    async def ask(self, method, within_s=LATE_S, **params):
        answer = await self.answer(self.begin(method, **params), within_s)
        if "error" in answer:
            raise AssertionError(f"{method}: {answer['error']}")
        return answer["result"]

    async def until(self, condition, within_s, what):
        """Returns the time in s that it took. Raises TimeoutError, or SidecarEnded."""
        since_s = time.monotonic()
        while not condition():
            if self._pipes.ended.is_set():
                raise SidecarEnded(f"the sidecar ended while {what} was awaited")
            self._news.clear()
            left_s = since_s + within_s - time.monotonic()
            if left_s <= 0:
                raise TimeoutError(f"{what}: not within {within_s:g} s")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), min(left_s, 0.25))
        return time.monotonic() - since_s

    def notes(self, method, **fields):
        """The params of the notifications so far that have these fields."""
        return [
            params
            for _, name, params in self.heard
            if name == method and all(params.get(key) == value for key, value in fields.items())
        ]

    def deaf(self, deaf=True):
        """Reads stdout no more, until it is told to go on."""
        (self._stdout.pause_reading if deaf else self._stdout.resume_reading)()

    def _say(self, message):
        self._stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")

    def _on_line(self, line):
        message = json.loads(line)
        if "method" in message:
            self.heard.append((time.monotonic(), message["method"], message["params"]))
        else:
            self._answers[message["id"]] = message
        self._news.set()

    # --- the session

    def state(self):
        """As the newest notification told it: (state, kind of its error)."""
        told = self.notes("session/stateChanged")
        last = told[-1] if told else {}
        return last.get("state"), (last.get("error") or {}).get("kind")

    def begin_open(self, url, settings, ca=None):
        return self.begin(
            "session/open",
            sessionId="s1",
            endpoint={"baseUrl": url},
            auth={"type": "apiKey", "apiKey": "any"},
            setup={
                "model": "models/m",
                "generationConfig": {"responseModalities": ["AUDIO"]},
                "outputAudioTranscription": {},
            },
            settings=settings,
            **({"tls": {"caFile": ca}} if ca else {}),
        )

    def speak(self):
        """From now on a chunk of quiet noise every 20 ms, each like no other."""
        self._speech = asyncio.create_task(self._talk())

    async def hush(self):
        if self._speech is not None:
            self._speech.cancel()
            await asyncio.gather(self._speech, return_exceptions=True)
            self._speech = None

    async def _talk(self):
        loop = asyncio.get_running_loop()
        started_s = loop.time()
        for n in itertools.count():
            await asyncio.sleep(started_s + n * CHUNK_MS / 1000 - loop.time())
            self.offer()

    def offer(self):
        """One chunk."""
        pcm = bytearray(CHUNK_BYTES)
        pcm[::2] = self._rng.randbytes(CHUNK_BYTES // 2)  # the low bytes only: too quiet to be speech
        self.said.append(bytes(pcm))
        self.tell(
            "session/sendAudio", sessionId="s1", n=len(self.said) - 1, data=base64.b64encode(pcm).decode()
        )

    # --- the process

    def stop_process(self):
        os.kill(self.pid, signal.SIGSTOP)

    def continue_process(self):
        os.kill(self.pid, signal.SIGCONT)

    async def end(self):
        """Ends the process as a host should, and returns its exit code."""
        await self.hush()
        if not self._pipes.ended.is_set():
            self._stdin.close()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._pipes.ended.wait(), 5)
        if self._transport.get_returncode() is None:
            self._transport.kill()
            await self._pipes.ended.wait()
        code = self._transport.get_returncode()
        self._transport.close()
        return code
