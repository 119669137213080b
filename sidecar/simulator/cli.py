"""`live-sidecar simulate`: the simulator as a command."""

import argparse
import asyncio
import contextlib
import json
import os
import sys
import threading
from collections.abc import Callable
from importlib.resources import files

from sidecar.stdio import signals

from . import scenarios
from .script import Script, ScriptError
from .server import Simulator
from .tls import CERTIFICATE_KINDS, TLS_VERSIONS, TlsUnavailable


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=0, help="port to listen on (default: any free one)")
    parser.add_argument("--control-port", type=int, default=0, help="port of the control API (default: any)")
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--script", metavar="FILE", help="what is said, how the service behaves, what goes wrong"
    )
    what.add_argument("--scenario", metavar="NAME", help="one of the scripts that are built in")
    what.add_argument("--list-scenarios", action="store_true", help="tell what there is, and end")
    what.add_argument(
        "--print-scenario", metavar="NAME", help="print one, to start a script of your own from"
    )
    what.add_argument(
        "--print-schema", action="store_true", help="print the JSON Schema of scripts, for editors"
    )
    parser.add_argument(
        "--tls",
        nargs="?",
        const="trusted",
        choices=CERTIFICATE_KINDS,
        help="speak wss, with a certificate of its own authority (the first line says where that is), "
        "or with one that clients have to refuse",
    )
    parser.add_argument("--tls-max-version", choices=TLS_VERSIONS, help="offer no newer TLS than this")
    parser.add_argument("--quiet", action="store_true", help="do not report events on stderr")
    parser.add_argument(
        "--until-stdin-closes", action="store_true", help="end when stdin does, for a parent that may die"
    )


def run(args: argparse.Namespace) -> int:
    """Runs until a signal. Returns the exit code: 0, 1 when it cannot listen, 2 for wrong arguments."""
    try:
        printed = _printed(args)
        script = _script(args)
    except ScriptError as error:
        print(f"live-sidecar simulate: cannot start:\n{error}", file=sys.stderr)
        return 2
    if printed is not None:
        print(printed, end="")
        return 0
    if args.tls_max_version and not args.tls:
        print("live-sidecar simulate: --tls-max-version is for --tls, which is missing.", file=sys.stderr)
        return 2
    try:
        return asyncio.run(_serve(args, script))
    except TlsUnavailable as error:
        print(f"live-sidecar simulate: {error}", file=sys.stderr)
        return 1
    except (OSError, OverflowError) as error:
        print(
            f"live-sidecar simulate: cannot listen on {args.host}, port {args.port}, control port "
            f"{args.control_port}: {error}. Choose other ports, or leave them out.",
            file=sys.stderr,
        )
        return 1


def _printed(args: argparse.Namespace) -> str | None:
    """What is only to be printed. Raises ScriptError."""
    if args.print_schema:
        return (files(__package__) / "script.schema.json").read_text(encoding="utf-8")
    if args.print_scenario is not None:
        return scenarios.text(args.print_scenario)
    if args.list_scenarios:
        names = scenarios.names()
        width = max(map(len, names))
        return "".join(f"{name:{width}}  {scenarios.load(name).description}\n" for name in names)
    return None


def _script(args: argparse.Namespace) -> Script:
    """What the service is to do. Raises ScriptError."""
    if args.scenario is not None:
        return scenarios.load(args.scenario)
    return Script.load(args.script) if args.script else Script()


async def _serve(args: argparse.Namespace, script: Script) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stop_soon() -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: it is ending anyway
            loop.call_soon_threadsafe(stop.set)

    signals.hear(lambda _: stop_soon(), at_terminal=True)
    if args.until_stdin_closes:
        threading.Thread(target=_read_to_end, args=(stop_soon,), daemon=True).start()
    log = None if args.quiet else lambda line: print(line, file=sys.stderr, flush=True)
    if log is not None and script.description is not None:
        log(script.description)
    async with Simulator(
        script,
        host=args.host,
        port=args.port,
        control_port=args.control_port,
        tls=args.tls,
        tls_max_version=args.tls_max_version,
        log=log,
    ) as simulator:
        announcement = {"event": "listening", "url": simulator.url, "control": simulator.control_url}
        if simulator.ca_path is not None:
            announcement["ca"] = simulator.ca_path
        print(json.dumps(announcement, separators=(",", ":")), flush=True)
        await stop.wait()
    return 0


def _read_to_end(then: Callable[[], None]) -> None:
    # On the descriptor: a thread blocked in sys.stdin would hold its lock when the interpreter ends.
    with contextlib.suppress(OSError):
        while os.read(0, 4096):
            pass
    then()
