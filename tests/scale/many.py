"""A host of many sessions in one real process: calls, notifications by session, and what may not grow."""

import base64
import hashlib
import itertools
import json
import random
from collections import Counter

from tests.fuzz.child import CANARY, Child, call, tell
from tests.process.host import BRISK, Simulator

CHUNK_MS = 100
CHUNK_BYTES = CHUNK_MS * 32
SETUP = {"model": "models/m", "generationConfig": {"responseModalities": ["AUDIO"]}}


class Service(Simulator):
    """A simulator in a process of its own, with all its sessions."""

    @property
    def control(self):
        return self._control

    def sessions(self):
        return self._request("/state")["sessions"]


class Voice:
    """One session from the host's side: what it said, and what it was told of its state."""

    def __init__(self, name, seed):
        self.name = name
        self.chunks = 0
        self.said = hashlib.sha256()
        self.seq = 0
        self.state = ""
        self.revision = 0
        self.troubles = []
        self._rng = random.Random(seed)

    @property
    def said_ms(self):
        return self.chunks * CHUNK_MS

    def next_chunk(self):
        """Noise, no two chunks alike; as the line that says it."""
        pcm = self._rng.randbytes(CHUNK_BYTES)
        self.said.update(pcm)
        self.chunks += 1
        data = base64.b64encode(pcm).decode()
        return tell("session/sendAudio", sessionId=self.name, n=self.chunks - 1, data=data)

    def told(self, method, params):
        self.seq += 1
        assert params["seq"] == self.seq, f"{self.name}: seq {params['seq']} after {self.seq - 1}"
        if method == "session/stateChanged":
            assert params["revision"] > self.revision
            self.state, self.revision = params["state"], params["revision"]
        elif method in ("session/dropped", "session/error"):
            self.troubles.append(params)


class Many:
    """The process and its voices. Every answer is kept by its id; one that nobody asked for is an error."""

    def __init__(self, url):
        self.child = Child()
        self.voices = {}
        self.answered = Counter()
        self.samples = []
        self._url = url
        self._answers = {}
        self._asked = set()
        self._ids = itertools.count(1)

    def voice(self, name):
        self.voices[name] = Voice(name, seed=len(self.voices))
        return self.voices[name]

    def start(self, method, **params):
        """Sends a call; returns its id."""
        call_id = next(self._ids)
        self._asked.add(call_id)
        self.child.say(call(call_id, method, **params))
        return call_id

    def start_open(self, name):
        return self.start(
            "session/open",
            sessionId=name,
            endpoint={"baseUrl": self._url},
            auth={"type": "apiKey", "apiKey": CANARY},
            setup=SETUP,
            settings=BRISK,
            notifications={"exclude": ["session/health", "session/setupSent"]},
        )

    def hear(self):
        message = self.child.hear()
        if "method" not in message:
            call_id = message["id"]
            self.answered[call_id] += 1
            assert self.answered[call_id] == 1, f"answered twice: {json.dumps(message)[:300]}"
            assert call_id in self._asked, f"answered unasked: {json.dumps(message)[:300]}"
            self._answers[call_id] = message
        elif (voice := self.voices.get(message["params"].get("sessionId"))) is not None:
            voice.told(message["method"], message["params"])

    def answer_to(self, call_id):
        while call_id not in self._answers:
            self.hear()
        return self._answers.pop(call_id)

    def ask(self, method, **params):
        answer = self.answer_to(self.start(method, **params))
        assert "result" in answer, answer
        return answer["result"]

    def until(self, condition):
        while not condition():
            self.hear()

    def unanswered(self):
        return self._asked - set(self.answered)

    def sample(self):
        self.samples.append(self.child.figures())
