"""Staying away, coming back, hints of the host, other settings: over real sockets."""

import asyncio
import time

import msgspec
import pytest

from sidecar.lifecycle import events as ev
from sidecar.lifecycle.settings import STRICT, Heartbeat, InvalidSettings, ResumptionOptions, StallLimits
from sidecar.lifecycle.states import Phase, State
from sidecar.live.turns import Transcript
from sidecar.session import WrongState
from sidecar.session import sleep as sleep_module
from sidecar.simulator import Simulator


async def parked(talk):
    await talk.until(lambda: talk.session.state is State.SUSPENDED and talk.session.core.line is None)


async def probed(talk):
    """The probe was answered; no event tells it."""
    async with asyncio.timeout(5.0):
        while talk.session.core.stats.pongs < 1:  # noqa: ASYNC110
            await asyncio.sleep(0.001)


# --- suspend and resume -------------------------------------------------------------------------------


async def test_a_suspended_session_is_away_and_what_is_said_meanwhile_arrives_after_its_resume(talks, fast):
    async with Simulator(fast()) as sim:
        talk = await talks.open(sim.url)
        await talk.say(25)
        talk.session.suspend()
        await parked(talk)
        await sim.wait_for(lambda: sim.connections[0].close_code is not None)
        assert sim.connections[0].close_code == 1000
        await talk.say(25)
        assert len(sim.connections) == 1, "nothing is dialled while it is away"

        talk.session.resume()
        await talk.told(ev.Reconnected)
        await talk.all_heard(sim)
        assert talk.states() == ["connecting", "connected", "suspended", "reconnecting", "connected"]
        assert talk.session.core.state_restored == "resumed"
        assert talk.of(ev.Failure) == []


async def test_a_resume_right_after_the_suspend_waits_for_the_old_line_to_be_closed(talks, fast):
    async with Simulator(fast()) as sim:
        talk = await talks.open(sim.url)
        await talk.say(10)
        talk.session.suspend()
        talk.session.resume()
        await talk.told(ev.Reconnected)
        await talk.all_heard(sim)
        assert await talk.session.settled() is State.CONNECTED


async def test_the_system_wakes_only_what_it_put_to_sleep(talks, fast):
    async with Simulator(fast()) as sim:
        of_host, of_system = await talks.open(sim.url), await talks.open(sim.url)
        of_host.session.suspend()
        of_system.session.system_suspend()
        of_host.session.system_suspend()
        await parked(of_host)
        await parked(of_system)
        for talk in (of_host, of_system):
            talk.session.system_resume()

        await of_system.told(ev.Reconnected)
        assert of_host.session.state is State.SUSPENDED
        reasons = [e.reason for e in of_system.of(ev.StateChanged)]
        assert "systemSuspend" in reasons
        assert "systemResume" in reasons


async def test_what_cannot_be_suspended_says_so(talks, fast):
    async with Simulator(fast()) as sim:
        talk = talks(sim.url)
        with pytest.raises(WrongState):
            talk.session.suspend()
        await talk.session.connect()
        await talk.session.close()
        for call in (talk.session.suspend, talk.session.resume, talk.session.reconnect):
            with pytest.raises(WrongState):
                call()


# --- hints --------------------------------------------------------------------------------------------


async def test_a_new_address_moves_the_session_at_once(talks, fast):
    async with Simulator(fast()) as sim:
        talk = await talks.open(sim.url)
        await talk.say(10)
        talk.session.network_changed(online=True, address_changed=True)
        reconnected = await talk.told(ev.Reconnected)
        await talk.all_heard(sim)
        assert reconnected.state_restored == "resumed"
        assert talk.session.core.stats.hand_overs == 1
        assert talk.session.core.stats.losses == 0


async def test_online_ends_a_long_wait(talks, fast, settings):
    slow = settings(reconnect={"base_delay_s": 60, "max_delay_s": 60})
    async with Simulator(fast()) as sim:
        talk = await talks.open(sim.url, settings=slow)
        await sim.cut()
        await talk.told(ev.Reconnecting, lambda e: e.delay_s >= 30)
        talk.session.network_changed(online=True)
        assert (await talk.told(ev.Reconnected)).gap_s < 10


