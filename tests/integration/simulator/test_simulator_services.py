"""The two services side by side: addresses, credentials, and the differences of their messages."""

import base64
import uuid
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from sidecar.simulator import Script, Simulator
from sidecar.simulator.script import ToolCall, Turn

DEVELOPER = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
VERTEX = "/ws/google.cloud.aiplatform.v1beta1.LlmBidiService/BidiGenerateContent"
MODEL = "projects/p/locations/l/publishers/google/models/m"
BEARER = {"Authorization": "Bearer ya29.good"}
FAST = Script(turns=[Turn(user="one two", model="seven", audio_ms=100)], playback_rate=20)


def content(message: Any, field: str) -> Any:
    return message.get("serverContent", {}).get(field)


def ended(message: Any) -> bool:
    return bool(content(message, "turnComplete"))


@pytest.fixture
def vertex(dial: Any) -> Any:
    """`await vertex(sim)`: a connection to Vertex with a bearer token."""

    async def connect(sim: Simulator, path: str = VERTEX, headers: Any = BEARER) -> Any:
        return await dial(sim, path, key=None, headers=headers)

    return connect


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
@pytest.mark.parametrize("prefix", ["", "/", "/my/proxy/"])
async def test_vertex_answers_with_a_session_id(vertex: Any, version: str, prefix: str) -> None:
    async with Simulator() as sim:
        client = await vertex(sim, prefix + VERTEX.replace("v1beta1", version))
        await client.send({"setup": {"model": MODEL}})
        setup_complete = (await client.receive())["setupComplete"]
        assert str(uuid.UUID(setup_complete["sessionId"])) == setup_complete["sessionId"]
        assert sim.state()["connections"][0]["family"] == "vertex"


async def test_the_developer_api_answers_behind_the_path_of_a_custom_base_url(dial: Any) -> None:
    async with Simulator() as sim:
        await (await dial(sim, "/my/proxy/" + DEVELOPER)).set_up()
        assert sim.state()["connections"][0]["family"] == "developer"


async def test_an_alias_path_counts_as_vertex(vertex: Any) -> None:
    async with Simulator(Script(vertex_alias_path="/custom")) as sim:
        client = await vertex(sim, "/custom")
        await client.send({"setup": {"model": "publishers/google/models/m"}})
        assert "sessionId" in (await client.receive())["setupComplete"]


async def test_a_turn_on_vertex_is_told_in_its_own_words(vertex: Any) -> None:
    async with Simulator(FAST) as sim:
        client = await vertex(sim)
        await client.send({"setup": {"model": MODEL, "outputAudioTranscription": {}}})
        await client.receive()
        await client.send({"client_content": {"turn_complete": True}})
        messages = await client.receive_until(ended)
        turn = next(found for message in messages if (found := content(message, "modelTurn")))
        assert turn["role"] == "model"
        assert turn["parts"][0]["inlineData"]["mimeType"] == "audio/pcm"
        usage = messages[-1]["usageMetadata"]
        assert (usage["candidatesTokenCount"], usage["trafficType"]) == (2, "ON_DEMAND")
        assert {"serverContent": {"outputTranscription": {}}} in messages


async def test_tool_calls_on_vertex_have_uuids_and_may_be_answered_by_name(vertex: Any) -> None:
    turn = Turn(model="sunny", audio_ms=100, tool_call=ToolCall(name="get"))
    async with Simulator(Script(turns=[turn], playback_rate=20)) as sim:
        client = await vertex(sim)
        await client.send({"setup": {"model": MODEL}})
        await client.receive()
        await client.send({"clientContent": {"turnComplete": True}})
        (call,) = (await client.receive())["toolCall"]["functionCalls"]
        assert str(uuid.UUID(call["id"])) == call["id"]
        await client.send({"toolResponse": {"functionResponses": [{"name": "get", "response": {}}]}})
        await client.receive_until(ended)
        assert sim.sessions[0].pending_tools == {}


