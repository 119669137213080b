"""What of a session stands in the log, at which level and with which fields: one table.

It makes the log, and a part of `docs/errors.md`. A row takes from its event only what is named in it. Events
that carry a handle, a setup or what was said have no row.
"""

import logging
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from sidecar.lifecycle import events as ev
from sidecar.lifecycle.states import describe
from sidecar.observe.logging import Level, log

Fields = dict[str, object]


class Row(NamedTuple):
    """How one kind of event is logged.

    Attributes:
        when: for people: what happened.
        levels: for people: at which level.
        level: the level of one event.
        text: the record's message.
        fields: the record's fields, beside `session`.
    """

    when: str
    levels: str
    level: Callable[[Any], Level]
    text: Callable[[Any], str]
    fields: Callable[[Any], Fields]


def log_event(logger: logging.Logger, session_name: str, event: object) -> None:
    """Log an event of a session, if it has a row."""
    row = LOGGED.get(type(event))
    if row is not None:
        log(logger, row.level(event), row.text(event), session=session_name, **row.fields(event))


def _state(event: ev.StateChanged) -> Fields:
    return {"state": describe(event.after), "reason": event.reason}


def _failure_level(event: ev.Failure) -> Level:
    return "error" if event.fatal else event.fault.severity.value


def _failure_text(event: ev.Failure) -> str:
    return f"{event.fault.kind}: {event.fault.message}"


def _failure(event: ev.Failure) -> Fields:
    return {"action": event.fault.action.value, "fatal": event.fatal}


def _dropped_text(event: ev.Dropped) -> str:
    return f"dropped: {event.drop.reason}"


def _dropped(event: ev.Dropped) -> Fields:
    drop = event.drop
    return {"kind": drop.kind.value, "count": drop.count, "audio_ms": drop.audio_us // 1000}


def _go_away(event: ev.GoAwayReceived) -> Fields:
    return {"time_left_ms": _ms(event.time_left_s)}


def _stalled(event: ev.Stalled) -> Fields:
    return {"demand": event.demand, "waited_ms": _ms(event.waited_s), "action": event.action}


def _breaker_level(event: ev.BreakerChanged) -> Level:
    return "warn" if event.state == "open" else "info"


def _breaker(event: ev.BreakerChanged) -> Fields:
    fields: Fields = {"state": event.state, "previous": event.previous, "failures": event.failures}
    return fields if event.retry_in_s is None else fields | {"retry_in_ms": _ms(event.retry_in_s)}


def _slept(event: ev.Slept) -> Fields:
    return {"slept_ms": _ms(event.slept_s)}


def _nothing(_: object) -> Fields:
    return {}


def _always(level: Level) -> Callable[[object], Level]:
    return lambda _: level


def _says(text: str) -> Callable[[object], str]:
    return lambda _: text


def _ms(value_s: float) -> int:
    return round(value_s * 1000)


_INFO, _WARN = _always("info"), _always("warn")

LOGGED: Final[dict[type, Row]] = {
    ev.StateChanged: Row("The state or phase changed", "info", _INFO, _says("state changed"), _state),
    ev.Failure: Row("A fault", "its own; error if it is fatal", _failure_level, _failure_text, _failure),
    ev.Dropped: Row("Accepted messages were dropped", "warn", _WARN, _dropped_text, _dropped),
    ev.GoAwayReceived: Row("The service sent goAway", "info", _INFO, _says("go away"), _go_away),
    ev.Stalled: Row("An answer is overdue", "warn", _WARN, _says("stalled"), _stalled),
    ev.BreakerChanged: Row(
        "The circuit breaker changed",
        "warn when it opens, else info",
        _breaker_level,
        _says("breaker"),
        _breaker,
    ),
    ev.Slept: Row("The machine slept", "info", _INFO, _says("slept"), _slept),
    ev.Configured: Row("Settings were changed", "info", _INFO, _says("configured"), _nothing),
}
"""The rows, by the type of the event."""
