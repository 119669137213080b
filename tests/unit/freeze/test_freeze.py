"""What lies beside a frozen program, without freezing one."""

import json
import ssl
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from typing import ClassVar

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from freeze import native, packages, papers, windows

ROOT = Path(__file__).parents[3]
PACKAGE = packages.Package("Some_Package", "1.2", "MIT", "the text of its licence")


def library(name):
    return next(each for each in native.LIBRARIES if each.name == name)


@pytest.mark.parametrize(
    ("files", "found"),
    [
        (["libssl.so.3", "libcrypto.so.1.1", "libz.so.1", "libffi.so.8"], ["libffi", "openssl", "zlib"]),
        (["libssl-3.dll", "libcrypto-3-x64.dll", "VCRUNTIME140.dll", "vcruntime140_1.dll", "api-ms-win-crt-math-l1-1-0.dll"], ["openssl", "vcruntime"]),
        (["libssl.3.dylib", "libpython3.11.dylib"], ["openssl"]),
        (["python311.dll", "python3.dll"], ["zlib"]),
        (["python3.dll", "_ssl.pyd", "a/_core.cpython-311-x86_64-linux-gnu.so", "libpython3.11.so.1.0", "x.abi3.so"], []),
        (["notes.txt", "base_library.zip"], []),
    ],
)  # fmt: skip
def test_libraries_are_known_by_their_names_on_every_system(tmp_path, files, found):
    for name in files:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("")
    assert [each.name for each in native.in_folder(tmp_path)] == found


def test_a_library_that_nobody_knows_stops_the_build(tmp_path):
    (tmp_path / "libreadline.so.8").write_text("")
    with pytest.raises(native.Unknown, match=r"libreadline\.so\.8"):
        native.in_folder(tmp_path)


def test_packages_are_found_by_the_modules_that_are_used():
    found = packages.in_modules(["websockets.client", "msgspec._core", "asyncio.events", "sidecar.cli"])
    assert [each.name for each in found] == ["python", "msgspec", "pyinstaller", "websockets"]
    assert all(each.version and each.licence for each in found)
    assert all(len(each.text) > 500 for each in found)
    assert "PYTHON SOFTWARE FOUNDATION LICENSE" in found[0].text


def test_a_package_without_a_licence_stops_the_build(monkeypatch):
    monkeypatch.setattr(packages.metadata, "packages_distributions", lambda: {"x": ["fastpath"]})

    class Nameless:
        version = "1"
        metadata: ClassVar = {"Name": "fastpath"}
        files = ()

    monkeypatch.setattr(packages.metadata, "distribution", lambda _: Nameless)
    with pytest.raises(LookupError, match="tells no licence"):
        packages.in_modules(["x"])


def test_a_bill_fits_the_schema_and_says_the_same_each_time():
    bills = [papers.bill("1.0", [PACKAGE], [library("openssl"), library("vcruntime")], 0) for _ in range(2)]

    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(bills[0])) is None
    assert bills[0] == bills[1]
    assert bills[0]["metadata"]["timestamp"] == "1970-01-01T00:00:00Z"
    ours, openssl, vcruntime = bills[0]["components"]
    assert ours["bom-ref"] == ours["purl"] == "pkg:pypi/some-package@1.2"
    version = ssl.OPENSSL_VERSION.split()[1]
    assert openssl["purl"] == f"pkg:generic/openssl@{version}"
    assert openssl["cpe"] == f"cpe:2.3:a:openssl:openssl:{version}:*:*:*:*:*:*:*"
    assert not {"purl", "cpe", "version"} & vcruntime.keys(), "its version cannot be told"


def test_another_bill_has_another_number():
    numbers = {papers.bill(version, [PACKAGE], [], 0)["serialNumber"] for version in ("1.0", "1.1")}
    assert len(numbers) == 2


def test_licences_are_told_in_full():
    text = papers.licences([PACKAGE], [library("openssl"), library("zlib")])
    assert "Some_Package 1.2 (MIT)\n\nthe text of its licence\n" in text
    assert "TERMS AND CONDITIONS FOR USE, REPRODUCTION, AND DISTRIBUTION" in text
    assert "Jean-loup Gailly" in text


@pytest.mark.skipif(sys.platform != "linux", reason="sha256sum is of Linux")
def test_the_sums_are_those_of_sha256sum(tmp_path):
    (tmp_path / "ü").mkdir()
    (tmp_path / "ü" / "b c").write_bytes(b"\0")
    (tmp_path / "a").write_bytes(b"text\n")
    (tmp_path / papers.SUMS).write_text(papers.sums(tmp_path), "utf-8")
    subprocess.run(["sha256sum", "--check", "--strict", papers.SUMS], cwd=tmp_path, check=True)
    assert papers.sums(tmp_path).count("\n") == 2


def test_the_icon_holds_a_picture_for_each_size():
    icon = windows.icon()
    _, kind, count = struct.unpack_from("<HHH", icon)
    assert (kind, count) == (1, 4)
    for number in range(count):
        width, _, _, _, _, bits, size, at = struct.unpack_from("<BBBBHHII", icon, 6 + 16 * number)
        picture = icon[at : at + size]
        assert picture.startswith(b"\x89PNG\r\n\x1a\n")
        assert struct.unpack_from(">II", picture, 16) == (width or 256, width or 256)
        (length,) = struct.unpack_from(">I", picture, 33)
        pixels = zlib.decompress(picture[41 : 41 + length])
        assert len(pixels) == (width or 256) * (1 + 4 * (width or 256))
        assert bits == 32
    assert at + size == len(icon)


def test_the_version_resource_is_read_by_pyinstaller(tmp_path):
    """Its reader needs Windows; what it does is to evaluate the text with these names."""
    text = windows.version_resource("1.22.3", "0123456789ab, with changes")
    made = eval(
        text,
        {
            name: lambda *a, **k: (a, k)
            for name in (
                "VSVersionInfo",
                "FixedFileInfo",
                "StringFileInfo",
                "StringTable",
                "StringStruct",
                "VarFileInfo",
                "VarStruct",
            )
        },
    )
    assert "(1, 22, 3, 0)" in str(made)
    assert "1.22.3 (0123456789ab, with changes)" in str(made)
