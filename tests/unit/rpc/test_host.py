"""What the sidecar asks of the host, and `auth/token` above all: both directions over a real pipe."""

import asyncio
import time

import pytest

from sidecar.lifecycle.faults import Layer
from sidecar.live.auth import NoCredential, Token
from sidecar.rpc.protocol import AuthTokenParams
from sidecar.rpc.server import Server
from sidecar.rpc.tokens import HostTokens

TOKEN = "ya29.canary-of-the-host"


class Asking(Server):
    """A server that lets a test ask the host."""

    def token(self, timeout_s: float = 5.0, token_type: str = "bearer") -> "asyncio.Task[Token]":
        source = HostTokens(self._host, "s1", token_type, timeout_s)  # type: ignore[arg-type]
        return asyncio.create_task(source.token("open"))


@pytest.fixture
async def asking(hosts):
    host = await hosts(Asking)
    await host.initialize()
    return host


def is_question(message):
    return isinstance(message, dict) and message.get("method") == "auth/token"


def answer(question, **body):
    return {"jsonrpc": "2.0", "id": question["id"], **body}


async def denied(task) -> NoCredential:
    with pytest.raises(NoCredential) as failed:
        await task
    assert failed.value.cause.layer is Layer.LOCAL
    return failed.value


async def test_the_host_is_asked_by_name_and_its_token_is_a_secret(asking):
    task = asking.server.token()
    question = await asking.hear_until(is_question)
    assert question == {
        "jsonrpc": "2.0",
        "id": question["id"],
        "method": "auth/token",
        "params": {"sessionId": "s1", "tokenType": "bearer", "reason": "open"},
    }
    ends_at = round((time.time() + 3600) * 1000)
    asking.say(answer(question, result={"token": TOKEN, "expiresAt": ends_at}))
    token = await task
    assert (token.secret.reveal(), token.expires_at) == (TOKEN, ends_at / 1000)
    assert TOKEN not in repr(token)


async def test_several_questions_are_told_apart(asking):
    tasks = [asking.server.token() for _ in range(3)]
    questions = [await asking.hear_until(is_question) for _ in tasks]
    assert len({q["id"] for q in questions}) == 3
    for question in reversed(questions):
        asking.say(answer(question, result={"token": f"t-{question['id']}"}))
    given = [(await task).secret.reveal() for task in tasks]
    assert given == [f"t-{q['id']}" for q in questions]


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        ({"code": -32603, "message": "later"}, "tokenUnavailable", "later"),
        ({"code": -32603, "message": "later", "data": {"retryable": True}}, "tokenUnavailable", "later"),
        ({"code": -1, "message": "sign in first", "data": {"retryable": False, "x": 1}}, "tokenDenied", "sign in first"),
        ({"code": -32601, "message": f"no Bearer {TOKEN} here"}, "tokenDenied", "no Bearer"),
        ({"message": 5}, "tokenUnavailable", "none of JSON-RPC"),
        ({"code": 1, "message": "odd", "data": "text"}, "tokenUnavailable", "odd"),
    ],
)  # fmt: skip
async def test_an_error_of_the_host_says_whether_to_ask_again(asking, error, code, says):
    task = asking.server.token()
    asking.say(answer(await asking.hear_until(is_question), error=error))
    cause = (await denied(task)).cause
    assert cause.code == code
    assert says in cause.text
    assert TOKEN not in cause.text


@pytest.mark.parametrize(
    "result",
    [
        None,
        {},
        {"token": ""},
        {"token": 1},
        {"token": TOKEN + "\n"},
        {"token": TOKEN, "expiresAt": "soon"},
        [TOKEN],
        TOKEN,
    ],
)
async def test_what_is_no_token_is_denied_and_not_shown(asking, result):
    task = asking.server.token()
    asking.say(answer(await asking.hear_until(is_question), result=result))
    cause = (await denied(task)).cause
    assert cause.code == "tokenDenied"
    assert "auth/token" in cause.text
    assert TOKEN not in cause.text


@pytest.mark.parametrize(
    ("extra", "ends_at"),
    [
        ({}, None),
        ({"expiresAt": None}, None),
        ({"expiresAt": 1795449600000.0}, 1795449600.0),
        ({"expiresAt": 1795449600000.5}, 1795449600.0005),
        ({"tokenType": "bearer", "expires_at": 1}, None),
    ],
)
async def test_hosts_write_the_end_of_a_token_in_their_own_way(asking, extra, ends_at):
    task = asking.server.token()
    asking.say(answer(await asking.hear_until(is_question), result={"token": TOKEN} | extra))
    assert (await task).expires_at == ends_at


@pytest.mark.parametrize("expires_at", [1795449600, 1795449600.5, 0, -1])
async def test_the_end_of_a_token_in_seconds_is_denied_and_the_unit_is_named(asking, expires_at):
    task = asking.server.token()
    result = {"token": TOKEN, "expiresAt": expires_at}
    asking.say(answer(await asking.hear_until(is_question), result=result))
    cause = (await denied(task)).cause
    assert cause.code == "tokenDenied"
    assert "the host's answer to auth/token cannot be used: expiresAt is " in cause.text
    assert cause.text.endswith("it is in milliseconds since 1970, not in seconds")


async def test_an_ephemeral_token_must_be_one(asking):
    task = asking.server.token(token_type="ephemeralToken")
    asking.say(answer(await asking.hear_until(is_question), result={"token": TOKEN}))
    assert "auth_tokens/" in (await denied(task)).cause.text


async def test_a_host_that_does_not_answer_is_told_that_it_need_not_any_more(asking):
    task = asking.server.token(timeout_s=0.02)
    question = await asking.hear_until(is_question)
    cause = (await denied(task)).cause
    assert (cause.code, cause.text) == ("tokenTimeout", "the host did not answer auth/token within 20 ms")
    cancelled = await asking.told("$/cancelRequest")
    assert cancelled == {"id": question["id"]}
    asking.say(answer(question, result={"token": TOKEN}))  # too late: neither used nor complained of
    await asking.hear_all()
    assert asking.of("log") == []


@pytest.mark.parametrize("call_id", [7, "sidecar-99", "sidecar-", "sidecar-0", "x-1", None])
async def test_an_answer_to_nothing_is_told(asking, call_id):
    asking.say({"jsonrpc": "2.0", "id": call_id, "result": {}})
    await asking.hear_all()
    assert [note["data"]["id"] for note in asking.of("log")] == [call_id]


def test_the_question_holds_no_secret() -> None:
    assert AuthTokenParams.__struct_fields__ == ("session_id", "token_type", "reason")
