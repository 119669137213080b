"""The same conversation with our own session: `python -m tests.interop.ours URL CONTROL WAV`.

It reconnects by itself, and is only waited for. What `client.py` takes from the SDK's types is here taken
from `sidecar.live.messages`.
"""

import asyncio
import base64
import hashlib
import json
import os
import ssl
import sys
import urllib.request
import wave
from collections.abc import Callable
from typing import Any

import msgspec

from sidecar import __version__
from sidecar.lifecycle.events import GoAwayReceived, HandleChanged, Reconnecting
from sidecar.lifecycle.faults import Fault
from sidecar.lifecycle.settings import HandOver, ResumptionOptions, Settings
from sidecar.live import frames
from sidecar.live.auth import ApiKey, Auth, Bearer, EphemeralToken
from sidecar.live.endpoints import Endpoint, developer, vertex
from sidecar.live.messages import ServerMessage
from sidecar.live.tls import Tls
from sidecar.observe.secret import Secret
from sidecar.session import Config, LiveSession, SessionFailed

MODEL = "models/gemini-3.8-live"
VERTEX_MODEL = "projects/p/locations/us-central1/publishers/google/models/gemini-3.8-live"
CHUNK_BYTES = 1280
BYTES_PER_MS = 32
WITHIN_S = 15.0
WEATHER = {
    "name": "get_weather",
    "description": "The weather in a city.",
    "parameters": {
        "type": "OBJECT",
        "properties": {"city": {"type": "STRING"}, "daysAhead": {"type": "INTEGER"}},
        "required": ["city"],
    },
}
SETUP: dict[str, Any] = {
    "model": MODEL,
    "generationConfig": {
        "responseModalities": ["AUDIO"],
        "temperature": 0.5,
        "speechConfig": {
            "voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Puck"}},
            "languageCode": "en-US",
        },
    },
    "systemInstruction": {"parts": [{"text": "Be brief."}]},
    "tools": [{"functionDeclarations": [WEATHER]}, {"googleSearch": {}}],
    "inputAudioTranscription": {},
    "outputAudioTranscription": {},
    "realtimeInputConfig": {"automaticActivityDetection": {"prefixPaddingMs": 40, "silenceDurationMs": 1500}},
    "contextWindowCompression": {"triggerTokens": "25600", "slidingWindow": {"targetTokens": "12800"}},
}
EAGER = Settings(hand_over=HandOver(first_delay_s=0.05, retry_delay_s=0.2))
"""Comes back at once, as Google's clients do here, and is refused as they are."""
NO_HANDLES = Settings(resumption=ResumptionOptions(enabled=False))

url, control, wav = sys.argv[1:]
with wave.open(wav) as recording:
    SPEECH = recording.readframes(recording.getnframes())


FIELDS: set[str] = set()
"""Of every message so far, as far as we understand it: dotted paths."""


class Talk:
    """One session, and a note of all that came."""

    def __init__(
        self,
        endpoint: Endpoint,
        auth: Auth,
        setup: dict[str, Any],
        settings: Settings,
        handle: str | None = None,
    ) -> None:
        tls = Tls(ca_file=os.environ.get("SSL_CERT_FILE", ""))
        self.session = LiveSession(Config(endpoint, auth, setup, settings, handle, tls=tls))
        self.faults: list[dict[str, Any]] = []
        self.handles = 0
        self.time_left = ""
        self.session_id = ""
        self.called: list[str] = []
        self.cancelled: list[str] = []
        self._messages: asyncio.Queue[ServerMessage] = asyncio.Queue()
        self._chunks = 0
        self.session.on(frames.MessageReceived, self._received)
        self.session.on(HandleChanged, self._handle)
        self.session.on(GoAwayReceived, self._go_away)
        self.session.on(Reconnecting, lambda event: self.faults.append(told(event.fault)))

    def _received(self, event: frames.MessageReceived) -> None:
        message, _ = frames.read(event.data)
        FIELDS.update(paths(json.loads(msgspec.json.encode(message))))
        if message.tool_call is not None:
            self.called += [call.id for call in message.tool_call.function_calls]
        if message.tool_call_cancellation is not None:
            self.cancelled += message.tool_call_cancellation.ids
        if message.setup_complete is not None:
            self.session_id = message.setup_complete.session_id
        self._messages.put_nowait(message)

    def _handle(self, event: HandleChanged) -> None:
        if event.handle:
            self.handles += 1
            FIELDS.add("sessionResumptionUpdate.newHandle")  # told apart: a message never shows it

    def _go_away(self, event: GoAwayReceived) -> None:
        self.time_left = f"{event.time_left_s:g}s"

    async def turn(
        self,
        *,
        until: Callable[[ServerMessage], object] | None = None,
        on_message: Callable[[ServerMessage], None] | None = None,
    ) -> dict[str, Any]:
        """Receives to the end of a turn, or to the message that `until` is true of."""
        turn: dict[str, Any] = {
            **{"said": "", "heard": "", "thought": "", "code": ""},
            **{"audioBytes": 0, "order": [], "calls": []},
        }
        while True:
            message = await asyncio.wait_for(self._messages.get(), WITHIN_S)
            take(message, turn)
            if on_message is not None:
                on_message(message)
            content = message.server_content
            ended = (
                content is not None and content.turn_complete and content.interaction_status != "IN_PROGRESS"
            )
            if ended or (until is not None and until(message)):
                return turn

    def speak(self, from_ms: int, to_ms: int, heard: Any) -> None:
        """A piece of the recording as fast as it goes, and the end of the stream."""
        pcm = SPEECH[from_ms * BYTES_PER_MS : to_ms * BYTES_PER_MS]
        heard.update(pcm)
        for at in range(0, len(pcm), CHUNK_BYTES):
            data = base64.b64encode(pcm[at : at + CHUNK_BYTES]).decode()
            self.session.send_audio(self._chunks, data, "audio/pcm;rate=16000")
            self._chunks += 1
        self.session.send("realtimeInput", {"audioStreamEnd": True})

    def answer(self, message: ServerMessage) -> None:
        for call in message.tool_call.function_calls if message.tool_call else []:
            response = {"id": call.id, "name": call.name, "response": {"sky": "clear"}}
            self.session.send("toolResponse", {"functionResponses": [response]})

    def write(self, text: str) -> None:
        self.session.send("realtimeInput", {"text": text})

    def ask(self, text: str) -> None:
        turns = [{"role": "user", "parts": [{"text": text}]}]
        self.session.send("clientContent", {"turns": turns, "turnComplete": True})


