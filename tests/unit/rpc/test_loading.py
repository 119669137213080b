import threading

from sidecar.rpc import loading


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


def test_a_library_that_cannot_be_loaded_ends_the_process_and_is_logged(monkeypatch, caplog):
    def fail():
        raise ImportError("libssl.so.3: cannot open shared object file")

    assert run(monkeypatch, fail)[-1] == "damaged"
    assert "install live-sidecar again" in caplog.text
    assert "libssl.so.3" in caplog.text


def test_it_is_there_when_it_was_imported():
    import sys

    loading.import_the_rest()
    assert {"sidecar.rpc.sessions", "jsonrpcserver"} <= set(sys.modules)
