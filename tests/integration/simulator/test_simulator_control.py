"""The control API over real HTTP, and the command over a real process."""

import asyncio
import http.client
import json
import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sidecar.simulator import Script, Simulator, scenarios

Answer = tuple[int, str, bytes]


def call(base: str, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
    connection = http.client.HTTPConnection(base.removeprefix("http://"), timeout=5)
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        return response.status, response.headers.get_content_type(), response.read()
    finally:
        connection.close()


async def ask(sim: Simulator, *args: Any, **headers: str) -> Answer:
    assert sim.control_url is not None
    return await asyncio.to_thread(call, sim.control_url, *args, **headers)


async def test_the_state_has_everything_but_the_secrets(dial: Any, speech: Any) -> None:
    async with Simulator(Script(keys=["a-key"], turns=[]), control_port=0) as sim:
        client = await dial(sim)
        await client.set_up()
        await client.send_audio(*speech(3))
        await client.confirm()
        status, kind, body = await ask(sim, "GET", "/state")
        assert (status, kind) == (200, "application/json")
        state = json.loads(body)
        assert state["connections"][0]["audio"]["receivedMs"] == 60
        assert state["sessions"][0]["audio"]["uniqueMs"] == 60
        assert state["sessions"][0]["handlesIssued"] == 1
        assert client.handle.encode() not in body
        assert b"a-key" not in body


async def test_the_audio_can_be_fetched_by_connection_and_without_repetitions(dial: Any, speech: Any) -> None:
    async with Simulator(Script(turns=[], owner_grace_ms=0), control_port=0) as sim:
        chunks = speech(6)
        first = await dial(sim)
        await first.set_up()
        await first.send_audio(*chunks[:4])
        await first.confirm()
        await sim.cut()
        second = await dial(sim)
        await second.resume(first.handle)
        await second.send_audio(*chunks[2:])
        await second.confirm()
        assert await ask(sim, "GET", "/audio?session=1&connection=2") == (
            200,
            "application/octet-stream",
            b"".join(chunks[2:]),
        )
        assert (await ask(sim, "GET", "/audio?session=1"))[2] == b"".join(chunks)


async def test_a_fault_can_be_posted(dial: Any) -> None:
    async with Simulator(Script(turns=[]), control_port=0) as sim:
        client = await dial(sim)
        await client.set_up()
        fault = b'{"do": "close", "code": 1011, "reason": "Internal error occurred."}'
        status, _, body = await ask(sim, "POST", "/fault", fault)
        assert (status, json.loads(body)) == (200, {"connectionsHit": 1})
        assert await client.closed() == (1011, "Internal error occurred.")
        state = json.loads((await ask(sim, "GET", "/state"))[2])
        assert [done["do"] for done in state["faults"]["done"]] == ["close"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "text"),
    [
        ("POST", "/fault", b"{", 400, "line 1:2: not JSON"),
        ("POST", "/fault", b'{"do": "explode"}', 400, "do: must be one of: cut, freeze"),
        ("POST", "/fault", b'{"do": "cut", "wen": {}}', 400, "wen: unknown field; did you mean when?"),
        ("POST", "/fault", b'{"do": "close", "code": 1006}', 400, "1006"),
        ("POST", "/fault", b"x" * 70_000, 400, "Content-Length"),
        ("GET", "/audio", None, 400, "which session"),
        ("GET", "/audio?session=one", None, 400, "numbers"),
        ("GET", "/audio?session=1", None, 400, "no session 1"),
        ("GET", "/elsewhere", None, 404, "GET /state"),
        ("POST", "/state", b"", 404, "POST /fault"),
    ],
)
async def test_a_wrong_request_is_told_why(
    method: str, path: str, body: bytes | None, status: int, text: str
) -> None:
    async with Simulator(control_port=0) as sim:
        answer = await ask(sim, method, path, body)
        assert answer[:2] == (status, "application/json")
        assert text in json.loads(answer[2])["error"]


async def test_a_web_page_under_another_name_is_kept_out() -> None:
    async with Simulator(control_port=0) as sim:
        assert (await ask(sim, "GET", "/state", Host="evil.example"))[0] == 403


# --- the command

COMMAND = (
    "import argparse, sys; from sidecar.simulator import cli; parser = argparse.ArgumentParser();"
    "cli.add_arguments(parser); sys.exit(cli.run(parser.parse_args()))"
)


