"""Server frames: checked once, one line, nothing of them lost, no handle passed on."""

import json

import msgspec
import pytest

from sidecar.live import frames
from sidecar.live.messages import ServerContent, ServerMessage


def test_a_pretty_printed_frame_becomes_one_line_with_the_same_meaning() -> None:
    value = {
        "serverContent": {"outputTranscription": {"text": "line\nbreak \u2028 é"}, "unknownField": [1, 2]}
    }
    data = json.dumps(value, indent=2, ensure_ascii=False).replace("\n", "\r\n").encode() + b"\n"
    message, line = frames.read(data)
    assert b"\n" not in line
    assert b"\r" not in line
    assert json.loads(line) == value
    assert message.server_content is not None
    assert message.server_content.output_transcription is not None
    assert message.server_content.output_transcription.text == "line\nbreak \u2028 é"


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b'{"a": "\xff"}', "not UTF-8"),
        (b'{"serverContent": ', "not JSON"),
        (b"", "not JSON"),
        (b"[1]", "not a JSON object"),
        (b"12", "not a JSON object"),
        (b'{"x":' + b"[" * 100_000, "deeply"),
    ],
)
def test_what_is_no_json_object_in_utf8_is_said_to_be_so(data: bytes, why: str) -> None:
    with pytest.raises(frames.Unreadable, match=why):
        frames.read(data)


# --- a field of a type that nobody expected ---------------------------------------------------------


def test_a_wrong_field_costs_itself_and_nothing_beside_it() -> None:
    frame = {
        "serverContent": {
            "turnComplete": True,
            "interrupted": [],
            "turnCompleteReason": {"code": 3},
            "modelTurn": {"parts": [{"text": "a"}, {"text": 7}, "no part", {"inlineData": {"data": "AAAA"}}]},
        },
        "goAway": {"timeLeft": {"seconds": 50}},
        "toolCallCancellation": {"ids": ["a", 5, "b"]},
        "usageMetadata": "many",
        "setupComplete": 0,
    }
    message, line = frames.read(json.dumps(frame).encode())
    assert json.loads(line) == frame
    content = message.server_content
    assert content is not None
    assert (content.turn_complete, content.interrupted, content.turn_complete_reason) == (True, False, "")
    assert content.model_turn is not None
    assert [part.text for part in content.model_turn.parts] == ["a", None, None]
    assert message.go_away is not None
    assert message.go_away.time_left == ""
    assert message.tool_call_cancellation is not None
    assert message.tool_call_cancellation.ids == ["a", "b"]
    assert (message.usage_metadata, message.setup_complete) == (None, None)


def test_a_list_of_misfits_is_given_up() -> None:
    """A frame of two megabytes of them took three seconds."""
    ids: list[object] = ["a", *[1] * 100, "b", 1, "c", *[1] * 100_000]
    message, _ = frames.read(json.dumps({"toolCallCancellation": {"ids": ids}, "goAway": {}}).encode())
    assert message.tool_call_cancellation is not None
    assert message.tool_call_cancellation.ids == ["a", "b"]
    assert message.go_away is not None


def test_entries_of_which_a_part_fits_are_misfits_too() -> None:
    parts = [{"text": 7}] * 1000
    message, _ = frames.read(json.dumps({"serverContent": {"modelTurn": {"parts": parts}}}).encode())
    assert message.server_content is not None
    assert message.server_content.model_turn is not None
    assert len(message.server_content.model_turn.parts) == frames.MAX_MISFITS


@pytest.mark.parametrize("wrong", ["12", "[]", '"x"', "true", "{}", "null"])
@pytest.mark.parametrize("name", [f.encode_name for f in msgspec.structs.fields(ServerMessage)])
def test_no_field_of_a_message_can_hide_a_go_away_and_a_turns_end(name: str, wrong: str) -> None:
    others = {"goAway": b'{"timeLeft":"50s"}', "serverContent": b'{"turnComplete":true}'}
    members = b",".join(b'"%b":%b' % (k.encode(), v) for k, v in others.items() if k != name)
    message, _ = frames.read(b'{"%b":%b,%b}' % (name.encode(), wrong.encode(), members))
    if name != "goAway":
        assert message.go_away is not None
        assert message.go_away.time_left == "50s"
    if name != "serverContent":
        assert message.server_content is not None
        assert message.server_content.turn_complete


@pytest.mark.parametrize("wrong", ["12", "[]", '"x"', "true", "{}", '[{"a":1}]'])
@pytest.mark.parametrize(
    "name", [f.encode_name for f in msgspec.structs.fields(ServerContent) if f.name != "turn_complete"]
)
def test_no_field_of_a_content_can_hide_the_end_of_a_turn(name: str, wrong: str) -> None:
    message, _ = frames.read(
        b'{"serverContent":{"%b":%b,"turnComplete":true}}' % (name.encode(), wrong.encode())
    )
    assert message.server_content is not None
    assert message.server_content.turn_complete


