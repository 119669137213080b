"""Server frames: checked once, one line, nothing of them lost, no handle passed on."""

import json

import pytest

from sidecar.live import frames


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


def test_a_known_name_with_an_unknown_shape_is_passed_on_as_a_message_of_no_known_kind() -> None:
    message, line = frames.read(b'{"goAway": {"timeLeft": {"seconds": 50}}}')
    assert message.go_away is None
    assert json.loads(line) == {"goAway": {"timeLeft": {"seconds": 50}}}


@pytest.mark.parametrize("key", ["newHandle", "new_handle"])
def test_a_handle_is_left_out_of_what_is_passed_on(key: str) -> None:
    line = frames.without_handle(
        json.dumps({"sessionResumptionUpdate": {key: "secret", "resumable": True}}).encode()
    )
    assert json.loads(line) == {"sessionResumptionUpdate": {"resumable": True}}


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
    assert frames.is_audio_alone(message)
    assert frames.audio_ms(message) == pytest.approx(250.0)
    for extra in ({"turnComplete": True}, {"outputTranscription": {"text": "x"}}, {"interrupted": True}):
        message, _ = frames.read(json.dumps({"serverContent": sound | extra}).encode())
        assert not frames.is_audio_alone(message)
    message, _ = frames.read(
        json.dumps({"serverContent": {"modelTurn": {"parts": [{"text": "hi"}]}}}).encode()
    )
    assert not frames.is_audio_alone(message)
