"""From a name to a connected socket: the steps, the shared lookup, the gate, and nothing left of a cancelled one."""

import asyncio
import select
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sidecar.lifecycle.faults import Cause, Layer
from sidecar.live import dial
from sidecar.live.endpoints import Endpoint
from sidecar.live.failure import DialFailed

TIMEOUT_S = 5.0
HOST = "service.test"


def endpoint(port: int, host: str = HOST) -> Endpoint:
    return Endpoint(f"ws://{host}:{port}/", host, port)


class Names:
    """Stands for the system's resolver. It may hang until `answer` is set."""

    def __init__(self) -> None:
        self.addresses: list[str] = ["127.0.0.1"]
        self.error: OSError | None = None
        self.asked = 0
        self.asked_for: list[str] = []
        self.answer = threading.Event()
        self.answer.set()

    def getaddrinfo(self, host: str, port: int, **_options: Any) -> list[Any]:
        self.asked += 1
        self.asked_for.append(host)
        self.answer.wait(TIMEOUT_S)
        if self.error is not None:
            raise self.error
        return [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (address, port, 0, 0))
            if ":" in address
            else (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
            for address in self.addresses
        ]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Iterator[Names]:
    names = Names()
    monkeypatch.setattr(socket, "getaddrinfo", names.getaddrinfo)
    yield names
    names.answer.set()


class Dial:
    """One call, and the steps it told."""

    def __init__(self, target: Endpoint, then: Callable[[], None] = lambda: None) -> None:
        self.steps: list[str] = []
        self._then = then
        self.task = asyncio.create_task(dial.connect(target, self._on_step))

    def _on_step(self, step: str) -> None:
        self.steps.append(step)
        self._then()

    async def result(self) -> socket.socket:
        async with asyncio.timeout(TIMEOUT_S):
            return await self.task

    async def cause(self) -> Cause:
        with pytest.raises(DialFailed) as failed:
            await self.result()
        return failed.value.cause

    async def cancelled(self) -> None:
        self.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await self.result()


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(TIMEOUT_S):
        while not condition():  # noqa: ASYNC110 - a thread or the kernel makes it true
            await asyncio.sleep(0)


async def free_places(names: Names, port: int) -> int:
    """How many dials the gate lets through now, found out by dialing."""
    names.answer.clear()
    dials = [Dial(endpoint(port)) for _ in range(2 * dial.DIALS_PER_HOST)]
    for _ in range(50):
        await asyncio.sleep(0)
    through = sum(bool(d.steps) for d in dials)
    for d in dials:
        d.task.cancel()
    await asyncio.wait([d.task for d in dials])
    names.answer.set()
    return through


# --- steps and lookups ------------------------------------------------------------------------------


async def test_the_steps_are_told_in_their_order(names, listening):
    server = listening()
    d = Dial(endpoint(server.getsockname()[1]))
    with await d.result() as sock:
        assert sock.getpeername() == server.getsockname()
        assert sock.getblocking() is False
    assert d.steps == ["dialing", "resolved"]


async def test_two_callers_share_one_lookup(names, listening):
    names.answer.clear()
    target = endpoint(listening().getsockname()[1])
    dials = [Dial(target), Dial(target)]
    await until(lambda: names.asked and all(d.steps for d in dials))
    names.answer.set()
    for d in dials:
        (await d.result()).close()
    assert names.asked == 1


async def test_a_caller_that_leaves_does_not_take_the_lookup_from_the_other(names, listening):
    names.answer.clear()
    target = endpoint(listening().getsockname()[1])
    first, second = Dial(target), Dial(target)
    await until(lambda: names.asked)
    await first.cancelled()
    names.answer.set()
    (await second.result()).close()
    assert names.asked == 1


async def test_beside_a_lookup_that_hangs_a_few_others_are_tried(names, listening, monkeypatch):
    monkeypatch.setattr(dial, "LOOKUP_SHARED_S", 0.0)  # every lookup is old at once
    names.answer.clear()
    target = endpoint(listening().getsockname()[1])
    dials = []
    for number in range(6):
        dials.append(Dial(target))
        await until(lambda n=number: names.asked >= min(n + 1, dial.MAX_LOOKUPS) and dials[n].steps)
    assert names.asked == dial.MAX_LOOKUPS == 4
    names.answer.set()
    for d in dials:
        (await d.result()).close()


