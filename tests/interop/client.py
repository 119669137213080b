"""The conversation with google-genai, from outside: `client.py URL CONTROL WAV`. See `__main__.py`.

Runs in an environment of its own, where nothing of this project is. Prints one line of JSON: for each scene
what the SDK made of it. `client.mjs` is the same in JavaScript, scene by scene.
"""

import asyncio
import hashlib
import json
import logging
import sys
import urllib.request
import warnings
import wave
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from google import genai
from google.genai import errors, types
from google.oauth2.credentials import Credentials
from websockets.exceptions import ConnectionClosed, InvalidStatus

MODEL = "gemini-3.8-live"
CHUNK_BYTES = 1280
BYTES_PER_MS = 32
RESUMES = 30
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
CONFIG = {
    "response_modalities": ["AUDIO"],
    "system_instruction": "Be brief.",
    "temperature": 0.5,
    "speech_config": {
        "voice_config": {"prebuilt_voice_config": {"voice_name": "Puck"}},
        "language_code": "en-US",
    },
    "tools": [{"function_declarations": [WEATHER]}, {"google_search": {}}],
    "input_audio_transcription": {},
    "output_audio_transcription": {},
    "realtime_input_config": {
        "automatic_activity_detection": {"prefix_padding_ms": 40, "silence_duration_ms": 1500}
    },
    "context_window_compression": {"trigger_tokens": 25600, "sliding_window": {"target_tokens": 12800}},
}

url, control, wav = sys.argv[1:]
base_url = url.replace("wss:", "https:")
with wave.open(wav) as recording:
    SPEECH = recording.readframes(recording.getnframes())


FIELDS: set[str] = set()
"""Of every message so far, as the SDK has them: dotted paths in the names of the API."""


class Line:
    """One connection of the SDK's, and a note of all that came."""

    def __init__(self, session) -> None:
        self.session = session
        self.handle = None
        self.called: list[str] = []
        self.cancelled: list[str] = []

    async def turn(self, *, until=None, on_message=None) -> dict:
        """Receives to the end of a turn, or to the message that `until` is true of."""
        turn = {"said": "", "heard": "", "thought": "", "code": "", "audioBytes": 0, "order": [], "calls": []}
        async with asyncio.timeout(WITHIN_S):
            async for message in self.session.receive():
                self.take(message, turn)
                if on_message is not None:
                    await on_message(message)
                if until is not None and until(message):
                    break
        return turn

    def take(self, message, turn: dict) -> None:
        FIELDS.update(paths(message.model_dump(mode="json", by_alias=True, exclude_none=True)))
        if message.session_resumption_update and message.session_resumption_update.new_handle:
            self.handle = message.session_resumption_update.new_handle
        if message.usage_metadata:
            usage = message.usage_metadata
            turn["usage"] = [
                usage.prompt_token_count,
                usage.response_token_count,
                usage.thoughts_token_count or 0,
            ]
            turn["usageTotal"] = usage.total_token_count
        if message.tool_call_cancellation:
            self.cancelled += message.tool_call_cancellation.ids
        if message.tool_call:
            self.called += [call.id for call in message.tool_call.function_calls]
            turn["calls"] += [
                [call.name, call.args, bool(call.id)] for call in message.tool_call.function_calls
            ]
        content = message.server_content
        if content is None:
            return
        for part in (content.model_turn.parts or []) if content.model_turn else []:
            if part.inline_data:
                turn["audioBytes"] += len(part.inline_data.data)
            if part.thought:
                turn["thought"] += part.text
            if part.executable_code:
                turn["code"] += part.executable_code.code
            if part.code_execution_result:
                turn["code"] += part.code_execution_result.output
        if content.output_transcription:
            turn["said"] += content.output_transcription.text or ""
        if content.input_transcription:
            turn["heard"] += content.input_transcription.text or ""
        for name in ("interrupted", "generation_complete", "turn_complete"):
            if getattr(content, name):
                turn["order"].append(camel(name))

    async def speak(self, from_ms: int, to_ms: int, heard) -> None:
        """A piece of the recording as fast as it goes, and the end of the stream."""
        pcm = SPEECH[from_ms * BYTES_PER_MS : to_ms * BYTES_PER_MS]
        heard.update(pcm)
        for at in range(0, len(pcm), CHUNK_BYTES):
            blob = types.Blob(data=pcm[at : at + CHUNK_BYTES], mime_type="audio/pcm;rate=16000")
            await self.session.send_realtime_input(audio=blob)
        await self.session.send_realtime_input(audio_stream_end=True)


def camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)


def paths(value, prefix: str = "") -> set[str]:
    """What is filled in, as dotted paths; what is below `args` is the caller's."""
    if isinstance(value, list):
        return set().union(*(paths(item, prefix) for item in value))
    if not isinstance(value, dict) or prefix.endswith(".args") or not value:
        return {prefix} - {""}
    return set().union(*(paths(item, f"{prefix}.{name}" if prefix else name) for name, item in value.items()))


def client(**options):
    http = {"base_url": base_url, **options.pop("http", {})}
    return genai.Client(http_options=http, **options)


def fault(**body) -> None:
    urllib.request.urlopen(f"{control}/fault", json.dumps(body).encode(), timeout=10).read()


async def refusal(attempt) -> dict:
    """What the SDK raises."""
    try:
        await attempt
    except errors.APIError as error:
        return {"code": error.code, "text": str(error)}
    except ConnectionClosed as error:  # the close came before the setup was written: not wrapped then
        return {"code": error.rcvd.code if error.rcvd else 1006, "text": str(error)}
    except InvalidStatus as error:
        return {"code": error.response.status_code, "text": str(error)}
    return {"code": None, "text": "nothing was raised"}


async def once(sdk, model: str = MODEL, config: dict | None = None) -> dict:
    """Connects, and asks one thing."""
    async with sdk.aio.live.connect(model=model, config=config or CONFIG) as session:
        line = Line(session)
        await session.send_client_content(turns={"role": "user", "parts": [{"text": "Hello?"}]})
        turn = await line.turn()
        return {"turn": turn, "sessionId": bool(session.session_id), "handle": bool(line.handle)}


# --- the scenes


async def conversation(done: dict) -> None:
    """One session over three connections: turns, a tool, an interruption, a cut, a goAway."""
    sdk = client(api_key="good-key")
    resumption = {"session_resumption": {}}
    heard = hashlib.sha256()

    async with sdk.aio.live.connect(model=MODEL, config=CONFIG | resumption) as session:
        line = Line(session)
        done["setupComplete"] = session.setup_complete is not None
        await session.send_client_content(turns={"role": "user", "parts": [{"text": "A turn."}]})
        done["content"] = await line.turn()
        await session.send_realtime_input(text="A text.")
        done["text"] = await line.turn()
        await line.speak(0, 2600, heard)
        done["speech"] = await line.turn()

        async def answer(message) -> None:
            for call in message.tool_call.function_calls if message.tool_call else []:
                response = types.FunctionResponse(id=call.id, name=call.name, response={"sky": "clear"})
                await session.send_tool_response(function_responses=[response])

        await session.send_realtime_input(text="The weather?")
        done["tool"] = await line.turn(on_message=answer)

        await session.send_realtime_input(text="A long story.")
        begun = await line.turn(until=lambda m: m.server_content and m.server_content.model_turn)
        await line.speak(5400, 8000, heard)
        done["interrupted"] = await line.turn()
        done["interrupted"]["begun"] = begun["audioBytes"] > 0
        done["interruption"] = await line.turn()

        fault(do="cut")
        done["cut"] = await refusal(line.turn())

    async with resumed(sdk, line.handle, done) as line:
        await line.session.send_realtime_input(text="Still there?")
        done["afterCut"] = await line.turn()
        fault(do="goAway", timeLeft="9.5s")
        await line.turn(
            until=lambda m: done.update(timeLeft=m.go_away.time_left) or True if m.go_away else False
        )

    async with resumed(sdk, line.handle, done) as line:
        await line.speak(11400, 14000, heard)
        done["afterGoAway"] = await line.turn()
        await line.session.send_realtime_input(text="The weather?")
        await line.turn(until=lambda m: m.tool_call)
        await line.session.send_realtime_input(text="Never mind.")
        done["cancelled"] = await line.turn()
        done["cancelled"]["sameIds"] = line.called == line.cancelled != []
        done["secondThought"] = await line.turn()
    done["audioSent"] = heard.hexdigest()


