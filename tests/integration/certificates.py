"""Certificates of every kind for 127.0.0.1 and localhost, good and bad, and the contexts of servers with them."""

import ipaddress
import ssl
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

NAMES = ("127.0.0.1", "localhost")
DAY = timedelta(days=1)


class Certificates:
    """One CA, and what it issues."""

    def __init__(self) -> None:
        self.ca = trustme.CA()

    @property
    def pem(self) -> str:
        """The CA's own."""
        return self.ca.cert_pem.bytes().decode()

    def server(self, kind: str = "good", *, newest: ssl.TLSVersion | None = None) -> ssl.SSLContext:
        """A server's context with a certificate that is good, expired, notYetValid, wrongHost, selfSigned or
        otherCa; `newest`: TLS no newer than this."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if newest is not None:
            context.maximum_version = newest
        if kind in ("selfSigned", "notYetValid"):
            _use(context, *self._made(kind))
        else:
            self._issued(kind).configure_cert(context)
        return context

    def _issued(self, kind: str) -> trustme.LeafCert:
        now = datetime.now(UTC)
        if kind == "expired":
            return self.ca.issue_cert(*NAMES, not_before=now - 2 * DAY, not_after=now - DAY)
        if kind == "wrongHost":
            return self.ca.issue_cert("elsewhere.test")
        return (trustme.CA() if kind == "otherCa" else self.ca).issue_cert(*NAMES)

    def _made(self, kind: str) -> tuple[bytes, bytes]:
        """PEM of the certificate and its key; trustme makes none of these."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a test")])
        start = datetime.now(UTC) + (DAY if kind == "notYetValid" else -DAY)
        issuer, signer = name, key
        if kind == "notYetValid":
            issuer = x509.load_pem_x509_certificate(self.ca.cert_pem.bytes()).subject
            signer = serialization.load_pem_private_key(self.ca.private_key_pem.bytes(), None)
        made = (
            x509.CertificateBuilder(issuer, name, key.public_key(), x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(start + 10 * DAY)
            .add_extension(
                x509.SubjectAlternativeName(
                    [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")]
                ),
                critical=False,
            )
            .sign(signer, hashes.SHA256())
        )
        key_pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return made.public_bytes(serialization.Encoding.PEM), key_pem


def _use(context: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "both.pem"
        path.write_bytes(certificate + key)
        context.load_cert_chain(path)
