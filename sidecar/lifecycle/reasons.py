"""Why the state changed: the `reason` of `session/stateChanged` is one of these, or the kind of a fault."""

from typing import Final

REASONS: Final[dict[str, str]] = {
    "open": "The host opened the session.",
    "tcpConnected": "Name resolution and TCP are done.",
    "upgraded": "TLS and the WebSocket upgrade are done; the setup went out.",
    "setupComplete": "The service answered the setup: the session is usable.",
    "retry": "The wait before the next attempt is over.",
    "silent": "A ping was not answered for `heartbeat.suspectAfterMs`.",
    "heard": "The silence ended.",
    "goAway": "The service ordered us off this connection; the session moves to a new one.",
    "recycle": "The connection reached `handOver.recycleAfterMs`; the session moves to a new one.",
    "requested": "The host called `session/reconnect`.",
    "stalled": "An answer did not come, and `stall.action` is `reconnect`.",
    "networkChanged": "The host said that the network is there, or is another one.",
    "woke": "The machine woke from sleep.",
    "suspendRequested": "The host called `session/suspend`.",
    "resumeRequested": "The host called `session/resume`.",
    "systemSuspend": "The host said that the machine is about to sleep.",
    "systemResume": "The host said that the machine woke.",
    "closeRequested": "The host closed the session, or its opening was cancelled.",
    "leaving": "The process ends.",
    "closed": "The session is closed; nothing of it is left.",
}
