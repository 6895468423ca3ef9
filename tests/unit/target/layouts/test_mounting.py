"""What a deployed system mounts over its root: fstab, .mount units, partition types; and what nobody can read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from scanner.model.errors import NotCollectedError
from scanner.target.image import ImageTarget
from tests.support import Content, build
from tests.unit.target.filesystems.btrfs_lab import btrfs, mkfs, mounted
from tests.unit.target.layouts.disk_lab import SYSTEM, Spec, disk, ext4, opened, vfat

_DATA = "12345678-1234-1234-1234-123456789abc"
_UNIT = "[Mount]\nWhat=LABEL=data\nWhere=/srv/data\n"


def _image(tmp_path: Path, root: Mapping[str, Content], *more: Spec) -> ImageTarget:
    data: dict[str, Content] = {"file": "on data\n", "@up/etc/conf": "upper\n", "@up/new": "n", "conf": "bound\n"}
    files = {**SYSTEM, "etc/conf": "lower\n", **root}
    return opened(disk(tmp_path / "disk.img", [
        Spec(ext4(tmp_path, files, "-L", "root"), "root", "8304"),
        Spec(ext4(tmp_path, data, "-L", "data", "-U", _DATA), "data-part", "8300", "AAAAAAAA-0000-0000-0000-000000000001"),
        *more,
    ]))  # fmt: skip


@pytest.mark.parametrize(
    "source",
    [
        f"UUID={_DATA}", f"UUID={_DATA.upper()}", "LABEL=data", 'LABEL="data"', "PARTLABEL=data-part", "/dev/sda2", "/dev/mmcblk0p2",
        "PARTUUID=aaaaaaaa-0000-0000-0000-000000000001", f"/dev/disk/by-uuid/{_DATA}", "/dev/disk/by-partlabel/data-part",
    ],
)  # fmt: skip
def test_names_of_devices(tmp_path: Path, source: str) -> None:
    target = _image(
        tmp_path, {"etc/fstab": f"# comment\n\n{source} /srv/./data/ ext4 defaults 0 2\n", "srv/data": None}
    )
    assert target.tree.read("/srv/data/file") == b"on data\n"
    assert target.layout()["mounts"] == {"/srv/data": "disk2"}


@pytest.mark.parametrize(
    "line",
    [
        "LABEL=data /srv/data ext4 noauto 0 0", "LABEL=data none swap sw 0 0", "proc /srv/data proc", "LABEL=data",
        "LABEL=data / ext4 defaults 0 1", "LABEL=data \0 ext4", "/missing.img /srv/data squashfs loop", "/missing /srv/data none bind",
        "LABEL=data ../../etc ext4 x",
    ],
)  # fmt: skip
def test_lines_that_mount_nothing_from_here(tmp_path: Path, line: str) -> None:
    target = _image(tmp_path, {"etc/fstab": f"{line}\n", "srv/data/own": "root\n"})
    assert target.tree.read("/srv/data/own") == b"root\n"
    assert target.mounts == {}


def test_what_is_not_here_is_not_empty(tmp_path: Path) -> None:
    target = _image(tmp_path, {
        "etc/fstab": "UUID=dead /srv/a ext4 x 0 0\n/dev/mapper/crypt /srv/b ext4 x 0 0\n/dev/sda7 /srv/c ext4 x 0 0\n/dev/sdb1 /srv/d e x\n"
        "LABEL=secret /home ext4 x 0 0\nLABEL=other /srv/full ext4 nofail 0 0\nserver:/x /srv/net nfs4 x\npool/x /srv/zfs zfs x\n"
        "ubi0:data /srv/ubi ubifs x\n",
        "srv/a": None, "srv/b": None, "srv/c": None, "srv/d": None, "srv/full/file": "hidden\n", "srv/net": None, "srv/own": "shown\n",
    }, Spec(b"LUKS\xba\xbe\0\2" + bytes(4096), "secret"))  # fmt: skip
    for path in (
        "/srv/a/x",
        "/srv/b",
        "/srv/c",
        "/srv/d",
        "/home/user",
        "/srv/full/file",
        "/srv/net",
        "/srv/zfs",
        "/srv/ubi/x",
    ):
        with pytest.raises(NotCollectedError, match="/etc/fstab mounts"):
            target.tree.stat(path)
    assert target.tree.read("/srv/own") == b"shown\n"
    away = ["a", "b", "c", "d", "full", "net", "ubi", "zfs"]
    assert target.tree.listdir("/srv") == sorted([*away, "own"])
    assert [entry.path for entry in target.tree.walk("/srv")] == ["/srv", "/srv/own"]
    assert [path for path, _ in target.tree.unreadable] == [f"/srv/{name}" for name in away]


def test_units(tmp_path: Path) -> None:
    units: dict[str, Content] = {
        "usr/lib/systemd/system/srv-data.mount": _UNIT,
        "etc/systemd/system/local-fs.target.wants/srv-data.mount": ("link", "/usr/lib/systemd/system/srv-data.mount"),
        "usr/lib/systemd/system/srv-off.mount": _UNIT.replace("/srv/data", "/srv/off"),
        "usr/lib/systemd/system/srv-wrong.mount": _UNIT.replace("/srv/data", "/elsewhere"),
        "usr/lib/systemd/system/local-fs.target.wants/srv-wrong.mount": ("link", "../srv-wrong.mount"),
        "usr/lib/systemd/system/multi-user.target.wants/srv-x\\x2dy.mount": ("link", "../srv-x\\x2dy.mount"),
        "usr/lib/systemd/system/srv-x\\x2dy.mount": _UNIT.replace("/srv/data", "/srv/x-y"),
        "etc/systemd/system/srv-x\\x2dy.mount.d/what.conf": "[Mount]\nWhat=LABEL=nowhere\n",
        "srv/data": None,
    }
    target = _image(tmp_path, units)
    assert target.tree.read("/srv/data/file") == b"on data\n"
    assert sorted(target.mounts) == ["/srv/data", "/srv/x-y"]
    with pytest.raises(NotCollectedError, match="LABEL=nowhere"):
        target.tree.stat("/srv/x-y")


@pytest.mark.parametrize("mask", [("link", "/dev/null"), ""])
def test_a_mask_hides_unit_and_line(tmp_path: Path, mask: Content) -> None:
    target = _image(
        tmp_path, {"etc/fstab": "LABEL=data /srv/data ext4 x 0 0\n", "etc/systemd/system/srv-data.mount": mask}
    )
    assert target.mounts == {}


def test_a_unit_below_etc_outranks_the_line(tmp_path: Path) -> None:
    target = _image(tmp_path, {
        "etc/fstab": "LABEL=nowhere /srv/data ext4 x 0 0\n", "etc/systemd/system/srv-data.mount": _UNIT,
        "etc/systemd/system/multi-user.target.wants/srv-data.mount": ("link", "../srv-data.mount"),
    })  # fmt: skip
    assert target.tree.read("/srv/data/file") == b"on data\n"


def test_binds_and_overlays(tmp_path: Path) -> None:
    target = _image(tmp_path, {
        "etc/fstab": "/mnt/data/@up /opt/x none bind\noverlay /etc overlay lowerdir=/etc,upperdir=/mnt/data/@up/etc,workdir=/mnt/data/w\n"
        "LABEL=data /mnt/data ext4 x 0 0\n/mnt/data/conf /usr/conf none bind\n/missing /var/log none bind\n/opt/x /link none rbind\n",
        "opt/x": None, "mnt/data": None, "link": ("link", "var/log"), "var/log/own": "",
    })  # fmt: skip
    assert target.tree.read("/mnt/data/file") == b"on data\n"
    assert target.tree.read("/etc/conf") == b"upper\n"
    assert target.tree.read("/etc/hostname") == b"device\n"
    # Inner mounts come after outer ones, so a bind of a place that is mounted later in the file is found.
    assert target.tree.read("/opt/x/new") == b"n"
    assert target.tree.read("/usr/conf") == b"bound\n"
    assert target.tree.stat("/usr/conf").type == "file"


def test_partition_types(tmp_path: Path) -> None:
    target = _image(
        tmp_path, {"efi": None, "srv/full": "x"},
        Spec(ext4(tmp_path, {"user/x": "home\n"}), "home", "8302"),
        Spec(ext4(tmp_path, {"y": "srv\n"}), "srv", "8306"),
        Spec(vfat(tmp_path, {"EFI/x": b""}), "esp", "ef00"),
        Spec(b"LUKS\xba\xbe\0\2" + bytes(4096), "var", "8310"),
    )  # fmt: skip
    assert target.tree.read("/home/user/x") == b"home\n"
    assert target.tree.listdir("/efi/EFI") == ["x"]
    # A folder with files in it is left as it is: the generator does not mount there, so /var and /srv stay.
    assert sorted(target.mounts) == ["/efi", "/home"]


def test_an_encrypted_partition_by_its_type(tmp_path: Path) -> None:
    target = _image(tmp_path, {}, Spec(b"LUKS\xba\xbe\0\2" + bytes(4096), "home", "8302"))
    with pytest.raises(NotCollectedError, match="partition disk3 belongs there by its type and is encrypted"):
        target.tree.stat("/home/user")


def test_btrfs_subvolumes(tmp_path: Path) -> None:
    lines = (
        "LABEL=disk / btrfs subvol=@ 0 0\nLABEL=disk /home btrfs subvol=/@home,compress=zstd 0 0\n"
        "LABEL=disk /srv btrfs subvol=none 0 0\nLABEL=disk /opt btrfs subvolid=5 0 0\n"
    )
    image, kernel = tmp_path / "btrfs.img", tmp_path / "kernel"
    mkfs(image, "-L", "disk")
    with mounted(image, kernel, "rw") as top:
        for name in ("@", "@home", "@other"):
            btrfs("subvolume", "create", top / name)
        build(top / "@", {**SYSTEM, "etc/fstab": lines})
        build(top / "@other", {**SYSTEM, "etc/hostname": "other\n"})
        build(top / "@home", {"user/x": "home\n"})
    target = opened(image)
    assert "subvolume '@', the first that holds a root" in target.slot.why
    assert target.tree.read("/home/user/x") == b"home\n"
    assert target.tree.listdir("/opt") == ["@", "@home", "@other"]
    with pytest.raises(NotCollectedError, match="subvolume 'none'"):
        target.tree.stat("/srv/x")
    entry = "title x\noptions root=LABEL=disk rootflags=compress=zstd,subvol=/@other\n"
    path = disk(tmp_path / "disk.img", [
        Spec(vfat(tmp_path, {"loader/entries/x.conf": entry}), "esp", "ef00"), Spec(image.read_bytes(), "root"),
    ])  # fmt: skip
    chosen = opened(path)
    assert "subvolume '/@other', as a boot entry has it" in chosen.slot.why
    assert chosen.tree.read("/etc/hostname") == b"other\n"


@pytest.mark.parametrize(
    "text",
    ["\0", "a" * 100_000, "x y z " * 3000, "LABEL=data /" + "a/" * 3000 + " ext4 x\n", "\\999 \\040 \\777\n" * 50],
)
def test_absurd_fstab(tmp_path: Path, text: str) -> None:
    target = _image(tmp_path, {"etc/fstab": text, "etc/systemd/system/srv-data.mount": text})
    assert target.tree.read("/etc/hostname") == b"device\n"
