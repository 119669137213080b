"""Makes the certificate of `--self-check` anew: python build/self_check_certificate.py

One authority, one certificate of it for `localhost`, and that one's key. The authority's key is thrown away
here, so nobody can issue another certificate of it. All is written as Python code, and the key without its
PEM lines: a virus scanner that took a file of a private key away would take a part of the program.

The dates are fixed, from 2019-01-01 on: macOS refuses certificates of more than 825 days that were issued
after 2019-07-01, and this one must not end before the program does.
"""

import base64
import textwrap
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

OUTPUT = Path(__file__).parent.parent / "sidecar" / "tools" / "self_check_certificate.py"
BEGIN, END = datetime(2019, 1, 1, tzinfo=UTC), datetime(2119, 1, 1, tzinfo=UTC)
MODULE = '''\
"""What `--self-check` proves TLS with, written by build/self_check_certificate.py.

Nobody trusts the authority but the check, while it talks to itself, so the key proves nothing to anybody.
"""

AUTHORITY = """\\
{authority}"""
CERTIFICATE = """\\
{certificate}"""
"""Of that authority, for `localhost`, in PEM as the first."""
KEY = """\\
{key}"""
"""The certificate's, in PKCS 8: base64 of its DER form."""
'''


def main() -> None:
    authority_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority_name = _name("live-sidecar self-check authority")
    identifier = x509.SubjectKeyIdentifier.from_public_key(authority_key.public_key())
    signs = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
    authority = (
        _certificate(authority_name, authority_name, authority_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(signs, critical=True)
        .add_extension(identifier, critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    certificate = (
        _certificate(_name("localhost"), authority_name, key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False
        )
        .sign(authority_key, hashes.SHA256())
    )
    private = base64.b64encode(key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())).decode()
    module = MODULE.format(
        authority=authority.public_bytes(Encoding.PEM).decode(),
        certificate=certificate.public_bytes(Encoding.PEM).decode(),
        key="\n".join([*textwrap.wrap(private, 64), ""]),
    )
    OUTPUT.write_bytes(module.encode())


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    return x509.CertificateBuilder(issuer, subject, key, x509.random_serial_number(), BEGIN, END)


if __name__ == "__main__":
    main()
