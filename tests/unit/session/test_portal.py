"""The portal's own rules: whose methods, on which thread, and what is raised where."""

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from sidecar.session.portal import Portal, PortalClosed

TIMEOUT_S = 5.0


class Session:
    """Stands for a LiveSession."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.calls: list[Any] = []
        self.began = asyncio.Event()
        self.cancelled = threading.Event()

    def send(self, kind: str, n: int = 0) -> bool:
        assert asyncio.get_running_loop() is self.loop
        self.calls.append((kind, n))
        return n > 0

    async def ping(self) -> float:
        await asyncio.sleep(0)
        return 0.25

    def refuse(self, text: str) -> None:
        raise KeyError(text)

    async def fail(self) -> None:
        await asyncio.sleep(0)
        raise TimeoutError("of the method")

    async def hang(self) -> None:
        self.began.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.cancelled.set()


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as pool:
        yield pool


@pytest.fixture
async def session() -> Session:
    return Session(asyncio.get_running_loop())


@pytest.fixture
def portal(session: Session) -> Portal:
    return Portal(session)  # type: ignore[arg-type]


@pytest.fixture
def elsewhere(threads: ThreadPoolExecutor) -> Callable[..., Any]:
    """`await elsewhere(call, ...)`: made in another thread."""

    async def run(call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        async with asyncio.timeout(TIMEOUT_S):
            return await asyncio.get_running_loop().run_in_executor(threads, lambda: call(*args, **kwargs))

    return run


async def test_a_call_returns_what_the_method_returns(session, portal, elsewhere):
    assert await elsewhere(portal.call, session.send, "text", 3) is True
    assert await elsewhere(portal.call, session.ping) == 0.25
    assert session.calls == [("text", 3)]


async def test_a_method_may_be_named_by_its_class(session, portal, elsewhere):
    assert await elsewhere(portal.call, Session.send, "text") is False
    assert await elsewhere(portal.call, Session.ping) == 0.25
    await elsewhere(portal.post, Session.send, "audio", n=7)
    await asyncio.sleep(0)
    assert session.calls == [("text", 0), ("audio", 7)]


async def test_what_the_method_raises_is_raised_in_the_thread(session, portal, elsewhere):
    with pytest.raises(KeyError, match="why"):
        await elsewhere(portal.call, session.refuse, "why")
    with pytest.raises(TimeoutError, match="of the method"):
        await elsewhere(portal.call, session.fail, timeout_s=TIMEOUT_S)


@pytest.mark.parametrize("method", [print, Session.__init__, lambda: None, Session(None).ping])
async def test_only_methods_of_this_session_are_taken(portal, elsewhere, method):
    if method is Session.__init__:
        method = object().__init__
    for way in (portal.call, portal.post):
        with pytest.raises(TypeError, match="no method of this session"):
            await elsewhere(way, method)


async def test_on_the_sessions_own_thread_a_call_is_refused_and_a_post_is_not(session, portal):
    with pytest.raises(RuntimeError, match=r"session\.ping directly"):
        portal.call(session.ping)
    portal.post(session.send, "audio", 1)
    await asyncio.sleep(0)
    assert session.calls == [("audio", 1)]


async def test_a_call_that_takes_too_long_is_cancelled(session, portal, elsewhere):
    with pytest.raises(TimeoutError, match=r"hang was not done within 0\.05 s"):
        await elsewhere(portal.call, session.hang, timeout_s=0.05)
    async with asyncio.timeout(TIMEOUT_S):
        await asyncio.to_thread(session.cancelled.wait, TIMEOUT_S)
    assert session.cancelled.is_set()


async def test_a_posted_call_that_fails_is_told_once_a_row_and_without_its_arguments(
    session, portal, elsewhere, caplog
):
    for _ in range(3):
        await elsewhere(portal.post, session.send, "x", "not a number")
    await asyncio.sleep(0)
    await elsewhere(portal.post, session.send, "x", 1)
    await elsewhere(portal.post, session.fail)
    for _ in range(5):
        await asyncio.sleep(0)
    told = [record.getMessage() for record in caplog.records if record.name == "sidecar.session.portal"]
    assert len(told) == 2
    assert told[0].startswith("a posted call failed with TypeError")
    assert told[1] == "a posted call failed with TimeoutError: of the method"


async def test_who_wants_to_know_is_told_of_every_failure(session, elsewhere, caplog):
    told: list[Exception] = []
    portal = Portal(session, told.append)
    for _ in range(3):
        await elsewhere(portal.post, session.refuse, "why")
    await asyncio.sleep(0)
    assert [type(exc) for exc in told] == [KeyError] * 3
    assert caplog.records == [] or all(record.levelno < logging.WARNING for record in caplog.records)


# --- a loop that ends -------------------------------------------------------------------------------


def loop_in_a_thread() -> tuple[asyncio.AbstractEventLoop, threading.Thread]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    return loop, thread


def test_after_the_loop_is_closed_every_use_says_so():
    loop = asyncio.new_event_loop()
    session = Session(loop)
    portal = Portal(session)
    loop.close()
    with pytest.raises(PortalClosed, match="is closed"):
        portal.call(session.ping)
    with pytest.raises(PortalClosed, match="is closed"):
        portal.post(session.send, "audio", 1)


def test_a_call_that_a_closed_loop_never_began_does_not_wait_for_ever(threads):
    loop = asyncio.new_event_loop()  # it never runs
    session = Session(loop)
    waiting = threads.submit(Portal(session).call, session.ping)
    assert not waiting.done()
    loop.close()
    with pytest.raises(PortalClosed):
        waiting.result(TIMEOUT_S)


def test_a_call_that_ends_with_the_loops_tasks_says_so(threads):
    async def main() -> Any:
        session = Session(asyncio.get_running_loop())
        waiting = threads.submit(Portal(session).call, session.hang)
        async with asyncio.timeout(TIMEOUT_S):
            await session.began.wait()
        return waiting  # asyncio.run cancels what still runs

    with pytest.raises(PortalClosed, match="ended the call"):
        asyncio.run(main()).result(TIMEOUT_S)


def test_two_loops_in_two_threads_each_keep_their_own(threads):
    loop, thread = loop_in_a_thread()
    try:
        session = Session(loop)
        assert Portal(session).call(session.ping, timeout_s=TIMEOUT_S) == 0.25
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
