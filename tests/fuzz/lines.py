"""The campaign on stdin: all classes of lines for one process, and those that end it for one a batch."""

import json
from pathlib import Path

from tests.fuzz import strategies as s
from tests.fuzz.campaign import Tally, run
from tests.fuzz.child import Broken, Child, call
from tests.fuzz.schema import methods
from tests.fuzz.talk import Talk
from tests.process.host import Simulator

PARTS = {"edges": 0.22, "broken": 0.26, "typed": 0.26, "flood": 0.18, "raw": 0.07, "deep": 0.01}
"""Shares of the inputs, by class."""
ENDING_PART = 0.001
"""Of the inputs that may end the process: each batch of them starts one."""


class Service(Simulator):
    """A simulator for all processes of a campaign."""

    def sessions(self):
        return self._request("/state")["sessions"]


def campaign(folder: Path, inputs: int, number: int) -> tuple[dict[str, Tally], list[dict[str, int]]]:
    """Gives what came of each class, and the process's figures over the run.

    Raises:
        Broken: the process broke a promise.
    """
    sim = Service(folder, turns=[])
    talk = Talk(sim)
    try:
        found = methods(talk.document)
        strategies = {
            "edges": s.edges(),
            "broken": s.broken(found),
            "typed": s.typed(found),
            "flood": s.flood(found),
            "raw": s.raw(),
            "deep": s.deep(),
        }
        classes = {name: (strategies[name], round(inputs * part)) for name, part in PARTS.items()}
        tallies = run(classes, number, talk, lambda: Talk(sim))
        talk.finish()
        ending = {"ending": (s.ending(found), round(inputs * ENDING_PART))}
        tallies |= run(ending, number, Ends(), Ends)
    finally:
        talk.discard()
        sim.stop()
    return tallies, talk.samples


class Ends:
    """A process for each batch: it answers until it is told to end, and does so with code 0."""

    def batch(self, lines: list[bytes], tally: Tally) -> None:
        child = Child()
        try:
            self._converse(child, lines, tally)
        finally:
            child.discard()

    def _converse(self, child, lines, tally):
        child.say(b"".join(line + b"\n" for line in lines))
        tally.inputs += len(lines)
        if any(_says_exit(line) for line in lines):
            if code := child.code():
                raise Broken(f"`exit` ended in code {code}")
            return
        child.say(call("last", "ping"))
        while "last" not in str((message := child.hear()).get("id")):
            tally.answered += "id" in message
            if kind := message.get("error", {}).get("data", {}).get("kind"):
                tally.errors[kind] += 1
        if "result" not in message:
            raise Broken(f"ping was answered with {message}")
        if code := child.end():
            raise Broken(f"exit code {code}")

    def sample(self) -> None: ...
    def discard(self) -> None: ...


def _says_exit(line):
    """A notification `exit` whose params are none."""
    message = json.loads(line)
    return message["method"] == "exit" and "id" not in message and message["params"] == {}
