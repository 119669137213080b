"""A Live service in memory, by rules of its own (LP 4.1, 4.4, 5): one owner per session, handles that name a
session, goAway as an order. It counts what it receives, and notes what no client may do to it."""

import random
from typing import Any

from tests.soak.loop import VirtualLoop
from tests.soak.net import Link
from tests.soak.peer import Peer
from tests.soak.weather import Weather

LETS_GO_AFTER_S = 1.0
LIFE_OF_A_LINE_S = 540.0
TIME_LEFT_S = 50.0
DEAD_HANDLES = ((1008, "BidiGenerateContent session not found"), (1007, "Invalid session handle."))


class Session:
    """Attributes: `free_at`: when the service has let go of the last owner; `dead`: how a resume is refused
    for ever; `calls`: ids of the tool calls that it made."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.owner: Peer | None = None
        self.free_at = 0.0
        self.dead: tuple[int, str] | None = None
        self.calls: set[str] = set()
        self.handles = 0


class Service:
    """
    Args:
        chance: of its own, so that what it does hangs on nobody else.

    Attributes:
        log: what happened with each number, in the order of arrival, by `take`.
        broken: what the client did that no client may do.
        notices_after_s: how long it takes a connection for alive that was reset behind its back.
    """

    def __init__(self, loop: VirtualLoop, weather: Weather, chance: random.Random, ledger: Any) -> None:
        self.loop, self.weather, self.chance, self.ledger = loop, weather, chance, ledger
        self.sessions: dict[str, Session] = {}
        self.peers: list[Peer] = []
        self.broken: list[str] = []
        self.line_life_s = LIFE_OF_A_LINE_S
        self.setups = self.refused_resumes = self.overruns = 0
        self._named = 0

    def answer(self, link: Link) -> Peer:
        """A connection came."""
        self.peers = [peer for peer in self.peers if peer.open]
        peer = Peer(self, link)
        self.peers.append(peer)
        return peer

    def claim(self, handle: str | None) -> Session | tuple[int, str] | None:
        """The session for a setup; a close code and its reason; or None: somebody still owns it."""
        if handle is None:
            self._named += 1
            session = Session(f"s{self._named}")
            self.sessions = {name: kept for name, kept in self.sessions.items() if not kept.dead}
            self.sessions[session.name] = session
            return session
        found = self.sessions.get(handle.split("/")[0])
        if found is None:
            return DEAD_HANDLES[0]
        if found.dead:
            return found.dead
        if found.owner is not None or self.loop.world_s() < found.free_at:
            self.refused_resumes += 1
            return None
        return found

    def let_go(self, peer: Peer) -> None:
        """This connection is over, as far as the service knows."""
        session = peer.session
        if session is not None and session.owner is peer:
            session.owner = None
            session.free_at = self.loop.world_s() + (0.0 if peer.speaking else LETS_GO_AFTER_S)

    def kill_sessions(self) -> None:
        """No handle of today is worth anything any more."""
        for session in self.sessions.values():
            session.dead = self.chance.choice(DEAD_HANDLES)

    def slept(self) -> None:
        """The client's machine did; here time went on."""
        for peer in self.peers:
            peer.look_at_the_clock()

    def heal(self) -> None:
        """Every old connection is noticed to be gone; the others are read."""
        for peer in self.peers:
            if peer.link.is_closing():
                peer.gone()
