"""What docs/messages.md shows is what the sidecar answers."""

import json
import re
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from sidecar.live.messages import ModalityTokenCount, UsageMetadata
from sidecar.live.usage import Usage
from sidecar.rpc import protocol
from sidecar.rpc.notifications import usage

PAGE = (Path(__file__).parents[3] / "docs" / "messages.md").read_text(encoding="utf-8")
TALKS = re.findall(r"^> (\{.*\})\n< (\{.*\})$", PAGE, re.MULTILINE)


def part_of(shown: object, answered: object) -> bool:
    """Whether all that is shown stands in the answer; a list is shown as a whole."""
    if isinstance(shown, dict) and isinstance(answered, dict):
        return all(name in answered and part_of(value, answered[name]) for name, value in shown.items())
    return shown == answered


@pytest.mark.parametrize(("said", "shown"), TALKS)
async def test_what_the_page_shows_is_what_is_answered(host, said, shown):
    call = json.loads(said)
    host.say(call)
    answer = await host.answer_to(call["id"])
    assert part_of(json.loads(shown), answer), answer


def test_there_are_examples() -> None:
    assert len(TALKS) == 2


def test_the_tokens_are_shown_as_they_are_told() -> None:
    [shown] = re.findall(r'^\{"turnId.*\}$', PAGE, re.MULTILINE)
    told = UsageMetadata(
        prompt_token_count=143,
        candidates_token_count=19,
        total_token_count=162,
        candidates_tokens_details=[ModalityTokenCount(modality="AUDIO", token_count=19)],
    )
    tokens = usage(Usage.of(told))
    assert msgspec.json.encode(protocol.UsageReport(turn_id=1, turn=tokens, session=tokens)).decode() == shown


def test_every_event_of_a_turn_is_on_the_page_and_no_other() -> None:
    _, _, rest = PAGE.partition("| `event` | when |")
    named = re.findall(r"^\| `(\w+)`", rest.partition("\n\n")[0], re.MULTILINE)
    assert set(named) == set(get_args(protocol.Turn.__annotations__["event"]))
