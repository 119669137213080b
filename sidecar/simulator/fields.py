"""What a client may say, as tables: the fields of BidiGenerateContentClientMessage by service and version.

LP 2, and for fields marked "3.4" google-genai 3.4.0, which sends them: what it and 2.34.0 can send stands in
tests/unit/simulator/sdk_fields.json, made by tests/interop/fields.py. A leaf names its type; a dict is a
message; a list of one dict is a repeated message. Objects and lists whose inside does not matter here are
taken as they are.
"""

from functools import lru_cache
from typing import Any

from .endpoint import Family

STRING = "TYPE_STRING"
BYTES = "TYPE_BYTES"
BOOL = "TYPE_BOOL"
INT = "TYPE_INT32"
INT64 = "TYPE_INT64"
FLOAT = "TYPE_FLOAT"
OBJECT = "type is an object"
LIST = "type is a list"
ANY = "type is any"
UNSUPPORTED = "known, but not supported in the live api"

Fields = dict[str, Any]

_BLOB: Fields = {"mimeType": STRING, "data": BYTES, "displayName": STRING}
_PART: Fields = {
    "text": STRING,
    "inlineData": _BLOB,
    "fileData": {"mimeType": STRING, "fileUri": STRING, "displayName": STRING},
    "thought": BOOL,
    "thoughtSignature": BYTES,
    "functionCall": OBJECT,
    "functionResponse": OBJECT,
    "executableCode": OBJECT,
    "codeExecutionResult": OBJECT,
    "videoMetadata": OBJECT,
    "mediaResolution": ANY,
    "audioTranscription": OBJECT,  # 3.4, and all that follow
    "mediaProcessing": ANY,
    "speechMetadata": OBJECT,
    "documentMetadata": OBJECT,
    "spreadsheetMetadata": OBJECT,
    "audioMetadata": OBJECT,
}
_PART_OF: dict[Family, Fields] = {
    Family.DEVELOPER: {"toolCall": OBJECT, "toolResponse": OBJECT, "partMetadata": OBJECT},  # 3.4
    Family.VERTEX: {},
}
_TRANSCRIPTION: Fields = {
    "languageCodes": LIST,
    "customVocabulary": LIST,
    "adaptationPhrases": LIST,
    "wordTimestamp": BOOL,
    "diarization": BOOL,
    "languageAuto": OBJECT,
    "languageHints": OBJECT,
    "mode": STRING,  # 3.4
    "sourceText": STRING,  # 3.4
}
_REPLICATED_VOICE: dict[Family, Fields] = {
    Family.VERTEX: {"mimeType": STRING, "voiceSampleAudio": BYTES},
    Family.DEVELOPER: {
        "mimeType": STRING,
        "voiceSampleAudio": BYTES,
        "consentAudio": BYTES,
        "voiceConsentSignature": OBJECT,
    },
}
_FUNCTION: Fields = {
    "name": STRING,
    "description": STRING,
    "parameters": OBJECT,
    "parametersJsonSchema": ANY,
    "response": OBJECT,
    "responseJsonSchema": ANY,
    "behavior": STRING,
}
_TOOL: Fields = {
    "functionDeclarations": [_FUNCTION],
    "googleSearch": OBJECT,
    "googleSearchRetrieval": OBJECT,
    "codeExecution": OBJECT,
    "googleMaps": OBJECT,
    "urlContext": OBJECT,
    "computerUse": OBJECT,
    "mcpServers": LIST,  # 3.4
}
_TOOLS_OF: dict[Family, Fields] = {
    Family.DEVELOPER: {"fileSearch": OBJECT},
    Family.VERTEX: {
        "retrieval": OBJECT,
        "enterpriseWebSearch": OBJECT,
        "parallelAiSearch": OBJECT,  # 3.4
        "exaAiSearch": OBJECT,  # 3.4
    },
}
# LP 2.1: fields of GenerationConfig that Live does not take.
_NOT_IN_LIVE = (
    "responseLogprobs",
    "responseMimeType",
    "logprobs",
    "responseSchema",
    "responseJsonSchema",
    "stopSequences",
    "routingConfig",
    "audioTimestamp",
)
_GENERATION_CONFIG: Fields = {
    "responseModalities": LIST,
    "temperature": FLOAT,
    "topP": FLOAT,
    "topK": FLOAT,
    "maxOutputTokens": INT,
    "seed": INT,
    "candidateCount": INT,
    "presencePenalty": FLOAT,
    "frequencyPenalty": FLOAT,
    "mediaResolution": STRING,
    "thinkingConfig": {"includeThoughts": BOOL, "thinkingBudget": INT, "thinkingLevel": STRING},
    "enableAffectiveDialog": BOOL,
    "translationConfig": {"targetLanguageCode": STRING, "echoTargetLanguage": BOOL},  # Vertex: 3.4
    "responseFormat": LIST,  # 3.4
} | dict.fromkeys(_NOT_IN_LIVE, UNSUPPORTED)
_GENERATION_CONFIG_OF: dict[Family, Fields] = {
    Family.DEVELOPER: {"modelSelectionConfig": OBJECT, "enableEnhancedCivicAnswers": BOOL},  # 3.4
    Family.VERTEX: {"audioTranscriptionConfig": _TRANSCRIPTION, "modelConfig": OBJECT},  # the second: 3.4
}
_SETUP: Fields = {
    "model": STRING,
    "realtimeInputConfig": {
        "automaticActivityDetection": {
            "disabled": BOOL,
            "startOfSpeechSensitivity": STRING,
            "endOfSpeechSensitivity": STRING,
            "prefixPaddingMs": INT,
            "silenceDurationMs": INT,
        },
        "activityHandling": STRING,
        "turnCoverage": STRING,
        "interimTranscriptTimestampEnabled": BOOL,  # 3.4
    },
    "contextWindowCompression": {"triggerTokens": INT64, "slidingWindow": {"targetTokens": INT64}},
    "inputAudioTranscription": _TRANSCRIPTION,
    "outputAudioTranscription": _TRANSCRIPTION,
    "historyConfig": {"initialHistoryInClientContent": BOOL},
    "avatarConfig": {
        "avatarName": STRING,
        "customizedAvatar": {"imageMimeType": STRING, "imageData": BYTES},
        "audioBitrateBps": INT,
        "videoBitrateBps": INT,
    },
    "labels": OBJECT,  # 3.4
}
_SETUP_OF: dict[Family, Fields] = {
    Family.DEVELOPER: {"sessionResumption": {"handle": STRING}},
    Family.VERTEX: {
        "sessionResumption": {"handle": STRING, "transparent": BOOL},
        "explicitVadSignal": BOOL,
        "safetySettings": [{"category": STRING, "threshold": STRING, "method": STRING}],
    },
}
_PROACTIVITY: Fields = {"proactivity": {"proactiveAudio": BOOL, "proactiveVideo": BOOL}}
_SAFETY: Fields = {"safetySettings": [{"category": STRING, "threshold": STRING}]}
_REALTIME_INPUT: Fields = {
    "audio": _BLOB,
    "video": _BLOB,
    "text": STRING,
    "audioStreamEnd": BOOL,
    "activityStart": {},
    "activityEnd": {},
    "mediaChunks": [_BLOB],
}
_FUNCTION_RESPONSE: Fields = {
    "id": STRING,
    "name": STRING,
    "response": OBJECT,
    "scheduling": STRING,
    "parts": LIST,
}
_FUNCTION_RESPONSE_OF: dict[Family, Fields] = {Family.DEVELOPER: {"willContinue": BOOL}, Family.VERTEX: {}}


