"""Kairos: images in COS_STATE and COS_RECOVERY, what lies over them, and trusted-boot installs."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from scanner.model.errors import NotCollectedError
from tests.support import Content, build
from tests.unit.target.layouts.disk_lab import SYSTEM, Spec, disk, ext4, need, opened, run, squashfs, uki, vfat

_LAYOUT = """stages:
  rootfs:
    - if: '[ ! -f "/run/cos/recovery_mode" ]'
      environment:
        VOLUMES: "LABEL=COS_PERSISTENT:/usr/local"
        PERSISTENT_STATE_PATHS: >-
          /etc/ssh
          /var/log
          /var/lib/ca-certificates
        PERSISTENT_STATE_BIND: "true"
    - name: other
      commands:
        - cat /usr/lib/os-release
"""


def _system(version: str) -> dict[str, Content]:
    return {
        **SYSTEM,
        "usr/lib/os-release": f"ID=kairos\nVERSION_ID={version}\n",
        "etc/ssh/sshd_config": "from the image\n",
        "etc/my-app": None,
        "usr/local": None,
        "oem": None,
        "system/oem/00_rootfs.yaml": _LAYOUT,
    }


def _specs(tmp_path: Path, environment: str = "", persistent: bytes | None = None) -> list[Spec]:
    images: dict[str, Content] = {
        "cOS/active.img": ext4(tmp_path, _system("2"), "-L", "COS_ACTIVE"),
        "cOS/passive.img": ext4(tmp_path, _system("1"), "-L", "COS_PASSIVE"),
    }
    block = f"# GRUB Environment Block\n{environment}".ljust(1024, "#")
    state: dict[str, Content] = {
        ".state/etc-ssh.bind/sshd_config": "of this device\n",
        ".state/etc-my-app.bind/file": "custom\n",
        ".state/no-such-place.bind/file": "lost\n",
        "bin/tool": "#!",
    }
    return [
        Spec(vfat(tmp_path, {"EFI/BOOT/BOOTX64.EFI": b"MZ"}, "COS_GRUB"), "efi", "ef00"),
        Spec(ext4(tmp_path, {"90_custom.yaml": "#cloud-config\n", "grubenv": block}, "-L", "COS_OEM"), "oem"),
        Spec(
            ext4(tmp_path, {"cOS/recovery.squashfs": squashfs(tmp_path, _system("0"))}, "-L", "COS_RECOVERY"),
            "recovery",
        ),
        Spec(ext4(tmp_path, images, "-L", "COS_STATE", size="32M"), "state"),
        Spec(persistent or ext4(tmp_path, state, "-L", "COS_PERSISTENT"), "persistent"),
    ]


def test_an_installed_system(tmp_path: Path) -> None:
    path = disk(tmp_path / "disk.img", _specs(tmp_path))
    target = opened(path)
    assert target.layout_id == "kairos"
    assert [(slot.name, slot.role) for slot in target.slots] == [
        ("active", "active"), ("passive", "rollback"), ("recovery", "recovery"),
    ]  # fmt: skip
    assert "no GRUB environment chooses an entry" in target.slot.why
    tree = target.tree
    assert tree.read("/usr/lib/os-release") == b"ID=kairos\nVERSION_ID=2\n"
    assert tree.read("/oem/90_custom.yaml") == b"#cloud-config\n"
    assert tree.read("/usr/local/bin/tool") == b"#!"
    assert tree.read("/etc/ssh/sshd_config") == b"of this device\n"
    assert tree.read("/etc/my-app/file") == b"custom\n"
    assert tree.listdir("/var/log") == []
    shown = target.layout()
    assert shown["mounts"] == {
        "/boot": "disk1",
        "/etc/my-app": "disk5",
        "/etc/ssh": "disk5",
        "/oem": "disk2",
        "/usr/local": "disk5",
    }
    parts = shown["parts"]
    assert isinstance(parts, list)
    assert [one["name"] for one in parts if "cOS" in one["name"]] == [
        "disk3/cOS/recovery.squashfs", "disk4/cOS/active.img", "disk4/cOS/passive.img",
    ]  # fmt: skip


def test_other_slots(tmp_path: Path) -> None:
    path = disk(tmp_path / "disk.img", _specs(tmp_path))
    assert opened(path, "passive").tree.read("/usr/lib/os-release").endswith(b"=1\n")
    recovery = opened(path, "recovery")
    assert recovery.tree.read("/usr/lib/os-release").endswith(b"=0\n")
    assert recovery.tree.read("/etc/ssh/sshd_config") == b"from the image\n"
    assert recovery.tree.listdir("/usr/local") == []


@pytest.mark.parametrize(
    ("environment", "name", "why"),
    [
        ("saved_entry=fallback\n", "passive", "/grubenv on disk2 names its boot entry"),
        ("saved_entry=fallback\nnext_entry=recovery\n", "recovery", "/grubenv on disk2 names its boot entry"),
        ("saved_entry=cos\n", "active", "/grubenv on disk2 names its boot entry"),
        ("saved_entry=nonsense\n", "active", "the GRUB environment names 'nonsense', which is none of the images"),
        ("next_entry=\nsaved_entry=\n", "active", "no GRUB environment chooses an entry"),
        ("a" * 900, "active", "no GRUB environment chooses an entry"),
    ],
)
def test_the_environment_chooses(tmp_path: Path, environment: str, name: str, why: str) -> None:
    slot = opened(disk(tmp_path / "disk.img", _specs(tmp_path, environment))).slot
    assert (slot.name, slot.role) == (name, "active")
    assert why in slot.why


def test_an_encrypted_persistent_partition_is_not_empty(tmp_path: Path) -> None:
    need("cryptsetup")
    volume, key = tmp_path / "luks", tmp_path / "key"
    volume.write_bytes(bytes(20 << 20))
    key.write_bytes(b"secret")
    run("cryptsetup", "luksFormat", "--type", "luks2", "--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000", "--label",
        "COS_PERSISTENT", "-q", volume, key)  # fmt: skip
    target = opened(disk(tmp_path / "disk.img", _specs(tmp_path, persistent=volume.read_bytes())))
    for path in ("/usr/local/bin/tool", "/etc/ssh/sshd_config", "/var/log/messages"):
        with pytest.raises(NotCollectedError, match="encrypted"):
            target.tree.read(path)
    assert target.tree.read("/usr/lib/os-release").endswith(b"=2\n")
    mounts = target.layout()["mounts"]
    assert isinstance(mounts, dict)
    assert "encrypted" in mounts["/usr/local"]


def test_an_image_that_cannot_be_read(tmp_path: Path) -> None:
    specs = _specs(tmp_path)
    specs[3] = Spec(
        ext4(
            tmp_path,
            {"cOS/active.img": b"nonsense" * 9999, "cOS/passive.img": ("link", "passive.img")},
            "-L",
            "COS_STATE",
        )
    )
    target = opened(disk(tmp_path / "disk.img", specs))
    assert [slot.name for slot in target.slots] == ["active", "recovery"]
    with pytest.raises(NotCollectedError):
        target.tree.read("/usr/lib/os-release")


def _cpio(folder: Path, files: dict[str, Content]) -> bytes:
    tree = build(folder / "initrd", files)
    names = "\n".join(str(one.relative_to(tree)) for one in sorted(tree.rglob("*")))
    done = subprocess.run(
        ["cpio", "-o", "-H", "newc", "--quiet"], input=names.encode(), cwd=tree, capture_output=True, check=True
    )
    return done.stdout


def test_a_trusted_boot_install(tmp_path: Path) -> None:
    initrd = _cpio(tmp_path, {**_system("3"), "init": "#!"})
    boot = vfat(tmp_path, {
        "EFI/kairos/active.efi": uki("rd.immucore.uki", initrd), "EFI/kairos/passive.efi": uki("rd.immucore.uki", b"x"),
        "EFI/kairos/recovery.efi": uki("rd.immucore.uki", initrd), "loader/loader.conf": "default active.conf\ntimeout 5\n",
        **{f"loader/entries/{name}.conf": f"title {name}\nefi /EFI/kairos/{name}.efi\n" for name in ("active", "passive", "recovery")},
    }, "COS_GRUB", size=4 << 20)  # fmt: skip
    path = disk(tmp_path / "disk.img", [
        Spec(boot, "efi", "ef00"),
        Spec(ext4(tmp_path, {"a.yaml": "#\n"}, "-L", "COS_OEM"), "oem"),
    ])  # fmt: skip
    target = opened(path)
    assert {slot.name: slot.role for slot in target.slots} == {
        "active": "active",
        "passive": "rollback",
        "recovery": "recovery",
    }
    assert "the first boot entry names it (/loader/entries/active.conf on disk1)" in target.slot.why
    assert target.tree.listdir("/efi/EFI/kairos") == ["active.efi", "passive.efi", "recovery.efi"]
    assert target.tree.read("/oem/a.yaml") == b"#\n"
    with pytest.raises(NotCollectedError):
        opened(path, "passive").tree.read("/usr/lib/os-release")
    try:
        release = target.tree.read("/usr/lib/os-release")
    except NotCollectedError as error:
        pytest.skip(f"no reader for what is inside a unified kernel image: {error}")
    assert release == b"ID=kairos\nVERSION_ID=3\n"
