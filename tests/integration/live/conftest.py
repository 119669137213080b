"""Plain sockets on loopback, and the count of what is left of them."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator

import pytest


@pytest.fixture
def descriptors() -> Callable[[], int]:
    """How many descriptors this process holds."""
    psutil = pytest.importorskip("psutil")
    process = psutil.Process()
    return getattr(process, "num_fds", None) or process.num_handles


@pytest.fixture
def listening() -> Iterator[Callable[..., socket.socket]]:
    """`listening(address, backlog)`: a socket that listens, and accepts nobody by itself."""
    made: list[socket.socket] = []

    def listen(address: str = "127.0.0.1", backlog: int = 16) -> socket.socket:
        sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
        made.append(sock)
        try:
            sock.bind((address, 0))
        except OSError:
            pytest.skip(f"{address} cannot be used on this machine")
        sock.listen(backlog)
        return sock

    yield listen
    for sock in made:
        sock.close()


@pytest.fixture
async def deaf(listening: Callable[..., socket.socket]) -> AsyncIterator[int]:
    """A port whose backlog is full: who connects gets no answer at all."""
    port = listening(backlog=0).getsockname()[1]
    loop = asyncio.get_running_loop()
    waiting: list[socket.socket] = []
    for _ in range(16):
        sock = socket.socket()
        sock.setblocking(False)
        waiting.append(sock)
        try:
            async with asyncio.timeout(0.2):
                await loop.sock_connect(sock, ("127.0.0.1", port))
        except TimeoutError:
            break
    else:
        pytest.skip("a full backlog still accepts connections here")
    yield port
    for sock in waiting:
        sock.close()
