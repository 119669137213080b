"""A bad setup is told with every wrong field, and a good one passes, by the words of LP 2.1."""

from typing import Any

import pytest

from sidecar.live.checking import LENIENT_HELPS, Terms
from sidecar.live.endpoints import InvalidConfig
from sidecar.live.setup import InvalidSetup, check_setup, terms_after

DEVELOPER = Terms()
ALPHA = Terms("developer", "v1alpha")
VERTEX = Terms("vertex", "v1beta1")
MODEL = "models/gemini-3.8-live-extended-thinking"
VERTEX_MODEL = "projects/p/locations/us-central1/publishers/google/models/gemini-3.8-live-extended-thinking"

EVERYTHING: dict[str, Any] = {
    "generationConfig": {
        "responseModalities": ["AUDIO"],
        "temperature": 0.5,
        "topP": 1,
        "topK": 40,
        "maxOutputTokens": "1000",
        "seed": 7,
        "candidateCount": 1,
        "presencePenalty": "0.5",
        "frequencyPenalty": -1.5e0,
        "mediaResolution": "MEDIA_RESOLUTION_LOW",
        "speechConfig": {
            "voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Puck"}},
            "languageCode": "en-US",
            "multiSpeakerVoiceConfig": {"speakerVoiceConfigs": [{"speaker": "a", "voiceConfig": {}}]},
        },
        "thinkingConfig": {"includeThoughts": True, "thinkingBudget": 0, "thinkingLevel": "LOW"},
        "enableAffectiveDialog": True,
        "translationConfig": {"targetLanguageCode": "pl", "echoTargetLanguage": True},
        "responseFormat": [],
        "modelSelectionConfig": {},
    },
    "systemInstruction": {
        "role": "system",
        "parts": [{"text": "Be brief.", "thought": False, "thoughtSignature": "AA=="}],
    },
    "tools": [
        {
            "functionDeclarations": [
                {
                    "name": "f",
                    "description": "d",
                    "parametersJsonSchema": {"type": "object", "any_thing": {"goes": []}},
                    "response": {"type": "STRING"},
                    "behavior": "NON_BLOCKING",
                }
            ]
        },
        {
            "googleSearch": {},
            "codeExecution": {},
            "googleMaps": {},
            "urlContext": {},
            "computerUse": {},
            "mcpServers": [],
        },
    ],
    "realtimeInputConfig": {
        "automaticActivityDetection": {
            "disabled": False,
            "startOfSpeechSensitivity": "START_SENSITIVITY_HIGH",
            "endOfSpeechSensitivity": "END_SENSITIVITY_LOW",
            "prefixPaddingMs": 20,
            "silenceDurationMs": 100,
        },
        "activityHandling": "NO_INTERRUPTION",
        "turnCoverage": "TURN_INCLUDES_AUDIO_ACTIVITY_AND_ALL_VIDEO",
    },
    "sessionResumption": {"handle": "h"},
    "contextWindowCompression": {"triggerTokens": "25600", "slidingWindow": {"targetTokens": 12800}},
    "inputAudioTranscription": {
        "languageCodes": ["en-US"],
        "customVocabulary": ["x"],
        "adaptationPhrases": [],
        "wordTimestamp": True,
        "diarization": True,
        "languageAuto": {},
        "languageHints": {},
        "mode": "SMART",
        "sourceText": "x",
    },
    "outputAudioTranscription": {},
    "historyConfig": {"initialHistoryInClientContent": True},
    "avatarConfig": {
        "avatarName": "a",
        "customizedAvatar": {"imageMimeType": "image/png", "imageData": "AA=="},
        "audioBitrateBps": 1,
        "videoBitrateBps": 2,
    },
}
OF_DEVELOPER: dict[str, Any] = {
    "generationConfig": {
        "speechConfig": {
            "voiceConfig": {
                "replicatedVoiceConfig": {
                    "mimeType": "audio/pcm",
                    "voiceSampleAudio": "AA==",
                    "consentAudio": "AA==",
                    "voiceConsentSignature": {"signature": "s"},
                }
            }
        },
        "enableEnhancedCivicAnswers": True,
    },
    "tools": [{"fileSearch": {}}],
}
OF_VERTEX: dict[str, Any] = {
    "generationConfig": {
        "responseModalities": ["VIDEO"],
        "audioTranscriptionConfig": {},
        "modelConfig": {},
    },
    "tools": [{"retrieval": {}}, {"enterpriseWebSearch": {}}, {"exaAiSearch": {}, "parallelAiSearch": {}}],
    "explicitVadSignal": True,
    "sessionResumption": {"transparent": True},
    "proactivity": {"proactiveAudio": True},
    "safetySettings": [{"category": "c", "threshold": "t", "method": "m"}],
}