async def test_a_line_that_does_not_answer_the_probe_after_a_sleep_is_dead_and_one_that_does_lives(
    talks, fast, settings
):
    brisk = settings(heartbeat=Heartbeat(probe_s=0.2))
    async with Simulator(fast()) as sim:
        talk = await talks.open(sim.url, settings=brisk)
        talk.session.system_resume()
        await probed(talk)
        await asyncio.sleep(0.3)  # longer than the probe
        assert talk.session.connections == 1

        await sim.freeze(1.0)
        talk.session._slept(600.0, True)
        lost = await talk.told(ev.Reconnecting)
        assert lost.fault.kind == "lineSilent"
        await talk.told(ev.Reconnected)


async def test_the_clock_finds_a_sleep_that_nobody_told(talks, fast, monkeypatch):
    async with Simulator(fast()) as sim:
        talk = await talks.open(sim.url)
        watch = sleep_module._watches[asyncio.get_running_loop()]
        read = watch._read
        monkeypatch.setattr(
            watch, "_read", lambda loop: read(loop)._replace(boot_s=(read(loop).boot_s or 0) + 600)
        )
        slept = await talk.told(ev.Slept)
        assert slept.slept_s == pytest.approx(600, abs=5)
        await probed(talk)
        assert talk.session.state is State.CONNECTED


# --- settings while it runs ---------------------------------------------------------------------------


async def test_new_settings_rule_the_live_line(talks, fast, settings):
    async with Simulator(fast()) as sim:
        talk = await talks.open(sim.url)
        talk.session.configure(settings(heartbeat=msgspec.structs.replace(STRICT, interval_s=0.05)))
        await talk.until(lambda: talk.session.core.stats.pongs >= 5)
        assert talk.session.connections == 1

        frozen_at = time.monotonic()
        await sim.freeze(5.0)
        await talk.told(ev.StateChanged, lambda e: e.after[1] is Phase.SUSPECT)
        await talk.told(ev.Reconnecting)
        assert 1.4 < time.monotonic() - frozen_at < 3.0


async def test_settings_that_contradict_each_other_change_nothing(talks, fast, settings):
    async with Simulator(fast()) as sim:
        talk = await talks.open(sim.url)
        before = talk.session.core.settings
        with pytest.raises(InvalidSettings, match="suspectAfterMs"):
            talk.session.configure(settings(heartbeat={"suspect_after_s": 9.0, "dead_after_s": 1.0}))
        assert talk.session.core.settings is before


# --- a stall ------------------------------------------------------------------------------------------


async def test_an_answer_that_does_not_come_is_told_and_the_session_goes_on(talks, service, settings):
    async def mute(connection):
        async for _ in connection:
            pass

    async with service(mute) as url:
        talk = await talks.open(url, settings=settings(stall=StallLimits(after_s=0.2)))
        talk.session.send("realtimeInput", {"text": "are you there?"})
        stalled = await talk.told(ev.Stalled)
        assert (stalled.demand, stalled.action) == ("text", "event")
        assert talk.session.state is State.CONNECTED
        assert talk.session.connections == 1


# --- re-seeding ---------------------------------------------------------------------------------------


