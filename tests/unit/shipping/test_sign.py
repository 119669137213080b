"""`build/sign.py`: what is run in which order, and that nothing is run where something is missing."""

import importlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
MACH_O = b"\xcf\xfa\xed\xfe" + bytes(60)


@pytest.fixture
def sign(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(ROOT / "build"))
    return importlib.import_module("sign")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "live-sidecar-x"
    (folder / "_internal/lib").mkdir(parents=True)
    for name in ("live-sidecar", "_internal/Python", "_internal/lib/_ssl.so"):
        (folder / name).write_bytes(MACH_O)
    (folder / "_internal/base_library.zip").write_bytes(b"PK")
    if sys.platform != "win32":  # where not everybody may make links
        (folder / "_internal/link.so").symlink_to("lib/_ssl.so")
    for name in ("live-sidecar.exe", "_internal/python311.dll", "_internal/_ssl.PYD"):
        (folder / name).write_bytes(b"MZ")
    return folder


def names(folder: Path, command: list[str]) -> list[str]:
    return [Path(word).name for word in command if word.startswith(str(folder))]


@pytest.mark.skipif(sys.platform == "win32", reason="there paths are in another order")
def test_on_macos_libraries_are_signed_before_the_program_each_once_and_hardened(
    sign: Any, folder: Path
) -> None:
    commands = sign.plan("sign", folder, "darwin", {"APPLE_SIGNING_IDENTITY": "Developer ID"})
    signed = [command for command in commands if "--sign" in command]
    assert [names(folder, command) for command in signed] == [["Python"], ["_ssl.so"], ["live-sidecar"]]
    assert all("runtime" in command and "--timestamp" in command for command in signed)
    assert ["--entitlements" in command for command in signed] == [False, False, True]
    assert commands[-1][:2] == ["codesign", "--verify"]


def test_on_windows_all_programs_and_libraries_are_signed_at_once(sign: Any, folder: Path) -> None:
    [command, verify] = sign.plan("sign", folder, "win32", {"WINDOWS_SIGNING_SUBJECT": "Us"})
    assert (
        names(folder, command) == names(folder, verify) == ["_ssl.PYD", "python311.dll", "live-sidecar.exe"]
    )
    assert "/tr" in command  # else the signature ends with its certificate


def test_notarising_waits_for_the_verdict_and_takes_no_secret_as_an_argument(sign: Any, folder: Path) -> None:
    env = {"APPLE_API_KEY_FILE": "key.p8", "APPLE_API_KEY_ID": "K1", "APPLE_API_ISSUER": "I1"}
    archive, submit = sign.plan("notarise", folder, "darwin", env)
    assert archive[-1] in submit
    assert "--wait" in submit
    assert "key.p8" in submit


