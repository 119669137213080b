import ast
import subprocess
import sys
import threading
import zlib
from pathlib import Path

import pytest

import sidecar
from sidecar.rpc import loading

SERVING = ("live", "lifecycle", "observe", "rpc", "stdio")
OTHERWISE = {
    "google": "an extra, of which a frozen program has none",
    "ctypes": "for Windows and macOS, imported at the start",
    "msvcrt": "of Windows, imported at the start",
    "winreg": "of Windows",
    "_scproxy": "of macOS",
    "truststore": "for Windows and macOS",
}


def run(monkeypatch, imports):
    """Starts it with this in place of the imports; what happened, in order."""
    happened = []
    monkeypatch.setattr(loading, "import_the_rest", lambda: (happened.append("imported"), imports()))
    loading.start(lambda seconds: happened.append(("waited", seconds)), lambda: happened.append("damaged"))
    for thread in threading.enumerate():
        if thread.name == "load":
            thread.join(10)
    return happened


def test_it_waits_for_the_answer_and_imports_then(monkeypatch):
    assert run(monkeypatch, lambda: None) == [("waited", 1.0), "imported"]


@pytest.mark.parametrize(
    "damage", [ImportError("libssl.so.3: no such file"), zlib.error("libssl.so.3"), SystemExit("libssl.so.3")]
)
def test_a_file_that_cannot_be_loaded_ends_the_process_and_is_logged(monkeypatch, caplog, damage):
    def fail():
        raise damage

    assert run(monkeypatch, fail)[-1] == "damaged"
    assert "install live-sidecar again" in caplog.text
    assert "libssl.so.3" in caplog.text


def test_nothing_that_serving_can_need_is_left_for_later():
    code = (
        "import sys; from sidecar.rpc import server, loading; loading.import_the_rest(); print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    there = set(done.stdout.split())
    assert {"jsonrpcserver", "encodings.idna", "_strptime", "traceback", "ssl"} <= there

    folder = Path(sidecar.__file__).parent
    late = {
        (path.relative_to(folder).as_posix(), name)
        for part in SERVING
        for path in (folder / part).rglob("*.py")
        for name in imported_in_functions(path)
    }
    assert ("rpc/loading.py", "sidecar.rpc.sessions") in late
    assert {(path, name) for path, name in late if name.partition(".")[0] not in OTHERWISE} == {
        (path, name) for path, name in late if name in there
    }


def imported_in_functions(path):
    for function in ast.walk(ast.parse(path.read_text("utf-8"))):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for node in ast.walk(function):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield node.module
