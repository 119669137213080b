"""One life of a session, from its first connection to its close, with a seed that repeats it exactly."""

import asyncio
import gc
import logging
from collections import Counter
from dataclasses import dataclass, field
from random import Random

from sidecar.lifecycle.settings import OutboxLimits, Reconnect, ResumptionOptions, Settings
from sidecar.lifecycle.states import State
from sidecar.live.auth import ApiKey
from sidecar.live.endpoints import developer
from sidecar.observe.secret import Secret
from sidecar.session import Config, LiveSession, SessionFailed
from tests.soak import faults
from tests.soak.host import CHUNK_S, Host
from tests.soak.loop import VirtualLoop, virtual_loop
from tests.soak.watch import BACK_WITHIN_S, Watch
from tests.soak.world import World

SETTINGS = {
    "default": (8, Settings()),
    "small ring": (2, Settings(outbox=OutboxLimits(ring_s=10.0, max_messages=120))),
    "linear": (1, Settings(reconnect=Reconnect(backoff="linear", base_delay_s=0.5, jitter="proportional"))),
    "list": (1, Settings(reconnect=Reconnect(backoff="list", delays_s=(0.0, 1.0, 5.0), jitter="none"))),
    "no resumption": (1, Settings(resumption=ResumptionOptions(enabled=False))),
    "reseed": (1, Settings(resumption=ResumptionOptions(reseed=True))),
}
"""Each with its weight."""
PERMANENT = {
    "authentication": (1007, "API key not valid. Please pass a valid API key."),
    "accessDenied": (1008, "Your project has been denied access. Please contact support."),
    "billing": (1011, "Your prepayment credits are depleted."),
}
SETUP = {"model": "models/m", "generationConfig": {"responseModalities": ["AUDIO"]}}


@dataclass
class Life:
    """What a life came to. `hours`: simulated, on the session's clock; `objects`: what the garbage collector
    knows, in the middle of each quarter."""

    seed: str
    kind: str
    hours: float = 0.0
    broken: list[str] = field(default_factory=list)
    digest: str = ""
    faults: Counter[str] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)
    figures: Counter[str] = field(default_factory=Counter)
    longest_gap_s: float = 0.0
    ended: str = ""
    objects: list[int] = field(default_factory=list)


class _Errors(logging.Handler):
    """An error in the log is a defect, whatever else was told."""

    def __init__(self, broken: list[str]) -> None:
        super().__init__(logging.ERROR)
        self._broken = broken

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info:
            self._broken.append(f"logged: {record.getMessage()}: {record.exc_info[1]!r}")


