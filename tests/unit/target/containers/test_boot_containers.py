"""Unified kernel images and initramfs files as targets: what they hold, and which tree is assessed."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from scanner.cli.main import app
from scanner.collectors.registry import collect
from scanner.model.errors import InputError, MissingError, NotCollectedError
from scanner.target.contents import Part, explore
from scanner.target.image import ImageTarget
from scanner.target.opening import open_path
from tests.efi_lab import BOOT, SHIM, pe_file, real, stub_uki, uki_file
from tests.tree_lab import BytesDevice
from tests.unit.target.filesystems.test_cpio import FOLDER, PACKERS, TRAILER, entry, packed

SYSTEM = (
    entry("etc", b"", FOLDER)
    + entry("usr", b"", FOLDER)
    + entry("usr/bin", b"", FOLDER)
    + entry("bin", b"usr/bin", 0o120777)
    + entry("etc/os-release", b"ID=kairos\nVERSION_ID=4\n")
    + entry("init", b"#!/bin/sh\n", 0o100755)
)
DRACUT = SYSTEM + entry("etc/initrd-release", b"ID=kairos\n")
EARLY = entry("kernel", b"", FOLDER) + entry("kernel/ucode.bin", b"x" * 100) + TRAILER


def shape(part: Part) -> object:
    return (part.name, part.kind, part.state, [shape(child) for child in part.children])


def image(path: Path, data: bytes) -> ImageTarget:
    path.write_bytes(data)
    target = open_path(path)
    assert isinstance(target, ImageTarget)
    return target


def test_an_image_of_the_real_stub_holds_its_sections(tmp_path: Path) -> None:
    sections = {
        ".osrel": b"ID=kairos\n",
        ".cmdline": b"rd.immucore.uki",
        ".ucode": EARLY,
        ".initrd": gzip.compress(SYSTEM + TRAILER),
        ".linux": real(BOOT).read_bytes(),
    }
    target = image(tmp_path / "disk", stub_uki(tmp_path / "a.efi", sections).read_bytes())
    assert shape(target.contents) == (
        "disk",
        "pe",
        "read",
        [
            ("disk.initrd", "initramfs", "read", [("disk.initrd", "cpio", "read", [])]),
            ("disk.ucode", "cpio", "read", []),
            ("disk.linux", "pe", "read", []),
        ],
    )
    assert (target.slot.role, target.slot.part.name) == ("only", "disk.initrd")
    facts, _ = collect(target, ["os.release"])
    assert facts["os.release"].value["id"] == "kairos"
    target.close()


def test_the_initrd_of_each_profile() -> None:
    data = uki_file(
        "x",
        extra=[
            (".initrd", SYSTEM + TRAILER),
            (".profile", b"ID=a"),
            (".profile", b"ID=b"),
            (".initrd", DRACUT + TRAILER),
        ],
    )
    parts = [(part.name, part.kind) for part in explore(BytesDevice(data)).walk()]
    assert parts == [("disk", "pe"), ("disk.initrd", "cpio"), ("disk.initrd@1", "cpio"), ("disk.linux", "pe")]


@pytest.mark.parametrize("path", [SHIM, BOOT], ids=["shim", "menu"])
def test_other_programs_hold_nothing(path: Path, tmp_path: Path) -> None:
    part = explore(BytesDevice(real(path).read_bytes()))
    assert (part.kind, part.state, part.children) == ("pe", "read", [])
    with pytest.raises(InputError, match="no root"):
        open_path(real(path))


def test_a_damaged_image_says_so() -> None:
    whole = pe_file([(".linux", b"k" * 600), *[(".profile", b"x")] * 300])
    part = explore(BytesDevice(whole))
    assert (part.kind, part.state) == ("pe", "damaged")
    assert "profiles" in part.notes[0]


@pytest.mark.parametrize("kind", ["none", *PACKERS])
@pytest.mark.parametrize("early", [b"", EARLY], ids=["alone", "microcode"])
def test_an_initrd_that_is_the_system(kind: str, early: bytes, tmp_path: Path) -> None:
    target = image(tmp_path / "initrd.img", early + packed(SYSTEM + TRAILER, kind))
    assert (target.slot.role, target.layout_id) == ("only", "plain")
    facts, _ = collect(target, ["os.release", "kernel.cmdline.configured"])
    assert facts["os.release"].value["id"] == "kairos"
    with pytest.raises(MissingError):
        target.tree.stat("/etc/passwd")
    target.close()


def test_a_part_behind_a_compressed_one_is_not_lost(tmp_path: Path) -> None:
    data = gzip.compress(SYSTEM + TRAILER)
    later = entry("etc", b"", FOLDER) + entry("etc/os-release", b"ID=replaced\n") + TRAILER
    target = image(tmp_path / "initrd.img", data.ljust(-(-len(data) // 4) * 4, b"\0") + later)
    facts, _ = collect(target, ["os.release"])
    assert facts["os.release"].value["id"] == "replaced"
    target.close()


def test_a_cut_off_initrd_proves_no_absence(tmp_path: Path) -> None:
    data = gzip.compress(SYSTEM + entry("usr/big", bytes(range(256)) * 4000) + TRAILER, 1)
    target = image(tmp_path / "initrd.img", data[:-100])
    assert any("not read to its end" in note for part in target.contents.walk() for note in part.notes)
    facts, _ = collect(target, None)
    assert facts["os.release"].state == "present"
    assert [name for name, fact in facts.items() if fact.state == "absent"] == []
    target.close()


@pytest.mark.parametrize(
    "marks",
    [
        entry("etc/initrd-release", b"ID=x\n"),
        entry("conf", b"", FOLDER) + entry("conf/arch.conf", b"DPKG_ARCH=amd64\n"),
        entry("newroot", b"", FOLDER),
    ],
    ids=["dracut", "initramfs-tools", "mkinitfs"],
)
def test_an_initrd_alone_is_no_whole_system(marks: bytes, tmp_path: Path) -> None:
    target = image(tmp_path / "initrd.img", SYSTEM + marks + TRAILER)
    assert target.slot.role == "initrd"
    assert "real root" in target.slot.why or "root of the system" in target.slot.why
    assert target.tree.read("/etc/os-release")
    with pytest.raises(NotCollectedError):
        target.tree.stat("/etc/ssh/sshd_config")
    target.close()


def test_an_initrd_without_folders_of_a_system(tmp_path: Path) -> None:
    tiny = entry("init", b"x", 0o100755) + entry("newroot", b"", FOLDER) + TRAILER
    target = image(tmp_path / "initrd.img", tiny)
    assert target.slot.role == "initrd"
    target.close()
    with pytest.raises(InputError, match="no root"):
        image(tmp_path / "ucode.img", EARLY)


def test_an_initrd_is_not_taken_for_the_system(tmp_path: Path) -> None:
    data = uki_file(
        "x",
        extra=[
            (".initrd", DRACUT + TRAILER),
            (".profile", b"ID=a"),
            (".profile", b"ID=b"),
            (".initrd", SYSTEM + TRAILER),
        ],
    )
    target = image(tmp_path / "disk", data)
    assert [(slot.role, slot.part.name) for slot in target.slots] == [("only", "disk.initrd@1")]
    target.close()


def test_show_says_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "foo.efi"
    path.write_bytes(uki_file("x", extra=[(".initrd", gzip.compress(DRACUT + TRAILER))]))
    shown = CliRunner().invoke(app, ["target", "show", str(path)])
    assert shown.exit_code == 0, shown.output
    for words in ("disk  pe", "disk.initrd  initramfs", "disk.linux  pe", "(initrd; on disk.initrd)"):
        assert words in shown.output
    said = CliRunner().invoke(app, ["target", "show", str(path), "--json"])
    assert json.loads(said.output)["slots"][0]["role"] == "initrd"
