"""Where to connect, and which addresses are refused before the key goes anywhere."""

import pytest
from websockets.uri import parse_uri

from sidecar.live.endpoints import InvalidConfig, developer, is_loopback

METHOD = "google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"


@pytest.mark.parametrize(
    ("base_url", "url", "host", "port", "secure"),
    [
        ("wss://generativelanguage.googleapis.com", f"wss://generativelanguage.googleapis.com/ws/{METHOD}", "generativelanguage.googleapis.com", 443, True),
        ("https://example.org/proxy/", f"wss://example.org/proxy/ws/{METHOD}", "example.org", 443, True),
        ("ws://127.0.0.1:9000", f"ws://127.0.0.1:9000/ws/{METHOD}", "127.0.0.1", 9000, False),
        ("http://localhost", f"ws://localhost/ws/{METHOD}", "localhost", 80, False),
        ("wss://b\u00fccher.example:8443", f"wss://b\u00fccher.example:8443/ws/{METHOD}", "b\u00fccher.example", 8443, True),
        ("ws://app.localhost.:9000", f"ws://app.localhost.:9000/ws/{METHOD}", "app.localhost.", 9000, False),
        ("ws://[::1]:9000", f"ws://[::1]:9000/ws/{METHOD}", "::1", 9000, False),
    ],
)  # fmt: skip
def test_the_url_of_the_developer_api(base_url: str, url: str, host: str, port: int, secure: bool) -> None:
    endpoint = developer(base_url, "v1beta")
    assert (endpoint.url(), endpoint.host, endpoint.port, endpoint.secure) == (url, host, port, secure)
    parse_uri(endpoint.url())  # else no line could be made


@pytest.mark.parametrize(
    ("base_url", "why"),
    [
        ("generativelanguage.googleapis.com", "must look like"),
        ("ftp://x", "must look like"),
        ("wss://", "must look like"),
        ("wss://host:notaport", "not a URL"),
        ("wss://user:pass@host", "credentials"),
        ("wss://@host", "credentials"),
        ("ws://@127.0.0.1:9000", "credentials"),
        ("ws://:@127.0.0.1:9000", "credentials"),
        ("wss://host\\@example.org", "credentials"),
        ("wss://exa mple.com", "must look like"),
        ("wss://host\\x", "must look like"),
        ("wss://.example.com", "must look like"),
        ("wss://a..b", "must look like"),
        ("wss://" + "a" * 64 + ".example", "must look like"),
        ("wss://" + "\u00fc" * 80, "must look like"),
        ("wss://host:0", "must look like"),
        ("wss://host:99999", "not a URL"),
        ("wss://[::1", "not a URL"),
        ("wss://host?key=abc", "query"),
        ("ws://192.0.2.7:9000", "without TLS"),
        ("http://example.org", "without TLS"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused_with_the_reason(base_url: str, why: str) -> None:
    with pytest.raises(InvalidConfig, match=why):
        developer(base_url, "v1beta")


@pytest.mark.parametrize(
    "base_url", ["wss://me:hunter2", "wss://me:hunter2@host", "wss://[hunter2", "wss://host?hunter2"]
)
def test_a_password_in_an_address_is_not_repeated(base_url: str) -> None:
    with pytest.raises(InvalidConfig) as told:
        developer(base_url)
    assert "hunter2" not in str(told.value)
    assert told.value.__cause__ is None


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("localhost", True), ("LocalHost", True), ("localhost.", True), ("app.localhost", True), ("a.b.LOCALHOST.", True),
        ("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("::ffff:127.0.0.1", True), ("::FFFF:7f00:1", True),
        ("0.0.0.0", True), ("::", True), ("::ffff:0.0.0.0", True),
        ("", False), ("notlocalhost", False), ("localhost.example", False), ("localhost..", False), ("127.0.0.1.example", False),
        ("10.0.0.1", False), ("::2", False), ("::ffff:10.0.0.1", False), ("1.0.0.127", False),
    ],
)  # fmt: skip
def test_what_means_this_machine(host: str, here: bool) -> None:
    assert is_loopback(host) is here
