"""A Gemini Live service to rehearse with: faithful on the wire, and it misbehaves on request.

`async with Simulator(Script()) as sim:` in tests, `live-sidecar simulate` for everybody else. It shares
nothing with the sidecar's own side of the wire: two implementations keep each other honest.
"""

from .script import Script
from .server import Simulator

__all__ = ["Script", "Simulator"]
