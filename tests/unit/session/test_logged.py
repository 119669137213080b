"""What of a session stands in the log, and what never does."""

import json
import logging

import pytest

from sidecar.lifecycle import events as ev
from sidecar.lifecycle import states
from sidecar.lifecycle.books import Drop
from sidecar.lifecycle.faults import ROWS, Cause, Layer, Severity, classify
from sidecar.lifecycle.item import Item, Kind
from sidecar.live import frames, turns
from sidecar.observe import redact
from sidecar.observe.logging import json_line
from sidecar.observe.secret import Secret
from sidecar.session.logged import LOGGED, log_event

SECRET = "canary-secret-0123456789"
LOGGER = logging.getLogger("test.logged")


@pytest.fixture
def logged(caplog):
    """Logs an event; its line, or None."""
    caplog.set_level(logging.DEBUG, logger=LOGGER.name)

    def line_of(event):
        caplog.clear()
        log_event(LOGGER, "s1", event)
        lines = [json.loads(json_line(record)) for record in caplog.records]
        assert len(lines) <= 1
        return lines[0] if lines else None

    return line_of


def failure(layer: Layer, code: int | str, text: str = "", *, fatal: bool = False) -> ev.Failure:
    return ev.Failure(classify(Cause(layer, code, text)), fatal)


def changed() -> ev.StateChanged:
    return ev.StateChanged(3, states.SETUP, states.ACTIVE, "setupComplete", 1, None, "resumed", None)


def drop() -> Drop:
    return Drop("outboxFull", Item(Kind.AUDIO, b"{}", n=7, audio_us=20_000))


EXPECTED = [
    (changed(), "info", "state changed", {"state": "connected/active", "reason": "setupComplete"}),
    (
        failure(Layer.WEBSOCKET, 1008, "GoAway"),
        "warn",
        "goAwayOverrun: closed with 1008: GoAway",
        {"action": "resume", "fatal": False},
    ),
    (failure(Layer.LOCAL, "goAway"), "info", "goAway: goAway", {"action": "resume", "fatal": False}),
    (
        failure(Layer.HTTP, 404, fatal=True),
        "error",
        "endpointNotFound: upgrade failed 404",
        {"action": "stop", "fatal": True},
    ),
    (ev.Dropped(drop()), "warn", "dropped: outboxFull", {"kind": "audio", "count": 1, "audio_ms": 20}),
    (ev.GoAwayReceived(49.5), "info", "go away", {"time_left_ms": 49_500}),
    (
        ev.Stalled("turnComplete", 30.001, "event"),
        "warn",
        "stalled",
        {"demand": "turnComplete", "waited_ms": 30_001, "action": "event"},
    ),
    (
        ev.BreakerChanged("open", "closed", 5, 30.0),
        "warn",
        "breaker",
        {"state": "open", "previous": "closed", "failures": 5, "retry_in_ms": 30_000},
    ),
    (
        ev.BreakerChanged("halfOpen", "open", 5, None),
        "info",
        "breaker",
        {"state": "halfOpen", "previous": "open", "failures": 5},
    ),
    (ev.Slept(60.0), "info", "slept", {"slept_ms": 60_000}),
    (ev.Configured(), "info", "configured", {}),
]


@pytest.mark.parametrize(
    ("event", "level", "text", "fields"), EXPECTED, ids=lambda value: type(value).__name__
)
def test_a_record_has_its_level_its_text_and_its_fields(logged, event, level, text, fields):
    line = logged(event)

    assert (line.pop("level"), line.pop("msg"), line.pop("session")) == (level, text, "s1")
    del line["ts"], line["logger"]
    assert line == fields


def test_every_row_was_looked_at():
    assert {type(event) for event, *_ in EXPECTED} == set(LOGGED)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.layer}-{row.code}-{row.text}")
def test_a_fatal_fault_is_an_error_and_another_has_its_own_severity(logged, row):
    fault = classify(
        Cause(row.layer, {"3xx": 302, "4xx": 418, None: "other"}.get(row.code, row.code), row.text)
    )

    assert logged(ev.Failure(fault, True))["level"] == "error"
    assert logged(ev.Failure(fault, False))["level"] == fault.severity.value
    assert fault.severity in Severity


@pytest.mark.parametrize(
    "event",
    [
        ev.HandleChanged(True, SECRET),
        ev.SetupSent(True, {"systemInstruction": SECRET}),
        ev.QueueMoved(),
        ev.Reconnected(1, 0.5, "resumed", 0, 0),
        frames.InvalidFrame(SECRET, 9),
    ],
    ids=lambda event: type(event).__name__,
)
def test_what_carries_a_secret_or_what_was_said_has_no_row(logged, event):
    assert logged(event) is None


def test_no_event_of_a_conversation_has_a_row():
    said = {frames.MessageReceived, frames.InvalidFrame, ev.HandleChanged, ev.SetupSent}
    said |= set(turns.TurnEvent.__args__)

    assert not said & set(LOGGED)


def test_a_dropped_message_is_logged_without_its_content(logged):
    item = Item(Kind.TOOL_RESPONSE, SECRET.encode(), ids=(SECRET,))

    line = logged(ev.Dropped(Drop("sessionLost", item)))
    assert line["kind"] == "toolResponse"
    assert SECRET not in json.dumps(line)


def test_a_reason_of_the_service_that_repeats_a_secret_is_cleaned(logged):
    """The service is free to put the handle or the key into a close reason."""
    secret = Secret(SECRET)
    redact.register(secret)
    try:
        line = logged(failure(Layer.WEBSOCKET, 1007, f"bad session handle {SECRET}"))
    finally:
        redact.unregister(secret)

    assert "bad session handle" in line["msg"]
    assert SECRET not in json.dumps(line)
