"""Who may call what when, and one answer for every call, in the right place of the stream."""

import asyncio
import json

import pytest

from sidecar.rpc import protocol as p

OPENING = {"protocolVersion": "1", "client": {"name": "t", "version": "1"}}


def kind(answer):
    return answer["error"]["data"]["kind"]


def where(heard, condition):
    return next(index for index, message in enumerate(heard) if condition(message))


def is_answer(call_id):
    return lambda message: isinstance(message, dict) and message.get("id") == call_id


# --- the opening ----------------------------------------------------------------------------------


async def test_initialize_tells_who_answers_and_what_it_takes(hosts):
    host = await hosts()

    result = await host.ask("initialize", **OPENING)

    assert result["protocolVersion"] == "1"
    assert result["limits"] == {"maxLineBytes": 16 * 1024 * 1024}
    assert result["instanceId"] == host.server.instance_id
    assert set(result["sidecar"]) == {"version", "python", "platform"}


async def test_two_processes_have_two_instance_ids(hosts):
    first, second = await hosts(), await hosts()

    assert (await first.initialize())["instanceId"] != (await second.initialize())["instanceId"]


@pytest.mark.parametrize("method", sorted(m for m in p.METHODS if m != "initialize"))
async def test_every_call_before_initialize_is_refused(hosts, method):
    host = await hosts()

    assert (await host.refused(method))["data"]["kind"] == "notInitialized"


async def test_a_notification_before_initialize_is_told_in_the_log(hosts):
    host = await hosts()

    host.send_audio(0)
    await host.initialize()

    assert [(m["level"], m["data"]["method"]) for m in host.of("log")] == [("error", "session/sendAudio")]
    assert "initialize" in host.of("log")[0]["message"]


async def test_exit_is_obeyed_before_initialize(hosts):
    host = await hosts()

    host.notify("exit")

    assert host.ends.reasons == ["exit"]


@pytest.mark.parametrize("version", ["2", "", "1.0", "x" * 1_000_000])
async def test_another_protocol_version_is_refused_and_the_right_one_is_still_welcome(hosts, version):
    host = await hosts()

    refusal = await host.refused("initialize", **OPENING | {"protocolVersion": version})

    assert (refusal["code"], refusal["data"]["kind"]) == (-32004, "unsupportedProtocolVersion")
    assert refusal["data"]["remediation"]
    await host.initialize()


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"protocolVersion": 1, "client": {"name": "t", "version": "1"}},
        {"protocolVersion": "1"},
        OPENING | {"client": {"name": "t"}},
        OPENING | {"parentPid": 0},
        OPENING | {"parentPid": "1"},
        OPENING | {"unknown": 1},
    ],
)
async def test_a_wrong_opening_is_refused_and_can_be_repeated(hosts, params):
    host = await hosts()

    assert (await host.refused("initialize", **params))["data"]["kind"] == "invalidParams"
    await host.initialize()


async def test_initialize_works_once(host):
    assert (await host.refused("initialize", **OPENING))["data"]["kind"] == "alreadyInitialized"
    assert (await host.ask("ping"))["sessions"] == 0


async def test_the_call_right_after_initialize_need_not_wait_for_its_answer(hosts):
    host = await hosts()

    first = host.call("initialize", **OPENING)
    second = host.call("ping")

    assert "result" in await host.answer_to(first)
    assert "result" in await host.answer_to(second)
    assert [m["id"] for m in host.heard] == [first, second]


# --- bad lines ------------------------------------------------------------------------------------


async def test_a_bad_line_gets_its_error_and_the_next_line_its_answer(host):
    for line in (b"{", b'{"jsonrpc":"2.0","id":9}', b"[]", b'"x"', b"[" * 100_000):
        host.say(line)
        error = await host.hear()
        assert error["id"] in (None, 9)
        assert kind(error) in ("parseError", "invalidRequest")
        assert (await host.ask("ping"))["uptimeMs"] >= 0


async def test_a_line_over_the_limit_is_named_with_both_sizes(host):
    host.server.too_long(17_000_000)

    error = await host.hear()
    assert (error["id"], error["error"]["code"], kind(error)) == (None, -32000, "lineTooLong")
    assert "17000000" in error["error"]["message"]
    assert "16777216" in error["error"]["message"]


