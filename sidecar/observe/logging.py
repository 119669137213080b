"""Logs as JSON lines on stderr, without secrets, and never in the way of the process (docs/logging.md).

The standard `logging` does the routing. One handler on the root logger makes the line, redacts it, and
hands it to a thread that writes. When nobody reads stderr, lines are dropped and counted, not waited for.
"""

import logging
import math
import sys
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from json import dumps
from types import TracebackType
from typing import Any, Literal

from sidecar.observe.redact import REDACTED, is_secret_field, redact, redact_cut
from sidecar.observe.sink import Sink

Level = Literal["debug", "info", "warn", "error"]

LEVELS: dict[Level, int] = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "error": logging.ERROR,
}

MAX_TEXT = 16 * 1024
"""Characters of one text in a line; the rest is cut. A traceback fits, a Live message with audio does not."""

_MAX_REDACTED = 4 * MAX_TEXT
"""Redacting is linear, but a message may have megabytes: it is cut coarsely before, and finely after."""
_OWN_KEYS = frozenset({"ts", "level", "logger", "msg", "exc"})
_FLUSH_AT_EXIT_S = 0.5
_MAX_DEPTH = 4
_MAX_ITEMS = 64
_CLOSE_CODE_BYTES = 2
"""At the beginning of a close frame's payload (RFC 6455 section 5.5.1)."""

_handler: "_JsonHandler | None" = None


def setup(level: str, stream_fd: int) -> None:
    """Sends every log record of the process, uncaught exceptions and warnings too, to `stream_fd`.

    `level` is one of `LEVELS`. A second call replaces the first.
    """
    global _handler
    root = logging.getLogger()
    if _handler is not None:
        root.removeHandler(_handler)
        _handler.close()
    _handler = _JsonHandler(Sink(stream_fd))
    root.addHandler(_handler)
    set_level(level)
    logging.raiseExceptions = False  # a record that cannot be shown must not print itself unredacted
    logging.captureWarnings(True)
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread
    sys.unraisablehook = _unraisable


def set_level(level: str) -> None:
    """Changes the lowest level that is written. Raises ValueError for a name not in `LEVELS`."""
    number = next((number for name, number in LEVELS.items() if name == level), None)
    if number is None:
        raise ValueError(f"unknown log level {level!r}; use one of {', '.join(LEVELS)}")
    logging.getLogger().setLevel(number)


def flush(timeout_s: float) -> bool:
    """Waits until all lines are written; False if the time was up before."""
    return _handler is None or _handler.sink.flush(timeout_s)


def log(logger: logging.Logger, level: Level, msg: str, /, **fields: object) -> None:
    """One record with fields: `log(logger, "info", "session opened", session_id="s1")`."""
    number = LEVELS[level]
    if logger.isEnabledFor(number):
        logger.log(number, "%s", msg, extra={"fields": fields}, stacklevel=2)


def websockets_logger() -> logging.Logger:
    """The logger to give to `websockets`.

    At debug the library prints URLs, headers and message bodies. The records of this logger carry no body
    and no secret, whatever handler gets them.
    """
    logger = logging.getLogger("websockets")
    if _without_secrets not in logger.filters:
        logger.addFilter(_without_secrets)
    return logger


def _without_secrets(record: logging.LogRecord) -> bool:
    record.msg = redact_cut(_message(record))  # of what a service said
    record.args = ()
    if record.exc_info and record.exc_info[1] is not None:
        record.exc_text = _traceback(record.exc_info[1])  # formatters show this instead
    return True


def _message(record: logging.LogRecord) -> str:
    """The message with its arguments; never raises."""
    args = record.args
    if isinstance(args, tuple):
        args = tuple(_outline(arg) for arg in args)
    try:
        return str(record.msg) % args if args else str(record.msg)
    except Exception:
        return f"{record.msg!r} (its arguments do not fit)"


def _outline(arg: object) -> object:
    """A frame of `websockets` becomes its kind and length; one that closes, its code too.

    Its own text is the payload's first and last characters: pieces of a secret that no pattern knows again.
    """
    opcode = getattr(getattr(arg, "opcode", None), "name", None)
    data = getattr(arg, "data", None)
    if opcode is None or not isinstance(data, bytes | bytearray | memoryview):
        return arg
    if opcode == "CLOSE" and len(data) >= _CLOSE_CODE_BYTES:
        opcode += f" {int.from_bytes(bytes(data[:_CLOSE_CODE_BYTES]), 'big')}"
    return f"{opcode} [{len(data)} bytes]"


