"""What a client may say: the fields of BidiGenerateContentClientMessage on the Developer API (LP 2).

The service knows every field and refuses the others with 1007 (LP 1.5, 5). Keys may be camelCase or
snake_case, as in all proto3 JSON; what `parse` returns has camelCase keys.
"""

import binascii
import re
from collections.abc import Callable
from typing import Any

import msgspec

from .refusals import INVALID_ARGUMENT, Refused

_STRING = "TYPE_STRING"
_BYTES = "TYPE_BYTES"
_BOOL = "TYPE_BOOL"
_NUMBER = "TYPE_NUMBER"
_OBJECT = "type is an object"
_LIST = "type is a list"

# A leaf names its type; a dict is a message; a list of one dict is a repeated message. Objects and lists
# whose inside does not matter here are taken as they are.
Fields = dict[str, Any]

_BLOB: Fields = {"mimeType": _STRING, "data": _BYTES}
_TRANSCRIPTION: Fields = {
    "languageCodes": _LIST,
    "customVocabulary": _LIST,
    "adaptationPhrases": _LIST,
    "wordTimestamp": _BOOL,
    "diarization": _BOOL,
    "languageAuto": _OBJECT,
    "languageHints": _OBJECT,
}
_GENERATION_CONFIG: Fields = {
    "responseModalities": _LIST,
    "temperature": _NUMBER,
    "topP": _NUMBER,
    "topK": _NUMBER,
    "maxOutputTokens": _NUMBER,
    "seed": _NUMBER,
    "candidateCount": _NUMBER,
    "presencePenalty": _NUMBER,
    "frequencyPenalty": _NUMBER,
    "mediaResolution": _STRING,
    "speechConfig": {"voiceConfig": _OBJECT, "languageCode": _STRING, "multiSpeakerVoiceConfig": _OBJECT},
    "thinkingConfig": {"includeThoughts": _BOOL, "thinkingBudget": _NUMBER, "thinkingLevel": _STRING},
    "enableAffectiveDialog": _BOOL,
    "translationConfig": {"targetLanguageCode": _STRING, "echoTargetLanguage": _BOOL},
}
_SETUP: Fields = {
    "model": _STRING,
    "generationConfig": _GENERATION_CONFIG,
    "systemInstruction": {"role": _STRING, "parts": _LIST},
    "tools": [
        {
            "functionDeclarations": _LIST,
            "googleSearch": _OBJECT,
            "codeExecution": _OBJECT,
            "googleMaps": _OBJECT,
            "urlContext": _OBJECT,
            "computerUse": _OBJECT,
            "fileSearch": _OBJECT,
        }
    ],
    "realtimeInputConfig": {
        "automaticActivityDetection": {
            "disabled": _BOOL,
            "startOfSpeechSensitivity": _STRING,
            "endOfSpeechSensitivity": _STRING,
            "prefixPaddingMs": _NUMBER,
            "silenceDurationMs": _NUMBER,
        },
        "activityHandling": _STRING,
        "turnCoverage": _STRING,
    },
    "sessionResumption": {"handle": _STRING},
    "contextWindowCompression": {"triggerTokens": _NUMBER, "slidingWindow": {"targetTokens": _NUMBER}},
    "inputAudioTranscription": _TRANSCRIPTION,
    "outputAudioTranscription": _TRANSCRIPTION,
    "historyConfig": {"initialHistoryInClientContent": _BOOL},
    "avatarConfig": _OBJECT,
}
_OTHERS: Fields = {
    "clientContent": {"turns": [{"role": _STRING, "parts": _LIST}], "turnComplete": _BOOL},
    "realtimeInput": {
        "audio": _BLOB,
        "video": _BLOB,
        "text": _STRING,
        "audioStreamEnd": _BOOL,
        "activityStart": {},
        "activityEnd": {},
        "mediaChunks": [_BLOB],
    },
    "toolResponse": {
        "functionResponses": [
            {
                "id": _STRING,
                "name": _STRING,
                "response": _OBJECT,
                "scheduling": _STRING,
                "willContinue": _BOOL,
                "parts": _LIST,
            }
        ]
    },
}
_MESSAGE: Fields = {"setup": _SETUP, **_OTHERS}
# Seen: v1beta refuses proactivity, v1alpha takes it (LP 1.1).
_MESSAGE_ALPHA: Fields = {"setup": _SETUP | {"proactivity": {"proactiveAudio": _BOOL}}, **_OTHERS}

_IS: dict[str, Callable[[Any], bool]] = {
    _STRING: lambda value: isinstance(value, str),
    _BYTES: lambda value: isinstance(value, str),
    _BOOL: lambda value: isinstance(value, bool),
    # int64 is a string in proto3 JSON.
    _NUMBER: lambda value: isinstance(value, int | float | str) and not isinstance(value, bool),
    _OBJECT: lambda value: isinstance(value, dict),
    _LIST: lambda value: isinstance(value, list),
}


def parse(frame: bytes, api_version: str) -> tuple[str, dict[str, Any]]:
    """The kind of a client message (such as "setup") and its content. Raises Refused."""
    try:
        raw = msgspec.json.decode(frame)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Refused(1007, "Invalid JSON payload received. Unexpected token.") from None
    message = _checked(raw, _MESSAGE_ALPHA if api_version == "v1alpha" else _MESSAGE, ())
    if len(message) != 1:  # a oneof
        raise Refused(1007, INVALID_ARGUMENT)
    return next(iter(message.items()))


def decode_bytes(text: str, path: str) -> bytes:
    """Base64 in either alphabet, padded or not: proto3 JSON takes all. Raises Refused."""
    try:
        if "-" in text or "_" in text:
            text = text.replace("-", "+").replace("_", "/")
        if len(text) % 4:
            if text.endswith("="):
                raise ValueError("padded, but not to a whole group")
            text += "=" * (-len(text) % 4)
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError:  # binascii.Error, or a character that is not ASCII
        raise Refused(1007, f"Invalid value at '{path}' (TYPE_BYTES), Base64 decoding failed.") from None


def _checked(value: Any, fields: Fields, path: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Refused(1007, f"Invalid value at '{_name(path)}' ({_OBJECT}).")
    known: dict[str, Any] = {}
    for key, item in value.items():
        name = key if key in fields else _camel(key)
        if name not in fields:
            at = f" at '{_name(path)}'" if path else ""
            raise Refused(
                1007, f'Invalid JSON payload received. Unknown name "{key}"{at}: Cannot find field.'
            )
        if item is not None:  # null is the same as absent
            known[name] = _checked_field(item, fields[name], (*path, name))
    return known


def _checked_field(value: Any, spec: Any, path: tuple[str, ...]) -> Any:
    if isinstance(spec, dict):
        return _checked(value, spec, path)
    if isinstance(spec, list):
        if not isinstance(value, list):
            raise Refused(1007, f"Invalid value at '{_name(path)}' ({_LIST}).")
        return [_checked(item, spec[0], (*path, f"[{i}]")) for i, item in enumerate(value)]
    if not _IS[spec](value):
        raise Refused(1007, f"Invalid value at '{_name(path)}' ({spec}).")
    return value


def _name(path: tuple[str, ...]) -> str:
    """The place as the service writes it, such as setup.tools[0].google_search."""
    return ".".join(map(_snake, path)).replace(".[", "[")


def _camel(name: str) -> str:
    return re.sub(r"_([a-z])", lambda match: match[1].upper(), name)


def _snake(name: str) -> str:
    return re.sub(r"[A-Z]", lambda match: "_" + match[0].lower(), name)
