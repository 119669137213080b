import json

import pytest

from sidecar.simulator.rest import BadHttp, PostReader, answer

REQUEST = (
    b'POST /v1alpha/auth_tokens?key=k HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nX-Y:  z \r\n\r\n{"a":1}  '
)


def test_a_request_is_whole_with_its_last_byte_and_not_before() -> None:
    reader = PostReader()
    for i in range(len(REQUEST) - 1):
        assert reader.feed(REQUEST[i : i + 1]) is None
    post = reader.feed(REQUEST[-1:])
    assert post is not None
    assert (post.target, post.headers["x-y"], post.body) == ("/v1alpha/auth_tokens?key=k", "z", b'{"a":1}  ')


def test_it_may_come_at_once_and_with_more_than_it_announced() -> None:
    post = PostReader().feed(REQUEST + b"more")
    assert post is not None
    assert post.body == b'{"a":1}  '


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"POST\r\n\r\n", 400),
        (b"PUT / HTTP/1.1\r\n\r\n", 405),
        (b"POST / HTTP/1.1\r\n\r\n", 411),
        (b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n", 411),
        (b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 411),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
        (b"POST / HTTP/1.1\r\nContent-Length: 1048577\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\nA: " + b"x" * 16_384, 431),
    ],
)
def test_what_cannot_be_read_has_its_status(request_bytes: bytes, status: int) -> None:
    with pytest.raises(BadHttp) as caught:
        PostReader().feed(request_bytes)
    assert caught.value.status == status


def test_an_answer_is_json_and_ends_the_connection() -> None:
    head, _, body = answer(200, {"name": "n"}).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"Connection: close" in head
    assert b"Content-Length: %d" % len(body) in head
    assert json.loads(body) == {"name": "n"}
