"""What the service would not take, told on the wire: every field, and the way out where there is one."""

import pytest

from sidecar.simulator import Script, Simulator

KEY = "canary-key-41f7"
WRONG = {
    "model": "gemini-3.8-live",
    "generationConfig": {"speechConfig": {"languageCode": 5}, "inputAudioTranscription": {}},
    "tools": "none",
}


def fields(refusal):
    return {problem["field"]: problem for problem in refusal["data"]["problems"]}


async def test_every_wrong_field_of_a_setup_is_told_at_once(host, params_of_open):
    refusal = await host.refused("session/open", **params_of_open("ws://127.0.0.1:9") | {"setup": WRONG})

    assert (refusal["code"], refusal["data"]["kind"]) == (-32602, "invalidParams")
    found = fields(refusal)
    assert set(found) == {
        "setup.model",
        "setup.generationConfig.speechConfig.languageCode",
        "setup.generationConfig.inputAudioTranscription",
        "setup.tools",
    }
    assert found["setup.generationConfig.speechConfig.languageCode"]["allowed"] == "a string"
    assert (
        "setup.inputAudioTranscription" in found["setup.generationConfig.inputAudioTranscription"]["problem"]
    )
    assert all(field in refusal["message"] for field in found)
    assert "remediation" not in refusal["data"]  # each problem says itself what to do
    assert refusal["data"]["sessionId"] == "s1"


@pytest.mark.parametrize(("checks", "passes"), [("strict", False), ("lenient", True)])
async def test_a_field_that_is_newer_than_the_sidecar_can_be_used_today(host, sim, checks, passes):
    await host.open(sim, checks=checks)
    response = {"id": "call_1", "name": "f", "newField": 1}
    send = {"sessionId": "s1", "toolResponse": {"functionResponses": [response]}}
    refusal = await host.refused("session/send", **send)

    assert refusal["data"]["kind"] == "invalidMessage"
    if passes:  # the sidecar knows of no such call, and that is all that is wrong
        assert "call_1" in refusal["message"]
        assert "problems" not in refusal["data"]
    else:
        assert set(fields(refusal)) == {"toolResponse.functionResponses[0].newField"}
        assert "lenient" in refusal["data"]["remediation"]


async def test_every_wrong_field_of_a_message_is_told_with_its_number(host, sim):
    await host.open(sim)
    turns = [{"role": "system", "parts": [{"text": 5}]}]
    refusal = await host.refused(
        "session/send", sessionId="s1", n=3, clientContent={"turns": turns, "turnComplet": 1}
    )

    assert refusal["message"].startswith("number 3: ")
    assert set(fields(refusal)) == {
        "clientContent.turns[0].role",
        "clientContent.turns[0].parts[0].text",
        "clientContent.turnComplet",
    }


async def test_no_value_of_a_setup_comes_back(host, params_of_open):
    setup = {"model": KEY, "tools": KEY, "systemInstruction": [KEY]}
    refusal = await host.refused("session/open", **params_of_open("ws://127.0.0.1:9") | {"setup": setup})

    assert KEY not in str(refusal)


async def test_a_message_that_passes_goes_out_as_it_came(host):
    async with Simulator(Script()) as sim:
        await host.open(sim, checks="strict")
        turns = [{"role": "user", "parts": [{"text": "hello"}]}]
        answer = await host.ask(
            "session/send", sessionId="s1", clientContent={"turns": turns, "turn_complete": True}
        )
        assert answer["status"] == "sent"
        await host.ask("session/ping", sessionId="s1")
        assert sim.sessions[0].texts == ["hello"]
