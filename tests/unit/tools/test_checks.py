"""Each check finds what is as it should be, and what is not."""

import base64
import hashlib
import os
import re
import ssl
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_der_private_key

from sidecar.live import tls
from sidecar.rpc import dispatch
from sidecar.tools import checks
from sidecar.tools.checks import Failed
from sidecar.tools.self_check_certificate import AUTHORITY, CERTIFICATE, KEY

linux = pytest.mark.skipif(sys.platform != "linux", reason="the store is OpenSSL's own only there")


@pytest.fixture(autouse=True)
def no_old_contexts():
    tls._context.cache_clear()
    yield
    tls._context.cache_clear()


@pytest.fixture
def build(monkeypatch, tmp_path):
    """A frozen build of one file."""
    (tmp_path / "file").write_bytes(b"content")
    (tmp_path / "SHA256SUMS").write_text(f"{hashlib.sha256(b'content').hexdigest()}  file\n")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "program"))
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "_MEIPASS", str(tmp_path / "_internal"), raising=False)
    return tmp_path


def test_sources_have_no_list_of_files():
    assert "sources" in checks.files()


def test_files_that_are_as_they_were_built(build):
    assert checks.files() == "all 1 are as they were built"


@pytest.mark.parametrize("platform", ["linux", "win32", "darwin"])
@pytest.mark.parametrize(
    ("name", "signed_on"),
    [
        ("file", []),
        ("_ssl.pyd", ["win32"]),
        ("python311.dll", ["win32"]),
        ("live-sidecar.exe", ["win32"]),
        ("live-sidecar", ["darwin"]),
        ("_ssl.so", ["darwin"]),
        ("libssl.3.dylib", ["darwin"]),
        ("Python.framework/Python", ["darwin"]),
        ("LICENSE", []),
    ],
)
def test_a_changed_file_is_a_failure_unless_signing_changes_it(build, monkeypatch, platform, name, signed_on):
    (build / name).parent.mkdir(exist_ok=True)
    (build / name).write_bytes(b"Content")
    (build / "SHA256SUMS").write_text(f"{hashlib.sha256(b'content').hexdigest()}  {name}\n")
    monkeypatch.setattr(sys, "platform", platform)
    if platform in signed_on:
        assert checks.files() == f"1 of 1 were changed after the build, as signing does: {name}"
    else:
        with pytest.raises(Failed, match=rf"^1 of 1 are not as they were built: {re.escape(name)}\.$"):
            checks.files()


@pytest.mark.parametrize("lost", ["file", "SHA256SUMS"])
def test_a_file_that_cannot_be_read_is_a_failure(build, lost):
    (build / lost).unlink()
    with pytest.raises(Failed, match="cannot be read") as caught:
        checks.files()
    assert "Install live-sidecar again" in caught.value.remedy


@linux
def test_the_authorities_of_a_file_are_counted(monkeypatch, tmp_path):
    own = tmp_path / "store.pem"
    own.write_text(AUTHORITY)
    monkeypatch.setenv("SSL_CERT_FILE", str(own))
    assert checks.system_trust() == f"1 certificate authorities in {own}"


