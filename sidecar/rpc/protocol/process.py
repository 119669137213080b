"""Calls to the process, and hints to it."""

from typing import Annotated, Any

from msgspec import UNSET, Meta, UnsetType

from sidecar.rpc.protocol.words import Body, LogLevel, Milliseconds, Params


class ClientInfo(Params):
    name: str
    version: str


class InitializeParams(Params):
    """The opening call. The sidecar watches `parentPid` and ends when that process does."""

    protocol_version: str
    client: ClientInfo
    parent_pid: Annotated[int, Meta(ge=1, le=2**32 - 1)] | UnsetType = UNSET


class SidecarInfo(Body):
    version: str
    python: str
    platform: str


class Limits(Body):
    max_line_bytes: int


class InitializeResult(Body):
    protocol_version: str
    instance_id: Annotated[
        str, Meta(description="New for each start of the process; stamped on every notification.")
    ]
    sidecar: SidecarInfo
    limits: Limits
    capabilities: dict[str, Any]


class NoParams(Params):
    """No params, or an empty object."""


class PingResult(Body):
    uptime_ms: Milliseconds
    sessions: int


class OpenRpcDocument(Body):
    """The protocol as an OpenRPC document; the sidecar's own notifications stand under `x-notifications`."""

    openrpc: str
    info: dict[str, Any]
    methods: list[dict[str, Any]]
    components: dict[str, Any]


class SetLevelParams(Params):
    """The least severe level that is written to stderr from now on."""

    level: LogLevel


class NetworkChangedParams(Params):
    """What the host's operating system told it about the network. A hint: nothing is believed unprobed.

    Online: waiting sessions try at once, those that gave up for want of a network are revived, live lines
    are probed. `addressChanged`: live lines are left at once for new ones. Offline: live lines are probed.
    """

    online: bool
    address_changed: Annotated[
        bool,
        Meta(
            description="Another interface or address is in use (Wi-Fi to cable, VPN up): old lines are dead."
        ),
    ] = False


class SystemResumeParams(Params):
    """The machine woke: sessions parked by `system/suspend` go on, live lines are probed."""

    slept_ms: Annotated[
        Milliseconds | UnsetType, Meta(description="How long it slept, if the host knows.")
    ] = UNSET


class Empty(Body):
    """An empty object: the call was carried out."""


class CancelParams(Params):
    """Cancel the call with this id; unless it was answered already, its answer is `requestCancelled`."""

    id: int | str
