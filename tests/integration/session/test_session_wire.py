"""What may come over the line, and how its end is understood."""

import asyncio
import base64
import hashlib
import itertools
import json
import struct

import pytest

from sidecar.lifecycle import events as ev
from sidecar.lifecycle.states import State
from sidecar.live.frames import InvalidFrame, MessageReceived
from sidecar.simulator import Simulator

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3


def switched(request: bytes) -> bytes:
    """The answer that accepts an upgrade, made by hand."""
    key = next(
        line.split(b":")[1].strip()
        for line in request.split(b"\r\n")
        if line.lower().startswith(b"sec-websocket-key")
    )
    accept = base64.b64encode(hashlib.sha1(key + GUID).digest())
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
    )


def frame(opcode: int, payload: bytes, *, fin: bool = True) -> bytes:
    """A server's frame, made by hand."""
    size = bytes([len(payload)]) if len(payload) < 126 else b"\x7e" + struct.pack(">H", len(payload))
    return bytes([opcode | (0x80 if fin else 0)]) + size + payload


TEXT, BINARY, CLOSE, PING, CONTINUATION = 1, 2, 8, 9, 0
SETUP_COMPLETE = frame(BINARY, b'{"setupComplete":{}}')


def close_frame(code: int, reason: bytes = b"") -> bytes:
    return frame(CLOSE, struct.pack(">H", code) + reason)


# --- opening and closing ----------------------------------------------------------------------------


async def test_a_session_opens_with_setup_complete_and_closes_with_1000(talks, fast):
    async with Simulator(fast()) as sim:
        talk = talks(sim.url)
        assert talk.session.state is State.DISCONNECTED
        await talk.session.connect()
        assert talk.session.state is State.CONNECTED
        await talk.say(20)
        await talk.session.close()

        assert talk.states() == ["connecting", "connected", "disconnecting", "disconnected"]
        await talk.all_heard(sim)
        await sim.wait_for(lambda: [c.close_code for c in sim.connections] == [1000])


async def test_the_revision_grows_by_one_with_every_change_and_each_begins_where_the_last_ended(talks, fast):
    async with Simulator(fast()) as sim:
        talk = await talks.open(sim.url)
        await sim.cut()
        await talk.told(ev.Reconnected)
        await talk.session.close()

        changes = talk.of(ev.StateChanged)
        assert [change.revision for change in changes] == list(range(1, len(changes) + 1))
        assert all(one.after == two.before for one, two in itertools.pairwise(changes))


async def test_what_was_said_just_before_the_close_still_arrives(talks, fast):
    async with Simulator(fast()) as sim:
        talk = await talks.open(sim.url)
        for _ in range(500):
            talk.say_chunk()
        await talk.session.close()

        await talk.all_heard(sim)
        assert talk.session.core.outbox.books.confirmed_us == talk.said_ms * 1000


async def test_a_server_that_does_not_answer_the_close_is_not_waited_for_longer_than_allowed(
    talks, fast, settings
):
    async with Simulator(fast()) as sim:
        talk = await talks.open(sim.url, settings=settings(deadlines={"close_s": 0.2}))
        await sim.freeze(30)
        started_s = asyncio.get_running_loop().time()
        await talk.session.close()

        assert 0.2 <= asyncio.get_running_loop().time() - started_s < 1.5


async def test_close_is_idempotent_and_works_in_every_state(talks, fast):
    async with Simulator(fast()) as sim:
        never_opened = talks(sim.url)
        await never_opened.session.close()
        talk = await talks.open(sim.url)
        await asyncio.gather(*(talk.session.close() for _ in range(3)))
        await talk.session.close()

        waiting = await talks.open(sim.url)
        await sim.unreachable(10)
        await sim.cut()
        await waiting.told(ev.Reconnecting)
        await waiting.session.close()
        assert {one.session.state for one in (never_opened, talk, waiting)} == {State.DISCONNECTED}


