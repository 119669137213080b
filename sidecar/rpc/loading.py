"""What every call but `initialize` needs, imported after that one was answered."""

import logging
import threading
from collections.abc import Callable

from sidecar.rpc.dispatch import library

ANSWER_WRITTEN_S = 1.0
"""So long the imports wait until the answer is written, which they would delay."""

log = logging.getLogger(__name__)


def import_the_rest() -> None:
    """Sessions with all that is below them, and jsonrpcserver. Idempotent."""
    import sidecar.rpc.sessions  # noqa: F401

    library()


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
        except ImportError:
            log.exception("a file of the program is missing or damaged: install live-sidecar again")
            damaged()

    threading.Thread(target=run, name="load", daemon=True).start()
