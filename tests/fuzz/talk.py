"""One conversation under bad input: batches of lines in, every answer counted, a session beside it undisturbed."""

import base64
import hashlib
import itertools
import random
import time
from collections import Counter

from tests.fuzz.campaign import Tally
from tests.fuzz.child import CANARY, Broken, Child, call, tell
from tests.fuzz.growth import grown
from tests.fuzz.oracle import NULL, answers_due, key, matched
from tests.fuzz.strategies import UNDISTURBED
from tests.process.host import BRISK

OURS = "fuzz/"
"""Begins the ids of our own calls; no input has it."""
CHUNK_BYTES = 640
CANCEL = b'{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":%s}}\n'
LATE_S = 10.0
"""What was cancelled, or whose session was closed, must have been answered by then."""


class Talk:
    """A process, a session of it that must go on (`beside`), and one that takes what comes (`target`)."""

    def __init__(self, sim):
        self._sim = sim
        self._numbers = itertools.count()
        self._answers = {}
        self._came = Counter()
        self._kinds = Counter()
        self._rng = random.Random(1)
        self._said = hashlib.sha256()
        self._n = 0
        self._seq = 0
        self.refused = 0
        self.samples = []
        self.child = Child()
        self.document = self.ask("rpc.discover")
        self._ask_open(UNDISTURBED)
        self._beside_number = len(sim.sessions())
        self._at_first = self._beside()

    # --- our own calls ----------------------------------------------------------------------------

    def ask(self, method, **params):
        until_s = time.monotonic() + LATE_S
        while "result" not in (answer := self._await(self._start(method, **params))):
            if answer["error"]["data"]["kind"] != "overloaded" or time.monotonic() > until_s:
                raise Broken(f"{method} was answered with {answer['error']}")
            self.refused += 1  # answers count until the writer is done with them
        return answer["result"]

    def _start(self, method, **params):
        call_id = f"{OURS}{next(self._numbers)}"
        self.child.say(call(call_id, method, **params))
        return call_id

    def _await(self, call_id):
        while call_id not in self._answers:
            self._hear()
        return self._answers.pop(call_id)

    def _ask_open(self, session_id):
        self.ask(
            "session/open",
            sessionId=session_id,
            endpoint={"baseUrl": self._sim.url},
            auth={"type": "apiKey", "apiKey": CANARY},
            setup={"model": "models/m", "generationConfig": {"responseModalities": ["AUDIO"]}},
            settings=BRISK,
            notifications={"exclude": ["session/health", "session/setupSent"]},
        )

    def _beside(self):
        now = self.ask("session/get", sessionId=UNDISTURBED)
        return now["state"], now["phase"], now["revision"], now["connectionId"]

    # --- what comes -------------------------------------------------------------------------------

    def _hear(self):
        message = self.child.hear()
        for each in message if isinstance(message, list) else [message]:
            self._take(each)

    def _take(self, message):
        if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
            raise Broken(f"not JSON-RPC 2.0: {str(message)[:300]}")
        if "method" in message:
            self._told(message)
            return
        if ("result" in message) == ("error" in message) or "id" not in message:
            raise Broken(f"not a response: {str(message)[:300]}")
        kind = ""
        if "error" in message:
            error = message["error"]
            kind = error.get("data", {}).get("kind")
            if not (kind and isinstance(error["code"], int) and isinstance(error["message"], str)):
                raise Broken(f"an error without its kind: {error}")
            if kind == "internalError":
                raise Broken(
                    f"a defect: {message}; stderr: {self.child.errors[-1500:].decode(errors='replace')}"
                )
        call_id = message["id"]
        if isinstance(call_id, str) and call_id.startswith(OURS):
            self._answers[call_id] = message
        else:
            self._came[key(call_id)] += 1
            self._kinds[kind] += 1

    def _told(self, message):
        params = message["params"]
        if params.get("sessionId") != UNDISTURBED:
            return
        self._seq += 1
        if params["seq"] != self._seq:
            raise Broken(f"seq is {params['seq']} and should be {self._seq}")

    # --- a batch ----------------------------------------------------------------------------------

    def batch(self, lines: list[bytes], tally: Tally) -> None:
        """Says `lines`, and sees that each was answered as it should be, the process well, `beside` untouched."""
        self._ready_target()
        data = b"".join(line + b"\n" for line in lines)
        started_s = time.perf_counter()
        self._came, self._kinds = Counter(), Counter()
        self.child.say(data)
        due = answers_due(data)
        self.ask("ping")
        self._let_go(due)
        self._speak()
        self.ask("ping")
        tally.spent_s += time.perf_counter() - started_s
        missing, over = matched(due, self._came)
        if missing or over:
            few = [each.ids for each in missing[:5]], dict(over.most_common(5))
            raise Broken(
                f"not answered: {len(missing)}, as {few[0]}; answered unasked: {over.total()}, as {few[1]}"
            )
        if (now := self._beside()) != self._at_first:
            raise Broken(f"the session beside it was disturbed: {self._at_first} became {now}")
        tally.inputs += len(lines)
        tally.answered += self._came.total()
        tally.errors.update({kind: n for kind, n in self._kinds.items() if kind})

    def _ready_target(self):
        listed = {s["sessionId"]: s["state"] for s in self.ask("session/list")["sessions"]}
        if listed.get("target") != "connected":
            if "target" in listed:
                self.ask("session/close", sessionId="target", drainMs=0)
            self._ask_open("target")

    def _let_go(self, due):
        """Ends what may wait: calls are cancelled, what was opened is closed, until all is answered.

        What never is, `batch` tells.
        """
        until_s = time.monotonic() + LATE_S
        while matched(due, self._came)[0] and time.monotonic() < until_s:
            # Which of them waits is not known for sure: another with its id may have been answered.
            ids = {each for one in due for each in one.ids or ()}
            ids.discard(NULL)
            self.child.say(b"".join(CANCEL % each.encode() for each in ids))
            for session in self.ask("session/list")["sessions"]:
                if session["sessionId"] not in (UNDISTURBED, "target") or session["state"] != "connected":
                    self._close(session["sessionId"])

    def _close(self, session_id):
        if session_id == UNDISTURBED:
            raise Broken("the session beside it was disturbed: it is not connected any more")
        self._await(self._start("session/close", sessionId=session_id, drainMs=0))

    def _speak(self):
        """20 ms of noise, which must arrive."""
        pcm = self._rng.randbytes(CHUNK_BYTES)
        self._said.update(pcm)
        data = base64.b64encode(pcm).decode()
        self.child.say(tell("session/sendAudio", sessionId=UNDISTURBED, n=self._n, data=data))
        self._n += 1

    # --- the end ----------------------------------------------------------------------------------

    def sample(self):
        """Measures at rest: nothing is open but `beside`."""
        for session in self.ask("session/list")["sessions"]:
            if session["sessionId"] != UNDISTURBED:
                self._close(session["sessionId"])
        self.ask("log/setLevel", level="error")
        self.samples.append(self.child.figures())

    def discard(self):
        self.child.discard()

    def finish(self):
        """Nothing grew, `beside` lost nothing, and the process ends as it should."""
        if growth := grown(self.samples):
            raise Broken(f"grew over the last half: {growth}; {self.samples}")
        queue = self.ask("session/close", sessionId=UNDISTURBED, drainMs=10_000)["queue"]
        heard = self._sim.sessions()[self._beside_number - 1]["audio"]
        wanted = (self._n * 20, self._n * 20, self._said.hexdigest())
        if (queue["confirmedMs"], heard["uniqueMs"], heard["sha256"]) != wanted:
            raise Broken(f"of {wanted} the service heard {heard}, and the books say {queue}")
        if code := self.child.end():
            raise Broken(f"exit code {code}")