def wrong(setup: dict[str, Any], terms: Terms = DEVELOPER) -> dict[str, str]:
    """Field to problem; empty when it passes."""
    try:
        check_setup(setup, terms)
    except InvalidSetup as exc:
        return {problem.field: problem.problem for problem in exc.problems}
    return {}


def with_model(setup: dict[str, Any], terms: Terms) -> dict[str, Any]:
    return {"model": VERTEX_MODEL if terms.family == "vertex" else MODEL, **setup}


def snake(value: Any) -> Any:
    """With all names of fields in snake_case; what is the user's own is not of this table."""
    if isinstance(value, dict):
        return {"".join(f"_{c.lower()}" if c.isupper() else c for c in k): snake(v) for k, v in value.items()}
    return [snake(entry) for entry in value] if isinstance(value, list) else value


@pytest.mark.parametrize(
    ("setup", "terms"),
    [
        ({}, DEVELOPER),
        ({"generationConfig": None, "tools": None}, DEVELOPER),
        (EVERYTHING, DEVELOPER),
        (EVERYTHING, VERTEX),
        (EVERYTHING | {"proactivity": {"proactiveAudio": True}}, ALPHA),
        (OF_DEVELOPER, DEVELOPER),
        (OF_VERTEX, VERTEX),
        ({"generationConfig": {"mediaResolution": 1}}, DEVELOPER),
    ],
)
def test_what_the_service_takes_passes_in_both_spellings(setup: dict[str, Any], terms: Terms) -> None:
    assert wrong(with_model(setup, terms), terms) == {}
    assert wrong(snake(with_model(setup, terms)), terms) == {}


def test_what_one_family_alone_knows_is_wrong_for_the_other() -> None:
    only_developer, only_vertex = "only the Developer API knows this field", "only Vertex AI knows this field"
    assert wrong(with_model(OF_DEVELOPER, VERTEX), VERTEX) == {
        "setup.generationConfig.speechConfig.voiceConfig.replicatedVoiceConfig.consentAudio": only_developer,
        "setup.generationConfig.speechConfig.voiceConfig.replicatedVoiceConfig.voiceConsentSignature": only_developer,
        "setup.generationConfig.enableEnhancedCivicAnswers": only_developer,
        "setup.tools[0].fileSearch": only_developer,
    }
    assert wrong(with_model(OF_VERTEX, DEVELOPER), DEVELOPER) == {
        "setup.generationConfig.audioTranscriptionConfig": only_vertex,
        "setup.generationConfig.modelConfig": only_vertex,
        "setup.tools[0].retrieval": only_vertex,
        "setup.tools[1].enterpriseWebSearch": only_vertex,
        "setup.tools[2].exaAiSearch": only_vertex,
        "setup.tools[2].parallelAiSearch": only_vertex,
        "setup.explicitVadSignal": only_vertex,
        "setup.sessionResumption.transparent": only_vertex,
        "setup.safetySettings[0].method": only_vertex,
        "setup.safetySettings": "the Developer API was seen to refuse it",
        "setup.proactivity": "takes apiVersion v1alpha",
        "setup.generationConfig.responseModalities[0]": "not from the Developer API",
    }


