"""Bills of materials made of small systems: every package, its licence, files and relations."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from scanner.supply_chain.checking.schemas import validate
from scanner.supply_chain.loading.opening import open_bom
from scanner.supply_chain.making.cyclonedx_writer import to_cyclonedx
from scanner.supply_chain.making.spdx_writer import to_spdx
from scanner.supply_chain.model import Bom
from tests import efi_lab, rpm_support
from tests.small_systems import ALPINE_LIST, ELF, alpine, debian, fedora, made, named, program, truth_of, write_program
from tests.support import build


def edges(bom: Bom, kind: str) -> set[tuple[str, str]]:
    names = {one.ref: one.name for one in bom.components}
    return {(names[one.source], names[one.target]) for one in bom.relations if one.kind == kind}


def of_type(bom: Bom, kind: str) -> list[str]:
    return [one.purl for one in bom.components if one.purl and one.purl.startswith(f"pkg:{kind}/")]


def test_debs_agree_with_dpkg_query(tmp_path: Path) -> None:
    if shutil.which("dpkg-query") is None:
        pytest.skip("dpkg-query is not installed (Debian package dpkg)")
    root = debian(tmp_path)
    form = "${db:Status-Status} ${Package} ${Version} ${Architecture}\n"
    command = ["dpkg-query", f"--admindir={root}/var/lib/dpkg", "-W", "-f", form]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    bom = made(root)
    listed = sorted(
        f"installed {one.name} {one.version} {one.purl.partition('arch=')[2].partition('&')[0]}"
        for one in bom.components
        if one.purl and one.purl.startswith("pkg:deb/")
    )
    assert listed == sorted(line for line in said if line.startswith("installed "))
    assert len(listed) == 6


def test_what_is_said_of_a_deb(tmp_path: Path) -> None:
    bom = made(debian(tmp_path))
    alpha = named(bom, "alpha")
    assert alpha.purl == "pkg:deb/debian/alpha@1.0-1?arch=amd64&distro=debian-12"
    assert alpha.licenses[0].expression == "GPL-2.0-or-later OR MIT"
    assert (alpha.supplier, alpha.description) == ("M <m@example.org>", "the alpha")
    assert named(bom, "beta").properties["assay:source-package"] == "beta 3.1-2"
    assert not named(bom, "beta").licenses
    assert {("alpha", "libc6"), ("alpha", "beta")} == edges(bom, "depends_on") & {
        ("alpha", name) for name in ("libc6", "beta", "nothing")
    }
    needs = [one.target for one in bom.relations if one.kind == "depends_on" and one.source == alpha.ref]
    assert not any("i386" in one for one in needs)


def test_python_and_npm(tmp_path: Path) -> None:
    bom = made(debian(tmp_path))
    assert of_type(bom, "pypi") == ["pkg:pypi/pyyaml@6.0", "pkg:pypi/some-thing@1.2.0"]
    assert of_type(bom, "npm") == [
        "pkg:npm/%40scope/right@2.0.0",
        "pkg:npm/%40scope/right@3.0.0",
        "pkg:npm/left@1.0.0",
    ]
    assert ("python3-yaml", "PyYAML") in edges(bom, "contains")
    assert ("Some_Thing", "PyYAML") in edges(bom, "depends_on")
    assert named(bom, "Some_Thing").licenses[0].expression == "BSD-3-Clause"


def test_an_rpm_database_agrees_with_rpm(tmp_path: Path) -> None:
    root = fedora(tmp_path / "root", tmp_path / "scratch")
    bom = made(root)
    said = rpm_support.query(tmp_path / "scratch/db", "%{NAME} %{EPOCHNUM} %{VERSION}-%{RELEASE} %{ARCH}")
    listed = []
    for one in bom.components:
        if one.purl and one.purl.startswith("pkg:rpm/almalinux/"):
            epoch, colon, rest = one.version.rpartition(":")
            arch = one.purl.partition("arch=")[2].partition("&")[0]
            listed.append(f"{one.name} {epoch if colon else 0} {rest} {arch}")
    assert sorted(listed) == said
    extra = named(bom, "extra")
    assert extra.purl == "pkg:rpm/almalinux/extra@2.5-3.el10?arch=noarch&distro=almalinux-10.0&epoch=4"
    assert (extra.supplier, extra.licenses[0].expression) == ("Example Vendor", "Apache-2.0")
    assert extra.properties["assay:source-package"] == "extra 2.5-3.el10"
    assert {("extra", "base"), ("third", "base")} <= edges(bom, "depends_on")
    assert next(one for one in bom.components if one.ref == bom.subject).cpes == ("cpe:/o:almalinux:almalinux:10",)
    assert bom.dropped == ()


def test_an_apk_database_agrees_with_its_list(tmp_path: Path) -> None:
    bom = made(alpine(tmp_path))
    listed = [f"{one.name} {one.version}" for one in bom.components if (one.purl or "").startswith("pkg:apk/")]
    assert listed == ALPINE_LIST
    assert named(bom, "busybox").purl == "pkg:apk/alpine/busybox@1.36.1-r29?arch=x86_64&distro=alpine-3.20.1"
    assert {("busybox", "musl"), ("ssl_client", "musl")} == edges(bom, "depends_on")
    assert not [one for one in bom.components if one.type == "file"]


def test_files_are_listed_when_asked_for(tmp_path: Path) -> None:
    bom = made(alpine(tmp_path), files=True)
    files = [one for one in bom.components if one.type == "file"]
    assert [one.name for one in files] == ["/bin/busybox", "/lib/ld-musl-x86_64.so.1", "/usr/bin/ssl_client"]
    assert all({"sha256", "sha1"} == one.hashes.keys() for one in files)
    assert ("busybox", "/bin/busybox") in edges(bom, "contains")


def test_programs_of_nobody_are_listed_as_files(tmp_path: Path) -> None:
    root = debian(tmp_path)
    write_program(root, "/usr/local/bin/own", program("own"))
    write_program(root, "/usr/local/bin/notes", b"no program")
    write_program(root, "/usr/lib/libown.so.1", program("own"), 0o644)
    build(root, {"/etc/systemd/system/own.service": "[Service]\n", "/lib/modules/6.1/extra/own.ko.xz": b"x"})
    bom = made(root)
    loose = {one.name: one.properties["assay:file"] for one in bom.components if one.type == "file"}
    assert loose == {
        "/etc/systemd/system/own.service": "unit",
        "/usr/lib/libown.so.1": "library",
        "/usr/local/bin/own": "program",
    }
    kernel = named(bom, "linux")
    assert (kernel.version, kernel.properties["assay:kernel:modules"]) == ("6.1", "1")


def test_a_program_that_is_not_what_its_package_brought_is_listed(tmp_path: Path) -> None:
    root = debian(tmp_path)
    write_program(root, "/usr/bin/alpha", program("other"))
    bom = made(root)
    assert named(bom, "/usr/bin/alpha").properties["assay:changed-since-installation"] == "yes"
    assert ("alpha", "/usr/bin/alpha") in edges(bom, "contains")


def test_containers_flatpaks_and_firmware(tmp_path: Path) -> None:
    digest = "sha256:" + "ab" * 32
    images = [{"id": "1", "digest": digest, "names": ["registry.example/team/app:1.2"]}]
    build(
        debian(tmp_path),
        {
            "/var/lib/containers/storage/overlay-images/images.json": json.dumps(images),
            "/etc/containers/systemd/web.container": "[Container]\nImage=registry.example/web:3\n",
            "/var/lib/flatpak/app/org.example.App/x86_64/stable/" + "cd" * 32 + "/metadata": "",
            "/var/lib/flatpak/app/org.example.App/x86_64/stable/active": ("link", "cd" * 32),
            "/usr/lib/firmware/vendor/chip.bin": b"firmware",
        },
    )
    bom = made(tmp_path)
    assert of_type(bom, "oci") == [
        f"pkg:oci/app@{digest}?repository_url=registry.example/team/app&tag=1.2",
        "pkg:oci/web?repository_url=registry.example/web&tag=3",
    ]
    assert named(bom, "registry.example/team/app").hashes == {"sha256": "ab" * 32}
    assert named(bom, "org.example.App").properties["assay:flatpak:commit"] == "cd" * 32
    assert named(bom, "vendor/chip.bin").type == "firmware"


@pytest.mark.parametrize("files", [False, True])
def test_both_formats_are_valid_and_lose_nothing(tmp_path: Path, files: bool) -> None:
    root = debian(tmp_path)
    write_program(root, "/usr/local/bin/own", program("own"))
    bom = made(root, files=files)
    cyclonedx, spdx = to_cyclonedx(bom), to_spdx(bom)
    loaded = open_bom(cyclonedx, "cyclonedx")
    assert validate(loaded, cyclonedx).state == "valid"
    wanted = sorted((one.name, one.version, one.purl or "") for one in bom.components)
    assert sorted((one.name, one.version, one.purl or "") for one in loaded.components) == wanted
    other = open_bom(spdx, "spdx")
    assert sorted((one.name.removeprefix("."), one.version, one.purl or "") for one in other.components) == wanted
    assert {one.kind for one in other.relations} == {"contains", "depends_on"}
    assert len(other.relations) == len(bom.relations)


def test_the_spdx_validator_has_nothing_to_say(tmp_path: Path) -> None:
    from spdx_tools.spdx.parser.parse_anything import parse_file
    from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

    root = debian(tmp_path / "root")
    write_program(root, "/usr/local/bin/own", program("own"))
    path = tmp_path / "sbom.spdx.json"
    path.write_bytes(to_spdx(made(root, files=True)))
    assert validate_full_spdx_document(parse_file(str(path))) == []


def test_the_same_bytes_every_time(tmp_path: Path) -> None:
    root = debian(tmp_path / "one")
    other = tmp_path / "two"
    shutil.copytree(root, other, symlinks=True)
    first, second = made(root, files=True), made(other, files=True)
    assert to_cyclonedx(first) == to_cyclonedx(second)
    assert to_spdx(first) == to_spdx(second)
    build(other, {"/usr/lib/firmware/new.bin": b"new"})
    assert made(other).serial != first.serial


def test_boot_programs_are_named_by_their_sbat_lines(tmp_path: Path) -> None:
    lines = b"sbat,1,SBAT Version,sbat,1,https://example.org\nboot,4,Upstream,boot,2.1,u\nboot.vendor,2,Vendor,boot,2.1-7,u\n"
    root = debian(tmp_path)
    build(root, {"/boot/efi/EFI/BOOT/BOOTX64.EFI": efi_lab.pe_file([(".sbat", lines)])})
    (one,) = [one for one in made(root).components if one.description == "EFI program"]
    assert (one.name, one.version, one.supplier, one.type) == ("boot", "2.1-7", "Vendor", "firmware")
    assert one.properties["assay:sbat:boot"] == "4"
    assert len(one.hashes["sha256"]) == 64


def test_names_that_are_no_text(tmp_path: Path) -> None:
    root = debian(tmp_path)
    (root / os.fsdecode(b"usr/bin/odd\xff")).write_bytes(program("odd"))
    (root / os.fsdecode(b"usr/bin/odd\xff")).chmod(0o755)
    build(root, {"/usr/lib/python3/dist-packages/x.egg-info": b"Name: x\nVersion: 1\nClassifier: \xff\n\n"})
    bom = made(root)
    assert named(bom, "/usr/bin/odd%FF").hashes
    assert open_bom(to_spdx(bom), "x").subject is not None
    found = truth_of(open_bom(to_cyclonedx(bom), "x"), root)
    assert found.verdict == "true", found.to_json()


def test_a_damaged_database_is_said(tmp_path: Path) -> None:
    root = debian(tmp_path)
    build(root, {"/var/lib/dpkg/status": "Package: alpha\nnonsense\n"})
    bom = made(root)
    assert [one.what for one in bom.dropped] == ["package database"]
    assert of_type(bom, "deb") == []


@pytest.mark.parametrize("place", ["/var/lib/pacman/local/x", "/nix/store/x"])
def test_managers_that_are_not_supported_are_said(tmp_path: Path, place: str) -> None:
    bom = made(build(debian(tmp_path), {f"{place}/desc": ""}))
    assert [one.why.partition(":")[0] for one in bom.dropped] == ["unsupported"]


def test_a_tree_without_packages_is_incomplete(tmp_path: Path) -> None:
    assert "none" in made(build(tmp_path, {"/etc/os-release": "ID=x\n"})).dropped[0].why


@pytest.mark.parametrize("seed", range(20))
def test_broken_books_never_raise(tmp_path: Path, seed: int) -> None:
    root = debian(tmp_path)
    books = sorted(path for path in root.rglob("*") if path.is_file() and path.read_bytes()[:4] != ELF[:4])
    for number, path in enumerate(books):
        data = bytearray(path.read_bytes())
        if data:
            place = (seed * 7919 + number * 104729) % len(data)
            data[place] ^= 1 << (seed % 8)
            path.write_bytes(bytes(data[: place + 1]) if (seed + number) % 3 == 0 else bytes(data))
    bom = made(root)
    assert open_bom(to_cyclonedx(bom), "x").subject is not None
    assert open_bom(to_spdx(bom), "x").subject is not None


def test_relations_of_the_document_are_closed(tmp_path: Path) -> None:
    bom = made(debian(tmp_path), files=True)
    refs = {one.ref for one in bom.components}
    assert len(refs) == len(bom.components)
    assert all(one.source in refs and one.target in refs for one in bom.relations)
