"""`log` notifications: what the host did wrong where there is no call to answer."""

import time
from typing import Any

import msgspec

from sidecar.rpc import protocol as p
from sidecar.stdio.writer import Line, Writer

NOTES_PER_S = 20
"""A host in a loop must not fill its own stdout."""

_encoder = msgspec.json.Encoder()


class Notes:
    """Call it to tell the host something; beyond `NOTES_PER_S` it is only told how many there were."""

    def __init__(self, instance_id: str, writer: Writer) -> None:
        self._instance_id = instance_id
        self._writer = writer
        self._told = self._withheld = 0
        self._since = 0.0

    def __call__(self, level: p.LogLevel, message: str, data: dict[str, Any]) -> None:
        now = time.monotonic()
        if now - self._since >= 1.0:
            self._since, self._told = now, 0
        self._told += 1
        if self._told > NOTES_PER_S:
            self._withheld += 1
            return
        if self._withheld:
            data = data | {"withheld": self._withheld}
            self._withheld = 0
        body = p.Log(level=level, message=message, instance_id=self._instance_id, data=data)
        # A notification of the process: it has no `seq`.
        line = _encoder.encode({"jsonrpc": "2.0", "method": "log", "params": body})
        self._writer.put("", Line(line))