def take(message: ServerMessage, turn: dict[str, Any]) -> None:
    if message.usage_metadata:
        usage = message.usage_metadata
        response = usage.response_token_count or usage.candidates_token_count
        turn["usage"] = [usage.prompt_token_count, response, usage.thoughts_token_count]
        turn["usageTotal"] = usage.total_token_count
    if message.tool_call:
        turn["calls"] += [[call.name, call.args, bool(call.id)] for call in message.tool_call.function_calls]
    content = message.server_content
    if content is None:
        return
    for part in content.model_turn.parts if content.model_turn else []:
        if part.inline_data:
            turn["audioBytes"] += len(base64.b64decode(json.loads(bytes(part.inline_data.data))))
        if part.thought:
            turn["thought"] += part.text
        if part.executable_code is not msgspec.UNSET:
            turn["code"] += json.loads(bytes(part.executable_code))["code"]
        if part.code_execution_result is not msgspec.UNSET:
            turn["code"] += json.loads(bytes(part.code_execution_result))["output"]
    turn["said"] += content.output_transcription.text if content.output_transcription else ""
    turn["heard"] += content.input_transcription.text if content.input_transcription else ""
    ends = {
        "interrupted": content.interrupted,
        "generationComplete": content.generation_complete,
        "turnComplete": content.turn_complete,
    }
    turn["order"] += [name for name, there in ends.items() if there]


def paths(value: Any, prefix: str = "") -> set[str]:
    """What is filled in, as dotted paths; what is below `args` is the caller's."""
    if isinstance(value, list):
        return set().union(*(paths(item, prefix) for item in value))
    if not isinstance(value, dict) or prefix.endswith(".args") or not value:
        return {prefix} - {""}
    return set().union(*(paths(item, f"{prefix}.{name}" if prefix else name) for name, item in value.items()))


def told(fault: Fault) -> dict[str, Any]:
    return {"code": fault.ws_code or fault.http_status, "text": fault.message}


async def post(address: str, body: dict[str, Any], **headers: str) -> dict[str, Any]:
    def send() -> dict[str, Any]:
        context = ssl.create_default_context(cafile=os.environ.get("SSL_CERT_FILE"))
        request = urllib.request.Request(address, json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request, timeout=WITHIN_S, context=context) as answer:
            return json.load(answer)

    return await asyncio.to_thread(send)


async def fault(**body: Any) -> None:
    await post(f"{control}/fault", body)


async def refusal(attempt: Any) -> dict[str, Any]:
    try:
        await attempt
    except SessionFailed as failed:
        return told(failed.fault)
    return {"code": None, "text": "nothing was raised"}


async def once(
    endpoint: Endpoint, auth: Auth, *, settings: Settings = NO_HANDLES, setup: dict[str, Any] = SETUP
) -> dict[str, Any]:
    """Connects, and asks one thing."""
    talk = Talk(endpoint, auth, setup, settings)
    async with talk.session:
        talk.ask("Hello?")
        turn = await talk.turn()
    return {"turn": turn, "sessionId": bool(talk.session_id), "handle": talk.handles > 0}


