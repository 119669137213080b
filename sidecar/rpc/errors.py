"""Errors as they go to the host: one exception, one table, one shape of `error.data`."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import UNSET, Struct

from sidecar.rpc.protocol import ERROR_CODES, ErrorData, FieldProblem

if TYPE_CHECKING:  # none of them is needed to answer `initialize`
    from sidecar.lifecycle.faults import Fault
    from sidecar.live.checking import NotTaken

_CODES = {row.kind: row.code for row in ERROR_CODES}
_RETRYABLE = frozenset({"overloaded", "outboxFull", "deadlineExceeded"})
_MAX_MESSAGE_CHARS = 1000
"""Some messages repeat a name that the host chose; the answer must fit into a line."""
_MAX_PROBLEMS_CHARS = 32 * 1024
"""All problems that are told at once fit: their number and each one's length are bounded."""
_GIVEN_TWICE = "a field is given twice, and one of the two does not fit"
_USER_MESSAGE = "Something went wrong in the app. Please try again."


class RpcError(Exception):
    """Answers a call with a row of the error table.

    Args:
        kind: a row's kind.
        message: what happened and why, for the developer; never a secret.
        remediation: what to do next.
        max_chars: a longer message is cut.
    """

    def __init__(
        self,
        kind: str,
        message: str,
        *,
        remediation: str = "",
        session_id: str = "",
        data: ErrorData | None = None,
        max_chars: int = _MAX_MESSAGE_CHARS,
    ) -> None:
        if len(message) > max_chars:
            message = message[:max_chars] + "... (cut)"
        super().__init__(message)
        self.code = _CODES[kind]
        self.data = data or ErrorData(
            kind=kind,
            message=message,
            user_message=_USER_MESSAGE,
            retryable=kind in _RETRYABLE,
            action="retry" if kind in _RETRYABLE else "stop",
            remediation=remediation or UNSET,
            session_id=session_id or UNSET,
        )

    def to_wire(self) -> dict[str, Any]:
        """The `error` member of a response."""
        return {"code": self.code, "message": str(self), "data": self.data}


def connection_failed(fault: "Fault", session_id: str) -> RpcError:
    """The service could not be reached, or refused; `data.kind` is the fault's own."""
    return RpcError("connectionFailed", fault.message, data=fault_data(fault, session_id))


def fault_data(fault: "Fault", session_id: str) -> ErrorData:
    """A fault of the lifecycle as `error.data`."""
    return ErrorData(
        kind=fault.kind,
        message=fault.message,
        user_message=fault.user_message,
        retryable=fault.retryable,
        action=fault.action.value,
        remediation=fault.remediation or UNSET,
        retry_after_ms=UNSET if fault.retry_after_s is None else round(fault.retry_after_s * 1000),
        ws_code=UNSET if fault.ws_code is None else fault.ws_code,
        http_status=UNSET if fault.http_status is None else fault.http_status,
        session_id=session_id,
    )


def not_taken(kind: str, refused: "NotTaken", session_id: str) -> RpcError:
    """For what the service would not take: every field that is wrong."""
    error = RpcError(
        kind,
        str(refused),
        remediation=refused.remediation,
        session_id=session_id,
        max_chars=_MAX_PROBLEMS_CHARS,
    )
    if refused.problems:
        error.data.problems = [
            FieldProblem(field=each.field, problem=each.problem, allowed=each.allowed or UNSET)
            for each in refused.problems
        ]
    return error


Further = Callable[[bytes, Sequence[FieldProblem]], Sequence[FieldProblem]]
"""Takes the params and what was found wrong in them; returns what else is."""


def invalid_params(type_: type[Struct], raw: bytes, further: Further | None = None) -> RpcError:
    """For params that msgspec refused as `type_`: every field that is wrong, and never a value."""
    from sidecar.rpc.problems import problems

    found = problems(type_, raw)
    if further is not None:
        found += further(raw, found)
    return invalid_fields(found or [FieldProblem(field="params", problem=_GIVEN_TWICE)])


def invalid_fields(found: Sequence[FieldProblem]) -> RpcError:
    """`invalidParams` for these fields; the message has one sentence for each."""
    from sidecar.observe.wording import sentence

    error = RpcError(
        "invalidParams",
        " ".join(map(sentence, found)),
        remediation="See the method's params in docs/protocol.md, and docs/settings.md for settings.",
        max_chars=_MAX_PROBLEMS_CHARS,
    )
    error.data.problems = list(found)
    return error
