"""A thousand sessions opened and closed as fast as it goes, in every way a host can change its mind."""

from tests.fuzz.child import tell
from tests.fuzz.growth import grown

SESSIONS = 1000
ABREAST = 25
"""So many at a time, and three calls for each: under the 128 that may wait."""
KINDS = {
    "closed": {"result"},
    "closedAtOnce": {"result", "sessionClosed", "unknownSession"},
    "cancelled": {"result", "requestCancelled", "sessionClosed", "unknownSession"},
    "closedTwice": {"result", "sessionClosed", "unknownSession"},
    "renewed": {"result", "sessionClosed", "wrongState", "unknownSession"},
}
"""Ways of opening and closing, and how its calls may be answered."""


def begin(many, name, kind):
    """Sends all calls of one session at once; `closed` waits for its open."""
    calls = [many.start_open(name)]
    if kind == "cancelled":
        many.child.say(tell("$/cancelRequest", id=calls[0]))
    if kind == "renewed":
        calls.append(many.start("session/reconnect", sessionId=name))
    if kind != "closed":
        calls += [many.start("session/close", sessionId=name) for _ in range(1 + (kind == "closedTwice"))]
    return calls


def outcome(answer):
    return "result" if "result" in answer else answer["error"]["data"]["kind"]


def test_a_thousand_opens_and_closes_are_all_answered_and_leave_nothing(sim, many):
    kinds, seen = list(KINDS), {kind: set() for kind in KINDS}
    for first in range(0, SESSIONS, ABREAST):
        started = []
        for number in range(first, first + ABREAST):
            kind = kinds[number % len(kinds)]
            name = f"s{number}"
            many.voice(name)
            started.append((name, kind, begin(many, name, kind)))
        for name, kind, calls in started:
            seen[kind] |= {outcome(many.answer_to(call_id)) for call_id in calls}
            if kind == "closed":
                assert many.ask("session/close", sessionId=name)["state"] == "disconnected"
        assert many.ask("session/list") == {"sessions": []}
        many.sample()

    assert all(outcomes <= KINDS[kind] for kind, outcomes in seen.items()), seen
    assert seen["closed"] == {"result"}
    assert "sessionClosed" in seen["closedAtOnce"], "no close met an open under way"
    assert "requestCancelled" in seen["cancelled"], "no open was cancelled"
    assert not many.unanswered()
    assert many.ask("session/stats")["process"]["sessionsOpened"] == SESSIONS
    assert grown(many.samples) == {}, many.samples
    assert many.child.end() == 0
