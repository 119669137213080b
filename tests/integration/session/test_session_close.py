"""A close in every state: it ends in time, and nothing of the session lives on.

The service is another process, so that every descriptor, thread and task that is left is the session's.
"""

import asyncio
import contextlib
import json
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

import pytest

from sidecar.lifecycle import events as ev
from sidecar.lifecycle.states import Phase, State
from sidecar.session import sleep

FD_DIR = Path("/proc/self/fd")

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="counts descriptors in /proc")


@pytest.fixture(scope="module")
def simulator():
    """(url, command): a simulator of its own, and a way to command it."""
    with subprocess.Popen(
        [sys.executable, "-m", "sidecar", "simulate", "--port", "0"], stdout=subprocess.PIPE, text=True
    ) as process:
        listening = json.loads(process.stdout.readline())

        def command(**fault):
            request = urllib.request.Request(
                listening["control"] + "/fault", json.dumps(fault).encode(), method="POST"
            )
            with urllib.request.urlopen(request, timeout=5) as answer:
                return json.loads(answer.read())

        yield listening["url"], command
        process.terminate()


class Living:
    """What lives in this process now: descriptors, threads, tasks, timers."""

    def __init__(self):
        loop = asyncio.get_running_loop()
        self.descriptors = sorted(
            link for fd in FD_DIR.iterdir() if (link := _target(fd)).startswith("socket:")
        )
        self.threads = sorted(t.name for t in threading.enumerate() if t.name != "resolve")
        self.tasks = {task for task in asyncio.all_tasks() if not task.done()}
        self.timers = [h for h in loop._scheduled if not h.cancelled()]
        self.watched = loop in sleep._watches


def _target(fd):
    with contextlib.suppress(OSError):
        return str(fd.readlink())
    return ""


async def opening(talk, command):
    talk.session.start()


async def dialing(talk, command):
    talk.session.start()
    await talk.told(ev.StateChanged, lambda e: e.after[1] is Phase.DIALING)


async def handshaking(talk, command):
    talk.session.start()
    await talk.told(ev.StateChanged, lambda e: e.after[1] is Phase.HANDSHAKING)


async def setup(talk, command):
    command(do="hang")
    talk.session.start()
    await talk.told(ev.StateChanged, lambda e: e.after[1] is Phase.SETUP)


async def active(talk, command):
    await talk.session.connect()
    await talk.say(10)


async def draining(talk, command):
    await active(talk, command)
    talk.session.reconnect()
    assert talk.session.core.machine.phase is Phase.DRAINING


async def waiting(talk, command):
    await active(talk, command)
    command(do="cut")
    await talk.told(ev.StateChanged, lambda e: e.after[1] is Phase.WAITING)


async def reconnecting(talk, command):
    await waiting(talk, command)
    await talk.told(ev.StateChanged, lambda e: e.after == (State.RECONNECTING, Phase.HANDSHAKING))


async def suspended_just_now(talk, command):
    await active(talk, command)
    talk.session.suspend()


async def suspended(talk, command):
    await suspended_just_now(talk, command)
    await talk.until(lambda: talk.session.core.line is None)


async def suspended_while_dialing(talk, command):
    await dialing(talk, command)
    talk.session.suspend()


async def resumed_just_now(talk, command):
    await suspended_just_now(talk, command)
    talk.session.resume()


async def failed(talk, command):
    await active(talk, command)
    command(do="close", code=1007, reason="API key not valid. Please pass a valid API key.")
    await talk.told(ev.StateChanged, lambda e: e.after[0] is State.FAILED)


async def disconnecting(talk, command):
    await active(talk, command)
    talk.session.start_close()


async def closed(talk, command):
    await active(talk, command)
    await talk.session.close()


async def frozen(talk, command):
    await active(talk, command)
    command(do="freeze", forMs=1500)


SITUATIONS = [
    opening,
    dialing,
    handshaking,
    setup,
    active,
    draining,
    waiting,
    reconnecting,
    suspended_just_now,
    suspended,
    suspended_while_dialing,
    resumed_just_now,
    failed,
    disconnecting,
    closed,
    frozen,
]


@pytest.mark.parametrize("bring_about", SITUATIONS, ids=lambda f: f.__name__)
async def test_nothing_lives_on_after_a_close_while(bring_about, simulator, talks, settings):
    url, command = simulator
    before = Living()
    in_a_hurry = settings(deadlines={"close_s": 0.5, "drain_s": 0.2})
    talk = talks(url, settings=in_a_hurry)

    await bring_about(talk, command)
    async with asyncio.timeout(3.0):
        await asyncio.gather(talk.session.close(), talk.session.close())

    after = Living()
    assert talk.session.state is State.DISCONNECTED
    assert after.tasks - before.tasks == set()
    assert after.descriptors == before.descriptors
    assert after.threads == before.threads
    assert not after.watched
    own = [h for h in after.timers if "sidecar" in repr(h)]
    assert own == []


async def test_a_cancelled_open_leaves_nothing(simulator, talks):
    url, command = simulator
    before = Living()
    command(do="hang")
    talk = talks(url)
    opening_ = asyncio.ensure_future(talk.session.connect())
    await talk.told(ev.StateChanged, lambda e: e.after[1] is Phase.SETUP)
    opening_.cancel()
    await asyncio.wait([opening_])
    await talk.session.close()
    assert Living().descriptors == before.descriptors
