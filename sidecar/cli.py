"""The command line: `serve` (the default), `simulate`, `--version`, `--self-check`."""

import gc
import os
import sys
from typing import TYPE_CHECKING, NoReturn

from sidecar.stdio.guard import Descriptors

if TYPE_CHECKING:
    import argparse

LOG_LEVELS = ("debug", "info", "warn", "error")
DEFAULT_LOG_LEVEL = "info"

EXPLANATION = """\
live-sidecar speaks JSON-RPC 2.0 on stdin and stdout, one message a line; an app starts it, not a person.
Type a message to try it, or Ctrl-D to end; see `live-sidecar --help` for the other commands.
"""


def run(arguments: list[str], descriptors: Descriptors | None) -> int:
    """Runs one command and returns its exit code; `serve` does not return.

    `descriptors` are the claimed ones of `serve`, None for every other command.
    """
    if descriptors is not None:
        _serve(descriptors, _log_level(arguments))

    parser = _parser(arguments)
    options = parser.parse_args(arguments)
    if options.version:
        from sidecar import origin

        print(origin.describe())
        return 0
    if options.self_check:
        from sidecar.tools import self_check

        return self_check.run(as_json=options.json)

    if options.json:
        parser.error("--json is for --self-check, which is missing")

    from sidecar.simulator import cli as simulator

    return simulator.run(options)


def _log_level(arguments: list[str]) -> str:
    """Of `serve`. What apps give is read without argparse, whose import delays the first answer by 5 ms."""
    match arguments[arguments[:1] == ["serve"] :]:
        case []:
            return DEFAULT_LOG_LEVEL
        case ["--log-level", level] if level in LOG_LEVELS:
            return level
    if arguments[:1] != ["serve"]:
        arguments = ["serve", *arguments]
    return str(_parser(arguments).parse_args(arguments).log_level)


def _parser(arguments: list[str]) -> "argparse.ArgumentParser":
    import argparse

    parser = argparse.ArgumentParser(
        prog="live-sidecar", description="Owns an app's connection to the Gemini Live API."
    )
    parser.add_argument("--version", action="store_true", help="tell which build this is")
    parser.add_argument(
        "--self-check", action="store_true", help="prove that this program is whole and works here"
    )
    parser.add_argument("--json", action="store_true", help="of --self-check: an answer for programs")
    alone = not {"--version", "--self-check", "--json"}.isdisjoint(arguments)
    commands = parser.add_subparsers(dest="command", required=not alone, metavar="command")

    serve = commands.add_parser("serve", help="speak JSON-RPC over stdin and stdout (the default)")
    serve.add_argument(
        "--log-level", choices=LOG_LEVELS, default=DEFAULT_LOG_LEVEL, help="default: %(default)s"
    )

    simulate = commands.add_parser("simulate", help="run a Live API server on loopback that fails on request")
    if arguments[:1] == ["simulate"]:
        from sidecar.simulator import cli as simulator

        simulator.add_arguments(simulate)
    return parser


def _serve(descriptors: Descriptors, log_level: str) -> NoReturn:
    gc.disable()  # imports leave hardly any garbage, and looking for it takes 6 % of the start
    from sidecar.observe import logging
    from sidecar.rpc.protocol import MAX_LINE_BYTES
    from sidecar.rpc.server import make_handler
    from sidecar.stdio import edge

    gc.freeze()
    gc.enable()
    logging.setup(log_level, 2)
    if os.isatty(descriptors.stdin):
        sys.stderr.write(EXPLANATION)
    edge.run(descriptors, make_handler, max_line_bytes=MAX_LINE_BYTES)
