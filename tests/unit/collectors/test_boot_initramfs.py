"""What initramfs archives bring along."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path
from typing import Any

from scanner.model.fact import Fact
from tests.efi_lab import uki_file
from tests.support import Content, build, fact_of
from tests.unit.target.filesystems.test_cpio import FOLDER, TRAILER, entry

FILES = {
    "init": b"#!/bin/sh\n",
    "conf/initramfs.conf": b"",
    "conf/arch.conf": b"",
    "etc/crypttab": b"root UUID=1 /keys/root.key luks\nswap UUID=2 /dev/urandom swap\ndata UUID=3 /gone luks\n",
    "keys/root.key": b"secret",
    "etc/shadow": b"root:*:19000:0:99999:7:::\n",
    "etc/cmdline.d/10-a.conf": b"rd.shell=0\n",
    "usr/sbin/dropbear": b"x",
    "usr/lib/modules/6.12/kernel/fs/ext4.ko.xz": b"x",
    "usr/lib/modules/6.12/kernel/dm-crypt.ko": b"x",
}


def initramfs(files: dict[str, bytes]) -> bytes:
    folders: dict[str, None] = {}
    for name in files:
        parts = name.split("/")[:-1]
        folders.update(dict.fromkeys("/".join(parts[: number + 1]) for number in range(len(parts))))
    made = [entry(name, b"", FOLDER) for name in folders]
    return b"".join([*made, *(entry(name, data) for name, data in files.items())]) + TRAILER


def records(fact: Fact) -> list[dict[str, Any]]:
    assert isinstance(fact.value, list), fact
    return fact.value


def test_what_decides_over_the_start(tmp_path: Path) -> None:
    early = initramfs({"kernel/x86/microcode/GenuineIntel.bin": b"u" * 100})
    data = early + gzip.compress(initramfs(FILES), mtime=0)
    fact = fact_of(build(tmp_path, {"/boot/initrd.img-6.12": data, "/boot/vmlinuz-6.12": b"k"}), "boot.initramfs")
    assert not fact.gaps
    (record,) = records(fact)
    assert [(one["compression"], one["entries"]) for one in record["segments"]] == [("none", 4), ("gzip", 21)]
    assert record["sha256"] == hashlib.sha256(data).hexdigest()
    assert record["generator"] == "initramfs-tools"
    assert record["modules"] == ["dm_crypt", "ext4"]
    assert record["ssh_servers"] == ["/usr/sbin/dropbear"]
    assert (record["crypttab"], record["key_files"]) == (True, ["/keys/root.key"])
    assert record["root_password"] == "no_login"
    assert record["cmdline"] == [{"source": "/etc/cmdline.d/10-a.conf", "text": "rd.shell=0"}]
    assert record["damage"] is None


def test_where_archives_are_looked_for(tmp_path: Path) -> None:
    small = initramfs({"init": b"x"})
    files: dict[str, Content] = {
        "/boot/initramfs-1.img": small,
        "/boot/initrd.img": ("link", "initramfs-1.img"),
        "/boot/loader/entries/a.conf": "linux /v\ninitrd /other/rd /Initramfs-1.img $tuned_initrd\n",
        "/boot/other/rd": small,
        "/usr/lib/modules/6.12/initramfs.img": gzip.compress(small),
        "/efi/EFI/Linux/a.efi": uki_file(
            "x", extra=[(".initrd", small), (".profile", b"ID=a"), (".profile", b"ID=b"), (".initrd", small + small)]
        ),
    }
    fact = fact_of(build(tmp_path, files), "boot.initramfs")
    assert not fact.gaps
    assert [(one["path"], one["section"]) for one in records(fact)] == [
        ("/boot/initramfs-1.img", None),
        ("/boot/other/rd", None),
        ("/usr/lib/modules/6.12/initramfs.img", None),
        ("/efi/EFI/Linux/a.efi", ".initrd"),
        ("/efi/EFI/Linux/a.efi", ".initrd@1"),
    ]
    assert records(fact)[2]["segments"][0]["compression"] == "gzip"
    assert records(fact)[0]["ssh_servers"] == []
    assert records(fact)[0]["root_password"] is None


def test_a_cut_off_archive_lacks_nothing_for_sure(tmp_path: Path) -> None:
    data = initramfs(FILES)
    fact = fact_of(build(tmp_path, {"/boot/initrd.img": data[: len(data) - 400]}), "boot.initramfs")
    (record,) = records(fact)
    assert record["damage"]
    assert fact.gaps
    for name in ("modules", "ssh_servers"):
        assert record[name]["state"] == "error", name


def test_what_is_none_is_a_gap(tmp_path: Path) -> None:
    files: dict[str, Content] = {
        "/boot/initrd.img": b"nothing of the kind",
        "/boot/loader/entries/a.conf": "linux /v\ninitrd /gone\n",
    }
    fact = fact_of(build(tmp_path, files), "boot.initramfs")
    assert (fact.value, len(fact.gaps)) == ([], 2)


def test_an_empty_boot_folder_says_nothing(tmp_path: Path) -> None:
    assert fact_of(build(tmp_path, {"/boot": None}), "boot.initramfs").state == "not_collected"
