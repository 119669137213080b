"""Signs a frozen program the way its system wants it, and has Apple notarise it (docs/packaging.md).

python build/sign.py sign dist/live-sidecar-darwin-arm64
python build/sign.py notarise dist/live-sidecar-darwin-arm64

What the system needs is in the environment; a part that is missing is named, nothing is done, and that is no
failure: whoever builds for himself has no certificate. Certificates and their passwords are never read here:
they are in the keychain or the certificate store, where the pipeline put them. Apple's key may be in
APPLE_API_KEY instead of a file: it lies in one while it is needed.
"""

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from freeze import papers

ENTITLEMENTS = Path(__file__).parent / "freeze/entitlements.plist"
TIMESTAMPS = "http://timestamp.digicert.com"
"""Any RFC 3161 server will do: a signature with a time outlives its certificate."""
MACH_O = {b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe"}
SIGNED_ON_WINDOWS = {".exe", ".dll", ".pyd"}

NOTARYTOOL = ["xcrun", "notarytool"]

Command = list[str]


def plan(what: str, folder: Path, system: str, env: Mapping[str, str]) -> list[Command] | str:
    """The commands to run in this order; or, in words, why there are none."""
    if (what, system) not in STEPS:
        return f"There is nothing to {what} on {system}: SHA256SUMS and the provenance stand for the files."
    needed, commands = STEPS[what, system]
    missing = [name for name in needed if not env.get(name)]
    if missing:
        return f"Nothing was done: {', '.join(missing)} not set. The files work; the system may warn of them."
    return commands(folder, *(env[name] for name in needed))


def _codesign(folder: Path, identity: str) -> list[Command]:
    """Libraries before the program that loads them. A link is signed with its file."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink()]
    programs = [path for path in files if path.parent == folder and _is_mach_o(path)]
    libraries = [path for path in files if path not in programs and _is_mach_o(path)]
    sign = ["codesign", "--force", "--timestamp", "--options", "runtime", "--sign", identity]
    return [
        *([*sign, str(path)] for path in libraries),
        *([*sign, "--entitlements", str(ENTITLEMENTS), str(path)] for path in programs),
        *(["codesign", "--verify", "--strict", str(path)] for path in programs),
    ]


def _notarise(folder: Path, key_file: str, key_id: str, issuer: str) -> list[Command]:
    """A folder of programs has no place for the ticket: the system asks Apple when it first runs one."""
    archive = str(folder.with_suffix(".notarise.zip"))
    key = ["--key", key_file, "--key-id", key_id, "--issuer", issuer]
    return [
        ["ditto", "-c", "-k", "--keepParent", str(folder), archive],
        [*NOTARYTOOL, "submit", archive, "--wait", "--timeout", "30m", "--output-format", "json", *key],
    ]


def _signtool(folder: Path, subject: str) -> list[Command]:
    files = [str(path) for path in sorted(folder.rglob("*")) if path.suffix.lower() in SIGNED_ON_WINDOWS]
    return [
        ["signtool", "sign", "/n", subject, "/fd", "sha256", "/tr", TIMESTAMPS, "/td", "sha256", *files],
        ["signtool", "verify", "/pa", *files],
    ]


def _is_mach_o(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) in MACH_O


STEPS: dict[tuple[str, str], tuple[tuple[str, ...], Callable[..., list[Command]]]] = {
    ("sign", "darwin"): (("APPLE_SIGNING_IDENTITY",), _codesign),
    ("notarise", "darwin"): (("APPLE_API_KEY_FILE", "APPLE_API_KEY_ID", "APPLE_API_ISSUER"), _notarise),
    ("sign", "win32"): (("WINDOWS_SIGNING_SUBJECT",), _signtool),
}
"""The variables a step needs, and what makes commands of them. No row: the system has no such step."""


@contextlib.contextmanager
def key_in_a_file(env: Mapping[str, str]) -> Iterator[Mapping[str, str]]:
    """The environment, with Apple's key in a file of this user's that is removed in the end."""
    if env.get("APPLE_API_KEY_FILE") or not env.get("APPLE_API_KEY"):
        yield env
        return
    with tempfile.TemporaryDirectory() as place:  # nobody else may enter it
        file = Path(place) / "key.p8"
        file.write_text(env["APPLE_API_KEY"], "utf-8")
        yield {**env, "APPLE_API_KEY_FILE": str(file)}


def run(command: Command) -> int:
    """Runs one, with its own words in sight; its exit code."""
    program = find(command[0], os.environ)
    if program is None:
        print(f"{command[0]} was not found. It comes with the system's developer tools.", file=sys.stderr)
        return 1
    if command[:3] == [*NOTARYTOOL, "submit"]:
        return _submit([program, *command[1:]])
    done = subprocess.run([program, *command[1:]], check=False)
    if done.returncode != 0:
        print(f"{command[0]} failed with code {done.returncode}; its own words are above.", file=sys.stderr)
    return done.returncode


def find(tool: str, env: Mapping[str, str]) -> str | None:
    """Where a tool is. signtool comes with Windows's development kit, which puts nothing on the PATH."""
    found = shutil.which(tool, path=env.get("PATH"))
    if found is None and tool == "signtool":
        kits = Path(env.get("ProgramFiles(x86)", "C:/Program Files (x86)")) / "Windows Kits/10/bin"
        kept = sorted(kits.glob("10.*/x64/signtool.exe"), key=lambda path: _numbers(path.parts[-3]))
        found = str(kept[-1]) if kept else None
    return found


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".") if part.isdecimal()]


def _submit(command: Command) -> int:
    """Has Apple look at it. notarytool ends with code 0 for every verdict: its answer tells which it is."""
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    print(done.stdout, end="", flush=True)
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        answer = {}
    if done.returncode == 0 and answer.get("status") == "Accepted":
        return 0
    print(f"Apple did not accept it: {answer.get('status', 'no verdict')}.", file=sys.stderr)
    if "id" in answer:
        key = command[command.index("--key") :]
        subprocess.run([*command[:2], "log", answer["id"], *key], check=False)
    return 1


def main(argv: list[str] | None = None) -> int:
    """The exit code of the process: that of the first command that fails, else 0."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("what", choices=["sign", "notarise"])
    parser.add_argument("folder", type=Path, help="what `make binary` made")
    parser.add_argument("--system", default=sys.platform, help="as Python names it; by default this one")
    arguments = parser.parse_args(argv)
    if not arguments.folder.is_dir():
        print(f"There is no folder {arguments.folder}. Run `make binary` first.", file=sys.stderr)
        return 1
    with key_in_a_file(os.environ) as env:
        planned = plan(arguments.what, arguments.folder, arguments.system, env)
        if isinstance(planned, str):
            print(planned)
            return 0
        for command in planned:
            code = run(command)
            if code != 0:
                return code
    if arguments.what == "sign":
        sums = arguments.folder / papers.SUMS
        sums.write_bytes(papers.sums(arguments.folder).encode())  # a signature is part of its file
    print(f"{arguments.what}: {len(planned)} commands, all well.")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
