"""Settings between the wire and the lifecycle: milliseconds become seconds and come back.

Both sides have the same sections and the same fields, `interval_ms` here and `interval_s` there, so that one
rule converts them all. `docs/settings.md` is made from both.
"""

from typing import Any

from msgspec import UNSET, Struct, structs

from sidecar.lifecycle import settings as s
from sidecar.rpc import protocol as p
from sidecar.rpc.errors import invalid_fields

WIRE_ONLY = frozenset({"preset", "handle", "previous_close_age_ms"})
"""Fields that are no setting of the lifecycle: a preset stands for others, the rest belongs to one open."""
PRESETS = {"tolerant": s.TOLERANT, "strict": s.STRICT}
PRESET_FIELDS = ("interval_s", "suspect_after_s", "dead_after_s")
"""What a preset sets."""


def settings_of(given: p.SessionSettings, base: s.Settings | None = None) -> s.Settings:
    """`base`, by default the defaults, with what a preset sets, and over it what was given by name.

    Raises:
        RpcError: invalidParams: the settings contradict each other.
    """
    settings, broken = _merged(given, base or s.Settings())
    if broken:
        raise invalid_fields(broken)
    return settings


def patch(running: s.Settings, given: p.SessionSettings) -> s.Settings:
    """The settings of a running session with what was given.

    Raises:
        RpcError: invalidParams: settings that cannot change any more, or that contradict each other.
    """
    settings, broken = _merged(given, running)
    now = effective(running)  # which the host may send back as it is
    fixed = [
        p.FieldProblem(field=f"settings.{name}", problem=f"cannot change while the session runs: {why}")
        for name, why in p.FIXED_SETTINGS.items()
        if _at(given, name) not in (UNSET, _at(now, name))
    ]
    if fixed or broken:
        raise invalid_fields([*fixed, *broken])
    return settings


def effective(settings: s.Settings) -> p.SessionSettings:
    """All settings as they rule, for the host. `outbox.ringMs` is what is really kept; `reconnect.delaysMs`
    stays absent while there are none."""
    sections = {}
    for section in structs.fields(p.SessionSettings):
        mine = getattr(settings, section.name)
        names = [field.name for field in structs.fields(section.type) if field.name not in WIRE_ONLY]
        sections[section.name] = section.type(
            **{n: _to_wire(n, getattr(mine, lifecycle_name(n))) for n in names}
        )
    sections["outbox"].ring_ms = _milliseconds(settings.ring_s)
    return p.SessionSettings(**sections)


def lifecycle_name(name: str) -> str:
    """`interval_ms` on the wire is `interval_s` in the lifecycle; other names are the same."""
    return name.removesuffix("_ms") + "_s" if name.endswith("_ms") else name


def _merged(given: p.SessionSettings, base: s.Settings) -> tuple[s.Settings, list[p.FieldProblem]]:
    """The new settings, and the rules they break."""
    sections = {
        name: structs.replace(getattr(base, name), **_changes(getattr(given, name)))
        for name in base.__struct_fields__
    }
    settings = s.Settings(**sections)
    try:
        settings.check()
    except s.InvalidSettings as exc:
        return settings, [_problem(text) for text in exc.problems]
    return settings, []


def _changes(given: Struct) -> dict[str, Any]:
    """What a section of the wire changes, by the lifecycle's names: a preset first, so that a name wins."""
    preset = PRESETS.get(str(getattr(given, "preset", "")))
    changes: dict[str, Any] = (
        {} if preset is None else {name: getattr(preset, name) for name in PRESET_FIELDS}
    )
    for name in given.__struct_fields__:
        value = getattr(given, name)
        if value is not UNSET and name not in WIRE_ONLY:
            changes[lifecycle_name(name)] = _from_wire(name, value)
    return changes


def _from_wire(name: str, value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_from_wire(name, entry) for entry in value)
    return value / 1000 if name.endswith("_ms") else value


def _to_wire(name: str, value: Any) -> Any:
    if isinstance(value, tuple):
        return [_to_wire(name, entry) for entry in value] or UNSET
    return _milliseconds(value) if name.endswith("_ms") else value


def _milliseconds(value_s: float) -> int:
    return round(value_s * 1000)


def _at(settings: p.SessionSettings, wire_name: str) -> Any:
    """`wire_name`: section and field, such as `deadlines.openMs`."""
    value: Any = settings
    for step in wire_name.split("."):
        name = next(f.name for f in structs.fields(type(value)) if f.encode_name == step)
        value = getattr(value, name)
    return value


def _problem(rule: str) -> p.FieldProblem:
    """A broken rule begins with the field that breaks it."""
    field, _, text = rule.partition(" ")
    return p.FieldProblem(field=f"settings.{field}", problem=text)
