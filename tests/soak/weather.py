"""What is wrong at the moment, between the client and the service or with the service: a few knobs, each set
for a time. Nobody has to turn them back."""

from typing import Any, Literal

from tests.soak.loop import VirtualLoop

Knob = Literal["dns", "tcp", "http", "upgrade", "setup", "pongs", "mute"]
"""
dns: "fails" or "hangs"; tcp: "refused" or "hangs"; http: (status, Retry-After in seconds or None);
upgrade: "hangs"; setup: "hangs", or (close code, reason); pongs: (least, most) seconds late; mute: True.
"""


class Weather:
    """Attributes: `bad_until`: when the last trouble that was told of is over, on the world's clock."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop
        self._knobs: dict[str, tuple[Any, float]] = {}
        self.bad_until = 0.0

    def set(self, knob: Knob, value: Any, for_s: float) -> None:
        self._knobs[knob] = (value, self._loop.world_s() + for_s)
        self.trouble(for_s)

    def now(self, knob: Knob) -> Any:
        """Its value, None while nothing is wrong there."""
        value, until = self._knobs.get(knob, (None, 0.0))
        return value if self._loop.world_s() < until else None

    def trouble(self, for_s: float) -> None:
        """Something goes wrong for so long, from now on."""
        self.bad_until = max(self.bad_until, self._loop.world_s() + for_s)

    def heal(self) -> None:
        self._knobs.clear()
        self.bad_until = min(self.bad_until, self._loop.world_s())

    def calm_for_s(self) -> float:
        return self._loop.world_s() - self.bad_until
