"""The app: speaks in bursts, writes, answers tool calls, and does whatever an app may do with its session."""

import asyncio
import base64
from collections import Counter
from collections.abc import Coroutine
from random import Random
from typing import Any

import msgspec

from sidecar.lifecycle import events as ev
from sidecar.lifecycle.settings import STRICT
from sidecar.live.outgoing import InvalidMessage
from sidecar.live.turns import ToolCall
from sidecar.session import LiveSession
from sidecar.session.audience import WrongState
from sidecar.session.session import OutboxFull
from tests.soak.world import World

CHUNK_S = 0.2
RATES_HZ = {1_000: 9, 16_000: 1}
"""Few bytes mostly, to save time; as many as real speech has sometimes, to fill buffers."""


class Host:
    """
    Attributes:
        calls: how many there were of each kind and outcome.
        resting: the host itself wants no connection now.
        speaking: a burst is under way.
    """

    def __init__(self, world: World, chance: Random, busy_s: float) -> None:
        self.world, self.chance = world, chance
        self.session: LiveSession
        self.busy_s = busy_s
        self.calls: Counter[str] = Counter()
        self.broken: list[str] = []
        self.resting = self.speaking = self.ended = False
        rate = chance.choices(list(RATES_HZ), list(RATES_HZ.values()))[0]
        self._mime = f"audio/pcm;rate={rate}"
        self._filling = bytes(int(rate * CHUNK_S) * 2 - 8)
        self._pending: dict[asyncio.Task[Any], tuple[str, float]] = {}

    def begin(self) -> None:
        self._soon(self.busy_s, self._speak)
        self._soon(self.busy_s, self._act)

    def _soon(self, mean_s: float, do: Any) -> None:
        self.world.later(self.chance.expovariate(1 / mean_s), do)

    # --- speaking ---------------------------------------------------------------------------------

    def _speak(self) -> None:
        if self.ended:
            return
        self.speaking = True
        self._chunk(self.chance.randrange(10, 250))

    def _chunk(self, left: int) -> None:
        if self.ended or left == 0:
            self.speaking = False
            if not self.ended:
                self._finish_burst()
            return
        n = self.world.ledger.offer(audio=True)
        data = base64.b64encode(n.to_bytes(8, "big") + self._filling).decode()
        self._offer(n, lambda: self.session.send_audio(n, data, self._mime))
        self.world.later(CHUNK_S, self._chunk, left - 1)

    def _finish_burst(self) -> None:
        if self.chance.random() < 0.5:
            self._try(lambda: self.session.send("realtimeInput", {"audioStreamEnd": True}))
        if self.chance.random() < 0.5:
            self._write()
        self._soon(self.busy_s, self._speak)

    def _write(self) -> None:
        n = self.world.ledger.offer(audio=False)
        self._offer(n, lambda: self.session.send("realtimeInput", {"text": str(n)}, n))

    def _offer(self, n: int, send: Any) -> None:
        ledger = self.world.ledger
        ledger.accepted(n)  # before it is: what becomes of it may be told meanwhile
        if not self._try(send):
            ledger.refused(n)

    def _try(self, send: Any) -> bool:
        try:
            send()
        except (OutboxFull, WrongState, InvalidMessage) as exc:
            self.calls[f"refused: {type(exc).__name__}"] += 1
            return False
        return True

    def _answer(self, call: ToolCall) -> None:
        if not self.ended:
            n = self.world.ledger.offer(audio=False)
            response = {"id": call.id, "name": call.name, "response": {"n": n}}
            self._offer(n, lambda: self.session.send("toolResponse", {"functionResponses": [response]}, n))

    # --- being told -------------------------------------------------------------------------------

    def told(self, event: Any) -> None:
        """Of what it is told a host makes calls, at once or later; or it takes its time."""
        if isinstance(event, ToolCall):
            self._soon(3.0, lambda: self._answer(event))
        elif self.ended:
            return
        elif isinstance(event, ev.Failure) and event.fatal:
            revive = self.chance.choice(["reconnect", "network_is_back"])
            self._soon(60.0, lambda: self.do(revive))
            self.world.later(300.0, self.do, "reconnect")
        elif isinstance(event, ev.StateChanged | ev.Reconnecting) and (lot := self.chance.random()) < 0.03:
            if lot < 0.01:
                self.world.loop.block(self.chance.uniform(0.1, 6.0))
                self.calls["slow host"] += 1
            else:
                self._act_now()

    # --- doing ------------------------------------------------------------------------------------

    def _act(self) -> None:
        if not self.ended:
            self._act_now()
            self._soon(self.busy_s, self._act)

    def _act_now(self) -> None:
        self.do(self.chance.choices(list(ACTS), list(ACTS.values()))[0])

    def do(self, act: str) -> None:
        """One call of a session's methods. `WrongState` is an answer too."""
        if self.ended:
            return
        try:
            _DO[act](self)
        except WrongState:
            self.calls[f"{act}: WrongState"] += 1
        else:
            self.calls[act] += 1

    def rest(self) -> None:
        self.session.suspend()
        self.resting = True
        self._soon(self.busy_s / 4, lambda: self.do("resume"))

    def resume(self) -> None:
        self.session.resume()
        self.resting = False

    def reconnect(self) -> None:
        self.session.reconnect()
        self.resting = False

    def hurry(self) -> None:
        """Strict liveness for some minutes, and back."""
        self.session.configure(msgspec.structs.replace(self.session.config.settings, heartbeat=STRICT))
        self._soon(90.0, lambda: self.do("calm_down"))

    def system_suspend(self) -> None:
        self.session.system_suspend()
        self.world.later(30.0, self.do, "system_resume")  # in the end it says so

    # --- calls that wait --------------------------------------------------------------------------

    def ask(self, name: str, call: Coroutine[Any, Any, Any]) -> None:
        """A call that is answered later: exactly once, by a value or a known error."""
        task = self.world.loop.create_task(call)
        self._pending[task] = (name, self._awake_s())
        task.add_done_callback(self._answered)

    def _answered(self, task: asyncio.Task[Any]) -> None:
        name, _ = self._pending.pop(task)
        exc = None if task.cancelled() else task.exception()
        if task.cancelled() or not isinstance(exc, WrongState | TimeoutError | None):
            self.broken.append(f"{name} was answered with {exc!r}")
        self.calls[f"{name}: {type(exc).__name__ if exc else 'value'}"] += 1

    def overdue(self, limit_s: float) -> list[str]:
        """Calls that nobody answered for so long."""
        now = self._awake_s()
        return [name for name, since in self._pending.values() if now - since > limit_s]

    def _awake_s(self) -> float:
        """Time in which the loop could answer."""
        return self.world.loop.time() - self.world.loop.blocked_s

    @property
    def pending(self) -> list[str]:
        return [name for name, _ in self._pending.values()]


ACTS = {
    "ping": 6, "wait": 4, "settled": 2, "reconnect": 2, "rest": 2, "network_is_back": 2, "network_gone": 1,
    "new_address": 2, "hurry": 2, "block": 3, "system_suspend": 1, "write": 4,
}  # fmt: skip
"""What a host does now and then, with weights."""
_DO: dict[str, Any] = {
    "ping": lambda host: host.ask("ping", host.session.ping()),
    "wait": lambda host: host.ask("wait", host.session.wait_for(["failed", "suspended"], 40.0)),
    "settled": lambda host: host.ask("settled", host.session.settled()),
    "reconnect": Host.reconnect,
    "rest": Host.rest,
    "resume": Host.resume,
    "network_is_back": lambda host: host.session.network_changed(online=True),
    "network_gone": lambda host: host.session.network_changed(online=False),
    "new_address": lambda host: host.session.network_changed(online=True, address_changed=True),
    "hurry": Host.hurry,
    "calm_down": lambda host: host.session.configure(host.session.config.settings),
    "block": lambda host: host.world.loop.block(host.chance.uniform(0.3, 5.0)),
    "system_suspend": Host.system_suspend,
    "system_resume": lambda host: host.session.system_resume(),
    "write": Host._write,
}
