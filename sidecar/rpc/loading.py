"""What every call but `initialize` needs, imported after that one was answered.

All of it: a frozen program reads its modules from its own file, which an update may replace or remove while
the process serves. So nothing that serving can need is left for later (tests/unit/rpc/test_loading.py looks
for it).
"""

# ruff: noqa: F401
import logging
import sys
import threading
from collections.abc import Callable

from sidecar.rpc.dispatch import library

ANSWER_WRITTEN_S = 1.0
"""So long the imports wait until the answer is written, which they would delay."""

log = logging.getLogger(__name__)


def import_the_rest() -> None:
    """Sessions with all that is below them, and jsonrpcserver. Idempotent."""
    import sidecar.rpc.sessions

    library()
    _import_what_is_rare()


def _import_what_is_rare() -> None:
    """What ours, the standard library and python-socks would import at their first use."""
    import _strptime  # type: ignore[import-not-found]
    import encodings.ascii
    import encodings.idna
    import encodings.punycode
    import urllib.request

    import python_socks.async_.asyncio

    import sidecar.live.system_proxy
    import sidecar.live.system_store
    import sidecar.rpc.openrpc
    import sidecar.rpc.problems
    import sidecar.rpc.stats

    if sys.platform == "win32":
        import winreg

        sidecar.live.system_store.load()
    elif sys.platform == "darwin":
        import _scproxy  # type: ignore[import-not-found]

        sidecar.live.system_store.load()


def start(written: Callable[[float], object], damaged: Callable[[], None]) -> None:
    """Import it in a thread, so that the loop stays free. A call that comes earlier waits for it.

    Args:
        written: waits a number of seconds until the answer is written.
        damaged: called when a file of the program is missing or damaged.
    """

    def run() -> None:
        written(ANSWER_WRITTEN_S)
        try:
            import_the_rest()
        except BaseException:  # damage shows as anything: zlib.error, EOFError, PyInstaller's SystemExit
            log.exception("a file of the program is missing or damaged: install live-sidecar again")
            damaged()
        else:
            log.debug("all of the program is loaded")

    threading.Thread(target=run, name="load", daemon=True).start()
