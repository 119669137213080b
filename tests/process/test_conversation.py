"""The conversation that design section 2 prints, word for word, with the real process and the simulator.

What is written `...` there, the port and the audio are filled in; everything else must be as printed,
in that order.
"""

import base64
import json
import os
import re

import pytest

from tests.program import PROGRAM, sees_us

pytestmark = sees_us
SIDECAR = (*PROGRAM, "serve", "--log-level", "error")
SIMULATOR = (*PROGRAM, "simulate", "--until-stdin-closes", "--quiet")


@pytest.fixture
def service(spawn):
    simulator = spawn(command=SIMULATOR).drain_stderr()
    return json.loads(simulator.hear())["url"]


@pytest.fixture
def sidecar(spawn):
    return spawn(command=SIDECAR).drain_stderr()


def initialize(sidecar):
    sidecar.say(
        b'{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"1",'
        b'"client":{"name":"demo","version":"1.0"},"parentPid":%d}}' % os.getpid()
    )
    return sidecar.hear().decode()


def open_line(service, exclude):
    return (
        '{"jsonrpc":"2.0","id":2,"method":"session/open","params":{"sessionId":"s1","endpoint":{"family":"developer",'
        f'"apiVersion":"v1beta","baseUrl":"{service}"}},"auth":{{"type":"apiKey","apiKey":"a-key"}},'
        '"setup":{"model":"models/gemini-3.8-live","generationConfig":{"responseModalities":["AUDIO"]},'
        '"inputAudioTranscription":{}},"settings":{"heartbeat":{"intervalMs":30000},"reconnect":{"maxAttempts":5}},'
        f'"notifications":{{"exclude":{json.dumps(exclude)}}}}}}}'
    ).encode()


def hear_until(sidecar, method_or_id):
    """Lines up to the one wanted, which is the last."""
    heard = []
    while True:
        line = sidecar.hear()
        assert line is not None, heard
        heard.append(line.decode())
        message = json.loads(line)
        if message.get("method") == method_or_id or message.get("id") == method_or_id:
            return heard


def test_the_printed_conversation_word_for_word(sidecar, service):
    answer = initialize(sidecar)
    assert re.fullmatch(
        r'\{"jsonrpc":"2\.0","id":1,"result":\{"protocolVersion":"1","instanceId":"[^"]+",'
        r'"sidecar":\{"version":"[^"]+","python":"[^"]+","platform":"[^"]+"\},'
        r'"limits":\{"maxLineBytes":16777216\},"capabilities":\{\}\}\}',
        answer,
    )
    instance_id = json.loads(answer)["result"]["instanceId"]

    sidecar.say(open_line(service, ["session/message"]))
    first, *others, answer = hear_until(sidecar, 2)
    assert first.startswith(
        f'{{"jsonrpc":"2.0","method":"session/stateChanged","params":{{"sessionId":"s1","instanceId":"{instance_id}",'
        '"seq":1,"revision":1,"state":"connecting","phase":"dialing","previous":"disconnected",'
    )
    assert answer.startswith('{"jsonrpc":"2.0","id":2,"result":{"sessionId":"s1","state":"connected",')
    states = [json.loads(line)["params"] for line in [first, *others] if "stateChanged" in line]
    assert [(s["state"], s.get("phase")) for s in states] == [
        ("connecting", "dialing"), ("connecting", "handshaking"), ("connecting", "setup"), ("connected", "active"),
    ]  # fmt: skip
    assert [json.loads(line)["params"]["seq"] for line in [first, *others]] == list(range(1, 2 + len(others)))

    data = base64.b64encode(bytes(640)).decode()
    sidecar.say(
        b'{"jsonrpc":"2.0","method":"session/sendAudio","params":{"sessionId":"s1","n":17,'
        b'"data":"%s","mimeType":"audio/pcm;rate=16000"}}' % data.encode(),
        b'{"jsonrpc":"2.0","id":3,"method":"session/get","params":{"sessionId":"s1"}}',
    )
    *_, answer = hear_until(sidecar, 3)
    assert json.loads(answer)["result"]["queue"]["acceptedThrough"] == 17


def test_a_server_message_comes_as_printed(sidecar, service):
    instance_id = json.loads(initialize(sidecar))["result"]["instanceId"]
    sidecar.say(open_line(service, []))
    heard = hear_until(sidecar, "session/message")
    seq = len(heard)
    assert heard[-1].startswith(
        f'{{"jsonrpc":"2.0","method":"session/message","params":{{"sessionId":"s1","instanceId":"{instance_id}",'
        f'"seq":{seq},"message":{{'
    )
    assert json.loads(heard[-1])["params"]["message"] == {"setupComplete": {}}


def test_every_line_of_a_whole_life_is_json_and_numbered_without_gaps(sidecar, service):
    initialize(sidecar)
    sidecar.say(open_line(service, []))
    heard = hear_until(sidecar, 2)
    sidecar.say(
        b'{"jsonrpc":"2.0","id":3,"method":"session/send","params":{"sessionId":"s1",'
        b'"clientContent":{"turns":[{"role":"user","parts":[{"text":"hi"}]}],"turnComplete":true}}}'
    )
    heard += hear_until(sidecar, 3)
    heard += hear_until(sidecar, "session/turn")
    sidecar.say(b'{"jsonrpc":"2.0","id":4,"method":"session/close","params":{"sessionId":"s1"}}')
    heard += hear_until(sidecar, 4)
    sidecar.say(b'{"jsonrpc":"2.0","method":"exit"}')
    heard += [line.decode() for line in sidecar.hear_all()]
    numbers = [json.loads(line)["params"]["seq"] for line in heard if '"seq"' in line]
    assert numbers == list(range(1, len(numbers) + 1))
    assert json.loads(heard[-1])["result"]["state"] == "disconnected"
    sidecar.seconds_until_gone()
    assert sidecar.process.returncode == 0
