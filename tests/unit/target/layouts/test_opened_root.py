"""A root in a LUKS volume that a key opened: one system, not the partition and its inside as two slots."""

from __future__ import annotations

from pathlib import Path

from scanner.target.image import ImageTarget
from scanner.target.opening import open_path
from tests.unit.target.layouts.disk_lab import SYSTEM, Spec, disk, ext4, vfat
from tests.unit.target.mapped.luks_lab import KEY, volume


def test_one_slot(tmp_path: Path) -> None:
    inner = volume(tmp_path / "luks.img", ext4(tmp_path, SYSTEM, "-L", "system"))
    image = disk(tmp_path / "disk.img", [
        Spec(vfat(tmp_path, {"EFI/x": ""}), "esp", "ef00"), Spec(inner.read_bytes(), "root", "8304"),
    ])  # fmt: skip
    target = open_path(image, keys=[KEY])
    assert isinstance(target, ImageTarget)
    assert [(one.name, one.role) for one in target.slots] == [("system", "only")]
    assert target.tree.read("/etc/hostname") == b"device\n"
