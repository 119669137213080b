"""The fixtures of the session's tests over real sockets, and a stage on virtual time where time matters."""

import asyncio
from collections.abc import Callable, Coroutine
from random import Random
from typing import Any

import pytest

from sidecar.lifecycle.settings import Settings
from sidecar.lifecycle.states import State
from sidecar.live.auth import ApiKey
from sidecar.live.endpoints import developer
from sidecar.observe.secret import Secret
from sidecar.session import Config, LiveSession
from tests.integration.session.conftest import fast, service, settings, talks  # noqa: F401
from tests.soak import faults
from tests.soak.life import SETUP
from tests.soak.loop import VirtualLoop, virtual_loop
from tests.soak.world import World


class Stage:
    """A session in a world of its own. Attributes: `events`: all that was told."""

    def __init__(self, loop: VirtualLoop, session_settings: Settings) -> None:
        self.loop = loop
        self.world = World(loop, "stage", 200_000)
        self.events: list[Any] = []
        config = Config(
            developer("ws://127.0.0.1:9", "v1beta"),
            ApiKey(Secret("a-key-for-tests")),
            SETUP,
            session_settings,
        )
        with self.world.in_place():
            self.session = LiveSession(config, self.events.append, uniform=lambda: 0.5)

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    def cut(self) -> None:
        faults.cut(self.world, Random(1))

    async def reach(self, state: State, within_s: float) -> float:
        """Returns how long it took, in simulated seconds."""
        began = self.loop.time()
        await self.session.wait_for([state], within_s)
        return self.loop.time() - began

    async def pass_time(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


@pytest.fixture
def on_stage() -> Callable[..., None]:
    """`on_stage(scenario, settings)` plays `scenario(stage)` and closes the session; nothing of it may be left."""

    def play(
        scenario: Callable[[Stage], Coroutine[Any, Any, None]], session_settings: Settings | None = None
    ) -> None:
        async def whole() -> None:
            stage = Stage(loop, session_settings or Settings())
            with stage.world.in_place():
                await scenario(stage)
                await stage.session.close()
                await asyncio.sleep(2.0)
                assert stage.world.live is None
                assert [*stage.world.broken, *stage.world.service.broken, *loop.failures] == []

        with virtual_loop() as loop:
            loop.run_until_complete(whole())

    return play