# --- the scenes


async def conversation(done: dict[str, Any]) -> None:
    """One session over three connections: turns, a tool, an interruption, a cut, a goAway."""
    heard = hashlib.sha256()
    talk = Talk(developer(url), ApiKey(Secret("good-key")), SETUP, EAGER)
    async with talk.session:
        done["setupComplete"] = talk.session.state == "connected"
        talk.ask("A turn.")
        done["content"] = await talk.turn()
        talk.write("A text.")
        done["text"] = await talk.turn()
        talk.speak(0, 2600, heard)
        done["speech"] = await talk.turn()
        talk.write("The weather?")
        done["tool"] = await talk.turn(on_message=talk.answer)

        talk.write("A long story.")
        begun = await talk.turn(until=lambda m: m.server_content and m.server_content.model_turn)
        talk.speak(5400, 8000, heard)
        done["interrupted"] = await talk.turn() | {"begun": begun["audioBytes"] > 0}
        done["interruption"] = await talk.turn()

        await talk.session.ping()  # now it knows what arrived, and says nothing twice
        await fault(do="cut")
        await talk.session.settled()
        done["cut"], done["tooEarly"] = talk.faults[:2]
        talk.write("Still there?")
        done["afterCut"] = await talk.turn()

        await fault(do="goAway", timeLeft="9.5s")
        await talk.turn(until=lambda m: m.go_away)
        done["timeLeft"] = talk.time_left
        await talk.session.settled()
        talk.speak(11400, 14000, heard)
        done["afterGoAway"] = await talk.turn()
        talk.called.clear()
        talk.write("The weather?")
        await talk.turn(until=lambda m: m.tool_call)
        talk.write("Never mind.")
        done["cancelled"] = await talk.turn()
        done["cancelled"]["sameIds"] = talk.called == talk.cancelled != []
        done["secondThought"] = await talk.turn()
    done["audioSent"] = heard.hexdigest()


async def token(done: dict[str, Any]) -> None:
    """An ephemeral token: one use, and a setup that is locked."""
    https = url.replace("ws", "http", 1)
    locked = {
        "model": MODEL,
        "generationConfig": {"responseModalities": ["AUDIO"]},
        "outputAudioTranscription": {},
        "sessionResumption": {},
    }
    body = {"uses": 1, "bidiGenerateContentSetup": locked}
    made = await post(f"{https}/v1alpha/auth_tokens", body, **{"x-goog-api-key": "good-key"})
    auth = EphemeralToken(Secret(made["name"]))
    done |= {
        "named": made["name"].startswith("auth_tokens/"),
        "first": await once(developer(url, "v1alpha"), auth, setup={}, settings=EAGER),
        "spent": await refusal(once(developer(url, "v1alpha"), auth)),
    }


async def vertex_scene(done: dict[str, Any]) -> None:
    """A bearer token, an API key, and a base URL with a path."""
    setup = SETUP | {"model": VERTEX_MODEL}
    transparent = setup | {"sessionResumption": {"transparent": True}}
    at, path = vertex("us-central1", base_url=url), vertex("us-central1", base_url=f"{url}/custom")
    good = Bearer(Secret("good-token"))
    done |= {
        "bearer": await once(at, good, setup=transparent, settings=EAGER),
        "key": await once(at, ApiKey(Secret("good-key")), setup=setup),
        "alias": await once(path, good, setup=setup),
        "badBearer": await refusal(once(at, Bearer(Secret("bad-token")), setup=setup)),
    }


async def refusals(done: dict[str, Any]) -> None:
    good = ApiKey(Secret("good-key"))
    done |= {
        "badKey": await refusal(once(developer(url), ApiKey(Secret("bad-key")))),
        "noModel": await refusal(once(developer(url), good, setup=SETUP | {"model": "models/gemini-0"})),
        "badHandle": await bad_handle(good),
    }


async def bad_handle(auth: Auth) -> dict[str, Any]:
    """A handle that is refused is left, and a fresh session opened: the refusal is told on the way."""
    talk = Talk(developer(url), auth, SETUP, EAGER, handle="x")
    async with talk.session:
        return talk.faults[0]


async def main() -> None:
    report: dict[str, Any] = {"version": __version__}
    scenes = {"conversation": conversation, "token": token, "vertex": vertex_scene, "refusals": refusals}
    for name, scene in scenes.items():
        done = report[name] = {}
        try:
            await scene(done)
        except Exception as error:
            done["failed"] = f"{type(error).__name__}: {error}"
    print(json.dumps(report | {"fields": sorted(FIELDS), "warnings": []}))


asyncio.run(main())
