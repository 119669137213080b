"""What must be true of a client's conversation: one table.

A check looks at what the client reported and at what the simulator counted. It answers with what is wrong.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

SCRIPT = Path(__file__).parent / "script.json"
_TURNS = json.loads(SCRIPT.read_text())["turns"]
_VOICE_BYTES_PER_MS = 48
_TOKENS_A_SECOND = 25
_SPOKEN = (
    "content",
    "text",
    "speech",
    "tool",
    None,
    "interruption",
    "afterCut",
    "afterGoAway",
    None,
    "secondThought",
)
"""The scenes of the conversation's turns, in the script's order; None: those that are interrupted."""
_SPOKEN_MS = 3 * 2600
_INTERRUPTED = ["interrupted", "turnComplete"]
_COMPLETE = ["generationComplete", "turnComplete"]

_SENT = {
    "goAway": ("timeLeft",),
    "serverContent": (
        "generationComplete",
        "inputTranscription.languageCode",
        "inputTranscription.speakerLabel",
        "inputTranscription.text",
        "interactionStatus",
        "interrupted",
        "modelTurn.parts.codeExecutionResult.outcome",
        "modelTurn.parts.codeExecutionResult.output",
        "modelTurn.parts.executableCode.code",
        "modelTurn.parts.executableCode.language",
        "modelTurn.parts.inlineData.data",
        "modelTurn.parts.inlineData.mimeType",
        "modelTurn.parts.text",
        "modelTurn.parts.thought",
        "modelTurn.role",
        "outputTranscription.languageCode",
        "outputTranscription.text",
        "turnComplete",
        "turnCompleteReason",
        "waitingForInput",
    ),
    "sessionResumptionUpdate": (
        "lastConsumedClientMessageIndex",
        "newHandle",
        "resumable",
    ),
    "toolCall": (
        "functionCalls.args",
        "functionCalls.id",
        "functionCalls.name",
    ),
    "toolCallCancellation": ("ids",),
    "usageMetadata": (
        "promptTokenCount",
        "promptTokensDetails.modality",
        "promptTokensDetails.tokenCount",
        "responseTokenCount",
        "responseTokensDetails.modality",
        "responseTokensDetails.tokenCount",
        "thoughtsTokenCount",
        "totalTokenCount",
        "trafficType",
    ),
    "voiceActivity": (
        "audioOffset",
        "type",
    ),
}
FIELDS = [f"{message}.{field}" for message, fields in _SENT.items() for field in fields]
"""All that the simulator sends in the conversation; an SDK drops silently what it does not know."""
ALSO_CALLED = {"voiceActivity.voiceActivityType": "voiceActivity.type"}
"""The name in google-genai's types, and the one on the wire, which @google/genai leaves as it is (LP 3)."""


class Seen(NamedTuple):
    report: dict[str, Any]
    state: dict[str, Any]
    api_version: str

    @property
    def talk(self) -> dict[str, Any]:
        return self.report["conversation"]

    def connections(self, session: int) -> list[dict[str, Any]]:
        return [c for c in self.state["connections"] if c["session"] == session]


Wrong = Iterator[str]


def _equal(what: str, got: object, wanted: object) -> Wrong:
    if got != wanted:
        yield f"{what} is {got!r}, not {wanted!r}"


def _answer(what: str, turn: dict[str, Any], number: int) -> Wrong:
    """The turn is the script's, to the byte."""
    scripted = _TURNS[number]
    code = scripted.get("code")
    call = scripted.get("toolCall")
    wanted = {
        "said": scripted["model"],
        "heard": scripted.get("user", ""),
        "thought": scripted.get("thought", ""),
        "code": code["code"] + code["output"] if code else "",
        "audioBytes": scripted["audioMs"] * _VOICE_BYTES_PER_MS,
        "calls": [[call["name"], call["args"], True]] if call else [],
        "order": _COMPLETE,
    }
    for name, value in wanted.items():
        yield from _equal(f"{what}.{name}", turn[name], value)


def _scene(name: str) -> Callable[[Seen], Wrong]:
    return lambda seen: _answer(name, seen.talk[name], _SPOKEN.index(name))


def _setup(seen: Seen) -> Wrong:
    yield from _equal("setupComplete", seen.talk["setupComplete"], True)
    yield from _equal("the API version", seen.state["connections"][0]["apiVersion"], seen.api_version)


def _audio_in(seen: Seen) -> Wrong:
    audio = seen.state["sessions"][0]["audio"]
    yield from _equal("the service's sha256", audio["sha256"], seen.talk["audioSent"])
    yield from _equal("uniqueMs", audio["uniqueMs"], _SPOKEN_MS)
    yield from _equal("doubledMs", audio["doubledMs"], 0)


def _cancellation(seen: Seen) -> Wrong:
    turn = seen.talk["cancelled"]
    yield from _equal("the ids that were called are the cancelled ones", turn["sameIds"], True)
    yield from _equal("its end", turn["order"], _INTERRUPTED)
    yield from _scene("secondThought")(seen)


def _interruption(seen: Seen) -> Wrong:
    turn = seen.talk["interrupted"]
    yield from _equal("the answer had begun", turn["begun"], True)
    yield from _equal("its end", turn["order"], _INTERRUPTED)
    if turn["audioBytes"] >= _TURNS[4]["audioMs"] * _VOICE_BYTES_PER_MS:
        yield "the answer came whole"
    yield from _scene("interruption")(seen)


