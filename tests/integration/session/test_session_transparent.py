"""Transparent resumption over real sockets: whose count of messages is whose."""

import json
from typing import Any

import msgspec

from sidecar.lifecycle import events as ev
from sidecar.lifecycle.settings import ResumptionOptions
from tests.integration.session.test_session_credentials import on_vertex


class Counting:
    """A service that answers each text, and names in a handle what the test tells it to.

    Args:
        forgets: it gives no handle of its own accord, so a lost line is a lost session.
    """

    def __init__(self, *, forgets: bool) -> None:
        self.forgets = forgets
        self.line: Any = None
        self.lines = 0
        self.heard: list[str] = []

    async def serve(self, connection: Any) -> None:
        self.line = connection
        self.lines += 1
        self.heard = []
        await connection.send(b'{"setupComplete": {}}')
        if not self.forgets:
            await self.hand(resumable=True)
        async for frame in connection:
            message = json.loads(frame)
            self.heard.append(next(iter(message)))
            if "realtimeInput" in message:
                await connection.send(b'{"serverContent": {"modelTurn": {"parts": [{"text": "Blue."}]}}}')
                await connection.send(b'{"serverContent": {"generationComplete": true}}')
                await connection.send(b'{"serverContent": {"turnComplete": true}}')

    async def first(self, connection: Any) -> None:
        await connection.recv()  # the setup
        await self.serve(connection)

    async def hand(self, *, resumable: bool, index: int | None = None) -> None:
        update: dict[str, Any] = {"newHandle": "h", "resumable": True} if resumable else {}
        if index is not None:
            update["lastConsumedClientMessageIndex"] = str(index)
        await self.line.send(msgspec.json.encode({"sessionResumptionUpdate": update}))


def transparent(url: str, **changes: Any) -> dict[str, Any]:
    given = on_vertex(url, **changes)
    given["setup"]["sessionResumption"] = {"transparent": True}
    return given


def numbers(talk: Any) -> list[int]:
    return [item.n for item in talk.session.core.outbox.unconfirmed]


async def test_the_seed_of_a_fresh_session_is_its_first_message(
    talks: Any, service: Any, settings: Any
) -> None:
    fake = Counting(forgets=True)
    async with service(fake.first, answer_setup=False) as url:
        reseeding = settings(resumption=ResumptionOptions(reseed=True))
        talk = await talks.open(url, **transparent(url, settings=reseeding))
        talk.session.send("realtimeInput", {"text": "Which colour?"}, 0)
        await talk.session.ping()
        fake.line.transport.abort()
        back = await talk.told(ev.Reconnected)
        assert back.state_restored == "reseeded"
        for n in (1, 2, 3):
            talk.session.send("realtimeInput", {"text": "And this?"}, n)
        await talk.session.ping()
        assert fake.heard[0] == "clientContent"
        before = numbers(talk)[0]
        await fake.hand(resumable=True, index=fake.heard.index("realtimeInput") + 1)  # up to the first text
        await talk.until(lambda: talk.session.core.outbox.indexes.told)
        assert numbers(talk) == list(range(before + 1, 4))


async def test_an_index_without_a_handle_to_resume_with_confirms_nothing(talks: Any, service: Any) -> None:
    fake = Counting(forgets=False)
    async with service(fake.first, answer_setup=False) as url:
        talk = await talks.open(url, **transparent(url))
        for n in range(3):
            talk.session.send("realtimeInput", {"text": "Which colour?"}, n)
        await talk.session.ping()
        await fake.hand(resumable=False, index=3)
        await talk.told(ev.HandleChanged, lambda event: not event.resumable)
        await talk.session.ping()
        assert numbers(talk) == [0, 1, 2]
        await fake.hand(resumable=True, index=2)
        await talk.until(lambda: talk.session.core.outbox.indexes.told)
        assert numbers(talk) == [2]
