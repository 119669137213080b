"""Ten thousand bad inputs of each kind, the same each time; `python -m tests.fuzz` sends as many as you like."""

import pytest

from tests.fuzz import campaign, child, frames, lines, talk
from tests.fuzz.child import Broken

INPUTS = 10_000
FEW = 3_000
"""Enough for a defect to show that is in every 150th call."""


@pytest.mark.parametrize("of", [lines, frames], ids=["stdin", "service"])
def test_bad_input_is_answered_and_does_no_harm(tmp_path, of):
    tallies, samples = of.campaign(tmp_path, INPUTS, 1)
    assert sum(tally.inputs for tally in tallies.values()) >= INPUTS
    assert len(samples) == campaign.ROUNDS
    assert all(tally.answered for tally in tallies.values())


SIGNS = {
    "unanswered": "not answered: 1",
    "answeredTwice": "answered unasked: 1",
    "errorWithoutKind": "an error without its kind",
    "hang": "silent for 3.0 s",
    "crash": "exit code 3",
    "strayOutput": "stdout holds no JSON",
    "secretOnStderr": "a secret came back, on ['stderr'",
    "disturbed": "the session beside it was disturbed",
    "descriptorLeak": "grew over the last half: {'fds'",
    "memoryLeak": "grew over the last half: {'rss'",
    "frameLost": "200 frames came as 199",
    "frameTwice": "200 frames came as 201",
    "frameLeak": "grew over the last half: {'fds'",
}
"""Each defect of `programs/faulty.py`, and what must be said of it."""


@pytest.mark.parametrize("defect", SIGNS)
def test_a_defect_is_found(tmp_path, monkeypatch, defect):
    monkeypatch.setattr(child, "PROGRAM", ("faulty.py", defect))
    monkeypatch.setattr(campaign, "SEARCH_S", 0.0)
    # The others must not be taken for these two on a busy machine.
    if defect == "hang":
        monkeypatch.setattr(child, "WAIT_S", 3.0)
    if defect == "unanswered":
        monkeypatch.setattr(talk, "LATE_S", 1.0)
    of = frames if defect.startswith("frame") else lines
    with pytest.raises(Broken) as broken:
        of.campaign(tmp_path, FEW, 1)
    assert SIGNS[defect] in str(broken.value)
