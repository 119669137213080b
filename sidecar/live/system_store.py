"""The store of Windows and macOS, which only the system itself can look into: `truststore` asks it."""

import platform
import ssl
import sys


def context() -> ssl.SSLContext:
    """A client's context that leaves the verdict to the system."""
    load()
    import truststore

    return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def load() -> None:
    """Imports `truststore`, which asks `platform.system` meanwhile.

    On Windows Python may run `cmd /c ver` to answer (before 3.12 always does): a process that outlives a
    sidecar that is killed, and that virus scanners look at.
    """
    ask = platform.system
    if sys.platform == "win32":
        platform.system = lambda: "Windows"
    try:
        import truststore  # noqa: F401
    finally:
        platform.system = ask
