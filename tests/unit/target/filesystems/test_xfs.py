"""XFS images of the real mkfs.xfs against the tree they were made from, and against the kernel."""

from __future__ import annotations

import os
import stat
import struct
import subprocess
from pathlib import Path

import pytest

from scanner.model.errors import DamagedError, LimitError, MissingError, NotCollectedError
from scanner.target.devices import FileDevice
from scanner.target.filesystems import _xfs_super
from scanner.target.filesystems._xfs_fork import BTREE, EXTENTS, LOCAL
from scanner.target.filesystems.base import open_filesystem
from scanner.target.filesystems.xfs import XfsTree
from tests.unit.target.filesystems.ext_lab import ACL, compare, give_attributes, need, plant
from tests.unit.target.filesystems.xfs_lab import mkfs, mounted, patch, seal_superblock, sow, xfs_db

VARIANTS = {
    "v5": "",
    "v5-1k": "-b size=1024 -i size=512",
    "v5-1k-8k-directories": "-b size=1024 -n size=8192",
    "v5-64k-directories": "-n size=65536",
    "v5-2k-inodes-many-extents": "-i size=2048,nrext64=1",
    "v5-small-times": "-m bigtime=0,reflink=0,rmapbt=0,inobtcount=0 -i sparse=0",
    "v5-rmap": "-m rmapbt=1,reflink=1",
    "v5-4k-sectors": "-s size=4096",
    "v5-ci": "-n version=ci",
    "v4": "-m crc=0",
    "v4-no-types": "-m crc=0 -n ftype=0",
    "v4-512": "-m crc=0 -b size=512",
    "v4-1k-4k-directories": "-m crc=0 -b size=1024 -i size=512 -n size=4096",
}


@pytest.fixture(scope="module")
def sown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sow(tmp_path_factory.mktemp("xfs") / "tree")


def opened(image: Path) -> XfsTree:
    tree = open_filesystem("xfs", FileDevice(image))
    assert isinstance(tree, XfsTree)
    return tree


@pytest.mark.parametrize("variant", VARIANTS)
def test_image_equals_its_tree(tmp_path: Path, sown: Path, variant: str) -> None:
    tree = opened(mkfs(tmp_path / "image", *VARIANTS[variant].split(), size="64M", tree=sown))
    assert tree.notes == []
    assert compare(tree, sown, attributes=False, times=False) > 1500
    assert all(tree.xattrs(path) == {} for path in ("/", "/many", "/file1", "/linkraw"))
    assert tree.names("/few").count("l" * 200) == 1


@pytest.mark.parametrize("variant", ["v5", "v5-1k", "v4", "v4-512", "v5-2k-inodes-many-extents"])
def test_attributes_short_leaf_node_and_remote(tmp_path: Path, variant: str) -> None:
    root = tmp_path / "tree"
    root.mkdir()
    expected: dict[str, dict[str, bytes]] = {}
    plans = {
        "few": [(2, 9)],
        "leaf": [(20, 10)],
        "node": [(300, 30)],
        "remote": [(2, 700), (3, 5000), (1, 65535), (4, 3)],
    }
    if variant.startswith("v4"):
        del plans["remote"]  # this xfs_db crashes on them: test_a_long_value_of_version_4
    for name in plans:
        (root / name).write_text(name)
    image = mkfs(tmp_path / "image", *VARIANTS[variant].split(), tree=root)
    tree = opened(image)
    for name, plan in plans.items():
        commands = [f"inode {tree.lstat('/' + name).inode}"]
        mine = expected.setdefault("/" + name, {})
        for count, size in plan:
            for number in range(count):
                for letter, space in (("u", "user"), ("r", "trusted"), ("s", "security")):
                    commands.append(f"attr_set -{letter} -v {size} n{size}-{number}")
                    mine[f"{space}.n{size}-{number}"] = b"v" * size
        xfs_db(image, *commands)
    tree = opened(image)
    assert tree.notes == []
    for path, attributes in expected.items():
        assert tree.xattrs(path) == attributes


