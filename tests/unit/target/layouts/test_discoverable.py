"""Typed partitions: /usr or roots in several versions, and what a boot entry says about them."""

from __future__ import annotations

from pathlib import Path

import pytest

from scanner.model.errors import NotCollectedError
from tests.unit.target.layouts.disk_lab import SYSTEM, Spec, disk, erofs, ext4, opened, uki, vfat

_OLD, _NEW = "11111111-2222-3333-4444-555555555555", "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
_HASH = {uuid: uuid.replace("-", "") + "0" * 32 for uuid in (_OLD, _NEW)}


def _usr(tmp_path: Path, version: str) -> bytes:
    return erofs(tmp_path, {
        "lib/os-release": f"ID=demo\nVERSION_ID={version}\n", "bin/sh": "#!", "share/factory/etc/hosts": "", "lib/modules": None,
    })  # fmt: skip


def _specs(tmp_path: Path, esp: dict[str, str | bytes], root: Spec | None = None) -> list[Spec]:
    return [
        Spec(vfat(tmp_path, esp), "esp", "ef00"),
        Spec(_usr(tmp_path, "1.9.0"), "Demo_1.9.0", "8314", _OLD),
        Spec(b"verity", "Demo_1.9.0", "8319"),
        Spec(_usr(tmp_path, "1.10.0"), "Demo_1.10.0", "8314", _NEW),
        *([root] if root else []),
    ]


def test_the_entry_with_the_hash_is_active(tmp_path: Path) -> None:
    esp: dict[str, str | bytes] = {
        "EFI/Linux/demo_1.9.0.efi": uki(f"usrhash={_HASH[_OLD]} quiet", release="ID=demo\nIMAGE_VERSION=1.9.0\n"),
        "EFI/Linux/demo_1.10.0+0-3.efi": uki(f"usrhash={_HASH[_NEW]}", release="ID=demo\nIMAGE_VERSION=1.10.0\n"),
    }
    target = opened(disk(tmp_path / "disk.img", _specs(tmp_path, esp)))
    assert target.layout_id == "discoverable"
    # The newer one has no tries left, so the older one boots first.
    assert [(slot.name, slot.role) for slot in target.slots] == [("Demo_1.9.0", "active"), ("Demo_1.10.0", "rollback")]
    assert "the first boot entry names it (/EFI/Linux/demo_1.9.0.efi on disk1)" in target.slot.why
    assert target.tree.read("/usr/lib/os-release").endswith(b"=1.9.0\n")
    assert target.tree.read("/bin/sh") == b"#!"


def test_the_newest_label_without_entries(tmp_path: Path) -> None:
    target = opened(disk(tmp_path / "disk.img", _specs(tmp_path, {})))
    assert [slot.name for slot in target.slots] == ["Demo_1.10.0", "Demo_1.9.0"]
    assert "no boot entry was found; the newest by its label" in target.slot.why
    assert opened(tmp_path / "disk.img", "Demo_1.9.0").tree.read("/usr/lib/os-release").endswith(b"=1.9.0\n")


def test_a_root_that_is_not_made_yet(tmp_path: Path) -> None:
    target = opened(disk(tmp_path / "disk.img", _specs(tmp_path, {}, Spec(ext4(tmp_path, {}), "root", "8304"))))
    assert "made at the first boot, what /etc will hold cannot be read" in target.slot.why
    for path in ("/etc/passwd", "/etc", "/var/log"):
        with pytest.raises(NotCollectedError, match="first boot"):
            target.tree.stat(path)
    with pytest.raises(NotCollectedError):
        target.tree.listdir("/")
    assert target.tree.stat("/").type == "directory"


def test_a_root_that_is_there(tmp_path: Path) -> None:
    root = Spec(ext4(tmp_path, {"etc/hostname": "device\n", "usr": None, "bin": ("link", "usr/bin")}), "root", "8304")
    target = opened(disk(tmp_path / "disk.img", _specs(tmp_path, {}, root)))
    assert "its root is disk5" in target.slot.why
    assert target.tree.read("/etc/hostname") == b"device\n"
    assert target.tree.read("/bin/sh") == b"#!"


