"""btrfs file systems that the kernel wrote: compression, holes, subvolumes, snapshots, a tree log, several devices.

Needs root for the loop mount; skipped otherwise.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from scanner.model.errors import MissingError, NotCollectedError
from scanner.target.devices import FileDevice
from scanner.target.filesystems.btrfs import BtrfsTree, open_btrfs
from tests.unit.target.filesystems.btrfs_lab import btrfs, mkfs, mounted, write_mixed
from tests.unit.target.filesystems.ext_lab import compare, give_attributes, plant


def opened(image: Path, subvolume: int | str | None = None) -> BtrfsTree:
    return open_btrfs(FileDevice(image), subvolume)


def same(image: Path, kernel: Path, **options: bool) -> BtrfsTree:
    """Hold the kernel's view, mounted again for it, against ours."""
    with mounted(image, kernel) as root:
        tree = opened(image)
        compare(tree, root, sizes=True, **options)
    return tree


def test_everything_the_kernel_can_write(tmp_path: Path) -> None:
    image, kernel = tmp_path / "image", tmp_path / "kernel"
    mkfs(image, size=256 << 20)
    with mounted(image, kernel, "rw") as root:
        plant(root / "tree", longest_link=4000)
        assert give_attributes(root / "tree")
        with (root / "punched").open("wb") as stream:
            stream.write(os.urandom(1_000_000))
        for words in (
            ["fallocate", "--punch-hole", "--offset", "200000", "--length", "300000", "punched"],
            ["fallocate", "--length", "500000", "preallocated"],
            ["cp", "--reflink=always", "punched", "shared"],
        ):
            subprocess.run(words, cwd=root, check=True)
        with (root / "shared").open("r+b") as stream:
            stream.seek(70_000)
            stream.write(b"written after it was shared")
        with (root / "preallocated").open("r+b") as stream:
            stream.seek(100_000)
            stream.write(b"x" * 5000)
        (root / "plain").touch()
        subprocess.run(["chattr", "+C", "plain"], cwd=root, check=True)
        (root / "plain").write_bytes(os.urandom(50_000))
        os.setxattr(root / "plain", "user.large", os.urandom(15_000))
        (root / "links").mkdir()
        for number in range(400):
            os.link(root / "plain", root / "links" / f"{number}{'n' * 240}")
    tree = same(image, kernel)
    assert tree.stat("/tree/tail").size > 4 << 30
    assert tree.stat("/plain").nlink == 401
    assert tree.notes == []


