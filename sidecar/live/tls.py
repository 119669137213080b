"""TLS of a line: whom it trusts, and the contexts made from that; many sessions share one.

The system decides whom to trust. On Windows and macOS its store can only be asked, which `truststore` does.
Elsewhere the store is a file or folder that OpenSSL reads (SSL_CERT_FILE and SSL_CERT_DIR name others);
there `truststore` would read all of it again for every connection, 20 ms in which no session moves.
"""

import os
import re
import ssl
import sys
from functools import lru_cache
from pathlib import Path
from typing import Literal

from msgspec import Struct

from sidecar.live.endpoints import Endpoint, InvalidConfig, is_host, is_loopback
from sidecar.live.files import check_size, read_file, regular_file

MAX_CA_BYTES = 4 * 1024 * 1024
"""Of a file or text of certificates; a whole system's store has a few hundred KiB."""
CONTEXTS_KEPT = 16
BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu, Arch
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  # Fedora, RHEL
    "/etc/ssl/ca-bundle.pem",  # SUSE
    "/etc/ssl/cert.pem",  # Alpine, the BSDs
)
"""Where systems keep their store, for an OpenSSL that was built for another one."""

_VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
_PEM = re.compile(rb"-----BEGIN ((?:X509 )?CERTIFICATE)-----.*?-----END \1-----", re.DOTALL)
_PEM_BEGIN = re.compile(rb"-----BEGIN ([A-Z0-9 ]{1,40})-----")

_Stamp = tuple[int, ...]


class Tls(Struct, frozen=True, kw_only=True):
    """How the service proves who it is. The default: by the system's trust store, with TLS 1.2 or newer.

    Attributes:
        ca_file: a PEM file of certificates that are trusted beside the system's, as Node's
            NODE_EXTRA_CA_CERTS does it. It is read again when it has changed.
        ca_pem: the same as text.
        min_version: an older version of TLS is refused.
        server_name: what is sent as SNI and must stand in the certificate; the endpoint's host if empty.
        verify: False takes any certificate; possible for this machine only.
    """

    ca_file: str = ""
    ca_pem: str = ""
    min_version: Literal["1.2", "1.3"] = "1.2"
    server_name: str = ""
    verify: bool = True

    def __repr__(self) -> str:
        return (
            f"Tls(min_version={self.min_version!r}, server_name={self.server_name!r}, verify={self.verify})"
        )

    def check(self, endpoint: Endpoint) -> None:
        """Whether this can be used for the endpoint.

        Raises:
            InvalidConfig: it cannot; the text says which field, what is wrong, and where.
        """
        if not self.verify and not is_loopback(endpoint.host):
            raise InvalidConfig(
                f"tls.verify may be false for this machine only, not for {endpoint.host}: anybody on the way "
                "could take the service's place. For a private CA give tls.caFile or tls.caPem."
            )
        if self.server_name and not is_host(self.server_name):
            raise InvalidConfig(
                'tls.serverName must be a host name such as "example.com", or an IP address; of a name with '
                "other letters than these, its xn-- form"
            )
        if endpoint.secure:
            self.context()

    def context(self) -> ssl.SSLContext:
        """The context for a connection. Made once, and again when a file behind it has changed.

        Raises:
            InvalidConfig: a CA file or text cannot be used.
        """
        own = _file_stamp(self.ca_file) if self.ca_file else ()
        system = _store_stamp() if self.verify else ()
        return _context(self.ca_file, self.ca_pem, self.min_version, self.verify, own, system)


@lru_cache(maxsize=CONTEXTS_KEPT)
def _context(
    ca_file: str, ca_pem: str, min_version: str, verify: bool, _own: _Stamp, _system: _Stamp
) -> ssl.SSLContext:
    """The stamps are part of what it is known by."""
    context = _system_context(sys.platform) if verify else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = _VERSIONS[min_version]
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    if ca_file:
        _add(context, read_file(ca_file, _where(ca_file), MAX_CA_BYTES), _where(ca_file))
    if ca_pem:
        pem = ca_pem.encode("utf-8", "replace")
        check_size(pem, "tls.caPem", MAX_CA_BYTES)
        _add(context, pem, "tls.caPem")
    return context


def _system_context(platform: str) -> ssl.SSLContext:
    if platform in ("win32", "darwin"):
        from sidecar.live import system_store

        return system_store.context()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    found = ssl.get_default_verify_paths()
    known = found.cafile or (found.capath and any(Path(found.capath).glob("????????.[0-9]")))
    bundle = None if known else next((path for path in BUNDLES if Path(path).is_file()), None)
    if bundle is None:
        context.set_default_verify_paths()
    else:
        context.load_verify_locations(cafile=bundle)
    return context


def _store_stamp() -> _Stamp:
    """Changes with the store that OpenSSL reads. It tells only of places that are there."""
    found = ssl.get_default_verify_paths()
    return tuple(
        number for path in (found.cafile, found.capath) if path for number in _stamp(Path(path).stat())
    )


def _file_stamp(path: str) -> _Stamp:
    """
    Raises:
        InvalidConfig: there is no such file, or it is none that ends.
    """
    return _stamp(regular_file(path, _where(path)))


def _stamp(found: os.stat_result) -> _Stamp:
    return found.st_mtime_ns, found.st_size, found.st_ino


def _where(path: str) -> str:
    return f'tls.caFile "{Path(path).absolute()}"'


def _add(context: ssl.SSLContext, pem: bytes, where: str) -> None:
    """Trust these certificates too.

    Raises:
        InvalidConfig: there is none, or one of them is broken.
    """
    blocks = [match.group().decode("latin-1") for match in _PEM.finditer(pem)]
    if not blocks:
        other = _PEM_BEGIN.search(pem)
        holds = f"; it holds a {other.group(1).decode()}" if other else ""
        raise InvalidConfig(
            f'{where} has no certificate in PEM form ("-----BEGIN CERTIFICATE-----" to its end){holds}'
        )
    for number, block in enumerate(blocks, 1):
        try:
            context.load_verify_locations(cadata=block)
        except (ssl.SSLError, ValueError):
            raise InvalidConfig(f"{where}: certificate {number} of {len(blocks)} is broken") from None
