"""Which handle is kept, what a resumed setup looks like, and that the handle is shown nowhere."""

from sidecar.lifecycle.resumption import Resumption, handle_in, without_handle


def test_the_newest_resumable_handle_is_kept_through_a_time_in_which_nothing_is_resumable() -> None:
    resumption = Resumption(enabled=True)
    assert not resumption.has_handle
    resumption.update("h1", resumable=True)
    resumption.update("h2", resumable=True)
    resumption.update("", resumable=False)
    assert resumption.handle == "h2"
    assert not resumption.resumable


def test_a_first_setup_asks_for_handles_and_a_resume_brings_the_newest() -> None:
    resumption = Resumption(enabled=True)
    setup = {"model": "models/m"}
    assert resumption.setup(setup, fresh=False) == ({"model": "models/m", "sessionResumption": {}}, False)
    resumption.update("h1", resumable=True)
    assert resumption.setup(setup, fresh=False) == (
        {"model": "models/m", "sessionResumption": {"handle": "h1"}},
        True,
    )
    assert resumption.setup(setup, fresh=True) == ({"model": "models/m", "sessionResumption": {}}, False)
    assert setup == {"model": "models/m"}


def test_a_resume_does_not_ask_to_wait_for_history() -> None:
    resumption = Resumption(enabled=True, handle="h")
    setup = {"model": "models/m", "historyConfig": {"initialHistoryInClientContent": True, "other": 1}}
    resumed, resuming = resumption.setup(setup, fresh=False)
    assert resuming
    assert resumed["historyConfig"] == {"other": 1}
    fresh, _ = resumption.setup(setup, fresh=True)
    assert fresh["historyConfig"] == {"initialHistoryInClientContent": True, "other": 1}


def test_switched_off_the_setup_goes_out_as_it_came() -> None:
    resumption = Resumption(enabled=False, handle="h")
    setup = {"model": "models/m", "sessionResumption": {"transparent": True}}
    assert resumption.setup(setup, fresh=False) == (setup, False)
    assert not resumption.has_handle


def test_a_handle_in_the_hosts_own_setup_is_found_and_other_options_are_kept() -> None:
    setup = {"model": "models/m", "session_resumption": {"handle": "h9", "transparent": True}}
    assert handle_in(setup) == "h9"
    resumed, _ = Resumption(enabled=True, handle="h9").setup(setup, fresh=False)
    assert resumed == {"model": "models/m", "sessionResumption": {"handle": "h9", "transparent": True}}
    assert without_handle(resumed) == {"model": "models/m", "sessionResumption": {"transparent": True}}


def test_no_repr_shows_the_handle() -> None:
    assert "secret-handle" not in repr(Resumption(enabled=True, handle="secret-handle"))


def test_a_handle_that_is_not_resumable_at_the_moment_takes_no_place() -> None:
    resumption = Resumption(enabled=True, handle="good")
    resumption.update("not yet", resumable=False)
    assert resumption.handle == "good"
    resumption.update("", resumable=True)
    assert resumption.handle == "good"
