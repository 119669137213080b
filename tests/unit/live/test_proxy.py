"""Proxies from URLs, rules for what goes without, and which way an endpoint is reached."""

import pytest

from sidecar.live import proxy
from sidecar.live.endpoints import Endpoint, InvalidConfig, developer
from sidecar.live.failure import DialFailed
from sidecar.live.no_proxy import rule, rules_of_system
from sidecar.live.proxy import Proxy, Route
from sidecar.live.system_proxy import from_environment, from_macos, from_windows
from sidecar.observe.secret import Secret

SERVICE = developer("wss://service.test")
PASSWORD = "canary-pw-51"


# --- URLs -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "scheme", "host", "port"),
    [
        ("http://proxy.test:3128", "http", "proxy.test", 3128),
        ("HTTP://Proxy.Test", "http", "proxy.test", 80),
        ("https://proxy.test/", "https", "proxy.test", 443),
        ("socks5://10.0.0.1", "socks5", "10.0.0.1", 1080),
        ("socks5h://[::1]:9050", "socks5h", "::1", 9050),
        (" http://proxy_1.test:1 ", "http", "proxy_1.test", 1),
    ],
)
def test_a_url_is_read(url: str, scheme: str, host: str, port: int) -> None:
    assert proxy.parse(url, "proxy.url") == Proxy(scheme, host, port)  # type: ignore[arg-type]


def test_credentials_are_read_percent_decoded() -> None:
    found = proxy.parse("http://us%40er:p%3Aw%2F@proxy.test:1", "proxy.url")
    assert found.username == Secret("us@er")
    assert found.password == Secret("p:w/")
    assert found.basic == Secret("dXNAZXI6cDp3Lw==")


@pytest.mark.parametrize(
    "url",
    [
        "", "proxy.test:3128", "ftp://proxy.test", "socks4://proxy.test", "http://", "http://:80", "http://a b:1", "http://x:0",
        "http://x:99999", "http://x:y", "http://x/path", "http://x?q=1", "http://x#f", f"http://:{PASSWORD}@x", f"http://{PASSWORD}@[x",
        f"socks5://user@{PASSWORD}", f"socks5://user:{PASSWORD}ä@x", f"http://a%3Ab:{PASSWORD}@x", f"http://user:{PASSWORD}%0D%0AX@x",
        "http://" + "u" * 256 + ":x@x", "http://" + "a." * 200,
    ],
)  # fmt: skip
def test_what_is_no_proxy_is_refused_and_nothing_of_it_repeated(url: str) -> None:
    with pytest.raises(InvalidConfig) as told:
        proxy.through(url)
    assert str(told.value).startswith("proxy")
    assert PASSWORD not in str(told.value)
    assert told.value.__cause__ is None


def test_credentials_beside_the_url_do_and_twice_is_once_too_often() -> None:
    route = proxy.through("http://x:1", username=Secret("u"), password=Secret(PASSWORD))
    assert route.proxy is not None
    assert route.proxy.password == Secret(PASSWORD)
    assert Secret(PASSWORD) in route.proxy.secrets
    with pytest.raises(InvalidConfig, match="others stand beside it"):
        proxy.through("http://a:b@x:1", username=Secret("u"))
    with pytest.raises(InvalidConfig, match="no username"):
        proxy.through("http://x:1", password=Secret("b"))


def test_no_repr_shows_credentials() -> None:
    route = proxy.through(f"http://canary-user:{PASSWORD}@x:1")
    for shown in (
        repr(route),
        repr(route.proxy),
        str(route),
        f"{route.proxy}",
        repr(route.proxy and route.proxy.secrets),
    ):
        assert PASSWORD not in shown
        assert "canary-user" not in shown
    assert route.proxy is not None
    assert route.proxy.address == "x:1"


# --- rules ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "fitting", "not_fitting"),
    [
        ("example.com", ["example.com:443", "EXAMPLE.com.:1", "a.example.com:1", "a.b.example.com:1"], ["badexample.com:1", "example.org:1"]),
        (".example.com", ["a.example.com:1", "example.com:1"], ["badexample.com:1"]),
        ("*.example.com", ["a.example.com:1", "a.b.example.com:1"], ["example.com:1"]),
        ("*", ["a:1", "10.1.1.1:1", "::1:1"], []),
        ("example.com:8443", ["example.com:8443", "a.example.com:8443"], ["example.com:443"]),
        ("10.1.2.3", ["10.1.2.3:1"], ["10.1.2.4:1", "x10.1.2.3:1"]),
        ("10.0.0.0/8", ["10.200.0.1:1"], ["11.0.0.1:1", "a.test:1"]),
        ("10.1.2.3/8", ["10.200.0.1:1"], ["11.0.0.1:1"]),
        ("169.254/16", ["169.254.9.9:1"], ["169.255.0.1:1"]),
        ("fd00::/8", ["fd00::1:1"], ["fe80::1:1", "10.0.0.1:1"]),
        ("[::1]:443", ["::1:443"], ["::1:80"]),
        ("::1", ["::1:80"], ["::2:80"]),
        ("10.0.0.0/8:443", ["10.1.1.1:443"], ["10.1.1.1:80"]),
        ("<local>", ["intranet:1"], ["a.test:1", "10.1.1.1:1", "::1:1"]),
    ],
)  # fmt: skip
def test_a_rule_fits_what_it_says(text: str, fitting: list[str], not_fitting: list[str]) -> None:
    made = rule(text)
    assert made is not None

    def fits(where: str) -> bool:
        host, _, port = where.rpartition(":")
        return made.fits(host, int(port))

    assert [where for where in fitting if not fits(where)] == []
    assert [where for where in not_fitting if fits(where)] == []


