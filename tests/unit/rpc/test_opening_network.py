"""`tls` and `proxy` of `session/open`: what becomes of them, and what is told when they are wrong."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trustme

from sidecar.live.endpoints import InvalidConfig
from sidecar.live.proxy import Proxy, direct, system
from sidecar.live.tls import Tls
from sidecar.rpc import protocol as p
from sidecar.rpc.errors import invalid_params
from sidecar.rpc.opening import config_of
from sidecar.session import Config

PASSWORD = "canary-pw-88"
decoder = msgspec.json.Decoder(p.OpenParams)


def raw(**more: Any) -> bytes:
    return json.dumps(
        {"sessionId": "s", "auth": {"type": "apiKey", "apiKey": "k"}, "setup": {"model": "models/m"}, **more}
    ).encode()


def config(**more: Any) -> Config:
    return config_of(decoder.decode(raw(**more)), None)  # type: ignore[arg-type]


def test_the_default_is_the_systems_store_and_proxy() -> None:
    found = config()
    assert (found.tls, found.proxy) == (Tls(), system())


def test_what_is_given_arrives(tmp_path: Path) -> None:
    pem = trustme.CA().cert_pem.bytes().decode()
    (tmp_path / "ca.pem").write_text(pem)
    found = config(
        tls={"caFile": str(tmp_path / "ca.pem"), "caPem": pem, "minVersion": "1.3", "serverName": "x.test"},
        proxy={"mode": "explicit", "url": f"socks5h://u:{PASSWORD}@x.test:1", "noProxy": ["a.test"]},
    )
    assert found.tls == Tls(
        ca_file=str(tmp_path / "ca.pem"), ca_pem=pem, min_version="1.3", server_name="x.test"
    )
    proxy = found.proxy.proxy
    assert proxy is not None
    assert (proxy.scheme, proxy.address) == ("socks5h", "x.test:1")
    assert proxy.password is not None
    assert proxy.password.reveal() == PASSWORD
    assert [rule.name for rule in found.proxy.no_proxy] == ["a.test"]
    assert config(proxy={"mode": "off"}).proxy == direct()
    apart = config(proxy={"mode": "explicit", "url": "http://x:1", "username": "u", "password": PASSWORD})
    assert isinstance(apart.proxy.proxy, Proxy)
    assert PASSWORD not in repr(apart)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"tls": {"caFile": "/nowhere/ca.pem"}}, 'tls.caFile "/nowhere/ca.pem" cannot be read: No such file'),
        ({"tls": {"caPem": "none"}}, "tls.caPem has no certificate"),
        ({"tls": {"verify": False}}, "tls.verify may be false for this machine only"),
        ({"tls": {"serverName": "a b"}}, "tls.serverName must be"),
        ({"proxy": {"mode": "explicit", "url": f"ftp://{PASSWORD}@x"}}, "proxy.url must look like"),
        ({"proxy": {"mode": "system", "noProxy": ["x", "/"]}}, "proxy.noProxy[1] must be"),
        (
            {
                "proxy": {"mode": "explicit", "url": "http://x.test"},
                "endpoint": {"baseUrl": "ws://127.0.0.1:1"},
            },
            "proxy must be on this machine",
        ),
    ],
)
def test_what_cannot_be_used_is_told(more: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidConfig) as told:
        config(**more)
    assert words in str(told.value)
    assert PASSWORD not in str(told.value)


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"tls": {"minVersion": "1.1"}}, "tls.minVersion"),
        ({"tls": {"cafile": "x"}}, "tls.cafile"),
        ({"proxy": {}}, "proxy.mode"),
        ({"proxy": {"mode": "pac"}}, "proxy.mode"),
        ({"proxy": {"mode": "explicit", "password": PASSWORD}}, "proxy.url"),
        ({"proxy": {"mode": "off", "url": PASSWORD}}, "proxy.url"),
    ],
)
def test_wrong_fields_are_named_and_no_value_repeated(more: dict[str, Any], field: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        decoder.decode(raw(**more))
    error = invalid_params(p.OpenParams, raw(**more))
    assert [problem.field for problem in error.data.problems or []] == [field]
    assert PASSWORD not in str(error)


def test_no_repr_of_the_params_shows_a_secret() -> None:
    params = decoder.decode(
        raw(
            tls={"caPem": PASSWORD},
            proxy={"mode": "explicit", "url": f"http://u:{PASSWORD}@x", "password": PASSWORD},
        )
    )
    assert PASSWORD not in repr(params)
