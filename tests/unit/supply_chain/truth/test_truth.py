"""Documents held against small systems: true ones, untrue ones, and those that nobody can judge."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import jsonschema_rs
import pytest

from scanner.schemas.sbom_truth import sbom_truth
from scanner.supply_chain.loading.opening import open_bom
from scanner.supply_chain.making.cyclonedx_writer import to_cyclonedx
from scanner.supply_chain.making.spdx_writer import to_spdx
from scanner.supply_chain.model import Bom, Component, Dropped
from tests import efi_lab
from tests.small_systems import alpine, debian, fedora, made, named, pip, program, truth_of, write_program
from tests.support import build

Edit = Callable[[Bom], Bom]


def changed(bom: Bom, name: str, /, **fields: object) -> Bom:
    return replace(bom, components=tuple(replace(one, **fields) if one.name == name else one for one in bom.components))


def without(bom: Bom, name: str) -> Bom:
    return replace(bom, components=tuple(one for one in bom.components if one.name != name))


def added(bom: Bom, *more: Component) -> Bom:
    return replace(bom, components=(*bom.components, *more))


def component(purl: str | None, name: str, version: str = "1", **more: object) -> Component:
    return Component(f"more:{name}", name, version, purl=purl, **more)  # type: ignore[arg-type]


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """A dpkg system with strays, firmware, a container image and a kernel of its own."""
    root = debian(tmp_path / "root")
    write_program(root, "/usr/local/bin/own", program("own"))
    image = {"digest": "sha256:" + "ab" * 32, "names": ["registry.example/app:1"]}
    return build(
        root,
        {
            "/var/lib/containers/storage/overlay-images/images.json": json.dumps([image]),
            "/usr/lib/firmware/chip.bin": b"firmware",
            "/usr/lib/modules/6.1/kernel/a.ko": b"a",
            "/usr/lib/modules/6.1/vmlinuz": b"kernel",
        },
    )


@pytest.mark.parametrize("files", [False, True])
@pytest.mark.parametrize("write", [to_cyclonedx, to_spdx])
@pytest.mark.parametrize("system", ["mixed", "alpine", "rpm"])
def test_what_was_made_from_a_tree_is_true_of_it(
    mixed: Path, tmp_path: Path, system: str, write: Callable[[Bom], bytes], files: bool
) -> None:
    root = mixed
    if system == "alpine":
        root = alpine(tmp_path / "alpine")
    elif system == "rpm":
        root = fedora(tmp_path / "rpm", tmp_path / "scratch")
    found = truth_of(open_bom(write(made(root, files=files)), "made"), root)
    assert found.verdict == "true", found.to_json()
    assert found.counts["installed"] == found.counts["installed_listed"]


def test_a_changed_program_that_is_listed_is_true(mixed: Path) -> None:
    write_program(mixed, "/usr/bin/alpha", program("patched"))
    assert truth_of(made(mixed), mixed).verdict == "true"


IN_DOCUMENT: dict[str, tuple[Edit, str, str]] = {
    "deb omitted": (lambda bom: without(bom, "alpha"), "component_omitted", "alpha"),
    "pip omitted": (lambda bom: without(bom, "Some_Thing"), "component_omitted", "Some_Thing"),
    "npm omitted": (lambda bom: without(bom, "left"), "component_omitted", "left"),
    "one of two architectures omitted": (
        lambda bom: replace(
            bom, components=tuple(one for one in bom.components if "arch=i386" not in (one.purl or ""))
        ),
        "component_omitted",
        "libc6",
    ),
    "one of two versions omitted": (
        lambda bom: replace(bom, components=tuple(one for one in bom.components if one.version != "3.0.0")),
        "component_omitted",
        "@scope/right",
    ),
    "container omitted": (
        lambda bom: without(bom, "registry.example/app"),
        "component_omitted",
        "registry.example/app",
    ),
    "firmware omitted": (lambda bom: without(bom, "chip.bin"), "component_omitted", "chip.bin"),
    "kernel omitted": (lambda bom: without(bom, "linux"), "component_omitted", "linux"),
    "deb not there": (
        lambda bom: added(bom, component("pkg:deb/debian/ghost@1?arch=amd64", "ghost")),
        "component_absent",
        "ghost",
    ),
    "pip not there": (lambda bom: added(bom, component("pkg:pypi/ghost@1", "ghost")), "component_absent", "ghost"),
    "file not there": (
        lambda bom: added(bom, component(None, "/usr/bin/ghost", type="file")),
        "component_absent",
        "/usr/bin/ghost",
    ),
    "older version": (
        lambda bom: changed(bom, "alpha", version="0.9-1", purl="pkg:deb/debian/alpha@0.9-1?arch=amd64"),
        "version_differs",
        "alpha",
    ),
    "other epoch": (
        lambda bom: changed(bom, "beta", purl="pkg:deb/debian/beta@1:3.1-2%2Bdeb12u1?arch=amd64"),
        "version_differs",
        "beta",
    ),
    "other npm version": (lambda bom: changed(bom, "left", purl="pkg:npm/left@1.0.1"), "version_differs", "left"),
    "other architecture": (
        lambda bom: changed(bom, "alpha", purl="pkg:deb/debian/alpha@1.0-1?arch=arm64"),
        "architecture_differs",
        "alpha",
    ),
    "other firmware": (lambda bom: changed(bom, "chip.bin", hashes={"sha256": "0" * 64}), "hash_differs", "chip.bin"),
    "other file": (
        lambda bom: changed(bom, "/usr/local/bin/own", hashes={"sha256": "0" * 64}),
        "hash_differs",
        "/usr/local/bin/own",
    ),
    "file left out": (lambda bom: without(bom, "/usr/local/bin/own"), "file_unclaimed", "/usr/local/bin/own"),
    "other release of the system": (lambda bom: changed(bom, "debian", version="11"), "system_differs", "debian"),
}


@pytest.mark.parametrize("case", IN_DOCUMENT)
def test_each_untruth_of_a_document_is_found_and_nothing_else(mixed: Path, case: str) -> None:
    edit, kind, name = IN_DOCUMENT[case]
    found = truth_of(edit(made(mixed)), mixed)
    assert [(one.kind, one.name) for one in found.differences] == [(kind, name)]
    assert name.rpartition("/")[2] in found.differences[0].says
    assert found.differences[0].says.endswith(".")
    assert case != "one of two architectures omitted" or "i386" in found.differences[0].says


IN_IMAGE: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "program": (
        lambda root: write_program(root, "/usr/bin/evil", program("evil")),
        "file_unclaimed",
        "/usr/bin/evil",
    ),
    "script": (
        lambda root: write_program(root, "/usr/local/sbin/evil", b"#!/bin/sh\n"),
        "file_unclaimed",
        "/usr/local/sbin/evil",
    ),
    "library": (
        lambda root: write_program(root, "/usr/lib/libevil.so", program("evil"), 0o644),
        "file_unclaimed",
        "/usr/lib/libevil.so",
    ),
    "unit": (
        lambda root: build(root, {"/etc/systemd/system/evil.service": "[Service]\n"}),
        "file_unclaimed",
        "/etc/systemd/system/evil.service",
    ),
    "module": (
        lambda root: build(root, {"/usr/lib/modules/6.1/extra/evil.ko": b"evil"}),
        "hash_differs",
        "linux",
    ),
    "patched program": (
        lambda root: write_program(root, "/usr/bin/alpha", program("patched")),
        "file_changed",
        "/usr/bin/alpha",
    ),
    "patched library": (
        lambda root: write_program(root, "/usr/lib/libbeta.so.3", program("patched"), 0o644),
        "file_changed",
        "/usr/lib/libbeta.so.3",
    ),
    "patched unit": (
        lambda root: build(root, {"/usr/lib/systemd/system/tool.service": "[Service]\nExecStart=/evil\n"}),
        "file_changed",
        "/usr/lib/systemd/system/tool.service",
    ),
    "kernel image": (lambda root: build(root, {"/usr/lib/modules/6.1/vmlinuz": b"x"}), "hash_differs", "linux"),
    "firmware": (
        lambda root: build(root, {"/usr/lib/firmware/new.bin": b"new"}),
        "component_omitted",
        "new.bin",
    ),
}


@pytest.mark.parametrize("case", IN_IMAGE)
def test_each_change_of_an_image_is_found_and_nothing_else(mixed: Path, case: str) -> None:
    bom = made(mixed)
    change, kind, name = IN_IMAGE[case]
    change(mixed)
    assert [(one.kind, one.name) for one in truth_of(bom, mixed).differences] == [(kind, name)]


def test_a_boot_program_copied_from_a_package(mixed: Path) -> None:
    bom = made(mixed)
    lines = b"sbat,1,SBAT Version,sbat,1,u\nalpha,1,Vendor,alpha,1.0,u\n"
    place, packed = "/boot/efi/EFI/BOOT/BOOTX64.EFI", "/usr/lib/alpha/alphax64.efi"
    build(mixed, {place: efi_lab.pe_file([(".sbat", lines)]), packed: efi_lab.pe_file([(".sbat", lines)])})
    assert [(one.kind, one.ecosystem) for one in truth_of(bom, mixed).differences] == [("component_omitted", "efi")]
    with (mixed / "var/lib/dpkg/info/alpha.list").open("a") as listed:
        listed.write(f"{packed}\n")
    assert truth_of(bom, mixed).verdict == "true"
    build(mixed, {place: efi_lab.pe_file([(".sbat", lines), (".text", b"other")])})
    assert [one.source for one in truth_of(bom, mixed).differences] == [place]


def test_many_untruths_at_once(mixed: Path) -> None:
    bom = made(mixed)
    cases = ["deb omitted", "pip omitted", "deb not there", "other npm version", "other firmware", "other epoch"]
    for case in cases:
        bom = IN_DOCUMENT[case][0](bom)
    for case in ("program", "patched library", "unit"):
        IN_IMAGE[case][0](mixed)
    found = {(one.kind, one.name) for one in truth_of(bom, mixed).differences}
    wanted = {IN_DOCUMENT[case][1:] for case in cases} | {
        IN_IMAGE[case][1:] for case in ("program", "patched library", "unit")
    }
    assert found == wanted


def shuffled(bom: Bom) -> Bom:
    components = list(bom.components)
    random.Random(1).shuffle(components)
    return replace(bom, components=tuple(components))


HARMLESS: dict[str, Edit] = {
    "order": shuffled,
    "no relations": lambda bom: replace(bom, relations=()),
    "more metadata": lambda bom: changed(bom, "alpha", supplier="Somebody else", copyright="c", properties={"x": "y"}),
    "no distro qualifier": lambda bom: changed(bom, "alpha", purl="pkg:deb/debian/alpha@1.0-1?arch=amd64"),
    "no architecture": lambda bom: changed(bom, "alpha", purl="pkg:deb/debian/alpha@1.0-1"),
    "other spelling of it": lambda bom: changed(bom, "alpha", purl="pkg:deb/debian/alpha@1.0-1?arch=x86_64"),
    "other namespace": lambda bom: changed(bom, "alpha", purl="pkg:deb/ubuntu/alpha@1.0-1?arch=amd64"),
    "no epoch": lambda bom: changed(bom, "beta", purl="pkg:deb/debian/beta@3.1-2%2Bdeb12u1?arch=amd64"),
    "epoch as a qualifier": lambda bom: changed(
        bom, "beta", purl="pkg:deb/debian/beta@3.1-2%2Bdeb12u1?arch=amd64&epoch=2"
    ),
    "no release": lambda bom: changed(bom, "alpha", version="1.0", purl="pkg:deb/debian/alpha@1.0"),
    "no version": lambda bom: changed(bom, "alpha", version="", purl="pkg:deb/debian/alpha"),
    "source package": lambda bom: added(
        replace(bom, components=tuple(one for one in bom.components if one.name != "libc6")),
        component("pkg:deb/debian/glibc@2.36-9?arch=source", "glibc", "2.36-9"),
    ),
    "source package as well": lambda bom: added(
        bom, component("pkg:deb/debian/glibc@2.36-9?arch=source", "glibc", "2.36-9")
    ),
    "other name of a Python package": lambda bom: changed(bom, "Some_Thing", purl="pkg:pypi/some.thing@1.2"),
    "the Python package of a deb left out": lambda bom: without(bom, "PyYAML"),
    "a Python package that only the deb shows": lambda bom: added(bom, component("pkg:pypi/yaml@6.0", "yaml", "6.0")),
    "listed twice": lambda bom: added(bom, replace(named(bom, "alpha"), ref="again")),
    "name and version only": lambda bom: changed(bom, "alpha", purl=None),
    "hash of the package file": lambda bom: changed(bom, "alpha", hashes={"sha256": "1" * 64}),
    "excluded": lambda bom: added(bom, component("pkg:deb/debian/ghost@1", "ghost", scope="excluded")),
    "trusted keys of rpm": lambda bom: added(bom, component("pkg:rpm/almalinux/gpg-pubkey@1-2", "gpg-pubkey")),
    "device as the subject": lambda bom: changed(bom, "debian", name="device", version="7"),
    "minor release of the system": lambda bom: changed(bom, "debian", version="12.4"),
    "a program by its name": lambda bom: added(without(bom, "/usr/local/bin/own"), component(None, "own", "3.1")),
    "a program by where it was found": lambda bom: added(
        without(bom, "/usr/local/bin/own"),
        component(None, "own-app", "3.1", properties={"syft:location:0:path": "/usr/local/bin/own"}),
    ),
}
BLIND = {"a program by where it was found"}
"""Those in which the component itself cannot be looked for."""


@pytest.mark.parametrize("case", HARMLESS)
def test_harmless_deviations_are_not_blamed(mixed: Path, case: str) -> None:
    found = truth_of(HARMLESS[case](made(mixed)), mixed)
    assert found.differences == ()
    assert found.verdict == ("unknown" if case in BLIND else "true"), found.unknown


def syft_like(bom: Bom) -> bytes:
    """CycloneDX 1.6 as a widespread generator names things: other refs, upstream qualifiers, locations, the
    distribution as a component, trusted keys, no licences, files by absolute path."""
    components = []
    for number, one in enumerate(bom.components):
        if one.type == "operating-system" and one.purl is None:
            components.append({"type": "operating-system", "name": one.name, "version": one.version, "bom-ref": "os"})
        elif one.type == "file":
            digests = [{"alg": "SHA-1", "content": one.hashes["sha1"]}]
            components.append({"type": "file", "name": one.name, "bom-ref": f"f{number}", "hashes": digests})
        elif one.purl and one.purl.startswith(("pkg:deb", "pkg:rpm", "pkg:apk", "pkg:pypi", "pkg:npm")):
            purl = one.purl
            if "?" in purl:
                head, _, query = purl.partition("?")
                upstream = one.properties.get("assay:source-package", "x").partition(" ")[0]
                purl = f"{head}?upstream={upstream}&" + "&".join(reversed(query.split("&")))
            properties = [{"name": "syft:location:0:path", "value": one.properties["assay:source"]}]
            entry = {
                "type": "library",
                "name": one.name,
                "version": one.version,
                "purl": purl,
                "properties": properties,
            }
            components.append(
                {**entry, "bom-ref": f"{purl}&package-id={number}", "cpe": "cpe:2.3:a:x:x:1:*:*:*:*:*:*:*"}
            )
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {"type": "file", "name": "/somewhere/root", "bom-ref": "root"}},
        "components": list(reversed(components)),
    }
    return json.dumps(document).encode()


@pytest.mark.parametrize("system", ["debian", "alpine", "rpm"])
def test_a_document_of_a_widespread_generator_is_true(tmp_path: Path, system: str) -> None:
    root = tmp_path / "root"
    if system == "debian":
        write_program(debian(root), "/usr/local/bin/own", program("own"))
    elif system == "alpine":
        alpine(root)
    else:
        fedora(root, tmp_path / "scratch")
    found = truth_of(open_bom(syft_like(made(root)), "syft"), root)
    assert found.verdict == "true", found.to_json()


def test_a_document_of_source_packages_throughout(tmp_path: Path) -> None:
    root = alpine(tmp_path)
    bom = made(root)
    listed = tuple(one for one in bom.components if one.name != "ssl_client")
    found = truth_of(replace(bom, components=listed), root)
    # Its source, busybox, is a binary package as well: the document is not known to list sources.
    assert [(one.kind, one.name) for one in found.differences] == [("component_omitted", "ssl_client")]


@pytest.mark.parametrize(
    ("edit", "what"),
    [
        (lambda bom: added(bom, component("pkg:golang/example.org/a@v1", "a")), "golang components"),
        (lambda bom: added(bom, component("pkg:rpm/fedora/a@1", "a")), "rpm components"),
        (lambda bom: added(bom, component(None, "nobody-knows")), "components"),
        (lambda bom: added(bom, component(None, "src/main.c", type="file")), "listed files"),
        (lambda bom: replace(bom, dropped=(Dropped("component", "is no object"),)), "component of the document"),
    ],
)
def test_what_nobody_can_say_is_unknown(mixed: Path, edit: Edit, what: str) -> None:
    found = truth_of(edit(made(mixed)), mixed)
    assert (found.verdict, [one.what for one in found.unknown]) == ("unknown", [what])


def test_a_damaged_database_makes_nothing_absent(mixed: Path) -> None:
    bom = made(mixed)
    build(mixed, {"/var/lib/dpkg/status": "nonsense\n"})
    found = truth_of(bom, mixed)
    assert not [one for one in found.differences if one.kind in ("component_absent", "component_omitted")]
    assert {one.what for one in found.unknown} >= {"deb components", "package database"}


def test_the_document_of_another_system_is_untrue(tmp_path: Path) -> None:
    root = alpine(tmp_path / "alpine")
    found = truth_of(made(debian(tmp_path / "debian")), root)
    assert found.verdict == "untrue"
    assert {one.name for one in found.differences if one.kind == "component_omitted"} == {
        "busybox",
        "musl",
        "ssl_client",
    }


def test_a_copied_tree_is_the_same_target(mixed: Path, tmp_path: Path) -> None:
    shutil.copytree(mixed, tmp_path / "copy", symlinks=True)
    assert truth_of(made(mixed, files=True), tmp_path / "copy").verdict == "true"


def test_two_distributions_of_one_name(mixed: Path) -> None:
    pip(mixed, "Other", "1.0")
    bom = made(mixed)
    pip(mixed, "Other", "2.0")
    kinds = [(one.kind, one.found) for one in truth_of(bom, mixed).differences if one.ecosystem == "pypi"]
    assert kinds == [("component_omitted", "2.0")]


def test_the_result_has_the_published_form(mixed: Path) -> None:
    bom = added(without(made(mixed), "alpha"), component("pkg:golang/a@1", "a"))
    write_program(mixed, "/usr/bin/evil", program("evil"))
    document = truth_of(bom, mixed).to_json()
    jsonschema_rs.validator_for(sbom_truth()).validate(document)
    assert document["verdict"] == "untrue"
    assert document["kinds"] == {"component_omitted": 1, "file_unclaimed": 1}