async def test_the_next_attempt_looks_up_anew(names, listening):
    target = endpoint(listening().getsockname()[1])
    for _ in range(2):
        (await Dial(target).result()).close()
        await asyncio.sleep(0)
    assert names.asked == 2


async def test_a_name_that_does_not_exist_is_told_as_such(names):
    names.error = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    d = Dial(endpoint(9))
    cause = await d.cause()
    assert (cause.layer, cause.code) == (Layer.DNS, "notFound")
    assert "not known" in cause.text
    assert d.steps == ["dialing"]


async def test_what_cannot_be_a_name_is_told_without_asking_anybody():
    cause = await Dial(endpoint(9, "a" * 64 + ".test")).cause()
    assert (cause.layer, cause.code) == (Layer.DNS, "notFound")


# --- several addresses ------------------------------------------------------------------------------


@pytest.mark.parametrize(("open_at", "first"), [("127.0.0.1", "::1"), ("::1", "127.0.0.1")])
async def test_when_only_one_family_listens_it_is_found_at_once(names, listening, open_at, first):
    server = listening(open_at)
    names.addresses = [first, open_at]
    with await Dial(endpoint(server.getsockname()[1])).result() as sock:
        assert sock.getpeername()[0] == open_at


async def test_an_address_that_does_not_answer_is_not_waited_for(names, listening, deaf):
    try:
        socket.create_server(("127.0.0.2", deaf)).close()
    except OSError:
        pytest.skip("127.0.0.2 cannot be used on this machine")
    names.addresses = ["127.0.0.1", "127.0.0.2"]
    with socket.create_server(("127.0.0.2", deaf)):
        began = asyncio.get_running_loop().time()
        with await Dial(endpoint(deaf)).result() as sock:
            assert sock.getpeername()[0] == "127.0.0.2"
        assert asyncio.get_running_loop().time() - began < 2.0


async def test_where_nobody_listens_at_any_address_it_is_refused(names, listening):
    server = listening()
    port = server.getsockname()[1]
    server.close()
    names.addresses = ["127.0.0.1", "127.0.0.1"]
    cause = await Dial(endpoint(port)).cause()
    assert (cause.layer, cause.code) == (Layer.TCP, "refused")


# --- the gate ---------------------------------------------------------------------------------------


async def test_at_most_eight_dial_a_host_at_a_time_and_the_next_is_told_when_its_turn_comes(names, listening):
    names.answer.clear()
    target = endpoint(listening().getsockname()[1])
    dials = [Dial(target) for _ in range(9)]
    await until(lambda: sum(bool(d.steps) for d in dials) == 8)
    for _ in range(50):
        await asyncio.sleep(0)
    assert dials[8].steps == []

    await dials[0].cancelled()
    await until(lambda: dials[8].steps == ["dialing"])
    names.answer.set()
    for d in dials[1:]:
        (await d.result()).close()


async def test_a_connected_socket_holds_no_place_at_the_gate(names, listening):
    port = listening(backlog=32).getsockname()[1]
    open_sockets = [await Dial(endpoint(port)).result() for _ in range(8)]
    assert await free_places(names, port) == 8
    for sock in open_sockets:
        sock.close()


async def test_a_failed_dial_gives_its_place_back(names):
    names.error = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    for _ in range(8):
        await Dial(endpoint(9)).cause()
    assert await free_places(names, 9) == 8


# --- cancelled --------------------------------------------------------------------------------------


async def test_cancelled_while_the_resolver_hangs_nothing_is_left(names, descriptors):
    names.answer.clear()
    before = descriptors(), asyncio.all_tasks()
    d = Dial(endpoint(9))
    await until(lambda: names.asked)
    await d.cancelled()
    assert (descriptors(), asyncio.all_tasks()) == before
    assert await free_places(names, 9) == 8