async def test_twenty_sessions_opened_cut_and_closed_leave_no_task_and_no_descriptor(talks, fast):
    psutil = pytest.importorskip("psutil")
    process = psutil.Process()
    async with Simulator(fast()) as sim:
        for round_ in range(2):  # the first round pays for what is made once
            if round_:
                await sim.wait_for(lambda: all(c.phase == "ended" for c in sim.connections))
                await asyncio.sleep(0)
                before = len(asyncio.all_tasks()), process.num_fds(), process.num_threads()
            several = [await talks.open(sim.url) for _ in range(20)]
            await sim.cut()
            for talk in several:
                await talk.told(ev.Reconnected)
                await talk.end()
        await sim.wait_for(lambda: all(c.phase == "ended" for c in sim.connections))
        for _ in range(3):
            await asyncio.sleep(0)

        assert (len(asyncio.all_tasks()), process.num_fds()) <= before[:2]
        assert process.num_threads() <= before[2]


# --- frames -----------------------------------------------------------------------------------------


async def test_text_frames_are_as_good_as_binary_ones(talks, fast):
    async with Simulator(fast(text=True)) as sim:
        talk = await talks.open(sim.url)
        await talk.say(20)
        await talk.all_heard(sim)
        assert b'"setupComplete"' in talk.of(MessageReceived)[0].data


async def test_a_message_in_many_fragments_is_one_message_also_with_a_ping_between(talks, service):
    whole = json.dumps(
        {"serverContent": {"outputTranscription": {"text": "a \u00e9 b"}}}, ensure_ascii=False
    ).encode()

    async def send_in_pieces(connection):
        async def pieces():
            for byte in whole:
                yield bytes([byte])
                if byte == ord("a"):
                    await connection.ping()

        await connection.send(pieces())
        await connection.wait_closed()

    async with service(send_in_pieces) as url:
        talk = await talks.open(url)
        message = await talk.told(MessageReceived, lambda event: b"outputTranscription" in event.data)

        assert message.data == whole


async def test_every_frame_is_one_line_with_its_content_unchanged(talks, service):
    message = {
        "serverContent": {"modelTurn": {"parts": [{"text": "line\nfeed \\n \u2028 \U0001f600"}]}},
        "unknown": [1, {}],
    }

    async def pretty(connection):
        await connection.send(json.dumps(message, indent=1).replace("\n", "\r\n").encode())
        await connection.wait_closed()

    async with service(pretty) as url:
        talk = await talks.open(url)
        received = await talk.told(MessageReceived, lambda event: b"unknown" in event.data)

        assert b"\n" not in received.data
        assert b"\r" not in received.data
        assert json.loads(received.data) == message


BAD_FRAMES = [
    ("not JSON", b"hello", "JSON"),
    ("half a message", b'{"serverContent":', "JSON"),
    ("not UTF-8", b'{"serverContent":{"outputTranscription":{"text":"\xff"}}}', "UTF-8"),
    ("an array", b"[1]", "object"),
    ("nothing", b"", "JSON"),
    ("deep nesting", b'{"a":' * 50_000 + b"1" + b"}" * 50_000, "deep"),
    (
        "deep nesting beside what has an odd shape",
        b'{"goAway":5,"a":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
        "deep",
    ),
    ("NaN", b'{"usageMetadata":NaN}', "JSON"),
]


@pytest.mark.parametrize(("bad", "why"), [row[1:] for row in BAD_FRAMES], ids=[row[0] for row in BAD_FRAMES])
@pytest.mark.parametrize("text", [False, True])
async def test_a_frame_that_cannot_be_read_is_told_and_the_session_lives_on(talks, service, bad, why, text):
    async def handler(connection):
        await connection.send(bad, text=text)
        await connection.send(b'{"serverContent":{"outputTranscription":{"text":"still here"}}}')
        await connection.wait_closed()

    async with service(handler) as url:
        talk = await talks.open(url)
        await talk.told(MessageReceived, lambda event: b"still here" in event.data)

        (told,) = talk.of(InvalidFrame)
        assert why in told.reason
        assert told.size_bytes == len(bad)
        assert talk.session.state is State.CONNECTED
        assert talk.session.connections == 1


