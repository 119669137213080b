"""HTTP requests with a body on the port of the WebSocket: the library reads only GET.

`PostReader` collects the bytes of one POST, `answer` is what is sent back. Pure.
"""

from http import HTTPStatus
from typing import NamedTuple

from websockets.datastructures import Headers

from .dialect import encode

FIRST_BYTE = b"P"
"""Of a request that is for here: an upgrade is a GET."""
JSON = "application/json; charset=UTF-8"
_MAX_HEAD_BYTES = 16 * 1024
_MAX_BODY_BYTES = 1024 * 1024


class Post(NamedTuple):
    target: str
    headers: Headers
    body: bytes


class BadHttp(Exception):
    """The request cannot be read; `status` says why."""

    def __init__(self, status: HTTPStatus) -> None:
        super().__init__(status)
        self.status = status


class PostReader:
    def __init__(self) -> None:
        self._data = bytearray()
        self._post: Post | None = None
        self._length = 0

    def feed(self, data: bytes) -> Post | None:
        """The request, once it is whole. Raises BadHttp."""
        self._data += data
        if self._post is None:
            head, end, rest = bytes(self._data).partition(b"\r\n\r\n")
            if len(head) > _MAX_HEAD_BYTES:
                raise BadHttp(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
            if not end:
                return None
            self._post, self._data = _read_head(head), bytearray(rest)
            self._length = _body_bytes(self._post.headers)
        if len(self._data) < self._length:
            return None
        return self._post._replace(body=bytes(self._data[: self._length]))


def answer(status: int, content: object) -> bytes:
    """A JSON response that ends the connection."""
    body = encode(content)
    head = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nContent-Type: {JSON}\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body


def error(status: HTTPStatus, message: str, name: str) -> dict[str, object]:
    """An error as Google's HTTP services write it."""
    return {"error": {"code": status.value, "message": message, "status": name}}


def _read_head(head: bytes) -> Post:
    try:
        request_line, *lines = head.decode("iso-8859-1").split("\r\n")
        method, target, _ = request_line.split(" ")
        headers = Headers()
        for line in lines:
            name, _, value = line.partition(":")
            headers[name.strip()] = value.strip()
    except ValueError:
        raise BadHttp(HTTPStatus.BAD_REQUEST) from None
    if method != "POST":
        raise BadHttp(HTTPStatus.METHOD_NOT_ALLOWED)
    return Post(target, headers, b"")


def _body_bytes(headers: Headers) -> int:
    lengths = set(headers.get_all("Content-Length"))
    if len(lengths) != 1 or not (length := lengths.pop()).isdigit():
        raise BadHttp(HTTPStatus.LENGTH_REQUIRED)
    if int(length) > _MAX_BODY_BYTES:
        raise BadHttp(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    return int(length)
