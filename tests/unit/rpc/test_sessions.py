"""The `session/*` methods: what is refused and why, and that no call is left without its answer."""

import asyncio
import base64

import pytest

from sidecar.observe import redact
from sidecar.simulator import Script, Simulator

KEY = "canary-key-41f7"


def kind(answer):
    return answer["error"]["data"]["kind"]


# --- opening --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"sessionId": ""}, "sessionId"),
        ({"sessionId": "s" * 129}, "sessionId"),
        ({"sessionId": 1}, "sessionId"),
        ({"auth": {"type": "password", "apiKey": KEY}}, "auth"),
        ({"auth": {"type": "apiKey"}}, "apiKey"),
        ({"auth": {"type": "apiKey", "apiKey": ""}}, "apiKey"),
        ({"auth": {"type": "apiKey", "apiKey": f"{KEY}\n"}}, "apiKey"),
        ({"auth": {"type": "apiKey", "apiKey": f"{KEY}\r\nHost: other"}}, "apiKey"),
        ({"auth": {"type": "apiKey", "apiKey": f" {KEY}"}}, "apiKey"),
        ({"auth": {"type": "apiKey", "apiKey": f"{KEY}\u00e9"}}, "apiKey"),
        ({"setup": {}}, "setup.model"),
        ({"setup": {"model": "gemini"}}, "setup.model"),
        ({"setup": {"model": 5}}, "setup.model"),
        ({"setup": []}, "setup"),
        ({"endpoint": {"baseUrl": "ftp://127.0.0.1"}}, "baseUrl"),
        ({"endpoint": {"baseUrl": "ws://127.0.0.1:99999"}}, "baseUrl"),
        ({"endpoint": {"baseUrl": "ws://127.0.0.1:9/a b"}}, "baseUrl"),
        ({"endpoint": {"baseUrl": "ws://192.0.2.1"}}, "baseUrl"),
        ({"endpoint": {"baseUrl": f"wss://{KEY}@example.invalid"}}, "baseUrl"),
        ({"endpoint": {"apiVersion": "v2"}}, "apiVersion"),
        ({"endpoint": {"apiVersion": "v1beta\n"}}, "apiVersion"),
        ({"endpoint": {"url": "ws://127.0.0.1"}}, "url"),
        ({"settings": {"reconnect": {"maxAttemps": 5}}}, "maxAttemps"),
        ({"settings": {"reconnect": {"factor": 0.5}}}, "factor"),
        ({"settings": {"deadlines": {"handshakeMs": 1}}}, "handshakeMs"),
        ({"settings": {"heartbeat": {"preset": "lazy"}}}, "preset"),
        ({"settings": {"outbox": {"maxBytes": 1}}}, "maxBytes"),
        ({"notifications": {"exclude": ["session/unknown"]}}, "exclude"),
        ({"extra": 1}, "extra"),
    ],
)
async def test_an_open_that_cannot_work_is_refused_by_the_name_of_the_field_and_leaves_nothing(
    host, params_of_open, changes, named
):
    refusal = await host.refused("session/open", **params_of_open("ws://127.0.0.1:9") | changes)

    assert (refusal["code"], refusal["data"]["kind"]) == (-32602, "invalidParams")
    assert named in refusal["message"]
    assert KEY not in str(host.heard)
    assert (await host.ask("session/list"))["sessions"] == []
    assert host.of("session/stateChanged") == []


async def test_an_id_can_be_open_once(host, sim, params_of_open):
    await host.open(sim)

    refusal = await host.refused("session/open", **params_of_open(sim.url))

    assert (refusal["code"], refusal["data"]["kind"]) == (-32011, "sessionExists")
    assert (await host.ask("session/get", sessionId="s1"))["state"] == "connected"


