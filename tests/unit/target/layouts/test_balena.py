"""balenaOS: two roots whose system is a container in the storage of an engine."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from scanner.model.errors import NotCollectedError
from tests.support import Content, build
from tests.unit.target.layouts.disk_lab import SYSTEM, Spec, disk, ext4, opened, vfat

_ID = "c0ffee" * 10 + "abcd"
_BIND = """[Service]
ExecStart=/usr/bin/bindmount --target {0} --bind-root /mnt/state/root-overlay --command mount
[Install]
WantedBy=multi-user.target
"""


def _hostapp(version: str, driver: str = "overlay2") -> dict[str, Content]:
    store = "balena/overlay2"
    layer: dict[str, Content] = {
        **SYSTEM, "usr/lib/os-release": f"ID=balena-os\nVERSION_ID={version}\n", "etc/gone": "deleted above\n",
        "etc/ssh/hostkeys": None, "mnt/boot": None, "mnt/state": None, "mnt/data": None, "mnt/sysroot/active": None,
        "usr/lib/systemd/system/bind-etc-hostname.service": _BIND.format("/etc/hostname"),
        "usr/lib/systemd/system/bind-etc-ssh-hostkeys.service": _BIND.format("/etc/ssh/hostkeys"),
    }  # fmt: skip
    return {
        "current": ("link", f"hostapps/{_ID}"),
        f"hostapps/{_ID}/boot/storage-driver": f"{driver}\n",
        f"balena/image/overlay2/layerdb/mounts/{_ID}/mount-id": "aaaaaaaa1111",
        f"{store}/aaaaaaaa1111/lower": "l/INIT:l/BASE",
        f"{store}/aaaaaaaa1111/diff/etc/added": "by the container\n",
        f"{store}/bbbbbbbb-init/diff/etc/resolv.conf": "",
        **{f"{store}/cccccccc/diff/{name}": content for name, content in layer.items()},
        f"{store}/l/INIT": ("link", "../bbbbbbbb-init/diff"),
        f"{store}/l/BASE": ("link", "../cccccccc/diff"),
        "mnt/state": None,
        "etc/machine-id": "",
    }


def _specs(tmp_path: Path, environment: Mapping[str, str], a: Mapping[str, Content] | None = None) -> list[Spec]:
    state: dict[str, Content] = {"root-overlay/etc/hostname": "of the device\n"}
    return [
        Spec(vfat(tmp_path, {"config.json": "{}", **environment}, "RESIN-BOOT"), "resin-boot", "0700"),
        Spec(ext4(tmp_path, a or _hostapp("1"), "-L", "resin-rootA"), "resin-rootA"),
        Spec(ext4(tmp_path, _hostapp("2"), "-L", "resin-rootB"), "resin-rootB"),
        Spec(ext4(tmp_path, state, "-L", "resin-state"), "resin-state"),
        Spec(ext4(tmp_path, {"docker": None}, "-L", "resin-data"), "resin-data"),
    ]


@pytest.mark.parametrize(
    ("environment", "label", "why"),
    [
        ({"resinOS_uEnv.txt": "resin_root_part=2\n"}, "resin-rootA", "resin_root_part=2 in /resinOS_uEnv.txt on disk1"),
        ({"resinOS_uEnv.txt": "resin_root_part=3\n"}, "resin-rootB", "resin_root_part=3 in /resinOS_uEnv.txt on disk1"),
        ({"bootenv": "# GRUB Environment Block\nresin_root_part=B\n"}, "resin-rootB", "resin_root_part=B in /bootenv"),
        (
            {"EFI/BOOT/grubenv": "resin_root_part=3\nupgrade_available=1\nbootcount=1\n"},
            "resin-rootB",
            "an update is on trial (bootcount=1)",
        ),
        (
            {},
            "resin-rootA",
            "no boot environment says which root boots; its root is the hostapp c0ffeec0ffee; the first",
        ),
        ({"bootenv": "resin_root_part=9\n"}, "resin-rootA", "which is no root that is here"),
        ({"bootenv": "resin_root_part=" + "9" * 5000}, "resin-rootA", "no boot environment says"),
    ],
)
def test_the_environment_says_which_boots(tmp_path: Path, environment: dict[str, str], label: str, why: str) -> None:
    target = opened(disk(tmp_path / "disk.img", _specs(tmp_path, environment)))
    assert target.layout_id == "balena"
    assert (target.slot.name, target.slot.role) == (label, "active")
    assert why in target.slot.why
    assert {slot.role for slot in target.slots[1:]} <= {"rollback", "other"}


def test_the_hostapp_is_the_root(tmp_path: Path) -> None:
    files = build(tmp_path / "a", _hostapp("1"))
    if os.geteuid() == 0:
        os.mknod(files / "balena/overlay2/aaaaaaaa1111/diff/etc/gone", 0o020000, 0)
    specs = _specs(tmp_path, {"bootenv": "resin_root_part=A\n"})
    specs[1] = Spec(ext4(tmp_path, files, "-L", "resin-rootA"), "resin-rootA")
    tree = opened(disk(tmp_path / "disk.img", specs)).tree
    assert tree.read("/usr/lib/os-release") == b"ID=balena-os\nVERSION_ID=1\n"
    assert tree.read("/etc/added") == b"by the container\n"
    assert tree.read("/etc/hostname") == b"of the device\n"
    assert tree.stat("/etc/hostname").type == "file"
    assert ("gone" in tree.listdir("/etc")) == (os.geteuid() != 0)
    assert tree.listdir("/etc/ssh/hostkeys") == []
    assert tree.read("/mnt/boot/config.json") == b"{}"
    assert tree.listdir("/mnt/sysroot/active/hostapps") == [_ID]
    other = opened(tmp_path / "disk.img", "rollback").tree
    assert other.read("/usr/lib/os-release").endswith(b"=2\n")


@pytest.mark.parametrize(
    "change",
    [
        {f"hostapps/{_ID}/boot/storage-driver": "aufs\n"},
        {"current": ("link", "/etc/passwd")},
        {"current": ("link", "current")},
        {f"balena/image/overlay2/layerdb/mounts/{_ID}/mount-id": "../../../etc"},
        {"balena/overlay2/aaaaaaaa1111/lower": "l/INIT:../../../.."},
        {"balena/overlay2/aaaaaaaa1111/lower": ":".join(["l/BASE"] * 5000)},
        {"balena/overlay2/l/BASE": ("link", "/etc")},
        {"balena/overlay2/l/BASE": ("link", "BASE")},
    ],
)
def test_a_container_that_cannot_be_read(tmp_path: Path, change: dict[str, Content]) -> None:
    specs = _specs(tmp_path, {"bootenv": "resin_root_part=A\n"}, {**_hostapp("1"), **change})
    target = opened(disk(tmp_path / "disk.img", specs))
    assert target.slot.name == "resin-rootA"
    assert "its hostapp cannot be read" in target.slot.why
    with pytest.raises(NotCollectedError, match="hostapp"):
        target.tree.read("/usr/lib/os-release")


def test_state_that_is_not_here_is_not_empty(tmp_path: Path) -> None:
    tree = opened(disk(tmp_path / "disk.img", _specs(tmp_path, {"bootenv": "resin_root_part=A\n"})[:3])).tree
    for path in ("/etc/hostname", "/etc/ssh/hostkeys", "/mnt/data/docker"):
        with pytest.raises(NotCollectedError, match="not in this image"):
            tree.stat(path)


def test_a_flasher_and_the_image_it_carries(tmp_path: Path) -> None:
    inner = disk(tmp_path / "inner.img", _specs(tmp_path, {"bootenv": "resin_root_part=B\n"}))
    root: dict[str, Content] = {**SYSTEM, "opt/device.balenaos-img": inner.read_bytes()}
    path = disk(tmp_path / "disk.img", [
        Spec(vfat(tmp_path, {"config.json": "{}"}, "FLASH-BOOT"), "flash-boot", "0700"),
        Spec(ext4(tmp_path, root, "-L", "flash-rootA", size="80M"), "flash-rootA"),
    ])  # fmt: skip
    target = opened(path)
    assert [slot.role for slot in target.slots] == ["installer", "active", "rollback"]
    assert target.tree.read("/usr/lib/os-release").startswith(b"ID=demo")
    assert opened(path, "active").tree.read("/usr/lib/os-release").endswith(b"=2\n")
