"""What a setup asks for, and which ones cannot be."""

from typing import Any

import pytest

from sidecar.simulator.endpoint import Endpoint, Family
from sidecar.simulator.refusals import Refused
from sidecar.simulator.script import Script
from sidecar.simulator.setup import Setup

DEVELOPER = Endpoint(Family.DEVELOPER, "v1beta")
VERTEX = Endpoint(Family.VERTEX, "v1beta1")


def read(content: dict[str, Any], endpoint: Endpoint = DEVELOPER, script: Script | None = None) -> Setup:
    return Setup.read(content, script or Script(), endpoint)


@pytest.mark.parametrize(
    ("modalities", "text_only"),
    [(None, False), ([], False), (["MODALITY_UNSPECIFIED"], False), (["AUDIO"], False), (["TEXT"], True)],
)
def test_an_absent_modality_is_sound(modalities: list[str] | None, text_only: bool) -> None:
    config = {} if modalities is None else {"responseModalities": modalities}
    assert read({"model": "models/m", "generationConfig": config}).manner.text_only is text_only


@pytest.mark.parametrize("modalities", [["AUDIO", "TEXT"], ["VIDEO"], ["SMELL"]])
def test_other_modalities_are_refused(modalities: list[str]) -> None:
    with pytest.raises(Refused) as refused:
        read({"model": "models/m", "generationConfig": {"responseModalities": modalities}})
    assert refused.value.code == 1007


@pytest.mark.parametrize(
    ("model", "known", "taken"),
    [
        ("projects/p/locations/l/publishers/google/models/m", ["models/m"], True),
        ("publishers/google/models/m", ["models/m"], True),
        ("projects/p/locations/l/endpoints/7", ["endpoints/7"], True),
        ("projects/p/locations/l/endpoints/7", None, True),
        ("projects/p/locations/l/publishers/google/models/m", ["models/other"], False),
        ("models/m", None, False),
    ],
)
def test_a_vertex_model_is_known_by_the_end_of_its_name(
    model: str, known: list[str] | None, taken: bool
) -> None:
    script = Script(models=known)
    if taken:
        assert read({"model": model}, VERTEX, script).model == model
    else:
        with pytest.raises(Refused):
            read({"model": model}, VERTEX, script)