async def test_the_settings_in_milliseconds_arrive_as_seconds(host, sim):
    await host.open(
        sim,
        settings={
            "heartbeat": {"preset": "strict", "intervalMs": 700},
            "reconnect": {"maxAttempts": 9, "maxElapsedMs": 90_000, "factor": 3},
            "deadlines": {"drainMs": 0, "openMs": 12_345},
            "outbox": {"ringMs": 50_000, "replayUnconfirmed": False},
            "resumption": {"enabled": False},
        },
    )
    session = host.server.sessions._entries["s1"].session
    settings = session.config.settings

    assert (settings.heartbeat.interval_s, settings.heartbeat.dead_after_s) == (0.7, 1.5)
    assert (settings.reconnect.max_attempts, settings.reconnect.max_elapsed_s, settings.reconnect.factor) == (
        9,
        90,
        3,
    )
    assert (settings.deadlines.drain_s, settings.deadlines.open_s) == (0, 12.345)
    assert (settings.outbox.ring_s, settings.outbox.replay_unconfirmed) == (50, False)
    assert not settings.resumption.enabled
    assert settings.reconnect.base_delay_s == 1.0, "what is absent keeps its default"


async def test_excluded_kinds_do_not_come_but_changes_of_state_always_do(host, sim):
    excluded = [
        "session/message",
        "session/queue",
        "session/setupSent",
        "session/resumption",
        "session/stateChanged",
    ]
    await host.open(sim, notifications={"exclude": excluded})
    host.send_audio(0)
    await host.ask("session/close", sessionId="s1")

    assert {m["method"] for m in host.heard if m.get("method", "").startswith("session/")} <= {
        "session/stateChanged",
        "session/health",
    }
    assert len(host.of("session/stateChanged")) > 4


async def test_a_permanent_refusal_answers_the_open_with_the_service_s_own_fault(host, params_of_open):
    async with Simulator(Script(keys=["another"])) as sim:
        refusal = await host.refused("session/open", **params_of_open(sim.url))

    assert (refusal["code"], refusal["data"]["kind"]) == (-32020, "authentication")
    assert (refusal["data"]["wsCode"], refusal["data"]["action"], refusal["data"]["retryable"]) == (
        1007,
        "stop",
        False,
    )
    assert (await host.ask("session/list"))["sessions"] == []


async def test_a_refused_open_frees_its_id(host, sim, params_of_open):
    settings = {"deadlines": {"openMs": 30}}
    await host.refused("session/open", **params_of_open("ws://127.0.0.1:9") | {"settings": settings})

    assert (await host.open(sim))["state"] == "connected"


# --- unknown sessions and wrong states --------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("session/get", {}),
        ("session/close", {}),
        ("session/reconnect", {}),
        ("session/ping", {}),
        ("session/wait", {"states": ["connected"]}),
        ("session/send", {"realtimeInput": {"text": "x"}}),
    ],
)
async def test_a_call_for_a_session_that_is_not_open_is_refused_by_name(host, method, params):
    refusal = await host.refused(method, sessionId="nobody", **params)

    assert (refusal["code"], refusal["data"]["kind"]) == (-32010, "unknownSession")
    assert refusal["data"]["sessionId"] == "nobody"


@pytest.mark.parametrize("payload", [{}, {"realtimeInput": {"text": "x"}, "clientContent": {}}])
async def test_a_send_has_exactly_one_message(host, sim, payload):
    await host.open(sim)

    assert (await host.refused("session/send", sessionId="s1", **payload))["data"]["kind"] == "invalidParams"


