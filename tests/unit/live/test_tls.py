"""What may be asked of TLS, what is wrong with a CA file or text, and when a context is made anew."""

import os
import ssl
from pathlib import Path

import pytest
import trustme

from sidecar.live import tls
from sidecar.live.endpoints import InvalidConfig, developer
from sidecar.live.tls import Tls

HERE = developer("wss://127.0.0.1:9000")
PLAIN = developer("ws://127.0.0.1:9000")
THERE = developer("wss://service.test")


@pytest.fixture(scope="module")
def pem() -> str:
    return trustme.CA().cert_pem.bytes().decode()


@pytest.fixture(autouse=True)
def _no_contexts_yet() -> None:
    tls._context.cache_clear()


def test_the_default_trusts_the_system_and_wants_1_2() -> None:
    context = Tls().context()
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert Tls(min_version="1.3").context().minimum_version is ssl.TLSVersion.TLSv1_3


def test_a_ca_is_added_to_the_systems(pem: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    system = tmp_path / "system.pem"
    system.write_text(trustme.CA().cert_pem.bytes().decode())
    monkeypatch.setenv("SSL_CERT_FILE", str(system))
    alone = Tls().context().cert_store_stats()["x509_ca"]
    assert alone >= 1
    assert Tls(ca_pem=pem).context().cert_store_stats()["x509_ca"] == alone + 1


def test_a_text_with_comments_and_several_certificates_is_taken_whole(pem: str) -> None:
    other = trustme.CA().cert_pem.bytes().decode()
    alone = Tls().context().cert_store_stats()["x509_ca"]
    both = Tls(ca_pem=f"# Größe, naïve\n{pem}\nand\n{other}").context()
    assert both.cert_store_stats()["x509_ca"] == alone + 2


@pytest.mark.parametrize("endpoint", [THERE, developer("wss://10.0.0.1")])
def test_verification_can_be_turned_off_for_this_machine_only(endpoint: object) -> None:
    for good in (HERE, PLAIN, developer("wss://localhost"), developer("wss://[::1]")):
        Tls(verify=False).check(good)
    with pytest.raises(InvalidConfig, match=r"tls\.verify may be false for this machine only"):
        Tls(verify=False).check(endpoint)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "name",
    [
        *("exa mple.com", ".example.com", "a" * 300, "münchen.de", "https://x", "x:443"),
        *("a..b", "..", ".", "x..", "a" * 64, f"www.{'a' * 64}.example", ".".join(["a" * 63] * 4)),
        *("::zz", ":::", "1:2", "::1%eth0"),
    ],
)
def test_a_server_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(InvalidConfig, match=r"tls\.serverName must be a host name"):
        Tls(server_name=name).check(THERE)


@pytest.mark.parametrize(
    "name",
    [
        *("example.com", "xn--mnchen-3ya.de", "10.1.2.3", "::1", "2001:db8::10.1.2.3"),
        *("example.com.", "_x.example", f"{'a' * 63}.example", ".".join(["a" * 63] * 3 + ["b" * 61]) + "."),
    ],
)
def test_a_server_name_may_be_a_name_or_an_address(name: str) -> None:
    Tls(server_name=name).check(THERE)


def _private_key() -> str:
    return trustme.CA().private_key_pem.bytes().decode()


BROKEN = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"


def test_a_ca_file_that_is_wrong_is_told_with_its_path_and_what_is_wrong(tmp_path: Path, pem: str) -> None:
    cases: dict[str, tuple[bytes | None, str]] = {
        "missing.pem": (None, "cannot be read: No such file"),
        "empty.pem": (b"", "has no certificate in PEM form"),
        "binary.pem": (os.urandom(100), "has no certificate in PEM form"),
        "key.pem": (_private_key().encode(), "PRIVATE KEY"),
        "broken.pem": ((pem + BROKEN).encode(), "certificate 2 of 2 is broken"),
        "cut.pem": (pem.encode()[:-40], "has no certificate in PEM form"),
        "large.pem": (b"#" * (tls.MAX_CA_BYTES + 1), "has more than 4 MiB"),
    }
    for name, (content, words) in cases.items():
        path = tmp_path / name
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(InvalidConfig) as told:
            Tls(ca_file=str(path)).check(THERE)
        assert words in str(told.value)
        assert f'tls.caFile "{path}"' in str(told.value)


@pytest.mark.parametrize("path", ["\0", "x" * 5000])
def test_what_is_no_path_is_told(path: str) -> None:
    with pytest.raises(InvalidConfig, match="cannot be read"):
        Tls(ca_file=path).check(THERE)


def test_a_folder_and_a_pipe_are_no_files(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfig, match="is no file"):
        Tls(ca_file=str(tmp_path)).check(THERE)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(InvalidConfig, match="is no file"):
            Tls(ca_file=str(tmp_path / "pipe")).check(THERE)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_told(tmp_path: Path, pem: str) -> None:
    path = tmp_path / "ca.pem"
    path.write_text(pem)
    path.chmod(0)
    with pytest.raises(InvalidConfig, match="Permission denied"):
        Tls(ca_file=str(path)).check(THERE)


@pytest.mark.parametrize(
    ("text", "words"), [("hello", "no certificate in PEM form"), (BROKEN, "1 of 1 is broken")]
)
def test_a_ca_text_that_is_wrong_is_told_and_not_repeated(text: str, words: str) -> None:
    with pytest.raises(InvalidConfig, match=words) as told:
        Tls(ca_pem=text).check(THERE)
    assert text.strip() not in str(told.value)


def test_without_tls_no_ca_is_looked_at() -> None:
    Tls(ca_file="/nowhere").check(PLAIN)


def test_sessions_share_a_context_until_a_file_behind_it_changes(
    tmp_path: Path, pem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ca.pem"
    path.write_text(pem)
    mine = Tls(ca_file=str(path))
    first = mine.context()
    assert Tls(ca_file=str(path), server_name="another").context() is first
    assert Tls(ca_file=str(path), min_version="1.3").context() is not first
    path.write_text(pem + "\n# changed")
    second = mine.context()
    assert second is not first
    system = tmp_path / "system.pem"
    system.write_text(pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(system))
    third = mine.context()
    assert third is not second, "the system's store is another"
    system.write_text(pem + pem)
    assert mine.context() is not third


def test_where_openssl_finds_no_store_the_systems_places_are_searched(
    tmp_path: Path, pem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a program that was built on another system."""
    bundle = tmp_path / "bundle.crt"
    bundle.write_text(pem)
    nowhere = ssl.DefaultVerifyPaths(None, None, "E", "/nowhere", "D", str(tmp_path / "empty"))  # type: ignore[arg-type]
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: nowhere)
    monkeypatch.setattr(tls, "BUNDLES", ("/nowhere/else", str(bundle)))
    assert tls._system_context("linux").cert_store_stats()["x509_ca"] == 1


@pytest.mark.parametrize("platform", ["win32", "darwin"])
def test_windows_and_macos_are_asked_through_truststore(platform: str) -> None:
    import truststore

    assert type(tls._system_context(platform)).__mro__[0] is truststore.SSLContext
    assert type(tls._system_context("linux")) is ssl.SSLContext


def test_its_repr_shows_no_certificate(pem: str) -> None:
    assert "BEGIN" not in repr(Tls(ca_pem=pem))