class Lived:
    """The life itself.

    Args:
        busy_s: mean time between two bursts of speech, and between two acts of the host.
    """

    def __init__(
        self, loop: VirtualLoop, seed: str, hours: float, busy_s: float, *, calm: bool = False
    ) -> None:
        self.chance = chance = Random(seed)
        self.kind = chance.choices(list(SETTINGS), [weight for weight, _ in SETTINGS.values()])[0]
        loop.has_boot_clock = chance.random() < 0.8
        self.loop, self.hours, self.busy_s = loop, hours, busy_s
        self.world = World(loop, seed, int(CHUNK_S * 1e6))
        self.host = Host(self.world, Random(f"{seed} host"), busy_s)
        self.watch = Watch(self.world, self.host)
        self.result = Life(seed, self.kind)
        self._troubled = not calm

    async def run(self) -> Life:
        host, watch, world = self.host, self.watch, self.world
        endpoint = developer("ws://127.0.0.1:9", "v1beta")
        config = Config(endpoint, ApiKey(Secret("a-key-for-tests")), SETUP, SETTINGS[self.kind][1])
        session = LiveSession(config, watch.told, uniform=Random(f"{self.result.seed} jitter").random)
        session.on(None, host.told)
        host.session = watch.session = session
        host.ask("connect", _connect(session))
        host.begin()
        watch.begin()
        world.later(1.0, self._trouble)
        for _ in range(4):
            await asyncio.sleep(self.hours * 900)
            gc.collect()
            self.result.objects.append(len(gc.get_objects()))
        await self._get_well()
        await self._end()
        self._sum_up()
        return self.result

    def _trouble(self) -> None:
        """The next fault, rather while somebody speaks."""
        if not self._troubled:
            return
        chance, wait_s = self.chance, self.busy_s
        if self.host.speaking or chance.random() < 0.1:
            self.result.faults[faults.happen(self.world, chance, self.host)] += 1
        else:
            wait_s = self.busy_s / 10
        self.world.later(chance.expovariate(1 / wait_s), self._trouble)

    async def _get_well(self) -> None:
        """Everything works again: sooner or later every session is connected."""
        self._troubled, host = False, self.host
        session = host.session
        await asyncio.sleep(150.0)  # what was begun comes to its end
        self.world.heal()
        host.ended = True
        if session.state is State.FAILED:
            session.reconnect()
        session.system_resume()
        if session.state is State.SUSPENDED:
            session.resume()
        host.resting = False
        await asyncio.sleep(BACK_WITHIN_S)
        if session.state is not State.CONNECTED:
            self.watch._break(f"{session.state.value} {BACK_WITHIN_S:.0f} s after everything was healed")
        await asyncio.sleep(60.0)
        if not session.core.outbox.idle:
            self.watch._break("connected for a minute, and messages are still kept")

    async def _end(self) -> None:
        """Closed as it is, in the middle of an attempt, or after a fault that lasts."""
        session, watch, chance = self.host.session, self.watch, self.chance
        lot = chance.random()
        if lot < 0.3:
            watch.permanent = chance.choice(list(PERMANENT))
            self.world.weather.set("setup", PERMANENT[watch.permanent], 1e6)
            faults.cut(self.world, chance)
            await asyncio.sleep(BACK_WITHIN_S)
            if session.state is not State.FAILED:
                watch._break(f"{session.state.value} after {watch.permanent}")
        elif lot < 0.6:
            faults.happen(self.world, chance, self.host)
            await asyncio.sleep(chance.choice([0.0, 0.04, 1.0, 2.0, 30.0]))
        self.result.ended = session.state.value
        watch.end()
        began = self.loop.time()
        self.host.ask("close", session.close())
        self.host.ask("close", session.close())
        await session.close()
        if self.loop.time() - began > 4.0:
            watch._break(f"the close took {self.loop.time() - began:.1f} s")
        await asyncio.sleep(200.0)
        watch.closed()

    def _sum_up(self) -> None:
        result, stats, ledger = self.result, self.host.session.core.stats, self.world.ledger
        result.hours = self.loop.time() / 3600
        result.broken = self.watch.broken
        result.digest = self.watch.digest.hexdigest()
        result.calls = self.host.calls
        result.longest_gap_s = self.watch.longest_gap_s
        result.figures.update(
            dials=stats.attempts, connects=stats.connected, losses=stats.losses, moves=stats.hand_overs,
            resumed=stats.resumes_ok, fresh=stats.fresh, said=ledger.accepted_audio, told=ledger.dropped_audio,
            lost=ledger.lost_audio(), doubled=ledger.doubled_audio, overruns=self.world.service.overruns,
            refused=self.world.service.refused_resumes, sleeps=stats.sleeps,
        )  # fmt: skip


async def _connect(session: LiveSession) -> None:
    try:
        await session.connect()
    except SessionFailed as exc:
        raise TimeoutError from exc


def live(seed: str, hours: float, busy_s: float = 600.0, *, calm: bool = False) -> Life:
    """A whole life, on a loop of its own; `calm`: nothing goes wrong in it, but perhaps at its very end."""
    errors: list[str] = []
    handler, logger = _Errors(errors), logging.getLogger()
    logger.addHandler(handler)
    try:
        with virtual_loop() as loop:
            lived = Lived(loop, seed, hours, busy_s, calm=calm)
            with lived.world.in_place():
                try:
                    result = loop.run_until_complete(lived.run())
                except Exception as exc:
                    result = lived.result
                    result.broken = [*lived.watch.broken, f"at {loop.time():.3f} s: {exc!r}"]
    finally:
        logger.removeHandler(handler)
    result.broken += errors
    return result