class Command:
    """The simulator as a process of its own."""

    def __init__(self, *args: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", COMMAND, *args],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )

    def announcement(self) -> Any:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def end_s(self) -> float:
        """Waits for the end and says how long it took."""
        started = time.monotonic()
        self.process.wait(10)
        return time.monotonic() - started


@pytest.fixture
def command() -> Iterator[Any]:
    started: list[Command] = []

    def start(*args: str) -> Command:
        started.append(Command(*args))
        return started[-1]

    yield start
    for one in started:
        one.process.kill()
        one.process.wait()
        for pipe in (one.process.stdin, one.process.stdout, one.process.stderr):
            assert pipe is not None
            pipe.close()


def test_the_first_line_says_where_it_listens(command: Any) -> None:
    announcement = command().announcement()
    assert announcement["event"] == "listening"
    assert announcement["url"].startswith("ws://127.0.0.1:")
    status, _, body = call(announcement["control"], "GET", "/state")
    assert (status, json.loads(body)["url"]) == (200, announcement["url"])


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM or SIGINT to send to a child")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_within_a_second(command: Any, number: int) -> None:
    running = command()
    running.announcement()
    running.process.send_signal(number)
    assert running.end_s() < 1
    assert running.process.returncode == 0


def test_the_end_of_stdin_ends_it_only_when_asked(command: Any) -> None:
    bound, free = command("--until-stdin-closes"), command()
    bound.announcement()
    url = free.announcement()["control"]
    bound.process.stdin.close()
    free.process.stdin.close()
    assert bound.end_s() < 1
    assert bound.process.returncode == 0
    assert call(url, "GET", "/state")[0] == 200


async def test_it_speaks_tls_and_says_where_its_authority_is(command: Any, dial: Any) -> None:
    running = command("--tls", "--tls-max-version", "1.2", "--until-stdin-closes")
    announcement = await asyncio.to_thread(running.announcement)

    class There:
        url = announcement["url"]

    client = await dial(There(), tls=ssl.create_default_context(cafile=announcement["ca"]))
    await client.set_up()
    assert client.socket.transport.get_extra_info("ssl_object").version() == "TLSv1.2"
    running.process.stdin.close()
    assert await asyncio.to_thread(running.end_s) < 1
    with pytest.raises(FileNotFoundError):
        ssl.create_default_context(cafile=announcement["ca"])


async def test_a_bad_certificate_can_be_asked_for(command: Any, dial: Any) -> None:
    running = command("--tls=expired", "--until-stdin-closes")
    announcement = await asyncio.to_thread(running.announcement)

    class There:
        url = announcement["url"]

    with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
        await dial(There(), tls=ssl.create_default_context(cafile=announcement["ca"]))
    running.process.stdin.close()
    await asyncio.to_thread(running.end_s)


def test_an_option_of_tls_without_it_is_told(command: Any) -> None:
    running = command("--tls-max-version", "1.2")
    out, err = running.process.communicate(timeout=10)
    assert (running.process.returncode, out) == (2, b"")
    assert b"--tls-max-version is for --tls" in err


async def test_events_are_told_on_stderr_without_key_or_handle(command: Any, dial: Any) -> None:
    running = command("--until-stdin-closes")
    announcement = await asyncio.to_thread(running.announcement)

    class There:
        url = announcement["url"]

    client = await dial(There())
    await client.set_up()
    await asyncio.to_thread(call, announcement["control"], "POST", "/fault", b'{"do": "cut"}')
    assert await client.closed() == (1006, "")
    again = await dial(There())
    await again.send({"setup": {"model": "models/m", "sessionResumption": {"handle": client.handle}}})
    assert (await again.closed())[0] == 1011
    out, err = await asyncio.to_thread(running.process.communicate)
    lines = err.decode().splitlines()
    for told in ("connection 1 opened", "session 1 opened, models/m", "fault cut", "resume refused"):
        assert any(told in line for line in lines), told
    assert client.handle not in err.decode()
    assert "a-key" not in err.decode()
    assert out == b""


def test_quiet_is_quiet(command: Any) -> None:
    running = command("--quiet", "--until-stdin-closes")
    announcement = running.announcement()
    call(announcement["control"], "POST", "/fault", b'{"do": "hang"}')
    assert running.process.communicate() == (b"", b"")


def test_a_wrong_script_is_told_with_its_place(command: Any, tmp_path: Path) -> None:
    script = tmp_path / "s.json"
    script.write_text('{\n"faults": [\n{"do": "explode"}],\n"text": 1}')
    running = command("--script", str(script))
    out, err = running.process.communicate(timeout=10)
    assert (running.process.returncode, out) == (2, b"")
    said, first, second = err.decode().splitlines()
    assert said == "live-sidecar simulate: cannot start:"
    assert first.startswith(f"{script}:3: faults[0].do: must be one of: cut, freeze, ")
    assert second == f"{script}:4: text: must be true or false, got 1"


def test_scenarios_are_listed_printed_and_run(command: Any, tmp_path: Path) -> None:
    def printed(*arguments: str) -> str:
        running = command(*arguments)
        out, err = running.process.communicate(timeout=10)
        assert (running.process.returncode, err) == (0, b"")
        return str(out.decode())

    listed = printed("--list-scenarios").splitlines()
    assert [line.split()[0] for line in listed] == scenarios.names()
    own = tmp_path / "own.json"
    own.write_text(printed("--print-scenario", "wifi-switch"))
    assert Script.load(own) == scenarios.load("wifi-switch")
    running = command("--scenario", "wifi-switch")
    state = json.loads(call(running.announcement()["control"], "GET", "/state")[2])
    assert [fault["do"] for fault in state["faults"]["pending"]] == ["networkSwitch"]


def test_the_schema_is_printed(command: Any) -> None:
    out, _ = command("--print-schema").process.communicate(timeout=10)
    assert json.loads(out)["$defs"]["Script"]["properties"]["timeScale"]["exclusiveMinimum"] == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--scenario", "wifi-swich"], "did you mean wifi-switch?"),
        (["--print-scenario", "nothing"], "there are: 58-minutes, bad-key"),
        (["--scenario", "quota", "--script", "x.json"], "not allowed with"),
        (["--script", "missing.json"], "missing.json: cannot be read: No such file"),
    ],
)
def test_wrong_arguments_are_told_without_a_traceback(command: Any, arguments: list[str], told: str) -> None:
    running = command(*arguments)
    out, err = running.process.communicate(timeout=10)
    assert (running.process.returncode, out) == (2, b"")
    assert told in err.decode()
    assert "Traceback" not in err.decode()


def test_a_port_in_use_is_told(command: Any) -> None:
    port = command().announcement()["url"].rpartition(":")[2]
    running = command("--port", port)
    out, err = running.process.communicate(timeout=10)
    assert (running.process.returncode, out) == (1, b"")
    assert b"cannot listen" in err
    assert b"Traceback" not in err
