"""What an ephemeral token fixes of a setup (LP 1.3). Locked fields of the client's are ignored. Pure."""

from dataclasses import dataclass
from typing import Any, Self

from .fields import Fields
from .refusals import Refused
from .schema import camel

_Path = tuple[str, ...]


@dataclass(frozen=True)
class Lock:
    setup: dict[str, Any]
    paths: frozenset[_Path] | None
    """Fields by one name or two, as ("generationConfig", "temperature"). None: everything."""

    @classmethod
    def read(cls, setup: dict[str, Any] | None, mask: str, fields: Fields) -> Self | None:
        """What the token's setup and fieldMask say together; None when nothing is locked.

        With a setup alone everything is locked; a mask locks what it names, and what the setup has.
        Raises Refused for a mask that names no field.
        """
        named = [tuple(map(camel, path.strip().split("."))) for path in mask.split(",") if path.strip()]
        for path in named:
            inside = fields.get(path[0])
            if inside is None or (len(path) > 1 and isinstance(inside, dict) and path[1] not in inside):
                raise Refused(1007, f"Invalid value at 'authToken.fieldMask': no field {'.'.join(path)}.")
        if setup is None and not named:
            return None
        if not named:
            return cls(setup or {}, None)
        return cls(setup or {}, frozenset(path[:2] for path in named) | _present(setup or {}))

    def apply(self, asked: dict[str, Any]) -> dict[str, Any]:
        """The setup that holds. The handle of a resume is always the client's: it could not resume else."""
        if self.paths is None:
            held = dict(self.setup)
        else:
            held = dict(asked)
            for path in sorted(self.paths):
                _fix(held, self.setup, path)
        handle = asked.get("sessionResumption", {}).get("handle")
        if handle:
            held["sessionResumption"] = held.get("sessionResumption", {}) | {"handle": handle}
        return held


def _present(setup: dict[str, Any]) -> frozenset[_Path]:
    paths: set[_Path] = set()
    for name, value in setup.items():
        paths |= {(name, inner) for inner in value} if isinstance(value, dict) and value else {(name,)}
    return frozenset(paths)


def _fix(held: dict[str, Any], setup: dict[str, Any], path: _Path) -> None:
    """The field has the token's value, or none when the token has none."""
    name = path[0]
    if len(path) == 1:
        if name in setup:
            held[name] = setup[name]
        else:
            held.pop(name, None)
        return
    inner = dict(held.get(name, {}))
    if path[1] in setup.get(name, {}):
        inner[path[1]] = setup[name][path[1]]
    else:
        inner.pop(path[1], None)
    if inner or name in held:
        held[name] = inner