class _JsonHandler(logging.Handler):
    def __init__(self, sink: Sink) -> None:
        super().__init__()
        self.sink = sink

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self.sink.put(json_line(record))
        except Exception as exc:  # a log line must never break what it reports
            self.sink.put(_notice(f"a log record could not be shown: {type(exc).__name__}"))

    def flush(self) -> None:
        self.sink.flush(_FLUSH_AT_EXIT_S)  # called once, by `logging` itself, when the interpreter ends

    def close(self) -> None:
        self.sink.close()
        super().close()


def json_line(record: logging.LogRecord) -> bytes:
    """The record as one JSON object in UTF-8 and a newline, redacted."""
    line: dict[str, object] = {
        "ts": _timestamp(record.created),
        "level": _level_name(record.levelno),
        "logger": record.name,
        "msg": _clean_text(_message(record)),
    }
    fields = getattr(record, "fields", None)
    if isinstance(fields, Mapping):
        for name, value in fields.items():
            line[f"{name}_" if name in _OWN_KEYS else str(name)] = _clean(value, str(name))
    if record.exc_info and record.exc_info[1] is not None:
        line["exc"] = _traceback(record.exc_info[1])
    # A lone surrogate has no UTF-8, but its backslash escape is also its JSON escape.
    return dumps(line, ensure_ascii=False, default=repr).encode("utf-8", "backslashreplace") + b"\n"


def _notice(msg: str) -> bytes:
    line = {"ts": _timestamp(None), "level": "error", "logger": __name__, "msg": msg}
    return dumps(line).encode() + b"\n"


def _timestamp(created_s: float | None) -> str:
    """RFC 3339 in UTC with milliseconds; None means now."""
    moment = datetime.now(UTC) if created_s is None else datetime.fromtimestamp(created_s, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _level_name(number: int) -> Level:
    return next((name for name, lowest in reversed(LEVELS.items()) if number >= lowest), "debug")


def _traceback(exc: BaseException) -> str:
    """The end of the traceback, from a line's beginning, redacted: the exception itself stands last."""
    from traceback import format_exception

    text = _end("".join(format_exception(exc)), _MAX_REDACTED)
    return _end(redact(text), MAX_TEXT) or f"{type(exc).__name__} with a long text"


def _end(text: str, size: int) -> str:
    """So much of it at most, from a line's beginning: a line that was cut may begin within a secret."""
    return text if len(text) <= size else text[-size:].partition("\n")[2]


def _clean_text(text: str) -> str:
    """Redacted and cut."""
    text = redact_cut(text[:_MAX_REDACTED]) if len(text) > _MAX_REDACTED else redact(text)
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}... (cut)"


def _clean(value: Any, name: str, depth: int = 0) -> object:
    """`value` as something JSON can say, without secrets."""
    if value is None or isinstance(value, bool | int):
        return value
    if is_secret_field(name):
        return REDACTED
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Mapping) and depth < _MAX_DEPTH:
        items = list(value.items())[:_MAX_ITEMS]
        return {_clean_text(str(key)): _clean(item, str(key), depth + 1) for key, item in items}
    if isinstance(value, list | tuple) and depth < _MAX_DEPTH:
        return [_clean(item, name, depth + 1) for item in value[:_MAX_ITEMS]]
    return _clean_text(str(value))


def _uncaught(kind: type[BaseException], exc: BaseException, where: TracebackType | None) -> None:
    logging.getLogger("sidecar").error("uncaught exception", exc_info=(kind, exc, where))


def _uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None:
        thread = args.thread.name if args.thread else "unknown"
        logging.getLogger("sidecar").error("uncaught exception in thread %s", thread, exc_info=args.exc_value)


def _unraisable(args: "sys.UnraisableHookArgs") -> None:
    logging.getLogger("sidecar").error(
        "%s in %s", args.err_msg or "exception ignored", type(args.object).__name__, exc_info=args.exc_value
    )
