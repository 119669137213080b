"""The fault proxy does what it says, seen from both of its ends."""

import asyncio
import contextlib
import time

import pytest

from tests.chaos.proxy import FaultProxy, Frames, Trap, payload_size

HEAD = b"GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n"
PAYLOAD = bytes(range(200)) * 2
FRAME = b"\x82\x7e" + len(PAYLOAD).to_bytes(2) + PAYLOAD
PING = b"\x89\x02hi"


class Ends:
    """A client and the server's side of the same connection, the proxy between them."""

    def __init__(self, proxy, client, server):
        self.proxy = proxy
        self.read, self.writer = client[0].readexactly, client[1]
        self.server_read, self.server_writer = server[0].readexactly, server[1]
        self.reader, self.server_reader = client[0], server[0]


async def gone(writer):
    writer.transport.abort()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


@contextlib.asynccontextmanager
async def through_proxy():
    accepted = asyncio.Queue()
    async with contextlib.AsyncExitStack() as stack:

        def accept(reader, writer):
            stack.push_async_callback(gone, writer)
            accepted.put_nowait((reader, writer))

        server = await asyncio.start_server(accept, "127.0.0.1", 0)
        stack.callback(server.close)
        proxy = await stack.enter_async_context(FaultProxy(server.sockets[0].getsockname()))
        client = await asyncio.open_connection("127.0.0.1", proxy.port)
        stack.push_async_callback(gone, client[1])
        yield Ends(proxy, client, await accepted.get())


@pytest.fixture
async def ends():
    async with asyncio.timeout(20), through_proxy() as both:
        yield both


async def test_fair_weather_changes_nothing_in_either_direction(ends):
    sent = HEAD + FRAME * 100 + PING
    ends.writer.write(sent)
    ends.server_writer.write(sent)
    assert await ends.server_read(len(sent)) == sent
    assert await ends.read(len(sent)) == sent


async def test_latency_and_jitter_delay_and_keep_the_order(ends):
    ends.proxy.weather["up"].latency_s, ends.proxy.weather["up"].jitter_s = 0.1, 0.05
    began_s = time.monotonic()
    for n in range(5):
        ends.writer.write(bytes((n,)))
        await ends.writer.drain()
    assert await ends.server_read(5) == bytes(range(5))
    assert time.monotonic() - began_s >= 0.1
    began_s = time.monotonic()
    ends.server_writer.write(b"x")
    await ends.read(1)
    assert time.monotonic() - began_s < 0.1  # the other direction is fair


async def test_a_throttle_holds_the_rate_and_loses_nothing(ends):
    ends.proxy.weather["up"].bytes_per_s = 50_000
    began_s = time.monotonic()
    ends.writer.write(FRAME * 50)  # 20 kB, the first piece of 4 kB at once
    assert await ends.server_read(50 * len(FRAME)) == FRAME * 50
    assert 0.25 < time.monotonic() - began_s < 2


async def test_a_throttle_pushes_back_instead_of_swallowing(ends):
    ends.proxy.weather["up"].bytes_per_s = 1
    ends.writer.write(bytes(16_000_000))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(ends.writer.drain(), 0.3)
    assert ends.proxy.links[0]._ways["up"].held <= 32768


async def test_half_close_ends_one_way_and_the_other_goes_on(ends):
    ends.proxy.half_close("down")
    assert await ends.reader.read() == b""
    ends.writer.write(b"still here")
    assert await ends.server_read(10) == b"still here"


async def test_an_end_of_one_side_is_passed_on(ends):
    ends.writer.write_eof()
    assert await ends.server_reader.read() == b""
    ends.server_writer.write(b"late")
    assert await ends.read(4) == b"late"


async def test_reset_is_a_reset_on_both_sides(ends):
    ends.proxy.reset()
    with pytest.raises(ConnectionResetError):
        await ends.reader.read()
    with pytest.raises(ConnectionResetError):
        await ends.server_reader.read()


async def test_a_reset_by_one_side_reaches_the_other(ends):
    ends.server_writer.transport.abort()
    assert await ends.reader.read() == b""


