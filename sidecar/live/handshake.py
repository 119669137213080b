"""What TLS agreed on, or why it failed: from what Python tells to what the rest of the sidecar speaks of.

Which check of a certificate failed is told by a number: OpenSSL's own, or that of Windows or macOS where
their store judges (`live/tls.py`). The system's text goes along.
"""

import ssl
from datetime import UTC, datetime
from typing import NamedTuple

from sidecar.lifecycle.faults import Cause, Layer
from sidecar.observe.redact import redact

CHECKS: dict[int, str] = {
    # OpenSSL, <openssl/x509_vfy.h>
    2: "untrusted",  # X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT
    9: "notYetValid",  # X509_V_ERR_CERT_NOT_YET_VALID
    10: "expired",  # X509_V_ERR_CERT_HAS_EXPIRED
    18: "selfSigned",  # X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT
    19: "untrusted",  # X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN: a root that is not in the store
    20: "untrusted",  # X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY
    21: "untrusted",  # X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE
    27: "untrusted",  # X509_V_ERR_CERT_UNTRUSTED
    62: "hostMismatch",  # X509_V_ERR_HOSTNAME_MISMATCH
    64: "hostMismatch",  # X509_V_ERR_IP_ADDRESS_MISMATCH
    # Windows, <winerror.h>
    0x800B0101: "expired",  # CERT_E_EXPIRED: also one that is not valid yet
    0x800B0109: "untrusted",  # CERT_E_UNTRUSTEDROOT
    0x800B010A: "untrusted",  # CERT_E_CHAINING
    0x800B010F: "hostMismatch",  # CERT_E_CN_NO_MATCH
    # macOS, <Security/SecBase.h>
    -67602: "hostMismatch",  # errSecHostNameMismatch
    -67818: "expired",  # errSecCertificateExpired
    -67819: "notYetValid",  # errSecCertificateNotValidYet
    -67843: "untrusted",  # errSecNotTrusted
}
"""Code of the cause, by the number of the check that failed."""

REASONS: dict[str, str] = {
    "HTTP_REQUEST": "notTls",
    "PACKET_LENGTH_TOO_LONG": "notTls",
    "RECORD_LAYER_FAILURE": "notTls",
    "UNEXPECTED_EOF_WHILE_READING": "dropped",
    "UNKNOWN_PROTOCOL": "notTls",
    "WRONG_VERSION_NUMBER": "notTls",
    "NO_PROTOCOLS_AVAILABLE": "version",
    "TLSV1_ALERT_PROTOCOL_VERSION": "version",
    "UNSUPPORTED_PROTOCOL": "version",
    "VERSION_TOO_LOW": "version",
    "WRONG_SSL_VERSION": "version",
}
"""Code of the cause, by OpenSSL's reason."""

WORDS: dict[str, str] = {
    "expired": "the certificate has expired",
    "notYetValid": "the certificate is not valid yet",
    "hostMismatch": "the certificate is for another name",
    "selfSigned": "the certificate was signed by nobody but itself",
    "untrusted": "the certificate was issued by someone whom this system does not trust",
    "certificate": "the certificate did not pass",
    "version": "there is no version of TLS that both sides take",
    "notTls": "what answers there does not speak TLS",
    "dropped": "the other side hung up in the middle of the TLS handshake",
}


def tls_failed(exc: Exception, name: str) -> Cause:
    """The cause behind a failed TLS handshake with `name`; of a certificate, which check failed."""
    if isinstance(exc, ssl.SSLCertVerificationError):
        code = CHECKS.get(getattr(exc, "verify_code", 0), "certificate")
        detail = getattr(exc, "verify_message", "") or str(exc)
    elif isinstance(exc, ssl.SSLError):
        code = REASONS.get(exc.reason or "", "error")
        detail = exc.reason or type(exc).__name__
    else:
        code = "dropped" if isinstance(exc, ConnectionError) else "error"
        detail = getattr(exc, "strerror", None) or str(exc) or type(exc).__name__
    words = WORDS.get(code, "the handshake failed")
    return Cause(Layer.TLS, code, redact(f"{name}: {words} ({detail})"))


class Negotiated(NamedTuple):
    """What both sides agreed on.

    Attributes:
        version: such as "TLSv1.3".
        cipher: OpenSSL's name of the cipher suite.
        server_name: the name that was asked for.
        verified: the certificate was checked.
        certificate_expires_at: Unix time in seconds; None when it cannot be read.
    """

    version: str
    cipher: str
    server_name: str
    verified: bool
    certificate_expires_at: float | None


def negotiated(tls: ssl.SSLObject) -> Negotiated:
    """Of a connection whose handshake is done."""
    cipher = tls.cipher()
    certificate = tls.getpeercert(binary_form=True)
    return Negotiated(
        version=tls.version() or "",
        cipher=cipher[0] if cipher else "",
        server_name=str(tls.server_hostname or ""),
        verified=tls.context.verify_mode is ssl.CERT_REQUIRED,
        certificate_expires_at=expires_at(certificate) if certificate else None,
    )


def expires_at(certificate: bytes) -> float | None:
    """The end of a DER certificate's validity (RFC 5280 section 4.1), Unix time in seconds.

    `ssl` tells it only of certificates that OpenSSL itself has verified, which Windows and macOS do instead.
    """
    try:
        tbs = _members(_members(certificate)[0][1])[0][1]
        fields = _members(tbs)
        validity = fields[4 if fields[0][0] == _VERSION else 3][1]
        tag, text = _members(validity)[1]
        form = "%y%m%d%H%M%SZ" if tag == _UTC_TIME else "%Y%m%d%H%M%SZ"
        return datetime.strptime(text.decode("ascii"), form).replace(tzinfo=UTC).timestamp()
    except (IndexError, ValueError):
        return None


_VERSION = 0xA0
_UTC_TIME = 0x17


def _members(data: bytes) -> list[tuple[int, bytes]]:
    """Tag and content of each of the DER elements in `data`."""
    members, at = [], 0
    while at < len(data):
        tag, length, at = data[at], data[at + 1], at + 2
        if length & 0x80:
            size = length & 0x7F
            length, at = int.from_bytes(data[at : at + size], "big"), at + size
        if at + length > len(data):
            raise ValueError("an element is longer than what it stands in")
        members.append((tag, data[at : at + length]))
        at += length
    return members