@pytest.mark.parametrize(
    "payload",
    [
        {"realtimeInput": {}},
        {"realtimeInput": {"text": "x", "audioStreamEnd": True}},
        {"realtimeInput": {"unknown": 1}},
        {"realtimeInput": {"audio": {"data": "AAAA"}}},
        {"realtimeInput": {"audio": {"mimeType": "audio/pcm;rate=16000"}}},
        {"realtimeInput": {"audio": {"data": "AAA=", "mimeType": "audio/pcm;rate=\u00b2"}}},
        {"realtimeInput": {"audio": "AAA="}},
        {"toolResponse": {}},
        {"toolResponse": {"functionResponses": []}},
        {"toolResponse": {"functionResponses": [{"name": "f"}]}},
        {"toolResponse": {"functionResponses": ["f"]}},
    ],
)
async def test_a_message_the_service_would_close_for_is_refused_and_the_session_unharmed(host, sim, payload):
    await host.open(sim)

    assert (await host.refused("session/send", sessionId="s1", **payload))["data"]["kind"] == "invalidMessage"
    assert (await host.ask("session/ping", sessionId="s1"))["rttMs"] > 0


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"data": "AAAA"}, "even"),
        ({"data": ""}, "empty"),
        ({"data": "!!!!"}, "base64"),
        ({"data": "AAA\n"}, "base64"),
        ({"data": '"}}}'}, "base64"),
        ({"data": "\u00e9"}, "base64"),
    ],
)
async def test_a_chunk_that_is_no_audio_is_told_with_its_number_and_the_next_one_goes_out(
    host, sim, changes, why
):
    await host.open(sim)

    host.send_audio(5, **changes)
    host.send_audio(6)
    await host.told("session/error")
    (error,) = host.of("session/error")
    assert (error["n"], error["fatal"], error["error"]["kind"]) == (5, False, "invalidMessage")
    assert why in error["error"]["message"]
    await sim.wait_for(lambda: sim.sessions[0].audio.unique_ms == 20)


async def test_a_mime_type_with_a_line_feed_is_refused_and_not_put_into_a_frame(host, sim):
    """Python's `$` lets one pass; unescaped in the frame it would end the connection with 1007."""
    await host.open(sim)

    host.send_audio(0, mimeType="audio/pcm;rate=16000\n")
    host.send_audio(1)

    await sim.wait_for(lambda: sim.sessions[0].audio.unique_ms == 20)
    await host.hear_all()
    assert len(host.of("session/error")) + len(host.of("log")) == 1
    assert (await host.ask("session/get", sessionId="s1"))["state"] == "connected"


async def test_refused_chunks_are_told_once_a_second_for_each_reason(host, sim):
    await host.open(sim)

    for n in range(100):
        host.send_audio(n, data="!")
    await host.hear_all()

    assert [e["n"] for e in host.of("session/error")] == [0]


async def test_a_number_accepted_before_is_an_offer_repeated(host, sim):
    await host.open(sim)
    for n in (0, 1, 1, 0, 2, 2):
        host.send_audio(n)
    await sim.wait_for(lambda: sim.sessions[0].audio.unique_ms >= 60)

    await host.ask("session/close", sessionId="s1")
    assert sim.sessions[0].audio.tally.ms == 60
    assert host.of("session/queue")[-1]["acceptedMs"] == 60


@pytest.mark.parametrize("alphabet", [base64.b64encode, base64.urlsafe_b64encode])
async def test_audio_in_either_alphabet_of_base64_arrives(host, sim, alphabet):
    await host.open(sim)
    pcm = bytes(range(250, 256)) * 100 + b"\xff\xef"

    host.send_audio(0, data=alphabet(pcm).decode())

    await sim.wait_for(lambda: sim.sessions[0].audio.tally.bytes == len(pcm))
    assert sim.audio(1) == pcm


# --- waiting and closing ----------------------------------------------------------------------------


async def test_a_wait_for_the_present_state_is_answered_at_once(host, sim):
    await host.open(sim)

    assert (await host.ask("session/wait", sessionId="s1", states=["failed", "connected"]))[
        "state"
    ] == "connected"


async def test_a_wait_that_takes_too_long_says_how_the_session_stands(host, sim):
    await host.open(sim)

    refusal = await host.refused("session/wait", sessionId="s1", states=["failed"], timeoutMs=20)
    assert (refusal["code"], refusal["data"]["kind"]) == (-32015, "deadlineExceeded")
    assert "connected" in refusal["message"]


@pytest.mark.parametrize("states", [[], ["asleep"], "connected"])
async def test_a_wait_needs_states_that_exist(host, sim, states):
    await host.open(sim)

    assert (await host.refused("session/wait", sessionId="s1", states=states))["data"][
        "kind"
    ] == "invalidParams"


