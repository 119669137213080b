import platform
import re
import sys

from sidecar import origin


def frozen(monkeypatch, folder):
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "_MEIPASS", str(folder), raising=False)


def test_python_and_machine_are_named_as_platform_names_them():
    assert origin.python_version() == platform.python_version()
    assert origin.platform_name() == f"{sys.platform}-{platform.machine().lower()}"


def test_sources_have_no_commit():
    assert origin.frozen_folder() is None
    assert origin.commit() is None
    assert re.fullmatch(r"live-sidecar \S+ \(from sources, python \S+, OpenSSL \S+, \S+\)", origin.describe())


def test_a_frozen_build_names_its_commit(monkeypatch, tmp_path):
    frozen(monkeypatch, tmp_path)
    (tmp_path / "COMMIT").write_text("0123456789ab, with changes\n")

    assert origin.frozen_folder() == str(tmp_path)
    assert "(commit 0123456789ab, with changes, python " in origin.describe()


def test_a_frozen_build_whose_commit_is_gone_says_so(monkeypatch, tmp_path):
    frozen(monkeypatch, tmp_path)

    assert origin.commit() is None
    assert "(commit unknown, " in origin.describe()
