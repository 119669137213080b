"""The setup, checked before a line is opened for it: a bad one never comes back as 1007 (LP 2.1)."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from sidecar.live.checking import NAMES, NotTaken, Problem, Terms, at, check, first
from sidecar.live.endpoints import InvalidConfig
from sidecar.live.messages.client import Setup
from sidecar.observe.wording import join


class InvalidSetup(NotTaken, InvalidConfig):
    """The service would not take the setup; `problems` has every field that is wrong."""


class _ModelForm(NamedTuple):
    pattern: re.Pattern[str]
    allowed: str


_MODEL_FORMS = {
    "developer": _ModelForm(
        re.compile(r"(?:models|tunedModels)/[^/\s]+"),
        '"models/" or "tunedModels/" and a name, such as "models/gemini-3.8-live"',
    ),
    "vertex": _ModelForm(
        re.compile(
            r"(?:projects/[^/\s]+/locations/[^/\s]+/)?publishers/google/models/[^/\s]+"
            r"|projects/[^/\s]+/locations/[^/\s]+/endpoints/[^/\s]+"
        ),
        '"projects/{project}/locations/{location}/publishers/google/models/{model}", or of a tuned model '
        '".../endpoints/{endpoint}"; with an API key also "publishers/google/models/{model}"',
    ),
}


class _Refusal(NamedTuple):
    """A field that some services refuse. That was seen, or one page says so (LP's marks): so lenient checks
    let it through.

    Attributes:
        values: which of its values; empty for all.
        family, not_version, model: of whom; "" for all. `model` is a pattern for the name behind the slashes.
    """

    field: str
    problem: str
    values: tuple[Any, ...] = ()
    family: str = ""
    not_version: str = ""
    model: str = ""

    def by(self, terms: Terms, model: str) -> bool:
        return (
            self.family in ("", terms.family)
            and self.not_version != terms.api_version
            and (not self.model or re.fullmatch(self.model, model) is not None)
        )


_3_8 = r"gemini-3\.8-live"
_3_1 = r"gemini-3\.1-flash-live.*"
_REFUSALS = (
    # LP 1.1
    _Refusal("proactivity", "takes apiVersion v1alpha", family="developer", not_version="v1alpha"),
    _Refusal("safetySettings", "the Developer API was seen to refuse it", family="developer"),
    # LP 2.1
    _Refusal("generationConfig.responseModalities[]", "not from the Developer API", ("VIDEO",), "developer"),
    _Refusal("generationConfig.thinkingConfig.thinkingLevel", "not with this model", model=_3_8),
    _Refusal(
        "generationConfig.enableAffectiveDialog", "not with this model", (True,), model=f"{_3_8}|{_3_1}"
    ),
    _Refusal("proactivity.proactiveAudio", "this model always is", (False,), model=_3_8),
    _Refusal("proactivity", "not with this model", model=_3_1),
    _Refusal("tools[].functionDeclarations[].behavior", "not with this model", ("NON_BLOCKING",), model=_3_1),
)


class _Range(NamedTuple):
    field: str
    low: int
    high: int
    family: str


_RANGES = (  # of a documentation page, LP 2.1
    _Range("contextWindowCompression.triggerTokens", 5_000, 128_000, "vertex"),
    _Range("contextWindowCompression.slidingWindow.targetTokens", 0, 128_000, "vertex"),
)


def check_setup(setup: dict[str, Any], terms: Terms) -> dict[str, Any]:
    """The setup with camelCase keys, as far as it is known.

    Raises:
        InvalidSetup: the service would not take it.
    """
    known, found = check("setup", Setup, setup, terms, (_model, _refusals, _ranges))
    if found:
        raise InvalidSetup.of(found)
    return known


def terms_after(setup: dict[str, Any], terms: Terms) -> Terms:
    """The terms of what follows this setup, which `check_setup` answered."""
    if terms.constrained:
        return terms._replace(automatic=None, model="")
    disabled = first(setup, "realtimeInputConfig.automaticActivityDetection.disabled")
    return terms._replace(automatic=disabled is not True, model=_name(setup))


def _name(setup: dict[str, Any]) -> str:
    """The model, without the path before it."""
    return str(setup.get("model") or "").rpartition("/")[2]


def _model(setup: dict[str, Any], terms: Terms) -> Iterator[Problem]:
    form = _MODEL_FORMS[terms.family]
    if "model" not in setup and not terms.constrained:
        yield Problem("setup.model", "missing", form.allowed)
    for _, model in at(setup, "model"):
        if not form.pattern.fullmatch(model):
            problem = f"not in the form of {NAMES[terms.family]}"
            yield Problem("setup.model", problem, form.allowed)


def _refusals(setup: dict[str, Any], terms: Terms) -> Iterator[Problem]:
    model = _name(setup)
    for refusal in _REFUSALS:
        if refusal.by(terms, model):
            for where, value in at(setup, refusal.field):
                if not refusal.values or value in refusal.values:
                    yield Problem(join("setup", where), refusal.problem, certain=False)


def _ranges(setup: dict[str, Any], terms: Terms) -> Iterator[Problem]:
    for rule in _RANGES:
        for where, value in at(setup, rule.field):
            if rule.family == terms.family and not rule.low <= int(value) <= rule.high:
                allowed = f"from {rule.low} to {rule.high}"
                yield Problem(join("setup", where), "out of range", allowed, certain=False)