def _cut(seen: Seen) -> Wrong:
    yield from _equal("the code", seen.talk["cut"]["code"], 1006)
    yield from _equal("the service's code", seen.connections(1)[0]["closeCode"], 1006)
    yield from _scene("afterCut")(seen)


def _resumed(seen: Seen) -> Wrong:
    yield from _told(
        "a resume that came too early", seen.talk["tooEarly"], 1011, "Internal error encountered."
    )
    yield from _equal("resumed", [c["resumed"] for c in seen.connections(1)], [False, True, True])
    session = seen.state["sessions"][0]
    yield from _equal("turnsTaken", session["turnsTaken"], len(_TURNS))
    yield from _equal("texts", session["texts"], 7)
    yield from _equal("pendingToolCalls", session["pendingToolCalls"], [])


def _go_away(seen: Seen) -> Wrong:
    yield from _equal("timeLeft", seen.talk["timeLeft"], "9.5s")
    # @google/genai closes with no code at all.
    code = seen.connections(1)[1]["closeCode"]
    if code not in (1000, 1005):
        yield f"the service's code is {code}"
    yield from _scene("afterGoAway")(seen)


def _usage(seen: Seen) -> Wrong:
    before = 0
    for number, name in enumerate(_SPOKEN):
        if name is None:
            continue
        turn = seen.talk[name]
        prompt, response, _ = turn["usage"]
        yield from _equal(f"{name}.totalTokenCount", turn["usageTotal"], sum(turn["usage"]))
        spoken = round(_TURNS[number]["audioMs"] * _TOKENS_A_SECOND / 1000)
        yield from _equal(f"{name}.responseTokenCount", response, spoken)
        if prompt <= before:
            yield f"{name}.promptTokenCount is {prompt} after {before}"
        before = prompt


def _token(seen: Seen) -> Wrong:
    token = seen.report["token"]
    yield from _equal("its name is one", token["named"], True)
    yield from _answer("first", token["first"]["turn"], 0)
    # The client's own setup asked for no handles: the locked one does.
    yield from _equal("a handle", token["first"]["handle"], True)
    yield from _told("spent", token["spent"], 1011, "Token has been used too many times")
    yield from _equal(
        "the service's books", seen.state["ephemeralTokens"], [{"token": 1, "uses": 1, "used": 1}]
    )


def _vertex(seen: Seen) -> Wrong:
    vertex = seen.report["vertex"]
    for way in ("bearer", "key", "alias"):
        yield from _answer(way, vertex[way]["turn"], 0)
        yield from _equal(f"{way}: a sessionId", vertex[way]["sessionId"], True)
        # Asked for with `transparent`, which is Vertex's alone.
        yield from _equal(f"{way}: a handle", vertex[way]["handle"], way == "bearer")
    families = [c["family"] for c in seen.state["connections"] if c["session"] in (3, 4, 5)]
    yield from _equal("the services", families, ["vertex"] * 3)
    yield from _told("badBearer", vertex["badBearer"], 401, "401")


def _refusals(seen: Seen) -> Wrong:
    for name, code, text in (
        ("badKey", 1007, "API key not valid. Please pass a valid API key."),
        ("noModel", 1008, f"models/gemini-0 is not found for API version {seen.api_version}"),
        ("badHandle", 1007, "Invalid session handle"),
    ):
        yield from _told(name, seen.report["refusals"][name], code, text)


def _told(what: str, told: dict[str, Any], code: int, text: str) -> Wrong:
    yield from _equal(f"{what}: the code", told["code"], code)
    if text not in told["text"]:
        yield f"{what}: {text!r} is not in {told['text']!r}"


def _fields(seen: Seen) -> Wrong:
    known = {ALSO_CALLED.get(field, field) for field in seen.report["fields"]}
    for field in FIELDS:
        if field not in known:
            yield f"{field} was sent, and not understood"
    yield from (f"warned: {text}" for text in seen.report["warnings"])


CHECKS: dict[str, Callable[[Seen], Wrong]] = {
    "setup": _setup,
    "text as a turn": _scene("content"),
    "text": _scene("text"),
    "speech": _scene("speech"),
    "audio in": _audio_in,
    "tool call": _scene("tool"),
    "call cancelled": _cancellation,
    "interruption": _interruption,
    "cut": _cut,
    "resumption": _resumed,
    "goAway": _go_away,
    "usage": _usage,
    "ephemeral token": _token,
    "Vertex": _vertex,
    "refusals": _refusals,
    "fields": _fields,
}


def judge(seen: Seen) -> dict[str, list[str]]:
    """What is wrong, check by check. A scene that failed fails every check that needs it."""
    wrong = {}
    for name, check in CHECKS.items():
        try:
            wrong[name] = list(check(seen))
        except (KeyError, IndexError, TypeError) as error:
            failed = {
                scene["failed"]
                for scene in seen.report.values()
                if isinstance(scene, dict) and "failed" in scene
            }
            wrong[name] = ["; ".join(sorted(failed)) or f"{type(error).__name__}: {error}"]
    return wrong