async def test_a_fresh_session_is_given_the_transcript_of_the_lost_one(talks, service, settings):
    """The service's side: what each connection was told."""
    heard = []

    async def forgetful(connection):
        said = []
        heard.append(said)
        async for message in connection:
            said.append(msgspec.json.decode(message))
            if len(heard) == 1 and "realtimeInput" in said[-1]:
                await connection.send(b'{"serverContent": {"modelTurn": {"parts": [{"text": "Blue."}]}}}')
                await connection.send(b'{"serverContent": {"generationComplete": true}}')
                await connection.send(b'{"serverContent": {"turnComplete": true}}')

    setups = []

    async def with_setup(connection):
        setups.append(msgspec.json.decode(await connection.recv())["setup"])
        await connection.send(b'{"setupComplete": {}}')
        await forgetful(connection)

    async with service(with_setup, answer_setup=False) as url:
        options = settings(resumption=ResumptionOptions(reseed=True))
        talk = await talks.open(url, settings=options)
        talk.session.send("realtimeInput", {"text": "Which colour?"})
        await talk.told(Transcript, lambda e: e.final and e.source == "model")
        talk.session.reconnect()
        reconnected = await talk.told(ev.Reconnected)
        assert reconnected.state_restored == "reseeded"
        await talk.session.ping()

    assert "historyConfig" not in setups[0]
    assert setups[1]["historyConfig"] == {"initialHistoryInClientContent": True}
    assert "handle" not in setups[1]["sessionResumption"]
    assert heard[1][0] == {
        "clientContent": {
            "turns": [
                {"role": "user", "parts": [{"text": "Which colour?"}]},
                {"role": "model", "parts": [{"text": "Blue."}]},
            ],
            "turnComplete": True,
        }
    }
    assert talk.session.core.stats.reseeded == 1


async def test_a_sentence_that_the_cut_ended_is_in_the_seed_and_told_once(talks, service, settings):
    """The second connection fails before its setupComplete, when its seed was made already."""
    setups, seeds = [], []

    async def forgetful(connection):
        setups.append(msgspec.json.decode(await connection.recv())["setup"])
        if len(setups) == 2:
            return
        await connection.send(b'{"setupComplete": {}}')
        if len(setups) == 1:
            said = b'{"serverContent": {"inputTranscription": {"text": "my name is Ann"}}}'
            await connection.send(said)
            return
        seeds.append(msgspec.json.decode(await connection.recv()))
        await connection.wait_closed()

    async with service(forgetful, answer_setup=False) as url:
        options = settings(resumption=ResumptionOptions(reseed=True))
        talk = await talks.open(url, settings=options)
        reconnected = await talk.told(ev.Reconnected)
        assert reconnected.state_restored == "reseeded"
        await talk.told(Transcript, lambda e: e.final)
        talk.session.reconnect()
        await talk.told(ev.Reconnected, lambda e: e is not reconnected)
        await talk.session.ping()

    assert len(setups) == 4
    assert [(e.text, e.cut) for e in talk.of(Transcript) if e.final] == [("my name is Ann", True)]
    ann = [{"role": "user", "parts": [{"text": "my name is Ann"}]}]
    assert [seed["clientContent"]["turns"] for seed in seeds] == [ann, ann], "and in every later one"


async def test_a_text_that_waited_for_the_fresh_session_is_not_in_its_seed_too(talks, service, settings):
    heard = []

    async def forgetful(connection):
        said = []
        heard.append(said)
        async for message in connection:
            said.append(message if isinstance(message, str) else message.decode())

    async with service(forgetful) as url:
        talk = await talks.open(url, settings=settings(resumption=ResumptionOptions(reseed=True)))
        talk.session.send("realtimeInput", {"text": "Which colour?"})
        await talk.session.ping()
        talk.session.suspend()
        await talk.session.wait_for((State.SUSPENDED,), 5)
        talk.session.send("realtimeInput", {"text": "And when?"})
        talk.session.resume()
        assert (await talk.told(ev.Reconnected)).state_restored == "reseeded"
        await talk.session.ping()

    seed, text = heard[1]
    assert "Which colour?" in seed
    assert "And when?" not in seed
    assert "And when?" in text


async def test_a_resumed_session_is_never_given_a_seed_too(talks, fast, settings):
    async with Simulator(fast()) as sim:
        talk = await talks.open(sim.url, settings=settings(resumption=ResumptionOptions(reseed=True)))
        talk.session.send("realtimeInput", {"text": "Which colour?"})
        await talk.session.ping()
        await sim.cut()
        reconnected = await talk.told(ev.Reconnected)
        assert reconnected.state_restored == "resumed"
        await talk.session.ping()
        assert len(sim.sessions) == 1


# --- an app that was restarted ------------------------------------------------------------------------


