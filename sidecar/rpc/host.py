"""Calls to the host: both directions can ask (design section 2)."""

import asyncio
from typing import Any

import msgspec
from msgspec import Raw, Struct

from sidecar.observe.redact import redact_cut
from sidecar.rpc.envelope import Answer
from sidecar.stdio.writer import Line, Writer

MAX_TEXT_CHARS = 500
"""Of what the host says why it cannot answer."""

METHOD_NOT_FOUND = -32601
"""Of JSON-RPC 2.0: asking again will not help."""

_encoder = msgspec.json.Encoder()


class HostRefused(Exception):
    """The host answered with an error. `retryable`: it may answer later; where it does not say, it may."""

    def __init__(self, message: str, *, retryable: bool) -> None:
        super().__init__(message)
        self.retryable = retryable


class _ErrorData(Struct):
    retryable: bool = True


class _Error(Struct):
    code: int = 0
    message: str = ""
    data: Raw = Raw()


class Host:
    """Whoever reads our lines. Ids are strings of ours; the host's own ids live in another space."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._asked = 0
        self._pending: dict[str, asyncio.Future[bytes]] = {}

    async def call(self, method: str, params: Struct, timeout_s: float) -> bytes:
        """Ask; returns the result as JSON. Given up, also by cancelling, the host is told `$/cancelRequest`.

        Raises:
            TimeoutError: no answer within `timeout_s`.
            HostRefused: it answered with an error.
        """
        self._asked += 1
        call_id = f"sidecar-{self._asked}"
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._pending[call_id] = answer
        self._write({"jsonrpc": "2.0", "id": call_id, "method": method, "params": params})
        try:
            async with asyncio.timeout(timeout_s):
                return await answer
        except (TimeoutError, asyncio.CancelledError):
            self._write({"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": call_id}})
            raise
        finally:
            del self._pending[call_id]

    def answered(self, answer: Answer) -> bool:
        """The host's response came; a late one is ignored. False when there never was such a call."""
        call = self._pending.get(answer.id) if isinstance(answer.id, str) else None
        if call is None:
            return self._was_asked(answer.id)
        if not call.done():
            if answer.error is None:
                call.set_result(answer.result or b"null")
            else:
                call.set_exception(_refusal(answer.error))
        return True

    def _was_asked(self, call_id: object) -> bool:
        prefix, _, number = call_id.partition("-") if isinstance(call_id, str) else ("", "", "")
        return prefix == "sidecar" and number.isdecimal() and 1 <= int(number) <= self._asked

    def _write(self, message: dict[str, Any]) -> None:
        self._writer.put("", Line(_encoder.encode(message)))


def _refusal(raw: bytes) -> HostRefused:
    """Its text goes into errors and logs, so what looks like a secret is taken out."""
    try:
        error = msgspec.json.decode(raw, type=_Error)
        text = redact_cut(error.message)[:MAX_TEXT_CHARS] or "no reason given"
    except msgspec.DecodeError:
        return HostRefused("an error that is none of JSON-RPC", retryable=True)
    try:
        data = msgspec.json.decode(error.data, type=_ErrorData)
    except msgspec.DecodeError:
        data = _ErrorData()
    return HostRefused(text, retryable=data.retryable and error.code != METHOD_NOT_FOUND)
