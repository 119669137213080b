"""The lifecycle from the host's side: the real process, asked in JSON-RPC."""

import json
import time

import pytest

from tests.process.host import KEY, WAIT_S, Host, Simulator, eventually

STORY = {"user": "Tell me.", "model": "A very long story.", "audioMs": 60_000}


@pytest.fixture(scope="module")
def sim(tmp_path_factory):
    simulator = Simulator(tmp_path_factory.mktemp("simulator"), turns=[STORY])
    yield simulator
    simulator.stop()


@pytest.fixture
def host(spawn):
    return Host(spawn)


def all_heard(host, sim, chunks):
    """The service has all that was said, once; and the books say so."""
    queue = host.ask("session/close", sessionId="s1", drainMs=5000)["queue"]
    assert queue["offeredMs"] == queue["acceptedMs"] == queue["confirmedMs"] == chunks * 20
    audio = sim.newest_session()["audio"]
    assert (audio["uniqueMs"], audio["sha256"]) == (chunks * 20, host.said.hexdigest())
    assert not [m for m in host.heard if m["method"] == "session/dropped"]


# --- away and back --------------------------------------------------------------------------------------


def test_what_is_said_while_a_session_is_suspended_arrives_after_its_resume(host, sim):
    host.open(sim.url)
    host.speak(25)
    parked = host.ask("session/suspend", sessionId="s1")
    assert (parked["state"], parked["phase"]) == ("suspended", "parked")
    host.speak(25)
    assert host.ask("session/get", sessionId="s1")["queue"]["heldMs"] >= 500
    back = host.ask("session/resume", sessionId="s1")
    assert (back["state"], back["stateRestored"]) == ("connected", "resumed")
    host.speak(10)
    assert host.states() == ["connecting", "connected", "suspended", "reconnecting", "connected"]
    all_heard(host, sim, 60)


def test_the_machine_sleeps_and_wakes(host, sim):
    host.open(sim.url)
    host.speak(10)
    host.told("session/resumption", resumable=True)
    host.tell("system/suspend")
    host.told("session/stateChanged", state="suspended", reason="systemSuspend")
    host.speak(10)
    host.tell("system/resume", sleptMs=60_000)
    host.told("session/stateChanged", reason="systemResume")
    assert host.told("session/reconnected")["stateRestored"] == "resumed"
    all_heard(host, sim, 20)


def test_a_network_that_changed_is_a_probe_for_a_live_line_and_another_address_a_move(host, sim):
    first = host.open(sim.url)["connectionId"]
    for online in (True, False):
        host.tell("network/changed", online=online)
    eventually(lambda: host.ask("session/stats", sessionId="s1")["session"]["liveness"].get("pongs"))
    assert host.ask("session/get", sessionId="s1")["connectionId"] == first
    host.tell("network/changed", online=True, addressChanged=True)
    restored = host.told("session/reconnected")
    assert restored["stateRestored"] == "resumed"
    assert host.told("session/reconnecting")["planned"] is True
    assert host.ask("session/get", sessionId="s1")["connectionId"] != first
    connections = host.ask("session/stats", sessionId="s1")["session"]["connections"]
    assert (connections["handOvers"], connections["losses"]) == (1, 0)


def test_an_app_that_was_killed_takes_its_conversation_up_again(spawn, sim):
    first = Host(spawn)
    first.open(sim.url)
    first.speak(25)
    handle = first.told("session/resumption", resumable=True)["handle"]
    first.ask("session/ping", sessionId="s1")  # what was written before is confirmed
    first.child.process.kill()
    first.child.process.wait(WAIT_S)

    second = Host(spawn, seed=2)
    resumption = {"handle": handle, "previousCloseAgeMs": 100}
    opened = second.open(sim.url, {"resumption": resumption, "handOver": {"firstDelayMs": 300}})
    assert opened["stateRestored"] == "resumed"
    assert handle not in json.dumps(
        [opened, [m for m in second.heard if m["method"] != "session/resumption"]]
    )
    second.speak(25)
    second.ask("session/close", sessionId="s1", drainMs=5000)
    audio = sim.newest_session()["audio"]
    assert (audio["uniqueMs"], audio["doubledMs"]) == (1000, 0)


# --- asking and setting ---------------------------------------------------------------------------------