@pytest.mark.parametrize(
    ("setup", "expected"),
    [
        # -- placement
        (
            {"generationConfig": {"inputAudioTranscription": {}}},
            {"setup.generationConfig.inputAudioTranscription": "unknown field here; it belongs at setup.inputAudioTranscription"},
        ),
        (
            {"generationConfig": {"transcription": {}}},
            {"setup.generationConfig.transcription": "unknown field; did you mean setup.inputAudioTranscription?"},
        ),
        (
            {"speech_config": {}, "responseModalities": ["AUDIO"]},
            {
                "setup.speech_config": "unknown field here; it belongs at setup.generationConfig.speechConfig",
                "setup.responseModalities": "unknown field here; it belongs at setup.generationConfig.responseModalities",
            },
        ),
        ({"behavior": "BLOCKING"}, {"setup.behavior": "unknown field here; it belongs at setup.tools[].functionDeclarations[].behavior"}),
        ({"modle": "x"}, {"setup.modle": "unknown field; did you mean model?"}),
        # -- types
        ({"systemInstruction": "Be brief."}, {"setup.systemInstruction": "wrong type: a string"}),
        ({"systemInstruction": {"parts": [{"x": {}}]}}, {
            "setup.systemInstruction.parts[0].x": "unknown field",
            "setup.systemInstruction.parts[0].text": "missing",
        }),
        ({"generationConfig": {"temperature": True, "topP": "high", "seed": 1.5}}, {
            "setup.generationConfig.temperature": "wrong type: a boolean",
            "setup.generationConfig.topP": "wrong type: a string",
            "setup.generationConfig.seed": "not a whole number",
        }),
        ({"generationConfig": {"speechConfig": {"languageCode": 5}}}, {"setup.generationConfig.speechConfig.languageCode": "wrong type: a number"}),
        ({"contextWindowCompression": {"triggerTokens": "many"}}, {"setup.contextWindowCompression.triggerTokens": "wrong type: a string"}),
        ({"tools": {}}, {"setup.tools": "wrong type: an object"}),
        ({"tools": [{"functionDeclarations": [{}]}]}, {"setup.tools[0].functionDeclarations[0].name": "missing"}),
        ({"avatarConfig": {"customizedAvatar": {"imageData": "?"}}}, {"setup.avatarConfig.customizedAvatar.imageData": "not base64"}),
        # -- enums, oneofs, lengths
        ({"generationConfig": {"responseModalities": ["audio"]}}, {"setup.generationConfig.responseModalities[0]": "not one of the allowed values"}),
        ({"generationConfig": {"responseModalities": ["AUDIO", "TEXT"]}}, {"setup.generationConfig.responseModalities": "a list of length 2"}),
        (
            {"tools": [{"functionDeclarations": [{"name": "f", "parameters": {}, "parameters_json_schema": {}}]}]},
            {"setup.tools[0].functionDeclarations[0]": "2 of fields that exclude each other"},
        ),
        ({"generationConfig": {}, "generation_config": {}}, {"setup.generationConfig": "given twice, in camelCase and in snake_case"}),
        # -- not of the Live API, or ours
        ({"generationConfig": {"responseSchema": {}, "stopSequences": []}}, {
            "setup.generationConfig.responseSchema": "the Live API does not support it",
            "setup.generationConfig.stopSequences": "the Live API does not support it",
        }),
    ],
)  # fmt: skip
def test_a_slip_is_named_with_its_path(setup: dict[str, Any], expected: dict[str, str]) -> None:
    assert wrong(with_model(setup, DEVELOPER)) == expected


def test_all_that_is_wrong_is_told_at_once_and_what_may_stand_there() -> None:
    setup = {"generationConfig": {"mediaResolution": "HIGH", "topK": []}, "historyConfig": 1, "x": 1}
    with pytest.raises(InvalidConfig) as caught:
        check_setup(setup, DEVELOPER)
    assert isinstance(caught.value, InvalidSetup)
    assert [problem.field for problem in caught.value.problems] == [
        "setup.generationConfig.mediaResolution",
        "setup.generationConfig.topK",
        "setup.historyConfig",
        "setup.x",
        "setup.model",
    ]
    allowed = caught.value.problems[0].allowed
    assert allowed.startswith("one of: MEDIA_RESOLUTION_HIGH, MEDIA_RESOLUTION_LOW, MEDIA_RESOLUTION_MEDIUM")
    assert "an object with initialHistoryInClientContent" in str(caught.value)


