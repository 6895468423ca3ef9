"""Live media: the root lies in an image file of an ISO or of a partition."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import build
from tests.unit.target.layouts.disk_lab import SYSTEM, Spec, disk, erofs, ext4, opened, run, squashfs


@pytest.mark.parametrize("path", ["live/filesystem.squashfs", "casper/filesystem.squashfs", "arch/x86_64/airootfs.sfs"])
def test_an_iso(tmp_path: Path, path: str) -> None:
    tree = build(tmp_path / "medium", {path: squashfs(tmp_path, SYSTEM), "boot/grub/grub.cfg": ""})
    image = tmp_path / "live.iso"
    run("xorriso", "-as", "mkisofs", "-quiet", "-R", "-V", "LIVE", "-o", image, tree)
    target = opened(image)
    assert (target.layout_id, target.slot.role) == ("live", "only")
    assert f"the image /{path} on disk" in target.slot.why
    assert target.tree.read("/etc/hostname") == b"device\n"
    assert [part.kind for part in target.contents.walk()] == ["iso9660", "squashfs"]


def test_an_image_in_an_image(tmp_path: Path) -> None:
    outer = squashfs(tmp_path, {"LiveOS/rootfs.img": ext4(tmp_path, SYSTEM, "-L", "Anaconda")})
    target = opened(disk(tmp_path / "disk.img", [Spec(ext4(tmp_path, {"LiveOS/squashfs.img": outer}), "medium")]))
    assert target.slot.name == "Anaconda"
    assert target.tree.read("/etc/hostname") == b"device\n"
    assert target.slot.part.name == "disk1/LiveOS/squashfs.img/LiveOS/rootfs.img"


def test_what_lies_there_and_is_no_root(tmp_path: Path) -> None:
    content = {"live/filesystem.squashfs": b"no image\n" * 99, "LiveOS/squashfs.img": erofs(tmp_path, {"x": "x"})}
    image = disk(tmp_path / "disk.img", [
        Spec(ext4(tmp_path, content), "medium"), Spec(b"LUKS\xba\xbe\0\2" + bytes(4096), "root"),
    ])  # fmt: skip
    assert opened(image).layout_id == "sealed"
