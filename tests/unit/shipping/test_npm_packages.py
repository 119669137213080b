"""`build/npm_packages.py`: what npm would lose is not there, and each package names what it is for. What npm makes of
them is in tests/packages."""

import importlib
import json
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def packages(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(ROOT / "build"))
    return importlib.import_module("npm_packages")


@pytest.fixture
def built(packages: Any, tmp_path: Path) -> Path:
    """As PyInstaller lays it out on macOS, where Python is a framework."""
    if sys.platform == "win32":
        pytest.skip("not everybody may make links on Windows, and no build has any there")
    folder = tmp_path / "live-sidecar-darwin-arm64"
    framework = folder / "_internal/Python.framework"
    (framework / "Versions/3.11/Resources").mkdir(parents=True)
    (folder / "_internal/lib").mkdir()
    for name in ("live-sidecar", "_internal/lib/libssl.3.dylib"):
        (folder / name).write_text(name)
        (folder / name).chmod(0o755)
    (framework / "Versions/3.11/Python").write_text("the library")
    (framework / "Versions/3.11/Resources/Info.plist").write_text("<plist/>")
    (framework / "Versions/Current").symlink_to("3.11")
    (framework / "Python").symlink_to("Versions/Current/Python")
    (framework / "Resources").symlink_to("Versions/Current/Resources")
    (folder / "_internal/Python").symlink_to("Python.framework/Versions/3.11/Python")
    (folder / "_internal/libssl.3.dylib").symlink_to("lib/libssl.3.dylib")
    (folder / "SHA256SUMS").write_text(packages.papers.sums(folder))
    return folder


def test_links_become_files_and_a_framework_its_library(packages: Any, built: Path, tmp_path: Path) -> None:
    before = {path: path.is_symlink() for path in built.rglob("*")}
    package = packages.platform_package(built, tmp_path / "package")
    inside = package / "live-sidecar"
    assert not [path for path in package.rglob("*") if path.is_symlink()]
    assert {path.relative_to(inside).as_posix() for path in inside.rglob("*") if path.is_file()} == {
        "SHA256SUMS",
        "live-sidecar",
        "_internal/Python",
        "_internal/lib/libssl.3.dylib",
        "_internal/libssl.3.dylib",
    }
    assert (inside / "_internal/Python").read_text() == "the library"
    assert (inside / "_internal/libssl.3.dylib").stat().st_mode & 0o111
    assert (inside / "SHA256SUMS").read_text() == packages.papers.sums(inside)
    assert {path: path.is_symlink() for path in built.rglob("*")} == before


@pytest.mark.parametrize(
    ("link", "target", "why"),
    [
        ("_internal/gone", "nowhere", "leads to nowhere, which is not in the package"),
        ("_internal/out", "../../outside", "leads to ../../outside, which is not in the package"),
        ("_internal/folder", "lib", "leads to a folder"),
    ],
)
def test_a_link_that_cannot_become_a_file_is_refused(
    packages: Any, built: Path, tmp_path: Path, capsys: Any, link: str, target: str, why: str
) -> None:
    (tmp_path / "outside").write_text("of another")
    (built / link).symlink_to(target)
    assert packages.main([str(built), "--into", str(tmp_path / "out"), "--no-bridge"]) == 1
    assert why in capsys.readouterr().err
    assert list((tmp_path / "out").iterdir()) == []


def test_a_framework_that_nothing_leads_into_is_refused(packages: Any, built: Path, tmp_path: Path) -> None:
    (built / "_internal/Python").unlink()
    with pytest.raises(packages.NotPackable, match=r"Nothing outside .*Python\.framework leads into it"):
        packages.platform_package(built, tmp_path / "package")


@pytest.mark.parametrize("name", ["live-sidecar-darwin-arm64", "live-sidecar-linux-x64"])
def test_a_platform_package_names_its_machine(packages: Any, built: Path, tmp_path: Path, name: str) -> None:
    package = packages.platform_package(built.rename(built.with_name(name)), tmp_path / "package")
    manifest = json.loads((package / "package.json").read_text())
    system, processor = name.split("-")[2:]
    assert manifest["name"] == f"@live-sidecar/{system}-{processor}"
    assert (manifest["os"], manifest["cpu"]) == ([system], [processor])
    assert manifest.get("libc") == (["glibc"] if system == "linux" else None)
    assert manifest["version"] == packages.manifest()["version"]
    assert (package / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()


def test_the_pipeline_s_packages_name_its_repository(
    packages: Any, built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
    bare = json.loads((packages.platform_package(built, tmp_path / "a") / "package.json").read_text())
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://git.example")
    monkeypatch.setenv("GITHUB_REPOSITORY", "somebody/something")
    named = json.loads((packages.platform_package(built, tmp_path / "b") / "package.json").read_text())
    assert "repository" not in bare
    assert named["repository"] == {"type": "git", "url": "git+https://git.example/somebody/something.git"}


def test_what_is_no_frozen_program_is_refused(packages: Any, tmp_path: Path, capsys: Any) -> None:
    assert packages.main([str(tmp_path), "--into", str(tmp_path / "out")]) == 1
    assert "Run `make binary` first." in capsys.readouterr().err


def test_the_bridge_names_all_platforms_in_its_own_version_when_it_is_packed(
    packages: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bridge = tmp_path / "bridge-js"
    for folder in packages.manifest()["files"]:
        (bridge / folder).mkdir(parents=True)
        (bridge / folder / "index.js").write_text("")
    for name in ("package.json", "README.md", "LICENSE"):
        (bridge / name).write_bytes((packages.BRIDGE / name).read_bytes())
    monkeypatch.setattr(packages, "BRIDGE", bridge)
    packed = json.loads((packages.bridge_package(tmp_path / "out") / "package.json").read_text())
    sources = json.loads((bridge / "package.json").read_text())
    assert packed["optionalDependencies"] == {
        f"@live-sidecar/{platform}": sources["version"]
        for platform in ("linux-x64", "win32-x64", "darwin-arm64", "darwin-x64")
    }
    assert "optionalDependencies" not in sources
    assert (packed["exports"], packed["files"]) == (sources["exports"], sources["files"])
    assert not {"scripts", "devDependencies"} & packed.keys()


def test_a_bridge_that_was_not_built_is_refused(
    packages: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "package.json").write_bytes((packages.BRIDGE / "package.json").read_bytes())
    monkeypatch.setattr(packages, "BRIDGE", tmp_path)
    with pytest.raises(
        packages.NotPackable, match=r"has no dist/esm, dist/cjs, dist/electron\. Run `make setup` first"
    ):
        packages.bridge_package(tmp_path / "out")


def test_the_release_builds_the_platforms_that_the_bridge_names(packages: Any) -> None:
    pipeline = (ROOT / ".github/workflows/release.yml").read_text("utf-8")
    assert {
        line.split("platform: ")[1].split(",")[0] for line in pipeline.splitlines() if "{ platform:" in line
    } == set(packages.PLATFORMS)