@pytest.mark.parametrize(
    "message",
    [
        {"jsonrpc": "2.0", "id": 1, "method": "m" * 9_000_000},
        {"jsonrpc": "2.0", "id": 1, "method": "ping", "params": {"x" * 9_000_000: 1}},
        {"jsonrpc": "2.0", "id": 1, "method": "session/get", "params": {"sessionId": "s" * 9_000_000}},
        {"jsonrpc": "2.0", "method": "m" * 9_000_000},
        {"jsonrpc": "2.0", "method": "session/sendAudio", "params": {"x" * 9_000_000: 1}},
        {"jsonrpc": "2.0", "id": "i" * 9_000_000, "result": 1},
    ],
)
@pytest.mark.parametrize("ready", [True, False])
async def test_the_answer_to_a_line_of_megabytes_is_short(hosts, message, ready):
    host = await hosts()
    if ready:
        await host.initialize()

    host.say(message)

    assert len(json.dumps(await host.hear())) < 10_000


async def test_a_response_nobody_waits_for_is_told_in_the_log(host):
    host.say({"jsonrpc": "2.0", "id": 77, "result": {}})

    await host.hear_all()
    assert [(m["level"], m["data"]) for m in host.of("log")] == [("warn", {"id": 77})]


# --- notifications --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("unknown", {}),
        ("ping", {}),
        ("session/open", {"sessionId": "s1"}),
        ("$/cancelRequest", {}),
        ("$/cancelRequest", {"id": None}),
        ("session/sendAudio", {"sessionId": "s1"}),
        ("session/sendAudio", {"sessionId": "s1", "n": -1, "data": "AAAA"}),
        ("session/sendAudio", {"sessionId": "s1", "n": 1.5, "data": "AAAA"}),
        ("session/sendAudio", {"sessionId": "s1", "n": 1, "data": 5}),
        ("session/sendAudio", {"sessionId": "s1", "n": 1, "data": "AAAA", "mimeType": "audio/wav"}),
        ("session/sendAudio", []),
        ("session/sendAudio", None),
        ("exit", {"now": True}),
    ],
)
async def test_a_notification_that_cannot_be_obeyed_is_told_in_the_log_and_gets_no_answer(
    host, method, params
):
    host.say({"jsonrpc": "2.0", "method": method, "params": params})

    (told,) = await host.hear_all()
    assert told["method"] == "log"
    assert told["params"]["level"] == "error"
    assert told["params"]["data"] == {"method": method}
    assert told["params"]["instanceId"] == host.server.instance_id
    assert method in told["params"]["message"]
    assert host.ends.reasons == []


async def test_audio_for_a_session_that_is_not_open_is_told_once_a_second_at_most(host):
    for n in range(50):
        host.send_audio(n, "nobody")
        host.send_audio(n, "no one")

    await host.hear_all()
    assert [m["data"]["sessionId"] for m in host.of("log")] == ["nobody", "no one"]


async def test_a_notification_called_with_an_id_is_answered_with_an_empty_object(host, sim):
    await host.open(sim)

    assert await host.ask("session/sendAudio", sessionId="s1", n=0, data="AAA=") == {}
    assert await host.ask("$/cancelRequest", id="nothing") == {}


# --- calls in flight ------------------------------------------------------------------------------


async def test_an_id_in_flight_cannot_be_used_again_but_afterwards_it_can(host, sim):
    await host.open(sim)
    host.call("session/wait", "w", sessionId="s1", states=["disconnected"])
    host.call("ping", "w")

    refusal = await host.answer_to("w")
    assert (refusal["error"]["code"], kind(refusal)) == (-32005, "duplicateId")

    host.heard.clear()
    await host.ask("session/close", sessionId="s1")
    assert (await host.answer_to("w"))["result"]["state"] == "disconnected"
    host.heard.clear()
    host.call("ping", "w")
    assert "result" in await host.answer_to("w")


async def test_ids_1_and_the_text_1_are_two(host, sim):
    await host.open(sim)
    host.call("session/wait", 1, sessionId="s1", states=["disconnected"])
    host.call("ping", "1")

    assert "result" in await host.answer_to("1")


