"""A host of the real process in JSON-RPC, and a simulator beside it, for tests of the lifecycle."""

import base64
import hashlib
import json
import os
import random
import subprocess
import time
import urllib.request
from pathlib import Path

from tests.program import PROGRAM

SERVE = (*PROGRAM, "serve", "--log-level", "error")
SIMULATE = (
    *PROGRAM,
    "simulate",
    "--until-stdin-closes",
    "--quiet",
    "--control-port",
    "0",
)
BRISK = {
    "heartbeat": {"audioIntervalMs": 50},
    "reconnect": {"baseDelayMs": 20, "maxDelayMs": 100},
    "handOver": {"firstDelayMs": 50, "retryDelayMs": 50, "doneAfterMs": 100},
    "outbox": {"flushRate": 1000},
}
KEY = "canary-key-9a31e7"
WAIT_S = 10.0


class Simulator:
    """A simulator in a process of its own, and a way to command it."""

    def __init__(self, folder, simulate=SIMULATE, **script):
        path = folder / "script.json"
        path.write_text(json.dumps({"ownerGraceMs": 0, "refusalDelayMs": 20} | script))
        self._process = subprocess.Popen(
            [*simulate, "--script", str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        listening = json.loads(self._process.stdout.readline())
        self.url, self._control = listening["url"], listening["control"]

    def _request(self, path, data=None):
        with urllib.request.urlopen(self._control + path, data=data, timeout=5) as answer:
            return json.loads(answer.read())

    def do(self, **fault):
        return self._request("/fault", json.dumps(fault).encode())

    def newest_session(self):
        return self._request("/state")["sessions"][-1]

    def stop(self):
        with self._process as process:
            process.stdin.close()
            process.wait(WAIT_S)


class Host:
    """Asks the sidecar, keeps every notification, and speaks (quietly, so that nobody answers)."""

    def __init__(self, spawn, seed=1, serve=SERVE):
        self.child = spawn(command=serve).drain_stderr()
        self.heard = []
        self._answers = {}
        self._id = 0
        self._n = 0
        self.said = hashlib.sha256()
        self._rng = random.Random(seed)
        self.ask("initialize", protocolVersion="1", client={"name": "t", "version": "1"})

    def start(self, method, **params):
        """Sends a call; returns its id."""
        self._id += 1
        self._say({"id": self._id, "method": method, "params": params})
        return self._id

    def tell(self, method, **params):
        self._say({"method": method, "params": params})

    def _say(self, message):
        self.child.say(json.dumps({"jsonrpc": "2.0", **message}).encode())

    def _hear(self):
        line = self.child.hear()
        assert line is not None, f"stdout ended; heard last {self.heard[-3:]}"
        message = json.loads(line)
        if "method" in message:
            self.heard.append(message)
        else:
            self._answers[message["id"]] = message

    def answer_to(self, call_id):
        while call_id not in self._answers:
            self._hear()
        return self._answers.pop(call_id)

    def ask(self, method, **params):
        answer = self.answer_to(self.start(method, **params))
        assert "result" in answer, answer
        return answer["result"]

    def told(self, method, **fields):
        """The params of the first notification with these fields, now or later."""
        seen = 0
        while True:
            for message in self.heard[seen:]:
                params = message["params"]
                if message["method"] == method and all(params.get(k) == v for k, v in fields.items()):
                    return params
            seen = len(self.heard)
            self._hear()

    def begin(self, url, settings=None, **more):
        """Sends `session/open`; returns its id."""
        setup = {"model": "models/m", "generationConfig": {"responseModalities": ["AUDIO"]}}
        return self.start(
            "session/open",
            sessionId="s1",
            endpoint={"baseUrl": url},
            auth={"type": "apiKey", "apiKey": KEY},
            setup=setup,
            settings=BRISK | (settings or {}),
            **more,
        )

    def open(self, url, settings=None, **more):
        answer = self.answer_to(self.begin(url, settings, **more))
        assert "result" in answer, answer
        return answer["result"]

    def speak(self, chunks):
        for _ in range(chunks):
            pcm = b"".join(bytes((self._rng.randrange(256), 0)) for _ in range(320))
            self.said.update(pcm)
            self.tell("session/sendAudio", sessionId="s1", n=self._n, data=base64.b64encode(pcm).decode())
            self._n += 1

    def states(self):
        names = [m["params"]["state"] for m in self.heard if m["method"] == "session/stateChanged"]
        return [name for i, name in enumerate(names) if i == 0 or names[i - 1] != name]

    def sockets(self):
        """Its sockets, seen from outside."""
        found = set()
        for descriptor in Path(f"/proc/{self.child.pid}/fd").iterdir():
            try:
                link = os.readlink(descriptor)  # noqa: PTH115 - `Path.readlink` would make a path of it
            except OSError:
                continue
            if link.startswith("socket:"):
                found.add(link)
        return found


def eventually(condition):
    """Waits until it holds, for a limited time."""
    until_s = time.monotonic() + WAIT_S
    while not (found := condition()):
        assert time.monotonic() < until_s, "not within the time"
        time.sleep(0.005)
    return found
