"""Loads all that serving needs, and tells of every process that is started meanwhile."""

import sys

PROCESSES = {"subprocess.Popen", "os.system", "os.fork", "os.posix_spawn", "os.exec", "os.startfile"}


def tell(event: str, args: tuple[object, ...]) -> None:
    if event in PROCESSES:
        print(event, args, flush=True)


sys.addaudithook(tell)

from sidecar.rpc import loading, server  # noqa: E402, F401

loading.import_the_rest()
print("loaded")
