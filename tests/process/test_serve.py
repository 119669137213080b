"""The real `live-sidecar serve` as a child process: bad input, ends, and a host that does not read."""

import base64
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time

import psutil
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import serve

from tests.program import PARENT, PLATFORM, PROGRAM, of_sources

SERVE = (*PROGRAM, "serve", "--log-level", "error")
HANGING_RESOLVER = """
import socket, sys, time
socket.getaddrinfo = lambda *a, **k: time.sleep(600)
sys.argv = ["live-sidecar", "serve", "--log-level", "error"]
from sidecar.__main__ import main
main()
"""
PROMPT_S = 1.0


class Service:
    """A WebSocket service in a thread: answers the setup, keeps what it hears, and how each connection ended."""

    def __init__(self, after_setup=None):
        self.audio = {}
        self.ends = []
        self.ended = threading.Condition()
        self._after_setup = after_setup
        self._server = serve(self._converse, "127.0.0.1", 0, ping_interval=None, compression=None)
        self.url = f"ws://127.0.0.1:{self._server.socket.getsockname()[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def _converse(self, connection):
        model = json.loads(connection.recv())["setup"]["model"]
        connection.send(b'{"setupComplete":{}}')
        if self._after_setup is not None:
            self._after_setup(connection)
        with contextlib.suppress(ConnectionClosed):
            for message in connection:
                data = json.loads(message).get("realtimeInput", {}).get("audio", {}).get("data")
                if data:
                    self.audio.setdefault(model, []).append(base64.b64decode(data))
        with self.ended:
            self.ends.append(connection.protocol.close_code)
            self.ended.notify_all()

    def wait_for_ends(self, count):
        with self.ended:
            assert self.ended.wait_for(lambda: len(self.ends) >= count, 10), self.ends
        return self.ends

    def stop(self):
        self._server.shutdown()


@pytest.fixture
def service():
    service = Service()
    yield service
    service.stop()


def call(call_id, method, **params):
    return json.dumps({"jsonrpc": "2.0", "id": call_id, "method": method, "params": params}).encode()


def audio(session_id, n, pcm):
    params = {"sessionId": session_id, "n": n, "data": base64.b64encode(pcm).decode()}
    return json.dumps({"jsonrpc": "2.0", "method": "session/sendAudio", "params": params}).encode()


def open_session(url, session_id="s1", **more):
    return call(
        f"open-{session_id}",
        "session/open",
        sessionId=session_id,
        endpoint={"baseUrl": url},
        auth={"type": "apiKey", "apiKey": "a-key"},
        setup={"model": f"models/{session_id}"},
        **more,
    )


def start(spawn, command=SERVE, **options):
    child = spawn(command=command, **options).drain_stderr()
    child.say(call(0, "initialize", protocolVersion="1", client={"name": "t", "version": "1"}, **PARENT))
    assert json.loads(child.hear())["id"] == 0
    return child


def answer_to(child, call_id):
    while True:
        line = child.hear()
        assert line is not None, f"stdout ended before {call_id!r} was answered"
        message = json.loads(line)
        if isinstance(message, dict) and message.get("id") == call_id and "method" not in message:
            return message


BAD_LINES = [
    (b"no json", -32700),
    (b'{"jsonrpc":"2.0","id":"x","method":"ping"', -32700),
    (b'\xff\xfe{"jsonrpc":"2.0"}', -32700),
    (b'{"jsonrpc":"2.0","id":"x","method":"session/get","params":{"sessionId":"\\ud800"}}', -32700),
    (b"[" * 200_000, -32700),
    (b'{"jsonrpc":"2.0","id":"x","method":"session/get","params":' + b"[" * 200_000 + b"}", -32700),
    (b"x" * (16 * 1024 * 1024 + 10), -32000),
    (b"[]", -32600),
    (b'{"jsonrpc":"1.0","id":"x","method":"ping"}', -32600),
    (b'{"jsonrpc":"2.0","id":null,"method":"ping"}', -32600),
    (b'{"jsonrpc":"2.0","id":"x","method":7}', -32600),
    (call("x", "nope"), -32601),
    (call("x", "session/get", sessionId="nobody"), -32010),
    (call("x", "session/get", sessionId=7), -32602),
    (call("x", "session/get", sessionId="s1", extra=1), -32602),
    (call("x", "session/open", sessionId="s1", auth={"type": "apiKey", "apiKey": "k"}, setup={"model": "models/m"}), -32011),
    (call("x", "session/open", sessionId="s2", auth={"type": "magic"}, setup={"model": "models/m"}), -32602),
    (call("x", "session/open", sessionId="s2", auth={"type": "apiKey", "apiKey": "k"}, setup={}), -32602),
    (call("x", "session/send", sessionId="s1", realtimeInput={"ping": True}), -32016),
    (call("x", "initialize", protocolVersion="1", client={"name": "t", "version": "1"}), -32003),
]  # fmt: skip


