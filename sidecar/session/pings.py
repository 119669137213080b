"""Pings of the host: each waits for its pong, or for one that was sent later."""

import asyncio

from sidecar.session.audience import WrongState


class Pings:
    """By number. Nobody is left waiting when the line is gone."""

    def __init__(self) -> None:
        self._waiting: dict[int, tuple[asyncio.Future[float], float]] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def sent(self, number: int, now: float) -> asyncio.Future[float]:
        """The round trip of this ping, seconds.

        Raises:
            WrongState: by waiting for it, when the line is lost before.
        """
        answer: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer, now
        answer.add_done_callback(lambda _: self._waiting.pop(number, None))
        return answer

    def pong(self, number: int, now: float) -> None:
        """It came: all up to this number are answered."""
        for ping, (answer, sent_at) in self._waiting.items():
            if ping <= number and not answer.done():
                answer.set_result(now - sent_at)

    def lost(self) -> None:
        """The line is gone."""
        for answer, _ in self._waiting.values():
            if not answer.done():
                answer.set_exception(WrongState("the line was lost before the pong came"))
