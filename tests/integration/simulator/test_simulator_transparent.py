"""Transparent resumption on Vertex: what was consumed is told, and the books judge the client's replay."""

import asyncio
import hashlib
import json
from typing import Any

import pytest

from sidecar.simulator import Script, Simulator
from sidecar.simulator.script import Turn

VERTEX = "/ws/google.cloud.aiplatform.v1beta1.LlmBidiService/BidiGenerateContent"
MODEL = "projects/p/locations/l/publishers/google/models/m"
SCRIPT = Script(turns=[], owner_grace_ms=0, refusal_delay_ms=10, index_every_ms=20, voice_activity=False)


def frame(number: int) -> dict[str, Any]:
    return {"realtimeInput": {"text": f"message {number}"}}


class Replayer:
    """A client of the mode."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.handle = ""

    async def open(self, handle: str | None = None) -> None:
        resumption = {"transparent": True} | ({"handle": handle} if handle else {})
        await self.client.send({"setup": {"model": MODEL, "sessionResumption": resumption}})
        assert "setupComplete" in await self.client.receive()
        assert await self.update() == 0

    async def update(self) -> int:
        """The next one. The index is a string, and absent at zero."""
        update = (await self.client.receive())["sessionResumptionUpdate"]
        assert update["resumable"] is True
        index = update.get("lastConsumedClientMessageIndex", "0")
        assert isinstance(index, str)
        self.handle = update["newHandle"]
        return int(index)

    async def say(self, *numbers: int) -> None:
        for number in numbers:
            await self.client.send(frame(number))

    async def told(self, index: int) -> None:
        while await self.update() != index:
            pass


@pytest.fixture
def replayer(dial: Any) -> Any:
    async def connect(sim: Simulator) -> Replayer:
        return Replayer(await dial(sim, VERTEX, key=None, headers={"Authorization": "Bearer b"}))

    return connect


async def test_messages_are_counted_from_one_on_each_connection_and_told_as_text(replayer: Any) -> None:
    async with Simulator(SCRIPT) as sim:
        first = await replayer(sim)
        await first.open()
        await first.say(0, 1, 2)
        await first.told(3)
        await first.say(3)
        await first.told(4)
        await sim.cut()
        second = await replayer(sim)
        await second.open(first.handle)
        await second.say(4, 5)
        await second.told(2)
        assert sim.sessions[0].texts == [f"message {n}" for n in range(6)]
        assert sim.sessions[0].messages.report() | {"sha256": ""} == {
            "taken": 6,
            "sha256": "",
            "lost": 0,
            "doubled": 0,
            "replaying": False,
        }


async def test_without_news_nothing_is_told(replayer: Any) -> None:
    async with Simulator(SCRIPT) as sim:
        client = await replayer(sim)
        await client.open()
        await client.say(0)
        await client.told(1)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.client.socket.recv(), 0.1)
        await client.say(1)
        await client.told(2)


@pytest.mark.parametrize(
    ("replay", "lost", "doubled"),
    [((3, 4, 5, 6, 7), 0, 0), ((5, 6, 7), 2, 0), ((2, 3, 4, 5, 6, 7), 0, 1), ((6, 7), 3, 0)],
)
async def test_a_resume_gives_back_what_came_after_and_the_replay_is_judged(
    replayer: Any, replay: tuple[int, ...], lost: int, doubled: int
) -> None:
    """Six messages are consumed; the client has the handle of the third, so three have to come again."""
    script = Script(turns=[], owner_grace_ms=0, index_every_ms=20)
    async with Simulator(script) as sim:
        first = await replayer(sim)
        await first.open()
        await first.say(0, 1, 2)
        await first.told(3)
        handle = first.handle
        await first.say(3, 4, 5)
        await first.client.confirm()
        assert sim.sessions[0].messages.position == 6
        await sim.cut()
        second = await replayer(sim)
        await second.open(handle)
        assert sim.sessions[0].texts == ["message 0", "message 1", "message 2"]
        await second.say(*replay)
        await second.client.confirm()
        books = sim.state()["sessions"][0]["messages"]
        assert (books["lost"], books["doubled"], books["replaying"]) == (lost, doubled, False)
        sent = [json.dumps(frame(n)).encode() for n in range(8)]
        digest = hashlib.sha256(b"".join(hashlib.sha256(text).digest() for text in sent)).hexdigest()
        assert (books["sha256"] == digest) is (lost == doubled == 0)


async def test_what_a_moment_brings_back_are_its_turns_and_calls_too(replayer: Any) -> None:
    script = Script(
        turns=[Turn(model="one", audio_ms=100), Turn(model="two", audio_ms=100)],
        owner_grace_ms=0,
        playback_rate=50,
        index_every_ms=60_000,
    )
    async with Simulator(script) as sim:
        first = await replayer(sim)
        await first.open()
        await first.say(0)
        await first.client.receive_until(lambda m: "turnComplete" in m.get("serverContent", {}))
        assert sim.sessions[0].turns_taken == 1
        await sim.cut()
        second = await replayer(sim)
        await second.open(first.handle)
        assert sim.sessions[0].turns_taken == 0
        await second.say(0)
        await second.client.receive_until(lambda m: "turnComplete" in m.get("serverContent", {}))
        assert (sim.sessions[0].turns_taken, sim.sessions[0].texts) == (1, ["message 0"])


async def test_the_developer_api_does_not_know_the_mode(dial: Any) -> None:
    async with Simulator(SCRIPT) as sim:
        client = await dial(sim)
        await client.send({"setup": {"model": "models/m", "sessionResumption": {"transparent": True}}})
        code, reason = await client.closed()
        assert (code, reason[:67]) == (
            1007,
            'Invalid JSON payload received. Unknown name "transparent" at \'setup',
        )