async def test_a_handle_that_is_too_old_is_not_tried(talks, fast):
    async with Simulator(fast()) as sim:
        first = await talks.open(sim.url)
        handle = (await first.told(ev.HandleChanged, lambda e: e.handle)).handle
        await first.session.close()
        second = await talks.open(sim.url, handle=handle, previous_close_age_s=3 * 3600.0)
        assert second.session.core.state_restored == "fresh"
        assert second.session.core.stats.resumes_tried == 0
        assert len(sim.sessions) == 2


async def test_an_app_that_comes_back_soon_waits_for_the_service_to_let_go(talks, fast, settings):
    async with Simulator(fast(owner_grace_ms=300)) as sim:
        first = await talks.open(sim.url)
        handle = (await first.told(ev.HandleChanged, lambda e: e.handle)).handle
        await first.session.close()
        patient = settings(hand_over={"first_delay_s": 0.5})
        second = await talks.open(sim.url, settings=patient, handle=handle, previous_close_age_s=0.0)
        assert second.session.core.state_restored == "resumed"
        assert second.session.core.stats.resumes_refused == 0


# --- counting -----------------------------------------------------------------------------------------


async def test_the_stats_tell_what_happened(talks, fast):
    async with Simulator(fast()) as sim:
        talk = await talks.open(sim.url)
        await talk.say(25)
        await sim.cut()
        await talk.told(ev.Reconnected)
        await talk.all_heard(sim)
        await talk.session.ping()
        stats, traffic = talk.session.core.stats, talk.session.traffic
        assert (stats.attempts, stats.connected, stats.failed) == (2, 2, 0)
        assert (stats.losses, stats.hand_overs) == (1, 0)
        assert stats.gaps.count == 1
        assert set(stats.last_steps) == {"dns", "tcp", "tls", "upgrade", "setup"}
        assert stats.errors == {"lineLost": 1}
        assert stats.up_s(talk.session.now()) > 0
        assert traffic.bytes_sent > len(talk.said)
        assert traffic.frames_sent >= 25 + 2


# --- listeners ----------------------------------------------------------------------------------------


async def test_a_listener_hears_its_kind_until_it_ends(talks, fast):
    async with Simulator(fast()) as sim:
        talk = talks(sim.url)
        heard = []
        off = talk.session.on(ev.StateChanged, heard.append)
        await talk.session.connect()
        off()
        await talk.session.close()
        assert [e.after[0] for e in heard][-1] is State.CONNECTED
        assert {type(e) for e in heard} == {ev.StateChanged}


# --- hints while the user speaks ----------------------------------------------------------------------


async def test_hints_while_the_user_speaks_do_not_keep_a_dead_line_alive(talks, fast, settings):
    brisk = settings(
        heartbeat=Heartbeat(audio_interval_s=0.5, suspect_after_s=0.5, dead_after_s=1.0, probe_s=0.3)
    )
    async with Simulator(fast()) as sim:
        talk = await talks.open(sim.url, settings=brisk)
        await talk.say(5)
        await sim.freeze(10.0)
        frozen_at = time.monotonic()
        while not talk.of(ev.Reconnecting):
            talk.say_chunk()
            talk.session.network_changed(online=True)
            await asyncio.sleep(0.1)
            assert time.monotonic() - frozen_at < 2.0
        assert talk.of(ev.Reconnecting)[0].fault.kind == "lineSilent"


# --- secrets ------------------------------------------------------------------------------------------


async def test_an_older_handle_is_not_shown_either(talks, service, caplog):
    async def two_handles(connection):
        for name in ("handle-one-secret", "handle-two-secret"):
            update = {"sessionResumptionUpdate": {"newHandle": name, "resumable": True}}
            await connection.send(msgspec.json.encode(update))
        await connection.close(1008, "session handle-one-secret gave way to handle-two-secret")

    async with service(two_handles) as url:
        talk = await talks.open(url)
        failure = await talk.told(ev.Failure)
        assert "handle-one" not in failure.fault.message
        assert "handle-two" not in failure.fault.message
