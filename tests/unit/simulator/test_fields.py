"""The simulator takes what Google's clients send: its table beside all fields that they can send.

`sdk_fields.json` is what tests/interop/fields.py found in the packages. This file, run as a program where
they are installed (`make setup-apart`), writes it anew.
"""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sidecar.simulator.endpoint import Family
from sidecar.simulator.fields import UNSUPPORTED, message_fields

ROOT = Path(__file__).parents[3]
KEPT = Path(__file__).with_name("sdk_fields.json")
MAJORS = ("3", "2")

NOT_IN_LIVE = {  # LP 2.1: clients send them, and Live takes none
    f"setup.generationConfig.{name}"
    for name in (
        *("responseLogprobs", "logprobs", "responseMimeType", "responseSchema", "responseJsonSchema"),
        *("stopSequences", "routingConfig", "audioTimestamp"),
    )
}
REFUSED = {
    Family.DEVELOPER: NOT_IN_LIVE
    | {
        "setup.proactivity",  # LP 1.1: on v1beta; v1alpha takes it
        "setup.safetySettings",  # LP 1.1: a setting of the script
        "setup.generationConfig.audioTranscriptionConfig",  # LP 2.1: Vertex alone
    },
    Family.VERTEX: NOT_IN_LIVE
    | {
        # Their converters for Vertex refuse these; `send_client_content` and `send_tool_response` do not ask them.
        "clientContent.turns.parts.toolCall",
        "clientContent.turns.parts.toolResponse",
        "clientContent.turns.parts.partMetadata",
        "toolResponse.functionResponses.willContinue",  # LP 2.4
    },
}
"""What clients can send, and the service was seen or is documented to refuse."""


def unknown(sent: dict[str, Any], taken: Any, path: str = "") -> Iterator[str]:
    """The topmost fields that are sent and not taken. What the table does not look into takes all."""
    if isinstance(taken, list):
        taken = taken[0]
    if isinstance(taken, str):
        return
    for name, inner in sent.items():
        where = f"{path}.{name}" if path else name
        if taken.get(name, UNSUPPORTED) == UNSUPPORTED:
            yield where
        else:
            yield from unknown(inner, taken[name], where)


def found_in(major: str) -> dict[str, Any]:
    """What the installed package says. Raises OSError where there is none."""
    bin_folder = ROOT / ".venv-interop" / major
    python = next(
        (
            path
            for path in (bin_folder / "bin" / "python", bin_folder / "Scripts" / "python.exe")
            if path.exists()
        ),
        None,
    )
    if python is None:
        raise FileNotFoundError(f"{bin_folder} is not installed; run `make setup-apart`")
    done = subprocess.run(
        [python, "-P", ROOT / "tests" / "interop" / "fields.py"], capture_output=True, check=True, timeout=50
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("package", json.loads(KEPT.read_text()), ids=lambda each: each["version"])
@pytest.mark.parametrize(("family", "version"), [(Family.DEVELOPER, "v1beta"), (Family.VERTEX, "v1beta1")])
def test_what_googles_clients_can_send_is_taken_but_for_what_is_known_to_be_refused(
    package: dict[str, Any], family: Family, version: str
) -> None:
    assert set(unknown(package[family.value], message_fields(family, version))) <= REFUSED[family]


def test_nothing_stands_among_the_refused_that_is_taken() -> None:
    newest = json.loads(KEPT.read_text())[0]
    for family, version in ((Family.DEVELOPER, "v1beta"), (Family.VERTEX, "v1beta1")):
        assert set(unknown(newest[family.value], message_fields(family, version))) == REFUSED[family]


@pytest.mark.parametrize("number", range(len(MAJORS)), ids=MAJORS)
def test_the_kept_list_is_what_the_installed_package_says(number: int) -> None:
    try:
        found = found_in(MAJORS[number])
    except FileNotFoundError as missing:
        pytest.skip(str(missing))
    assert found == json.loads(KEPT.read_text())[number]


if __name__ == "__main__":
    KEPT.write_text(json.dumps([found_in(major) for major in MAJORS], indent=1) + "\n")
