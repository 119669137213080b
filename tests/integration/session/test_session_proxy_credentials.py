"""What a proxy wants that asks who is there, and what can be done about it (docs/network.md)."""

import pytest

from sidecar.live import proxy as proxies
from tests.integration.proxies import running

PASSWORD = "pass-canary-9"


@pytest.mark.parametrize("kind", ["http", "socks5h"])
@pytest.mark.parametrize(
    ("given", "words", "advice"),
    [
        ("", "it wants a username and password", "Give `proxy.username` and `proxy.password`."),
        (f"ann:{PASSWORD}", "it did not take the username and password", "Check the username and password"),
    ],
)
async def test_credentials_that_lack_and_those_that_are_wrong_are_told_apart(
    talks, refused, kind, given, words, advice
):
    async with running(kind) as proxy:
        proxy.credentials = "ann:another"
        fault = await refused(
            talks("wss://service.test", proxy=proxies.through(proxy.url(credentials=given)))
        )
    assert fault.kind == "proxyAuthenticationRequired"
    assert words in fault.message
    assert fault.remediation.startswith(advice)
    assert "close the session and call `session/open` anew" in fault.remediation


@pytest.mark.parametrize(
    ("kind", "refusal"),
    [
        ("http", b"HTTP/1.1 407 No\r\nProxy-Authenticate: Negotiate, NTLM\r\n\r\n"),
        ("socks5h", b"\x05\xff"),  # RFC 1928: no acceptable methods
    ],
)
async def test_a_proxy_that_takes_no_password_is_told_as_such(talks, refused, kind, refusal):
    async with running(kind) as proxy:
        proxy.refuse_with = refusal
        route = proxies.through(proxy.url(credentials=f"ann:{PASSWORD}"))
        fault = await refused(talks("wss://service.test", proxy=route))
    assert fault.kind == "proxyAuthenticationRequired"
    assert "none that the sidecar speaks" in fault.message
    assert "will not help here" in fault.remediation
    assert PASSWORD not in fault.message
