"""From what TLS tells to what the sidecar speaks of."""

import ssl
from datetime import UTC, datetime, timedelta

import pytest
import trustme
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from sidecar.lifecycle.faults import Action, Layer, classify
from sidecar.live.handshake import CHECKS, REASONS, WORDS, expires_at, tls_failed


def verification(code: int, message: str) -> ssl.SSLCertVerificationError:
    exc = ssl.SSLCertVerificationError(message)
    exc.verify_code, exc.verify_message = code, message
    return exc


@pytest.mark.parametrize(
    ("code", "message", "kind"),
    [
        # OpenSSL
        (10, "certificate has expired", "certificateExpired"),
        (9, "certificate is not yet valid", "certificateNotYetValid"),
        (62, "Hostname mismatch, certificate is not valid for 'x'.", "certificateHostMismatch"),
        (64, "IP address mismatch, certificate is not valid for '::1'.", "certificateHostMismatch"),
        (18, "self-signed certificate", "certificateSelfSigned"),
        (19, "self-signed certificate in certificate chain", "certificateUntrusted"),
        (20, "unable to get local issuer certificate", "certificateUntrusted"),
        (26, "unsuitable certificate purpose", "certificateInvalid"),
        # Windows: as truststore tells it
        (0x800B0101, "A required certificate is not within its validity period.", "certificateExpired"),
        (0x800B0109, "A certificate chain processed, but terminated in a root.", "certificateUntrusted"),
        (0x800B010F, "The certificate's CN name does not match the passed value.", "certificateHostMismatch"),
        (0x800B010C, "A certificate was explicitly revoked by its issuer.", "certificateInvalid"),
        # macOS: as truststore tells it
        (-67818, "“x” certificate is expired", "certificateExpired"),
        (-67843, "“x” certificate is not trusted", "certificateUntrusted"),
        (-67602, "“x” certificate name does not match input", "certificateHostMismatch"),
    ],
)
def test_each_check_of_a_certificate_has_its_kind_and_is_permanent(
    code: int, message: str, kind: str
) -> None:
    fault = classify(tls_failed(verification(code, message), "service.test"))
    assert (fault.kind, fault.action, fault.reached) == (kind, Action.STOP, False)
    assert "service.test" in fault.message
    assert message in fault.message
    assert "session/reconnect" in fault.remediation


def test_an_error_without_its_attributes_does_too() -> None:
    fault = classify(tls_failed(ssl.SSLCertVerificationError("Peer sent no certificates to verify"), "x"))
    assert fault.kind == "certificateInvalid"
    assert "Peer sent no certificates" in fault.message


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("TLSV1_ALERT_PROTOCOL_VERSION", "tlsVersionUnsupported"),
        ("UNSUPPORTED_PROTOCOL", "tlsVersionUnsupported"),
        ("WRONG_VERSION_NUMBER", "tlsNotSpoken"),
        ("HTTP_REQUEST", "tlsNotSpoken"),
        ("SSLV3_ALERT_HANDSHAKE_FAILURE", "tlsError"),
    ],
)
def test_other_failures_are_told_by_their_reason(reason: str, kind: str) -> None:
    exc = ssl.SSLError(1, "text")
    exc.reason = reason
    assert classify(tls_failed(exc, "service.test")).kind == kind


def eof() -> ssl.SSLError:
    exc = ssl.SSLEOFError(8, "EOF occurred in violation of protocol")
    exc.reason = "UNEXPECTED_EOF_WHILE_READING"
    return exc


@pytest.mark.parametrize(
    "failed", [ConnectionResetError(104, "Connection reset by peer"), ConnectionResetError(), eof()]
)
def test_a_connection_that_ends_is_a_tls_error_that_says_so(failed: OSError) -> None:
    cause = tls_failed(failed, "service.test")
    fault = classify(cause)
    assert (cause.layer, cause.code) == (Layer.TLS, "dropped")
    assert (fault.kind, fault.action) == ("tlsError", Action.RETRY)
    assert "the other side hung up in the middle of the TLS handshake" in fault.message
    for advice in ("endpoint.baseUrl", "speaks no TLS", "`tls.minVersion`", "firewall"):
        assert advice in fault.remediation


@pytest.mark.parametrize("failed", [verification(26, "of AIzaSyCanary"), OSError(1, "of AIzaSyCanary")])
def test_what_looks_like_a_key_is_not_told(failed: Exception) -> None:
    """The system's words hold what stands in the certificate, which is the other side's."""
    text = tls_failed(failed, "service.test").text
    assert "Canary" not in text
    assert "service.test" in text


def test_every_code_has_words_and_a_row_of_its_own() -> None:
    codes = {*CHECKS.values(), *REASONS.values(), "certificate"}
    assert codes == set(WORDS)
    kinds = {classify(tls_failed(verification(number, "x"), "x")).kind for number in CHECKS}
    assert len(kinds) == len(set(CHECKS.values()))


@pytest.mark.parametrize("years", [1, 20, 40, 900])
def test_the_end_of_a_certificate_is_read(years: int) -> None:
    """Before 2050 it is a UTCTime, from then on a GeneralizedTime (RFC 5280)."""
    end = datetime.now(UTC).replace(microsecond=0) + timedelta(days=365 * years)
    pem = trustme.CA().issue_cert("x.test", not_after=end).cert_chain_pems[0].bytes()
    der = ssl.PEM_cert_to_DER_cert(pem.decode())
    assert expires_at(der) == end.timestamp()
    assert expires_at(der) == x509.load_der_x509_certificate(der).not_valid_after_utc.timestamp()


DER = ssl.PEM_cert_to_DER_cert(trustme.CA().cert_pem.bytes().decode())


@given(st.binary(max_size=200))
def test_what_is_no_certificate_has_no_end(data: bytes) -> None:
    assert expires_at(data) is None


@given(st.integers(0, len(DER) - 1), st.integers(0, 255), st.integers(0, len(DER)))
def test_a_damaged_certificate_does_no_harm(place: int, value: int, length: int) -> None:
    damaged = bytearray(DER)
    damaged[place] = value
    assert isinstance(expires_at(bytes(damaged[:length])), float | None)
