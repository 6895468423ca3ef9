"""ISO 9660 images of real writers against the tree they were made from."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from scanner.model.errors import DamagedError, LimitError, MissingError, NotCollectedError
from scanner.target.devices import FileDevice
from scanner.target.filesystems.base import open_filesystem
from scanner.target.filesystems.iso import BootImage, IsoTree
from tests.unit.target.filesystems.ext_lab import ACL, Memory, as_root, compare, give_attributes, need
from tests.unit.target.filesystems.iso_lab import both, genisoimage, grow, record, small, xorriso

ALL = frozenset({"owner", "mode", "xattrs"})


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return grow(tmp_path_factory.mktemp("iso") / "tree")


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with extended attributes; root's own shows that all kinds were recorded."""
    root = grow(tmp_path_factory.mktemp("iso") / "labelled", many=100)
    if not give_attributes(root) or not as_root():
        pytest.skip("security attributes need root and a file system that has them")
    os.setxattr(root / "few", "security.selinux", b"system_u:object_r:root_t:s0\0")
    os.setxattr(root / "file160", "user.large", bytes(range(256)) * 6)
    os.setxattr(root / "file160", "trusted.large", bytes(range(255)) * 6)
    return root


def opened(image: Path) -> IsoTree:
    tree = open_filesystem("iso9660", FileDevice(image))
    assert isinstance(tree, IsoTree)
    return tree


def of_bytes(data: bytes) -> IsoTree:
    tree = open_filesystem("iso9660", Memory(data))
    assert isinstance(tree, IsoTree)
    return tree


@pytest.mark.parametrize(
    "options", ["-R", "-R -J -joliet-long", "-R --hardlinks", "-R -iso-level 4", "-R -D", "-R --old-empty"]
)
def test_rock_ridge_of_xorriso_equals_its_tree(tmp_path: Path, grown: Path, options: str) -> None:
    tree = opened(xorriso(tmp_path / "image", grown, *options.split()))
    assert compare(tree, grown, attributes=False) > 1500
    assert tree.notes == []
    assert tree.lost == {"xattrs"}
    for path in ("/", "/file1", "/link60"):
        with pytest.raises(NotCollectedError):
            tree.xattrs(path)
    same = tree.lstat("/file300").inode == tree.lstat("/hard2").inode == tree.lstat("/few/hard1").inode
    assert same == ("--hardlinks" in options)


@pytest.mark.parametrize("options", ["-R", "-R -J", "-R -D -l"])
def test_rock_ridge_of_genisoimage_equals_its_tree(tmp_path: Path, options: str) -> None:
    root = grow(tmp_path / "tree", many=300)
    (root / "socket").unlink()
    for name in (b"linkraw", b"disk", b"\xff\xfe\x01 name"):
        (root / os.fsdecode(name)).unlink(missing_ok=True)
    tree = opened(genisoimage(tmp_path / "image", root, *options.split()))
    assert compare(tree, root, attributes=False) > 300
    assert tree.notes == []


@pytest.mark.parametrize("writer", [xorriso, genisoimage])
def test_deep_directories_are_shown_in_their_place(tmp_path: Path, writer: object) -> None:
    root = tmp_path / "tree"
    deep = root / "1/2/3/4/5/6/7/8/9/10/11"
    deep.mkdir(parents=True)
    (deep / "file").write_text("deep")
    os.chmod(root / "1/2/3/4/5/6/7/8", 0o700)
    (root / "1/2/3/4/5/6/7/8x").mkdir()
    if writer is xorriso:
        tree = opened(xorriso(tmp_path / "image", root, "-R", "-rr_reloc_dir", "/moved"))
    else:
        tree = opened(genisoimage(tmp_path / "image", root, "-R"))
    relocated = tmp_path / "image"
    assert b"CL\x0c\x01" in relocated.read_bytes()
    assert tree.read("/1/2/3/4/5/6/7/8/9/10/11/file") == b"deep"
    assert tree.lstat("/1/2/3/4/5/6/7/8").mode == 0o40700
    paths = {entry.path for entry in tree.walk("/")}
    assert tree.unreadable == []
    expected = {
        "/" + os.path.relpath(os.path.join(folder, name), root)
        for folder, names, files in os.walk(root)
        for name in (*names, *files)
    }
    assert paths - {"/", "/moved", "/rr_moved"} == expected


