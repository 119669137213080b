"""Client messages are checked before they are accepted, and go out as they came."""

import base64
import json
from typing import Any

import pytest

from sidecar.lifecycle.item import Kind
from sidecar.live import outgoing
from sidecar.live.outgoing import InvalidMessage

PCM = bytes(range(256)) * 2 + b"\xfb\xff\xfe\xff"


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
@pytest.mark.parametrize("padded", [True, False])
def test_both_alphabets_with_and_without_padding_pass_unchanged(encode: Any, padded: bool) -> None:
    data = encode(PCM).decode()
    data = data if padded else data.rstrip("=")
    item = outgoing.audio(3, data, "audio/pcm;rate=16000")
    assert (item.kind, item.n) == (Kind.AUDIO, 3)
    assert item.audio_us == len(PCM) * 1_000_000 // 32_000
    assert json.loads(item.frame) == {
        "realtimeInput": {"audio": {"mimeType": "audio/pcm;rate=16000", "data": data}}
    }


@pytest.mark.parametrize(
    ("data", "why"),
    [("", "empty"), ("AAAA", "3 bytes"), ("A!AA", "base64"), ("é" * 4, "base64"), ("A", "base64"),
     ('AA"}', "base64"), ("AA\nA", "base64")],
)  # fmt: skip
def test_a_bad_chunk_is_refused_with_its_number(data: str, why: str) -> None:
    with pytest.raises(InvalidMessage, match=why) as caught:
        outgoing.audio(7, data, "audio/pcm;rate=16000")
    assert "chunk 7" in str(caught.value)


def test_the_rate_stands_in_the_type() -> None:
    data = base64.b64encode(bytes(480)).decode()
    assert outgoing.audio(0, data, "audio/pcm;rate=24000").audio_us == 10_000
    assert outgoing.audio(0, data, "audio/pcm;rate=8000").audio_us == 30_000


@pytest.mark.parametrize(
    ("kind", "payload", "expected"),
    [
        ("realtimeInput", {"text": "hi"}, Kind.TEXT),
        ("realtimeInput", {"activityStart": {}}, Kind.ACTIVITY),
        ("realtimeInput", {"audioStreamEnd": True}, Kind.CONTROL),
        ("realtimeInput", {"video": {"mimeType": "image/jpeg", "data": "AA=="}}, Kind.VIDEO),
        ("clientContent", {"turns": [], "turnComplete": True}, Kind.CONTENT),
        (
            "toolResponse",
            {"functionResponses": [{"id": "a", "name": "f", "response": {}}]},
            Kind.TOOL_RESPONSE,
        ),
    ],
)
def test_every_kind_of_message_is_known(kind: str, payload: dict[str, Any], expected: Kind) -> None:
    item = outgoing.message(kind, payload, None)
    assert item.kind is expected
    assert json.loads(item.frame) == {kind: payload}


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        ("realtimeInput", {}),
        ("realtimeInput", {"text": "a", "audioStreamEnd": True}),
        ("realtimeInput", {"ping": True}),
        ("realtimeInput", {"audio": {"data": 3}}),
        ("toolResponse", {}),
        ("toolResponse", {"functionResponses": [{"name": "f"}]}),
    ],
)
def test_a_shape_that_would_end_the_connection_is_refused_here(kind: str, payload: dict[str, Any]) -> None:
    with pytest.raises(InvalidMessage):
        outgoing.message(kind, payload, None)


# --- what asks for an answer ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "payload", "expected"),
    [
        ("clientContent", {"turns": [], "turnComplete": True}, "turnComplete"),
        ("clientContent", {"turnComplete": True}, "turnComplete"),
        ("clientContent", {"turns": []}, None),
        ("clientContent", {"turns": [], "turnComplete": False}, None),
        ("clientContent", {}, None),
        ("toolResponse", {"functionResponses": [{"id": "a"}]}, "toolResponse"),
        ("realtimeInput", {"text": "hello"}, "text"),
        ("realtimeInput", {"audioStreamEnd": True}, "audioStreamEnd"),
        ("realtimeInput", {"audioStreamEnd": False}, None),
        ("realtimeInput", {"activityEnd": {}}, "activityEnd"),
        ("realtimeInput", {"activityStart": {}}, None),
        ("realtimeInput", {"audio": {"data": "AAA=", "mimeType": "audio/pcm;rate=16000"}}, None),
        ("realtimeInput", {"video": {"data": "AAAA"}}, None),
    ],
)
def test_only_what_ends_the_users_say_asks_for_an_answer(
    kind: str, payload: dict[str, Any], expected: str | None
) -> None:
    assert outgoing.message(kind, payload, 1).demand == expected


def test_speech_itself_asks_for_nothing() -> None:
    assert outgoing.audio(1, "AAA=", "audio/pcm;rate=16000").demand is None


# --- what the user says in writing ----------------------------------------------------------------


def turn(*texts: Any, **more: Any) -> dict[str, Any]:
    return {"parts": [{"text": text} for text in texts], **more}


@pytest.mark.parametrize(
    ("kind", "payload", "expected"),
    [
        ("realtimeInput", {"text": "hello"}, ["hello"]),
        ("realtimeInput", {"text": ""}, []),
        ("realtimeInput", {"text": 7}, []),
        ("realtimeInput", {"audio": {"data": "AAAA"}}, []),
        ("toolResponse", {"functionResponses": [{"id": "a", "response": {"text": "no"}}]}, []),
        ("clientContent", {"turns": [turn("a", "b", role="user"), turn("c", role="user")]}, ["a", "b", "c"]),
        ("clientContent", {"turns": [turn("asked"), turn("answered", role="model")]}, ["asked"]),
        ("clientContent", {"turns": [turn("a", "", None, 3, role="user")]}, ["a"]),
        ("clientContent", {"turns": [{"role": "user", "parts": [{"inlineData": {}}, "x", None]}]}, []),
        ("clientContent", {"turns": [None, "x", {}, {"parts": "x"}, {"parts": {"text": "x"}}]}, []),
        ("clientContent", {"turns": {"parts": [{"text": "x"}]}}, []),
        ("clientContent", {"turnComplete": True}, []),
        ("clientContent", {}, []),
    ],
)
def test_the_users_own_words_are_found_in_whatever_is_sent(
    kind: str, payload: dict[str, Any], expected: list[str]
) -> None:
    assert outgoing.texts(kind, payload) == expected


@pytest.mark.parametrize(
    "mime_type", ['audio/pcm","x":"y', 'audio/pcm"', "audio/pcm;rate=16000\n", "", "audio"]
)
def test_a_media_type_cannot_break_the_frame(mime_type: str) -> None:
    with pytest.raises(outgoing.InvalidMessage, match="mimeType"):
        outgoing.audio(0, "AAAAAAAA", mime_type)


@pytest.mark.parametrize("kind", ["setup", "bogus", ""])
def test_only_a_hosts_messages_are_sent(kind: str) -> None:
    with pytest.raises(outgoing.InvalidMessage, match="realtimeInput"):
        outgoing.message(kind, {"text": "x"}, None)
