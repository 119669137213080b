"""What may go wrong, and what a user may expect of it: by hand from LP 5 and design section 3."""

from typing import NamedTuple

from sidecar.lifecycle.faults import Cause, Layer


class Close(NamedTuple):
    """A close frame of the service.

    Attributes:
        permanent: the kind with which the session must fail, None where trying again makes sense.
        asks_s: so long the service wants no attempt.
    """

    code: int
    reason: str
    permanent: str | None = None
    asks_s: float = 0.0

    @property
    def cause(self) -> Cause:
        return Cause(Layer.WEBSOCKET, self.code, self.reason)


TORN = Close(1006, "reset")
OWNED = Close(1011, "Internal error encountered.")
UNKNOWN_HANDLE = Close(1008, "BidiGenerateContent session not found")
REFUSALS = (OWNED, UNKNOWN_HANDLE)
"""A resume that ends with one of these in its first second was refused: the service took nothing (LP 4.4)."""
OVERRUN = Close(1008, "Connection aborted because the client failed to close the connection after GoAway")

CLOSES = (
    TORN,
    OWNED,
    OVERRUN,
    Close(1000, ""),
    Close(1001, "going away"),
    Close(1008, "The operation was aborted."),
    Close(1011, "The service is currently unavailable."),
    Close(1011, "Deadline expired before operation could complete."),
    Close(1012, "restart"),
    Close(1011, "You exceeded your current quota", asks_s=65.0),
    Close(1011, "Resource has been exhausted", asks_s=65.0),
    Close(1013, "", asks_s=65.0),
    Close(4000, "never heard of"),
)
DENIALS = (
    Close(1008, "Your project has been denied access.", "accessDenied"),
    Close(1007, "API key not valid. Please pass a valid API key.", "authentication"),
    Close(1011, "Your prepayment credits are depleted.", "billing"),
    Close(1008, "models/x is not found for API version v1beta", "modelUnavailable"),
)


class Attempt(NamedTuple):
    """How one attempt goes.

    Attributes:
        ends_at: the step at which it ends: dns, tcp, tls, upgrade, setup; None: it succeeds.
        cause: what the driver is told there, None: nothing happens any more.
    """

    ends_at: str | None
    cause: Cause | None = None
    permanent: str | None = None
    asks_s: float = 0.0


GOOD = Attempt(None)
ATTEMPTS = (
    GOOD,
    Attempt("dns"),
    Attempt("dns", Cause(Layer.DNS, "notFound", "no such host")),
    Attempt("tcp"),
    Attempt("tcp", Cause(Layer.TCP, "refused", "refused")),
    Attempt("tcp", Cause(Layer.TCP, "error", "no route to host")),
    Attempt("tls", Cause(Layer.TLS, "error", "handshake failure")),
    Attempt("upgrade"),
    Attempt("upgrade", Cause(Layer.HTTP, "dropped", "the connection ended")),
    Attempt("upgrade", Cause(Layer.HTTP, 500, "oh")),
    Attempt("upgrade", Cause(Layer.HTTP, 503, "busy", 7.0), asks_s=7.0),
    Attempt("upgrade", Cause(Layer.HTTP, 429, "slow down", 90.0), asks_s=90.0),
    Attempt("setup"),
    *(Attempt("setup", close.cause, asks_s=close.asks_s) for close in CLOSES),
)
DENIED_ATTEMPTS = (
    Attempt("upgrade", Cause(Layer.HTTP, 401, "who are you"), "authentication"),
    Attempt("upgrade", Cause(Layer.HTTP, 403, "no"), "accessDenied"),
    Attempt("upgrade", Cause(Layer.HTTP, 404, "nothing here"), "endpointNotFound"),
    *(Attempt("setup", close.cause, close.permanent) for close in DENIALS),
)
OFFLINE = Attempt("dns", Cause(Layer.DNS, "notFound", "offline"))
