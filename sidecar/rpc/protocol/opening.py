"""`session/open`: where, as whom, with what."""

from typing import Annotated, Any, Literal

from msgspec import Meta, field

from sidecar.rpc.protocol.settings import SessionSettings
from sidecar.rpc.protocol.words import Params, SessionId


class Endpoint(Params):
    """Where the service is. `baseUrl` may be ws, wss, http or https; plain text only to loopback."""

    family: Literal["developer"] = "developer"
    api_version: Annotated[str, Meta(pattern=r"^v1(alpha|beta)?$(?!\n)")] = "v1beta"
    base_url: str = "wss://generativelanguage.googleapis.com"


class ApiKeyAuth(Params, tag_field="type", tag="apiKey"):
    """An API key, sent as the header `x-goog-api-key`; never in a URL."""

    api_key: Annotated[str, Meta(min_length=1, max_length=4096)]

    def __repr__(self) -> str:
        return "ApiKeyAuth(api_key=<secret>)"


Auth = ApiKeyAuth


EventName = Literal[
    "session/stateChanged",
    "session/setupSent",
    "session/message",
    "session/invalidMessage",
    "session/transcript",
    "session/turn",
    "session/toolCall",
    "session/toolCallCancelled",
    "session/goAway",
    "session/resumption",
    "session/reconnecting",
    "session/reconnected",
    "session/health",
    "session/breaker",
    "session/stalled",
    "session/queue",
    "session/dropped",
    "session/error",
]


class NotificationChoice(Params):
    exclude: Annotated[
        list[EventName],
        Meta(description="Kinds this session must not send. `session/stateChanged` cannot be excluded."),
    ] = field(default_factory=list)


class OpenParams(Params):
    """Open a session; answered when it is usable. Transient faults are retried until `openMs`."""

    session_id: SessionId
    auth: Auth
    setup: Annotated[
        dict[str, Any], Meta(description="The Live API's setup message, as it is; `model` is required.")
    ]
    endpoint: Endpoint = field(default_factory=Endpoint)
    settings: SessionSettings = field(default_factory=SessionSettings)
    notifications: NotificationChoice = field(default_factory=NotificationChoice)
