from sidecar.simulator.dialect import DIALECTS
from sidecar.simulator.endpoint import Family
from sidecar.simulator.script import Script
from sidecar.simulator.session import Session
from sidecar.simulator.usage import Tokens, usage_metadata


def test_tokens_are_counted_by_modality() -> None:
    tokens = Tokens()
    tokens.add_audio(2000)
    tokens.add_text("nine signs")
    tokens.add_image()
    assert dict(tokens) == {"AUDIO": 50, "TEXT": 3, "VIDEO": 258}


def test_what_is_zero_is_absent() -> None:
    assert usage_metadata(DIALECTS[Family.DEVELOPER], Tokens(), Tokens()) == {}
    assert usage_metadata(DIALECTS[Family.VERTEX], Tokens(TEXT=1), Tokens(), thoughts=2) == {
        "promptTokenCount": 1,
        "totalTokenCount": 3,
        "thoughtsTokenCount": 2,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 1}],
        "trafficType": "ON_DEMAND",
    }


def test_the_prompt_is_all_that_was_said() -> None:
    session = Session(1, Script())
    session.context.add_audio(400)
    session.audio.unique_ms = 1000
    assert session.prompt() == Tokens(AUDIO=35)
    assert session.context == Tokens(AUDIO=10)
