import platform
import sys
from pathlib import Path

import pytest

from sidecar.live import system_store


@pytest.mark.parametrize(("system", "answer"), [("win32", "Windows"), ("linux", "asked")])
def test_on_windows_python_is_not_asked_for_the_system(
    system: str, answer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For it would start a process to find out."""
    (tmp_path / "truststore.py").write_text("import platform\nFOUND = platform.system()\n")
    monkeypatch.syspath_prepend(tmp_path)
    for name in [name for name in sys.modules if name.partition(".")[0] == "truststore"]:
        monkeypatch.delitem(sys.modules, name)

    def ask() -> str:
        return "asked"

    monkeypatch.setattr(platform, "system", ask)
    monkeypatch.setattr(sys, "platform", system)
    try:
        system_store.load()
        found = sys.modules["truststore"].FOUND
    finally:
        sys.modules.pop("truststore", None)  # nobody else shall have this one
    assert found == answer
    assert platform.system is ask