def test_bad_input_gets_its_typed_error_while_another_session_streams_unharmed(spawn, service):
    child = start(spawn)
    child.say(open_session(service.url))
    assert "result" in answer_to(child, "open-s1")
    spoken = []
    for bad, code in BAD_LINES:
        pcm = os.urandom(640)
        child.say(audio("s1", len(spoken), pcm), bad)
        spoken.append(pcm)
        while True:
            message = json.loads(child.hear())
            if "error" in message:
                break
        assert message["error"]["code"] == code, bad[:100]
        data = message["error"]["data"]
        assert {"kind", "message", "userMessage", "retryable", "action"} <= set(data)
    child.say(call("close", "session/close", sessionId="s1", drainMs=5000))
    assert answer_to(child, "close")["result"]["queue"]["confirmedMs"] == 20.0 * len(spoken)
    service.wait_for_ends(1)
    assert service.audio["models/s1"] == spoken


def test_what_a_notification_asks_in_vain_is_told_by_log(spawn):
    child = start(spawn)
    child.say(
        b'{"jsonrpc":"2.0","method":"nope"}',
        b'{"jsonrpc":"2.0","method":"session/open","params":{}}',
        audio("nobody", 0, bytes(640)),
        b'{"jsonrpc":"2.0","method":"session/sendAudio","params":{"sessionId":"s1"}}',
        call("ping", "ping"),
    )
    notes = []
    while "result" not in (message := json.loads(child.hear())):
        notes.append(message)
    assert [note["method"] for note in notes] == ["log"] * 4
    assert all("seq" not in note["params"] for note in notes)


def test_the_end_of_stdin_closes_open_sessions_politely_and_within_a_second(spawn, service):
    child = start(spawn)
    child.say(*(open_session(service.url, f"s{i}") for i in range(5)))
    waiting = {f"open-s{i}" for i in range(5)}
    while waiting:
        waiting.discard(json.loads(child.hear()).get("id"))
    child.process.stdin.close()
    assert child.seconds_until_gone() < PROMPT_S
    assert service.wait_for_ends(5) == [1000] * 5


@of_sources
def test_the_end_of_stdin_is_not_held_by_a_name_that_does_not_resolve(spawn):
    child = start(spawn, command=(sys.executable, "-c", HANGING_RESOLVER))
    child.say(open_session("wss://name.invalid"), call("ping", "ping"))
    assert "result" in answer_to(child, "ping")
    child.process.stdin.close()
    assert child.seconds_until_gone() < PROMPT_S
    last = [json.loads(line) for line in child.hear_all()]
    [opening] = [message for message in last if message.get("id") == "open-s1"]
    assert opening["error"]["data"]["kind"] == "shuttingDown"


@of_sources
def test_an_open_that_hangs_in_name_resolution_can_be_cancelled(spawn):
    child = start(spawn, command=(sys.executable, "-c", HANGING_RESOLVER))
    child.say(
        open_session("wss://name.invalid"),
        b'{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":"open-s1"}}',
    )
    assert answer_to(child, "open-s1")["error"]["data"]["kind"] == "requestCancelled"
    child.say(call("list", "session/list"))
    assert answer_to(child, "list")["result"] == {"sessions": []}


