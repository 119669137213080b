"""What lies beside the program: licences of others, a bill of materials, sums of all files."""

import json
import re
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from freeze.native import TEXTS, Library
from freeze.packages import OURS, Package

LICENCES = "THIRD-PARTY-LICENSES"
BILL = "sbom.cdx.json"
SUMS = "SHA256SUMS"
_RULE = "=" * 100
_NAMESPACE = uuid.UUID("0b9c1d3e-7a55-5d0e-9a64-6c8f1d2b7e43")
"""Ours: the bill's serial number is made of what the bill says."""


def licences(packages: Iterable[Package], libraries: Iterable[Library]) -> str:
    """Every licence in full."""
    parts = [f"live-sidecar is under the MIT licence. Its folder holds parts of others:\n{_RULE}\n"]
    for package in packages:
        parts.append(f"{package.name} {package.version} ({package.licence})\n\n{package.text}\n{_RULE}\n")
    for library in libraries:
        text = (TEXTS / library.text).read_text("utf-8").strip()
        parts.append(f"{library.name} {library.version} ({library.licence})\n\n{text}\n{_RULE}\n")
    return "\n".join(parts)


def bill(
    version: str, packages: Iterable[Package], libraries: Iterable[Library], made_at: int
) -> dict[str, Any]:
    """The bill of materials as CycloneDX 1.6. `made_at` is Unix time in seconds."""
    components = [_python_package(package) for package in packages]
    components += [_native(library) for library in libraries]
    program = _component("application", OURS, version, "MIT")
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": datetime.fromtimestamp(made_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "component": program,
        },
        "components": components,
        "dependencies": [
            {"ref": program["bom-ref"], "dependsOn": sorted(each["bom-ref"] for each in components)}
        ],
    }
    serial = uuid.uuid5(_NAMESPACE, json.dumps(document, sort_keys=True))
    return {**document, "serialNumber": f"urn:uuid:{serial}"}


def _python_package(package: Package) -> dict[str, Any]:
    if package.name == "python":
        cpe = _cpe("python:python", package.version)
        purl = f"pkg:generic/python@{package.version}"
        return _component("platform", package.name, package.version, package.licence, purl, cpe)
    normalised = re.sub(r"[-_.]+", "-", package.name).lower()  # as PyPI does, or scanners do not find it
    purl = f"pkg:pypi/{normalised}@{package.version}"
    return _component("library", package.name, package.version, package.licence, purl)


def _native(library: Library) -> dict[str, Any]:
    purl = f"pkg:generic/{library.name}@{library.version}" if library.version else ""
    cpe = _cpe(library.cpe, library.version) if library.version and library.cpe else ""
    return _component("library", library.name, library.version, library.licence, purl, cpe)


def _cpe(product: str, version: str) -> str:
    """CPE 2.3 of a `vendor:product`: how lists of vulnerabilities call what is no Python package."""
    return f"cpe:2.3:a:{product}:{version}:*:*:*:*:*:*:*"


def _component(
    kind: str, name: str, version: str, licence: str, purl: str = "", cpe: str = ""
) -> dict[str, Any]:
    found: dict[str, Any] = {"type": kind, "bom-ref": purl or f"{name}@{version}", "name": name}
    if version:
        found["version"] = version
    found["licenses"] = [_licence(licence)]
    if cpe:
        found["cpe"] = cpe
    if purl:
        found["purl"] = purl
    return found


def _licence(licence: str) -> dict[str, Any]:
    if " " in licence:
        return {"expression": licence}
    kind = "name" if licence.startswith("LicenseRef-") else "id"
    return {"license": {kind: licence}}


def sums(folder: Path) -> str:
    """A line for every file, in the form of `sha256sum`."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != SUMS)
    return "".join(
        f"{sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder).as_posix()}\n" for path in files
    )
