"""Mounts by which a device shows something else than its root file system has: nothing of that may be claimed."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import Path

import pytest

from scanner.model.errors import MissingError, NotCollectedError
from scanner.target.image import ImageTarget
from tests.support import Content
from tests.unit.target.filesystems.btrfs_lab import btrfs, mkfs, mounted
from tests.unit.target.layouts.disk_lab import SYSTEM, Spec, build, disk, ext4, opened, squashfs, vfat

_SYSTEMD: Mapping[str, Content] = {"usr/lib/systemd/systemd": "x"}


def _image(tmp_path: Path, root: Mapping[str, Content], *more: Spec) -> ImageTarget:
    files = {**SYSTEM, **root}
    return opened(disk(tmp_path / "disk.img", [Spec(ext4(tmp_path, files, "-L", "root"), "root", "8304"), *more]))


def _esp(tmp_path: Path, label: str = "ESP", **files: str) -> Spec:
    return Spec(vfat(tmp_path, files or {"EFI/BOOT/BOOTX64.EFI": "MZ"}, label), "esp", "ef00")


# ---- FAT ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "folder", "file", "owner"),
    [
        ("defaults", 0o755, 0o755, (0, 0)),
        ("umask=0077", 0o700, 0o700, (0, 0)),
        ("fmask=0177,dmask=077", 0o700, 0o600, (0, 0)),
        ("fmask=0177,umask=0022", 0o755, 0o755, (0, 0)),
        ("uid=1000,gid=4", 0o755, 0o755, (1000, 4)),
        ("uid=boss,gid=staff,umask=0", 0o777, 0o777, (7, 8)),
    ],
)
def test_fat_shows_owners_and_modes_of_its_mount(
    tmp_path: Path, options: str, folder: int, file: int, owner: tuple[int, int]
) -> None:
    target = _image(
        tmp_path,
        {"etc/fstab": f"LABEL=ESP /boot/efi vfat {options} 0 1\n", "etc/passwd": "boss:x:7:8::/:/bin/sh\n", "etc/group": "staff:x:8:\n"},
        _esp(tmp_path),
    )  # fmt: skip
    seen = [target.tree.stat(f"/boot/efi{path}") for path in ("", "/EFI", "/EFI/BOOT/BOOTX64.EFI")]
    assert [stat.S_IMODE(one.mode) for one in seen] == [folder, folder, file]
    assert {(one.uid, one.gid) for one in seen} == {owner}
    assert [one.type for one in seen] == ["directory", "directory", "file"]
    assert target.layout()["mounts"] == {"/boot/efi": "disk2"}


@pytest.mark.parametrize("options", ["umask=8", "fmask=rwx", "uid=nobody-knows", "gid=x", "dmask=777777"])
def test_fat_options_that_mount_refuses(tmp_path: Path, options: str) -> None:
    target = _image(tmp_path, {"etc/fstab": f"LABEL=ESP /boot/efi vfat {options} 0 1\n"}, _esp(tmp_path))
    with pytest.raises(NotCollectedError, match="/etc/fstab mounts disk2 there"):
        target.tree.stat("/boot/efi/EFI")


def test_fat_that_is_mounted_by_its_type_is_private(tmp_path: Path) -> None:
    target = _image(tmp_path, {"efi": None}, _esp(tmp_path))
    assert stat.S_IMODE(target.tree.stat("/efi/EFI/BOOT/BOOTX64.EFI").mode) == 0o700


# ---- mounts that hide or bring files -----------------------------------------------------------------------------------


def test_a_file_that_is_mounted(tmp_path: Path) -> None:
    inner = squashfs(tmp_path, {"bin/tool": "tool\n"})
    target = _image(tmp_path, {
        "etc/fstab": "/img/app.squashfs /opt/app squashfs loop,ro 0 0\n/img/shifted /opt/shifted auto loop,offset=4096\n"
        "/img/text /opt/text ext4 loop\n/img/gone /opt/gone ext4 loop,nofail\n/img/shifted /opt/bad auto loop,offset=x\n",
        "img/app.squashfs": inner, "img/shifted": bytes(4096) + inner, "img/text": "no file system\n" * 9, "opt": None,
    })  # fmt: skip
    assert target.tree.read("/opt/app/bin/tool") == b"tool\n"
    assert target.tree.read("/opt/shifted/bin/tool") == b"tool\n"
    for path in ("/opt/text", "/opt/bad"):
        with pytest.raises(NotCollectedError, match="/etc/fstab mounts /img"):
            target.tree.stat(path)
    with pytest.raises(MissingError):
        target.tree.stat("/opt/gone")


def test_only_so_many_files_are_mounted(tmp_path: Path) -> None:
    lines = "".join(f"/img /opt/{number:02} squashfs loop\n" for number in range(20))
    target = _image(tmp_path, {"etc/fstab": lines, "img": squashfs(tmp_path, {"x": "x"})})
    assert target.tree.read("/opt/15/x") == b"x"
    with pytest.raises(NotCollectedError, match="limit"):
        target.tree.stat("/opt/16/x")


def test_a_tmpfs_hides_what_is_below_it(tmp_path: Path) -> None:
    target = _image(tmp_path, {
        "etc/fstab": "tmpfs /tmp tmpfs nosuid\nt /var/log tmpfs mode=0750,size=1M\nt /etc/app tmpfs x\nt /srv/new tmpfs mode=700\n",
        "tmp/old": "x", "var/log/install.log": "x", "etc/app/key": "x", "srv/new": None,
    })  # fmt: skip
    assert stat.S_IMODE(target.tree.stat("/tmp").mode) == 0o1777
    assert stat.S_IMODE(target.tree.stat("/var/log").mode) == 0o750
    assert stat.S_IMODE(target.tree.stat("/srv/new").mode) == 0o700
    assert target.tree.listdir("/var/log") == []
    with pytest.raises(MissingError, match="tmpfs"):
        target.tree.stat("/tmp/old")
    # What stands below may be what a service copies there: nobody can tell.
    with pytest.raises(NotCollectedError, match="made while the system runs"):
        target.tree.read("/etc/app/key")
    assert target.layout()["mounts"]["/tmp"] == "tmpfs, empty at boot"  # type: ignore[index]


def test_a_recursive_bind_brings_the_mounts_below_it(tmp_path: Path) -> None:
    target = _image(
        tmp_path,
        {"etc/fstab": "LABEL=data /data/in ext4 x\n/data /srv/r none rbind\n/data /srv/b none bind\n", "data/in": None, "srv": None},
        Spec(ext4(tmp_path, {"file": "x"}, "-L", "data"), "data"),
    )  # fmt: skip
    assert target.tree.read("/srv/r/in/file") == b"x"
    assert target.tree.listdir("/srv/b/in") == []


@pytest.mark.parametrize(("root", "seen"), [(_SYSTEMD, b"one"), ({}, b"two")])
def test_two_lines_for_one_place(tmp_path: Path, root: Mapping[str, Content], seen: bytes) -> None:
    lines = "LABEL=one /srv/x ext4 noauto,auto\nLABEL=two /srv/x ext4 x\n"
    specs = [Spec(ext4(tmp_path, {"file": name}, "-L", name), name) for name in ("one", "two")]
    target = _image(tmp_path, {"etc/fstab": lines, **root}, *specs)
    assert target.tree.read("/srv/x/file") == seen


def test_a_name_that_two_parts_have(tmp_path: Path) -> None:
    specs = [Spec(ext4(tmp_path, {"file": name}, "-L", "data"), name) for name in ("a", "b")]
    target = _image(tmp_path, {"etc/fstab": "LABEL=data /srv/x ext4 x\nPARTLABEL=b /srv/y ext4 x\n"}, *specs)
    with pytest.raises(NotCollectedError, match="disk2 and disk3 both have that name"):
        target.tree.read("/srv/x/file")
    assert target.tree.read("/srv/y/file") == b"b"


def test_a_unit_under_a_condition(tmp_path: Path) -> None:
    unit = "[Unit]\nConditionPathExists=/etc/flag\n[Mount]\nWhat=LABEL=data\nWhere=/srv/data\n"
    target = _image(
        tmp_path,
        {"usr/lib/systemd/system/srv-data.mount": unit, "srv/data/own": "x",
         "etc/systemd/system/local-fs.target.wants/srv-data.mount": ("link", "/usr/lib/systemd/system/srv-data.mount")},
        Spec(ext4(tmp_path, {"file": "x"}, "-L", "data"), "data"),
    )  # fmt: skip
    with pytest.raises(NotCollectedError, match="ConditionPathExists=/etc/flag"):
        target.tree.read("/srv/data/own")


# ---- the boot ----------------------------------------------------------------------------------------------------------


def test_several_boot_partitions(tmp_path: Path) -> None:
    empty = Spec(vfat(tmp_path, {}, "E0"), "esp0", "ef00")
    target = _image(tmp_path, {"efi": None}, empty, _esp(tmp_path, "E1"))
    assert target.tree.listdir("/efi") == ["EFI"]
    target = _image(tmp_path, {"efi": None}, _esp(tmp_path, "E1"), _esp(tmp_path, "E2"))
    with pytest.raises(NotCollectedError, match="disk2, disk3 are EFI system partitions: the firmware decides"):
        target.tree.listdir("/efi")


@pytest.mark.parametrize(
    ("word", "gone", "kept"), [("state", "/var/log", "/etc/hostname"), ("yes", "/etc/hostname", "/usr/lib/os-release")]
)
def test_a_system_that_forgets(tmp_path: Path, word: str, gone: str, kept: str) -> None:
    entry = {"loader/entries/a.conf": f"title a\noptions root=LABEL=root systemd.volatile={word}\n"}
    target = _image(tmp_path, {"efi": None}, _esp(tmp_path, **entry))
    with pytest.raises(NotCollectedError, match="made anew at each boot"):
        target.tree.stat(gone)
    assert target.tree.stat(kept).type == "file"


@pytest.mark.parametrize(
    ("spec", "said"),
    [("LABEL=root", None), ("/dev/sda2", None), ("UUID=1234", "no part of this image"), ("LABEL=shut", "disk3, which is encrypted")],
)  # fmt: skip
def test_a_boot_entry_for_another_root(tmp_path: Path, spec: str, said: str | None) -> None:
    entry = {"loader/entries/a.conf": f"title a\noptions root={spec}\n"}
    shut = Spec(b"LUKS\xba\xbe\0\2" + bytes(4096), "shut")
    why = _image(tmp_path, {"efi": None}, _esp(tmp_path, **entry), shut).slot.why
    assert ("but the boot entry names" in why) is (said is not None)
    assert said is None or said in why


def test_the_boot_entry_counts_before_the_default_subvolume(tmp_path: Path) -> None:
    image, kernel = tmp_path / "btrfs.img", tmp_path / "kernel"
    mkfs(image, "-L", "root")
    with mounted(image, kernel, "rw") as top:
        build(top, {**SYSTEM, "etc/hostname": "stale\n"})
        btrfs("subvolume", "create", top / "@new")
        build(top / "@new", SYSTEM)
    entry = {"loader/entries/a.conf": "title a\noptions root=LABEL=root rootflags=subvol=@new\n"}
    target = opened(disk(tmp_path / "disk.img", [_esp(tmp_path, **entry), Spec(image.read_bytes(), "root")]))
    assert target.tree.read("/etc/hostname") == b"device\n"
    assert "subvolume '@new', as a boot entry has it" in target.slot.why


# ---- the command line, units that others start, extensions -------------------------------------------------------------


def _data(tmp_path: Path, **files: Content) -> Spec:
    return Spec(ext4(tmp_path, files or {"file": "on data\n"}, "-L", "data"), "data")


@pytest.mark.parametrize(
    "word", ["systemd.mount-extra=LABEL=data:/srv/x", "systemd.mount_extra=LABEL=data:/srv/./x:ext4:ro,nodev"]
)
def test_a_mount_of_the_command_line(tmp_path: Path, word: str) -> None:
    entry = {"loader/entries/a.conf": f"title a\noptions root=LABEL=root {word} systemd.mount-extra=x:/\n"}
    target = _image(tmp_path, {"efi": None, "srv/x/own": "x"}, _esp(tmp_path, **entry), _data(tmp_path))
    assert target.tree.listdir("/srv/x") == ["file", "lost+found"]


def test_fstab_that_the_command_line_switches_off(tmp_path: Path) -> None:
    entry = {"loader/entries/a.conf": "title a\noptions root=LABEL=root fstab=no\n"}
    root: dict[str, Content] = {"efi": None, "srv/own": "x", "etc/fstab": "LABEL=data /srv ext4 x\n"}
    target = _image(tmp_path, root, _esp(tmp_path, **entry), _data(tmp_path))
    assert target.tree.listdir("/srv") == ["own"]


@pytest.mark.parametrize("line", ["LABEL=usr /usr ext4 ro\n", ""])
def test_a_root_whose_usr_lies_elsewhere(tmp_path: Path, line: str) -> None:
    options = "root=LABEL=root" if line else "root=LABEL=root mount.usr=LABEL=usr"
    image = disk(tmp_path / "disk.img", [
        _esp(tmp_path, **{"loader/entries/a.conf": f"title a\noptions {options}\n"}),
        Spec(ext4(tmp_path, {"etc/fstab": line, "usr": None, "bin": ("link", "usr/bin")}, "-L", "root"), "root"),
        Spec(ext4(tmp_path, {"lib/os-release": "ID=demo\n", "bin/sh": "x"}, "-L", "usr"), "usr"),
    ])  # fmt: skip
    target = opened(image)
    assert target.slot.why.endswith("its /usr is mounted from elsewhere")
    assert target.tree.read("/usr/lib/os-release") == b"ID=demo\n"
    assert target.tree.stat("/bin/sh").type == "file"


def test_part_of_a_file_system(tmp_path: Path) -> None:
    lines = "LABEL=data /srv/a ext3 X-mount.subdir=sub\nLABEL=data /srv/b xfs x\nLABEL=data /srv/c auto X-mount.subdir=none\n"
    target = _image(tmp_path, {"etc/fstab": lines}, _data(tmp_path, **{"sub/in": "x"}))
    assert target.tree.listdir("/srv/a") == ["in"]
    with pytest.raises(NotCollectedError, match="as xfs, and it is ext4"):
        target.tree.stat("/srv/b/sub")
    with pytest.raises(NotCollectedError, match="does not exist"):
        target.tree.stat("/srv/c")


@pytest.mark.parametrize(
    "asking",
    [
        {"etc/systemd/system/app.service": "[Unit]\nRequires=etc-app.mount\n"},
        {"usr/lib/systemd/system/app.service": "[Unit]\nRequiresMountsFor=/etc/app/keys\n"},
        {"etc/systemd/system/kiosk.target.wants/etc-app.mount": ("link", "../etc-app.mount")},
        {"etc/systemd/system/app.service": "[Unit]\nDescription=etc-app.mount is not asked for\n"},
    ],
)
def test_a_unit_that_another_starts(tmp_path: Path, asking: Mapping[str, Content]) -> None:
    unit = {"etc/systemd/system/etc-app.mount": "[Mount]\nWhat=LABEL=data\nWhere=/etc/app\n", "etc/app/own": "x"}
    target = _image(tmp_path, {**unit, **asking}, _data(tmp_path))
    if "not asked for" in str(asking):
        assert target.tree.listdir("/etc/app") == ["own"]
        return
    with pytest.raises(NotCollectedError, match="is started"):
        target.tree.listdir("/etc/app")


def test_a_copy_of_a_root_names_the_other(tmp_path: Path) -> None:
    specs = [
        Spec(ext4(tmp_path, {**SYSTEM, "etc/fstab": "# x\nLABEL=two / ext4 x\n"}, "-L", name), name)
        for name in ("one", "two")
    ]
    assert [one.name for one in opened(disk(tmp_path / "disk.img", specs)).slots] == ["two", "one"]


_ENABLED: Mapping[str, Content] = {
    f"etc/systemd/system/sysinit.target.wants/systemd-{one}.service": ("link", f"/usr/lib/systemd/system/systemd-{one}.service")
    for one in ("sysext", "confext")
}  # fmt: skip


@pytest.mark.parametrize(
    ("release", "enabled", "merged"),
    [
        ("ID=_any\n", True, True),
        ("ID=demo\nVERSION_ID=1\n", True, True),
        ("ID=demo\nVERSION_ID=2\n", True, False),
        ("ID=x\n", True, False),
        ("ID=_any\n", False, False),
    ],
)
def test_extensions(tmp_path: Path, release: str, enabled: bool, merged: bool) -> None:
    raw = squashfs(
        tmp_path, {"usr/lib/extension-release.d/extension-release.b": release, "usr/bin/new": "raw", "usr/lib/x": "raw"}
    )
    target = _image(tmp_path, {
        **(_ENABLED if enabled else {}), "etc/conf": "own", "usr/lib/x": "own", "var/lib/extensions/b.raw": raw,
        "var/lib/confexts/a/etc/extension-release.d/extension-release.a": release, "var/lib/confexts/a/etc/conf": "changed",
    })  # fmt: skip
    assert target.tree.read("/etc/conf") == (b"changed" if merged else b"own")
    assert target.tree.read("/usr/lib/x") == (b"raw" if merged else b"own")
    assert target.tree.read("/usr/lib/os-release").startswith(b"ID=demo")
    assert ("new" in (target.tree.listdir("/usr/bin") if merged else [])) is merged


def test_an_extension_that_cannot_be_read(tmp_path: Path) -> None:
    target = _image(
        tmp_path, {**_ENABLED, "var/lib/confexts/a.raw": b"LUKS\xba\xbe\0\2" + bytes(9000), "etc/conf": "own"}
    )
    with pytest.raises(NotCollectedError, match=r"the extension /var/lib/confexts/a.raw is encrypted"):
        target.tree.read("/etc/conf")
    assert target.tree.read("/usr/lib/os-release").startswith(b"ID=demo")
