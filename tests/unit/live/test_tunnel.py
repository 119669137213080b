"""A proxy's answer to CONNECT, however it comes in pieces."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.lifecycle.faults import Fault, classify
from sidecar.live.failure import DialFailed
from sidecar.live.proxy import Proxy
from sidecar.live.tunnel import MAX_HEAD_BYTES, Answer
from sidecar.observe.redact import REDACTED, register, unregister
from sidecar.observe.secret import Secret

PROXY = Proxy("http", "proxy.test", 3128)


def fed(*pieces: bytes) -> Answer:
    answer = Answer()
    for piece in pieces:
        assert not answer.whole
        answer.feed(piece)
    return answer


def refusal(data: bytes) -> DialFailed:
    answer = fed(data)
    assert answer.whole
    with pytest.raises(DialFailed) as told:
        answer.check(PROXY)
    return told.value


@given(st.lists(st.integers(1, 30), max_size=20))
def test_an_answer_may_come_in_any_pieces(sizes: list[int]) -> None:
    data, answer = b"HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n", Answer()
    for size in [*sizes, len(data)]:
        assert not answer.whole
        answer.feed(data[:size])
        data = data[size:]
        if not data:
            break
    assert answer.whole
    answer.check(PROXY)


@pytest.mark.parametrize("status", [b"HTTP/1.0 200 OK", b"HTTP/1.1 200", b"HTTP/1.1 204 No Content"])
def test_every_2xx_is_a_yes(status: bytes) -> None:
    fed(status + b"\r\n\r\n").check(PROXY)


@pytest.mark.parametrize(
    "data",
    [b"SSH-2.0-x\r\n", b"\x16\x03\x01", b"HTTP/2 200 OK\r\n\r\n", b"HTTP/1.1 2000\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n\x05", b"HTTP/" + b"x" * MAX_HEAD_BYTES],
)  # fmt: skip
def test_what_is_no_answer_is_told_at_once(data: bytes) -> None:
    assert refusal(data).cause.code == "invalid"


@given(st.binary(max_size=100))
def test_no_bytes_do_harm(data: bytes) -> None:
    answer = Answer()
    answer.feed(data)
    if answer.whole:
        with pytest.raises(DialFailed):
            answer.check(PROXY)


def test_a_refusal_is_told_by_status_with_the_proxys_address_and_its_wait() -> None:
    cause = refusal(b"HTTP/1.1 503 Try later\r\nretry-AFTER: 7\r\n\r\nbody").cause
    assert (cause.code, cause.retry_after_s) == (503, 7.0)
    assert cause.text == 'proxy.test:3128: the answer to CONNECT was 503 "Try later"'


@pytest.mark.parametrize("after", ["-1", "Wed, 21 Oct 2015 07:28:00 GMT", "1e9", "", "9" * 400])
def test_a_wait_that_is_no_number_is_not_heeded(after: str) -> None:
    assert refusal(f"HTTP/1.1 503 x\r\nRetry-After: {after}\r\n\r\n".encode()).cause.retry_after_s is None


def test_words_of_a_proxy_are_cut_and_cannot_be_more_than_words() -> None:
    text = refusal(b"HTTP/1.1 403 \x1b[31m" + b"x" * 500 + b"\r\n\r\n").cause.text
    assert "\x1b" not in text
    assert len(text) < 250


@pytest.mark.parametrize("cut_by_the_proxy", [False, True])
def test_credentials_that_a_proxy_repeats_are_not_told_though_they_are_cut(cut_by_the_proxy: bool) -> None:
    proxy = Proxy("http", "proxy.test", 3128, Secret("anneliese"), Secret("canary-pw-" + "x1Y2" * 50))
    assert proxy.basic is not None
    basic = proxy.basic.reveal()
    register(proxy.basic)
    try:
        text = refusal(
            f"HTTP/1.1 502 no: {basic[:90] if cut_by_the_proxy else basic}\r\n\r\n".encode()
        ).cause.text
    finally:
        unregister(proxy.basic)
    assert text == f'proxy.test:3128: the answer to CONNECT was 502 "no: {REDACTED}"'


def asked_by(*fields: str, known: bool) -> Fault:
    user = Secret("ann") if known else None
    lines = [*(f"Proxy-Authenticate: {field}" for field in fields), "", ""]
    with pytest.raises(DialFailed) as told:
        fed("\r\n".join(["HTTP/1.1 407 No", *lines]).encode()).check(_proxy(user))
    return classify(told.value.cause)


def _proxy(username: Secret | None) -> Proxy:
    return Proxy("http", "proxy.test", 3128, username, username)


@pytest.mark.parametrize(
    ("fields", "known", "words", "advice"),
    [
        (["Basic realm=x"], False, "it wants a username and password", "Give `proxy.username` and"),
        (["Basic realm=x"], True, "it did not take the username and password", "Check the username"),
        ([], True, "it did not take the username and password", "Check the username"),
        (["Negotiate", "NTLM"], True, "it takes Negotiate, NTLM only, none that the sidecar speaks", "forwarding proxy"),
        (["Negotiate, NTLM"], False, "it takes Negotiate, NTLM only", "forwarding proxy"),
        (['Digest realm="a, Basic b", nonce = "x"'], False, "it takes Digest only", "forwarding proxy"),
        (['Negotiate, NTLM, BASIC realm="x"'], False, "it wants a username and password", "Give `proxy.username` and"),
        (['Negotiate, Basic realm="x", charset="UTF-8"'], True, "it did not take", "Check the username"),
    ],
)  # fmt: skip
def test_a_proxy_that_asks_who_is_there_is_told_with_what_can_be_done(
    fields: list[str], known: bool, words: str, advice: str
) -> None:
    fault = asked_by(*fields, known=known)
    assert fault.kind == "proxyAuthenticationRequired"
    assert words in fault.message
    assert fault.remediation.startswith(advice) or advice in fault.remediation.partition(". ")[2]
    assert "`session/open` anew" in fault.remediation