def test_settings_change_while_the_session_runs_whole_or_not_at_all(host, sim):
    before = host.open(sim.url)
    patch = {"heartbeat": {"preset": "strict"}, "stall": {"afterMs": 1234}}
    taken = host.ask("session/configure", sessionId="s1", settings=patch)["settings"]
    heartbeat = taken["heartbeat"]
    assert [heartbeat[name] for name in ("intervalMs", "suspectAfterMs", "deadAfterMs")] == [500, 1000, 1500]
    assert taken["stall"]["afterMs"] == 1234

    wrong = {
        "reconnect": {"factor": 0.5, "maxAttemps": 1},
        "deadlines": {"handshakeMs": 499},
        "stall": {"action": "restart", "afterMs": 4321},
        "weather": {},
    }
    call = host.start("session/configure", sessionId="s1", settings=wrong)
    error = host.answer_to(call)["error"]
    assert (error["code"], error["data"]["kind"]) == (-32602, "invalidParams")
    assert {problem["field"] for problem in error["data"]["problems"]} == {
        "settings.reconnect.factor",
        "settings.reconnect.maxAttemps",
        "settings.deadlines.handshakeMs",
        "settings.stall.action",
        "settings.weather",
    }
    assert host.ask("session/configure", sessionId="s1", settings={})["settings"] == taken
    assert host.ask("session/get", sessionId="s1")["connectionId"] == before["connectionId"]


def test_the_stats_add_up(host, sim):
    host.open(sim.url)
    host.speak(20)
    host.ask("session/ping", sessionId="s1")
    sim.do(do="refuse", status=503, times=2)
    sim.do(do="cut")
    host.told("session/reconnected")
    host.ask("session/ping", sessionId="s1")
    stats = host.ask("session/stats", sessionId="s1")["session"]

    connections = stats["connections"]
    assert connections["attempts"] == connections["connected"] + connections["failed"] == 2 + 2
    assert (connections["losses"], connections["handOvers"], connections["resumesTried"]) == (1, 0, 1)
    assert stats["errors"]["byKind"] == {"lineLost": 1, "serviceUnavailable": 2}
    queue = stats["queue"]
    assert queue["acceptedMs"] == 400
    parts = ("heldMs", "unconfirmedMs", "confirmedMs", "droppedMs")
    assert sum(queue[part] for part in parts) == queue["acceptedMs"]
    assert connections["gaps"]["count"] == 1
    assert stats["liveness"]["pings"] >= stats["liveness"]["pongs"] >= 2


def test_a_dump_has_the_session_and_neither_key_nor_handle_nor_what_was_said(host, sim):
    host.open(sim.url)
    handle = host.told("session/resumption", resumable=True)["handle"]
    host.ask("session/send", sessionId="s1", realtimeInput={"text": "canary-text"})
    host.told("session/turn", event="started")
    dump = json.dumps(host.ask("diagnostics/dump"))
    assert '"s1"' in dump
    assert '"connected"' in dump
    for secret in (KEY, handle, "canary-text", "very long story"):
        assert secret not in dump


def test_the_log_level_changes_while_it_runs(host, sim):
    def levels():
        return {
            json.loads(line)["level"]
            for line in host.child.errors.splitlines(keepends=True)
            if line.endswith(b"\n")
        }

    host.open(sim.url)
    host.ask("session/reconnect", sessionId="s1")
    assert levels() == set()
    host.ask("log/setLevel", level="debug")
    host.ask("session/reconnect", sessionId="s1")
    eventually(lambda: {"debug", "info"} <= levels())
    host.ask("log/setLevel", level="error")
    host.ask("session/close", sessionId="s1")
    host.child.process.stdin.close()
    host.child.seconds_until_gone()
    host.child.clean_up()
    last = json.loads(host.child.errors.splitlines()[-1])
    assert "closed" not in json.dumps(last), "what came after the second change was written"
    assert b"stdinClosed" not in host.child.errors
    assert KEY.encode() not in host.child.errors


# --- a host that does not read ----------------------------------------------------------------------------


def test_a_host_that_does_not_read_for_six_seconds_has_no_dead_line_and_no_gap(host, sim):
    """The model speaks, the user too, and the strict preset would call two seconds of silence death."""
    host.open(sim.url, {"heartbeat": {"preset": "strict"}})
    host.ask("session/send", sessionId="s1", realtimeInput={"text": "Tell me."})
    host.told("session/turn", event="started")
    began_s = time.monotonic()
    chunks = 0
    while (elapsed_s := time.monotonic() - began_s) < 6.0:  # speaks in real time, and reads nothing
        if chunks * 0.02 <= elapsed_s:
            host.speak(1)
            chunks += 1
        else:
            time.sleep(0.005)
    snapshot = host.ask("session/get", sessionId="s1")

    assert (snapshot["state"], snapshot["phase"], snapshot["connectionId"]) == ("connected", "active", "s1#1")
    methods = {m["method"] for m in host.heard}
    assert not methods & {"session/reconnecting", "session/error", "session/dropped"}
    assert host.states() == ["connecting", "connected"]
    numbers = [m["params"]["seq"] for m in host.heard if "seq" in m["params"]]
    assert numbers == list(range(1, len(numbers) + 1))
    model_frames = [
        m
        for m in host.heard
        if m["method"] == "session/message" and "serverContent" in m["params"]["message"]
    ]
    assert len(model_frames) > 100, "much was waiting"
    all_heard(host, sim, chunks)
