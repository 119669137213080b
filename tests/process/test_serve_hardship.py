"""The real process while its host, the network or the service does nothing for a long time."""

import contextlib
import json
import socket
import sys
import threading

import psutil
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import serve

from tests.program import PROGRAM, WINE, of_sources

SERVE = (*PROGRAM, "serve", "--log-level", "error")
PROMPT_S = 1.0
MIB = 2**20


def call(call_id, method, **params):
    return json.dumps({"jsonrpc": "2.0", "id": call_id, "method": method, "params": params}).encode()


def open_line(url, session_id="s1", **more):
    return call(
        f"open-{session_id}",
        "session/open",
        sessionId=session_id,
        endpoint={"baseUrl": url},
        auth={"type": "apiKey", "apiKey": "a-key"},
        setup={"model": "models/m"},
        **more,
    )


def start(spawn, command=SERVE):
    child = spawn(command=command).drain_stderr()
    child.say(call(0, "initialize", protocolVersion="1", client={"name": "t", "version": "1"}))
    assert "result" in json.loads(child.hear())
    return child


def hear_until(child, condition):
    heard = []
    while not heard or not condition(heard[-1]):
        line = child.hear()
        assert line is not None, f"stdout ended; heard {heard[-3:]}"
        heard.append(json.loads(line))
    return heard


@pytest.fixture
def deaf():
    """Listens, and never accepts: connecting works, and then nothing comes."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize("scheme", ["ws", "wss"])
def test_the_end_of_stdin_is_not_held_by_a_handshake_without_an_answer(spawn, deaf, scheme):
    child = start(spawn)
    child.say(open_line(f"{scheme}://127.0.0.1:{deaf}"))
    hear_until(child, lambda m: m.get("params", {}).get("phase") == "handshaking")
    child.process.stdin.close()

    assert child.seconds_until_gone() < PROMPT_S
    last = [json.loads(line) for line in child.hear_all()]
    assert [m["error"]["data"]["kind"] for m in last if m.get("id") == "open-s1"] == ["shuttingDown"]


def test_a_batch_that_waits_is_answered_as_one_array_at_the_end_of_stdin(spawn, deaf):
    child = start(spawn)
    child.say(b"[%s,%s]" % (call("quick", "ping"), open_line(f"ws://127.0.0.1:{deaf}")))
    child.say(call("after", "ping"))
    hear_until(child, lambda m: m.get("id") == "after")
    child.process.stdin.close()

    assert child.seconds_until_gone() < PROMPT_S
    [batch] = [m for line in child.hear_all() if isinstance(m := json.loads(line), list)]
    assert {answer["id"]: "result" in answer for answer in batch} == {"quick": True, "open-s1": False}


@of_sources
def test_the_process_works_without_assertions(spawn, deaf):
    """`python -O`: what the routing library checks by `assert` is not checked then."""
    child = start(spawn, (sys.executable, "-O", "-m", "sidecar", "serve", "--log-level", "error"))
    child.say(
        call(1, "ping"),
        call(2, "nothing"),
        call(3, "ping", extra=1),
        call(4, "session/get", sessionId="s1"),
        b'{"jsonrpc":"2.0","method":"nothing"}',
        open_line("ws://127.0.0.1:9", settings={"deadlines": {"openMs": 50}}),
    )
    heard = hear_until(child, lambda m: m.get("id") == "open-s1")

    answers = {m["id"]: m.get("error", {}).get("code") for m in heard if "id" in m}
    assert answers == {1: None, 2: -32601, 3: -32602, 4: -32010, "open-s1": -32020}
    assert [m["method"] for m in heard if m.get("method") == "log"] == ["log"]


class Flood:
    """A service that sends one message over and over, as fast as it is read, and stops where it is told to."""

    def __init__(self, message):
        self._message = message
        self._allowed = threading.Semaphore(0)
        self.sent = threading.Semaphore(0)
        self._stopped = False
        self._server = serve(self._converse, "127.0.0.1", 0, ping_interval=None, compression=None)
        self.url = f"ws://127.0.0.1:{self._server.socket.getsockname()[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def _converse(self, connection):
        connection.recv()
        connection.send(b'{"setupComplete":{}}')
        while True:
            self._allowed.acquire()
            if self._stopped:
                return
            with contextlib.suppress(ConnectionClosed):
                for _ in range(MIB // len(self._message)):
                    connection.send(self._message)
            self.sent.release()

    def send(self, mebibytes):
        """Returns when so much is out: all but a socket's buffer of it was read by the other side."""
        for _ in range(mebibytes):
            self._allowed.release()
        for _ in range(mebibytes):
            assert self.sent.acquire(timeout=30)

    def stop(self):
        self._stopped = True
        self._allowed.release()
        self._server.shutdown()


@pytest.fixture
def flood():
    floods = []

    def make(message):
        floods.append(Flood(message))
        return floods[-1]

    yield make
    for each in floods:
        each.stop()


