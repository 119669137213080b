"""One table from what went wrong to what it means and what to do (LP section 5; design section 3, Faults).

A cause is (layer, code, text): the WebSocket close code, the HTTP status, or a short name of a local
event. The first row that fits wins, so exact rows stand before the general ones. Close reasons are cut
at 123 bytes and their wording changes, so rows match on a part of the text; the code alone is never enough.
"""

from enum import StrEnum
from typing import Final, NamedTuple


class Layer(StrEnum):
    """Where it happened, from the bottom up."""

    LOCAL = "local"
    DNS = "dns"
    TCP = "tcp"
    PROXY = "proxy"
    TLS = "tls"
    HTTP = "http"
    WEBSOCKET = "websocket"


class Action(StrEnum):
    """What to do next."""

    RETRY = "retry"
    RESUME = "resume"
    FRESH = "fresh"  # the handle is dead: drop it, try once without
    REFRESH_TOKEN = "refreshToken"
    SLOW_DOWN = "slowDown"
    STOP = "stop"


class Severity(StrEnum):
    """At which level it is logged."""

    INFO = "info"
    WARNING = "warn"
    ERROR = "error"


class Cause(NamedTuple):
    """What was seen. `code`: close code, HTTP status, or a name such as "timeout"."""

    layer: Layer
    code: int | str
    text: str = ""
    retry_after_s: float | None = None


class Fault(NamedTuple):
    """What it means.

    Attributes:
        kind: stable name, for code.
        reached: the service itself answered; only such failures count against `max_attempts`.
    """

    kind: str
    message: str
    user_message: str
    action: Action
    severity: Severity
    reached: bool
    remediation: str = ""
    retry_after_s: float | None = None
    ws_code: int | None = None
    http_status: int | None = None

    @property
    def retryable(self) -> bool:
        """Whether the same may succeed later."""
        return self.action is not Action.STOP or self.kind in LIMITS


LIMITS = frozenset({"openTimeout", "maxElapsed", "maxAttempts", "reconnectDisabled"})
"""Kinds of giving up by a limit of ours: nothing says that the service would not take us later."""


class Row(NamedTuple):
    layer: Layer
    code: int | str | None
    """None fits every code of the layer."""
    text: str
    kind: str
    action: Action
    severity: Severity
    user_message: str
    remediation: str = ""


A, S, L = Action, Severity, Layer

WRONG_CREDENTIALS: Final = "it did not take the username and password"
OTHER_METHODS: Final = "none that the sidecar speaks"
"""What `live/tunnel.py` says of a proxy that asks for credentials, and the rows here know it by."""

_AGAIN = "The connection was interrupted. Reconnecting."
_BUSY = "The service is busy. Trying again shortly."
_KEY = "The service did not accept the API key."
_CONFIG = "The app asked the service for something it does not support."
_NETWORK = "The service cannot be reached. Please check the internet connection."
_QUOTA = "The usage limit is reached. Trying again later."
_CHECK_KEY = "Check the API key, and that its project may use the Generative Language API."
_CHECK_AUTH = "Check `auth`: the key or token, and that its project may use the API."
_SIGN_IN = "The app could not sign in to the service."
_CHECK_SETUP = "Compare the setup message with the model's documentation; the text names the field."
_CHECK_NETWORK = "Check the network, proxy and firewall."
_IDENTITY = "The service's identity could not be verified. On a guest network, please sign in there first."
_CLOCK = "The connection is not safe. Please check this computer's date and time."
_REVIVE = "Then call `session/reconnect`, tell `network/changed`, or open the session anew: nothing is tried before that."
_PORTAL = f"A guest network shows a certificate of its own until someone signs in there. {_REVIVE}"
_PROXY = "The proxy does not let the app through. Please check the proxy settings."
_PROXY_ANEW = (
    "`proxy` holds for a session's life: to give another one, close the session and call `session/open` anew, with "
    "`settings.resumption.handle` to go on where it was. If the system's proxy settings or the proxy itself were "
    "changed, `session/reconnect` is enough."
)
_GIVE_PROXY_USER = f"Give `proxy.username` and `proxy.password`. {_PROXY_ANEW}"
_CHECK_PROXY_USER = (
    f"Check the username and password of the proxy, and that the account may use it. {_PROXY_ANEW}"
)
_OTHER_PROXY = (
    "A username and password will not help here: NTLM, Negotiate, Kerberos and Digest are not spoken. Use a proxy that "
    f"takes Basic, or a forwarding proxy on this machine that signs in to this one for the app. {_PROXY_ANEW}"
)
_CHECK_PROXY = "Check `proxy` of `session/open`, or the system's proxy settings; see docs/network.md."