def test_attributes_of_xorriso(tmp_path: Path, labelled: Path) -> None:
    tree = opened(xorriso(tmp_path / "image", labelled, "-R", "--xattr-any", "--acl"))
    assert tree.lost == frozenset()
    assert compare(tree, labelled) > 100
    assert tree.xattrs("/few") == {"security.selinux": b"system_u:object_r:root_t:s0\0"}
    assert tree.xattrs("/file160")["user.large"] == bytes(range(256)) * 6
    assert tree.xattrs("/many")["system.posix_acl_default"] == ACL
    assert tree.xattrs("/file4097") == {}


def test_lists_alone_prove_nothing(tmp_path: Path, labelled: Path) -> None:
    tree = opened(xorriso(tmp_path / "image", labelled, "-R", "--acl"))
    assert tree.lost == {"xattrs"}
    with pytest.raises(NotCollectedError):
        tree.xattrs("/many")


def test_a_list_in_its_compact_form() -> None:
    value = bytes((0x16, 0xAE, 1, 123, 0x34, 0xCE, 2, 255, 254, 0x54, 0x64, 0x81, 0x17, 0x35, 0x65))
    fields = b"AL" + bytes((5 + 4 + 2 + len(value) + 5, 1, 0, 0, 0, 0, len(value))) + value + b"\0\2\6a\0\0"
    fields = fields[:2] + bytes([len(fields)]) + fields[3:]
    tree = rocky(fields)
    assert tree.xattrs("/a")["security.a"] == b""
    entries = ((1, 6, 1 << 32), (2, 6, 123), (4, 4, 1 << 32), (8, 6, 65534), (16, 4, 1 << 32), (32, 4, 1 << 32))
    packed = b"".join(
        tag.to_bytes(2, "little") + may.to_bytes(2, "little") + min(number, 0xFFFFFFFF).to_bytes(4, "little")
        for tag, may, number in entries
    )
    assert tree.xattrs("/a")["system.posix_acl_access"] == b"\2\0\0\0" + packed
    assert len(tree.xattrs("/a")["system.posix_acl_default"]) == 4 + 3 * 8


def px(mode: int, links: int = 1) -> bytes:
    """A PX field."""
    return b"PX\x24\1" + both(mode) + both(links) + both(7) + both(8)


def rocky(fields: bytes, *more: bytes, mode: int = 0o100644, blocks: dict[int, bytes] | None = None) -> IsoTree:
    """A small volume with Rock Ridge whose file `a` has these fields."""
    return of_bytes(rocky_bytes(fields, *more, mode=mode, blocks=blocks))


def rocky_bytes(fields: bytes, *more: bytes, mode: int = 0o100644, blocks: dict[int, bytes] | None = None) -> bytes:
    data = bytearray(small(blocks=blocks))
    start = b"SP\7\1\xbe\xef\0" + px(0o40755)
    parts = (
        record(b"\0", 20, 2048, 2, start),
        record(b"\1", 20, 2048, 2, px(0o40755)),
        record(b"A.;1", 30, 100, 0, px(mode) + fields),
    )
    directory = b"".join((*parts, *more))
    data[20 * 2048 : 20 * 2048 + len(directory)] = directory
    return bytes(data)


