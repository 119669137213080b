def test_loading_starts_no_process(spawn):
    """Python itself would, on Windows: one that outlives a sidecar that is killed, and that scanners look at."""
    assert spawn("loads.py").hear_all() in ([b"loaded"], [b"loaded\r"])
