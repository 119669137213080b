"""What an attempt to connect meets before the conversation: faults, the path, HTTP refusals, tokens."""

from collections import Counter
from http import HTTPStatus
from typing import Protocol, cast

from websockets.asyncio.server import ServerConnection
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from . import rest
from .access import Access
from .credentials import read_credential
from .dialect import encode
from .endpoint import live_endpoint, tokens_version
from .ephemeral import EphemeralTokens
from .faults import Hang, Refuse
from .gate import Gate
from .refusals import Refused, known
from .script import Script
from .wire import Wire


class House(Protocol):
    """What is needed of the simulator."""

    script: Script

    def now_s(self) -> float: ...
    def note(self, text: str) -> None: ...
    def changed(self) -> None: ...


class Door:
    def __init__(self, house: House, gate: Gate) -> None:
        self.ephemeral = EphemeralTokens()
        self.refused: Counter[str] = Counter()  # upgrades, by HTTP status, "reset" or "unanswered"
        self._house = house
        self._script = house.script
        self._gate = gate
        self._access = Access(house.script, self.ephemeral)

    async def on_upgrade(self, connection: ServerConnection, request: Request) -> Response | None:
        """None lets the connection in, with its admission on the wire."""
        wire = cast(Wire, connection)
        fault = self._gate.upgrade(self._house.now_s())
        if isinstance(fault, Hang):
            self._count("unanswered", "an upgrade is left without an answer")
            await wire.wait_closed()
            return None
        if fault is not None:
            return await self._refuse(wire, fault)
        endpoint = live_endpoint(request.path, self._script.vertex_alias_path)
        if endpoint is None:
            self._count("404", "an upgrade is refused with 404: this is not a path of the service")
            return wire.respond(HTTPStatus.NOT_FOUND, "Not found.\n")
        credential = read_credential(request.path, request.headers)
        wire.admission = self._access.judge(endpoint, credential, self._service_s())
        if wire.admission.refusal is not None and wire.admission.by_http:
            self._count("401", "an upgrade is refused with 401: no good bearer token")
            content = rest.error(HTTPStatus.UNAUTHORIZED, wire.admission.refusal.text, "UNAUTHENTICATED")
            return _json_response(HTTPStatus.UNAUTHORIZED, content)
        return None

    def on_post(self, post: rest.Post) -> tuple[int, object]:
        """POST /auth_tokens: an ephemeral token (LP 1.3)."""
        version = tokens_version(post.target)
        if version is None:
            return HTTPStatus.NOT_FOUND, rest.error(HTTPStatus.NOT_FOUND, "Not found.", "NOT_FOUND")
        refusal = self._access.key_refusal(read_credential(post.target, post.headers))
        if refusal is not None:
            forbidden = refusal == known("noCredential")
            status = HTTPStatus.FORBIDDEN if forbidden else HTTPStatus.BAD_REQUEST
            name = "PERMISSION_DENIED" if forbidden else "INVALID_ARGUMENT"
            return status, rest.error(status, refusal.text, name)
        try:
            token = self.ephemeral.make(
                post.body, version, self._service_s(), safety_settings=self._script.safety_settings
            )
        except Refused as refused:
            status = HTTPStatus.BAD_REQUEST
            return status, rest.error(status, refused.reason, "INVALID_ARGUMENT")
        self._house.note(f"ephemeral token {len(self.ephemeral.report())} made")
        self._house.changed()
        return HTTPStatus.OK, {"name": token}

    async def _refuse(self, wire: Wire, fault: Refuse) -> Response | None:
        how = "reset" if fault.reset else str(fault.status)
        self._count(how, f"an upgrade is refused with {how}")
        if fault.reset:
            wire.reset()
            await wire.wait_closed()
            return None
        response = wire.respond(HTTPStatus(fault.status), "Refused by the simulator.\n")
        if fault.location is not None:
            response.headers["Location"] = fault.location
        if fault.retry_after_s is not None:
            response.headers["Retry-After"] = f"{fault.retry_after_s:g}"
        return response

    def _count(self, how: str, note: str) -> None:
        self.refused[how] += 1
        self._house.note(note)
        self._house.changed()

    def _service_s(self) -> float:
        return self._house.now_s() * self._script.time_scale


def _json_response(status: HTTPStatus, content: object) -> Response:
    body = encode(content)
    headers = Headers(
        {
            "Content-Type": rest.JSON,
            "Content-Length": str(len(body)),
            "Connection": "close",
        }
    )
    return Response(status.value, status.phrase, headers, body)
