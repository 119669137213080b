"""The sidecar with one defect, named by the first argument: what judges it must find it."""

import itertools
import os
import sys
import time

from sidecar.__main__ import main
from sidecar.rpc.server import Server
from sidecar.rpc.sessions import Sessions
from sidecar.session.driver import Driver

_kept = []


def _now_and_then(owner, name, act, every=150):
    """Calls `act(method, *arguments)` in place of the method, now and then."""
    method, calls = getattr(owner, name), itertools.count(1)

    def faulty(*arguments, **named):
        if next(calls) % every == 0:
            return act(method, *arguments, **named)
        return method(*arguments, **named)

    setattr(owner, name, faulty)


def _also(effect):
    """The method, and something else."""

    def act(method, *arguments, **named):
        effect(*arguments)
        return method(*arguments, **named)

    return act


def _nothing(*_, **__):
    pass


def _unanswered(method, self, call_id, *rest):
    if str(call_id).startswith("fuzz/"):  # else it would look like a hang
        method(self, call_id, *rest)


def _twice(method, *arguments, **named):
    method(*arguments, **named)
    return method(*arguments, **named)


def _nameless(method, self, call_id, outcome, queue):
    if "error" in outcome:
        outcome["error"]["data"].kind = ""
    method(self, call_id, outcome, queue)


def _leave_beside(method, self, params):
    self._entries["beside"].session.reconnect()
    return method(self, params)


ANSWER, LINE, FRAME = (Server, "_answer_line"), (Server, "line"), (Driver, "line_message")
DEFECTS = {
    "unanswered": (*ANSWER, _unanswered),
    "answeredTwice": (*ANSWER, _twice),
    "errorWithoutKind": (*ANSWER, _nameless),
    "hang": (*LINE, _also(lambda *_: time.sleep(60))),
    "crash": (*LINE, lambda *_: os._exit(3)),
    "strayOutput": (*LINE, _also(lambda self, _: self._writer._write(b"here I am\n"))),
    "secretOnStderr": (*LINE, _also(lambda *_: os.write(2, b"canary-9a31e7-of-a-key\n"))),
    "disturbed": (Sessions, "all", _leave_beside, 10),
    "descriptorLeak": (*LINE, _also(lambda *_: os.dup(2))),
    "memoryLeak": (*LINE, _also(lambda *_: _kept.append(b"x" * 2**20))),
    "audioLost": (Sessions, "send_audio", _nothing),
    "neighbourDisturbed": (
        Sessions,
        "send_audio",
        _also(lambda self, _: self._entries["s0"].session.reconnect()),
    ),
    "frameLost": (*FRAME, _nothing),
    "frameTwice": (*FRAME, _twice),
    "frameLeak": (*FRAME, _also(lambda *_: os.dup(2))),
}

if __name__ == "__main__":
    _now_and_then(*DEFECTS[sys.argv.pop(1)])
    main()
