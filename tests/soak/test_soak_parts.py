"""The soak's own loop, network, codec and account do what they say."""

import asyncio
import time

import pytest
from websockets.client import ClientProtocol
from websockets.uri import parse_uri

from tests.soak import wire
from tests.soak.ledger import Ledger
from tests.soak.loop import Deadlock, VirtualLoop, virtual_loop
from tests.soak.net import ONE_WAY_S, Link


def test_an_hour_passes_in_no_time_and_timers_keep_their_order() -> None:
    order: list[int] = []

    async def whole() -> None:
        loop = asyncio.get_running_loop()
        for n in (3, 1, 2):
            loop.call_later(n * 600.0, order.append, n)
        await asyncio.sleep(3600.0)

    began = time.monotonic()
    with virtual_loop() as loop:
        loop.run_until_complete(whole())
        assert 3600.0 <= loop.time() < 3600.1
    assert order == [1, 2, 3]
    assert time.monotonic() - began < 5.0


def test_who_waits_for_nothing_that_comes_is_told() -> None:
    async def wait() -> None:
        await asyncio.get_running_loop().create_future()

    with virtual_loop() as loop:
        task = loop.create_task(wait())
        with pytest.raises(Deadlock):
            loop.run_until_complete(task)
        task.cancel()
        loop.call_soon(loop.stop)
        loop.run_forever()


def test_a_sleep_moves_the_clock_of_the_world_and_a_block_moves_both() -> None:
    with virtual_loop() as loop:
        loop.sleep(100.0)
        loop.block(5.0)
        assert (loop.time(), loop.world_s(), loop.boot_s()) == (5.0, 105.0, 105.0)
        loop.has_boot_clock = False
        loop.sleep(100.0)
        assert (loop.time(), loop.boot_s()) == (105.0, None)


class _End:
    """The service's end, and a client."""

    def __init__(self) -> None:
        self.got = b""
        self.ended = False

    def received(self, data: bytes) -> None:
        self.got += data

    def gone(self) -> None:
        self.ended = True


def _link(loop: VirtualLoop) -> tuple[Link, _End]:
    end = _End()
    return Link(loop, 1, lambda _link: end), end


def test_bytes_take_their_time_and_are_acknowledged_a_round_trip_after_they_were_written() -> None:
    async def whole() -> None:
        link.write(b"12345")
        await asyncio.sleep(ONE_WAY_S / 2)
        assert (end.got, link.unacked_in_kernel) == (b"", 5)
        await asyncio.sleep(ONE_WAY_S)
        assert (end.got, link.unacked_in_kernel) == (b"12345", 5)
        await asyncio.sleep(ONE_WAY_S)
        assert link.unacked_in_kernel == 0

    with virtual_loop() as loop:
        link, end = _link(loop)
        loop.run_until_complete(whole())


def test_a_dead_path_keeps_what_was_written_and_its_order_and_a_closed_one_only_what_the_system_held() -> (
    None
):
    async def whole() -> None:
        link.write(b"a")
        link.path(alive=False)
        link.write(b"b" * 128 * 1024)
        link.write(b"c")
        await asyncio.sleep(60.0)
        assert end.got == b""
        assert link.get_write_buffer_size() == 2
        link.close()
        link.path(alive=True)
        await asyncio.sleep(1.0)
        assert (end.got[:1], b"c" in end.got, end.ended) == (b"a", False, True)

    with virtual_loop() as loop:
        link, end = _link(loop)
        loop.run_until_complete(whole())


def test_a_reader_that_stands_still_has_what_its_system_took_acknowledged_and_no_more() -> None:
    async def whole() -> None:
        link.up.set(reads=False)
        for _ in range(10):
            link.write(b"x" * 10_000)
        await asyncio.sleep(1.0)
        assert (end.got, link.unacked_in_kernel) == (b"", 40_000)
        link.up.set(reads=True)
        await asyncio.sleep(1.0)
        assert (len(end.got), link.unacked_in_kernel) == (100_000, 0)

    with virtual_loop() as loop:
        link, end = _link(loop)
        loop.run_until_complete(whole())


@pytest.mark.parametrize("size", [0, 125, 126, 65_535, 65_536])
@pytest.mark.parametrize("cut_at", [1, 2, 7, 100])
def test_the_codec_speaks_with_that_of_websockets(size: int, cut_at: int) -> None:
    client = ClientProtocol(parse_uri("ws://127.0.0.1/"))
    client.send_request(client.connect())
    client.receive_data(wire.accept(b"".join(client.data_to_send())) + wire.frame(wire.TEXT, b"y" * size))
    assert client.events_received()[1].data == b"y" * size
    client.send_text(b"z" * size)
    written = b"".join(client.data_to_send())
    frames = wire.Frames()
    found = frames.feed(written[:cut_at]) + frames.feed(written[cut_at:])
    assert found == [(wire.TEXT, b"z" * size)]


def test_the_account_finds_what_is_missing_doubled_and_confirmed_too_early() -> None:
    ledger = Ledger(200_000)
    for audio in (True, True, False, True):
        ledger.accepted(ledger.offer(audio=audio))
    ledger.received(0, "audio")
    ledger.received(0, "audio")
    assert (ledger.doubled_audio, ledger.missing()) == (1, [1, 2, 3])
    ledger.received(2, "text")
    ledger.dropped(1, 1, 1)
    assert (ledger.missing(), ledger.lost_audio(), ledger.broken) == ([3], 1, [])
    for wrong in (
        lambda: ledger.confirmed(3),
        lambda: ledger.received(2, "text"),
        lambda: ledger.dropped(1, 1, 1),
        lambda: ledger.received(9, "audio"),
        lambda: ledger.dropped(0, 1, 3),
        lambda: ledger.refused(0),
    ):
        ledger.broken.clear()
        wrong()
        assert ledger.broken