@linux
def test_the_authorities_of_a_folder_are_counted_once_each(monkeypatch, tmp_path):
    (tmp_path / "one.pem").write_text("")
    (tmp_path / "01234567.0").symlink_to(tmp_path / "one.pem")
    (tmp_path / "89abcdef.0").symlink_to(tmp_path / "one.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    assert checks.system_trust() == f"1 certificate authorities in {tmp_path}"


@linux
def test_a_system_without_authorities_is_a_failure(monkeypatch, tmp_path):
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    monkeypatch.setattr(tls, "BUNDLES", ())
    with pytest.raises(Failed) as caught:
        checks.system_trust()
    assert "ca-certificates" in caught.value.remedy


def test_tls_with_a_private_authority():
    assert checks.private_authority() in {
        f"refused at first, and TLSv1.{n} once it is trusted" for n in (2, 3)
    }


def test_tls_that_verifies_nothing_is_a_failure(monkeypatch):
    def trusting(_platform):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context

    monkeypatch.setattr(tls, "_system_context", trusting)
    with pytest.raises(Failed, match="unknown authority was accepted"):
        checks.private_authority()


def test_the_certificate_outlives_the_program_and_can_sign_nothing():
    certificate, authority = (
        x509.load_pem_x509_certificate(pem.encode()) for pem in (CERTIFICATE, AUTHORITY)
    )
    assert certificate.not_valid_after_utc > datetime(2100, 1, 1, tzinfo=UTC)
    assert certificate.not_valid_before_utc < datetime(2019, 7, 1, tzinfo=UTC), (
        "macOS takes long ones only from before"
    )
    assert not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    certificate.verify_directly_issued_by(authority)
    key = load_der_private_key(base64.b64decode(KEY), None)
    assert key.public_key() == certificate.public_key() != authority.public_key(), "the authority's is gone"


def test_the_file_with_the_key_is_gone_after_the_check(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert "trusted" in checks.private_authority()
    assert list(tmp_path.iterdir()) == []


def test_without_a_temporary_folder_the_check_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    with pytest.raises(Failed, match="no temporary file") as caught:
        checks.private_authority()
    assert "TMPDIR" in caught.value.remedy


def test_a_key_that_a_scanner_takes_away_is_a_failure_that_names_it(monkeypatch, tmp_path):
    taken = tmp_path / "taken"
    monkeypatch.setattr(tempfile, "mkstemp", lambda: (os.open(os.devnull, os.O_WRONLY), str(taken)))
    with pytest.raises(Failed, match="no temporary file can be used: No such file") as caught:
        checks.private_authority()
    assert "scanner" in caught.value.remedy


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a disk that is always full is of Linux")
def test_a_full_disk_is_a_failure_that_names_it(monkeypatch, tmp_path):
    there = tmp_path / "there"
    there.touch()
    monkeypatch.setattr(tempfile, "mkstemp", lambda: (os.open("/dev/full", os.O_WRONLY), str(there)))
    with pytest.raises(Failed, match="No space left") as caught:
        checks.private_authority()
    assert "TMPDIR" in caught.value.remedy
    assert not there.exists()


def test_compression_and_masking():
    assert checks.compression() == "68000 bytes became 239 and came back"


def test_compression_that_changes_what_it_packs_is_a_failure(monkeypatch):
    from websockets.extensions.permessage_deflate import PerMessageDeflate

    real = PerMessageDeflate.decode
    monkeypatch.setattr(
        PerMessageDeflate,
        "decode",
        lambda self, frame, **k: type(frame)(frame.opcode, real(self, frame, **k).data[:-1]),
    )
    with pytest.raises(Failed, match="unpacked"):
        checks.compression()


def test_a_call_finds_its_method():
    assert checks.calls() == "a line is read, and its method is called"


def test_a_call_that_comes_to_another_method_is_a_failure(monkeypatch):
    monkeypatch.setattr(dispatch.Dispatcher, "dispatch", lambda *_: 41)
    with pytest.raises(Failed, match="wrong method"):
        checks.calls()


def test_a_session_with_the_simulator():
    assert checks.session().startswith("opened, answered and closed in ")


def test_a_session_that_cannot_be_opened_is_a_failure_with_its_reason(monkeypatch):
    from sidecar.simulator import Script

    monkeypatch.setattr(
        "sidecar.simulator.Script",
        lambda **_: Script.parse(b'{"faults":[{"do":"refuse","status":403,"times":9}]}', "x"),
    )
    with pytest.raises(Failed) as caught:
        checks.session()
    assert "403" in caught.value.text
    assert "firewall" in caught.value.remedy


def test_a_check_that_hangs_ends(monkeypatch):
    import asyncio

    async def hang():
        return await asyncio.Future()

    monkeypatch.setattr(checks, "TIMEOUT_S", 0)
    with pytest.raises(TimeoutError):
        checks._run(hang())