async def test_vertex_takes_longer_to_hear_unless_the_client_asks(
    dial: Any, vertex: Any, speech: Any, silence: Any
) -> None:
    """Sensitivities are HIGH on the Developer API and LOW on Vertex by default."""
    high = {
        "startOfSpeechSensitivity": "START_SENSITIVITY_HIGH",
        "endOfSpeechSensitivity": "END_SENSITIVITY_HIGH",
    }
    offsets = []
    async with Simulator(FAST) as sim:
        developer = await dial(sim)
        await developer.send({"setup": {"model": "models/m"}})
        low, quick = await vertex(sim), await vertex(sim)
        await low.send({"setup": {"model": MODEL, "explicitVadSignal": True}})
        detection = {"realtimeInputConfig": {"automaticActivityDetection": high}}
        await quick.send({"setup": {"model": MODEL, "explicitVadSignal": True} | detection})
        for client in (developer, low, quick):
            await client.receive()
            await client.send_audio(*speech(10), *silence(50))
            messages = await client.receive_until(ended)
            (end,) = [
                m["voiceActivity"]
                for m in messages
                if m.get("voiceActivity", {}).get("type") == "ACTIVITY_END"
            ]
            offsets.append(end["audioOffset"])
    assert offsets == ["0.6s", "1s", "0.6s"]


async def test_vertex_signals_activity_only_when_asked(vertex: Any, speech: Any, silence: Any) -> None:
    for asked, kinds in ((False, []), (True, ["VAD_SIGNAL_TYPE_SOS", "VAD_SIGNAL_TYPE_EOS"])):
        async with Simulator(FAST) as sim:
            client = await vertex(sim)
            await client.send({"setup": {"model": MODEL, "explicitVadSignal": asked}})
            await client.receive()
            await client.send_audio(*speech(10), *silence(50))
            messages = await client.receive_until(ended)
            signals = [
                m["voiceActivityDetectionSignal"] for m in messages if "voiceActivityDetectionSignal" in m
            ]
            assert [signal["vadSignalType"] for signal in signals] == kinds
            assert any("voiceActivity" in message for message in messages) is asked


@pytest.mark.parametrize("model", ["models/m", "m", "projects/p/models/m", MODEL + "/x"])
async def test_a_vertex_model_has_its_own_form(vertex: Any, model: str) -> None:
    async with Simulator() as sim:
        client = await vertex(sim)
        await client.send({"setup": {"model": model}})
        code, reason = await client.closed()
        assert (code, "setup.model: must be projects/" in reason) == (1007, True)


async def test_a_vertex_model_that_does_not_exist_has_its_own_text(vertex: Any) -> None:
    async with Simulator(Script(models=["models/real"])) as sim:
        client = await vertex(sim)
        await client.send({"setup": {"model": MODEL}})
        code, reason = await client.closed()
        assert (code, reason[:40]) == (1008, f"Publisher Model `{MODEL}`"[:40])
        assert len(reason.encode()) == 123
        real = await vertex(sim)
        await real.send({"setup": {"model": MODEL.removesuffix("m") + "real"}})
        assert "setupComplete" in await real.receive()


async def test_video_is_a_modality_of_vertex_with_an_avatar(dial: Any, vertex: Any) -> None:
    video = {"generationConfig": {"responseModalities": ["VIDEO"]}}
    async with Simulator() as sim:
        client = await vertex(sim)
        await client.send({"setup": {"model": MODEL, "avatarConfig": {"avatarName": "a"}} | video})
        assert "setupComplete" in await client.receive()
        for refused, model in ((await vertex(sim), MODEL), (await dial(sim), "models/m")):
            await refused.send({"setup": {"model": model} | video})
            code, reason = await refused.closed()
            assert (code, "(VIDEO) is not supported" in reason) == (1007, True)


# --- credentials