def test_times_devices_and_links_in_every_form() -> None:
    long = b"TF\x27\1\x83" + b"1999123123595900\4" + b"2001020304050600\0"
    assert rocky(long).lstat("/a").mtime == 981173106
    short = b"TF\x13\1\x03" + bytes((99, 12, 31, 23, 59, 59, 4)) + bytes((101, 2, 3, 4, 5, 6, 252))
    assert rocky(short).lstat("/a").mtime == 981173106 + 3600
    for stamp in (b"TF\x0c\1\x02" + bytes(7), b"TF\x16\1\x82" + b"x" * 17, b"TF\5\1\x02", b"TF\5\1\x01"):
        assert isinstance(rocky(stamp).lstat("/a").mtime, int)
    for high, low, device in (
        (0, 0x801, (8, 1)),
        (8, 1, (8, 1)),
        (259, 70000, (259, 70000)),
        (0, 5, (0, 5)),
        (0, os.makedev(259, 70000), (259, 70000)),
    ):
        entry = rocky(b"PN\x14\1" + both(high) + both(low), mode=0o60600).lstat("/a")
        assert (os.major(entry.rdev), os.minor(entry.rdev)) == device
    for pieces, text in (
        ((b"\x08\0\0\3usr\4\0",), "/usr/.."),
        ((b"\1\3one", b"\0\3two"), "onetwo"),
        ((b"\0\3one", b"\2\0\4\0"), "one/./.."),
        ((b"\4\0\1\2ab\0\1c\0\1d",), "../abc/d"),
    ):
        fields = b"".join(
            b"SL" + bytes((5 + len(piece), 1, number + 1 < len(pieces))) + piece for number, piece in enumerate(pieces)
        )
        tree = rocky(fields, mode=0o120777)
        assert tree.readlink("/a") == text
        assert tree.lstat("/a").size == len(text)


def test_nonsense_behind_a_name_costs_that_entry_only() -> None:
    tree = rocky(b"NM\6\1\0a" + b"XX\xff\1" + b"x" * 10, record(b"B.;1", 31, 5, 0, px(0o100600)), blocks={31: b"sound"})
    assert sorted(tree.names("/")) == ["a", "b"]
    assert tree.read("/b") == b"sound"
    list(tree.walk("/"))
    assert [path for path, _ in tree.unreadable] == ["/a"]


def test_names_and_areas_that_go_on_elsewhere() -> None:
    far = b"NM\x08\1\1ong" + b"NM\x07\1\0er" + b"\0\0"
    tree = rocky(b"NM\6\1\1l" + b"CE\x1c\1" + both(40) + both(100) + both(len(far)), blocks={40: bytes(100) + far})
    assert tree.names("/") == ["longer"]
    assert tree.lstat("/longer").uid == 7
    again = b"CE\x1c\1" + both(40) + both(0) + both(28)
    for blocks in ({40: again}, {40: b"NM\xff\1" + b"x" * 24}, {}):
        tree = rocky(b"CE\x1c\1" + both(40 if blocks else 1 << 30) + both(0) + both(28), blocks=blocks)
        with pytest.raises(DamagedError):
            tree.names("/")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (b"ZF\x10\1pz\4\x0f" + both(12345), "zisofs"),
        (b"SF\x15\1" + both(1) + both(2) + b"\1", "sparse"),
    ],
)
def test_content_that_is_not_collected(fields: bytes, words: str) -> None:
    tree = rocky(fields)
    assert tree.lstat("/a").size == (12345 if words == "zisofs" else 100)
    with pytest.raises(NotCollectedError, match=words):
        tree.read("/a")


def test_zisofs_of_xorriso(tmp_path: Path) -> None:
    root = tmp_path / "tree"
    root.mkdir()
    (root / "text").write_text("again and again " * 5000)
    image = tmp_path / "image"
    words = [
        need("xorriso", "xorriso"),
        "-outdev",
        str(image),
        "-map",
        str(root),
        "/",
        "-set_filter_r",
        "--zisofs",
        "/",
        "--",
        "-zisofs",
        "by_magic=on",
    ]
    subprocess.run(words, capture_output=True, check=True)
    tree = opened(image)
    assert tree.lstat("/text").size == 80_000
    with pytest.raises(NotCollectedError, match="zisofs"):
        tree.read("/text")