async def test_a_close_answers_every_call_that_waits_for_its_session(host, sim):
    await host.open(sim)
    (connection,) = sim.connections
    await sim.freeze(30)
    wait = host.call("session/wait", sessionId="s1", states=["failed", "reconnecting"])
    ping = host.call("session/ping", sessionId="s1")
    again = host.call("session/reconnect", sessionId="s1")
    close = host.call("session/close", sessionId="s1", drainMs=0)

    answers = [await host.answer_to(call) for call in (wait, ping, again, close)]

    assert kind(answers[0]) == "sessionClosed"
    assert kind(answers[1]) in ("sessionClosed", "wrongState")
    assert kind(answers[2]) == "sessionClosed"
    assert answers[3]["result"]["state"] == "disconnected"
    assert connection.phase == "frozen"


async def test_several_closes_are_all_answered(host, sim):
    await host.open(sim)
    calls = [host.call("session/close", sessionId="s1") for _ in range(3)]

    for call in calls:
        assert (await host.answer_to(call))["result"]["state"] == "disconnected"
    assert (await host.refused("session/close", sessionId="s1"))["data"]["kind"] == "unknownSession"


async def test_a_close_while_the_session_opens_answers_both_calls(host, deaf, params_of_open):
    opening = host.call("session/open", **params_of_open(deaf))
    await host.hear_until(lambda m: m.get("method") == "session/stateChanged")
    closing = host.call("session/close", sessionId="s1")

    assert kind(await host.answer_to(opening)) == "sessionClosed"
    assert (await host.answer_to(closing))["result"]["state"] == "disconnected"


async def test_a_message_to_a_session_that_is_closing_is_refused(host, sim):
    await host.open(sim)
    await sim.freeze(30)
    host.call("session/close", sessionId="s1", drainMs=0)

    refusal = await host.refused("session/send", sessionId="s1", realtimeInput={"text": "x"})
    assert (refusal["code"], refusal["data"]["kind"]) == (-32013, "wrongState")


async def test_a_reconnect_of_a_live_session_is_answered_on_its_next_line(host, sim):
    await host.open(sim)

    answer = await host.ask("session/reconnect", sessionId="s1")

    assert (answer["state"], answer["connectionId"], answer["stateRestored"]) == (
        "connected",
        "s1#2",
        "resumed",
    )
    assert [connection.close_code for connection in sim.connections] == [1000, None]


async def test_a_ping_that_the_line_loses_is_answered_with_the_reason(host, sim):
    await host.open(sim)
    await sim.freeze(0.05)

    refusal = await host.refused("session/ping", sessionId="s1")
    assert refusal["data"]["kind"] == "wrongState"
    assert "lost" in refusal["message"]


# --- secrets ----------------------------------------------------------------------------------------


async def test_only_the_notification_of_resumption_carries_the_handle(host, sim):
    await host.open(sim)
    handle = (await host.told("session/resumption"))["handle"]
    await host.ask("session/reconnect", sessionId="s1")
    await host.ask("session/list")
    await host.ask("session/close", sessionId="s1")

    assert len(handle) > 20
    others = [m for m in host.heard if m.get("method") != "session/resumption"]
    assert handle not in str(others)
    assert "a-key-for-tests" not in str(host.heard)
    assert [m["resuming"] for m in host.of("session/setupSent")] == [False, True]


async def test_when_a_session_is_gone_the_log_forgets_its_secrets(host, sim):
    known = redact.redact("a-key-for-tests")
    await host.open(sim)
    assert "a-key-for-tests" not in redact.redact("is a-key-for-tests here?")

    await host.ask("session/close", sessionId="s1")

    assert redact.redact("a-key-for-tests") == known


async def test_a_session_leaves_no_task_behind(host, sim):
    before = asyncio.all_tasks()
    for session_id in ("a", "b"):
        await host.open(sim, session_id)
    await host.ask("shutdown")
    await sim.wait_for(lambda: all(c.phase == "ended" for c in sim.connections))

    left = asyncio.all_tasks() - before
    assert not [
        task for task in left if "sidecar.simulator" not in repr(task) and "websockets" not in repr(task)
    ]
