"""The fault table and the log's rows -> `docs/errors.md`, for people who look an error up."""

from collections.abc import Iterator

from tables import table

from sidecar.lifecycle.faults import ROWS, Action, Cause, Layer, Row, classify
from sidecar.session.logged import LOGGED

LAYERS: dict[Layer, tuple[str, str]] = {
    Layer.WEBSOCKET: (
        "Closed by the service",
        "`wsCode` is the close code; the text is a part of the close reason, in any case of letters.",
    ),
    Layer.HTTP: ("The upgrade was refused", "`httpStatus` is the status of the answer, where there was one."),
    Layer.TLS: ("TLS", "Before the upgrade."),
    Layer.PROXY: (
        "The proxy",
        "Between here and the service. Numbers are the HTTP status of its answer to CONNECT.",
    ),
    Layer.TCP: ("TCP", "The connection could not be made."),
    Layer.DNS: ("Name resolution", "The address of the host could not be found."),
    Layer.LOCAL: ("Found by the sidecar", "Nobody told it: it noticed, or decided."),
}
"""Headings and introductions, in the order of the page: what is looked up most comes first."""

LOCAL_WHEN: dict[tuple[Layer, str], str] = {
    (Layer.LOCAL, "silence"): "no sign of life for `heartbeat.deadAfterMs`, or none after a probe",
    (Layer.LOCAL, "messageTooBig"): "a frame was over the limit",
    (Layer.LOCAL, "protocolError"): "what came was no WebSocket frame",
    (Layer.LOCAL, "setupTimeout"): "no setupComplete within `deadlines.setupMs`",
    (Layer.LOCAL, "attemptTimeout"): "an attempt took longer than `deadlines.attemptMs`",
    (Layer.LOCAL, "goAway"): "a planned hand-over after goAway; no failure",
    (Layer.LOCAL, "recycle"): "a planned hand-over of an old connection; no failure",
    (Layer.LOCAL, "requested"): "`session/reconnect` replaced a live connection; no failure",
    (Layer.LOCAL, "stalled"): "an answer was overdue, and `stall.action` is `reconnect`",
    (Layer.LOCAL, "networkChanged"): "the host said that the address changed; no failure",
    (Layer.LOCAL, "openTimeout"): "`session/open` did not succeed within `deadlines.openMs`",
    (
        Layer.LOCAL,
        "maxElapsed",
    ): "an outage lasted `reconnect.maxElapsedMs`, or would before the next attempt",
    (Layer.LOCAL, "maxAttempts"): "`reconnect.maxAttempts` attempts reached the service and failed",
    (Layer.LOCAL, "disabled"): "the connection was lost, and `reconnect.enabled` is false",
    (Layer.LOCAL, "tokenTimeout"): "the host did not answer `auth/token` in time",
    (Layer.LOCAL, "tokenUnavailable"): "the host, or Google's token service, has no token now",
    (Layer.LOCAL, "tokenDenied"): "the host or the token service denied, or gave what is no token",
    (Layer.LOCAL, "hostNotReading"): "32 MiB waited for the host",
    (Layer.DNS, "timeout"): "no answer within `deadlines.dialMs`",
    (Layer.TCP, "refused"): "the connection was refused",
    (Layer.TCP, "timeout"): "no connection within `deadlines.dialMs`",
    (Layer.PROXY, "authentication"): "a SOCKS5 proxy wants to know who asks",
    (Layer.PROXY, "4xx"): "any other 4xx as the answer to CONNECT",
    (Layer.PROXY, "5xx"): "any 5xx as the answer to CONNECT",
    (Layer.PROXY, "notAllowed"): "a SOCKS5 proxy's rules forbid it",
    (Layer.PROXY, "noWay"): "a SOCKS5 proxy does not reach the service",
    (Layer.PROXY, "noAnswer"): "the proxy found no way to the service within `deadlines.dialMs`",
    (Layer.PROXY, "timeout"): "the proxy was not connected within `deadlines.dialMs`",
    (Layer.PROXY, "notFound"): "the proxy's name could not be found",
    (Layer.PROXY, "refused"): "the connection to the proxy was refused",
    (Layer.PROXY, "error"): "the connection to the proxy could not be made",
    (Layer.PROXY, "certificate"): "the https proxy's own certificate did not pass",
    (Layer.PROXY, "unusable"): "the system names a proxy that the sidecar cannot use",
    (Layer.TLS, "expired"): "the certificate has expired",
    (Layer.TLS, "notYetValid"): "the certificate is not valid yet",
    (Layer.TLS, "hostMismatch"): "the certificate is for another name",
    (Layer.TLS, "selfSigned"): "the certificate was signed by nobody but itself",
    (Layer.TLS, "untrusted"): "the certificate's issuer is not trusted here",
    (Layer.TLS, "certificate"): "the certificate did not pass another check",
    (Layer.TLS, "version"): "no version of TLS that both sides take",
    (Layer.TLS, "notTls"): "what answers does not speak TLS",
    (Layer.TLS, "dropped"): "the connection ended in the middle of the TLS handshake",
    (Layer.TLS, "caFile"): "`tls.caFile` cannot be read any more",
    (Layer.HTTP, "timeout"): "no answer within `deadlines.handshakeMs`",
    (Layer.HTTP, "invalid"): "the answer was no WebSocket upgrade",
    (Layer.HTTP, "dropped"): "the connection ended before the answer",
    (Layer.HTTP, "2xx"): "any 2xx",
    (Layer.HTTP, "3xx"): "any 3xx",
    (Layer.HTTP, "4xx"): "any other 4xx",
}
"""What the short names of local events mean."""

