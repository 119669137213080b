"""The state table, the reasons and the settings -> `docs/lifecycle.md`.

The prose stands in `lifecycle.template.md`. There `{{name}}` is a number from the code: a setting's default
such as `{{heartbeat.deadAfterMs}}`, or one of `CONSTANTS`. `[[name]]` alone on a line is one of `PARTS`.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
from tables import span, table

from sidecar.lifecycle import health
from sidecar.lifecycle.reasons import REASONS
from sidecar.lifecycle.settings import STRICT, Settings
from sidecar.lifecycle.states import TRANSITIONS, State, describe
from sidecar.live.dial import DIALS_PER_HOST
from sidecar.rpc import settings

TEMPLATE = Path(__file__).with_name("lifecycle.template.md")

CONSTANTS: Final[dict[str, str]] = {
    "health.fast": span(health.FAST_S * 1000),
    "health.slow": span(health.SLOW_S * 1000),
    "health.cutMemory": span(health.CUT_MEMORY_S * 1000),
    "health.cutsCounted": str(health.CUTS_COUNTED),
    "health.unstableCuts": str(health.UNSTABLE_CUTS),
    "dialsPerHost": str(DIALS_PER_HOST),
}


def write(template: str | None = None) -> str:
    """The whole page."""
    text = TEMPLATE.read_bytes().decode() if template is None else template
    text = text.replace("\r\n", "\n")
    text = re.sub(r"^\[\[(\w+)\]\]$", lambda found: "\n".join(PARTS[found[1]]()).rstrip(), text, flags=re.M)
    return re.sub(r"\{\{([\w.]+)\}\}", lambda found: number(found[1]), text)


def number(name: str) -> str:
    """A default or a constant, for people. `strict.` asks for what that preset sets.

    Raises:
        KeyError: there is none of this name.
    """
    if name in CONSTANTS:
        return CONSTANTS[name]
    section, _, field = name.partition(".")
    own = Settings(heartbeat=STRICT) if section == "strict" else Settings()
    value = msgspec.to_builtins(settings.effective(own))["heartbeat" if section == "strict" else section][
        field
    ]
    return span(value) if field.endswith("Ms") else _plain(value)


def _plain(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _diagram() -> Iterator[str]:
    """The states alone: a change of phase within one is in the table."""
    edges: dict[tuple[State, State], list[str]] = {}
    for (before, _), row in TRANSITIONS.items():
        for event, (after, _) in row.items():
            events = edges.setdefault((before, after), [])
            if before is not after and event.value not in events:
                events.append(event.value)
    yield "```mermaid"
    yield "stateDiagram-v2"
    yield f"    [*] --> {State.DISCONNECTED}"
    for (before, after), events in edges.items():
        if events:
            yield f"    {before} --> {after}: {', '.join(events)}"
    yield "```"


def _transitions() -> Iterator[str]:
    yield from table(
        ("in", "when this happened", "then"),
        (
            (f"`{describe(before)}`", f"`{event}`", f"`{describe(after)}`")
            for before, row in TRANSITIONS.items()
            for event, after in row.items()
        ),
    )


def _reasons() -> Iterator[str]:
    rows = [(f"`{reason}`", meaning) for reason, meaning in REASONS.items()]
    yield from table(
        ("reason", "what happened"),
        [*rows, ("any other", "The kind of a fault: see [errors.md](errors.md).")],
    )


PARTS: Final[dict[str, Callable[[], Iterator[str]]]] = {
    "diagram": _diagram,
    "transitions": _transitions,
    "reasons": _reasons,
}
