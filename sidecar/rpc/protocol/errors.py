"""The error table, and what stands in `error.data`."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from sidecar.rpc.protocol.words import Body, FaultAction, Milliseconds


class ErrorCode(Struct, frozen=True):
    """One row of the error table: JSON-RPC code, its `error.data.kind`, and when it is answered."""

    code: int
    kind: str
    meaning: str


ERROR_CODES: tuple[ErrorCode, ...] = (
    ErrorCode(-32700, "parseError", "The line is not valid JSON in UTF-8."),
    ErrorCode(-32600, "invalidRequest", "The line is JSON, but not a JSON-RPC 2.0 call."),
    ErrorCode(-32601, "methodNotFound", "No method of that name."),
    ErrorCode(-32602, "invalidParams", "The params do not fit the method; the message names the field."),
    ErrorCode(-32603, "internalError", "A defect of the sidecar; the log has the details."),
    ErrorCode(-32000, "lineTooLong", "The line is longer than `limits.maxLineBytes`."),
    ErrorCode(-32001, "overloaded", "Too many calls wait for their answer, or the batch is too long."),
    ErrorCode(-32002, "notInitialized", "The first call must be `initialize`."),
    ErrorCode(-32003, "alreadyInitialized", "`initialize` was called twice."),
    ErrorCode(-32004, "unsupportedProtocolVersion", "The host asks for a protocol version not spoken here."),
    ErrorCode(-32005, "duplicateId", "A call with this id is still in flight."),
    ErrorCode(-32006, "requestCancelled", "The call was cancelled with `$/cancelRequest`."),
    ErrorCode(-32007, "shuttingDown", "The sidecar is going away."),
    ErrorCode(-32010, "unknownSession", "No open session has this id."),
    ErrorCode(-32011, "sessionExists", "A session with this id is open."),
    ErrorCode(-32012, "sessionClosed", "The session was closed before the call was answered."),
    ErrorCode(-32013, "wrongState", "The session's state does not allow this call."),
    ErrorCode(-32014, "outboxFull", "The session holds as much as it may; the message was not accepted."),
    ErrorCode(-32015, "deadlineExceeded", "The deadline of the call passed."),
    ErrorCode(-32016, "invalidMessage", "The message cannot be sent: bad base64, number, or field."),
    ErrorCode(
        -32020, "connectionFailed", "The service could not be reached or refused; `kind` names the fault."
    ),
)
"""The error table. `-32020` carries the fault's own kind (see `docs/errors.md`) in `error.data.kind`."""


class ErrorData(Body):
    """Always in `error.data`: what happened, why, and what to do next."""

    kind: Annotated[str, Meta(description="Stable name of what happened, for code.")]
    message: Annotated[str, Meta(description="For the developer.")]
    user_message: Annotated[str, Meta(description="Plain words for the person at the screen.")]
    retryable: Annotated[bool, Meta(description="Whether the same call may succeed later, unchanged.")]
    action: Annotated[FaultAction, Meta(description="What the sidecar does, or the host should do, next.")]
    remediation: str | UnsetType = UNSET
    retry_after_ms: Milliseconds | UnsetType = UNSET
    ws_code: int | UnsetType = UNSET
    http_status: int | UnsetType = UNSET
    session_id: str | UnsetType = UNSET
    problems: Annotated[
        list["FieldProblem"] | UnsetType,
        Meta(description="Of `invalidParams`, `invalidMessage`: every field that is wrong, not only one."),
    ] = UNSET


class FieldProblem(Body):
    """One wrong field."""

    field: Annotated[str, Meta(description="Its path, such as `settings.reconnect.factor`.")]
    problem: str
    allowed: Annotated[str | UnsetType, Meta(description="What may stand there.")] = UNSET
