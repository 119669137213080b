"""`build/publish.sh` with stand-ins for npm and gh, which remember what is public."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stand-ins are shell scripts")
ROOT = Path(__file__).resolve().parents[3]
PLATFORMS = ("linux-x64", "win32-x64", "darwin-arm64", "darwin-x64")
NPM = """#!/bin/sh
cd {state} || exit
case $1 in
  config) echo https://npm.invalid/ ;;
  view)
    name=$(echo "$2" | sed 's/^@//; s|/|-|; s/@/-/')
    [ ! -e "$name.tgz" ] || {{ [ "$3" = dist.integrity ] && cat "$name.tgz.integrity"; }} ;;
  publish)
    file=$(basename "$2")
    [ ! -e "$file" ] || {{ echo "403 cannot publish over it" >&2; exit 1; }}
    [ "$file" != "$(cat refused)" ] || {{ : >refused; echo "503" >&2; exit 1; }}
    echo "$@" >"$file"; echo "npm $file" >>log
    echo "sha512-$(openssl dgst -sha512 -binary "../$2" | base64 -w0)" >"$file.integrity" ;;
esac
"""
GH = """#!/bin/sh
cd {state} || exit
case $2 in
  view) cat draft ;;
  create) [ ! -e draft ] || {{ echo "already exists" >&2; exit 1; }}; echo true >draft ;;
  upload)
    [ "upload" != "$(cat refused)" ] || {{ : >refused; exit 1; }}
    mkdir -p assets; shift 3; for file; do [ "$file" = --clobber ] || cp "../$file" assets; done
    set -- release upload "$@" ;;
  download) [ -d assets ] || exit 1; cp assets/* "$5"; exit ;;
  edit) echo false >draft ;;
esac
[ "$2" = view ] || echo "gh $2 $(echo "$@" | grep -o -e --prerelease -e --draft=false -e --clobber)" >>log
"""


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A folder of what is public, beside a tree with all files of a release."""
    (tmp_path / "state").mkdir()
    (tmp_path / "state/refused").write_text("")
    (tmp_path / "tools").mkdir()
    for name, text in (("npm", NPM), ("gh", GH)):
        (tmp_path / "tools" / name).write_text(text.format(state=tmp_path / "state"))
        (tmp_path / "tools" / name).chmod(0o755)
    (tmp_path / "build").mkdir()
    for name in ("publish.sh", "release.py"):
        shutil.copy(ROOT / "build" / name, tmp_path / "build")
    lay_out(tmp_path, "0.2.0")
    return tmp_path / "state"


def lay_out(tree: Path, version: str) -> None:
    (tree / "CHANGELOG.md").write_text(f"# Change log\n\n## {version} (2026-12-01)\n\n- A line.\n")
    shutil.rmtree(tree / "dist", ignore_errors=True)
    (tree / "dist/packages").mkdir(parents=True)
    names = [f"live-sidecar-{version}.tgz"]
    for each in PLATFORMS:
        names += [f"live-sidecar-{each}-{version}.tgz"]
        names += [f"live-sidecar-{version}-{each}{end}" for end in (".tar.gz", ".sha256")]
    for name in names:
        (tree / "dist/packages" / name).touch()


def publish(state: Path, where: str, version: str = "0.2.0", **more: str) -> subprocess.CompletedProcess[str]:
    path = f"{state.parent / 'tools'}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}/bin{os.pathsep}/usr/bin"
    env = {"PATH": path, "NODE_AUTH_TOKEN": "secret", **more}
    command = ["bash", state.parent / "build/publish.sh", where, f"v{version}"]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


def log(state: Path) -> list[str]:
    return (state / "log").read_text().splitlines() if (state / "log").exists() else []


def test_what_failed_is_published_by_running_it_again(state: Path) -> None:
    (state / "refused").write_text("live-sidecar-darwin-x64-0.2.0.tgz")
    assert publish(state, "npm").returncode == 1
    assert "npm live-sidecar-0.2.0.tgz" not in log(state)
    done = publish(state, "npm")
    assert done.returncode == 0, done.stderr
    assert log(state) == [
        *(f"npm live-sidecar-{each}-0.2.0.tgz" for each in PLATFORMS),
        "npm live-sidecar-0.2.0.tgz",
    ]

    (state / "log").unlink()
    (state / "refused").write_text("upload")
    assert publish(state, "github").returncode == 1
    assert (state / "draft").read_text() == "true\n"
    assert publish(state, "github").returncode == 0
    assert log(state)[-2:] == ["gh upload --clobber", "gh edit --draft=false"]


def test_what_is_public_is_left_alone(state: Path) -> None:
    for _ in range(2):
        assert [publish(state, where).returncode for where in ("npm", "github")] == [0, 0]
    assert len(log(state)) == 5 + 3


def test_a_public_release_gets_the_files_that_it_lacks(state: Path) -> None:
    """As when somebody made it on GitHub's page, with the tag that started this."""
    (state / "draft").write_text("false\n")
    done = publish(state, "github")
    assert done.returncode == 0, done.stderr
    assert log(state) == ["gh upload "] * 13
    assert len(list((state / "assets").iterdir())) == 13
    assert publish(state, "github").returncode == 0
    assert len(log(state)) == 13


@pytest.mark.parametrize("where", ["npm", "github"])
def test_other_bytes_under_a_public_version_are_no_success(state: Path, where: str) -> None:
    assert publish(state, where).returncode == 0
    before = log(state)
    (state.parent / "dist/packages/live-sidecar-win32-x64-0.2.0.tgz").write_text("built again")
    done = publish(state, where)
    assert done.returncode == 1
    assert "is public with other bytes" in done.stderr
    assert log(state) == before


@pytest.mark.parametrize(("version", "is_early"), [("0.2.0", False), ("0.2.0-rc.1", True)])
def test_a_pre_release_is_nobody_s_newest(state: Path, version: str, is_early: bool) -> None:
    lay_out(state.parent, version)
    assert [publish(state, where, version).returncode for where in ("npm", "github")] == [0, 0]
    assert ("--tag next" in (state / f"live-sidecar-{version}.tgz").read_text()) == is_early
    assert ("gh create --prerelease" in log(state)) == is_early


@pytest.mark.parametrize("where", ["npm", "github"])
def test_nothing_is_published_unless_every_platform_is_there(state: Path, where: str) -> None:
    (state.parent / "dist/packages/live-sidecar-win32-x64-0.2.0.tgz").unlink()
    done = publish(state, where)
    assert done.returncode == 1
    assert "live-sidecar-win32-x64-0.2.0.tgz is missing" in done.stderr
    assert log(state) == []


def test_a_dry_run_prints_the_commands_and_publishes_nothing(state: Path) -> None:
    done = publish(state, "npm", DRY_RUN="1")
    assert done.stdout.count("+ npm publish ./dist/packages/") == 5
    assert "+ gh release create" in publish(state, "github", DRY_RUN="1").stdout
    assert log(state) == []


def test_without_a_token_npm_gets_nothing(state: Path) -> None:
    done = publish(state, "npm", NODE_AUTH_TOKEN="")
    assert (done.returncode, log(state)) == (0, [])
    assert "NODE_AUTH_TOKEN is not set" in done.stdout
