"""An open that is cancelled and a stdin that ends, in every phase: nothing is left, and it does not last."""

import json
import socket
import sys

import pytest

from tests.process.host import Host, Simulator, eventually
from tests.program import PLATFORM

NEVER_AGAIN = {"reconnect": {"baseDelayMs": 60_000, "maxDelayMs": 60_000, "jitter": "none"}}
GONE_S = 1.0


@pytest.fixture(scope="module")
def sim(tmp_path_factory):
    simulator = Simulator(tmp_path_factory.mktemp("simulator"), turns=[])
    yield simulator
    simulator.stop()


@pytest.fixture
def host(spawn):
    return Host(spawn)


@pytest.fixture
def nowhere():
    """URLs at which an attempt stays in its first steps: no answer to SYN, none to the upgrade, nobody."""
    full = socket.socket()
    full.bind(("127.0.0.1", 0))
    full.listen(0)
    address = full.getsockname()
    waiting = []
    for _ in range(3):  # the accept queue is full, and the kernel drops what comes next
        client = socket.socket()
        client.setblocking(False)
        client.connect_ex(address)
        waiting.append(client)
    deaf = socket.create_server(("127.0.0.1", 0))
    with socket.create_server(("127.0.0.1", 0)) as closed:
        free_port = closed.getsockname()[1]
    ports = {"dialing": address[1], "handshaking": deaf.getsockname()[1], "retrying": free_port}
    yield {phase: f"ws://127.0.0.1:{port}" for phase, port in ports.items()}
    for sock in (full, deaf, *waiting):
        sock.close()


def opening(host, sim, nowhere, phase):
    """The open is under way, in this phase; returns its id."""
    if phase == "setup":
        sim.do(do="hang")
    call = host.begin(nowhere.get(phase, sim.url), NEVER_AGAIN)
    if phase == "retrying":
        host.told("session/reconnecting")
    else:
        host.told("session/stateChanged", phase=phase)
    return call


on_linux = pytest.mark.skipif(sys.platform != "linux", reason="a full accept queue")


@on_linux
@pytest.mark.skipif(PLATFORM != "linux", reason="its sockets are counted in /proc")
@pytest.mark.parametrize("phase", ["dialing", "handshaking", "setup", "retrying"])
def test_an_open_that_is_cancelled_leaves_no_socket(host, sim, nowhere, phase):
    host.ask("ping")
    before = host.sockets()
    call = opening(host, sim, nowhere, phase)
    if phase != "retrying":
        eventually(lambda: host.sockets() > before)
    host.tell("$/cancelRequest", id=call)

    assert host.answer_to(call)["error"]["data"]["kind"] == "requestCancelled"
    assert host.ask("session/list") == {"sessions": []}
    eventually(lambda: host.sockets() == before)
    host.open(sim.url)  # the name is free, and the service there


def live(host, sim, nowhere, phase):
    host.open(sim.url, NEVER_AGAIN)
    host.speak(5)
    match phase:
        case "draining":
            sim.do(do="freeze", forMs=3000)
            host.start("session/reconnect", sessionId="s1")
        case "waiting":
            sim.do(do="cut")
        case "parked":
            host.ask("session/suspend", sessionId="s1")
    if phase == "failed":
        sim.do(do="refuse", status=403)
        sim.do(do="cut")
        host.start("session/reconnect", sessionId="s1")
        host.told("session/stateChanged", state="failed")
    else:
        host.told("session/stateChanged", phase=phase)


PHASES = [
    *((opening, phase) for phase in ("dialing", "handshaking", "setup", "retrying")),
    *((live, phase) for phase in ("active", "draining", "waiting", "parked", "failed")),
]


@on_linux
@pytest.mark.parametrize(("reach", "phase"), PHASES, ids=[phase for _, phase in PHASES])
def test_the_end_of_stdin_ends_the_process_within_a_second(host, sim, nowhere, reach, phase):
    call = reach(host, sim, nowhere, phase)
    host.child.process.stdin.close()
    assert host.child.seconds_until_gone() < GONE_S
    assert host.child.process.returncode == 0
    last = [json.loads(line) for line in host.child.hear_all()]
    if call is not None:
        [answer] = [message for message in last if message.get("id") == call]
        assert answer["error"]["data"]["kind"] == "shuttingDown"