def test_a_handle_in_a_shape_that_nobody_knows_is_left_out_too() -> None:
    _, line = frames.read(b'{"sessionResumptionUpdate":{"newHandle":["secret"],"resumable":"?"}}')
    assert b"secret" not in line


@pytest.mark.parametrize(("index", "read"), [('"123"', 123), ("123", 123), ('"0"', 0), (None, 0)])
def test_an_int64_is_a_string_or_a_number(index: str | None, read: int) -> None:
    given = "{}" if index is None else f'{{"lastConsumedClientMessageIndex":{index}}}'
    message, _ = frames.read(b'{"sessionResumptionUpdate":%b}' % given.encode())
    assert message.session_resumption_update
    assert message.session_resumption_update.last_consumed_client_message_index == read


@pytest.mark.parametrize("key", ["newHandle", "new_handle"])
def test_a_handle_is_left_out_of_what_is_passed_on(key: str) -> None:
    line = frames.without_handle(
        json.dumps({"sessionResumptionUpdate": {key: "secret", "resumable": True}}).encode()
    )
    assert json.loads(line) == {"sessionResumptionUpdate": {"resumable": True}}


@pytest.mark.parametrize(
    "members",
    [
        '"session_resumption_update":{"new_handle":"secret"}',
        '"session_resumption_update":{"new_handle":"secret"},"session_resumption_update":null',
        '"sessionResumptionUpdate":{"newHandle":"secret"},"sessionResumptionUpdate":null',
        '"sessionResumptionUpdate":{"newHandle":"secret"},"sessionResumptionUpdate":{}',
        '"sessionResumptionUpdate":null,"session_resumption_update":{"newHandle":"secret"}',
        '"session\\u005fresumption_update":{"new_handle":"secret"}',
        '"sessionResum\\u0070tionUpdate":{"newHandle":"secret"},"sessionResumptionUpdate":null',
    ],
)
@pytest.mark.parametrize("beside", ["", ',"goAway":{"timeLeft":7}'], ids=["alone", "beside a misfit"])
def test_no_name_and_no_second_member_of_it_lets_a_handle_through(members: str, beside: str) -> None:
    message, line = frames.read(f"{{{members}{beside}}}".encode())
    assert b"secret" not in line
    assert not (message.session_resumption_update and message.session_resumption_update.new_handle)


@pytest.mark.parametrize(
    ("text", "seconds"), [("50s", 50.0), ("9.5s", 9.5), ("", None), ("50", None), ("soon", None)]
)
def test_durations(text: str, seconds: float | None) -> None:
    assert frames.duration_s(text) == seconds


def test_only_a_frame_that_is_nothing_but_sound_may_be_dropped() -> None:
    sound = {
        "modelTurn": {"parts": [{"inlineData": {"mimeType": "audio/pcm;rate=24000", "data": "AAAA" * 4000}}]}
    }
    message, _ = frames.read(json.dumps({"serverContent": sound}).encode())
    assert frames.sound_alone_ms(message) == pytest.approx(250.0)
    for extra in ({"turnComplete": True}, {"outputTranscription": {"text": "x"}}, {"groundingMetadata": {}}):
        message, _ = frames.read(json.dumps({"serverContent": sound | extra}).encode())
        assert frames.sound_alone_ms(message) is None
    for extra in ({"usageMetadata": {"totalTokenCount": 1}}, {"goAway": {}}, {"setupComplete": {}}):
        message, _ = frames.read(json.dumps({"serverContent": sound} | extra).encode())
        assert frames.sound_alone_ms(message) is None
    [part] = sound["modelTurn"]["parts"]
    for parts in (
        [],
        [{"text": "hi"}],
        [part, {"text": "hi"}],
        [part | {"thought": True}],
        [{"executableCode": {}}],
    ):
        message, _ = frames.read(json.dumps({"serverContent": {"modelTurn": {"parts": parts}}}).encode())
        assert frames.sound_alone_ms(message) is None


@pytest.mark.parametrize(
    ("mime_type", "ms"), [("audio/pcm", 1.0), ("audio/pcm;rate=48000", 0.5), ("audio/pcm;rate=zero", 1.0)]
)
def test_the_rate_of_the_models_sound_stands_in_its_type(mime_type: str, ms: float) -> None:
    """Vertex gives none (LP 3)."""
    part = {"inlineData": {"mimeType": mime_type, "data": "AAAA" * 16}}
    message, _ = frames.read(json.dumps({"serverContent": {"modelTurn": {"parts": [part]}}}).encode())
    assert frames.sound_alone_ms(message) == pytest.approx(ms)