def test_a_long_value_of_version_4(tmp_path: Path) -> None:
    root = tmp_path / "tree"
    root.mkdir()
    (root / "file").write_text("file")
    image = mkfs(tmp_path / "image", "-m", "crc=0", "-b", "size=512", tree=root)
    number = opened(image).lstat("/file").inode
    xfs_db(image, f"inode {number}", *(f"attr_set -u -v 30 name{item:02d}" for item in range(60)))
    tree = opened(image)
    medium = tree._medium
    places = [
        medium.place(extent.block) + item * 512
        for extent in tree.node("/file").attribute_fork(medium).extents()
        for item in range(extent.blocks)
    ]
    data = image.read_bytes()
    leaf = next(place for place in places if data[place + 8 : place + 10] == b"\xfb\xee")
    at = int.from_bytes(data[leaf + 36 : leaf + 38], "big")
    name = data[leaf + at + 3 : leaf + at + 9]
    patch(image, leaf + at, struct.pack(">IIB", 0, 1000, 6) + name)
    patch(image, leaf + 38, b"\0")
    found = opened(image).xattrs("/file")
    assert len(found) == 60
    now = image.read_bytes()
    assert found[f"user.{name.decode()}"] == b"".join(now[place : place + 512] for place in places)[:1000]


@pytest.mark.parametrize("variant", ["v4", "v4-512"])
def test_long_links(tmp_path: Path, variant: str) -> None:
    root = tmp_path / "tree"
    root.mkdir()
    for size in (156, 157, 511, 512, 513, 1023):
        os.symlink("t" * size, root / f"link{size}")
    tree = opened(mkfs(tmp_path / "image", *VARIANTS[variant].split(), tree=root))
    assert compare(tree, root, attributes=False, times=False) == 7


def test_a_link_without_its_header_is_damage_as_for_the_kernel(tmp_path: Path) -> None:
    root = tmp_path / "tree"
    root.mkdir()
    os.symlink("t" * 900, root / "link")
    image = mkfs(tmp_path / "image", tree=root)
    tree = opened(image)
    try:
        assert tree.readlink("/link") == "t" * 900
        pytest.skip("this mkfs.xfs writes the header")
    except DamagedError as error:
        assert "no link text at offset" in str(error)
    with mounted(image, tmp_path / "mount", "ro") as place, pytest.raises(OSError, match="clean"):
        os.readlink(place / "link")


def _written_by_the_kernel(root: Path) -> None:
    plant(root / "planted", longest_link=1000)
    assert give_attributes(root / "planted")
    crowd = root / "crowd"
    crowd.mkdir()
    for number in range(6000):
        (crowd / f"{number}-{'x' * 40}").touch()
        if number % 10 == 0:
            (crowd / f"{number}-{'x' * 40}").write_bytes(b"y" * 5000)
    for number in range(0, 6000, 3):
        (crowd / f"{number}-{'x' * 40}").unlink()
    with open(root / "comb", "wb") as stream:
        for number in range(1200):
            stream.seek(number * 16384)
            stream.write(bytes([number & 255]) * 4096)
            if number % 50 == 0:
                os.fsync(stream.fileno())
    with open(root / "reserved", "wb") as stream:
        os.posix_fallocate(stream.fileno(), 0, 500_000)
        stream.write(b"start")
    os.utime(root / "reserved", (0, 2_000_000_000))
    subprocess.run(["cp", "--reflink=auto", root / "comb", root / "shared"], check=True)
    with open(root / "shared", "r+b") as stream:
        stream.seek(3 * 16384)
        stream.write(b"own")
    for name, plan in {
        "few": ((2, 9),),
        "leaf": ((20, 30),),
        "node": ((1200, 40),),
        "remote": ((3, 5000), (2, 65536)),
    }.items():
        (root / name).write_text(name)
        for count, size in plan:
            for number in range(count):
                os.setxattr(root / name, f"user.{size}-{number}", bytes([number & 255]) * size)
    os.setxattr(root / "leaf", "security.selinux", b"system_u:object_r:etc_t:s0\0")
    os.setxattr(root / "leaf", "trusted.overlay.opaque", b"y")
    os.setxattr(root / "few", "system.posix_acl_access", ACL)
    os.setxattr(root / "node", "system.posix_acl_access", ACL)
    os.mknod(root / "largest", 0o600 | stat.S_IFCHR, os.makedev(511, 262_143))


