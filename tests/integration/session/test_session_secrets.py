"""Key and handle reach nobody but the service: not the log at its most talkative, no error, no event but one."""

import logging

import pytest

from sidecar.lifecycle import events as ev
from sidecar.lifecycle.faults import ROWS
from sidecar.live.auth import ApiKey
from sidecar.live.frames import MessageReceived
from sidecar.observe.redact import redact
from sidecar.observe.secret import Secret
from sidecar.simulator import Simulator

KEY = "canary-of-a-key-93b1"
"""Of no known pattern: it is known only because the session registered it."""


@pytest.fixture
def everything_logged(caplog):
    caplog.set_level(logging.DEBUG)
    for name in ("websockets", "websockets.client", "asyncio", "sidecar"):
        caplog.set_level(logging.DEBUG, logger=name)
    return caplog


def shown(caplog):
    """All that any handler could get out of the records."""
    parts = [caplog.text]
    for record in caplog.records:
        parts += [record.getMessage(), str(record.args), str(vars(record))]
    return "\n".join(parts)


async def test_neither_log_nor_event_nor_repr_shows_key_or_handle(talks, fast, everything_logged):
    auth = ApiKey(Secret(KEY))
    async with Simulator(fast(handle_every_ms=20)) as sim:
        talk = await talks.open(sim.url, auth=auth)
        await talk.say(30)
        await sim.cut()
        await talk.told(ev.Reconnected)
        await talk.say(10)
        sim.sessions_book._by_handle.clear()
        await sim.close_with(1011)
        await talk.told(ev.Reconnected, lambda event: event.state_restored == "fresh")
        await talk.session.close()

    handles = {event.handle for event in talk.of(ev.HandleChanged) if event.handle}
    assert len(handles) >= 3
    events = [event for event in talk.events if not isinstance(event, ev.HandleChanged)]
    told = repr(events) + "".join(event.data.decode() for event in talk.of(MessageReceived))
    log = shown(everything_logged)
    for secret in (KEY, *handles):
        assert secret not in log
        assert secret not in told
        assert secret not in repr(talk.events)
        assert secret not in repr(talk.session.core.resumption)
        assert secret not in repr(talk.session.config.auth)
    assert "x-goog-api-key" in log.lower(), "the library did log the upgrade, at debug"
    assert "sessionResumptionUpdate" in told


async def test_a_service_that_repeats_the_key_in_its_reason_does_not_give_it_away(
    talks, fast, everything_logged
):
    async with Simulator(fast()) as sim:
        talk = await talks.open(sim.url, auth=ApiKey(Secret(KEY)))
        await sim.close_with(1011, f"quota of {KEY} is used up")
        lost = await talk.told(ev.Failure)

    assert "quota of" in lost.fault.message
    assert KEY not in repr(talk.events)
    assert KEY not in shown(everything_logged)


async def test_a_proxy_that_repeats_the_key_in_its_status_line_does_not_give_it_away(
    talks, tcp, refused, everything_logged
):
    async def handler(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 403 No " + KEY.encode() + b" here\r\nContent-Length: 0\r\n\r\n")

    async with tcp(handler) as port:
        talk = talks(f"ws://127.0.0.1:{port}", auth=ApiKey(Secret(KEY)))
        fault = await refused(talk)

    assert fault.kind == "accessDenied"
    assert KEY not in fault.message
    assert KEY not in repr(talk.events)
    assert KEY not in shown(everything_logged)


def test_redaction_leaves_alone_what_faults_are_told_by():
    assert [row.text for row in ROWS if redact(f"x {row.text} y") != f"x {row.text} y"] == []


@pytest.mark.parametrize(
    "update",
    [
        b'{"sessionResumptionUpdate":{"newHandle":"canary-handle-77","resumable":true}}',
        b'{"sessionResumptionUpdate":{"newHandle":"canary-handle-77","resumable":"yes"}}',
        b'{"sessionResumptionUpdate":{"newHandle":["canary-handle-77"]}}',
        b'{"sessionResumptionUpdate":"canary-handle-77"}',
        b'{"sessionResumptionUpdate":{"newHandle":"canary-handle-77"},"goAway":7}',
        b'{ "sessionResumptionUpdate" :\n { "newHandle" : "canary-handle-77" , "resumable" : true , "more" : 1e999 } }',
    ],
)
async def test_a_handle_is_taken_out_of_a_message_of_whatever_shape(talks, service, update):
    async def handler(connection):
        await connection.send(update)
        await connection.send(b'{"serverContent":{"outputTranscription":{"text":"still here"}}}')
        await connection.wait_closed()

    async with service(handler) as url:
        talk = await talks.open(url)
        await talk.told(MessageReceived, lambda event: b"still here" in event.data)

        assert "canary-handle" not in repr(talk.events)