_WS: Final = L.WEBSOCKET
ROWS: Final[tuple[Row, ...]] = (
    # -- 1007: invalid argument ------------------------------------------------------------------
    Row(_WS, 1007, "API key not valid", "authentication", A.STOP, S.ERROR, _KEY, _CHECK_KEY),
    Row(_WS, 1007, "API key expired", "authentication", A.STOP, S.ERROR, _KEY, "Renew the API key."),
    Row(_WS, 1007, "location is not supported", "regionBlocked", A.STOP, S.ERROR,
        "The service is not offered in this region.", "Connect from a region where the service is offered."),
    Row(_WS, 1007, "session handle", "handleInvalid", A.FRESH, S.WARNING, _AGAIN),
    Row(_WS, 1007, "setup must be the first", "protocolViolation", A.STOP, S.ERROR, _CONFIG,
        "This is a defect of the client: a message went out before setup, or a second setup."),
    Row(_WS, 1007, "Unknown name", "setupInvalid", A.STOP, S.ERROR, _CONFIG, _CHECK_SETUP),
    Row(_WS, 1007, "activity control", "setupInvalid", A.STOP, S.ERROR, _CONFIG,
        "Send activityStart and activityEnd only with automaticActivityDetection.disabled in the setup."),
    Row(_WS, 1007, "not supported in the live api", "modelUnavailable", A.STOP, S.ERROR, _CONFIG, "Choose another model."),
    Row(_WS, 1007, "system instruction", "setupInvalid", A.STOP, S.ERROR, _CONFIG, "Shorten systemInstruction."),
    Row(_WS, 1007, "speaker voice", "setupInvalid", A.STOP, S.ERROR, _CONFIG, "Choose another voice."),
    Row(_WS, 1007, "response modalities", "setupInvalid", A.STOP, S.ERROR, _CONFIG, "Change generationConfig.responseModalities."),
    Row(_WS, 1007, "Text output is not supported", "setupInvalid", A.STOP, S.ERROR, _CONFIG,
        "Set generationConfig.responseModalities to AUDIO."),
    Row(_WS, 1007, "non-audio request", "setupInvalid", A.STOP, S.ERROR, _CONFIG,
        "Set generationConfig.responseModalities to AUDIO, or leave speechConfig out."),
    Row(_WS, 1007, "function_declarations", "setupInvalid", A.STOP, S.ERROR, _CONFIG, "Correct the function declaration that the text names."),
    Row(_WS, 1007, "invalid argument", "invalidArgument", A.FRESH, S.ERROR, _CONFIG, _CHECK_SETUP),
    Row(_WS, 1007, "", "setupInvalid", A.FRESH, S.ERROR, _CONFIG, _CHECK_SETUP),
    # -- 1008: not found, denied, aborted --------------------------------------------------------
    Row(_WS, 1008, "GoAway", "goAwayOverrun", A.RESUME, S.WARNING, _AGAIN),
    Row(_WS, 1008, "operation was aborted", "aborted", A.RESUME, S.WARNING, _AGAIN),
    Row(_WS, 1008, "session not found", "handleExpired", A.FRESH, S.WARNING, _AGAIN),
    Row(_WS, 1008, "entity was not found", "handleExpired", A.FRESH, S.WARNING, _AGAIN),
    Row(_WS, 1008, "not implemented, or supported", "unimplemented", A.RESUME, S.WARNING, _AGAIN),
    Row(_WS, 1008, "is not found for API version", "modelUnavailable", A.STOP, S.ERROR, _CONFIG,
        "Choose a model that supports bidiGenerateContent, and the API version that offers it."),
    Row(_WS, 1008, "Publisher Model", "modelUnavailable", A.STOP, S.ERROR, _CONFIG, "Check model and region."),
    Row(_WS, 1008, "has not been used in project", "apiDisabled", A.STOP, S.ERROR, _KEY,
        "Enable the API for the key's project."),
    Row(_WS, 1008, "denied access", "accessDenied", A.STOP, S.ERROR, _KEY, "Contact the service's support."),
    Row(_WS, 1008, "unregistered callers", "authentication", A.REFRESH_TOKEN, S.WARNING, _AGAIN, _CHECK_AUTH),
    Row(_WS, 1008, "authentication credential", "authentication", A.REFRESH_TOKEN, S.WARNING, _AGAIN, _CHECK_AUTH),
    Row(_WS, 1008, "reported as leaked", "authentication", A.STOP, S.ERROR, _KEY, "Create a new API key."),
    Row(_WS, 1008, "", "policyViolation", A.RESUME, S.WARNING, _AGAIN),
    # -- 1011: internal, unavailable, exhausted --------------------------------------------------
    Row(_WS, 1011, "exceeded your current quota", "quotaExceeded", A.SLOW_DOWN, S.WARNING, _QUOTA, "Check plan and billing."),
    Row(_WS, 1011, "exhausted", "quotaExceeded", A.SLOW_DOWN, S.WARNING, _QUOTA, "Check the quota."),
    Row(_WS, 1011, "Maximum concurrent", "quotaExceeded", A.SLOW_DOWN, S.WARNING, _QUOTA, "Close other sessions."),
    Row(_WS, 1011, "OVERLOADED", "overloaded", A.SLOW_DOWN, S.WARNING, _BUSY),
    Row(_WS, 1011, "credits are depleted", "billing", A.STOP, S.ERROR, "The account's credit is used up.", "Check billing."),
    Row(_WS, 1011, "Token has been used too many times", "tokenSpent", A.REFRESH_TOKEN, S.WARNING, _AGAIN),
    Row(_WS, 1011, "token has expired", "tokenExpired", A.REFRESH_TOKEN, S.WARNING, _AGAIN,
        "The token's time is over. With `auth.type` `host` check `expiresAt`, which is in milliseconds since 1970, "
        "and this computer's clock."),
    Row(_WS, 1011, "Deadline expired", "deadlineExpired", A.RESUME, S.INFO, _AGAIN),
    Row(_WS, 1011, "currently unavailable", "serviceUnavailable", A.RESUME, S.WARNING, _BUSY),
    Row(_WS, 1011, "", "serviceError", A.RESUME, S.WARNING, _AGAIN),
    # -- other close codes -----------------------------------------------------------------------
    Row(_WS, 1000, "", "closedByService", A.RESUME, S.INFO, _AGAIN),
    Row(_WS, 1001, "", "goingAway", A.RESUME, S.INFO, _AGAIN),
    Row(_WS, 1006, "", "lineLost", A.RESUME, S.WARNING, _AGAIN),
    Row(_WS, 1012, "", "serviceRestart", A.RESUME, S.INFO, _AGAIN),
    Row(_WS, 1013, "", "tryAgainLater", A.SLOW_DOWN, S.WARNING, _BUSY),
    Row(_WS, None, "", "closedByService", A.RESUME, S.WARNING, _AGAIN),
    # -- found by ourselves ----------------------------------------------------------------------
    Row(L.LOCAL, "silence", "", "lineSilent", A.RESUME, S.WARNING, _AGAIN),
    Row(L.LOCAL, "messageTooBig", "", "messageTooBig", A.RESUME, S.ERROR, _AGAIN,
        "The service sent a frame over the limit of 16 MiB."),
    Row(L.LOCAL, "protocolError", "", "protocolError", A.RESUME, S.ERROR, _AGAIN,
        "Something between here and the service does not speak WebSocket; often a proxy."),
    Row(L.LOCAL, "setupTimeout", "", "setupTimeout", A.RETRY, S.WARNING, _BUSY),
    Row(L.LOCAL, "attemptTimeout", "", "attemptTimeout", A.RETRY, S.WARNING, _NETWORK, _CHECK_NETWORK),
    Row(L.LOCAL, "goAway", "", "goAway", A.RESUME, S.INFO, _AGAIN),
    Row(L.LOCAL, "recycle", "", "recycle", A.RESUME, S.INFO, _AGAIN),
    Row(L.LOCAL, "requested", "", "requested", A.RESUME, S.INFO, _AGAIN),
    Row(L.LOCAL, "stalled", "", "stalled", A.RESUME, S.WARNING, _AGAIN),
    Row(L.LOCAL, "networkChanged", "", "networkChanged", A.RESUME, S.INFO, _AGAIN),
    Row(L.LOCAL, "openTimeout", "", "openTimeout", A.STOP, S.ERROR, _NETWORK, _CHECK_NETWORK),
    Row(L.LOCAL, "maxElapsed", "", "maxElapsed", A.STOP, S.ERROR, _NETWORK, "Call `session/reconnect` once the network is back."),
    Row(L.LOCAL, "maxAttempts", "", "maxAttempts", A.STOP, S.ERROR, "The connection could not be restored.",
        "Call `session/reconnect` to try again; `error` tells what the last attempt met."),
    Row(L.LOCAL, "disabled", "", "reconnectDisabled", A.STOP, S.ERROR, "The connection was lost.",
        "Call `session/reconnect`, or enable `settings.reconnect`."),
    Row(L.LOCAL, "hostNotReading", "", "hostNotReading", A.STOP, S.ERROR, "The app stopped listening.",
        "The host must read the sidecar's stdout; what it left unread passed 32 MiB."),
    Row(L.LOCAL, "tokenTimeout", "", "tokenUnavailable", A.RETRY, S.WARNING, _SIGN_IN,
        "The host must answer `auth/token` in time; see docs/authentication.md."),
    Row(L.LOCAL, "tokenUnavailable", "", "tokenUnavailable", A.RETRY, S.WARNING, _SIGN_IN, "See docs/authentication.md."),
    Row(L.LOCAL, "tokenDenied", "", "tokenDenied", A.STOP, S.ERROR, _SIGN_IN,
        "See docs/authentication.md. When the user has signed in again: `session/reconnect`, or open the session anew."),
    Row(L.LOCAL, None, "", "internalError", A.RETRY, S.ERROR, _AGAIN, "This is a defect of the sidecar; the log has the details."),
    # -- before the upgrade ----------------------------------------------------------------------
    Row(L.DNS, "timeout", "", "dnsTimeout", A.RETRY, S.WARNING, _NETWORK, _CHECK_NETWORK),
    Row(L.DNS, None, "", "dnsError", A.RETRY, S.WARNING, _NETWORK, "Check the name in endpoint.baseUrl, and the network."),
    Row(L.TCP, "refused", "", "connectionRefused", A.RETRY, S.WARNING, _NETWORK, "Check endpoint.baseUrl: nothing listens there."),
    Row(L.TCP, "timeout", "", "connectTimeout", A.RETRY, S.WARNING, _NETWORK, _CHECK_NETWORK),
    Row(L.TCP, None, "", "networkError", A.RETRY, S.WARNING, _NETWORK, _CHECK_NETWORK),
    Row(L.PROXY, 407, OTHER_METHODS, "proxyAuthenticationRequired", A.STOP, S.ERROR, _PROXY, _OTHER_PROXY),
    Row(L.PROXY, 407, WRONG_CREDENTIALS, "proxyAuthenticationRequired", A.STOP, S.ERROR, _PROXY, _CHECK_PROXY_USER),
    Row(L.PROXY, 407, "", "proxyAuthenticationRequired", A.STOP, S.ERROR, _PROXY, _GIVE_PROXY_USER),
    Row(L.PROXY, "authentication", OTHER_METHODS, "proxyAuthenticationRequired", A.STOP, S.ERROR, _PROXY, _OTHER_PROXY),
    Row(L.PROXY, "authentication", WRONG_CREDENTIALS, "proxyAuthenticationRequired", A.STOP, S.ERROR, _PROXY, _CHECK_PROXY_USER),
    Row(L.PROXY, "authentication", "", "proxyAuthenticationRequired", A.STOP, S.ERROR, _PROXY, _GIVE_PROXY_USER),
    Row(L.PROXY, 408, "", "proxyUnavailable", A.RETRY, S.WARNING, _NETWORK, _CHECK_PROXY),
    Row(L.PROXY, 425, "", "proxyUnavailable", A.RETRY, S.WARNING, _NETWORK, _CHECK_PROXY),
    Row(L.PROXY, 429, "", "proxyUnavailable", A.RETRY, S.WARNING, _NETWORK, _CHECK_PROXY),
    Row(L.PROXY, "4xx", "", "proxyRefused", A.STOP, S.ERROR, _PROXY,
        f"The proxy must allow CONNECT to the endpoint's host and port. {_REVIVE}"),
    Row(L.PROXY, "notAllowed", "", "proxyRefused", A.STOP, S.ERROR, _PROXY,
        f"The proxy must allow connections to the endpoint's host and port. {_REVIVE}"),
    Row(L.PROXY, "5xx", "", "proxyUnavailable", A.RETRY, S.WARNING, _NETWORK,
        "The proxy answers and does not reach the service. Check the proxy's own network and name resolution."),
    Row(L.PROXY, "noWay", "", "proxyUnavailable", A.RETRY, S.WARNING, _NETWORK,
        "The proxy answers and does not reach the service. With socks5:// try socks5h://."),
    Row(L.PROXY, "noAnswer", "", "proxyTimeout", A.RETRY, S.WARNING, _NETWORK, _CHECK_PROXY),
    Row(L.PROXY, "timeout", "", "proxyUnreachable", A.RETRY, S.WARNING, _NETWORK, _CHECK_PROXY),
    Row(L.PROXY, "notFound", "", "proxyUnreachable", A.RETRY, S.WARNING, _NETWORK, _CHECK_PROXY),
    Row(L.PROXY, "refused", "", "proxyUnreachable", A.RETRY, S.WARNING, _NETWORK, _CHECK_PROXY),
    Row(L.PROXY, "error", "", "proxyUnreachable", A.RETRY, S.WARNING, _NETWORK, _CHECK_PROXY),
    Row(L.PROXY, "certificate", "", "proxyCertificateInvalid", A.STOP, S.ERROR, _PROXY,
        f"The certificate of the https proxy itself did not pass; give its CA as `tls.caFile`. {_REVIVE}"),
    Row(L.PROXY, "unusable", "", "proxyUnusable", A.STOP, S.ERROR, _PROXY,
        f"The sidecar takes http, https, socks5 and socks5h. Give `proxy` to `session/open`. {_REVIVE}"),
    Row(L.PROXY, None, "", "proxyError", A.RETRY, S.WARNING, _NETWORK, _CHECK_PROXY),
    Row(L.TLS, "expired", "", "certificateExpired", A.STOP, S.ERROR, _CLOCK,
        f"Check the machine's clock first; if it is right, the service needs a new certificate. {_PORTAL}"),
    Row(L.TLS, "notYetValid", "", "certificateNotYetValid", A.STOP, S.ERROR, _CLOCK,
        f"Check the machine's clock: it is most likely slow. {_PORTAL}"),
    Row(L.TLS, "hostMismatch", "", "certificateHostMismatch", A.STOP, S.ERROR, _IDENTITY,
        f"Check endpoint.baseUrl, and `tls.serverName` if the service is reached by another name. {_PORTAL}"),
    Row(L.TLS, "selfSigned", "", "certificateSelfSigned", A.STOP, S.ERROR, _IDENTITY,
        f"If it is your own service, give its certificate as `tls.caFile` or `tls.caPem`. {_PORTAL}"),
    Row(L.TLS, "untrusted", "", "certificateUntrusted", A.STOP, S.ERROR, _IDENTITY,
        "A proxy or virus scanner that inspects TLS needs its CA in the system's store, or as `tls.caFile`; so does "
        f"a private CA. A service that leaves out its intermediate certificates looks the same. {_PORTAL}"),
    Row(L.TLS, "certificate", "", "certificateInvalid", A.STOP, S.ERROR, _IDENTITY, f"The text names the failed check. {_PORTAL}"),
    Row(L.TLS, "version", "", "tlsVersionUnsupported", A.STOP, S.ERROR, "The app and the service have no common form of encryption.",
        f"Check `tls.minVersion`; the service, or what stands before it, is older. {_REVIVE}"),
    Row(L.TLS, "notTls", "", "tlsNotSpoken", A.RETRY, S.WARNING, _NETWORK,
        "Check scheme and port of endpoint.baseUrl: plain HTTP may be spoken there, or a guest network answers in place of the service."),
    Row(L.TLS, "caFile", "", "caFileUnusable", A.RETRY, S.ERROR, "The app's list of trusted certificates cannot be read.",
        "`tls.caFile` was good when the session was opened; the text says what is wrong now."),
    Row(L.TLS, "dropped", "", "tlsError", A.RETRY, S.WARNING, _NETWORK,
        "If it stays so, check endpoint.baseUrl: ws or wss, host and port. A server that speaks no TLS on that port, or that "
        "takes no TLS as new as `tls.minVersion`, may hang up like this; so may a firewall."),
    Row(L.TLS, None, "", "tlsError", A.RETRY, S.WARNING, _NETWORK, _CHECK_NETWORK),
    Row(L.HTTP, "timeout", "", "handshakeTimeout", A.RETRY, S.WARNING, _NETWORK, _CHECK_NETWORK),
    Row(L.HTTP, "dropped", "", "handshakeDropped", A.RETRY, S.WARNING, _NETWORK,
        "If it stays so, check endpoint.baseUrl: ws or wss, host and port."),
    Row(L.HTTP, "2xx", "", "handshakeInvalid", A.RETRY, S.ERROR, _NETWORK,
        "Check endpoint.baseUrl: what answers there does not speak WebSocket."),
    Row(L.HTTP, "invalid", "", "handshakeInvalid", A.RETRY, S.ERROR, _NETWORK,
        "Check endpoint.baseUrl: what answers there does not speak WebSocket."),
    Row(L.HTTP, 401, "", "authentication", A.REFRESH_TOKEN, S.WARNING, _AGAIN, _CHECK_AUTH),
    Row(L.HTTP, 403, "", "accessDenied", A.STOP, S.ERROR, _SIGN_IN, _CHECK_AUTH),
    Row(L.HTTP, 404, "", "endpointNotFound", A.STOP, S.ERROR, _CONFIG, "Check endpoint.baseUrl and endpoint.apiVersion."),
    Row(L.HTTP, 408, "", "serviceUnavailable", A.RETRY, S.WARNING, _BUSY),
    Row(L.HTTP, 425, "", "serviceUnavailable", A.RETRY, S.WARNING, _BUSY),
    Row(L.HTTP, 429, "", "quotaExceeded", A.SLOW_DOWN, S.WARNING, _QUOTA, "Check plan, billing and quota."),
    Row(L.HTTP, "3xx", "", "redirected", A.STOP, S.ERROR, _CONFIG,
        "The sidecar follows no redirects, they would carry the key elsewhere. Set endpoint.baseUrl to the real address."),
    Row(L.HTTP, "4xx", "", "handshakeRefused", A.STOP, S.ERROR, _CONFIG, "Check endpoint and setup."),
    Row(L.HTTP, None, "", "serviceUnavailable", A.RETRY, S.WARNING, _BUSY),
)  # fmt: skip


