"""The entry of the process: `serve` owns stdin and stdout before anything of ours is imported."""

import sys

from sidecar import whole
from sidecar.stdio import guard


def main() -> None:
    """Runs the command line and ends with its exit code."""
    arguments = sys.argv[1:]
    descriptors = guard.claim() if _is_serve(arguments) else None
    missing = whole.missing()
    if missing:
        sys.exit(whole.explain(missing))

    from sidecar import cli

    sys.exit(cli.run(arguments, descriptors))


def _is_serve(arguments: list[str]) -> bool:
    """Whether these arguments mean `serve`, the default. What is for people goes to the real stdout."""
    if {"-h", "--help", "--version", "--self-check", "--json"}.intersection(arguments):
        return False
    return not arguments or arguments[0] == "serve" or arguments[0].startswith("-")


if __name__ == "__main__":
    main()
