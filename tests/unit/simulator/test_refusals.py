import pytest

from sidecar.simulator.faults import Close, RefuseSetup
from sidecar.simulator.refusals import KNOWN, fit, known, refused


def test_a_name_is_a_code_and_a_text_with_its_gaps_filled_in() -> None:
    assert known("badKey") == (1007, "API key not valid. Please pass a valid API key.")
    refusal = refused("modelNotFound", model="models/x", version="v1")
    assert refusal.code == 1008
    assert refusal.reason.startswith("models/x is not found for API version v1, or")
    for name in KNOWN:
        assert "{" not in known(name).text


def test_another_name_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"no refusal is called 'quota'; there are .*quotaExceeded"):
        known("quota")


@pytest.mark.parametrize(
    ("name", "code", "seen"),
    [
        # As they were seen on the wire, cut at 123 bytes.
        (
            "goAwayIgnored",
            1008,
            "Connection aborted because the client failed to close the connection after receiving a GoAway signal once the session durat",
        ),
        (
            "quotaExceeded",
            1011,
            "You exceeded your current quota, please check your plan and billing details",
        ),
        ("tokenEnded", 1011, "auth token has expired"),
        (
            "threadCancelled",
            1011,
            "Thread was cancelled when writing StartStep status to channel.; Failed to close the streaming context; status = CANCELLED:",
        ),
        ("notImplemented", 1008, "Operation is not implemented, or supported, or enabled."),
    ],
)
def test_texts_are_those_that_were_seen(name: str, code: int, seen: str) -> None:
    assert (known(name).code, fit(known(name).text)) == (code, seen)


def test_a_fault_takes_a_text_by_its_name_and_what_is_given_goes_before_it() -> None:
    assert Close().refusal == (1011, "Internal error encountered.")
    assert Close(like="deadlineExpired").refusal == (
        1011,
        "Deadline expired before operation could complete.",
    )
    assert Close(like="aborted", code=1011).refusal == (1011, "The operation was aborted.")
    assert Close(code=1000, reason="").refusal == (1000, "")
    assert RefuseSetup().refusal == known("quotaExceeded")
    assert RefuseSetup(like="modelNotLive").refusal == (
        1007,
        "models/example is not supported in the live api.",
    )
    with pytest.raises(ValueError, match="no refusal is called 'x'"):
        RefuseSetup(like="x")
    with pytest.raises(ValueError, match="1006 is no close code"):
        Close(code=1006)
