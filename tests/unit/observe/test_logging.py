"""Log records become JSON lines without secrets."""

import io
import json
import logging
import os
import re
import sys
import threading
import warnings

import pytest
from websockets.frames import Frame, Opcode

from sidecar.observe import logging as logs
from sidecar.observe.redact import REDACTED, register, unregister
from sidecar.observe.secret import Secret

KEY = "AIzaSyD-9tSrke72PouQMnMX-a7eZSW0jkFMBWY"


@pytest.fixture
def written(tmp_path):
    """Sets logging up on a file. Calling it gives the lines written since, as objects."""
    root = logging.getLogger()
    before = (root.level, list(root.handlers), logging.raiseExceptions)
    hooks = (sys.excepthook, threading.excepthook, sys.unraisablehook)
    file = (tmp_path / "log").open("wb", buffering=0)
    told = (tmp_path / "log").open("rb")
    logs.setup("debug", file.fileno())

    def lines():
        assert logs.flush(5)
        return [json.loads(line) for line in told]

    yield lines
    logs.flush(5)
    logging.captureWarnings(False)
    root.level, root.handlers[:], logging.raiseExceptions = before[0], before[1], before[2]
    sys.excepthook, threading.excepthook, sys.unraisablehook = hooks
    file.close()
    told.close()


@pytest.mark.parametrize(
    ("number", "name"),
    [(10, "debug"), (15, "debug"), (20, "info"), (30, "warn"), (40, "error"), (50, "error")],
)
def test_a_record_is_one_object_with_time_level_logger_and_message(written, number, name):
    logging.getLogger("sidecar.x").log(number, "hello %s", "world")

    (line,) = written()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.pop("ts"))
    assert line == {"level": name, "logger": "sidecar.x", "msg": "hello world"}


def test_fields_stand_beside_the_message(written):
    fields = {"attempt": 2, "wait_ms": 1.5, "ok": True, "none": None, "list": [1, "two"], "map": {"a": 1}}

    logs.log(logging.getLogger("sidecar"), "info", "100 % sure", **fields)

    (line,) = written()
    assert line["msg"] == "100 % sure"
    assert {name: line[name] for name in fields} == fields


def test_a_field_cannot_take_the_place_of_the_records_own(written):
    logs.log(logging.getLogger("sidecar"), "info", "real", msg="fake", level="fake", ts="fake")

    (line,) = written()
    assert (line["msg"], line["level"], line["msg_"]) == ("real", "info", "fake")


@pytest.mark.parametrize(
    "value", [KEY, Secret(KEY), [KEY], {"deep": {"deeper": KEY}}, {KEY: 1}, ValueError(KEY)]
)
def test_a_secret_in_a_field_is_removed(written, value):
    logs.log(logging.getLogger("sidecar"), "info", "field", field=value)

    (line,) = written()
    assert KEY not in json.dumps(line)
    assert "field" in line


def test_a_field_with_a_secrets_name_is_never_shown(written):
    logs.log(logging.getLogger("sidecar"), "info", "names", api_key="plain", deep={"newHandle": "plain"})

    (line,) = written()
    assert line["api_key"] == REDACTED
    assert line["deep"] == {"newHandle": REDACTED}


def test_a_registered_secret_is_removed_from_message_field_and_traceback(written):
    secret = Secret("no pattern knows me")
    register(secret)
    try:
        try:
            raise ValueError(secret.reveal())
        except ValueError:
            logging.getLogger("sidecar").exception(
                "oh: %s", secret.reveal(), extra={"fields": {"f": secret.reveal()}}
            )
    finally:
        unregister(secret)

    (line,) = written()
    assert secret.reveal() not in json.dumps(line)
    assert line["exc"].rstrip().endswith(f"ValueError: {REDACTED}")
    assert "Traceback" in line["exc"]


