"""Client messages in forms that the service takes and few hosts write."""

import base64
import json
from typing import Any

import pytest

from sidecar.lifecycle.item import Kind
from sidecar.live import outgoing
from sidecar.live.checking import Terms
from sidecar.live.outgoing import InvalidMessage

VERTEX = Terms("vertex", "v1beta1")


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({"activity_start": {}, "new_field": 1}, {"activityStart": {}, "new_field": 1}),
        ({"x": {"activity_end": 1}, "activityEnd": {}}, {"x": {"activity_end": 1}, "activityEnd": {}}),
        ({"activity_end": {}, "activity_start": None, "text": ""}, {"activityEnd": {}, "text": ""}),
    ],
)
def test_what_stands_beside_a_mark_goes_out_with_it(given: dict[str, Any], sent: dict[str, Any]) -> None:
    item = outgoing.message("realtimeInput", given, None, Terms(strict=False)).item
    assert item.kind is Kind.ACTIVITY
    assert json.loads(item.frame) == {"realtimeInput": sent}


@pytest.mark.parametrize(
    "mime_type", ["audio/pcm;rate=24000", "AUDIO/pcm;rate=24000", "Audio/PCM; Rate=24000"]
)
def test_a_media_type_has_no_case(mime_type: str) -> None:
    """RFC 2045 section 5.1."""
    blob = {"mimeType": mime_type, "data": base64.b64encode(bytes(480)).decode()}
    for message in ({"mediaChunks": [blob]}, {"audio": blob}):
        item = outgoing.message("realtimeInput", message, 0, VERTEX).item
        assert (item.kind, item.audio_us) == (Kind.AUDIO, 10_000)
    odd = blob | {"data": "AAAA"}
    for kind, payload in (
        ("realtimeInput", {"mediaChunks": [odd]}),
        ("clientContent", {"turns": [{"parts": [{"inlineData": odd}]}]}),
    ):
        with pytest.raises(InvalidMessage, match="even number"):
            outgoing.message(kind, payload, None, VERTEX)