@pytest.mark.parametrize(
    ("what", "system", "why"),
    [
        ("sign", "darwin", "APPLE_SIGNING_IDENTITY not set"),
        ("sign", "win32", "WINDOWS_SIGNING_SUBJECT not set"),
        ("notarise", "darwin", "APPLE_API_KEY_FILE, APPLE_API_KEY_ID, APPLE_API_ISSUER not set"),
        ("sign", "linux", "nothing to sign on linux"),
        ("notarise", "win32", "nothing to notarise on win32"),
    ],
)
def test_what_is_missing_is_named_and_is_no_failure(
    sign: Any, folder: Path, capsys: Any, monkeypatch: Any, what: str, system: str, why: str
) -> None:
    for variables, _ in sign.STEPS.values():
        for name in variables:
            monkeypatch.delenv(name, raising=False)
    assert sign.main([what, str(folder), "--system", system]) == 0
    assert why in capsys.readouterr().out


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a shell script")
@pytest.mark.parametrize("code", [0, 3])
def test_the_commands_are_run_and_the_first_failure_ends_it(folder: Path, tmp_path: Path, code: int) -> None:
    ran = tmp_path / "ran"
    tools = tmp_path / "tools"
    tools.mkdir()
    stand_in = tools / "codesign"
    stand_in.write_text(f'#!/bin/sh\necho "$@" >>{ran}\nexit {code}\n')
    stand_in.chmod(0o755)
    env = {"PATH": f"{tools}{os.pathsep}/bin{os.pathsep}/usr/bin", "APPLE_SIGNING_IDENTITY": "Developer ID"}
    command = [sys.executable, ROOT / "build/sign.py", "sign", folder, "--system", "darwin"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert len(ran.read_text().splitlines()) == (4 if code == 0 else 1)
    assert ("codesign failed with code 3" in done.stderr) == (code == 3)
    # A signature is part of its file: the sums are those of the signed files.
    assert (folder / "SHA256SUMS").exists() == (code == 0)


SUBMITTED = """#!/bin/sh
echo "$@" >>{ran}
case "$*" in *submit*) cp "$(echo "$@" | sed 's/.*--key \\([^ ]*\\).*/\\1/')" {key}; echo '{answer}' ;; *) echo "what was wrong" ;; esac
exit {code}
"""


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a shell script")
@pytest.mark.parametrize(
    ("answer", "code", "ends"),
    [
        ('{"id": "A-1", "status": "Accepted"}', 0, 0),
        ('{"id": "A-1", "status": "Invalid"}', 0, 1),
        ('{"id": "A-1", "status": "Accepted"}', 69, 1),
        ("no JSON", 0, 1),
    ],
)
def test_only_what_apple_accepts_is_notarised(
    folder: Path, tmp_path: Path, answer: str, code: int, ends: int
) -> None:
    ran, key, tools = tmp_path / "ran", tmp_path / "key", tmp_path / "tools"
    tools.mkdir()
    (tools / "ditto").write_text("#!/bin/sh\n")
    (tools / "xcrun").write_text(SUBMITTED.format(ran=ran, key=key, answer=answer, code=code))
    for tool in tools.iterdir():
        tool.chmod(0o755)
    path = f"{tools}{os.pathsep}/bin{os.pathsep}/usr/bin"
    env = {"PATH": path, "APPLE_API_KEY": "the key", "APPLE_API_KEY_ID": "K1", "APPLE_API_ISSUER": "I1"}
    command = [sys.executable, ROOT / "build/sign.py", "notarise", folder, "--system", "darwin"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)

    assert done.returncode == ends, done.stderr
    assert ("Apple did not accept it" in done.stderr) == (ends == 1)
    submit, *log = ran.read_text().splitlines()
    assert "--output-format json" in submit
    assert [line.startswith("notarytool log A-1 --key ") for line in log] == [True] * (
        ends and "id" in answer
    )
    assert ("what was wrong" in done.stdout) == bool(log)
    # The key is in a file for as long as it is needed.
    assert key.read_text() == "the key"
    assert not Path(submit.partition("--key ")[2].split()[0]).exists()


def test_signtool_is_found_in_the_newest_of_windows_s_development_kits(sign: Any, tmp_path: Path) -> None:
    for version in ("10.0.9600.0", "10.0.22621.0", "10.0.19041.0"):
        for machine in ("x64", "arm64"):
            tool = tmp_path / "Windows Kits/10/bin" / version / machine / "signtool.exe"
            tool.parent.mkdir(parents=True)
            tool.touch()
    env = {"PATH": "", "ProgramFiles(x86)": str(tmp_path)}

    assert sign.find("signtool", env) == str(tmp_path / "Windows Kits/10/bin/10.0.22621.0/x64/signtool.exe")
    assert sign.find("codesign", env) is None
    assert sign.find("signtool", env | {"ProgramFiles(x86)": str(tmp_path / "none")}) is None


def test_a_folder_that_is_not_there_and_a_tool_that_is_not_installed_are_told(
    sign: Any, folder: Path, capsys: Any, monkeypatch: Any
) -> None:
    assert sign.main(["sign", str(folder / "nothing")]) == 1
    assert "make binary" in capsys.readouterr().err
    monkeypatch.setenv("APPLE_SIGNING_IDENTITY", "Developer ID")
    monkeypatch.setenv("PATH", "")
    assert sign.main(["sign", str(folder), "--system", "darwin"]) == 1
    assert "codesign was not found" in capsys.readouterr().err