REVIVED_BY_NETWORK = frozenset(
    row.kind for row in ROWS if row.layer in (L.PROXY, L.TLS) and row.action is A.STOP
)
"""Kinds that are permanent where the machine is now: in another network, or once someone has signed in to this
one, there is another proxy, and nobody in the service's place."""


def classify(cause: Cause) -> Fault:
    """What a cause means. Every cause fits a row: each layer ends with one that takes all."""
    row = next(row for row in ROWS if _fits(row, cause))
    status = cause.code if cause.layer is Layer.HTTP and isinstance(cause.code, int) else None
    ws_code = cause.code if cause.layer is Layer.WEBSOCKET and isinstance(cause.code, int) else None
    return Fault(
        kind=row.kind,
        message=_describe(cause),
        user_message=row.user_message,
        action=row.action,
        severity=row.severity,
        reached=cause.layer is Layer.WEBSOCKET or status is not None or cause.code == "setupTimeout",
        remediation=row.remediation,
        retry_after_s=cause.retry_after_s,
        ws_code=ws_code,
        http_status=status,
    )


def _fits(row: Row, cause: Cause) -> bool:
    if row.layer is not cause.layer or row.text.casefold() not in cause.text.casefold():
        return False
    if row.code is None or row.code == cause.code:
        return True
    return isinstance(row.code, str) and isinstance(cause.code, int) and row.code == f"{cause.code // 100}xx"


def _describe(cause: Cause) -> str:
    what = {
        Layer.LOCAL: "",
        Layer.DNS: "name resolution failed",
        Layer.TCP: "TCP connection failed",
        Layer.PROXY: "proxy failed",
        Layer.TLS: "TLS failed",
        Layer.HTTP: "upgrade failed",
        Layer.WEBSOCKET: "closed with",
    }[cause.layer]
    if not what:
        return cause.text or str(cause.code)
    code = f" {cause.code}" if isinstance(cause.code, int) else f" ({cause.code})"
    return what + code + (f": {cause.text}" if cause.text else "")
