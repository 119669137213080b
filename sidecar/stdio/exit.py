"""The one way out of the process (design section 2). No thread, resolver or handler can hold it.

`os._exit` and nothing else: the interpreter's own exit joins the executor's threads, and a thread in
`getaddrinfo` cannot be ended.
"""

import asyncio
import logging
import os
import threading
import time
from _thread import start_new_thread
from collections.abc import Callable

from sidecar.observe.logging import flush as flush_logs
from sidecar.observe.logging import log

LAST_WORDS_S = 0.3
"""The loop's time to answer pending calls and write close frames. A loop that is stuck is not waited for."""
FLUSH_S = 0.3
"""The host's time to read what is left."""
LOG_FLUSH_S = 0.05
DEADLINE_S = 0.7
"""From the first sign of the end to the end itself, whatever is blocked: the host was promised one second,
and a busy machine needs its share."""

_log = logging.getLogger(__name__)


class End:
    """Ends the process once, for the first reason given.

    `before` runs on the loop's thread and must not block. `flush` waits a number of seconds for stdout.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        before: Callable[[str], None],
        flush: Callable[[float], bool],
        leave: Callable[[int], object] = os._exit,
    ) -> None:
        self._loop = loop
        self._before = before
        self._flush = flush
        self._leave = leave
        self._first = threading.Lock()

    @property
    def begun(self) -> bool:
        """Whether the process is on its way out."""
        return self._first.locked()

    def end(self, reason: str, code: int) -> None:
        """Starts the end and returns. Callable from any thread and from a signal handler."""
        # Never released, and never waited for: a signal may arrive while this very line runs.
        if self._first.acquire(blocking=False):
            self.arm(code, DEADLINE_S)
            self._in_thread(lambda: self._finish(reason, code), code)

    def arm(self, code: int, deadline_s: float = DEADLINE_S) -> None:
        """Whatever happens, the process is gone after `deadline_s`."""

        def fire() -> None:
            time.sleep(deadline_s)
            self._leave(code)

        self._in_thread(fire, code)

    def _in_thread(self, run: Callable[[], None], code: int) -> None:
        # Not threading.Thread: its start takes a lock that a signal may have interrupted in this thread.
        try:
            start_new_thread(run, ())
        except RuntimeError:  # no thread to be had
            self._leave(code)

    def _finish(self, reason: str, code: int) -> None:
        log(_log, "info", "ending", reason=reason, code=code)
        said = threading.Event()

        def say_last_words() -> None:
            try:
                self._before(reason)
            except Exception:
                _log.exception("ending: the last words failed")
            said.set()

        try:
            self._loop.call_soon_threadsafe(say_last_words)
        except RuntimeError:  # the loop is closed
            said.set()
        if not said.wait(LAST_WORDS_S):
            log(_log, "warn", "ending: the loop is blocked, calls stay unanswered", waited_s=LAST_WORDS_S)
        if not self._flush(FLUSH_S):
            log(_log, "warn", "ending: the host did not read everything", waited_s=FLUSH_S)
        flush_logs(LOG_FLUSH_S)
        self._leave(code)
