"""`session/open`: where, as whom, with what."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

from sidecar.rpc.protocol.settings import SessionSettings
from sidecar.rpc.protocol.words import (
    Body,
    Family,
    Params,
    QuotaProject,
    Requested,
    SessionId,
    TokenReason,
    TokenType,
)


class Endpoint(Params):
    """Where the service is, and which of the two: the Developer API, or Vertex AI."""

    family: Family = "developer"
    api_version: Annotated[
        Literal["v1", "v1beta", "v1alpha", "v1beta1"] | UnsetType,
        Meta(
            description="Developer: `v1beta` (default), `v1`, `v1alpha`. Vertex: `v1beta1` (default), `v1`."
        ),
    ] = UNSET
    location: Annotated[
        Annotated[str, Meta(max_length=64)] | UnsetType,
        Meta(description="Vertex: a region, `us`, `eu`, `global`. Default: that of `setup.model`, `global`."),
    ] = UNSET
    base_url: Annotated[
        str | UnsetType,
        Meta(description="In place of Google's: ws(s) or http(s), also with a path; plain only to loopback."),
    ] = UNSET


Credential = Annotated[str, Meta(min_length=1, max_length=16384)]


class _Auth(Params, tag_field="type"):
    """Secrets are not shown."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(<secret>)"


class ApiKeyAuth(_Auth, tag="apiKey"):
    """An API key, sent as the header `x-goog-api-key`; in the URL only when `sendAs` asks for it."""

    api_key: Credential
    send_as: Literal["header", "query"] = "header"


class EphemeralTokenAuth(_Auth, tag="ephemeralToken"):
    """A token of the Developer API for one client. It cannot be renewed: see `host`."""

    token: Annotated[Credential, Meta(description='Its whole name, "auth_tokens/...".')]
    send_as: Literal["query", "header"] = "query"


class BearerAuth(_Auth, tag="bearer"):
    """An OAuth access token or a JWT. It cannot be renewed: see `host`."""

    token: Credential
    quota_project: QuotaProject = ""


class HostAuth(_Auth, tag="host"):
    """The sidecar asks the host for tokens: the host answers the call `auth/token`."""

    token_type: TokenType = "bearer"
    timeout_ms: Annotated[Requested, Meta(description="How long the host may take for one answer.")] = 20_000
    quota_project: QuotaProject = ""


class ServiceAccountAuth(_Auth, tag="serviceAccount"):
    """A service account's key: either its file's path or its content. Needs `live-sidecar[google]`."""

    key_file: str | UnsetType = UNSET
    key: dict[str, Any] | UnsetType = UNSET
    quota_project: QuotaProject = ""


class ApplicationDefaultAuth(_Auth, tag="applicationDefault"):
    """The machine's application default credentials. Needs `live-sidecar[google]`."""

    quota_project: QuotaProject = ""


Auth = ApiKeyAuth | EphemeralTokenAuth | BearerAuth | HostAuth | ServiceAccountAuth | ApplicationDefaultAuth


class AuthTokenParams(Body):
    """A token for a new connection of this session."""

    session_id: str
    token_type: TokenType
    reason: Annotated[
        TokenReason,
        Meta(
            description="`open`: there is none. `expired`: it has, or is about to. `refused`: by the service."
        ),
    ]


class AuthTokenResult(Struct, rename="camel", kw_only=True):
    """Answer with an error and `data.retryable: false` when the user has to do something first."""

    token: Credential
    expires_at: Annotated[
        float | None,
        Meta(description="Milliseconds since 1970; without it a token is kept until the service refuses it."),
    ] = None

    def __repr__(self) -> str:
        return "AuthTokenResult(<secret>)"


class Tls(Params):
    """How the service proves who it is: by the system's trust store, and what is added here."""

    ca_file: Annotated[
        Annotated[str, Meta(min_length=1)] | UnsetType,
        Meta(description="PEM file of certificates to trust beside the system's. Read again when changed."),
    ] = UNSET
    ca_pem: Annotated[
        Annotated[str, Meta(min_length=1)] | UnsetType, Meta(description="The same as text.")
    ] = UNSET
    min_version: Literal["1.2", "1.3"] = "1.2"
    server_name: Annotated[
        Annotated[str, Meta(min_length=1)] | UnsetType,
        Meta(description="Sent as SNI, and must stand in the certificate. Default: the endpoint's host."),
    ] = UNSET
    verify: Annotated[bool, Meta(description="False only for an endpoint on this machine.")] = True

    def __repr__(self) -> str:
        return f"Tls(min_version={self.min_version!r}, verify={self.verify})"


NoProxyRules = Annotated[
    list[Annotated[str, Meta(max_length=300)]],
    Meta(
        description="Reached straight: `example.com` and what is under it, `*.example.com`, `*`, `10.1.2.3`, "
        "`10.0.0.0/8`, `<local>`; each also with `:port`."
    ),
]


class _Proxy(Params, tag_field="mode"):
    """Secrets are not shown."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(<secret>)"


class SystemProxy(_Proxy, tag="system"):
    """The system's proxy, if there is one: HTTPS_PROXY, ALL_PROXY, NO_PROXY, or the settings of Windows or
    macOS. It is asked for before each connection. Loopback is always reached straight."""

    no_proxy: NoProxyRules = field(default_factory=list)


class DirectProxy(_Proxy, tag="off"):
    """No proxy, whatever the system says."""


class ExplicitProxy(_Proxy, tag="explicit"):
    """This proxy, whatever the system says."""

    url: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=2048,
            description="http, https, socks5 or socks5h, `://host:port`. With socks5 the sidecar looks up "
            "the endpoint's name, else the proxy does. Credentials may stand in it.",
        ),
    ]
    username: Annotated[str, Meta(min_length=1, max_length=255)] | UnsetType = UNSET
    password: Annotated[str, Meta(max_length=255)] | UnsetType = UNSET
    no_proxy: NoProxyRules = field(default_factory=list)


ProxyChoice = SystemProxy | DirectProxy | ExplicitProxy


EventName = Literal[
    "session/stateChanged",
    "session/setupSent",
    "session/message",
    "session/invalidMessage",
    "session/transcript",
    "session/turn",
    "session/usage",
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
        dict[str, Any], Meta(description="The Live API's setup message, as it is; see docs/messages.md.")
    ]
    checks: Annotated[
        Literal["strict", "lenient"],
        Meta(
            description="Setup and messages are checked before they leave. lenient: names and values that "
            "this release does not know pass, and what was only seen to be refused. Default strict."
        ),
    ] = "strict"
    endpoint: Endpoint = field(default_factory=Endpoint)
    settings: SessionSettings = field(default_factory=SessionSettings)
    notifications: NotificationChoice = field(default_factory=NotificationChoice)
    tls: Tls = field(default_factory=Tls)
    proxy: ProxyChoice = field(default_factory=SystemProxy)