def test_what_cannot_be_said_in_json_is_said_in_words(written):
    class Broken:
        def __str__(self):
            raise RuntimeError("no text")

    log, root = logging.getLogger("sidecar"), logging.getLogger()
    # pytest's own handlers keep the text for a report, and what no encoding can say cannot be sent to one.
    root.handlers[:] = [one for one in root.handlers if not hasattr(one, "records")]
    logs.log(log, "info", "floats", nan=float("nan"), inf=float("inf"))
    logs.log(log, "info", "surrogate \ud800", bytes=b"\xff", set={1})
    logs.log(log, "info", "broken", broken=Broken())
    log.info("two %s %s", *["one"])
    log.info("unicode \u2028 ü 鍵")

    floats, surrogate, broken, arguments, text = written()
    assert (floats["nan"], floats["inf"]) == ("nan", "inf")
    assert surrogate["msg"] == "surrogate \ud800"
    assert "RuntimeError" in broken["msg"]
    assert "do not fit" in arguments["msg"]
    assert text["msg"] == "unicode \u2028 ü 鍵"


def test_a_very_long_message_is_cut(written):
    logging.getLogger("sidecar").info("x" * 10_000_000)

    (line,) = written()
    assert logs.MAX_TEXT < len(line["msg"]) < logs.MAX_TEXT + 100
    assert line["msg"].endswith("(cut)")


@pytest.mark.parametrize("place", range(0, 2000, 250))
def test_a_secret_is_removed_wherever_a_long_text_or_traceback_is_cut(written, place):
    """What is removed makes the text shorter, so that what was cut first can be what is shown last."""
    secret, log = Secret("no pattern knows me. " * 100), logging.getLogger("sidecar")
    text = "x" * place + f"{secret.reveal()}\n" * 50
    register(secret)
    try:
        log.info(text)
        try:
            raise ValueError(text)
        except ValueError:
            log.exception("long")
    finally:
        unregister(secret)

    assert len(text) > 4 * logs.MAX_TEXT
    message, traceback = written()
    for shown in (message["msg"], traceback["exc"]):
        assert "pattern knows" not in shown
        assert REDACTED in shown


def test_of_an_exception_with_one_endless_line_the_name_is_left(written):
    try:
        raise ValueError("x" * 1_000_000)
    except ValueError:
        logging.getLogger("sidecar").exception("long")

    (line,) = written()
    assert line["exc"] == "ValueError with a long text"


def test_a_very_long_traceback_keeps_its_end(written):
    try:
        raise ValueError("\n".join(["line"] * 10_000) + "\nthe last words")
    except ValueError:
        logging.getLogger("sidecar").exception("long")

    (line,) = written()
    assert line["exc"].rstrip().endswith("the last words")
    assert len(line["exc"]) <= logs.MAX_TEXT


def test_levels_below_the_chosen_one_are_not_written_and_the_choice_can_change(written):
    log = logging.getLogger("sidecar.levels")
    logs.set_level("warn")
    logs.log(log, "info", "not now")
    logs.log(log, "warn", "a warning")
    logs.set_level("info")
    logs.log(log, "info", "now")

    assert [line["msg"] for line in written()] == ["a warning", "now"]


def test_an_unknown_level_is_refused_by_name():
    with pytest.raises(ValueError, match="unknown log level 'loud'; use one of debug, info, warn, error"):
        logs.set_level("loud")


def test_a_second_setup_replaces_the_first(written):
    read_end, write_end = os.pipe()
    try:
        logs.setup("info", write_end)
        logging.getLogger("sidecar").info("once")
        assert logs.flush(5)
        assert os.read(read_end, 65536).count(b"once") == 1
        assert written() == []
    finally:
        os.close(read_end)
        os.close(write_end)