@pytest.mark.parametrize(
    "text", ["", "  ", "a b", "http://x", "x/8", "10.0.0.0/99", "x:", "x:999999", ".", "müsli"]
)
def test_what_is_no_rule_is_refused_from_the_host_and_passed_over_from_the_system(text: str) -> None:
    with pytest.raises(InvalidConfig, match=r"^proxy\.noProxy\[1\] must be"):
        proxy.system(no_proxy=["good.test", text])
    if " " not in text.strip():  # it separates, there
        found = rules_of_system(f"a.test,{text},b.test")
        assert [made.name for made in found] == ["a.test", "b.test"]


# --- the system -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environment", "url"),
    [
        ({}, ""),
        ({"HTTPS_PROXY": "http://a:1"}, "http://a:1"),
        ({"https_proxy": "http://a:1", "HTTPS_PROXY": "http://b:1"}, "http://a:1"),
        ({"https_proxy": "", "HTTPS_PROXY": "http://b:1"}, ""),
        ({"ALL_PROXY": "socks5h://c:1"}, "socks5h://c:1"),
        ({"all_proxy": "socks5h://c:1", "HTTPS_PROXY": "http://b:1"}, "http://b:1"),
        ({"HTTP_PROXY": "http://d:1"}, ""),
        ({"HTTPS_PROXY": "  "}, ""),
    ],
)
def test_the_environment_names_the_proxy(environment: dict[str, str], url: str) -> None:
    assert from_environment(environment).url == url


@pytest.mark.parametrize(
    ("no_proxy", "straight"),
    [("service.test", True), (".test", True), ("*", True), ("a.test, service.test", True), ("a.test", False), ("service.test:80", False)],
)  # fmt: skip
def test_no_proxy_of_the_environment_is_heeded(no_proxy: str, straight: bool) -> None:
    chosen = Route().choose(SERVICE, {"HTTPS_PROXY": "http://a:1", "NO_PROXY": no_proxy})
    assert (chosen is None) is straight


def test_a_proxy_of_the_environment_without_a_scheme_is_http() -> None:
    assert Route().choose(SERVICE, {"HTTPS_PROXY": "proxy.test:3128"}) == Proxy("http", "proxy.test", 3128)


def test_what_the_environment_says_of_no_use_is_told_without_its_text() -> None:
    with pytest.raises(DialFailed) as told:
        Route().choose(SERVICE, {"HTTPS_PROXY": f"socks4://u:{PASSWORD}@x"})
    assert told.value.cause.code == "unusable"
    assert PASSWORD not in told.value.cause.text


def test_the_settings_of_windows_are_understood() -> None:
    """As urllib gives them: the values ProxyServer and ProxyOverride."""
    found = from_windows({"https": "http://proxy:8080", "http": "http://other:1"}, "*.corp.test;10.*;<local>")
    assert found.url == "http://proxy:8080"
    assert [entry.name for entry in found.without] == ["*.corp.test", "10.*", "<local>"]
    assert any(entry.fits("10.1.2.3", 443) for entry in found.without)
    assert from_windows({}, "").url == ""


def test_the_settings_of_macos_are_understood() -> None:
    settings = {"exclude_simple": True, "exceptions": ("*.local", None, "169.254/16")}
    found = from_macos(settings, {"socks": "http://127.0.0.1:1080"})
    assert found.url == "socks5h://127.0.0.1:1080"
    assert [rule.fits("printer", 1) for rule in found.without] == [False, False, True]
    assert any(entry.fits("x.local", 1) for entry in found.without)
    assert from_macos({}, {"https": "http://a:1", "socks": "http://b:1"}).url == "http://a:1"


def test_its_repr_shows_no_url() -> None:
    assert PASSWORD not in repr(from_environment({"HTTPS_PROXY": f"http://u:{PASSWORD}@x:1"}))


# --- the way ----------------------------------------------------------------------------------------

ENVIRONMENT = {"HTTPS_PROXY": "http://env.test:1"}


@pytest.mark.parametrize(
    ("route", "endpoint", "through"),
    [
        (proxy.system(), SERVICE, "env.test"),
        (proxy.system(no_proxy=["service.test"]), SERVICE, None),
        (proxy.system(), developer("wss://localhost"), None),
        (proxy.system(), developer("wss://localhost."), None),
        (proxy.system(), developer("wss://app.localhost"), None),
        (proxy.system(), developer("wss://127.0.0.1:9000"), None),
        (proxy.system(), developer("wss://[::ffff:127.0.0.1]"), None),
        (proxy.system(), developer("wss://0.0.0.0"), None),
        (proxy.system(), developer("ws://[::1]:9000"), None),
        (proxy.direct(), SERVICE, None),
        (proxy.through("http://given.test:1"), SERVICE, "given.test"),
        (proxy.through("http://given.test:1", no_proxy=[".test"]), SERVICE, None),
        (proxy.through("http://localhost:1"), developer("ws://127.0.0.1:9000"), "localhost"),
    ],
)
def test_the_way_is_as_the_host_wants_it(route: Route, endpoint: Endpoint, through: str | None) -> None:
    chosen = route.choose(endpoint, ENVIRONMENT)
    assert (chosen and chosen.host) == through
    route.check(endpoint)


@pytest.mark.parametrize(
    ("url", "verify"), [("ws://127.0.0.1:1", True), ("wss://127.0.0.1:1", False), ("wss://localhost", False)]
)
def test_what_only_this_machine_may_see_takes_no_proxy_on_another(url: str, verify: bool) -> None:
    with pytest.raises(InvalidConfig, match="the key could be read"):
        proxy.through("http://given.test:1").check(developer(url), verify=verify)
    for good in (proxy.through("http://127.0.0.1:1"), proxy.direct(), proxy.system()):
        good.check(developer(url), verify=verify)