@lru_cache
def setup_fields(family: Family, version: str, *, safety_settings: bool = False) -> Fields:
    """The fields of `setup`. `safety_settings`: the Developer API takes them, too.

    Proactivity was refused on v1beta and taken on v1alpha (LP 1.1). That v1 is like v1beta is a guess.
    """
    voice = {
        "prebuiltVoiceConfig": {"voiceName": STRING},
        "replicatedVoiceConfig": _REPLICATED_VOICE[family],
        "voice": STRING,  # 3.4
    }
    speech = {
        "voiceConfig": voice,
        "languageCode": STRING,
        "multiSpeakerVoiceConfig": {"speakerVoiceConfigs": [{"speaker": STRING, "voiceConfig": voice}]},
    }
    fields = _SETUP | _SETUP_OF[family]
    fields["systemInstruction"] = _content(family)
    fields["generationConfig"] = _GENERATION_CONFIG | _GENERATION_CONFIG_OF[family] | {"speechConfig": speech}
    fields["tools"] = [_TOOL | _TOOLS_OF[family]]
    if family is Family.VERTEX or version == "v1alpha":
        fields |= _PROACTIVITY
    if family is Family.DEVELOPER and safety_settings:
        fields |= _SAFETY
    return fields


@lru_cache
def message_fields(family: Family, version: str, *, safety_settings: bool = False) -> Fields:
    """The fields of a client message, of which each has exactly one."""
    return {
        "setup": setup_fields(family, version, safety_settings=safety_settings),
        "clientContent": {"turns": [_content(family)], "turnComplete": BOOL},
        "realtimeInput": _REALTIME_INPUT,
        "toolResponse": {"functionResponses": [_FUNCTION_RESPONSE | _FUNCTION_RESPONSE_OF[family]]},
        "contextUpdate": {  # 3.4
            "systemInstruction": _content(family),
            "tools": {"tools": [_TOOL | _TOOLS_OF[family]]},
        },
    }


def _content(family: Family) -> Fields:
    return {"role": STRING, "parts": [_PART | _PART_OF[family]]}


# POST /auth_tokens (LP 1.3). The setup is checked by the table of its version.
AUTH_TOKEN: Fields = {
    "uses": INT,
    "expireTime": STRING,
    "newSessionExpireTime": STRING,
    "bidiGenerateContentSetup": OBJECT,
    "fieldMask": STRING,
}
