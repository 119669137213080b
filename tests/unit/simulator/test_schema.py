import base64
import json
from typing import Any

import pytest

from sidecar.simulator.endpoint import Family
from sidecar.simulator.fields import message_fields
from sidecar.simulator.refusals import Refused, fit
from sidecar.simulator.schema import decode_bytes, parse

V1BETA = message_fields(Family.DEVELOPER, "v1beta")


def refusal(message: Any, api_version: str = "v1beta", family: Family = Family.DEVELOPER) -> tuple[int, str]:
    frame = message if isinstance(message, bytes) else json.dumps(message).encode()
    with pytest.raises(Refused) as caught:
        parse(frame, message_fields(family, api_version))
    return caught.value.code, caught.value.reason


def test_camel_and_snake_case_say_the_same() -> None:
    camel = parse(b'{"realtimeInput":{"audioStreamEnd":true}}', V1BETA)
    snake = parse(b'{"realtime_input":{"audio_stream_end":true}}', V1BETA)
    assert camel == snake == ("realtimeInput", {"audioStreamEnd": True})


def test_what_the_google_sdks_send_is_accepted() -> None:
    # The Python SDK: outer keys snake_case, inner ones camelCase (LP 1.5).
    kind, content = parse(
        b'{"client_content":{"turns":[{"role":"user","parts":[{"text":"hi"}]}],"turnComplete":true}}', V1BETA
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
    alpha = message_fields(Family.DEVELOPER, "v1alpha")
    assert parse(json.dumps(message).encode(), alpha)[0] == "setup"
    for version in ("v1beta", "v1"):
        assert 'Unknown name "proactivity"' in refusal(message, version)[1]


# What one service knows and the other does not (LP 2).
ONLY_VERTEX = [
    {"setup": {"sessionResumption": {"transparent": True}}},
    {"setup": {"explicitVadSignal": True}},
    {"setup": {"safetySettings": [{"category": "c", "threshold": "t", "method": "m"}]}},
    {"setup": {"tools": [{"enterpriseWebSearch": {}}]}},
    {"setup": {"generationConfig": {"audioTranscriptionConfig": {}}}},
    {"setup": {"generationConfig": {"modelConfig": {}}}},
]
ONLY_DEVELOPER = [
    {"setup": {"generationConfig": {"modelSelectionConfig": {}}}},
    {"setup": {"systemInstruction": {"parts": [{"partMetadata": {}}]}}},
    {"clientContent": {"turns": [{"parts": [{"toolCall": {}}]}]}},
    {"setup": {"tools": [{"fileSearch": {}}]}},
    {
        "setup": {
            "generationConfig": {
                "speechConfig": {"voiceConfig": {"replicatedVoiceConfig": {"consentAudio": "AAAA"}}}
            }
        }
    },
    {"toolResponse": {"functionResponses": [{"willContinue": True}]}},
]


@pytest.mark.parametrize(
    ("message", "family", "other"),
    [(message, Family.VERTEX, Family.DEVELOPER) for message in ONLY_VERTEX]
    + [(message, Family.DEVELOPER, Family.VERTEX) for message in ONLY_DEVELOPER],
    ids=json.dumps,
)
def test_each_service_knows_its_own_fields(message: Any, family: Family, other: Family) -> None:
    frame = json.dumps(message).encode()
    assert parse(frame, message_fields(family, "v1")) == next(iter(message.items()))
    code, reason = refusal(message, "v1", other)
    assert (code, reason[:40]) == (1007, "Invalid JSON payload received. Unknown n")


def test_safety_settings_on_the_developer_api_are_a_switch() -> None:
    message = {"setup": {"safetySettings": [{"category": "c", "threshold": "t"}]}}
    fields = message_fields(Family.DEVELOPER, "v1beta", safety_settings=True)
    assert parse(json.dumps(message).encode(), fields)[0] == "setup"
    assert 'Unknown name "safetySettings"' in refusal(message)[1]


@pytest.mark.parametrize("field", ["stopSequences", "response_schema", "logprobs", "responseMimeType"])
@pytest.mark.parametrize("family", Family)
def test_generation_settings_that_live_does_not_have_are_refused_by_name(field: str, family: Family) -> None:
    code, reason = refusal({"setup": {"generationConfig": {field: 1}}}, "v1", family)
    assert code == 1007
    assert reason.endswith("is not supported in the live api")
    assert "setup.generation_config." in reason


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        ("temperature", [0, 0.5, "0.5"], ["warm", True, [], "nan"]),
        ("maxOutputTokens", [1, "100", 2.0], [1.5, "x", 2**31, {}, 10**400]),
        ("seed", [-5], [False, "1e999"]),
    ],
)
def test_numbers_are_numbers_or_their_text(field: str, good: list[Any], bad: list[Any]) -> None:
    for value in good:
        message = {"setup": {"generationConfig": {field: value}}}
        assert parse(json.dumps(message).encode(), V1BETA)[0] == "setup"
    for value in bad:
        assert refusal({"setup": {"generationConfig": {field: value}}})[0] == 1007


def test_contents_are_checked_to_the_part_and_function_arguments_are_not() -> None:
    turn = {"role": "user", "parts": [{"inline_data": {"mime_type": "image/png", "data": "AAAA"}}]}
    _, content = parse(json.dumps({"clientContent": {"turns": [turn]}}).encode(), V1BETA)
    assert content["turns"][0]["parts"] == [{"inlineData": {"mimeType": "image/png", "data": "AAAA"}}]
    response = {"id": "1", "name": "f", "response": {"snake_case": {"kept_as": "it is"}}}
    _, content = parse(json.dumps({"toolResponse": {"functionResponses": [response]}}).encode(), V1BETA)
    assert content["functionResponses"] == [response]
    reason = refusal({"clientContent": {"turns": [{"parts": [{}, {"txt": "hi"}]}]}})[1]
    assert "Unknown name \"txt\" at 'client_content.turns[0].parts[1]'" in reason


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