@pytest.mark.parametrize(
    ("model", "terms", "passes"),
    [
        ("models/gemini-3.8-live", DEVELOPER, True),
        ("tunedModels/mine", DEVELOPER, True),
        ("gemini-3.8-live", DEVELOPER, False),
        ("models/", DEVELOPER, False),
        ("models/a b", DEVELOPER, False),
        ("", DEVELOPER, False),
        (5, DEVELOPER, False),
        (VERTEX_MODEL, DEVELOPER, False),
        (VERTEX_MODEL, VERTEX, True),
        ("models/gemini-3.8-live", VERTEX, False),
        ("publishers/google/models/gemini-3.8-live", VERTEX, True),
        ("publishers/google/models/", VERTEX, False),
        ("projects/p/locations/us-central1/endpoints/123", VERTEX, True),
        ("projects/p/locations/us-central1/endpoints/", VERTEX, False),
        ("endpoints/123", VERTEX, False),
        ("projects/p/locations/us-central1/endpoints/123", DEVELOPER, False),
    ],
)
def test_the_model_has_the_form_of_its_family(model: Any, terms: Terms, passes: bool) -> None:
    found = wrong({"model": model}, terms)
    assert list(found) == ([] if passes else ["setup.model"])
    assert wrong({"model": model}, terms._replace(strict=False)) == found


def test_the_model_is_required_unless_a_token_may_fix_it() -> None:
    assert wrong({}) == wrong({"model": None}) == {"setup.model": "missing"}
    assert wrong({}, DEVELOPER._replace(constrained=True)) == {}


UNSPECIFIED: dict[str, Any] = {
    "generationConfig": {
        "responseModalities": ["MODALITY_UNSPECIFIED"],
        "mediaResolution": "MEDIA_RESOLUTION_UNSPECIFIED",
        "thinkingConfig": {"thinkingLevel": "THINKING_LEVEL_UNSPECIFIED"},
    },
    "tools": [{"functionDeclarations": [{"name": "f", "behavior": "UNSPECIFIED"}]}],
    "realtimeInputConfig": {
        "automaticActivityDetection": {
            "startOfSpeechSensitivity": "START_SENSITIVITY_UNSPECIFIED",
            "endOfSpeechSensitivity": "END_SENSITIVITY_UNSPECIFIED",
        },
        "activityHandling": "ACTIVITY_HANDLING_UNSPECIFIED",
        "turnCoverage": "TURN_COVERAGE_UNSPECIFIED",
    },
}


@pytest.mark.parametrize("model", ["gemini-3.8-live", "gemini-3.1-flash-live-preview", "another"])
def test_what_is_unspecified_is_as_if_it_were_not_there(model: str) -> None:
    """Also where the model takes no other value; by its number too."""
    assert wrong({"model": f"models/{model}", **UNSPECIFIED}) == {}
    by_number = {"generationConfig": {"thinkingConfig": {"thinkingLevel": 0}}}
    assert wrong({"model": f"models/{model}", **by_number}) == {}
    elsewhere = {"generationConfig": {"mediaResolution": "MODALITY_UNSPECIFIED"}}
    assert len(wrong({"model": f"models/{model}", **elsewhere})) == 1


@pytest.mark.parametrize("terms", [DEVELOPER, DEVELOPER._replace(strict=False)])
def test_no_modality_is_the_services_own_choice(terms: Terms) -> None:
    assert wrong(with_model({"generationConfig": {"responseModalities": []}}, terms), terms) == {}


