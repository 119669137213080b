"""The scenarios of the simulator, as they are shipped, lived through by a session: all at once, in real time."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from sidecar.lifecycle import events as ev
from sidecar.live.auth import Asked, Token
from sidecar.live.endpoints import vertex
from sidecar.live.turns import ToolCall
from sidecar.observe.secret import Secret
from sidecar.session import SessionFailed, WrongState
from sidecar.simulator import Simulator, scenarios

SLOW_S = 30.0
"""For the longest of them, on a busy machine."""
LOST = ["connecting", "connected", "reconnecting", "connected"]
CALM = ["connecting", "connected"]


@dataclass(frozen=True)
class Row:
    """What a session is to see of a scenario, and what the simulator's `/state` is to show of it.

    Attributes:
        kinds: of the faults that it was told, each once, in order.
        closes: the close code of every connection; 1011 in a row counts once.
        heard: "all": one session has every millisecond; "shared": two have it together; "": not asked.
    """

    live: Callable[[Any, Simulator], Awaitable[None]]
    states: list[str] = field(default_factory=LOST.copy)
    restored: list[str] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    closes: list[int | None] = field(default_factory=list)
    refused: frozenset[str] = frozenset()
    heard: str = "all"
    settings: dict[str, Any] = field(default_factory=dict)
    changes: Callable[[str], dict[str, Any]] = lambda url: {}


# --- how it is lived through ----------------------------------------------------------------------


def losing(times: int, chunks: int = 200) -> Callable[[Any, Simulator], Awaitable[None]]:
    """Speaks, and waits until the line was lost and restored so often."""

    async def live(talk: Any, sim: Simulator) -> None:
        await talk.session.connect()
        await talk.say(chunks)
        await talk.until(lambda: len(talk.of(ev.Reconnected)) >= times, SLOW_S)
        await talk.say(20)

    return live


async def failing(talk: Any, sim: Simulator) -> None:
    with contextlib.suppress(SessionFailed, WrongState):  # WrongState: it failed while it spoke
        await talk.session.connect()
        await talk.say(200)
    await talk.until(lambda: any(event.fatal for event in talk.of(ev.Failure)), SLOW_S)
    await sim.wait_for(lambda: all(connection.close_code for connection in sim.connections), SLOW_S)


async def told_early(talk: Any, sim: Simulator) -> None:
    await talk.session.connect()
    told = await talk.told(ev.GoAwayReceived)
    assert told.time_left_s == 300
    await talk.say(200)


async def silent_for_a_while(talk: Any, sim: Simulator) -> None:
    await talk.session.connect()
    await talk.say(75)
    late = lambda: [e for e in talk.of(ev.HealthChanged) if (e.rtt_s or 0) >= 8]  # noqa: E731
    await talk.until(late, SLOW_S)
    await talk.say(20)


async def asking_a_tool(talk: Any, sim: Simulator) -> None:
    await talk.session.connect()
    await talk.say(100)
    await talk.say(30, amplitude=20)
    call = await talk.told(ToolCall)
    await talk.say(130, amplitude=20)
    await talk.until(lambda: talk.of(ev.Reconnected), SLOW_S)
    assert sim.state()["sessions"][0]["pendingToolCalls"] == [call.id]
    response = {"id": call.id, "name": call.name, "response": {"sky": "blue"}}
    talk.session.send("toolResponse", {"functionResponses": [response]})
    await sim.wait_for(lambda: sim.state()["sessions"][0]["pendingToolCalls"] == [], SLOW_S)


async def unanswered(talk: Any, sim: Simulator) -> None:
    await talk.session.connect()
    await talk.say(60)
    await sim.wait_for(lambda: sim.faults_done, SLOW_S)
    sent = sim.state()["connections"][0]["messagesSent"]
    talk.session.send("realtimeInput", {"text": "Are you there?"})
    await talk.told(ev.Stalled)
    assert sim.state()["connections"][0]["messagesSent"] == sent


def on_vertex(url: str) -> dict[str, Any]:
    """A host that gives another token each time it is asked."""

    class Source:
        secrets = ()
        asked = 0

        async def token(self, reason: str) -> Token:
            self.asked += 1
            return Token(Secret(f"token-{self.asked}"))

    model = "projects/p/locations/us-central1/publishers/google/models/m"
    setup = {"model": model, "generationConfig": {"responseModalities": ["AUDIO"]}}
    return {"endpoint": vertex("us-central1", "v1beta1", url), "setup": setup, "auth": Asked(Source())}


# --- what comes of it -----------------------------------------------------------------------------

CUTS_OF_THE_TRAIN = ["cut", "unreachable", "cut", "cut", "unreachable", "cut"]
SOON = {"hand_over": {"retry_delay_s": 0.2}}

OUTCOMES: dict[str, list[Row]] = {
    "laptop-sleep": [
        Row(losing(1), restored=["fresh"], kinds=["lineLost", "connectionRefused", "handleExpired"],
            done=["freeze", "unreachable", "refuseSetup"], closes=[1006, 1008, None], heard="shared"),
    ],
    "wifi-switch": [
        Row(losing(1), restored=["fresh"], kinds=["lineLost", "serviceError"], done=["networkSwitch"],
            closes=[1006, 1011, None], heard="shared", settings=SOON),
    ],
    "ten-minute-limit": [
        Row(losing(1), restored=["resumed"], closes=[1000, 1011, None], settings=SOON),
    ],
    "early-go-away": [Row(told_early, states=CALM, closes=[None])],
    "58-minutes": [Row(losing(1), restored=["resumed"], kinds=["deadlineExpired", "serviceError"], closes=[1011, None])],
    "quota": [
        Row(losing(1), restored=["resumed"], kinds=["quotaExceeded"], done=["refuseSetup", "close"],
            closes=[1011, None], settings={"reconnect": {"slow_lane_s": 11.0}}),
    ],
    "service-outage": [
        Row(losing(1), restored=["resumed"], kinds=["serviceUnavailable"], done=["refuse", "close"],
            closes=[1011, None], refused=frozenset({"503"})),
    ],
    "offline": [
        Row(losing(1), restored=["resumed"], kinds=["lineLost", "connectionRefused"],
            done=["unreachable", "cut"], closes=[1006, None]),
    ],
    "slow-pongs": [Row(silent_for_a_while, states=CALM, done=["slowPongs"], closes=[None])],
    "frozen-line": [
        Row(losing(1), restored=["fresh"], kinds=["lineSilent", "serviceError"], done=["freeze"],
            closes=[None, 1011, None], heard="shared",
            settings={**SOON, "heartbeat": {"suspect_after_s": 1.0, "dead_after_s": 1.5}}),
    ],
    "bad-key": [
        Row(failing, states=["connecting", "failed"], kinds=["authentication"], closes=[1007], heard=""),
        Row(failing, states=["connecting", "failed"], kinds=["authentication"], refused=frozenset({"401"}),
            heard="", changes=on_vertex),
    ],
    "expired-token": [
        Row(losing(1), restored=["resumed"], kinds=["tokenExpired", "serviceError"], done=["close"], closes=[1011, None],
            changes=on_vertex),
        Row(failing, states=[*CALM, "failed"], kinds=["tokenExpired"], done=["close"], closes=[1011], heard=""),
    ],
    "flaky-train": [
        Row(losing(4, chunks=800), states=LOST[:2] + LOST[2:] * 4, restored=["resumed"] * 4,
            settings={"hand_over": {"first_delay_s": 1.1}},  # as by default: no resume comes too early
            done=CUTS_OF_THE_TRAIN),
    ],
    "tool-call-over-a-cut": [
        Row(asking_a_tool, restored=["resumed"], done=["cut"]),
    ],
    "never-answers": [Row(unanswered, states=CALM, done=["stall"], closes=[None], settings={"stall": {"after_s": 1.0}})],
}  # fmt: skip


async def outcome(name: str, row: Row, talks: Any, settings: Any) -> None:
    """Lives through a scenario and checks it. Raises AssertionError or TimeoutError."""
    script = scenarios.load(name)
    assert script.description
    async with Simulator(script) as sim:
        talk = talks(sim.url, settings=settings(**row.settings), **row.changes(sim.url))
        try:
            await lived(name, row, talk, sim)
        finally:
            await talk.session.close()


async def lived(name: str, row: Row, talk: Any, sim: Simulator) -> None:
    await row.live(talk, sim)
    if row.heard == "all":
        await talk.all_heard(sim)
        assert len(sim.sessions) == 1
    elif row.heard == "shared":
        await sim.wait_for(lambda: sim.audio(2).endswith(talk.said[-640:]), SLOW_S)
        old, new = sim.audio(1), sim.audio(2)
        assert talk.said.startswith(old)
        assert talk.said.endswith(new)
        assert len(old) + len(new) >= len(talk.said)
        assert [event for event in talk.of(ev.Dropped) if event.drop.kind == "audio"] == []

    assert talk.states() == row.states
    assert [event.state_restored for event in talk.of(ev.Reconnected)] == row.restored
    if row.kinds or not row.restored:
        assert list(dict.fromkeys(event.fault.kind for event in talk.of(ev.Failure))) == row.kinds
    state = sim.state()
    assert sorted(fault["do"] for fault in state["faults"]["done"]) == sorted(row.done)
    assert state["faults"]["pending"] == []
    assert frozenset(state["upgradesRefused"]) == row.refused
    codes = [connection["closeCode"] for connection in state["connections"]]
    if row.closes:
        assert [
            code for i, code in enumerate(codes) if i == 0 or code != 1011 or codes[i - 1] != 1011
        ] == row.closes
    told_to_go = [connection["goAwayAtMs"] is not None for connection in state["connections"]]
    assert any(told_to_go) == (name in ("ten-minute-limit", "early-go-away"))


async def test_every_scenario_turns_out_as_the_table_says(talks: Any, settings: Any) -> None:
    rows = [(name, row) for name, several in OUTCOMES.items() for row in several]
    ends = await asyncio.gather(
        *(outcome(name, row, talks, settings) for name, row in rows), return_exceptions=True
    )
    wrong = {name: end for (name, _), end in zip(rows, ends, strict=True) if end is not None}
    assert not wrong, "\n".join(f"{name}: {end!r}" for name, end in wrong.items())


def test_the_table_has_every_scenario() -> None:
    assert sorted(OUTCOMES) == scenarios.names()
