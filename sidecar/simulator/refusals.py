"""How the service refuses: close codes with the texts that were seen (LP 4, 5)."""

_REASON_LIMIT_BYTES = 123  # RFC 6455; the service cuts its texts there

INVALID_ARGUMENT = "Request contains an invalid argument."
SETUP_FIRST = "setup must be the first message and only the first"
BAD_KEY = "API key not valid. Please pass a valid API key."
NO_KEY = (
    "Method doesn't allow unregistered callers (callers without established identity). "
    "Please use API Key or other form of API consumer identity to call this API."
)
MALFORMED_HANDLE = "Invalid session handle"
UNKNOWN_HANDLE = "BidiGenerateContent session not found"
STILL_OWNED = "Internal error encountered."
QUOTA = "You exceeded your current quota, please check your plan and billing details"
NO_MANUAL_ACTIVITY = (
    "Explicit activity control is not supported when automatic activity detection is enabled."
)
GO_AWAY_IGNORED = (
    "Connection aborted because the client failed to close the connection after receiving a GoAway signal "
    "once the session duration limit was reached."
)


def unknown_model(model: str, api_version: str) -> str:
    return (
        f"{model} is not found for API version {api_version}, or is not supported for bidiGenerateContent. "
        "Call ListModels to see the list of available models and their supported methods."
    )


class Refused(Exception):
    """The connection is to be closed with this code and reason. No text repeats a value: it may be secret."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason


def fit(reason: str) -> str:
    """The reason as it fits into a close frame, cut at a character."""
    return reason.encode()[:_REASON_LIMIT_BYTES].decode(errors="ignore")
