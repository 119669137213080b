"""The JSON-RPC protocol, version 1: every params, result and notification as a msgspec Struct.

One table, many uses: these Structs validate what arrives, and make the OpenRPC document
(`rpc.discover`), the TypeScript types, `docs/protocol.md` and `docs/settings.md`. This package imports
only msgspec.

On the wire: names in camelCase, times in milliseconds (`...Ms`), audio as base64 in `data`.
"""

from msgspec import Struct

from sidecar.rpc.protocol.calls import *
from sidecar.rpc.protocol.errors import *
from sidecar.rpc.protocol.events import *
from sidecar.rpc.protocol.opening import *
from sidecar.rpc.protocol.process import *
from sidecar.rpc.protocol.settings import *
from sidecar.rpc.protocol.stats import *
from sidecar.rpc.protocol.words import *


class Method(Struct, frozen=True):
    """A row of the method table. `result` is None for a notification of the host."""

    params: type[Struct]
    result: type[Struct] | None
    summary: str


METHODS: dict[str, Method] = {
    "initialize": Method(InitializeParams, InitializeResult, "Open the conversation; must come first."),
    "rpc.discover": Method(NoParams, OpenRpcDocument, "The OpenRPC document of this protocol."),
    "ping": Method(NoParams, PingResult, "Answered at once by a process that is well."),
    "shutdown": Method(NoParams, Empty, "Close every session gracefully; then send `exit` or end stdin."),
    "exit": Method(NoParams, None, "End the process now."),
    "$/cancelRequest": Method(CancelParams, None, "Cancel a call in flight."),
    "session/open": Method(OpenParams, SessionSnapshot, "Open a session; answered when it is usable."),
    "session/close": Method(CloseParams, SessionSnapshot, "Close a session gracefully."),
    "session/get": Method(SessionRef, SessionSnapshot, "The session as it stands."),
    "session/list": Method(NoParams, SessionList, "All open sessions."),
    "session/wait": Method(WaitParams, SessionSnapshot, "Wait for a state."),
    "session/reconnect": Method(
        SessionRef,
        SessionSnapshot,
        "Reconnect now: ends a wait, revives a failed session, replaces a live line.",
    ),
    "session/suspend": Method(
        SessionRef,
        SessionSnapshot,
        "Give the line up and stay away until `session/resume`; messages are held.",
    ),
    "session/resume": Method(
        SessionRef, SessionSnapshot, "End a suspension; answered when the session is connected again."
    ),
    "session/configure": Method(ConfigureParams, ConfigureResult, "Change settings while it runs."),
    "session/stats": Method(StatsParams, StatsResult, "Counters and histograms."),
    "session/ping": Method(SessionRef, SessionPingResult, "Ping the service and measure the round trip."),
    "session/send": Method(
        SendParams, SendResult, "Send one message; order of acceptance is order on the wire."
    ),
    "session/sendAudio": Method(SendAudioParams, None, "Send one chunk of audio."),
    "network/changed": Method(NetworkChangedParams, None, "A hint: the network came, went or changed."),
    "system/suspend": Method(NoParams, None, "A hint: the machine is about to sleep; lines are closed."),
    "system/resume": Method(SystemResumeParams, None, "A hint: the machine woke; sessions go on."),
    "log/setLevel": Method(SetLevelParams, Empty, "Write more or less to stderr."),
    "diagnostics/dump": Method(NoParams, DiagnosticsResult, "Everything for a bug report, without secrets."),
}

HOST_METHODS: dict[str, Method] = {
    "auth/token": Method(
        AuthTokenParams, AuthTokenResult, "Give a token: for sessions with `auth.type` `host`."
    ),
}
"""What the sidecar asks of the host."""

EVENTS: dict[str, type[Struct]] = {
    "session/stateChanged": StateChanged,
    "session/setupSent": SetupSent,
    "session/message": Message,
    "session/invalidMessage": InvalidMessage,
    "session/transcript": Transcript,
    "session/turn": Turn,
    "session/usage": UsageReport,
    "session/toolCall": ToolCall,
    "session/toolCallCancelled": ToolCallCancelled,
    "session/goAway": GoAway,
    "session/resumption": Resumption,
    "session/reconnecting": Reconnecting,
    "session/reconnected": Reconnected,
    "session/health": Health,
    "session/breaker": Breaker,
    "session/stalled": Stalled,
    "session/queue": QueueReport,
    "session/dropped": Dropped,
    "session/error": SessionError,
}
"""Notifications of a session; each is preceded by the fields of `Stamp`."""

PROCESS_EVENTS: dict[str, type[Struct]] = {"log": Log}
"""Notifications of the process; they have no `seq`."""