@pytest.mark.parametrize("method", ["zlib", "lzo", "zstd", "zstd:15"])
def test_compressed(tmp_path: Path, method: str) -> None:
    image, kernel = tmp_path / "image", tmp_path / "kernel"
    mkfs(image)
    with mounted(image, kernel, f"rw,compress-force={method}") as root:
        write_mixed(root / "large")
        for size in (1, 100, 1000, 2000, 2048, 2049, 4096, 5000, 100_000, 131_072, 131_073):
            (root / f"text{size}").write_bytes((b"some text " * (size // 10 + 1))[:size])
        (root / "noise").write_bytes(os.urandom(300_000))
        (root / "half").write_bytes(b"".join(os.urandom(50) + bytes(50) for _ in range(6000)))
        os.symlink("target" * 200, root / "link")
    dump = btrfs("inspect-internal", "dump-tree", "-t", "5", image)
    number = {"zlib": "1 (zlib)", "lzo": "2 (lzo)"}.get(method, "3 (zstd)")
    assert f"extent compression {number}" in dump
    assert any("inline extent data" in line and f"compression {number}" in line for line in dump.splitlines())
    same(image, kernel)


def test_subvolumes_and_snapshots(tmp_path: Path) -> None:
    image, kernel = tmp_path / "image", tmp_path / "kernel"
    mkfs(image)
    with mounted(image, kernel, "rw") as root:
        for name in ("@", "@home", "@/nested", "@/nested/inner"):
            btrfs("subvolume", "create", root / name)
            (root / name / "file").write_text(name)
        (root / "@" / "a" / "b").mkdir(parents=True)
        btrfs("subvolume", "create", root / "@/a/b/deep")
        (root / "@" / ".snapshots").mkdir()
        btrfs("subvolume", "snapshot", "-r", root / "@", root / "@/.snapshots/1")
        (root / "@" / "file").write_text("changed")
        btrfs("subvolume", "snapshot", root / "@", root / "copy")
        btrfs("subvolume", "create", root / "gone")
        btrfs("subvolume", "delete", "--commit-after", root / "gone")
        (root / "@" / "nested").rename(root / "@" / "moved")
        listed = {
            line.split()[-1]: int(line.split()[1]) for line in btrfs("subvolume", "list", root).splitlines()
        }  # fmt: skip
        btrfs("subvolume", "set-default", str(listed["@"]), root)
        shown = btrfs("subvolume", "show", root / "@/.snapshots/1")

    tree = same(image, kernel, times=False)  # the stand-in of a missing subvolume is as old as the mount
    found = {entry.path: entry for entry in tree.subvolumes()}
    assert {path.lstrip("/"): entry.id for path, entry in found.items() if path != "/"} == listed
    assert found["/"].id == 5
    assert [path for path, entry in found.items() if entry.default] == ["/@"]
    assert [path for path, entry in found.items() if entry.read_only] == ["/@/.snapshots/1"]
    assert found["/@/.snapshots/1"].uuid in shown
    assert tree.read("/file") == b"changed" and tree.subvolume_id == listed["@"]
    assert tree.stat("/file").device == 0
    assert tree.stat("/moved/inner/file").device == listed["@/moved/inner"]
    assert tree.read("/.snapshots/1/file") == b"@"
    stand_in = tree.stat("/.snapshots/1/nested")
    assert (stand_in.type, stand_in.inode, tree.names("/.snapshots/1/nested")) == ("directory", 2, [])
    assert opened(image, "@home").read("/file") == b"@home"
    assert opened(image, "/@/.snapshots/1").read("/file") == b"@"
    assert opened(image, 5).read("/@/a/../file") == b"changed"
    assert tree.at(5).read("/copy/file") == b"changed"
    with pytest.raises(MissingError):
        opened(image, "gone")
    with mounted(image, kernel, "ro,subvolid=5") as root:
        compare(tree.at(5), root, sizes=True, times=False)


def test_what_fsync_left_in_the_log_is_noted(tmp_path: Path) -> None:
    image, kernel, copy = tmp_path / "image", tmp_path / "kernel", tmp_path / "copy"
    mkfs(image)
    with mounted(image, kernel, "rw,commit=300") as root:
        (root / "old").write_text("old")
        os.sync()
        (root / "new").write_text("new")
        descriptor = os.open(root / "new", os.O_RDWR)
        os.fsync(descriptor)
        os.close(descriptor)
        shutil.copyfile(image, copy)
    tree = opened(copy)
    assert tree.read("/old") == b"old"
    assert tree.notes == ["tree log not replayed"]
    assert opened(image).notes == []


@pytest.mark.parametrize("profile", ["raid0", "raid1", "raid10", "raid1c3"])
def test_data_on_several_devices(tmp_path: Path, profile: str) -> None:
    """Every 64 KiB of a file is on as many devices as the profile says, with the bytes that the kernel wrote."""
    images = [tmp_path / f"disk{number}" for number in range(4)]
    mkfs(images, "-m", "raid1c4", "-d", profile, size=256 << 20)
    content = os.urandom(3 << 20)
    with mounted(images, tmp_path / "kernel", "rw") as root:
        (root / "file").write_bytes(content)
    step = 64 << 10
    copies = dict.fromkeys(range(0, len(content), step), 0)
    for image in images:
        tree = opened(image)
        for place in copies:
            try:
                got = tree.pread("/file", place, step)
            except NotCollectedError as error:
                assert "on a device that is not here" in str(error)
            else:
                assert got == content[place : place + step]
                copies[place] += 1
    assert set(copies.values()) == {{"raid0": 1, "raid1": 2, "raid10": 2, "raid1c3": 3}[profile]}