@pytest.mark.parametrize(
    ("path", "headers", "closed"),
    [
        (DEVELOPER, {"x-goog-api-key": "good"}, None),
        (DEVELOPER + "?key=good", {}, None),
        (DEVELOPER + "?key=bad", {}, (1007, "API key not valid.")),
        (DEVELOPER, {}, (1008, "Method doesn't allow unregistered callers")),
        (DEVELOPER, BEARER, (1008, "Method doesn't allow unregistered callers")),
        (DEVELOPER + "Constrained?key=good", {}, (1008, "Method doesn't allow unregistered callers")),
        (DEVELOPER + "Constrained?access_token=auth_tokens/none", {}, (1008, "Method doesn't allow")),
        (VERTEX, BEARER, None),
        (VERTEX + "?access_token=ya29.good", {}, None),
        (VERTEX, {"x-goog-api-key": "good"}, None),
        (VERTEX, {"x-goog-api-key": "bad"}, (1007, "API key not valid.")),
        (
            VERTEX,
            {"Authorization": "Bearer ya29.bad"},
            (1008, "Request had invalid authentication credentials."),
        ),
        (VERTEX, {}, (1008, "Request had invalid authentication credentials.")),
        (VERTEX + "?access_token=auth_tokens/none", {}, (1008, "Request had invalid authentication")),
    ],
)
async def test_credentials_are_judged_after_the_upgrade(
    dial: Any, path: str, headers: dict[str, str], closed: tuple[int, str] | None
) -> None:
    async with Simulator(Script(keys=["good"], tokens=["ya29.good"], bad_bearer="close")) as sim:
        client = await dial(sim, path, key=None, headers=headers)
        if closed is None:
            await client.send({"setup": {"model": MODEL if path.startswith(VERTEX) else "models/m"}})
            assert "setupComplete" in await client.receive()
        else:
            code, reason = await client.closed()
            assert (code, reason[: len(closed[1])]) == closed


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer ya29.bad"}])
async def test_a_bad_bearer_token_is_an_http_401_by_default(dial: Any, headers: dict[str, str]) -> None:
    async with Simulator(Script(tokens=["ya29.good"])) as sim:
        with pytest.raises(InvalidStatus) as caught:
            await dial(sim, VERTEX, key=None, headers=headers)
        assert caught.value.response.status_code == 401
        assert b'"status": "UNAUTHENTICATED"' in caught.value.response.body
        assert sim.connections == []


async def again_and_again(vertex: Any, sim: Simulator) -> None:
    while True:
        await (await vertex(sim)).socket.close()


async def test_a_bearer_token_grows_old_and_its_line_goes_on(vertex: Any) -> None:
    async with Simulator(Script(token_lifetime_ms=60_000, time_scale=400)) as sim:
        client = await vertex(sim)
        await client.send({"setup": {"model": MODEL}})
        await client.receive()
        with pytest.raises(InvalidStatus, match="401"):
            await again_and_again(vertex, sim)
        assert sim.now_s() >= 0.15
        await client.confirm()
        await (await vertex(sim, headers={"Authorization": "Bearer ya29.new"})).socket.close()


async def test_a_bearer_token_can_take_its_line_with_it(vertex: Any) -> None:
    script = Script(token_lifetime_ms=60_000, time_scale=600, token_expiry_closes=True)
    async with Simulator(script) as sim:
        client = await vertex(sim)
        await client.send({"setup": {"model": MODEL}})
        await client.receive()
        code, reason = await client.closed()
        assert (code, reason[:44]) == (1008, "Request had invalid authentication credentia")
        assert sim.now_s() >= 0.1


async def test_the_models_audio_can_come_in_the_url_safe_alphabet(dial: Any) -> None:
    script = Script(turns=FAST.turns, playback_rate=20, url_safe_base64=True)
    async with Simulator(script) as sim:
        client = await dial(sim)
        await client.set_up()
        await client.send({"realtimeInput": {"text": "hi"}})
        turn = next(t for m in await client.receive_until(ended) if (t := content(m, "modelTurn")))
        data = turn["parts"][0]["inlineData"]["data"]
        assert not set("+/") & set(data)
        assert set("-_") & set(data)
        assert len(base64.urlsafe_b64decode(data)) == 4800
