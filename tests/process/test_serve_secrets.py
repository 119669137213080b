"""Where a secret must not be seen from outside the process: its log at debug, its arguments, its environment."""

import base64
import json
import os

import psutil
import pytest

from tests.program import PROGRAM

KEY = "canary-key-5c1f0a"
SERVE = (*PROGRAM, "serve", "--log-level", "debug")
SIMULATE = (*PROGRAM, "simulate", "--until-stdin-closes", "--control-port", "0")


def call(call_id, method, **params):
    return json.dumps({"jsonrpc": "2.0", "id": call_id, "method": method, "params": params}).encode()


def hear_until(child, condition, heard):
    while not condition(message := json.loads(child.hear())):
        heard.append(message)
    heard.append(message)
    return message


@pytest.fixture
def simulator(spawn):
    child = spawn(command=SIMULATE).drain_stderr()
    child.where = json.loads(child.hear())
    return child


def open_params(url, key=KEY):
    return {
        "sessionId": "s1",
        "endpoint": {"baseUrl": url},
        "auth": {"type": "apiKey", "apiKey": key},
        "setup": {"model": "models/m"},
        "settings": {"heartbeat": {"intervalMs": 50}},
    }


def test_a_whole_life_at_debug_shows_neither_key_nor_handle(spawn, simulator):
    child = spawn(command=SERVE).drain_stderr()
    heard = []
    child.say(call(0, "initialize", protocolVersion="1", client={"name": "t", "version": "1"}))
    child.say(call("bad", "session/open", **open_params("ftp://nowhere") | {"auth": {"type": KEY}}))
    child.say(call("newline", "session/open", **open_params(simulator.where["url"], key=f"{KEY}\n")))
    child.say(
        call(
            "refused",
            "session/open",
            **open_params("ws://127.0.0.1:9") | {"settings": {"deadlines": {"openMs": 20}}},
        )
    )
    hear_until(child, lambda m: m.get("id") == "refused", heard)
    assert [m["error"]["data"]["kind"] for m in heard if m.get("id") in ("bad", "newline", "refused")] == [
        "invalidParams",
        "invalidParams",
        "openTimeout",
    ]
    child.say(call("open", "session/open", **open_params(simulator.where["url"])))
    hear_until(child, lambda m: m.get("method") == "session/resumption", heard)
    pcm = base64.b64encode(os.urandom(640)).decode()
    child.say(call("audio", "session/sendAudio", sessionId="s1", n=0, data=pcm))
    child.say(call("again", "session/reconnect", sessionId="s1"))
    hear_until(child, lambda m: m.get("id") == "again", heard)
    hear_until(child, lambda m: m.get("method") == "session/health", heard)
    process = psutil.Process(child.pid)
    seen_from_outside = [*process.cmdline(), *process.environ().values(), *process.environ()]
    child.say(call("close", "session/close", sessionId="s1"))
    hear_until(child, lambda m: m.get("id") == "close", heard)
    child.say(json.dumps({"jsonrpc": "2.0", "method": "session/open", "params": {KEY: KEY}}).encode())
    child.say(call("not the last line", "ping"))
    child.process.stdin.close()
    child.seconds_until_gone()
    child.clean_up()

    handles = {m["params"]["handle"] for m in heard if m.get("method") == "session/resumption"}
    assert len(handles) == 2
    log = child.errors.decode()
    assert log.count('"logger":"websockets"') + log.count('"logger": "websockets"') > 10, (
        "the library was heard"
    )
    told = "\n".join(
        json.dumps(m) for m in heard if m.get("method") != "session/resumption" and m.get("id") != "bad"
    )
    for secret in (KEY, *handles):
        assert secret not in log
        assert secret not in told
        assert not [text for text in seen_from_outside if secret in text]
        assert secret not in simulator.errors.decode()


def test_every_line_of_the_log_is_one_json_object(spawn, simulator):
    child = spawn(command=SERVE).drain_stderr()
    child.say(call(0, "initialize", protocolVersion="1", client={"name": "t\n\u2028", "version": "\x7f"}))
    child.say(call("open", "session/open", **open_params(simulator.where["url"])))
    hear_until(child, lambda m: m.get("id") == "open", [])
    child.process.stdin.close()
    child.seconds_until_gone()
    child.clean_up()

    lines = [json.loads(line) for line in child.errors.splitlines()]
    assert len(lines) > 10
    assert all({"ts", "level", "logger", "msg"} <= set(line) for line in lines)
    assert {line["level"] for line in lines} <= {"debug", "info", "warn", "error"}
