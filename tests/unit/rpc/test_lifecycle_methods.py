"""Suspend, resume, hints, settings, stats: what the host asks and what it is answered."""

import logging

import pytest

from sidecar.simulator.faults import Close, When

GONE = "API key not valid. Please pass a valid API key."


def notified(host, method):
    return [m["params"] for m in host.heard if m.get("method") == method]


# --- suspend and resume -------------------------------------------------------------------------------


async def test_a_session_is_suspended_and_resumed(host, sim):
    await host.open(sim)
    away = await host.ask("session/suspend", sessionId="s1")
    assert (away["state"], away["phase"], away["reason"]) == ("suspended", "parked", "suspendRequested")
    assert (await host.ask("session/send", sessionId="s1", realtimeInput={"text": "x"})) == {"status": "held"}

    back = await host.ask("session/resume", sessionId="s1")
    assert (back["state"], back["stateRestored"], back["connectionId"]) == ("connected", "resumed", "s1#2")


async def test_what_cannot_be_suspended_or_resumed_says_why(host, sim):
    for method in ("session/suspend", "session/resume", "session/stats", "session/configure"):
        params = {"settings": {}} if method == "session/configure" else {}
        refusal = await host.refused(method, sessionId="nobody", **params)
        assert refusal["data"]["kind"] == "unknownSession", method

    await host.open(sim)
    sim.inject(Close(code=1007, reason=GONE, when=When()))
    await host.told("session/stateChanged", lambda e: e["state"] == "failed")
    for method in ("session/suspend", "session/resume"):
        refusal = await host.refused(method, sessionId="s1")
        assert refusal["data"]["kind"] == "wrongState", method


async def test_a_suspension_ends_the_wait_of_a_resume_with_the_reason(host, sim):
    await host.open(sim)
    await host.ask("session/suspend", sessionId="s1")
    resuming = host.call("session/resume", sessionId="s1")
    await host.told("session/stateChanged", lambda e: e["reason"] == "resumeRequested")
    await host.ask("session/suspend", sessionId="s1")
    answer = await host.answer_to(resuming)
    assert answer["error"]["data"]["kind"] == "wrongState"
    assert "suspended" in answer["error"]["message"]


async def test_the_system_sleeps_and_wakes(host, sim):
    await host.open(sim)
    host.notify("system/suspend")
    await host.told("session/stateChanged", lambda e: e["reason"] == "systemSuspend")
    host.notify("system/resume", sleptMs=60_000)
    await host.told("session/reconnected")
    assert (await host.ask("session/get", sessionId="s1"))["state"] == "connected"


async def test_a_change_of_address_moves_every_session(host, sim):
    await host.open(sim)
    await host.open(sim, "s2")
    host.notify("network/changed", online=True, addressChanged=True)
    for session_id in ("s1", "s2"):
        reconnecting = await host.told("session/reconnecting", lambda e, s=session_id: e["sessionId"] == s)
        assert (reconnecting["planned"], reconnecting["reason"]) == (True, "networkChanged")
        await host.told("session/reconnected", lambda e, s=session_id: e["sessionId"] == s)


async def test_hints_without_a_session_hurt_nobody(host):
    host.notify("network/changed", online=False)
    host.notify("system/suspend")
    host.notify("system/resume")
    assert await host.ask("ping")
    host.notify("network/changed", on=False)
    note = await host.told("log", lambda e: "network/changed" in e["message"])
    assert note["level"] == "error"


# --- settings -----------------------------------------------------------------------------------------


async def test_settings_are_changed_and_told_as_they_are_now(host, sim):
    await host.open(sim)
    before = (await host.ask("session/configure", sessionId="s1", settings={}))["settings"]
    after = (
        await host.ask(
            "session/configure",
            sessionId="s1",
            settings={"heartbeat": {"preset": "strict"}, "reconnect": {"jitter": "none"}},
        )
    )["settings"]
    assert before["heartbeat"]["deadAfterMs"] == 35_000
    assert (after["heartbeat"]["deadAfterMs"], after["heartbeat"]["intervalMs"]) == (1500, 500)
    assert after["reconnect"] == before["reconnect"] | {"jitter": "none"}
    assert after["outbox"] == before["outbox"]
    assert (await host.ask("session/get", sessionId="s1"))["connectionId"] == "s1#1"


async def test_the_settings_as_they_were_told_can_be_sent_back(host, sim):
    await host.open(sim)
    told = await host.ask("session/configure", sessionId="s1", settings={"stall": {"afterMs": 5000}})
    assert told["settings"]["stall"]["afterMs"] == 5000
    assert await host.ask("session/configure", sessionId="s1", settings=told["settings"]) == told


async def test_an_invalid_patch_changes_nothing_and_names_every_wrong_field(host, sim):
    await host.open(sim)
    before = await host.ask("session/configure", sessionId="s1", settings={})
    refusal = await host.refused(
        "session/configure",
        sessionId="s1",
        settings={
            "heartbeat": {"intervalMs": 0, "deadAfterMs": "soon"},
            "reconnect": {"factor": 99, "baseDelayMs": 5},
            "outbox": {"ringMS": 1},
        },
    )
    problems = {problem["field"]: problem for problem in refusal["data"]["problems"]}
    assert set(problems) == {
        "settings.heartbeat.intervalMs",
        "settings.heartbeat.deadAfterMs",
        "settings.reconnect.factor",
        "settings.outbox.ringMS",
    }
    assert "86400000" in problems["settings.heartbeat.intervalMs"]["allowed"]
    for name in problems:
        assert name in refusal["message"]
    assert await host.ask("session/configure", sessionId="s1", settings={}) == before