SOUND = (
    b'{"serverContent":{"modelTurn":{"parts":[{"inlineData":{"mimeType":"audio/pcm;rate=24000","data":"'
    + b"AAAA" * 4096
    + b'"}}]}}}'
)
SOUND_MS = 4 * 4096 * 3 / 4 / 48
"""Of PCM16 at 24 kHz."""


@pytest.mark.skipif(WINE, reason="it counts at a moment at which the sockets of Wine still hold some")
def test_a_host_that_does_not_read_for_long_costs_no_more_memory_than_one_that_does_not_read_for_a_moment(
    spawn, flood
):
    service = flood(SOUND)
    child = start(spawn)
    process = psutil.Process(child.pid)
    child.say(open_line(service.url))
    service.send(40)  # more than may be kept
    after_a_moment = process.memory_info().rss
    service.send(200)
    after_long = process.memory_info().rss

    assert after_long - after_a_moment < 4 * MIB
    heard = []
    for call_id in (
        "first",
        "second",
    ):  # what was on its way when the first was asked comes before the second
        child.say(call(call_id, "session/get", sessionId="s1"))
        heard += hear_until(child, lambda m, call_id=call_id: m.get("id") == call_id)
    drops = [m["params"] for m in heard if m.get("method") == "session/dropped"]
    assert {(drop["reason"], drop["kind"]) for drop in drops} == {("hostNotReading", "modelAudio")}
    count = sum(drop["count"] for drop in drops)
    assert sum(drop["durationMs"] for drop in drops) == pytest.approx(count * SOUND_MS)
    received = sum(
        m.get("method") == "session/message" and "serverContent" in m["params"]["message"] for m in heard
    )
    assert count + received == 240 * (MIB // len(SOUND))
    # What the queue held, and what the sockets held while the host began to read.
    assert received * len(SOUND) < (16 + 8) * MIB
    assert heard[-1]["result"]["state"] == "connected"
    child.process.stdin.close()
    assert child.seconds_until_gone() < PROMPT_S


def test_what_may_not_be_dropped_ends_the_session_of_a_host_that_does_not_read_and_says_so(spawn, flood):
    service = flood(b'{"serverContent":{"outputTranscription":{"text":"' + b"x" * 8000 + b'"}}}')
    child = start(spawn)
    child.say(open_line(service.url, notifications={"exclude": ["session/transcript"]}))
    hear_until(child, lambda m: m.get("id") == "open-s1")
    for _ in range(40):
        service.send(1)
        if not service_is_connected(child, service):
            break
    heard = hear_until(child, lambda m: m.get("params", {}).get("state") == "disconnected")
    child.say(call("list", "session/list"))

    assert hear_until(child, lambda m: m.get("id") == "list")[-1]["result"]["sessions"] == []
    [closing] = [m["params"] for m in heard if m.get("params", {}).get("state") == "disconnecting"]
    [error] = [m["params"] for m in heard if m.get("method") == "session/error"]
    assert closing["reason"] == "hostNotReading"
    assert (error["error"]["kind"], error["fatal"]) == ("hostNotReading", True)


def service_is_connected(child, service):
    port = int(service.url.rsplit(":", 1)[1])
    return any(c.raddr and c.raddr.port == port for c in psutil.Process(child.pid).net_connections("tcp"))


def test_a_service_that_does_not_read_holds_neither_the_process_nor_its_end(spawn, deaf):
    """Its socket's buffer fills up, the outbox drops its oldest, and the close frame finds no room."""
    stop = threading.Event()

    def never_read_again(connection):
        connection.recv()
        connection.send(b'{"setupComplete":{}}')
        stop.wait(30)

    server = serve(
        never_read_again, "127.0.0.1", 0, ping_interval=None, compression=None, max_queue=1, close_timeout=0.1
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    child = start(spawn)
    try:
        url = f"ws://127.0.0.1:{server.socket.getsockname()[1]}"
        child.say(open_line(url, settings={"outbox": {"flushRate": 1000, "maxBytes": 4 * MIB}}))
        hear_until(child, lambda m: m.get("id") == "open-s1")
        data = "AAAA" * 12_000
        for n in range(400):
            chunk = {"sessionId": "s1", "n": n, "data": data}
            child.say(json.dumps({"jsonrpc": "2.0", "method": "session/sendAudio", "params": chunk}).encode())
        child.say(call("books", "session/get", sessionId="s1"))
        queue = hear_until(child, lambda m: m.get("id") == "books")[-1]["result"]["queue"]
        assert queue["droppedMs"] > 0
        parts = ("heldMs", "unconfirmedMs", "confirmedMs", "droppedMs")
        assert sum(queue[part] for part in parts) == pytest.approx(queue["acceptedMs"])
        child.process.stdin.close()

        assert child.seconds_until_gone() < PROMPT_S
    finally:
        stop.set()
        server.shutdown()
