"""All that is not the session: the network between it and the service, the service, the machine's clocks. It
takes the place of name resolution, TCP and the kernel's figures; everything above runs as it is."""

import asyncio
import random
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from sidecar.live import dial
from sidecar.session import sleep
from tests.soak.ledger import Ledger
from tests.soak.loop import VirtualLoop
from tests.soak.net import ONE_WAY_S, Link
from tests.soak.service import Service
from tests.soak.weather import Weather

LOOKUP_GIVES_UP_S = 30.0


class World:
    """Attributes: `links`: those that the client has not closed; `dials`: TCP connections made; `broken`: what
    must never be."""

    def __init__(self, loop: VirtualLoop, seed: str, chunk_us: int) -> None:
        self.loop = loop
        self.weather = Weather(loop)
        self.ledger = Ledger(chunk_us)
        self.service = Service(loop, self.weather, random.Random(f"{seed} service"), self.ledger)
        self.links: list[Link] = []
        self.dials = 0
        self.broken: list[str] = []
        self._orphans: list[Link] = []

    @property
    def live(self) -> Link | None:
        """The connection that the client holds."""
        return next((link for link in self.links if not link.is_closing()), None)

    def later(self, delay_s: float, do: Any, *args: Any) -> None:
        self.loop.call_later(delay_s, do, *args)

    def heal(self) -> None:
        """Nothing is wrong any more, anywhere."""
        self.weather.heal()
        for link in [*self.links, *self._orphans]:
            link.up.set(reads=True)
            if link.dead_since is not None:
                link.path(alive=True)
        self.service.heal()

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """From now on this is the world of every session."""
        with (
            patch.object(dial, "_look_up", self._look_up),
            patch.object(dial.aiohappyeyeballs, "start_connection", self._connect),
            patch.object(sleep, "_boot_s", self.loop.boot_s),
            patch("sidecar.live.line.unacknowledged_bytes", lambda link: link.unacked_in_kernel),
            patch("sidecar.live.line.unread_bytes", lambda _link: 0),
        ):
            yield

    def _look_up(self, *_: Any) -> asyncio.Future[Any]:
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        answer.add_done_callback(_seen)  # whoever asked may have gone away
        trouble = self.weather.now("dns")
        if trouble is None:
            self.later(
                0.005, _settle, answer, [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 443))]
            )
        else:
            delay_s = 0.005 if trouble == "fails" else LOOKUP_GIVES_UP_S
            self.later(delay_s, _settle, answer, socket.gaierror(-3, "Temporary failure in name resolution"))
        return answer

    async def _connect(self, *_: Any, **__: Any) -> Link:
        trouble = self.weather.now("tcp")
        if trouble == "hangs":
            await asyncio.get_running_loop().create_future()
        await asyncio.sleep(2 * ONE_WAY_S)
        if trouble == "refused":
            raise ConnectionRefusedError(111, "Connection refused")
        alive = [link.number for link in self.links if not link.is_closing()]
        if alive:
            self.broken.append(f"a new connection while {alive} are open")
        self._orphans = [
            link for link in [*self._orphans, *self.links] if link.peer.open and link.is_closing()
        ]
        self.links = [link for link in self.links if not link.is_closing()]
        self.dials += 1
        link = Link(self.loop, self.dials, self.service.answer)
        self.links.append(link)
        return link


def _settle(answer: asyncio.Future[Any], result: Any) -> None:
    if not answer.done():
        (answer.set_exception if isinstance(result, Exception) else answer.set_result)(result)


def _seen(answer: asyncio.Future[Any]) -> None:
    if not answer.cancelled():
        answer.exception()