def test_shutdown_closes_the_sessions_and_exit_ends_the_process(spawn, service):
    child = start(spawn)
    child.say(open_session(service.url))
    answer_to(child, "open-s1")
    child.say(call("down", "shutdown"))
    assert answer_to(child, "down")["result"] == {}
    assert service.wait_for_ends(1) == [1000]
    child.say(open_session(service.url, "s2"))
    assert answer_to(child, "open-s2")["error"]["data"]["kind"] == "shuttingDown"
    child.say(b'{"jsonrpc":"2.0","method":"exit"}')
    assert child.seconds_until_gone() < PROMPT_S
    assert child.process.returncode == 0


@pytest.mark.skipif(PLATFORM == "win32", reason="SIGTERM ends a Windows process without asking it")
def test_sigterm_says_goodbye_to_the_service(spawn, service):
    child = start(spawn)
    child.say(open_session(service.url))
    answer_to(child, "open-s1")
    child.process.send_signal(signal.SIGTERM)
    assert child.seconds_until_gone() < PROMPT_S
    assert service.wait_for_ends(1) == [1000]
    assert child.process.returncode == 128 + signal.SIGTERM


def test_a_killed_parent_takes_the_sidecar_with_it_though_somebody_else_holds_its_stdin(spawn):
    parent = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    child = spawn(command=SERVE).drain_stderr()
    child.say(
        call(0, "initialize", protocolVersion="1", client={"name": "t", "version": "1"}, parentPid=parent.pid)
    )
    assert json.loads(child.hear())["id"] == 0
    parent.kill()
    parent.wait()
    assert child.seconds_until_gone() < PROMPT_S


def sound(kilobytes):
    data = base64.b64encode(os.urandom(kilobytes * 768)).decode()
    return json.dumps(
        {
            "serverContent": {
                "modelTurn": {"parts": [{"inlineData": {"mimeType": "audio/pcm;rate=24000", "data": data}}]}
            }
        }
    ).encode()


def test_a_host_that_does_not_read_costs_model_audio_only_and_bounded_memory(spawn):
    frames, text = 4000, b'{"serverContent":{"outputTranscription":{"text":"word "}}}'
    all_sent = threading.Event()

    def flood(connection):
        frame = sound(16)
        for i in range(frames):
            connection.send(frame)
            if i % 100 == 0:
                connection.send(text)
        all_sent.set()

    service = Service(after_setup=flood)
    try:
        child = start(spawn)
        child.say(open_session(service.url))
        assert all_sent.wait(30)  # 64 MB went in, and nobody read
        for n in range(2000):
            child.say(audio("s1", n, bytes(640)))
        assert psutil.Process(child.pid).memory_info().rss < 130 * 2**20
        child.say(call("ping", "ping"), call("get", "session/get", sessionId="s1"))
        texts = dropped = 0
        seqs = []
        answered = False
        while not (answered and dropped and texts == frames // 100):
            message = json.loads(child.hear())
            if message.get("id") == "get":
                answered = True
            params = message.get("params", {})
            if "seq" in params:
                seqs.append(params["seq"])
            match message.get("method"):
                case "session/transcript":
                    texts += 1
                case "session/dropped":
                    assert params["reason"] == "hostNotReading"
                    assert params["kind"] == "modelAudio"
                    dropped += params["count"]
        assert seqs == list(range(1, len(seqs) + 1))
        assert dropped > 1000
        started = time.monotonic()
        child.process.stdin.close()
        while child.hear() is not None:
            pass
        assert time.monotonic() - started < PROMPT_S + 1
    finally:
        service.stop()


def test_an_unread_stdout_holds_neither_the_process_nor_its_end(spawn):
    child = start(spawn)
    before = psutil.Process(child.pid).memory_info().rss
    line = call(1, "session/get", sessionId="nobody") + b"\n"
    for _ in range(64):
        child.process.stdin.write(line * (2**20 // len(line)))  # would block for ever if reading stopped
    assert psutil.Process(child.pid).memory_info().rss - before < 64 * 2**20
    child.process.stdin.close()
    assert child.seconds_until_gone() < PROMPT_S
