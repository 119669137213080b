"""What is in the folder for Windows."""

import importlib.util
import json
import re
import sys

import pytest

from sidecar import __version__
from tests.binary.test_folder import (  # noqa: F401 - the same must hold
    test_every_part_s_licence_is_there_in_full,
    test_it_is_small,
    test_the_bill_of_materials_fits_its_schema_and_names_what_is_there,
    test_the_sums_name_every_file_and_fit,
)
from tests.program import SETUP
from tests.wine.windows import EXE, ROOT, name


@pytest.fixture(scope="module")
def pe():
    """The program's header and resources, by the library that PyInstaller reads them with."""
    packages = str(SETUP / "python/Lib/site-packages")
    sys.path.append(packages)  # last: the others in there are for Windows
    try:
        spec = importlib.util.find_spec("pefile")
        pefile = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(pefile)
    finally:
        sys.path.remove(packages)
    with pefile.PE(EXE) as found:
        yield found


def test_it_is_a_program_for_64_bits_that_has_a_console(pe):
    assert pe.FILE_HEADER.Machine == 0x8664
    assert pe.OPTIONAL_HEADER.Subsystem == 3  # IMAGE_SUBSYSTEM_WINDOWS_CUI


def test_the_version_resource_names_version_and_commit(pe):
    [[information]] = [[each for each in group if each.Key == b"StringFileInfo"] for group in pe.FileInfo]
    told = {key.decode(): value.decode() for key, value in information.StringTable[0].entries.items()}
    commit = (EXE.parent / "_internal" / "COMMIT").read_text().strip()

    assert told["ProductVersion"] == f"{__version__} ({commit})"
    assert told["FileVersion"] == __version__
    assert told["OriginalFilename"] == "live-sidecar.exe"
    fixed = pe.VS_FIXEDFILEINFO[0]
    numbers = (fixed.FileVersionMS >> 16, fixed.FileVersionMS & 0xFFFF, fixed.FileVersionLS >> 16)
    assert ".".join(map(str, numbers)) == __version__


def test_the_icon_has_its_four_sizes(pe):
    kinds = {entry.id: entry.directory.entries for entry in pe.DIRECTORY_ENTRY_RESOURCE.entries}
    assert len(kinds[3]) == 4  # RT_ICON
    assert len(kinds[14]) == 1  # RT_GROUP_ICON


def test_nothing_tells_where_it_was_built(folder):
    places = {name(ROOT), str(ROOT), name(ROOT).replace("\\", "\\\\")}
    for path in folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert not [place for place in places if place.encode() in content], path


def test_what_windows_alone_needs_is_named(folder):
    bill = json.loads((folder / "sbom.cdx.json").read_text("utf-8"))
    names = {component["name"] for component in bill["components"]}
    assert {"truststore", "libffi", "vcruntime", "zlib"} <= names


def test_the_c_runtime_of_windows_is_not_shipped(folder):
    names = [path.name.lower() for path in folder.rglob("*.dll")]
    assert not [each for each in names if re.match(r"api-ms-|ucrtbase", each)]
