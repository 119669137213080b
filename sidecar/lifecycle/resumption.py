"""The handle: which one, whether it may be used, and what a resumed setup must look like (LP 4.4)."""

from typing import Any


class Resumption:
    """Keeps the newest resumable handle. The handle is a secret: no repr shows it.

    Attributes:
        spent: a session was had; a handle that the host put into its own setup named an older one.
    """

    __slots__ = ("_handle", "enabled", "resumable", "spent")

    def __init__(self, *, enabled: bool, handle: str | None = None) -> None:
        self.enabled = enabled
        self._handle = handle
        self.resumable = handle is not None
        self.spent = False

    def __repr__(self) -> str:
        return f"Resumption(enabled={self.enabled}, has_handle={self.has_handle})"

    @property
    def has_handle(self) -> bool:
        return self.enabled and self._handle is not None

    @property
    def handle(self) -> str | None:
        return self._handle if self.enabled else None

    def update(self, handle: str, *, resumable: bool) -> None:
        """A sessionResumptionUpdate. Not resumable at the moment: the last good handle stays (LP 3)."""
        self.resumable = resumable
        if resumable and handle:
            self._handle = handle

    def drop(self) -> None:
        """The service does not know the handle any more."""
        self._handle = None
        self.resumable = False

    def setup(self, setup: dict[str, Any], *, fresh: bool) -> tuple[dict[str, Any], bool]:
        """The setup for the next line, and whether it resumes. The caller's dict is not changed.

        Only the very first line may ask to wait for initial history: a resume would wait for ever (LP 2.2),
        and what the host gave once it does not know to give again.
        """
        resuming = self.has_handle and not fresh
        if not self.enabled:
            return (_without_history(without_handle(setup)) if self.spent else setup), False
        result = _without_history(setup) if resuming or self.spent else dict(setup)
        options = {k: v for k, v in _options(setup).items() if k != "handle"}
        if resuming:
            options["handle"] = self._handle
        result.pop("session_resumption", None)
        result["sessionResumption"] = options
        return result, resuming


def handle_in(setup: dict[str, Any]) -> str | None:
    """The handle that the host put into its own setup, if any."""
    handle = _options(setup).get("handle")
    return handle if isinstance(handle, str) and handle else None


def asks_transparent(setup: dict[str, Any]) -> bool:
    """Whether the setup asks for transparent resumption."""
    return _options(setup).get("transparent") is True


def without_handle(setup: dict[str, Any]) -> dict[str, Any]:
    """The setup as it may be shown: the handle left out."""
    if not any(key in setup for key in ("sessionResumption", "session_resumption")):
        return setup
    options = {k: v for k, v in _options(setup).items() if k != "handle"}
    rest = {k: v for k, v in setup.items() if k not in ("sessionResumption", "session_resumption")}
    return {**rest, "sessionResumption": options}


def _options(setup: dict[str, Any]) -> dict[str, Any]:
    options = setup.get("sessionResumption", setup.get("session_resumption"))
    return options if isinstance(options, dict) else {}


def _without_history(setup: dict[str, Any]) -> dict[str, Any]:
    """A copy that does not ask to wait for initial history."""
    result = dict(setup)
    for key in ("historyConfig", "history_config"):
        history = result.get(key)
        if isinstance(history, dict):
            result[key] = {
                k: v
                for k, v in history.items()
                if k not in ("initialHistoryInClientContent", "initial_history_in_client_content")
            }
    return result