ODD_FRAMES = [
    b"{}",
    b'{"unknownKind":{"deep":[1,2,{"x":null}]}}',
    b'{"serverContent":5}',
    b'{"serverContent":5,"x":1e999}',
    b'{"serverContent":{"modelTurn":{"parts":[{"text":7}]}}}',
    b'{"toolCall":{"functionCalls":[{"id":1}]}}',
    b'{"goAway":{"timeLeft":"' + b"9" * 400 + b's"}}',
    b'{"goAway":{"timeLeft":"500s","other":1}}',
    b'{"setupComplete":{}}',
    b'{"sessionResumptionUpdate":{}}',
    b'{"sessionResumptionUpdate":{"newHandle":"h1","resumable":false}}',
    b'{"sessionResumptionUpdate":{"newHandle":5}}',
    b'{"sessionResumptionUpdate":{"newHandle":"h2","resumable":true},"x":1e999}',
    b'{"sessionResumptionUpdate":{"newHandle":"h2","resumable":true},"x":' + b"9" * 5000 + b"}",
    b'{"sessionResumptionUpdate":{"newHandle":"h2","resumable":true},"x":' + b"[" * 900 + b"]" * 900 + b"}",
    b'{"serverContent":{"turnComplete":true,"interrupted":true,"generationComplete":true}}',
    b'{"error":{"code":13}}',
    b'{"usageMetadata":{"totalTokenCount":1e999}}',
    b'{"serverContent":{"modelTurn":{"parts":[{"inlineData":{"mimeType":"audio/pcm;rate=\xc2\xb2","data":"AAA="}}]}}}',
    b'{"toolCallCancellation":{"ids":["nobody"]}}',
]


async def test_messages_of_odd_shape_are_passed_on_and_hurt_nobody(talks, service):
    async def handler(connection):
        for message in ODD_FRAMES:
            await connection.send(message)
        await connection.send(b'{"serverContent":{"outputTranscription":{"text":"still here"}}}')
        await connection.wait_closed()

    async with service(handler) as url:
        talk = await talks.open(url)
        await talk.told(MessageReceived, lambda event: b"still here" in event.data)

        assert talk.session.connections == 1
        assert talk.session.state is State.CONNECTED
        assert len(talk.of(MessageReceived)) == len(ODD_FRAMES) + 2
        assert talk.of(InvalidFrame) == []


async def test_a_frame_over_the_limit_ends_the_line_with_its_own_fault(talks, service):
    connections = []

    async def handler(connection):
        connections.append(connection)
        if len(connections) == 1:
            await connection.send(b'{"x":"' + b"y" * 100_000 + b'"}')
        await connection.wait_closed()

    async with service(handler) as url:
        talk = await talks.open(url, max_frame_bytes=65_536)
        lost = await talk.told(ev.Failure)
        await talk.told(ev.Reconnected)

        assert lost.fault.kind == "messageTooBig"
        assert connections[0].close_code == 1009


async def test_a_ping_of_the_server_is_answered_and_a_strange_pong_ignored(talks, service):
    answered = asyncio.Event()

    async def handler(connection):
        await (await connection.ping(b"are you there"))
        await connection.pong(b"not one of yours")
        await connection.pong(b"99999999999999999999")
        answered.set()
        await connection.wait_closed()

    async with service(handler) as url:
        talk = await talks.open(url)
        await asyncio.wait_for(answered.wait(), 5)
        assert await talk.session.ping() > 0


# --- the end of a line ------------------------------------------------------------------------------


async def test_the_whole_reason_of_a_close_frame_is_told(talks, fast):
    async with Simulator(fast()) as sim:
        talk = await talks.open(sim.url)
        reason = "\u00e9" * 61 + "x"
        assert len(reason.encode()) == 123
        await sim.close_with(1011, reason)
        lost = await talk.told(ev.Failure)

        assert reason in lost.fault.message
        assert (lost.fault.ws_code, lost.fault.kind) == (1011, "serviceError")


