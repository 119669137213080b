"""What awaits the next attempts to connect. Pure."""

from collections.abc import Callable

from .faults import CountedFault, Hang, Refuse, RefuseSetup


class Gate:
    """The armed faults, first come, first served: each for so many attempts, or for so long."""

    def __init__(self) -> None:
        self._armed: list[tuple[CountedFault, float, int]] = []  # fault, armed at, how many are left

    def arm(self, fault: CountedFault, now_s: float) -> None:
        self._armed.append((fault, now_s, fault.times))

    def upgrade(self, now_s: float) -> Refuse | Hang | None:
        """What happens to the upgrade asking now. Counts it."""
        fault = self._take(
            now_s, lambda f: isinstance(f, Refuse) or (isinstance(f, Hang) and f.at == "upgrade")
        )
        return fault if isinstance(fault, Refuse | Hang) else None

    def setup(self, now_s: float, *, resuming: bool) -> RefuseSetup | Hang | None:
        """What happens to the setup asking now. Counts it."""

        def fits(fault: CountedFault) -> bool:
            if isinstance(fault, RefuseSetup):
                return resuming or not fault.resumes_only
            return isinstance(fault, Hang) and fault.at == "setup"

        fault = self._take(now_s, fits)
        return fault if isinstance(fault, RefuseSetup | Hang) else None

    def _take(self, now_s: float, fits: Callable[[CountedFault], bool]) -> CountedFault | None:
        self._armed = [
            (fault, armed_at_s, left)
            for fault, armed_at_s, left in self._armed
            if fault.for_ms is None or now_s < armed_at_s + fault.for_ms / 1000
        ]
        for i, (fault, armed_at_s, left) in enumerate(self._armed):
            if fits(fault):
                if fault.for_ms is None:
                    self._armed[i : i + 1] = [(fault, armed_at_s, left - 1)] if left > 1 else []
                return fault
        return None
