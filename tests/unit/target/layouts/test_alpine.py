"""Alpine Linux in diskless mode: what the archive of local changes holds, and nothing about the rest."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

import pytest

from scanner.model.errors import NotCollectedError
from tests.unit.target.layouts.disk_lab import SYSTEM, Spec, disk, ext4, opened, vfat

_MEDIUM: dict[str, str | bytes] = {
    "boot/modloop-lts": b"hsqs",
    "boot/vmlinuz-lts": b"k",
    "apks/x86_64/APKINDEX.tar.gz": b"",
}


def _archive(files: dict[str, str]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content.encode())
            archive.addfile(member, io.BytesIO(content.encode()))
    return gzip.compress(out.getvalue())


def test_local_changes_are_said_and_the_rest_is_unknown(tmp_path: Path) -> None:
    changes = _archive({"etc/hostname": "device\n", "etc/apk/world": "alpine-base\n", "etc/../../escaped": "x"})
    image = tmp_path / "medium.img"
    image.write_bytes(vfat(tmp_path, {**_MEDIUM, "device.apkovl.tar.gz": changes}))
    target = opened(image)
    assert (target.layout_id, target.slot.name, target.slot.role) == ("alpine-diskless", "device", "only")
    assert "device.apkovl.tar.gz" in target.slot.why
    assert target.tree.read("/etc/hostname") == b"device\n"
    for path in ("/etc/passwd", "/usr/lib/os-release", "/escaped"):
        with pytest.raises(NotCollectedError, match="installing packages"):
            target.tree.read(path)
    with pytest.raises(NotCollectedError):
        target.tree.listdir("/etc")


def test_several_archives(tmp_path: Path) -> None:
    path = disk(tmp_path / "disk.img", [
        Spec(vfat(tmp_path, {**_MEDIUM, "a.apkovl.tar.gz": _archive({"etc/hostname": "a"})}), "medium", "0700"),
        Spec(vfat(tmp_path, {"b.apkovl.tar.gz": _archive({"etc/hostname": "b"})}), "data", "0700"),
    ])  # fmt: skip
    assert [(slot.name, slot.role) for slot in opened(path).slots] == [("a", "active"), ("b", "other")]
    assert opened(path, "b").tree.read("/etc/hostname") == b"b"


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"device.apkovl.tar.gz": b""},
        {"device.apkovl.tar.gz": b"\x1f\x8b\x08\0nonsense"},
        {"device.apkovl.tar.gz": gzip.compress(b"no archive at all" * 99)},
        {"device.apkovl.tar.gz.aes-256-cbc": b"Salted__" + bytes(999)},
    ],
)
def test_nothing_that_can_be_read(tmp_path: Path, files: dict[str, str | bytes]) -> None:
    image = tmp_path / "medium.img"
    image.write_bytes(vfat(tmp_path, {**_MEDIUM, **files}))
    target = opened(image)
    assert target.layout_id == "alpine-diskless"
    with pytest.raises(NotCollectedError):
        target.tree.read("/etc/hostname")


def test_an_installed_system_is_plain(tmp_path: Path) -> None:
    path = disk(tmp_path / "disk.img", [
        Spec(vfat(tmp_path, _MEDIUM), "boot", "ef00"), Spec(ext4(tmp_path, SYSTEM), "root"),
    ])  # fmt: skip
    assert opened(path).layout_id == "plain"