async def test_a_tcp_end_without_a_close_frame_is_a_lost_line(talks, tcp):
    """The server's side of the connection ends in good order, but WebSocket's does not."""
    connections = 0

    async def handler(reader, writer):
        nonlocal connections
        connections += 1
        writer.write(switched(await reader.readuntil(b"\r\n\r\n")))
        await reader.read(10)
        writer.write(SETUP_COMPLETE)
        if connections == 1:
            writer.write_eof()

    async with tcp(handler) as port:
        talk = await talks.open(f"ws://127.0.0.1:{port}")
        lost = await talk.told(ev.Failure)
        await talk.told(ev.Reconnected)

        assert (lost.fault.kind, lost.fault.ws_code) == ("lineLost", 1006)


async def test_a_close_frame_in_the_same_breath_as_setup_complete_is_understood(talks, tcp):
    """Messages wait for the line just then: they must neither break it nor count as written."""
    connections = 0

    async def handler(reader, writer):
        nonlocal connections
        connections += 1
        writer.write(switched(await reader.readuntil(b"\r\n\r\n")))
        await reader.read(10)
        writer.write(SETUP_COMPLETE + (close_frame(1011, b"too early") if connections == 1 else b""))

    async with tcp(handler) as port:
        talk = talks(f"ws://127.0.0.1:{port}")
        opening = asyncio.create_task(talk.session.connect())
        await talk.told(ev.StateChanged)
        for _ in range(5):
            talk.say_chunk()
        await opening
        lost = await talk.told(ev.Failure)
        await talk.told(ev.Reconnected)

        assert (lost.fault.kind, lost.fault.ws_code) == ("serviceError", 1011)
        assert talk.of(ev.Reconnected)[0].replayed_us == 0
        assert talk.session.core.outbox.books.replayed_us == 0


@pytest.mark.parametrize(
    ("code", "reason", "kind"),
    [
        (1007, b"API key not valid. Please pass a valid API key.", "authentication"),
        (1008, b"models/x is not found for API version v1beta", "modelUnavailable"),
    ],
)
async def test_a_close_frame_in_the_same_breath_as_the_upgrade_is_understood(
    talks, tcp, refused, code, reason, kind
):
    connections = 0

    async def handler(reader, writer):
        nonlocal connections
        connections += 1
        writer.write(switched(await reader.readuntil(b"\r\n\r\n")) + close_frame(code, reason))

    async with tcp(handler) as port:
        fault = await refused(talks(f"ws://127.0.0.1:{port}"))

        assert (fault.kind, fault.ws_code) == (kind, code)
        assert connections == 1


async def test_what_is_no_websocket_is_a_protocol_error_and_tried_again(talks, tcp):
    connections = 0

    async def handler(reader, writer):
        nonlocal connections
        connections += 1
        writer.write(switched(await reader.readuntil(b"\r\n\r\n")))
        await reader.read(10)
        writer.write(SETUP_COMPLETE + (b"\xff\xff\xff\xff" if connections == 1 else b""))

    async with tcp(handler) as port:
        talk = await talks.open(f"ws://127.0.0.1:{port}")
        assert (await talk.told(ev.Failure)).fault.kind == "protocolError"
        await talk.told(ev.Reconnected)


# --- refusals of the first connection -----------------------------------------------------------------


async def test_a_wrong_key_is_permanent_and_not_tried_again(talks, fast, refused):
    async with Simulator(fast(keys=["another"])) as sim:
        talk = talks(sim.url)
        fault = await refused(talk)

        assert (fault.kind, fault.ws_code, fault.retryable) == ("authentication", 1007, False)
        assert len(sim.connections) == 1
        assert talk.session.state is State.FAILED


async def test_an_unknown_field_in_the_setup_is_permanent_and_named(talks, fast, refused):
    async with Simulator(fast()) as sim:
        fault = await refused(talks(sim.url, checks="lenient", setup={"model": "models/m", "modle": "x"}))

        assert (fault.kind, fault.ws_code, fault.retryable) == ("setupInvalid", 1007, False)
        assert "modle" in fault.message
        assert len(sim.connections) == 1


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, "authentication"), (403, "accessDenied"), (404, "endpointNotFound"), (400, "handshakeRefused")],
)
async def test_a_permanent_http_status_is_not_tried_again(talks, fast, refused, status, kind):
    async with Simulator(fast()) as sim:
        await sim.refuse(status, times=5)
        fault = await refused(talks(sim.url))

        assert (fault.kind, fault.http_status) == (kind, status)
        assert len(sim.faults_done) == 1
        assert sim.connections == []


