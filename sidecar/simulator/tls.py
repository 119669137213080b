"""TLS for the simulator: its own certificate authority, and the certificates that clients must refuse."""

import shutil
import ssl
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal, get_args

CertificateKind = Literal["trusted", "expired", "wrongHost", "selfSigned"]
CERTIFICATE_KINDS: tuple[CertificateKind, ...] = get_args(CertificateKind)

_WRONG_HOST = "wrong.host.invalid"
_LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")
_MAX_VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
TLS_VERSIONS = tuple(_MAX_VERSIONS)


class TlsUnavailable(Exception):
    """TLS was asked for, and what makes the certificates is not installed."""


@dataclass(frozen=True)
class Tls:
    context: ssl.SSLContext
    ca_path: Path
    """The authority's certificate as PEM: what clients are to trust. Gone after `remove`."""

    def remove(self) -> None:
        shutil.rmtree(self.ca_path.parent, ignore_errors=True)


def make_tls(kind: CertificateKind, host: str, *, max_version: str | None = None) -> Tls:
    """A new authority and a server certificate of it for `host` and this machine's own names.

    `expired` ended yesterday, `wrongHost` names somebody else, `selfSigned` is signed by nobody else.
    `max_version` is "1.2" or "1.3". Raises TlsUnavailable, or ValueError for another kind or version.
    """
    if kind not in CERTIFICATE_KINDS:
        raise ValueError(f"{kind!r} is no kind of certificate; there are {', '.join(CERTIFICATE_KINDS)}")
    if max_version is not None and max_version not in _MAX_VERSIONS:
        raise ValueError(f"TLS {max_version!r} is not offered; there are {', '.join(_MAX_VERSIONS)}")
    try:
        import trustme
    except ImportError:
        raise TlsUnavailable(
            "TLS needs the library trustme, which is not installed. "
            "Install it: pip install trustme (it is in the extra live-sidecar[simulator]). "
            "A standalone program is without it: run the simulator from a checkout."
        ) from None
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if max_version is not None:
        context.maximum_version = _MAX_VERSIONS[max_version]
    folder = Path(tempfile.mkdtemp(prefix="live-sidecar-simulator-"))
    try:
        if kind == "selfSigned":
            # An authority's certificate is one that signed itself; clients are told of another authority.
            stranger = trustme.CA()
            own = folder / "own.pem"
            own.write_bytes(stranger.private_key_pem.bytes() + stranger.cert_pem.bytes())
            context.load_cert_chain(own)
            own.unlink()
        else:
            names = (_WRONG_HOST,) if kind == "wrongHost" else tuple(dict.fromkeys((host, *_LOCAL_NAMES)))
            now = datetime.now(UTC)
            ended = now - timedelta(days=1) if kind == "expired" else None
            begun = now - timedelta(days=2) if kind == "expired" else None
            authority.issue_cert(*names, not_before=begun, not_after=ended).configure_cert(context)
        path = folder / "ca.pem"
        authority.cert_pem.write_to_path(path)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return Tls(context, path)