def test_an_encrypted_root(tmp_path: Path) -> None:
    root = Spec(b"LUKS\xba\xbe\0\2" + bytes(4096), "root", "8304")
    target = opened(disk(tmp_path / "disk.img", _specs(tmp_path, {}, root)))
    assert "the root file system on disk5 is encrypted (luks2)" in target.slot.why
    with pytest.raises(NotCollectedError, match="encrypted"):
        target.tree.stat("/etc/passwd")
    assert target.tree.read("/usr/lib/os-release").endswith(b"=1.10.0\n")


def test_empty_slots_are_no_systems(tmp_path: Path) -> None:
    specs = _specs(tmp_path, {})
    specs[3] = Spec(_usr(tmp_path, "9"), "_empty", "8314", _NEW)
    slots = opened(disk(tmp_path / "disk.img", specs)).slots
    assert [(slot.name, slot.role) for slot in slots] == [("Demo_1.9.0", "active"), ("_empty", "other")]
    assert "the slot is empty" in slots[1].why


def test_the_active_usr_cannot_be_read(tmp_path: Path) -> None:
    esp: dict[str, str | bytes] = {"EFI/Linux/demo.efi": uki(f"usrhash={_HASH[_NEW]}")}
    specs = _specs(tmp_path, esp)
    specs[3] = Spec(b"nothing known" * 999, "Demo_1.10.0", "8314", _NEW)
    target = opened(disk(tmp_path / "disk.img", specs))
    assert (target.slot.name, target.slot.role) == ("Demo_1.10.0", "active")
    with pytest.raises(NotCollectedError):
        target.tree.read("/usr/lib/os-release")


def _root(tmp_path: Path, version: str) -> bytes:
    return ext4(tmp_path, {**SYSTEM, "usr/lib/os-release": f"ID=demo\nVERSION_ID={version}\n"})


@pytest.mark.parametrize(
    ("options", "name"),
    [
        (f"root=PARTUUID={_OLD}", "root_1"), (f"root=PARTUUID={_NEW}", "root_2"), ("root=PARTLABEL=root_1", "root_1"),
        (f"roothash={_HASH[_OLD]}", "root_1"), ("root=LABEL=none", "root_2"), ("quiet", "root_2"),
        ("roothash=1", "root_2"), ("root=" + "x" * 70000, "root_2"),
    ],
)  # fmt: skip
def test_two_roots(tmp_path: Path, options: str, name: str) -> None:
    entry = f"title demo\nlinux /vmlinuz\noptions {options}\n"
    path = disk(tmp_path / "disk.img", [
        Spec(vfat(tmp_path, {"loader/entries/demo.conf": entry}), "esp", "ef00"),
        Spec(_root(tmp_path, "1"), "root_1", "8304", _OLD),
        Spec(_root(tmp_path, "2"), "root_2", "8304", _NEW),
    ])  # fmt: skip
    target = opened(path)
    assert (target.slot.name, target.slot.role) == (name, "active")
    assert target.slots[1].role == "rollback"


def test_two_roots_without_types(tmp_path: Path) -> None:
    script = "menuentry 'A' {\n linux /boot/vmlinuz root=PARTLABEL=rootfs_b ro\n}\nmenuentry 'B' {\n linux /x root=PARTLABEL=rootfs_a\n}\n"
    path = disk(tmp_path / "disk.img", [
        Spec(vfat(tmp_path, {"grub/grub.cfg": script}), "boot", "ef00"),
        Spec(_root(tmp_path, "1"), "rootfs_a"),
        Spec(_root(tmp_path, "2"), "rootfs_b"),
    ])  # fmt: skip
    target = opened(path)
    assert target.layout_id == "plain"
    assert [(slot.name, slot.role) for slot in target.slots] == [("rootfs_b", "active"), ("rootfs_a", "rollback")]
    assert "the first boot entry names it (/grub/grub.cfg on disk1)" in target.slot.why