def test_uncaught_exceptions_of_threads_and_finalizers_are_lines_too(written):
    def fail():
        raise ValueError(f"in a thread with {KEY}")

    class FailsToDie:
        def __del__(self):
            raise ValueError(f"in a finalizer with {KEY}")

    thread = threading.Thread(target=fail, name="worker")
    thread.start()
    thread.join()
    FailsToDie()
    try:
        raise ValueError(f"in the main program with {KEY}")
    except ValueError:
        sys.excepthook(*sys.exc_info())

    in_thread, in_finalizer, in_main = written()
    assert in_thread["msg"] == "uncaught exception in thread worker"
    for line, where in ((in_thread, "thread"), (in_finalizer, "finalizer"), (in_main, "main program")):
        assert f"{where} with {REDACTED}" in line["exc"]
        assert line["level"] == "error"


def test_warnings_are_lines_too(written):
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("something is old", UserWarning, stacklevel=1)

    (line,) = written()
    assert "something is old" in line["msg"]
    assert line["level"] == "warn"


@pytest.fixture
def plain():
    """A handler of the standard kind on the library's logger: what it gets is redacted before any handler."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    logger = logs.websockets_logger()
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    yield logger, stream
    logger.removeHandler(handler)
    logger.setLevel(logging.NOTSET)


@pytest.mark.parametrize("opcode", [Opcode.TEXT, Opcode.BINARY, Opcode.CONT])
@pytest.mark.parametrize("size", [40, 4000])
def test_the_websockets_logger_tells_the_size_of_a_frame_and_nothing_of_its_body(plain, opcode, size):
    logger, stream = plain
    body = (b'{"h":"' + b"secret" * size)[:size]

    logger.debug("> %s", Frame(opcode, body))

    assert stream.getvalue() == f"> {opcode.name} [{size} bytes]\n"


@pytest.mark.parametrize("size", [2, 40, 125])
def test_of_a_close_frame_the_websockets_logger_tells_the_code_and_of_pings_the_size(plain, size):
    logger, stream = plain
    payload = (b"\x03\xf3" + b"secret" * size)[:size]

    logger.debug("< %s", Frame(Opcode.CLOSE, payload))
    logger.debug("< %s", Frame(Opcode.CLOSE, b""))
    logger.debug("> %s", Frame(Opcode.PING, payload))
    logger.debug("< %s", Frame(Opcode.PONG, payload))

    assert stream.getvalue() == (
        f"< CLOSE 1011 [{size} bytes]\n< CLOSE [0 bytes]\n> PING [{size} bytes]\n< PONG [{size} bytes]\n"
    )


def test_the_websockets_logger_removes_a_secret_that_a_service_has_cut(plain):
    logger, stream = plain
    secret = Secret("no pattern knows me " * 5)
    register(secret)
    try:
        logger.debug("< HTTP/1.1 %d %s", 403, f"refused: {secret.reveal()[:40]}")
    finally:
        unregister(secret)

    assert stream.getvalue() == f"< HTTP/1.1 403 refused: {REDACTED}\n"


def test_the_websockets_logger_redacts_requests_headers_and_exceptions(plain):
    logger, stream = plain

    logger.debug("> GET %s HTTP/1.1", f"/ws?key={KEY}")
    logger.debug("> %s: %s", "x-goog-api-key", "of-another-shape")
    try:
        raise OSError(f"cannot reach wss://host/?key={KEY}")
    except OSError:
        logger.error("failed", exc_info=True)

    shown = stream.getvalue()
    assert shown.count(REDACTED) >= 3
    assert KEY not in shown
    assert "of-another-shape" not in shown
    assert "OSError: cannot reach wss://host/?key=" in shown


def test_other_loggers_of_the_library_show_no_bodies_on_stderr_either(written):
    logging.getLogger("websockets.server").debug("< %s", Frame(Opcode.BINARY, b"secret" * 10))

    (line,) = written()
    assert line["msg"] == "< BINARY [60 bytes]"


def test_asking_twice_for_the_websockets_logger_filters_once(plain):
    assert logs.websockets_logger() is logs.websockets_logger()
    assert len(logs.websockets_logger().filters) == 1