def test_interleaved_and_other_volumes() -> None:
    tree = of_bytes(
        small(
            record(b"A.;1", 30, 9, unit=1, gap=1),
            record(b"B.;1", 30, 9, sequence=2),
            record(b"C", 29, 9, xar=1),
            blocks={30: b"content .."},
        )
    )
    for path, words in (("/a", "interleaved"), ("/b", "another volume")):
        with pytest.raises(NotCollectedError, match=words):
            tree.read(path)
    assert tree.read("/c") == b"content ."


def test_sections_of_a_big_file() -> None:
    big = [record(b"BIG.;1", 30, 2048, 0x80), record(b"BIG.;1", 40, 4096, 0x80), record(b"BIG.;1", 50, 7)]
    blocks = {30: b"1" * 2048, 40: b"2" * 4096, 50: b"3333333"}
    tree = of_bytes(small(record(b"A.;1", 30, 5), *big, record(b"Z.;1", 40, 5), blocks=blocks))
    whole = blocks[30] + blocks[40] + blocks[50]
    assert sorted(tree.names("/")) == ["a", "big", "z"]
    assert tree.lstat("/big").size == len(whole)
    assert tree.read("/big") == whole
    for offset, length in ((2000, 100), (2048, 4096), (6140, 100), (0, 1), (6150, 1)):
        assert tree.pread("/big", offset, length) == whole[offset : offset + length]
    for broken in ((big[0],), (big[0], record(b"OTHER.;1", 40, 1)), (record(b"BIG.;1", 30, 2047, 0x80), big[2])):
        tree = of_bytes(small(*broken))
        with pytest.raises(DamagedError):
            tree.lstat("/big")


@pytest.mark.skipif(not os.environ.get("ASSAY_LONG"), reason="writes 5 GB; ASSAY_LONG=1 runs it")
def test_a_file_of_more_than_four_gigabytes(tmp_path: Path) -> None:
    root = tmp_path / "tree"
    root.mkdir()
    with open(root / "big", "wb") as stream:
        stream.truncate(4_400_000_000)
        stream.seek(4_399_999_000)
        stream.write(b"near the end")
    tree = opened(xorriso(tmp_path / "image", root, "-R", "-iso-level", "3"))
    assert tree.lstat("/big").size == 4_400_000_000
    assert tree.pread("/big", 4_399_998_990, 100).strip(b"\0") == b"near the end"
    assert tree.pread("/big", 4_294_967_290, 10) == bytes(10)
    (tmp_path / "image").unlink()


def test_joliet_and_plain_names(tmp_path: Path) -> None:
    root = tmp_path / "tree"
    (root / "Some Folder").mkdir(parents=True)
    (root / "Some Folder" / "Grüße 漢字.conf").write_text("text")
    (root / "plain.txt").write_text("plain")
    (root / "no_dot").write_text("none")
    tree = opened(xorriso(tmp_path / "joliet", root, "--norock", "-J"))
    assert tree.lost == ALL
    assert tree.read("/Some Folder/Grüße 漢字.conf") == b"text"
    assert sorted(tree.names("/")) == ["Some Folder", "no_dot", "plain.txt"]
    tree = opened(genisoimage(tmp_path / "joliet2", root, "-J", "-input-charset", "utf-8"))
    assert tree.read("/Some Folder/Grüße 漢字.conf") == b"text"
    assert tree.lost == ALL
    for writer, options in ((xorriso, ["--norock"]), (genisoimage, ["-input-charset", "utf-8"])):
        tree = opened(writer(tmp_path / "plain", root, *options))
        assert tree.lost == ALL
        assert {"plain.txt", "no_dot", "some_fol"} == set(tree.names("/"))
        assert tree.read("/plain.txt") == b"plain"
        entry = tree.lstat("/plain.txt")
        assert (entry.mode, entry.uid, entry.mtime) == (0o100555, 0, int(os.lstat(root / "plain.txt").st_mtime))
        assert tree.lstat("/some_fol").mode == 0o40555
        with pytest.raises(NotCollectedError):
            tree.xattrs("/plain.txt")
        with pytest.raises(MissingError):
            tree.lstat("/plain.txt/x")


