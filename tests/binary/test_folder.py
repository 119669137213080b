"""What is in the folder, and what is not."""

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

ROOT = Path(__file__).parents[2]
MAX_BYTES = 26_000_000
DEBIAN_12 = (2, 36)
"""Its glibc."""


def files_in(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def test_it_is_small(folder):
    assert sum(path.stat().st_size for path in files_in(folder)) <= MAX_BYTES


def test_the_sums_name_every_file_and_fit(folder):
    listed = {}
    for line in (folder / "SHA256SUMS").read_text("utf-8").splitlines():
        digest, path = line.split("  ")
        listed[path] = digest

    assert listed == {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files_in(folder)
        if path.name != "SHA256SUMS"
    }


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no executable bit")
def test_everybody_may_read_and_run_it_and_nobody_but_the_owner_may_write(folder):
    for path in (folder, *folder.rglob("*")):
        runs = path.is_dir() or path.name == "live-sidecar"
        assert path.stat().st_mode & 0o777 == (0o755 if runs else 0o644), path


def test_nothing_tells_where_it_was_built(folder):
    places = {str(ROOT), str(Path(sys.prefix)), str(Path.home() / ".cache")}
    python = str(Path(sys.base_prefix) / "lib")  # its own library was compiled with the place without "lib"
    for path in files_in(folder):
        content = path.read_bytes()
        assert not [place for place in (*places, python) if place.encode() in content], path


@pytest.mark.skipif(sys.platform != "linux", reason="objdump shows it on Linux")
def test_no_library_names_a_place_to_look_for_others(folder):
    libraries = [path for path in files_in(folder) if path.read_bytes()[:4] == b"\x7fELF"]
    assert len(libraries) > 30
    for path in libraries:
        shown = subprocess.run(["objdump", "-p", path], capture_output=True, text=True, check=True).stdout
        assert "Dynamic Section" in shown, path
        assert [line for line in shown.splitlines() if "RPATH" in line or "RUNPATH" in line] == [], path


@pytest.mark.skipif(sys.platform != "linux", reason="glibc is of Linux")
def test_it_runs_on_the_glibc_of_debian_12(folder):
    newest = {}
    for path in files_in(folder):
        if path.read_bytes()[:4] == b"\x7fELF":
            symbols = subprocess.run(["objdump", "-T", path], capture_output=True, text=True, check=True)
            found = re.findall(r"GLIBC_(\d+)\.(\d+)", symbols.stdout)
            newest[path.name] = max(((int(a), int(b)) for a, b in found), default=(0, 0))

    assert len(newest) > 30
    assert max(newest.values()) >= (2, 4), "it was looked at"
    assert {name: version for name, version in newest.items() if version > DEBIAN_12} == {}


@pytest.mark.skipif(sys.platform != "linux", reason="on Windows and macOS nothing is taken out of libraries")
def test_nothing_is_left_to_strip(folder):
    for path in files_in(folder):
        if path.read_bytes()[:4] == b"\x7fELF":
            sections = subprocess.run(["objdump", "-h", path], capture_output=True, text=True, check=True)
            assert ".debug_info" not in sections.stdout, path


def test_the_bill_of_materials_fits_its_schema_and_names_what_is_there(folder):
    text = (folder / "sbom.cdx.json").read_text("utf-8")
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None

    bill = json.loads(text)
    names = {component["name"].lower() for component in bill["components"]}
    there = {"python", "pyinstaller", "websockets", "msgspec", "jsonrpcserver", "oslash", "python-socks"}
    there |= {"aiohappyeyeballs", "typing_extensions", "openssl", "zlib"}
    maybe = {"truststore", "libffi", "vcruntime"}
    if sys.platform == "darwin":
        maybe |= {"zlib"}  # the system has one, which is not taken along
    assert names - maybe == there - maybe
    assert all(component["licenses"] for component in bill["components"])
    assert bill["metadata"]["component"]["name"] == "live-sidecar"


def test_the_bill_has_names_that_scanners_know(folder):
    components = json.loads((folder / "sbom.cdx.json").read_text("utf-8"))["components"]
    found = {component["name"]: component for component in components}
    for name, product in {
        "python": "python:python",
        "openssl": "openssl:openssl",
        "zlib": "zlib:zlib",
    }.items():
        version = found[name]["version"]
        assert found[name]["cpe"] == f"cpe:2.3:a:{product}:{version}:*:*:*:*:*:*:*"
        assert found[name]["purl"] == f"pkg:generic/{name}@{version}"
    packages = {purl for each in components if (purl := each.get("purl", "")).startswith("pkg:pypi/")}
    assert f"pkg:pypi/typing-extensions@{found['typing_extensions']['version']}" in packages
    assert not [purl for purl in packages if re.search("[_A-Z]", purl)]


def test_no_file_is_or_has_a_private_key_which_virus_scanners_take_away(folder):
    for path in files_in(folder):
        assert path.suffix not in {".pem", ".key", ".p8", ".p12", ".pfx"}, path
        assert b"-----BEGIN PRIVATE KEY" not in path.read_bytes(), path


def test_a_bill_that_does_not_fit_its_schema_is_found(folder):
    bill = json.loads((folder / "sbom.cdx.json").read_text("utf-8"))
    bill["components"][0]["licenses"] = [{"license": {"id": "none of SPDX"}}]
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(bill)) is not None


def test_every_part_s_licence_is_there_in_full(folder):
    text = (folder / "THIRD-PARTY-LICENSES").read_text("utf-8")
    for component in json.loads((folder / "sbom.cdx.json").read_text("utf-8"))["components"]:
        heading = f"{component['name']} {component.get('version', '')}"
        assert f"\n{heading}" in text, heading
    for words in ("PYTHON SOFTWARE FOUNDATION LICENSE", "Apache License", "Permission is hereby granted"):
        assert words in text
    assert (folder / "LICENSE").read_text("utf-8") == (ROOT / "LICENSE").read_text("utf-8")
