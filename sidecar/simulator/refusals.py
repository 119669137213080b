"""How the service refuses: every close code with its text that was seen (LP 4, 5), as one table."""

from typing import NamedTuple

_REASON_LIMIT_BYTES = 123  # RFC 6455; the service cuts its texts there


class Refusal(NamedTuple):
    code: int
    text: str


# The names are what a fault's `like` takes. {model} and the like are filled in; a fault shows the examples.
KNOWN: dict[str, Refusal] = {
    # --- ends without a complaint
    "ended": Refusal(1000, ""),
    "cancelled": Refusal(1000, "The operation was cancelled"),
    # --- INVALID_ARGUMENT, FAILED_PRECONDITION
    "invalidArgument": Refusal(1007, "Request contains an invalid argument."),
    "unknownName": Refusal(
        1007, "Invalid JSON payload received. Unknown name \"{name}\" at 'setup': Cannot find field."
    ),
    "setupFirst": Refusal(1007, "setup must be the first message and only the first"),
    "malformedHandle": Refusal(1007, "Invalid session handle"),
    "badKey": Refusal(1007, "API key not valid. Please pass a valid API key."),
    "expiredKey": Refusal(1007, "API key expired. Please renew the API key."),
    "badLocation": Refusal(1007, "User location is not supported for the API use."),
    "explicitActivity": Refusal(
        1007, "Explicit activity control is not supported when automatic activity detection is enabled."
    ),
    "badModality": Refusal(
        1007,
        "The requested combination of response modalities ({modalities}) is not supported by the model",
    ),
    "noTextOutput": Refusal(1007, "Text output is not supported for native audio output model."),
    "noVoices": Refusal(1007, "Cannot extract voices from a non-audio request"),
    "unknownVoice": Refusal(1007, "No matching speaker voice found for name: alloy"),
    "badContentType": Refusal(
        1007,
        "The audio content type (CONTENT_TYPE_AUDIO) is not supported for this model configuration",
    ),
    "modelNotLive": Refusal(1007, "{model} is not supported in the live api."),
    "badToolSchema": Refusal(
        1007, "* BidiGenerateContentRequest.setup.tools[0].function_declarations[3].parameters: only allowed"
    ),
    "promptTooLong": Refusal(
        1007, "the system instruction has 94 tokens, user system instruction has 41942 tokens"
    ),
    # --- NOT_FOUND, PERMISSION_DENIED, UNIMPLEMENTED, ABORTED, UNAUTHENTICATED
    "goAwayIgnored": Refusal(
        1008,
        "Connection aborted because the client failed to close the connection after receiving a GoAway "
        "signal once the session duration limit was reached.",
    ),
    "aborted": Refusal(1008, "The operation was aborted."),
    "sessionNotFound": Refusal(1008, "BidiGenerateContent session not found"),
    "entityNotFound": Refusal(1008, "Requested entity was not found."),
    "notImplemented": Refusal(1008, "Operation is not implemented, or supported, or enabled."),
    "modelNotFound": Refusal(
        1008,
        "{model} is not found for API version {version}, or is not supported for bidiGenerateContent. "
        "Call ListModels to see the list of available models and their supported methods.",
    ),
    "publisherModelNotFound": Refusal(
        1008, "Publisher Model `{model}` was not found or your project does not have access to it."
    ),
    "apiDisabled": Refusal(
        1008,
        "Generative Language API has not been used in project 123456 before or it is disabled. Enable it by "
        "visiting the console, then retry.",
    ),
    "vertexApiDisabled": Refusal(
        1008,
        "Agent Platform API has not been used in project 123456 before or it is disabled. Enable it by "
        "visiting the console, then retry.",
    ),
    "accessDenied": Refusal(1008, "Your project has been denied access. Please contact support."),
    # The code of these three was not seen on this socket (LP 5).
    "noCredential": Refusal(
        1008,
        "Method doesn't allow unregistered callers (callers without established identity). "
        "Please use API Key or other form of API consumer identity to call this API.",
    ),
    "leakedKey": Refusal(1008, "Your API key was reported as leaked. Please use another API key."),
    "badBearer": Refusal(
        1008,
        "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or "
        "other valid authentication credential.",
    ),
    # --- INTERNAL, UNAVAILABLE, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED
    "internalError": Refusal(1011, "Internal error encountered."),
    "internalErrorOccurred": Refusal(1011, "Internal error occurred."),
    "deadlineExpired": Refusal(1011, "Deadline expired before operation could complete."),
    "unavailable": Refusal(1011, "The service is currently unavailable."),
    "threadCancelled": Refusal(
        1011,
        "Thread was cancelled when writing StartStep status to channel.; Failed to close the streaming "
        "context; status = CANCELLED:",
    ),
    "inferenceFailed": Refusal(1011, "Failed to run inference for model: go/debugonly"),
    "quotaExceeded": Refusal(
        1011, "You exceeded your current quota, please check your plan and billing details"
    ),
    "resourceExhausted": Refusal(1011, "Resource has been exhausted (e.g. check quota)."),
    "resourceExhaustedLater": Refusal(1011, "Resource exhausted. Please try again later."),
    "tooManySessions": Refusal(
        1011,
        "Request trace id: 0000000000000000, [ORIGINAL ERROR] generic::resource_exhausted: "
        "RESOURCE_EXHAUSTED: Maximum concurrent sessions reached.",
    ),
    "overloaded": Refusal(
        1011,
        "Request failed: extensible_stubs::OVERLOADED_TOO_MANY_RETRIES_PER_REQUEST: You are most likely "
        "retrying too often.",
    ),
    "creditsDepleted": Refusal(1011, "Your prepayment credits are depleted. Please go to AI Studio."),
    "tokenSpent": Refusal(1011, "Token has been used too many times"),
    "tokenEnded": Refusal(1011, "auth token has expired"),  # a running session's
    "tokenExpired": Refusal(1011, "Token has expired"),
}

_EXAMPLES = {"model": "models/example", "version": "v1beta", "name": "example", "modalities": "TEXT"}


class Refused(Exception):
    """The connection is to be closed with this code and reason. No text repeats a value: it may be secret."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason


def known(like: str, **names: str) -> Refusal:
    """The row of this name, filled in. Raises ValueError for a name that is not in the table."""
    row = KNOWN.get(like)
    if row is None:
        raise ValueError(f"no refusal is called {like!r}; there are {', '.join(KNOWN)}")
    return Refusal(row.code, row.text.format_map(_EXAMPLES | names))


def refused(like: str, **names: str) -> Refused:
    return Refused(*known(like, **names))


def fit(reason: str) -> str:
    """The reason as it fits into a close frame, cut at a character."""
    return reason.encode()[:_REASON_LIMIT_BYTES].decode(errors="ignore")
