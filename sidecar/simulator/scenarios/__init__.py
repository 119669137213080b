"""Scenarios with names, as files beside this one: what most often goes wrong, ready to be rehearsed.

They are scripts like any other; each begins with what happens in it.
"""

from difflib import get_close_matches
from importlib.resources import files

from sidecar.simulator.script import Script, ScriptError

_SUFFIX = ".json"


def names() -> list[str]:
    """All names, in order."""
    found = (file.name for file in files(__package__).iterdir())
    return sorted(name.removesuffix(_SUFFIX) for name in found if name.endswith(_SUFFIX))


def text(name: str) -> str:
    """The script as it stands in its file. Raises ScriptError for a name that is not known."""
    known = names()
    if name not in known:
        near = get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(known)}"
        raise ScriptError(f"no scenario is called {name!r}; {hint}")
    return (files(__package__) / f"{name}{_SUFFIX}").read_text(encoding="utf-8")


def load(name: str) -> Script:
    """The scenario as a script. Raises ScriptError for a name that is not known."""
    return Script.parse(text(name).encode(), f"{name}{_SUFFIX}")