ACTIONS: dict[Action, str] = {
    Action.RETRY: "It tries again after the backoff, with the handle if there is one.",
    Action.RESUME: "It makes a new connection with the newest handle; without one, a fresh session.",
    Action.FRESH: (
        "The handle is dead: it drops it and tries one fresh session. Where there was no handle, a 1007 ends "
        "the session, and anything else is tried again."
    ),
    Action.REFRESH_TOKEN: (
        "It gets a newer token and tries again, once; the handle is kept. "
        "A key or token that cannot be renewed ends the session."
    ),
    Action.SLOW_DOWN: (
        "It tries again after `reconnect.slowLaneMs`, or later where the service says when. Where that would "
        "be after the end of the outage, it gives up now."
    ),
    Action.STOP: "It gives up: the same again cannot help. `session/reconnect` tries all the same.",
}

OPENING = """\
<!-- Made from sidecar/lifecycle/faults.py and sidecar/session/logged.py by build/generate.py:
     change those and run `make generate`. -->

# Errors

What can go wrong between the sidecar and the service, what the sidecar does about it, and what you can do.

A fault comes as `session/error`, in `error` of `session/stateChanged` and of a snapshot, or as the error of
`session/open` and `session/reconnect`, code -32020. Its `kind` is stable and made for code; `message` is for
you and the log; `userMessage` is for the person at the screen; `remediation` says what to do. Several causes
may share a kind where they mean the same.

Errors of calls (wrong params, unknown session and so on) stand in
[the table of error codes](protocol.md#errors); the fields of `error.data` in
[ErrorData](protocol.md#type-errordata).

## What the sidecar does
"""

AFTER_ACTIONS = """\
"Counts" in the tables below says whether a failed attempt counts against `reconnect.maxAttempts`: those
that reached the service do; the others go on until `reconnect.maxElapsedMs`. A connection that ends before
`reconnect.stableAfterMs` counts in any case. A resume that is refused right after the old connection ended
(1011 within `handOver.windowMs`) does not count: the service has not let go of it yet. Planned hand-overs
never count.

`error.data.retryable` is false where the action is `stop`, but for the limits of the sidecar's own (such
as `openTimeout`). A fault that ends the session is logged as an
error, whatever its own severity. The waits are explained in [lifecycle.md](lifecycle.md#coming-back).
"""

LOGGING = """\
## What is logged

Of each session, beside the defects of the sidecar itself, with the field `session`. Nothing that was said, no
setup, no key and no handle is among it; see [logging.md](logging.md) for the form of a line.
"""


def write() -> str:
    """The whole page."""
    return "\n".join([OPENING, *_actions(), AFTER_ACTIONS, *_layers(), LOGGING, *_logged()])


def _actions() -> Iterator[str]:
    yield from table(("action", "what it means"), ((f"`{a}`", meaning) for a, meaning in ACTIONS.items()))


def _layers() -> Iterator[str]:
    for layer, (heading, introduction) in LAYERS.items():
        yield f"## {heading}\n"
        yield f"{introduction}\n"
        yield from table(
            ("kind", "when", "action", "counts", "severity", "the user is told", "what to do"),
            (_row(row) for row in ROWS if row.layer is layer),
        )


def _row(row: Row) -> tuple[str, ...]:
    return (
        f"`{row.kind}`",
        when(row),
        f"`{row.action}`",
        "yes" if _counts(row) else "no",
        row.severity.value,
        row.user_message,
        row.remediation or ("" if row.action is Action.STOP else "nothing"),
    )


def when(row: Row) -> str:
    """What must be seen for the row to fit. Rows are tried from the top; the first that fits wins."""
    if row.code is None:
        return "anything else"
    named = LOCAL_WHEN.get((row.layer, str(row.code)))
    if named is not None:
        return f"{named}; {row.text}" if row.text else named
    if not isinstance(row.code, int):
        raise ValueError(f"{row.layer} {row.code!r} has no words in LOCAL_WHEN")
    return f"{row.code}, “{row.text}”" if row.text else f"{row.code}{_any_other(row)}"


def _any_other(row: Row) -> str:
    """A code that has rows for some texts, and this one for the rest."""
    has_texts = any(other.text for other in ROWS if (other.layer, other.code) == (row.layer, row.code))
    return ", any other text" if has_texts else ""


def _counts(row: Row) -> bool:
    """Asked of the classifier, with a cause that fits the row and none before it."""
    samples: dict[int | str | None, int | str] = {
        None: 500 if row.layer is Layer.HTTP else "other",
        "2xx": 200,
        "3xx": 302,
        "4xx": 418,
        "5xx": 502,
    }
    code = samples.get(row.code, row.code if row.code is not None else "other")
    return classify(Cause(row.layer, code, row.text)).reached


def _logged() -> Iterator[str]:
    yield from table(
        ("what", "severity"),
        ((row.when, row.levels) for row in LOGGED.values()),
    )
