"""What a server message shows: an answer, speech, that a resume was taken, or nothing."""

from typing import Any

import pytest

from sidecar.live.meaning import answers, brings_content, hears_speech
from sidecar.live.turns import Turns
from tests.unit.live.talk import server

ANSWERS = {
    "model turn": {"serverContent": {"modelTurn": {"parts": [{"text": "yes"}]}}},
    "audio": {
        "serverContent": {"modelTurn": {"parts": [{"inlineData": {"mimeType": "audio/pcm", "data": "AA=="}}]}}
    },
    "what it says": {"serverContent": {"outputTranscription": {"text": "yes"}}},
    "generation complete": {"serverContent": {"generationComplete": True}},
    "turn complete": {"serverContent": {"turnComplete": True}},
    "interrupted": {"serverContent": {"interrupted": True}},
    "tool call": {"toolCall": {"functionCalls": [{"id": "a", "name": "f"}]}},
    "waits for more": {"serverContent": {"waitingForInput": True}},
}
NO_ANSWERS = {
    "nothing": {},
    "setup complete": {"setupComplete": {}},
    "empty content": {"serverContent": {}},
    "what the user says": {"serverContent": {"inputTranscription": {"text": "hello"}}},
    "empty words of the model": {"serverContent": {"outputTranscription": {"text": ""}}},
    "status alone": {"serverContent": {"interactionStatus": "IN_PROGRESS"}},
    "denied": {"serverContent": {"turnComplete": False, "interrupted": False, "generationComplete": False}},
    "goAway": {"goAway": {"timeLeft": "50s"}},
    "handle": {"sessionResumptionUpdate": {"newHandle": "h", "resumable": True}},
    "voice begins": {"voiceActivity": {"type": "ACTIVITY_START"}},
    "voice ends": {"voiceActivity": {"type": "ACTIVITY_END"}},
    "cancellation": {"toolCallCancellation": {"ids": ["a"]}},
}


@pytest.mark.parametrize("message", ANSWERS.values(), ids=ANSWERS)
def test_each_kind_of_answer_is_one(message: dict[str, Any]) -> None:
    assert answers(server(**message))


@pytest.mark.parametrize("message", NO_ANSWERS.values(), ids=NO_ANSWERS)
def test_housekeeping_and_the_user_are_no_answer(message: dict[str, Any]) -> None:
    assert not answers(server(**message))


@pytest.mark.parametrize(
    ("message", "heard"),
    [
        ({"serverContent": {"inputTranscription": {"text": "hello"}}}, True),
        ({"serverContent": {"inputTranscription": {"text": ""}}}, False),
        ({"serverContent": {"outputTranscription": {"text": "yes"}}}, False),
        ({"voiceActivity": {"type": "ACTIVITY_END"}}, True),
        ({"voiceActivity": {"type": "ACTIVITY_START"}}, False),
        ({"voiceActivityDetectionSignal": {"vadSignalType": "VAD_SIGNAL_TYPE_EOS"}}, True),
        ({"voiceActivityDetectionSignal": {"vadSignalType": "VAD_SIGNAL_TYPE_SOS"}}, False),
        ({"serverContent": {"interimInputTranscription": {"text": "hel"}}}, False),
        ({"setupComplete": {}}, False),
        ({}, False),
    ],
)
def test_speech_is_what_was_transcribed_or_what_has_ended(message: dict[str, Any], heard: bool) -> None:
    assert hears_speech(server(**message)) is heard


# --- messages that mean nothing -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "content"),
    [
        ({}, False),
        ({"serverContent": {}}, False),
        ({"serverContent": {"outputTranscription": {}}}, False),
        ({"serverContent": {"inputTranscription": {}}}, False),
        ({"setupComplete": {"sessionId": "x"}}, False),
        ({"usageMetadata": {"totalTokenCount": 22}}, False),
        ({"serverContent": {"turnComplete": True}}, True),
        ({"serverContent": {"modelTurn": {}}}, True),
        ({"serverContent": {"inputTranscription": {"text": "a"}}}, True),
        ({"serverContent": {"groundingMetadata": {}}}, True),
        ({"toolCall": {}}, True),
    ],
)
def test_only_what_says_something_proves_that_a_resume_was_taken(
    message: dict[str, Any], content: bool
) -> None:
    turns = Turns()
    assert brings_content(server(**message)) is content
    if not content and "usageMetadata" not in message:
        assert turns.feed(server(**message)) == []
        assert turns.quiet
