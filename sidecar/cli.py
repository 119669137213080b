"""The command line: `serve` (the default), `simulate`, `--version`."""

import argparse
import os
import platform
import sys
from typing import NoReturn

from sidecar import __version__
from sidecar.stdio.guard import Descriptors

LOG_LEVELS = ("debug", "info", "warn", "error")

EXPLANATION = """\
live-sidecar speaks JSON-RPC 2.0 on stdin and stdout, one message a line; an app starts it, not a person.
Type a message to try it, or Ctrl-D to end; see `live-sidecar --help` for the other commands.
"""


def version() -> str:
    """Such as `live-sidecar 0.1.0 (python 3.11.7, linux-x86_64)`."""
    machine = platform.machine().lower()
    return f"live-sidecar {__version__} (python {platform.python_version()}, {sys.platform}-{machine})"


def run(arguments: list[str], descriptors: Descriptors | None) -> int:
    """Runs one command and returns its exit code; `serve` does not return.

    `descriptors` are the claimed ones of `serve`, None for every other command.
    """
    if descriptors is not None and arguments[:1] != ["serve"]:
        arguments = ["serve", *arguments]
    options = _parser(arguments).parse_args(arguments)
    if descriptors is not None:
        _serve(descriptors, options)

    from sidecar.simulator import cli as simulator

    return simulator.run(options)


def _parser(arguments: list[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="live-sidecar", description="Owns an app's connection to the Gemini Live API."
    )
    parser.add_argument("--version", action="version", version=version())
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")

    serve = commands.add_parser("serve", help="speak JSON-RPC over stdin and stdout (the default)")
    serve.add_argument("--log-level", choices=LOG_LEVELS, default="info", help="default: %(default)s")

    simulate = commands.add_parser("simulate", help="run a Live API server on loopback that fails on request")
    if arguments[:1] == ["simulate"]:
        from sidecar.simulator import cli as simulator

        simulator.add_arguments(simulate)
    return parser


def _serve(descriptors: Descriptors, options: argparse.Namespace) -> NoReturn:
    from sidecar.observe import logging
    from sidecar.rpc.protocol import MAX_LINE_BYTES
    from sidecar.rpc.server import make_handler
    from sidecar.stdio import edge

    logging.setup(options.log_level, 2)
    if os.isatty(descriptors.stdin):
        sys.stderr.write(EXPLANATION)
    edge.run(descriptors, make_handler, max_line_bytes=MAX_LINE_BYTES)
