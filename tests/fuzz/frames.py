"""The campaign on the wire: a service that sends everything, and a host that hears each message once, in order."""

import itertools
import json
import time
from pathlib import Path

from tests.fuzz import messages as m
from tests.fuzz.campaign import Tally, run
from tests.fuzz.child import CANARY, Broken, Child, call
from tests.fuzz.growth import grown
from tests.fuzz.service import Service
from tests.process.host import BRISK

PARTS = {"shapes": 0.45, "edges": 0.25, "odd": 0.293, "deep": 0.003, "moves": 0.002, "garbage": 0.002}
"""Shares of the frames, by class."""
PATIENT = {
    "reconnect": {"baseDelayMs": 1, "maxDelayMs": 10, "maxAttempts": 1000},
    "breaker": {"enabled": False},
    "handOver": {"firstDelayMs": 0, "retryDelayMs": 10, "leadMs": 10**7, "marginMs": 10**7, "drainMs": 200},
}
"""Any goAway moves the session at once, and no number of bad lines makes it give up."""
READY = m.Sent(b"", b'{"setupComplete":{}}')
"""What a new line begins with."""


def campaign(folder: Path, frames: int, number: int) -> tuple[dict[str, Tally], list[dict[str, int]]]:
    """Gives what came of each class, and the process's figures over the run.

    Raises:
        Broken: the process broke a promise.
    """
    strategies = {
        "shapes": m.shapes(),
        "edges": m.edges(),
        "odd": m.odd_content(),
        "deep": m.deep(),
        "moves": m.moves(),
        "garbage": m.garbage(),
    }
    classes = {name: (strategies[name], round(frames * part)) for name, part in PARTS.items()}
    judge = Listener()
    try:
        tallies = run(classes, number, judge, Listener)
        judge.finish()
    finally:
        judge.discard()
    return tallies, judge.samples


class Listener:
    """A process with one session at a service of ours."""

    def __init__(self):
        self._service = Service()
        self.child = Child()
        self._numbers = itertools.count(1)
        self._seq = 0
        self._heard = []
        self._state = ""
        self.samples = []
        self._ask(
            "session/open",
            sessionId="s1",
            endpoint={"baseUrl": self._service.url},
            auth={"type": "apiKey", "apiKey": CANARY},
            setup={"model": "models/m"},
            settings=BRISK | PATIENT,
        )
        self._heard.clear()

    def _ask(self, method, **params):
        call_id = next(self._numbers)
        self.child.say(call(call_id, method, **params))
        while (answer := self._hear()) is None or answer.get("id") != call_id:
            pass
        return answer

    def _hear(self):
        """One line. Gives an answer, keeps a frame, looks at everything."""
        line = self.child.hear_raw()
        message = self.child.read(line)
        if message is None or message.get("method") in ("session/message", "session/invalidMessage"):
            self._heard.append((message, line))
        if message is None:  # too deep for this reader, so a frame: only its head is looked at
            message = {
                "method": "session/message",
                "params": json.loads(line.partition(b',"message":')[0] + b"}}")["params"],
            }
        if "method" not in message:
            return message
        params = message["params"]
        if "seq" in params:
            self._seq += 1
            if params["seq"] != self._seq:
                raise Broken(f"seq is {params['seq']} and should be {self._seq}")
        if message["method"] == "session/stateChanged":
            self._state = params["state"]
        return None

    def batch(self, sent: list[m.Sent], tally: Tally) -> None:
        """Sends messages, and sees that each arrived once and in order, the session and the process well."""
        before = self._service.connections
        self._heard.clear()
        began_s = time.perf_counter()
        self._service.send(b"".join(each.wire for each in sent))
        ends_line = _ends_line(sent)
        if ends_line:
            self._service.wait_for(before + 1)
        for _ in range(2):  # a ping on the way may meet the end of its line
            answer = self._ask("session/ping", sessionId="s1")
            if not ends_line or "result" in answer:
                break
        if "result" not in answer or self._state != "connected":
            raise Broken(f"session/ping was answered with {answer}, the session is {self._state}")
        if "result" not in self._ask("ping"):
            raise Broken("ping was refused")
        tally.spent_s += time.perf_counter() - began_s
        if not ends_line and self._service.connections != before:
            raise Broken("the line was left")
        self._compare(
            [*(sent if b"goAway" in sent[0].payload or not ends_line else ()), *[READY] * ends_line]
        )
        tally.inputs += len(sent)
        tally.answered += len(self._heard)
        tally.errors["invalidMessage"] += sum(
            b'"session/invalidMessage"' in line[:80] for _, line in self._heard
        )

    def _compare(self, sent):
        if len(self._heard) != len(sent):
            raise Broken(f"{len(sent)} frames came as {len(self._heard)}")
        for each, (message, line) in zip(sent, self._heard, strict=True):
            if not _arrived_as(each.payload, message, line):
                raise Broken(f"{each.payload[:200]!r} came as {line[:400]!r}")

    def sample(self):
        self.samples.append(self.child.figures())

    def finish(self):
        """Nothing grew, and the process ends as it should."""
        if growth := grown(self.samples):
            raise Broken(f"grew over the last half: {growth}; {self.samples}")
        if "result" not in self._ask("session/close", sessionId="s1"):
            raise Broken("session/close was refused")
        if code := self.child.end():
            raise Broken(f"exit code {code}")

    def discard(self):
        self._service.stop()
        self.child.discard()


def _ends_line(sent):
    return len(sent) == 1 and (b'"goAway"' in sent[0].payload or sent[0].wire == sent[0].payload)


def _arrived_as(payload, message, line):
    """Whether a line of stdout is what this frame had to become."""
    is_message = message is None or message["method"] == "session/message"
    try:
        odd = []
        value = json.loads(payload.decode(), parse_constant=odd.append)
    except RecursionError:
        value, odd = {}, [True]
    except ValueError:
        return not is_message
    if not isinstance(value, dict):
        return not is_message
    if not is_message:
        return bool(odd) or b"\\u" in payload  # NaN and half an emoji are no text that could be passed on
    if line.endswith(b',"message":' + payload.replace(b"\n", b" ").replace(b"\r", b" ") + b"}}"):
        return "newHandle" not in str(value.get("sessionResumptionUpdate")) or _is_harmless(value)
    return message is not None and message["params"]["message"] == _without_handle(value)


def _is_harmless(value):
    return not isinstance(value["sessionResumptionUpdate"], dict)


def _without_handle(value):
    out = dict(value)
    for name in ("sessionResumptionUpdate", "session_resumption_update"):
        if name in out:
            update = out[name] if isinstance(out[name], dict) else {}
            out[name] = {k: v for k, v in update.items() if k not in ("newHandle", "new_handle")}
    return out
