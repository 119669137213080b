"""Where the frozen program begins."""

import sys

_READERS = ("pyimod", "zipimport", "importlib")
"""Names begin so of the modules that read others from the program's files."""


def _is_damage(exc: Exception) -> bool:
    """Whether a file of the program cannot be read: that shows as zlib.error, EOFError and more."""
    trace = exc.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    reader = "" if trace is None else str(trace.tb_frame.f_globals.get("__name__"))
    return isinstance(exc, ImportError) or reader.startswith(_READERS)


try:
    from sidecar.__main__ import main

    main()
except Exception as exc:
    if not _is_damage(exc):
        raise
    # Not by `sidecar.whole`, which may be what is damaged.
    sys.exit(
        f"live-sidecar cannot start: one of its files is damaged ({type(exc).__name__}: {exc}). "
        "Install live-sidecar again, and ship its folder whole: see docs/packaging.md, "
        '"A binary that does not start".'
    )