async def test_a_passing_refusal_is_tried_again_within_the_open(talks, fast):
    async with Simulator(fast()) as sim:
        await sim.refuse(503, times=3)
        talk = await talks.open(sim.url)

        assert [event.fault.http_status for event in talk.of(ev.Failure)] == [503, 503, 503]
        assert talk.states() == ["connecting", "connected"]


async def test_an_open_ends_at_its_deadline_and_tells_what_the_last_attempt_met(
    talks, fast, refused, settings
):
    async with Simulator(fast()) as sim:
        await sim.refuse(503, times=1000)
        talk = talks(sim.url, settings=settings(deadlines={"open_s": 0.2}))
        fault = await refused(talk)

        assert fault.kind == "openTimeout"
        assert [event.fault.kind for event in talk.of(ev.Failure)][-2:] == [
            "serviceUnavailable",
            "openTimeout",
        ]


@pytest.mark.parametrize("step", ["accept", "upgrade"])
async def test_a_server_that_says_nothing_is_left_at_the_deadline_of_the_step(
    talks, tcp, refused, settings, step
):
    async def handler(reader, writer):
        if step == "upgrade":
            writer.write(switched(await reader.readuntil(b"\r\n\r\n")))

    short = settings(deadlines={"handshake_s": 0.1, "setup_s": 0.1, "open_s": 0.3})
    async with tcp(handler) as port:
        talk = talks(f"ws://127.0.0.1:{port}", settings=short)
        await refused(talk)

        expected = {"accept": "handshakeTimeout", "upgrade": "setupTimeout"}[step]
        assert talk.of(ev.Failure)[0].fault.kind == expected


async def test_a_redirect_is_not_followed(talks, tcp, refused):
    """The library carries the key to the other origin if it is let."""
    second = []

    async def trap(reader, writer):
        second.append(await reader.read(100))

    async with tcp(trap) as other:

        async def redirect(reader, writer):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(
                b"HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:%d/\r\nContent-Length: 0\r\n\r\n" % other
            )

        async with tcp(redirect) as port:
            fault = await refused(talks(f"ws://127.0.0.1:{port}"))

        assert (fault.kind, fault.http_status, fault.retryable) == ("redirected", 302, False)
        assert second == []


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", "handshakeInvalid"),
        (b"SSH-2.0-OpenSSH_9.0\r\n\r\n", "handshakeInvalid"),
        (
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
            "handshakeInvalid",
        ),
        (b"", "handshakeDropped"),
    ],
)
async def test_what_does_not_speak_websocket_is_named(talks, tcp, refused, settings, answer, kind):
    async def handler(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.write_eof()

    async with tcp(handler) as port:
        talk = talks(f"ws://127.0.0.1:{port}", settings=settings(deadlines={"open_s": 0.2}))
        await refused(talk)

        assert talk.of(ev.Failure)[0].fault.kind == kind


@pytest.mark.parametrize(
    ("value", "told_s"),
    [
        (b"0", 0),
        (b"1", 1),
        (b"Wed, 21 Oct 2026 07:28:00 GMT", None),
        (b"-1", None),
        (b"1.5", None),
        (b"\xb2", None),
        (b"", None),
        (b"9" * 30, 86_400),
        (b"9" * 400, 86_400),
    ],
)
async def test_a_retry_after_of_any_kind_is_survived_and_never_longer_than_a_day(
    talks, tcp, refused, settings, value, told_s
):
    async def handler(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(
            b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: " + value + b"\r\nContent-Length: 0\r\n\r\n"
        )

    async with tcp(handler) as port:
        talk = talks(f"ws://127.0.0.1:{port}", settings=settings(deadlines={"open_s": 0.2}))
        await refused(talk)

        first = talk.of(ev.Failure)[0].fault
        assert (first.kind, first.http_status, first.retry_after_s) == ("serviceUnavailable", 503, told_s)


# --- TLS --------------------------------------------------------------------------------------------