@asynccontextmanager
async def resumed(sdk, handle: str, done: dict) -> AsyncIterator[Line]:
    """A connection with the handle, tried again as long as the old one is taken to live: 1011."""
    config = CONFIG | {"session_resumption": {"handle": handle}}
    async with AsyncExitStack() as stack:
        for _ in range(RESUMES):
            try:
                session = await stack.enter_async_context(sdk.aio.live.connect(model=MODEL, config=config))
                break
            except errors.APIError as error:
                if error.code != 1011:
                    raise
                done.setdefault("tooEarly", {"code": error.code, "text": str(error)})
        else:
            raise TimeoutError("the session was not resumed")
        yield Line(session)


async def token(done: dict) -> None:
    """An ephemeral token that the SDK makes: one use, a setup that is locked, and a resume for nothing."""
    maker = client(api_key="good-key", http={"api_version": "v1alpha"})
    locked = {
        "model": MODEL,
        "config": {
            "response_modalities": ["AUDIO"],
            "output_audio_transcription": {},
            "session_resumption": {},
        },
    }
    made = await maker.aio.auth_tokens.create(config={"uses": 1, "live_connect_constraints": locked})
    sdk = client(api_key=made.name, http={"api_version": "v1alpha"})
    done |= {
        "named": made.name.startswith("auth_tokens/"),
        "first": await once(sdk, "a-model-that-is-not-locked"),
        "spent": await refusal(once(sdk)),
    }


async def vertex(done: dict) -> None:
    """A bearer token, an API key, and a base URL that is the whole address."""
    bearer = client(
        vertexai=True, project="p", location="us-central1", credentials=Credentials(token="good-token")
    )
    alias = genai.Client(
        vertexai=True,
        http_options={"base_url": f"{url}/custom", "headers": {"Authorization": "Bearer good-token"}},
    )
    wrong = client(
        vertexai=True, project="p", location="us-central1", credentials=Credentials(token="bad-token")
    )
    done |= {
        "bearer": await once(bearer, config=CONFIG | {"session_resumption": {"transparent": True}}),
        "key": await once(client(vertexai=True, api_key="good-key")),
        "alias": await once(alias, f"projects/p/locations/us-central1/publishers/google/models/{MODEL}"),
        "badBearer": await refusal(once(wrong)),
    }


async def refusals(done: dict) -> None:
    good = client(api_key="good-key")
    done |= {
        "badKey": await refusal(once(client(api_key="bad-key"))),
        "noModel": await refusal(once(good, "gemini-0")),
        "badHandle": await refusal(once(good, config=CONFIG | {"session_resumption": {"handle": "x"}})),
    }


async def main() -> None:
    said: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger("google_genai").addHandler(handler)
    report: dict = {"version": genai.__version__}
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        for scene in (conversation, token, vertex, refusals):
            done = report[scene.__name__] = {}
            try:
                await scene(done)
            except Exception as error:
                done["failed"] = f"{type(error).__name__}: {error}"
    said += [str(w.message) for w in warned if not isinstance(w.message, errors.ExperimentalWarning)]
    print(json.dumps(report | {"fields": sorted(FIELDS), "warnings": said}))


asyncio.run(main())
