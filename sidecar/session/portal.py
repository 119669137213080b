"""The way to use a session from other threads; the session itself lives on its event loop's thread.

    portal = Portal(session)
    portal.post(session.send_audio, n, data, "audio/pcm;rate=16000")  # from any thread: returns at once
    portal.call(session.close, timeout_s=5.0)                         # from any other: waits for the result

What one thread hands over is carried out in its order. The numbers of messages must rise over all threads:
who shares them takes a number and hands the message over under one lock.
"""

import asyncio
import concurrent.futures
import inspect
import logging
import time
from collections.abc import Callable, Coroutine
from typing import Any, Concatenate, ParamSpec, TypeVar, TypeVarTuple, overload

from sidecar.session.session import LiveSession

_LOOK_S = 0.25
"""A loop that is closed drops what waits in it and tells nobody; so who waits looks now and then."""

log = logging.getLogger(__name__)

P = ParamSpec("P")
Ts = TypeVarTuple("Ts")
T = TypeVar("T")


class PortalClosed(RuntimeError):
    """The session's event loop is closed, or ended the call because it closes."""


class Portal:
    """A session's entrance for other threads.

    Args:
        session: its methods are what may be called.
        on_error: called on the loop's thread with what a posted call raised. Without it a row of failures is
            logged at its first.
    """

    def __init__(self, session: LiveSession, on_error: Callable[[Exception], None] | None = None) -> None:
        self._session = session
        self._loop = session.loop
        self._on_error = on_error or self._log_first
        self._failing = False
        self._tasks: set[asyncio.Task[object]] = set()

    @overload
    def call(
        self, method: Callable[[*Ts], Coroutine[Any, Any, T]], /, *args: *Ts, timeout_s: float | None = None
    ) -> T: ...

    @overload
    def call(
        self,
        method: Callable[[LiveSession, *Ts], Coroutine[Any, Any, T]],
        /,
        *args: *Ts,
        timeout_s: float | None = None,
    ) -> T: ...

    @overload
    def call(self, method: Callable[[*Ts], T], /, *args: *Ts, timeout_s: float | None = None) -> T: ...

    @overload
    def call(
        self, method: Callable[[LiveSession, *Ts], T], /, *args: *Ts, timeout_s: float | None = None
    ) -> T: ...

    def call(self, method: Callable[..., Any], /, *args: *Ts, timeout_s: float | None = None) -> Any:
        """Run a method of the session (`session.ping`, or `LiveSession.ping`) on its loop and wait for it.

        Args:
            timeout_s: after that a coroutine is cancelled; None waits for as long as it takes.

        Returns:
            What the method returns; what it raises is raised here.

        Raises:
            TimeoutError: not done within `timeout_s`. What was begun may have had its effect.
            PortalClosed: the loop is closed, or closed meanwhile.
            RuntimeError: on the loop's own thread, where it would wait for itself.
            TypeError: no method of this session.
        """
        bound = self._bind(method)
        if self._on_loop():
            raise RuntimeError(f"this is the session's own thread: use session.{_name(method)} directly")

        async def run() -> Any:
            result = bound(*args)
            return await result if inspect.isawaitable(result) else result

        running = run()
        try:
            future = asyncio.run_coroutine_threadsafe(running, self._loop)
        except RuntimeError:
            running.close()
            raise PortalClosed("the session's event loop is closed") from None
        try:
            return self._wait(future, timeout_s, _name(method))
        except concurrent.futures.CancelledError:
            raise PortalClosed("the session's event loop ended the call") from None
        finally:
            if inspect.getcoroutinestate(running) == inspect.CORO_CREATED and self._loop.is_closed():
                running.close()  # nobody will begin it

    @overload
    def post(self, method: Callable[P, object], /, *args: P.args, **kwargs: P.kwargs) -> None: ...

    @overload
    def post(
        self, method: Callable[Concatenate[LiveSession, P], object], /, *args: P.args, **kwargs: P.kwargs
    ) -> None: ...

    def post(self, method: Callable[..., Any], /, *args: Any, **kwargs: Any) -> None:
        """Have a method of the session run on its loop, and do not wait: for audio. From any thread.

        Nothing holds a thread back that posts faster than the loop works.

        Raises:
            PortalClosed: the loop is closed.
            TypeError: no method of this session.
        """
        bound = self._bind(method)

        def run() -> None:
            try:
                result = bound(*args, **kwargs)
            except Exception as exc:
                self._on_error(exc)
                return
            self._failing = False
            if inspect.iscoroutine(result):
                task: asyncio.Task[object] = self._loop.create_task(result)
                self._tasks.add(task)  # the loop holds its tasks weakly
                task.add_done_callback(self._ended)

        try:
            self._loop.call_soon_threadsafe(run)
        except RuntimeError:
            raise PortalClosed("the session's event loop is closed") from None

    # --- inside -----------------------------------------------------------------------------------

    def _bind(self, method: Callable[..., Any]) -> Callable[..., Any]:
        if getattr(method, "__self__", None) is self._session:
            return method
        if getattr(type(self._session), _name(method), None) is method:
            return method.__get__(self._session)  # type: ignore[no-any-return]
        raise TypeError(f"{_name(method)} is no method of this session")

    def _on_loop(self) -> bool:
        try:
            return asyncio.get_running_loop() is self._loop
        except RuntimeError:
            return False

    def _wait(self, future: "concurrent.futures.Future[T]", timeout_s: float | None, name: str) -> T:
        deadline = float("inf") if timeout_s is None else time.monotonic() + timeout_s
        while True:
            left_s = deadline - time.monotonic()
            done, _ = concurrent.futures.wait([future], max(0.0, min(left_s, _LOOK_S)))
            if done:
                return future.result()
            if self._loop.is_closed():
                raise PortalClosed("the session's event loop was closed during the call")
            if left_s <= _LOOK_S and not future.done():
                future.cancel()
                raise TimeoutError(f"{name} was not done within {timeout_s:g} s")

    def _ended(self, task: asyncio.Task[object]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and isinstance(exc := task.exception(), Exception):
            self._on_error(exc)

    def _log_first(self, exc: Exception) -> None:
        if not self._failing:
            self._failing = True
            log.warning("a posted call failed with %s: %s", type(exc).__name__, exc)


def _name(method: Callable[..., Any]) -> str:
    return str(getattr(method, "__name__", type(method).__name__))
