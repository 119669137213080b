"""Where to connect, and which addresses are refused before the key goes anywhere."""

import pytest

from sidecar.live.endpoints import InvalidConfig, developer

METHOD = "google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"


@pytest.mark.parametrize(
    ("base_url", "url", "host", "port", "secure"),
    [
        ("wss://generativelanguage.googleapis.com", f"wss://generativelanguage.googleapis.com/ws/{METHOD}", "generativelanguage.googleapis.com", 443, True),
        ("https://example.org/proxy/", f"wss://example.org/proxy/ws/{METHOD}", "example.org", 443, True),
        ("ws://127.0.0.1:9000", f"ws://127.0.0.1:9000/ws/{METHOD}", "127.0.0.1", 9000, False),
        ("http://localhost", f"ws://localhost/ws/{METHOD}", "localhost", 80, False),
        ("ws://[::1]:9000", f"ws://[::1]:9000/ws/{METHOD}", "::1", 9000, False),
    ],
)  # fmt: skip
def test_the_url_of_the_developer_api(base_url: str, url: str, host: str, port: int, secure: bool) -> None:
    endpoint = developer(base_url, "v1beta")
    assert (endpoint.url(), endpoint.host, endpoint.port, endpoint.secure) == (url, host, port, secure)


@pytest.mark.parametrize(
    ("base_url", "why"),
    [
        ("generativelanguage.googleapis.com", "must look like"),
        ("ftp://x", "must look like"),
        ("wss://", "must look like"),
        ("wss://host:notaport", "not a URL"),
        ("wss://user:pass@host", "credentials"),
        ("wss://host?key=abc", "query"),
        ("ws://192.0.2.7:9000", "without TLS"),
        ("http://example.org", "without TLS"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused_with_the_reason(base_url: str, why: str) -> None:
    with pytest.raises(InvalidConfig, match=why):
        developer(base_url, "v1beta")
