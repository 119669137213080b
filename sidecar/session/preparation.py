"""A line that will be left soon: the next one's credential is asked for first, while this one serves."""

import asyncio
import contextlib
from collections.abc import Callable

from sidecar.live.auth import Auth, Credential, NoCredential


class Preparation:
    """
    Args:
        done: called when it has come to an end, with the credential, or None when there was none to be had.
    """

    def __init__(self, auth: Auth, done: Callable[[Credential | None], None]) -> None:
        self._auth = auth
        self._done = done
        self._task: asyncio.Task[None] | None = None
        self._running: set[asyncio.Task[None]] = set()

    def begin(self, in_s: float) -> None:
        """Ask, if there is no good one for a connection in so many seconds, and nobody asks already."""
        if self._task is None and self._auth.lacks(in_s):
            self._task = asyncio.get_running_loop().create_task(self._ask(in_s))
            self._running.add(self._task)
            self._task.add_done_callback(self._running.discard)

    def cancel(self) -> None:
        """An attempt begins, which asks for itself; or all is over."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    @property
    def lacking(self) -> bool:
        """Whether it was begun, and there is none yet: whoever leaves the line now will have to wait."""
        return self._task is not None and self._auth.lacks()

    async def released(self) -> None:
        """Wait until what was cancelled is gone."""
        if self._running:
            await asyncio.wait(self._running)

    async def _ask(self, in_s: float) -> None:
        credential = None
        with contextlib.suppress(NoCredential):  # the attempt asks again, and tells
            credential = await self._auth.credential(in_s)
        self._done(credential)
