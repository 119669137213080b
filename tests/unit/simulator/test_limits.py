import pytest

from sidecar.simulator import Script
from sidecar.simulator.limits import idle_timeout_s, of_connection, of_session


def test_by_default_a_connection_is_told_to_go_after_nine_minutes_with_fifty_seconds_left() -> None:
    (due,) = of_connection(Script())
    assert (due.after_s, due.left_s, due.refusal.code) == (540, 50, 1008)
    assert due.refusal.text.startswith("Connection aborted because the client failed to close")


def test_service_time_is_scaled_and_what_the_client_sees_is_its_own() -> None:
    script = Script(time_scale=100, deadline_ms=3_480_000, go_away_overrun="deadlineExpired")
    go_away, deadline = of_connection(script)
    assert (go_away.after_s, go_away.left_s, go_away.refusal.code) == (5.4, 0.5, 1011)
    assert (deadline.after_s, deadline.left_s) == (34.8, None)
    assert deadline.refusal == (1011, "Deadline expired before operation could complete.")
    assert idle_timeout_s(script) == 4.8


def test_a_limit_can_be_switched_off() -> None:
    script = Script(go_away_at_ms=None, idle_timeout_ms=None)
    assert of_connection(script) == []
    assert idle_timeout_s(script) is None
    assert of_session(script, 1e9, has_video=True, compresses=False) is None


@pytest.mark.parametrize(
    ("age_s", "has_video", "compresses", "expected"),
    [
        (0, False, False, (850, 50)),
        (0, True, False, (70, 50)),
        (840, False, False, (10, 50)),
        (880, False, False, (0, 20)),
        (2000, False, False, (0, 0)),
        (0, False, True, None),
        (0, True, True, None),
    ],
)
def test_a_session_without_compression_ends_sooner_with_video(
    age_s: float, has_video: bool, compresses: bool, expected: tuple[float, float] | None
) -> None:
    script = Script(audio_session_ms=900_000, video_session_ms=120_000)
    due = of_session(script, age_s, has_video=has_video, compresses=compresses)
    assert (None if due is None else (due.after_s, due.left_s)) == expected