MODEL_RULES = [
    ("gemini-3.8-live", {"generationConfig": {"thinkingConfig": {"thinkingLevel": "LOW"}}}),
    ("gemini-3.8-live", {"generationConfig": {"enableAffectiveDialog": True}}),
    ("gemini-3.8-live", {"proactivity": {"proactiveAudio": False}}),
    ("gemini-3.1-flash-live-preview", {"proactivity": {"proactiveAudio": True}}),
    ("gemini-3.1-flash-live-preview", {"generationConfig": {"enableAffectiveDialog": True}}),
    (
        "gemini-3.1-flash-live-preview",
        {"tools": [{"functionDeclarations": [{"name": "f", "behavior": "NON_BLOCKING"}]}]},
    ),
]


@pytest.mark.parametrize(("model", "setup"), MODEL_RULES)
def test_what_one_model_does_not_take_is_told_and_lenient_checks_let_it_through(
    model: str, setup: dict[str, Any]
) -> None:
    assert len(wrong({"model": f"models/{model}", **setup}, ALPHA)) == 1
    assert wrong({"model": f"models/{model}", **setup}, ALPHA._replace(strict=False)) == {}
    assert wrong({"model": "models/another", **setup}, ALPHA) == {}


@pytest.mark.parametrize(
    ("setup", "terms"),
    [
        ({"aNewField": {"of": "theirs"}, "generationConfig": {"responseModalities": ["SMELL"], "new": 1}}, DEVELOPER),
        ({"safetySettings": [], "proactivity": {}}, DEVELOPER),
        (OF_VERTEX, DEVELOPER),
        (OF_DEVELOPER, VERTEX),
        ({"contextWindowCompression": {"triggerTokens": 1_000_000}}, VERTEX),
    ],
)  # fmt: skip
def test_lenient_checks_let_through_what_is_new_or_was_only_seen(setup: dict[str, Any], terms: Terms) -> None:
    setup = with_model(setup, terms)
    with pytest.raises(InvalidSetup) as caught:
        check_setup(setup, terms)
    assert caught.value.remediation == LENIENT_HELPS
    assert wrong(setup, terms._replace(strict=False)) == {}


@pytest.mark.parametrize(
    ("setup", "helps"),
    [
        ({"inputAudioTranscripton": {}}, False),  # did you mean
        ({"generationConfig": {"outputAudioTranscription": {}}}, False),  # it belongs elsewhere
        ({"aNewField": {}}, True),
        ({"inputAudioTranscripton": {}, "aNewField": {}}, True),
        ({"inputAudioTranscripton": {}, "generationConfig": {"topP": []}}, False),
    ],
)
def test_a_slip_is_not_answered_with_the_advice_to_let_it_through(setup: dict[str, Any], helps: bool) -> None:
    with pytest.raises(InvalidSetup) as caught:
        check_setup({"model": MODEL, **setup}, DEVELOPER)
    assert caught.value.remediation == (LENIENT_HELPS if helps else "")


def test_lenient_checks_still_refuse_what_is_certain() -> None:
    setup = {
        "model": MODEL,
        "generationConfig": {"topP": [], "responseModalities": ["AUDIO", "TEXT"], "logprobs": 1},
        "avatarConfig": {"customizedAvatar": {"imageData": "?"}},
    }
    found = wrong(setup, DEVELOPER._replace(strict=False))
    assert len(found) == 4
    with pytest.raises(InvalidSetup) as caught:
        check_setup(setup, DEVELOPER)
    assert caught.value.remediation == "", "lenient checks would not help"


@pytest.mark.parametrize(
    ("setup", "automatic"),
    [
        ({}, True),
        ({"realtimeInputConfig": {}}, True),
        ({"realtime_input_config": {"automatic_activity_detection": {"disabled": True}}}, False),
        ({"realtimeInputConfig": {"automaticActivityDetection": {"disabled": False}}}, True),
    ],
)
def test_the_setup_tells_who_marks_the_users_activity(setup: dict[str, Any], automatic: bool) -> None:
    known = check_setup(with_model(setup, DEVELOPER), DEVELOPER)
    assert terms_after(known, DEVELOPER).automatic is automatic
    assert terms_after(known, DEVELOPER).model == "gemini-3.8-live-extended-thinking"
    fixed = terms_after(known, DEVELOPER._replace(constrained=True))
    assert (fixed.automatic, fixed.model) == (None, ""), "the token may say else"
