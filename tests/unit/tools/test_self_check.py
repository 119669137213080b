import json

import pytest

from sidecar import whole
from sidecar.tools import checks, self_check
from sidecar.tools.checks import Failed


def raise_(exc):
    def check():
        raise exc

    return check


@pytest.fixture
def ran(monkeypatch, capsys):
    """Runs with these checks in place of the real ones; the exit code and what was printed."""

    def run(files, others, **options):
        monkeypatch.setattr(checks, "files", files)
        monkeypatch.setattr(self_check, "CHECKS", others)
        code = self_check.run(**options)
        return code, capsys.readouterr().out

    return run


def test_every_check_is_a_line_and_code_0_says_that_all_are_ok(ran):
    code, out = ran(lambda: "all there", {"one": lambda: "done"})

    assert code == 0
    assert out.splitlines()[1:] == ["ok      files: all there", "ok      one: done"]
    assert out.startswith("live-sidecar ")


@pytest.mark.parametrize(
    ("exc", "told"),
    [
        (Failed("It is broken.", "Mend it."), "It is broken. Mend it."),
        (ImportError("libssl.so.3: no such file"), f"libssl.so.3: no such file. {whole.REMEDY}"),
        (TimeoutError(), f"not done within 20 s. {checks.REPORT}"),
        (KeyError("x"), f"KeyError: 'x'. {checks.REPORT}"),
    ],
)
def test_what_fails_is_told_with_what_to_do_and_the_others_are_made_all_the_same(ran, exc, told):
    code, out = ran(lambda: "all there", {"one": raise_(exc), "two": lambda: "done"})

    assert code == 1
    assert out.splitlines()[2:] == [f"FAILED  one: {told}", "ok      two: done"]


def test_in_a_folder_that_is_damaged_nothing_else_is_loaded(ran):
    code, out = ran(
        raise_(Failed("1 file is changed.", "Install it again.")), {"one": raise_(SystemExit("loaded"))}
    )

    assert code == 1
    assert out.splitlines()[1:] == ["FAILED  files: 1 file is changed. Install it again."]


def test_programs_read_json(ran):
    code, out = ran(lambda: "all there", {"one": raise_(Failed("It is broken.", "Mend it."))}, as_json=True)

    assert code == 1
    found = json.loads(out)
    assert found["ok"] is False
    assert found["program"].startswith("live-sidecar ")
    assert found["checks"] == [
        {"name": "files", "ok": True, "text": "all there", "remedy": ""},
        {"name": "one", "ok": False, "text": "It is broken.", "remedy": "Mend it."},
    ]