class _Kernel(XfsTree):
    """The kernel shows root an access control list a second time, as stored; we give it once."""

    def xattrs(self, path: str) -> dict[str, bytes]:
        found = super().xattrs(path)
        for name in ("access", "default"):
            if f"system.posix_acl_{name}" in found:
                found[f"trusted.SGI_ACL_{'FILE' if name == 'access' else 'DEFAULT'}"] = b""
        return found


@pytest.mark.parametrize(
    "variant",
    ["v5", "v5-1k", "v5-1k-8k-directories", "v5-2k-inodes-many-extents", "v5-small-times", "v5-rmap", "v5-4k-sectors"],
)
def test_the_kernel_sees_the_same(tmp_path: Path, variant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    image = mkfs(tmp_path / "image", *VARIANTS[variant].split(), "-d", "agcount=6", size="400M")
    with mounted(image, tmp_path / "mount") as place:
        _written_by_the_kernel(place)
        if variant != "v5-small-times":
            os.utime(place / "reserved", (0, 9_000_000_000))
    tree = opened(image)
    forms = {
        (tree.node(path).form, tree.node(path).attribute_form)
        for path in ("/few", "/leaf", "/node", "/remote", "/comb")
    }
    assert {form for form, _ in forms} == {EXTENTS, BTREE}
    assert {form for _, form in forms} >= {LOCAL, EXTENTS}
    assert tree.node("/planted/deep").form == LOCAL
    if variant == "v5-1k":
        assert tree.node("/crowd").form == BTREE
    getxattr = os.getxattr
    monkeypatch.setattr(
        os, "getxattr", lambda path, key, **more: b"" if "SGI_ACL" in key else getxattr(path, key, **more)
    )
    tree.__class__ = _Kernel
    with mounted(image, tmp_path / "mount", "ro") as place:
        assert compare(tree, place, sizes=True) > 4600
        assert tree.lstat("/").inode == os.lstat(place).st_ino
        assert tree.lstat("/few").inode == os.lstat(place / "few").st_ino
    assert tree.notes == []
    image.unlink()


@pytest.mark.parametrize("variant", ["v5", "v5-1k", "v4"])
@pytest.mark.parametrize("how", ["gone", "flipped"])
@pytest.mark.parametrize("groups", ["", "-d agcount=2", "-d agcount=7"])
def test_a_copy_of_the_superblock(tmp_path: Path, sown: Path, variant: str, how: str, groups: str) -> None:
    image = mkfs(tmp_path / "image", *VARIANTS[variant].split(), *groups.split(), size="150M", tree=sown)
    expected = list(opened(image).walk("/"))
    patch(image, 0, bytes(4096)) if how == "gone" else patch(image, 104 if variant == "v4" else 230, b"\xff")
    tree = opened(image)
    assert len(tree.notes) == 1
    assert tree.notes[0].startswith("superblock is damaged, its copy at offset ")
    assert list(tree.walk("/")) == expected
    assert tree.unreadable == []


def test_a_wrong_checksum_without_a_sound_copy(tmp_path: Path, sown: Path) -> None:
    image = mkfs(tmp_path / "image", "-d", "agcount=2", tree=sown)
    geometry = opened(image)._medium.geometry
    patch(image, 230, b"\xff")
    patch(image, geometry.ag_size, bytes(512))
    tree = opened(image)
    assert tree.notes == ["checksum of the superblock is wrong and there is no sound copy"]
    assert tree.unreadable == [] if list(tree.walk("/")) else False


def test_what_has_a_wrong_checksum_is_damaged_and_the_rest_is_read(tmp_path: Path, sown: Path) -> None:
    image = mkfs(tmp_path / "image", tree=sown)
    tree = opened(image)
    medium = tree._medium
    inode = medium.inode_place(tree.lstat("/file100").inode)
    patch(image, inode + 50, b"\x77")
    block = next(tree.node("/many").fork(medium).extents()).block
    patch(image, medium.place(block) + 20, b"\x77")
    tree = opened(image)
    seen = {entry.path for entry in tree.walk("/")}
    assert sorted(path for path, _ in tree.unreadable) == ["/file100", "/many"], tree.unreadable
    assert len(seen) > 20
    for path in ("/file100", "/many/none"):
        with pytest.raises(DamagedError, match="checksum of"):
            tree.lstat(path)


def test_a_log_that_was_not_replayed(tmp_path: Path, sown: Path) -> None:
    image = mkfs(tmp_path / "image", tree=sown)
    geometry = opened(image)._medium.geometry
    start = opened(image)._medium.place(geometry.log_start)
    patch(image, start + 512 + 9, b"\0")
    assert opened(image).notes == ["log not replayed"]
    patch(image, start, bytes(512))
    assert opened(image).notes == ["log not replayed"]


def test_a_log_as_a_crash_leaves_it(tmp_path: Path) -> None:
    image = mkfs(tmp_path / "image", size="310M")
    for number, crash in enumerate((True, False, True)):
        with mounted(image, tmp_path / "mount") as place:
            for name in range(50):
                (place / f"{number}-{name}").write_text("x")
            if crash:
                os.sync()
                (place / "lost").write_text("x")
                subprocess.run([need("xfs_io", "xfsprogs"), "-x", "-c", "shutdown -f", place], check=True)
        tree = opened(image)
        assert tree.notes == (["log not replayed"] if crash else [])
        if not crash:
            assert len(tree.names("/")) >= 100


def test_realtime_content_is_not_collected(tmp_path: Path, sown: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_xfs_super, "checksum", _xfs_super.stored)
    image = mkfs(tmp_path / "image", tree=sown)
    tree = opened(image)
    patch(image, tree._medium.inode_place(tree.lstat("/file100").inode) + 90, b"\0\x01")
    tree = opened(image)
    assert tree.lstat("/file100").size == 100
    with pytest.raises(NotCollectedError, match="realtime"):
        tree.read("/file100")


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    image = mkfs(tmp_path / "image", "-m", "crc=0")
    size = opened(image)._medium.geometry.ag_size
    for version, words in ((b"\xb4\x83", "version 3"), (b"\x94\xa4", "version 1 directories")):
        for group in range(4):
            patch(image, group * size + 100, version)
        with pytest.raises(NotCollectedError, match=words):
            opened(image)
    image = mkfs(tmp_path / "newer")
    size = opened(image)._medium.geometry.ag_size
    for group in range(4):
        seal_superblock(image, group * size, 216, b"\x08\0\0\x03")
    with pytest.raises(NotCollectedError, match="0x8000000"):
        opened(image)


def test_what_the_superblock_admits(tmp_path: Path) -> None:
    image = mkfs(tmp_path / "image")
    seal_superblock(image, 0, 216, b"\0\0\0\x1b")
    assert opened(image).notes == ["file system is marked as in need of repair"]
    seal_superblock(image, 0, 216, b"\0\0\0\x0b")
    seal_superblock(image, 0, 126, b"\1")
    assert opened(image).notes == ["file system was not made to its end"]
    seal_superblock(image, 0, 126, b"\0")
    seal_superblock(image, 0, 48, bytes(8))
    assert opened(image).notes == ["log is on another device and was not seen"]
    os.truncate(image, 20 << 20)
    assert opened(image).notes[0] == "device ends after 20971520 bytes, the file system is 33554432 bytes long"


def test_what_is_not_there_and_what_is_something_else(tmp_path: Path, sown: Path) -> None:
    tree = opened(mkfs(tmp_path / "image", tree=sown))
    for path in ("/none", "/none/x", "/file1/x", "/link1/x", "/few/deep/er/x", "/few/../few"):
        with pytest.raises(MissingError):
            tree.lstat(path)
    for path in ("/few", "/fifo", "/link1"):
        with pytest.raises(DamagedError):
            tree.pread(path, 0, 1)
    with pytest.raises(DamagedError):
        tree.readlink("/file1")
    with pytest.raises(LimitError):
        tree.lstat("/x" * 200)