@pytest.mark.parametrize("way", ["up", "down"])
async def test_a_frame_is_cut_in_its_middle_and_what_went_before_arrives(ends, way):
    writer, reader = (ends.writer, ends.server_reader) if way == "up" else (ends.server_writer, ends.reader)
    ends.proxy.cut_mid_frame(way, after=7)
    writer.write(HEAD + PING + FRAME + FRAME)
    got = bytearray()
    with contextlib.suppress(ConnectionResetError):
        while piece := await reader.read(1000):
            got += piece
    assert (HEAD + PING + FRAME[:7]).startswith(got)  # RST may overtake what the reader did not take yet
    assert ends.proxy.sprung(way)


async def test_one_bit_of_one_frame_is_flipped(ends):
    ends.proxy.corrupt("up", at=5, bit=0x80)
    ends.writer.write(HEAD + PING + FRAME + FRAME)
    sent = bytearray(HEAD + PING + FRAME + FRAME)
    sent[len(HEAD + PING) + 5] ^= 0x80
    assert await ends.server_read(len(sent)) == sent


async def test_freeze_holds_and_thaw_lets_go_on(ends):
    ends.proxy.freeze()
    ends.writer.write(b"held")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(ends.server_read(1), 0.2)
    ends.proxy.freeze(False)
    assert await ends.server_read(4) == b"held"


async def test_silence_accepts_and_says_nothing_and_later_all_is_well(ends):
    ends.proxy.silence()
    reader, writer = await asyncio.open_connection("127.0.0.1", ends.proxy.port)
    writer.write(b"hello?")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.read(1), 0.2)
    ends.proxy.reset()
    with pytest.raises(ConnectionResetError):
        await reader.read()
    await gone(writer)


async def test_refuse_refuses_and_listen_takes_the_same_port_again(ends):
    port = ends.proxy.port
    await ends.proxy.refuse()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)
    ends.writer.write(b"open connections go on")
    assert await ends.server_read(4) == b"open"
    await ends.proxy.listen()
    assert ends.proxy.port == port
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    await gone(writer)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 400, 5000])
def test_frames_are_followed_however_the_stream_is_cut_into_pieces(size):
    masked = b"\x82\xfe" + len(PAYLOAD).to_bytes(2) + b"mask" + PAYLOAD
    long = b"\x82\x7f" + (70_000).to_bytes(8) + bytes(70_000)
    stream = HEAD + FRAME + PING + masked + b"\x81\x00" + long + FRAME
    traps = [None, None, None, None, Trap("corrupt", 3, 0xFF)]
    frames, out, asked = Frames(), bytearray(), 0

    def spring():
        nonlocal asked
        asked += 1
        return traps[asked - 1]

    for at in range(0, len(stream), size):
        piece, cut = frames.through(stream[at : at + size], spring)
        out += piece
        assert not cut
    expected = bytearray(stream)
    expected[len(stream) - len(FRAME) + 3] ^= 0xFF
    assert (out, asked) == (expected, 5)


def test_payload_size_of_every_form_of_header():
    forms = [
        (b"\x82\x05", 5),
        (b"\x82\x85mask", 5),
        (FRAME[:4], 400),
        (b"\x82\x7f" + (70_000).to_bytes(8), 70_000),
    ]
    for header, size in forms:
        assert payload_size(header) == size
        assert all(payload_size(header[:n]) is None for n in range(len(header)))


def test_under_tls_a_trap_is_met_in_a_record_of_data():
    hello = bytes([0x16, 3, 1, 0, 2, 7, 7])
    alert = bytes([0x15, 3, 3, 0, 2, 1, 0])
    data = bytes([0x17, 3, 3, 0, 4, 1, 2, 3, 4])
    frames, traps = Frames(), [Trap("corrupt", 6, 0x80)]
    out = b"".join(
        frames.through(bytes([byte]), lambda: traps.pop() if traps else None)[0]
        for byte in hello + alert + data + data
    )
    assert out == hello + alert + bytes([0x17, 3, 3, 0, 4, 1, 0x82, 3, 4]) + data