async def test_128_calls_may_be_in_flight_and_the_next_is_refused_until_one_is_answered(host, sim):
    await host.open(sim)
    for number in range(128):
        host.call("session/wait", number, sessionId="s1", states=["disconnected"])
    refusal = await host.answer_to(host.call("session/get", sessionId="s1"))
    assert (refusal["error"]["code"], kind(refusal)) == (-32001, "overloaded")
    assert refusal["error"]["data"]["retryable"]

    host.notify("$/cancelRequest", id=5)
    assert kind(await host.answer_to(5)) == "requestCancelled"
    # Its answer counts until it is written, which this host sees a moment before the writer books it.
    while "error" in (answer := await host.answer_to(host.call("session/get", sessionId="s1"))):
        assert kind(answer) == "overloaded"
    assert answer["result"]["state"] == "connected"


async def test_answers_that_are_not_read_count_as_in_flight_and_are_bounded(hosts):
    host = await hosts(reading=False)
    host.say({"jsonrpc": "2.0", "id": "i", "method": "initialize", "params": OPENING})
    for number in range(20_000):
        host.call("rpc.discover", number)
    assert host.writer.pending_responses < 128 + 1024 + 128

    await host.read()
    answered = [await host.hear() for _ in range(1000)]
    assert sum("result" in message for message in answered) <= 128 + 64  # what fits into the pipe is answered
    assert {kind(message) for message in answered if "error" in message} == {"overloaded"}


async def test_every_pending_call_is_answered_when_the_process_ends(host, sim):
    await host.open(sim, settings={"deadlines": {"closeMs": 1}})  # nobody closes it after the end
    waits = [host.call("session/wait", sessionId="s1", states=["failed"]) for _ in range(3)]
    opening = host.call("session/open", "again", **{**OPEN_LATER, "endpoint": {"baseUrl": sim.url}})

    host.server.ending("stdinClosed")

    for call_id in [*waits, opening]:
        error = (await host.answer_to(call_id))["error"]
        assert (error["code"], error["data"]["kind"]) == (-32007, "shuttingDown")
        assert "stdinClosed" in error["message"]


async def test_a_batch_with_a_pending_call_is_answered_whole_when_the_process_ends(host, sim):
    await host.open(sim, settings={"deadlines": {"closeMs": 1}})  # nobody closes it after the end
    host.say(
        [
            {"jsonrpc": "2.0", "id": "quick", "method": "ping"},
            {
                "jsonrpc": "2.0",
                "id": "slow",
                "method": "session/wait",
                "params": {"sessionId": "s1", "states": ["failed"]},
            },
        ]
    )

    host.server.ending("stdinClosed")

    answers = {answer["id"]: answer for answer in await host.hear_until(lambda m: isinstance(m, list))}
    assert "result" in answers["quick"]
    assert kind(answers["slow"]) == "shuttingDown"


OPEN_LATER = {"sessionId": "later", "auth": {"type": "apiKey", "apiKey": "k"}, "setup": {"model": "models/m"}}


# --- cancelling -----------------------------------------------------------------------------------


async def test_a_call_that_is_cancelled_is_answered_once_as_cancelled(host, sim):
    await host.open(sim)
    call = host.call("session/wait", sessionId="s1", states=["failed"])
    host.notify("$/cancelRequest", id=call)
    host.notify("$/cancelRequest", id=call)

    refusal = await host.answer_to(call)
    assert (refusal["error"]["code"], kind(refusal)) == (-32006, "requestCancelled")
    assert [m for m in await host.hear_all() if is_answer(call)(m)] == []


async def test_a_cancel_before_the_call_and_one_after_its_answer_change_nothing(host, sim):
    host.notify("$/cancelRequest", id="c")
    host.notify("$/cancelRequest", id=10**30)
    host.call("ping", "c")
    assert "result" in await host.answer_to("c")
    host.notify("$/cancelRequest", id="c")

    assert await host.hear_all() == []


