"""Write the files made from tables of the code: TypeScript types, and pages of the documentation.

python build/generate.py            write them
python build/generate.py --check    exit 1, naming the stale files, when they are not up to date
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # the sources beside this script, whatever is installed

import errors_writer  # noqa: E402
import lifecycle_writer  # noqa: E402
import reference_writer  # noqa: E402
import settings_writer  # noqa: E402
import simulator_writer  # noqa: E402
import typescript_writer  # noqa: E402

OUTPUTS: dict[str, Callable[[], str]] = {
    "bridge-js/src/generated/protocol.ts": typescript_writer.write,
    "docs/protocol.md": reference_writer.write,
    "docs/settings.md": settings_writer.write,
    "docs/lifecycle.md": lifecycle_writer.write,
    "docs/errors.md": errors_writer.write,
    "docs/simulator-script.md": simulator_writer.write_page,
    "sidecar/simulator/script.schema.json": simulator_writer.write_schema,
}


def main(argv: list[str] | None = None, root: Path = ROOT) -> int:
    """Write or check every output under `root`; the exit code of the process."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="change nothing; fail when a file is stale")
    check = parser.parse_args(argv).check
    stale = [name for name, write in OUTPUTS.items() if _content(root / name) != write().encode()]
    if check:
        for name in stale:
            print(f"{name} is stale: run `make generate` and commit the result.", file=sys.stderr)
        return 1 if stale else 0
    for name in stale:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(OUTPUTS[name]().encode())  # bytes: the same line ends on every OS
        print(f"wrote {name}")
    return 0


def _content(path: Path) -> bytes | None:
    """What the file holds now, with the line ends of the repository (git on Windows may change them)."""
    return path.read_bytes().replace(b"\r\n", b"\n") if path.exists() else None


if __name__ == "__main__":
    raise SystemExit(main())
