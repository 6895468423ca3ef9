"""Bills of materials of systems that package managers installed themselves, held against what those managers say."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scanner.supply_chain.checking.schemas import validate
from scanner.supply_chain.loading.opening import open_bom
from scanner.supply_chain.making.cyclonedx_writer import to_cyclonedx
from scanner.supply_chain.making.spdx_writer import to_spdx
from scanner.supply_chain.model import Bom
from tests import rpm_system_lab
from tests.small_systems import CLOCK, debian, made, program, truth_of, write_program
from tests.support import build

System = tuple[Path, list[str]]


@pytest.fixture(scope="module", params=["sqlite", "ndb"])
def system(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> System:
    """The tree, and what rpm says is installed there."""
    folder = tmp_path_factory.mktemp(request.param)
    root = rpm_system_lab.installed_system(folder / "root", folder / "scratch")
    said = rpm_system_lab.said(root)
    return (root if request.param == "sqlite" else rpm_system_lab.with_ndb(root)), said


def listed(bom: Bom) -> list[str]:
    """The packages of an rpm system in the words of `rpm -qa`."""
    found = []
    for one in bom.components:
        if one.purl and one.purl.startswith("pkg:rpm/"):
            epoch, colon, rest = one.version.rpartition(":")
            arch = one.purl.partition("arch=")[2].partition("&")[0]
            found.append(f"{one.name} {epoch if colon else 0} {rest} {arch}")
    return sorted(found)


def test_every_package_and_version_of_an_rpm_system(system: System) -> None:
    root, said = system
    packages = [line for line in said if not line.startswith("gpg-pubkey ")]
    bom = made(root)
    assert listed(bom) == packages
    assert len(packages) == len(rpm_system_lab.PACKAGES)
    assert bom.dropped == ()


def test_a_trusted_key_is_no_package(system: System) -> None:
    root, said = system
    assert sum(line.startswith("gpg-pubkey ") for line in said) == 1
    assert not [one for one in made(root).components if one.name == "gpg-pubkey"]


def test_licences_and_dependencies_of_rpm_packages(system: System) -> None:
    bom = made(system[0])
    licences = {one.name: one.licenses[0].expression for one in bom.components if one.licenses}
    assert licences["openssl-libs"] == "Apache-2.0"
    assert licences["zero"] == "BSD-3-Clause AND ISC"
    names = {one.ref: one.name for one in bom.components}
    edges = {(names[one.source], names[one.target]) for one in bom.relations if one.kind == "depends_on"}
    assert edges == {("openssl-libs", "glibc"), ("zero", "openssl-libs")}
    told = {one.name: one.properties["assay:composition:dependencies"] for one in bom.components}
    assert (told["zero"], told["rc"]) == ("complete", "incomplete")


@pytest.mark.parametrize("files", [False, True])
def test_an_rpm_system_is_what_its_document_says(system: System, files: bool) -> None:
    root, _ = system
    bom = made(root, files=files)
    for data in (to_cyclonedx(bom), to_spdx(bom)):
        loaded = open_bom(data, "made")
        assert validate(loaded, data).state in ("valid", "not_checked")
        found = truth_of(loaded, root)
        assert found.verdict == "true", found.to_json()
    assert validate(open_bom(to_cyclonedx(bom), "made"), to_cyclonedx(bom)).state == "valid"


def test_a_changed_library_of_an_rpm_system_is_found(system: System, tmp_path: Path) -> None:
    root = tmp_path / "copy"
    shutil.copytree(system[0], root, symlinks=True)
    bom = made(root)
    build(root, {"/etc/tzdata-2026a.conf": "changed\n"})
    assert truth_of(bom, root).verdict == "true"
    library = root / "usr/lib/libglibc.so.1"
    library.write_bytes(library.read_bytes() + b"x")
    assert [(one.kind, one.name) for one in truth_of(bom, root).differences] == [
        ("file_changed", "/usr/lib/libglibc.so.1")
    ]


def test_the_same_bytes_under_other_circumstances(tmp_path: Path) -> None:
    root = debian(tmp_path / "root")
    results = []
    for umask, zone, seed in ((0o022, "UTC", "0"), (0o077, "Pacific/Kiritimati", "4711")):
        out = tmp_path / seed
        formats = [part for name in ("cyclonedx", "spdx") for part in ("-o", f"{name}={out}/{name}")]
        call = "import sys; from scanner.cli.main import main; sys.exit(main())"
        command = [sys.executable, "-c", call, "sbom", "make", str(root), "--files", "--quiet", "--clock", CLOCK]
        environment = {**os.environ, "TZ": zone, "PYTHONHASHSEED": seed, "LC_ALL": "C.UTF-8" if seed == "0" else "C"}
        done = subprocess.run([*command, *formats], umask=umask, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        results.append([(out / name).read_bytes() for name in ("cyclonedx", "spdx")])
    assert results[0] == results[1]
    assert json.loads(results[0][0])["metadata"]["timestamp"] == CLOCK


def apk_three(root: Path, place: str) -> Path:
    """An Alpine system as apk 3 writes its database for packages of its own format: files with 160 bits of SHA-256."""
    blocks = []
    for name, version, needs in (("musl", "1.2.5-r1", ""), ("busybox", "1.37.0-r30", "so:libc.musl-x86_64.so.1")):
        content = program(name)
        write_program(root, f"/usr/bin/{name}", content)
        digest = base64.b64encode(hashlib.sha256(content).digest()[:20]).decode()
        provides = "p:so:libc.musl-x86_64.so.1=1\n" if name == "musl" else ""
        needed = f"D:{needs}\n" if needs else ""
        head = f"C:Q1jQ1Mih5qt1ri+Bq/Hh5mzhq3vlM=\nP:{name}\nV:{version}\nA:x86_64\nS:14403\nI:35675\nT:the {name}\nL:MIT\n"
        files = f"F:etc\nF:usr\nF:usr/bin\nR:{name}\na:0:0:755\nZ:Q1{digest}\nF:usr/lib\n"
        blocks.append(f"{head}o:{name}\nm:M <m@example.org>\n{needed}{provides}g:core\nf:S\n{files}\n")
    return build(
        root,
        {
            f"{place}/db/installed": "".join(blocks),
            "/etc/os-release": "ID=alpine\nVERSION_ID=3.23.0\n",
            "/bin/.keep": "",
            "/boot/.keep": "",
            "/var/.keep": "",
        },
    )


@pytest.mark.parametrize("place", ["/lib/apk", "/usr/lib/apk"])
def test_an_alpine_system_of_apk_three(tmp_path: Path, place: str) -> None:
    root = apk_three(tmp_path, place)
    if place == "/usr/lib/apk":
        (root / "lib").symlink_to("usr/lib")
    bom = made(root)
    packages = [f"{one.name} {one.version}" for one in bom.components if (one.purl or "").startswith("pkg:apk/")]
    assert packages == ["busybox 1.37.0-r30", "musl 1.2.5-r1"]
    assert [one for one in bom.components if one.type == "file"] == []
    assert truth_of(open_bom(to_cyclonedx(bom), "made"), root).verdict == "true"
    write_program(root, "/usr/bin/musl", program("other"))
    assert [(one.kind, one.name) for one in truth_of(bom, root).differences] == [("file_changed", "/usr/bin/musl")]