def test_the_boot_catalogue(tmp_path: Path) -> None:
    root = tmp_path / "tree"
    root.mkdir()
    (root / "bios.img").write_bytes(b"bios" * 512)
    (root / "efi.img").write_bytes(b"efi!" * 51200)
    options = "-R -b bios.img -c boot.cat -no-emul-boot -boot-load-size 4 -eltorito-alt-boot -e efi.img -no-emul-boot"
    image = xorriso(tmp_path / "image", root, *options.split(), "-isohybrid-gpt-basdat", "-partition_offset", "0")
    tree = opened(image)
    data = image.read_bytes()
    assert tree.boot_images == [
        BootImage("x86", True, "none", data.index(b"bios" * 512), 2048),
        BootImage("EFI", True, "none", data.index(b"efi!" * 51200), 204800),
    ]
    assert tree.notes == []
    (root / "floppy.img").write_bytes(b"flop" * 368640)
    tree = opened(genisoimage(tmp_path / "floppy", root, "-R", "-b", "floppy.img", "-c", "boot.cat"))
    assert [(image.media, image.size, image.platform) for image in tree.boot_images] == [("floppy", 1_474_560, "x86")]


def test_a_boot_catalogue_that_is_nonsense(tmp_path: Path) -> None:
    root = tmp_path / "tree"
    root.mkdir()
    (root / "bios.img").write_bytes(b"bios" * 512)
    data = bytearray(xorriso(tmp_path / "image", root, "-R", "-b", "bios.img", "-no-emul-boot").read_bytes())
    place = 17 * 2048 + 71
    for block in (0, 1 << 30, 19):
        data[place : place + 4] = block.to_bytes(4, "little")
        tree = of_bytes(bytes(data))
        assert tree.boot_images == []
        assert len(tree.notes) == 1
        assert tree.names("/")


def test_what_is_odd_is_noted(tmp_path: Path) -> None:
    tree = of_bytes(small(record(b"A.;1", 30, 9)[:6] + bytes(4) + record(b"A.;1", 30, 9)[10:]))
    assert tree.read("/a") == bytes(9)
    assert tree.notes == ["the two byte orders of a directory record differ at offset 41028"]
    tree = of_bytes(small(record(b"A.;1", 30, 9))[: 40 * 2048])
    assert tree.notes == ["device ends after 81920 bytes, the volume is 131072 bytes long"]


def test_what_is_not_there_and_what_is_something_else(tmp_path: Path, grown: Path) -> None:
    tree = opened(xorriso(tmp_path / "image", grown, "-R"))
    for path in ("/none", "/none/x", "/file1/x", "/link1/x", "/deep/er/x", "/FILE1"):
        with pytest.raises(MissingError):
            tree.lstat(path)
    for path in ("/deep", "/fifo", "/link1"):
        with pytest.raises(DamagedError):
            tree.pread(path, 0, 1)
    with pytest.raises(DamagedError):
        tree.readlink("/file1")
    with pytest.raises(LimitError):
        tree.read("/file4096", 4095)


def test_bsdtar_sees_the_same(tmp_path: Path, grown: Path) -> None:
    tar = shutil.which("bsdtar")
    if tar is None:
        pytest.skip("bsdtar is not installed (Debian package libarchive-tools)")
    image = xorriso(tmp_path / "image", grown, "-R")
    listed = subprocess.run([tar, "-tf", image], capture_output=True, check=True, env={"LC_ALL": "C.UTF-8"}).stdout
    ours = {entry.path.lstrip("/").encode("utf-8", "surrogateescape") or b"." for entry in opened(image).walk("/")}
    assert len(listed.splitlines()) == len(ours)
