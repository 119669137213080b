"""How an attempt ends that came to nothing."""

from sidecar.lifecycle.faults import Cause


class DialFailed(Exception):
    """An attempt failed before the upgrade request went out; `cause` says where and why."""

    def __init__(self, cause: Cause) -> None:
        super().__init__(f"{cause.layer.value}: {cause.text or cause.code}")
        self.cause = cause
