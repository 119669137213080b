"""One scenario, run and measured: a sidecar, a service, and what stands between them."""

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.chaos import clock, net
from tests.chaos.host import Host, SidecarEnded
from tests.chaos.judge import Promise, Row, account, unbalanced
from tests.chaos.proxy import FaultProxy
from tests.chaos.service import Service

STORY = {"user": "Tell me.", "model": "A long story.", "audioMs": 600_000}
DRAIN_MS = 40_000

NEEDS = {"netns": net.missing, "iptables": net.missing_iptables, "clock": clock.missing}


@dataclass(frozen=True)
class Scenario:
    """A row of the table."""

    name: str
    does: Callable
    promise: Promise
    settings: dict = field(default_factory=dict)
    script: dict = field(default_factory=dict)
    needs: tuple = ()
    """Of NEEDS. With `netns` there is a link between namespaces, and no proxy."""
    opens: bool = True
    """The session is opened, and the user speaks, before `does` begins."""
    names: bool = False
    """The service is found by a name."""
    tls: bool = False
    """The service speaks TLS, and what is torn or spoiled is a TLS record."""
    short: bool = False

    def missing(self):
        """Why it cannot run here, or None."""
        return next((reason for need in self.needs if (reason := NEEDS[need]())), None)


class World:
    """What a scenario acts upon."""

    def __init__(self, scenario):
        self.scenario = scenario
        self.row = Row(scenario.name)
        self.host = self.service = self.proxy = self.link = self.clock = None
        self.url = ""
        self._marks = []
        self._reconnects_before = 0
        self._opened = False

    async def build(self, stack):
        scenario = self.scenario
        near, far, address = (), (), "127.0.0.1"
        if "netns" in scenario.needs or "iptables" in scenario.needs:
            self.link = net.Link()
            stack.callback(self.link.remove)
            near, far, address = (
                self.link.within(self.link.near),
                self.link.within(self.link.far),
                net.SERVICE,
            )
            if scenario.names:
                self.link.serve_names()
        if "clock" in scenario.needs:
            self.clock = clock.Clock()
            stack.callback(self.clock.remove)
        script = {"turns": [STORY]} | scenario.script
        self.service = await Service.start(script, far, address, tls=scenario.tls)
        stack.push_async_callback(self.service.end)
        self.url = self.service.url
        if self.link is None:
            self.proxy = await stack.enter_async_context(FaultProxy(self.service.address))
            self.url = self.proxy.url.replace("ws://", "wss://") if scenario.tls else self.proxy.url
        elif scenario.names:
            self.url = self.url.replace(net.SERVICE, net.NAME)
        self.host = await Host.start(near, self.clock and self.clock.env, seed=scenario.name)
        stack.push_async_callback(self._end_host)

    async def _end_host(self):
        code = await self.host.end()
        if code != 0 and not self.row.crash:
            self.row.crash = f"exit code {code}"
        if "Traceback" in self.host.errors:
            self.row.crash = self.host.errors[-600:]

    # --- for the scenarios

    def begin_open(self):
        return self.host.begin_open(self.url, self.scenario.settings, self.service.ca)

    async def connect(self):
        """Opens the session; nobody speaks."""
        answer = await self.host.answer(self.begin_open(), 40)
        assert "result" in answer, answer
        self._opened = True
        self.row.rss_before_mb = self.row.rss_before_mb or self.host.rss_mb()

    async def open(self):
        """Opens the session; the user begins to speak, and is heard."""
        await self.connect()
        self.host.speak()
        await self.confirmed()
        self.row.rss_before_mb = self.host.rss_mb()

    async def confirmed(self, within_s=60):
        """All that was said until now has arrived, the sidecar says."""
        through = len(self.host.said)

        def reached():
            queues = self.host.notes("session/queue")
            return bool(queues) and queues[-1].get("confirmedThrough", -1) >= through

        await self.host.until(reached, within_s, f"chunk {through} to be confirmed")

    def mark(self):
        """A fault happens now."""
        self.row.faults += 1
        self._marks.append(time.monotonic())
        self._reconnects_before = len(self.host.notes("session/reconnected"))

    async def back(self, within_s=20):
        """After a fault that costs the connection: there is a new one, and it carries what is said."""
        before = self._reconnects_before
        await self.host.until(
            lambda: len(self.host.notes("session/reconnected")) > before, within_s, "a new connection"
        )
        await self.confirmed(max(within_s, 60))
        self.row.recovered += 1

    async def still(self, within_s=30):
        """After a fault that should cost nothing, or may: the session carries what is said."""
        await self.confirmed(within_s)
        self.row.recovered += self.host.state()[0] == "connected"

    async def ended(self, within_s):
        """The session gave up."""
        await self.host.until(lambda: self.host.state()[0] == "failed", within_s, "the session to give up")

    def expect(self, kept, text):
        """A promise of this scenario alone."""
        if not kept:
            self.row.notes.append(text)

    async def close(self):
        """Ends the session, and books it."""
        await self.host.hush()
        state, kind = self.host.state()
        self.row.ends = state if kind is None or state != "failed" else f"{state}: {kind}"
        self.row.rss_after_mb = self.host.rss_mb()
        closed = await self.host.ask("session/close", DRAIN_MS / 1000 + 10, sessionId="s1", drainMs=DRAIN_MS)
        self.row.presumed_ms = closed["queue"]["presumedMs"]
        self.row.books += unbalanced(closed["queue"], 20 * len(self.host.said))
        self._opened = False

    async def finish(self):
        """Closes what is open, and fills the row from what both ends say."""
        if self._opened:
            await self.close()
        heard = self.host.heard
        self.row.kinds |= {
            params["error"]["kind"] for _, _, params in heard if isinstance(params.get("error"), dict)
        } | {f"reason: {params['reason']}" for _, name, params in heard if name == "session/reconnecting"}
        planned_s = None
        for at_s, name, params in heard:
            if name == "session/reconnecting" and params["planned"]:
                planned_s = planned_s or at_s
            if name == "session/reconnected":
                since_s = planned_s or max((m for m in self._marks if m <= at_s), default=at_s)
                planned_s = None
                self.row.gaps_s.append(at_s - since_s)
                self.row.restored.add(params["stateRestored"])
        self.row.reconnects = len(self.row.gaps_s)
        await self._count_audio()

    async def _count_audio(self):
        state = await self.service.state()
        received = [
            await self.service.audio(connection["session"], connection["connection"])
            for connection in state["connections"]
            if connection["session"] is not None
        ]
        dropped = [
            (note["fromN"], note["throughN"])
            for note in self.host.notes("session/dropped", kind="audio")
            if "fromN" in note
        ]
        for name, value in account(self.host.said, received, dropped).items():
            setattr(self.row, name, value)


async def run(scenario):
    """Runs one scenario and returns its row. A failure of its own is in `notes`."""
    world = World(scenario)
    try:
        async with contextlib.AsyncExitStack() as stack:
            await world.build(stack)
            try:
                if scenario.opens:
                    await world.open()
                await scenario.does(world)
                await world.finish()
            except SidecarEnded as error:
                world.row.crash = f"{error}; {world.host.errors[-600:]}"
            except Exception as error:
                state = world.host.state()
                world.row.notes.append(f"{type(error).__name__}: {error}; the session is {state}")
    except Exception as error:
        world.row.notes.append(f"the scenario could not run: {error}")
    return world.row
