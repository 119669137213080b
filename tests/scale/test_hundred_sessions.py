"""A hundred sessions in one process, all speaking: sixty meet faults, of which the other forty notice nothing."""

import time

from tests.fuzz.growth import FEWEST, grown

SESSIONS = 100
QUIET = 40
"""The first so many meet no fault."""
WAVES = 2 * FEWEST
CHUNKS = 5
"""Of each session, before and after the faults of a wave."""
FAULTS = (
    {"do": "cut"},
    {"do": "close", "code": 1011, "reason": "Internal error encountered."},
    {"do": "freeze", "forMs": 200},
    {"do": "goAway", "timeLeft": "10s"},
    {"do": "networkSwitch", "forMs": 200},
    {"do": "close", "code": 1001},
    {"do": "slowPongs", "delayMs": 200, "forMs": 400},
    {"do": "stall", "forMs": 200},
)
STRUCK = 15
"""Sessions that meet a fault in one wave."""


def speak(many):
    """Every session, `CHUNKS` times, in real time."""
    for _ in range(CHUNKS):
        began_s = time.monotonic()
        many.child.say(b"".join(voice.next_chunk() for voice in many.voices.values()))
        while time.monotonic() - began_s < 0.05:
            many.ask("ping")  # hears what there is, too


def test_a_hundred_sessions_lose_nothing_and_leave_each_other_alone(sim, many):
    voices = [many.voice(f"s{number}") for number in range(SESSIONS)]
    for number, voice in enumerate(voices, 1):  # one after the other: the n-th is the service's n-th
        answer = many.answer_to(many.start_open(voice.name))
        assert answer["result"]["state"] == "connected", (number, answer)
    opened = [voice.revision for voice in voices]
    struck = 0
    for _ in range(WAVES):
        speak(many)
        for _ in range(STRUCK):
            number = QUIET + struck % (SESSIONS - QUIET)
            assert sim.do(**FAULTS[struck % len(FAULTS)], session=number + 1)["connectionsHit"] == 1
            struck += 1
        speak(many)
        many.until(lambda: all(voice.state == "connected" for voice in voices))
        for pong in [many.start("session/ping", sessionId=voice.name) for voice in voices]:
            many.answer_to(pong)  # or an error, when a frozen line was just found out
        many.until(lambda: all(voice.state == "connected" for voice in voices))
        many.sample()

    assert [voice.revision for voice in voices[:QUIET]] == opened[:QUIET], "a fault of one disturbed another"
    assert all(voice.revision > before for voice, before in zip(voices[QUIET:], opened[QUIET:], strict=True))
    for call_id in [many.start("session/close", sessionId=voice.name, drainMs=10_000) for voice in voices]:
        queue = many.answer_to(call_id)["result"]["queue"]
        assert queue["offeredMs"] == queue["confirmedMs"], queue
    heard = [session["audio"] for session in sim.sessions()]
    assert [a["uniqueMs"] for a in heard] == [voice.said_ms for voice in voices]
    assert [a["sha256"] for a in heard] == [voice.said.hexdigest() for voice in voices]
    assert not any(params for voice in voices for params in voice.troubles if "fatal" not in params)
    assert not any(params["fatal"] for voice in voices for params in voice.troubles)
    assert not many.unanswered()
    assert grown(many.samples) == {}, many.samples
    assert many.child.end() == 0
