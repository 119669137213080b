import base64
import json
from typing import Any

import pytest

from sidecar.simulator.refusals import Refused, fit
from sidecar.simulator.schema import decode_bytes, parse


def refusal(message: Any, api_version: str = "v1beta") -> tuple[int, str]:
    frame = message if isinstance(message, bytes) else json.dumps(message).encode()
    with pytest.raises(Refused) as caught:
        parse(frame, api_version)
    return caught.value.code, caught.value.reason


def test_camel_and_snake_case_say_the_same() -> None:
    camel = parse(b'{"realtimeInput":{"audioStreamEnd":true}}', "v1beta")
    snake = parse(b'{"realtime_input":{"audio_stream_end":true}}', "v1beta")
    assert camel == snake == ("realtimeInput", {"audioStreamEnd": True})


def test_what_the_google_sdks_send_is_accepted() -> None:
    # The Python SDK: outer keys snake_case, inner ones camelCase (LP 1.5).
    kind, content = parse(
        b'{"client_content":{"turns":[{"role":"user","parts":[{"text":"hi"}]}],"turnComplete":true}}', "v1"
    )
    assert (kind, content["turnComplete"]) == ("clientContent", True)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ({"setup": {"modell": "m"}}, "Unknown name \"modell\" at 'setup': Cannot find field."),
        ({"hello": {}}, 'Unknown name "hello": Cannot find field.'),
        (
            {"setup": {"sessionResumption": {"transparent": True}}},
            "Unknown name \"transparent\" at 'setup.session_resumption': Cannot find field.",
        ),
        (
            {"setup": {"generationConfig": {"inputAudioTranscription": {}}}},
            "Unknown name \"inputAudioTranscription\" at 'setup.generation_config': Cannot find field.",
        ),
        (
            {"setup": {"tools": [{}, {"functions": []}]}},
            "Unknown name \"functions\" at 'setup.tools[1]': Cannot find field.",
        ),
    ],
)
def test_an_unknown_field_is_named_as_the_service_names_it(message: Any, reason: str) -> None:
    assert refusal(message) == (1007, "Invalid JSON payload received. " + reason)


def test_proactivity_is_known_to_v1alpha_only() -> None:
    message = {"setup": {"model": "models/m", "proactivity": {"proactiveAudio": True}}}
    assert parse(json.dumps(message).encode(), "v1alpha")[0] == "setup"
    assert 'Unknown name "proactivity"' in refusal(message, "v1beta")[1]


@pytest.mark.parametrize(
    "frame",
    [b"", b"not json", b'{"setup":', b"\xff\xfe", b'{"setup":{"model":"\xff"}}', b"[" * 100_000],
)
def test_what_is_not_json_is_refused(frame: bytes) -> None:
    assert refusal(frame)[0] == 1007


@pytest.mark.parametrize(
    "message",
    [
        [],
        {},
        {"setup": {}, "clientContent": {}},
        {"setup": []},
        {"setup": {"model": 1}},
        {"setup": {"tools": {}}},
        {"realtimeInput": {"audioStreamEnd": "yes"}},
    ],
)
def test_wrong_shapes_are_refused(message: Any) -> None:
    assert refusal(message)[0] == 1007


def test_a_refusal_never_repeats_a_value() -> None:
    code, reason = refusal({"setup": {"sessionResumption": {"handle": ["secret-handle"]}}})
    assert code == 1007
    assert "secret" not in reason
    assert "setup.session_resumption.handle" in reason


@pytest.mark.parametrize("length", range(6))
def test_base64_is_taken_in_both_alphabets_padded_or_not(length: int) -> None:
    data = b"\xfb\xff\xfe\xfb\xff\xfe"[:length]
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        text = encode(data).decode()
        assert decode_bytes(text, "x") == data
        assert decode_bytes(text.rstrip("="), "x") == data


@pytest.mark.parametrize("text", ["A", "AA=A", "AAA\n", "A A=", "äöüß", "====", "AAAA="])
def test_what_is_not_base64_is_refused(text: str) -> None:
    with pytest.raises(Refused) as caught:
        decode_bytes(text, "realtime_input.audio.data")
    assert caught.value.code == 1007


def test_a_reason_is_cut_to_what_a_close_frame_holds() -> None:
    assert fit("x" * 200) == "x" * 123
    assert fit("ä" * 100) == "ä" * 61
    assert fit("short") == "short"
