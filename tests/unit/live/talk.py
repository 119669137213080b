"""What a service says, in the words of a test."""

from typing import Any

import msgspec

from sidecar.live import frames
from sidecar.live.messages import ServerMessage
from sidecar.live.turns import Transcript, Turns


def server(**fields: Any) -> ServerMessage:
    message, _ = frames.read(msgspec.json.encode(fields))
    return message


def say(turns: Turns, **content: Any) -> list[Any]:
    return turns.feed(server(serverContent=content))


def user(text: str) -> dict[str, Any]:
    return {"inputTranscription": {"text": text}}


def model(text: str) -> dict[str, Any]:
    return {"outputTranscription": {"text": text}}


def finals(events: list[Any]) -> list[tuple[str, str]]:
    return [(e.source, e.text) for e in events if isinstance(e, Transcript) and e.final]


def call(turns: Turns, *ids: str) -> None:
    turns.feed(server(toolCall={"functionCalls": [{"id": i, "name": "f"} for i in ids]}))