async def test_cancelled_while_waiting_at_the_gate_nothing_is_left(names, descriptors):
    names.answer.clear()
    dials = [Dial(endpoint(9)) for _ in range(8)]
    await until(lambda: all(d.steps for d in dials))
    waiting = [Dial(endpoint(9)) for _ in range(3)]
    await asyncio.sleep(0)
    for d in waiting:
        await d.cancelled()
        assert d.steps == []
    for d in dials:
        await d.cancelled()
    assert await free_places(names, 9) == 8


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["127.0.0.1", "127.0.0.1"]])
async def test_cancelled_while_nobody_accepts_no_socket_is_left(names, deaf, descriptors, addresses):
    names.addresses = addresses
    before = descriptors(), asyncio.all_tasks()
    d = Dial(endpoint(deaf))
    await until(lambda: "resolved" in d.steps)
    await until(lambda: descriptors() > before[0])
    await d.cancelled()
    assert (descriptors(), asyncio.all_tasks()) == before
    assert await free_places(names, deaf) == 8


@pytest.mark.parametrize("step", ["dialing", "resolved"])
@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["127.0.0.1", "::1"]])
async def test_who_is_told_a_step_may_cancel_the_dial_there_and_then(
    names, listening, descriptors, step, addresses
):
    names.addresses = addresses
    port = listening().getsockname()[1]
    before = descriptors()
    d = Dial(endpoint(port), lambda: d.steps[-1] == step and d.task.cancel())
    with pytest.raises(asyncio.CancelledError):
        await d.result()
    assert d.steps[-1] == step
    assert descriptors() == before


async def test_a_dial_that_was_cancelled_does_not_fail_in_another_way(names):
    names.addresses = ["255.255.255.255"]  # for TCP no address at all: connecting fails without a wait
    d = Dial(endpoint(9), lambda: d.steps[-1] == "resolved" and d.task.cancel())
    with pytest.raises(asyncio.CancelledError):
        await d.result()


async def cancel_after(d: Dial, turns: int) -> bool:
    """Cancels a dial after so many turns of the loop. Whether it was still under way."""
    for _ in range(turns):
        await asyncio.sleep(0)
    under_way = not d.task.done()
    if under_way:
        await d.cancelled()
    else:
        (await d.result()).close()
    return under_way


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["127.0.0.1", "127.0.0.1"], ["::1", "127.0.0.1"]])
async def test_cancelled_at_any_turn_of_the_loop_no_socket_is_left(names, listening, descriptors, addresses):
    names.addresses = addresses
    target = endpoint(listening(backlog=128).getsockname()[1])
    (await Dial(target).result()).close()
    before, outcomes = descriptors(), set()
    for turns in range(20):
        d = Dial(target)
        await until(lambda d=d: "resolved" in d.steps)
        outcomes.add(await cancel_after(d, turns))
        assert descriptors() == before, f"after {turns} turns"
    assert outcomes == {True, False}
    assert len(asyncio.all_tasks()) == 1


async def test_cancelled_while_the_winner_ends_the_loser_no_socket_is_left(
    names, deaf, descriptors, monkeypatch
):
    monkeypatch.setattr(dial, "HAPPY_EYEBALLS_DELAY_S", 0.001)
    names.addresses = ["127.0.0.1", "127.0.0.2"]
    try:
        server = socket.create_server(("127.0.0.2", deaf), backlog=64)
    except OSError:
        pytest.skip("127.0.0.2 cannot be used on this machine")
    with server:
        before, outcomes = descriptors(), set()
        for turns in range(12):
            d = Dial(endpoint(deaf))
            await until(lambda: select.select([server], [], [], 0)[0])
            outcomes.add(await cancel_after(d, turns))
            server.accept()[0].close()
            assert descriptors() == before, f"after {turns} turns"
    assert outcomes == {True, False}


@pytest.mark.parametrize(
    ("host", "name"),
    [("LOCALHOST.", "localhost"), ("app.localhost", "localhost"), ("localhost.test", "localhost.test")],
)
async def test_a_name_of_this_machine_is_asked_of_no_name_server(
    names: Names, listening: Callable[..., socket.socket], host: str, name: str
) -> None:
    """A server could say that it is another one, to which no plain text may go (RFC 6761 section 6.3)."""
    port = listening().getsockname()[1]
    (await Dial(endpoint(port, host)).result()).close()
    assert names.asked_for == [name]