async def test_a_cancelled_open_leaves_no_session_and_its_id_is_free(host, sim, deaf, params_of_open):
    call = host.call("session/open", **params_of_open(deaf))
    await host.hear_until(lambda m: m.get("method") == "session/stateChanged")
    host.notify("$/cancelRequest", id=call)

    assert kind(await host.answer_to(call)) == "requestCancelled"
    assert (await host.ask("session/list"))["sessions"] == []
    assert (await host.open(sim))["state"] == "connected"


async def test_a_cancel_in_the_same_breath_as_the_open_is_obeyed(host, deaf, params_of_open):
    call = host.call("session/open", **params_of_open(deaf))
    host.notify("$/cancelRequest", id=call)

    assert kind(await host.answer_to(call)) == "requestCancelled"
    assert (await host.ask("session/list"))["sessions"] == []


@pytest.mark.parametrize("cancels", [1, 2])
async def test_a_close_that_is_cancelled_is_carried_out_all_the_same(host, sim, cancels):
    """Closing cannot be taken back; only the wait for it ends."""
    await host.open(sim)
    host.send_audio(0)
    call = host.call("session/close", sessionId="s1")
    for _ in range(cancels):
        host.notify("$/cancelRequest", id=call)
    assert kind(await host.answer_to(call)) == "requestCancelled"

    await host.hear_until(
        lambda m: m.get("method") == "session/stateChanged" and m["params"]["state"] == "disconnected"
    )
    assert (await host.ask("session/list"))["sessions"] == []
    await host.open(sim)


async def test_an_open_cancelled_twice_leaves_no_session(host, sim, params_of_open):
    """The second cancel falls into the clean-up of the first: here a line is live and takes time to close."""
    await sim.hang(1)
    call = host.call("session/open", **params_of_open(sim.url))
    await host.hear_until(lambda m: m.get("method") == "session/setupSent")
    for _ in range(3):
        host.notify("$/cancelRequest", id=call)
        await asyncio.sleep(0)

    assert kind(await host.answer_to(call)) == "requestCancelled"
    assert (await host.ask("session/list"))["sessions"] == []


# --- the order of lines ---------------------------------------------------------------------------


async def test_the_answer_to_an_open_comes_after_everything_that_led_to_it(host, sim, params_of_open):
    call = host.call("session/open", **params_of_open(sim.url))
    await host.answer_to(call)

    states = [m["params"]["state"] for m in host.heard if m.get("method") == "session/stateChanged"]
    assert states == ["connecting", "connecting", "connecting", "connected"]


async def test_the_answer_to_a_close_is_the_last_line_of_its_session(host, sim):
    await host.open(sim)
    host.send_audio(0)
    call = host.call("session/close", sessionId="s1")
    await host.answer_to(call)
    assert host.heard[-2]["params"]["state"] == "disconnected"

    assert await host.hear_all() == []


async def test_the_refusal_of_an_open_comes_after_the_error_that_explains_it(host, params_of_open):
    params = params_of_open("ws://127.0.0.1:9") | {"settings": {"deadlines": {"openMs": 50}}}
    call = host.call("session/open", **params)

    assert (await host.answer_to(call))["error"]["code"] == -32020
    assert where(host.heard, lambda m: m.get("method") == "session/error" and m["params"]["fatal"]) < where(
        host.heard, is_answer(call)
    )


async def test_the_answer_to_a_held_message_comes_after_what_it_caused(host, sim, params_of_open):
    """A message that does not fit drops audio; the notice of that goes before the answer."""
    settings = {"outbox": {"maxBytes": 65_536}}
    await sim.hang(1)
    host.call("session/open", **params_of_open(sim.url) | {"settings": settings})
    await host.hear_until(lambda m: m.get("method") == "session/setupSent")
    for n in range(60):
        host.send_audio(n)
    call = host.call("session/send", sessionId="s1", realtimeInput={"text": "x" * 20_000})

    assert (await host.answer_to(call))["result"] == {"status": "held"}
    assert where(host.heard, lambda m: m.get("method") == "session/dropped") < where(
        host.heard, is_answer(call)
    )