async def test_wrong_fields_fixed_settings_and_contradictions_are_told_together(host, sim):
    await host.open(sim)
    refusal = await host.refused(
        "session/configure",
        sessionId="s1",
        settings={
            "heartbeat": {"intervalMs": 0, "suspectAfterMs": 50_000},
            "reconnect": {"delaysMs": [1, "soon"], "factor": 2},
            "resumption": {"handle": "canary-handle"},
            "stall": 5,
        },
    )
    assert [problem["field"] for problem in refusal["data"]["problems"]] == [
        "settings.heartbeat.intervalMs",
        "settings.reconnect.delaysMs[1]",
        "settings.stall",
        "settings.resumption.handle",
        "settings.heartbeat.suspectAfterMs",
    ]
    assert "canary" not in str(refusal)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"deadlines": {"openMs": 5}}, "openMs"),
        ({"resumption": {"enabled": False}}, "enabled"),
        ({"resumption": {"handle": "canary-handle"}}, "handle"),
        ({"heartbeat": {"suspectAfterMs": 50_000}}, "suspectAfterMs"),
        ({"reconnect": {"backoff": "list"}}, "delaysMs"),
        ({"handOver": {"marginMs": 50_000}}, "marginMs"),
    ],
)
async def test_what_is_fixed_or_contradicts_is_refused_with_the_reason(host, sim, settings, named):
    await host.open(sim)
    refusal = await host.refused("session/configure", sessionId="s1", settings=settings)
    assert refusal["data"]["kind"] == "invalidParams"
    assert named in refusal["message"]
    assert "canary" not in str(refusal)


# --- counting -----------------------------------------------------------------------------------------


async def test_the_stats_of_a_session_balance(host, sim):
    await host.open(sim)
    for n in range(20):
        host.send_audio(n)
    await host.ask("session/ping", sessionId="s1")
    host.call("session/reconnect", sessionId="s1")
    await host.told("session/reconnected")
    stats = (await host.ask("session/stats", sessionId="s1"))["session"]

    connections = stats["connections"]
    assert (connections["attempts"], connections["connected"], connections["failed"]) == (2, 2, 0)
    assert (connections["handOvers"], connections["losses"]) == (1, 0)
    assert connections["gaps"]["count"] == 1
    assert sum(bucket["count"] for bucket in connections["gaps"]["buckets"]) == 1
    assert connections["gaps"]["buckets"][-1]["leMs"] is None
    assert set(connections["last"]) == {"connectionId", "dnsMs", "tcpMs", "tlsMs", "upgradeMs", "setupMs"}
    assert stats["liveness"]["pongs"] >= 1
    assert stats["liveness"]["quality"] == "excellent"
    queue = stats["queue"]
    assert queue["offeredMs"] == queue["acceptedMs"] + queue["refusedMs"] == 400
    assert stats["highWater"]["unconfirmedMs"] > 0
    assert stats["errors"] == {"total": 0, "fatal": 0, "byKind": {}, "recent": []}
    assert stats["traffic"]["framesSent"] >= 20


async def test_the_history_of_errors_is_kept(host, sim):
    await host.open(sim)
    await sim.cut()
    await host.told("session/reconnected")
    errors = (await host.ask("session/stats", sessionId="s1"))["session"]["errors"]
    assert errors["byKind"] == {"lineLost": 1}
    (past,) = errors["recent"]
    assert (past["kind"], past["fatal"]) == ("lineLost", False)
    assert past["at"] > 1_600_000_000_000


async def test_the_process_counts_too(host, sim):
    await host.open(sim)
    await host.ask("session/close", sessionId="s1")
    answer = await host.ask("session/stats")
    assert "session" not in answer
    process = answer["process"]
    assert (process["sessions"], process["sessionsOpened"]) == (0, 1)
    assert process["cpuMs"] > 0
    assert process["threads"] >= 1


async def test_a_dump_has_everything_but_secrets(host, sim):
    await host.open(sim)
    await host.told("session/resumption", lambda e: "handle" in e)
    handle = notified(host, "session/resumption")[-1]["handle"]
    dump = await host.ask("diagnostics/dump")
    (session,) = dump["sessions"]
    assert session["snapshot"]["state"] == "connected"
    assert session["settings"]["heartbeat"]["intervalMs"] == 30_000
    assert session["stats"]["connections"]["connected"] == 1
    assert dump["instanceId"] == host.server.instance_id
    assert "a-key-for-tests" not in str(dump)
    assert handle not in str(dump)


async def test_the_level_of_the_log_can_be_changed(host):
    root = logging.getLogger("sidecar")
    before = root.level, logging.getLogger().level
    try:
        assert await host.ask("log/setLevel", level="error") == {}
        assert not root.isEnabledFor(logging.INFO)
        assert (await host.refused("log/setLevel", level="loud"))["data"]["kind"] == "invalidParams"
    finally:
        root.setLevel(before[0])
        logging.getLogger().setLevel(before[1])