async def test_messages_of_one_session_are_numbered_without_gaps_also_over_a_reopening(host, sim):
    for _ in range(2):
        host.heard.clear()
        await host.open(sim)
        host.send_audio(0)
        await host.ask("session/close", sessionId="s1")
        numbers = [m["params"]["seq"] for m in host.heard if m.get("method", "").startswith("session/")]
        assert numbers == list(range(1, len(numbers) + 1))


async def test_a_batch_is_answered_after_the_lines_of_every_session_it_touched(host, sim, params_of_open):
    host.say(
        [
            {"jsonrpc": "2.0", "id": "a", "method": "session/open", "params": params_of_open(sim.url, "a")},
            {"jsonrpc": "2.0", "id": "b", "method": "session/open", "params": params_of_open(sim.url, "b")},
            {"jsonrpc": "2.0", "id": "p", "method": "ping"},
        ]
    )
    answers = await host.hear_until(lambda m: isinstance(m, list))

    assert {answer["id"] for answer in answers} == {"a", "b", "p"}
    assert all("result" in answer for answer in answers)
    for session_id in ("a", "b"):
        assert host.of("session/stateChanged", session_id)[-1]["state"] == "connected"


async def test_members_of_a_batch_are_carried_out_in_their_order_and_fail_one_by_one(host, sim):
    await host.open(sim)
    text = {"sessionId": "s1", "realtimeInput": {"text": "hello"}}
    host.say(
        [
            {"jsonrpc": "2.0", "id": 1, "method": "session/send", "params": text},
            {"jsonrpc": "2.0", "id": 2, "method": "session/send", "params": {"sessionId": "s1"}},
            {
                "jsonrpc": "2.0",
                "method": "session/sendAudio",
                "params": {"sessionId": "s1", "n": 0, "data": "AAA="},
            },
            7,
            {"jsonrpc": "2.0", "id": 3, "method": "session/get", "params": {"sessionId": "s1"}},
            {"jsonrpc": "2.0", "id": 1, "method": "session/get", "params": {"sessionId": "other"}},
        ]
    )
    answers = await host.hear_until(lambda m: isinstance(m, list))

    assert [answer["id"] for answer in answers] == [1, 2, None, 3, 1]
    assert answers[0]["result"] == {"status": "sent"}
    assert kind(answers[1]) == "invalidParams"
    assert kind(answers[2]) == "invalidRequest"
    assert answers[3]["result"]["queue"]["acceptedThrough"] == 0
    assert kind(answers[4]) == "unknownSession"


async def test_a_batch_may_open_the_conversation(hosts):
    host = await hosts()
    host.say(
        [
            {"jsonrpc": "2.0", "id": 1, "method": "ping"},
            {"jsonrpc": "2.0", "id": 2, "method": "initialize", "params": OPENING},
            {"jsonrpc": "2.0", "id": 3, "method": "ping"},
        ]
    )

    answers = await host.hear()
    assert kind(answers[0]) == "notInitialized"
    assert [("result" in answer) for answer in answers] == [False, True, True]


async def test_a_batch_of_notifications_gets_no_answer(host, sim):
    await host.open(sim)
    host.say(
        [
            {
                "jsonrpc": "2.0",
                "method": "session/sendAudio",
                "params": {"sessionId": "s1", "n": 0, "data": "AAA="},
            }
        ]
        * 3
    )

    assert not [m for m in await host.hear_all() if isinstance(m, list)]


# --- the end --------------------------------------------------------------------------------------


async def test_shutdown_closes_every_session_and_then_answers(host, sim):
    await host.open(sim, "a")
    await host.open(sim, "b")

    assert await host.ask("shutdown") == {}

    assert {m["sessionId"]: m["state"] for m in host.of("session/stateChanged")} == {
        "a": "disconnected",
        "b": "disconnected",
    }
    assert [connection.close_code for connection in sim.connections] == [1000, 1000]
    assert (await host.ask("ping"))["sessions"] == 0
    assert host.ends.reasons == []


async def test_after_shutdown_no_session_can_be_opened(host, sim, params_of_open):
    await host.ask("shutdown")

    assert (await host.refused("session/open", **params_of_open(sim.url)))["data"]["kind"] == "shuttingDown"


async def test_exit_ends_the_process(host):
    host.notify("exit")

    assert host.ends.reasons == ["exit"]
