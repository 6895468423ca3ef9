"""Initramfs archives made by cpio and the compressors, merged as the kernel merges them."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import pytest

from scanner.model.errors import DamagedError, MissingError, NotCollectedError
from scanner.parsers import signatures
from scanner.target.base import BlockDevice
from scanner.target.containers.base import HEAD, containers
from scanner.target.filesystems import cpio
from scanner.target.filesystems._initramfs_segments import Joined
from scanner.target.filesystems.base import open_filesystem
from scanner.target.filesystems.cpio import InitramfsTree
from tests.memory import MIB, grows_less_than
from tests.tree_lab import BytesDevice, FileDevice, compare, noise, sample, spoil, tool, words

PACKERS = {
    "gzip": ["gzip", "-nc"],
    "xz": ["xz", "--check=crc32", "-c"],
    "zstd": ["zstd", "-qc"],
    "lz4": ["lz4", "-lqc"],
    "lzma": ["xz", "--format=lzma", "-c"],
    "bzip2": ["bzip2", "-c"],
    "lzo": ["lzop", "-c"],
}
DEBIAN = {"lzop": "lzop", "xz": "xz-utils"}


class Bare(InitramfsTree):
    """For comparisons: a tree of the kernel's making has no attributes."""

    def xattrs(self, path: str) -> dict[str, bytes]:
        self.lstat(path)
        return {}


def packed(data: bytes, kind: str) -> bytes:
    if kind == "none":
        return data
    name, *options = PACKERS[kind]
    program = tool(name, DEBIAN.get(name, name))
    return subprocess.run([program, *options], input=data, capture_output=True, timeout=120, check=True).stdout


def archive(root: Path, form: str = "newc") -> bytes:
    """What `find | cpio -o` makes of the folder, names sorted, the folder itself first."""
    names = b"\0".join(sorted([b".", *_below(os.fsencode(root), b".")]))
    done = subprocess.run(
        [tool("cpio", "cpio"), "-o", "-0", "-H", form, "--quiet"],
        input=names,
        cwd=root,
        capture_output=True,
        timeout=120,
        check=True,
    )
    return done.stdout


def _below(base: bytes, top: bytes) -> list[bytes]:
    found = []
    for name in os.listdir(base + b"/" + top):
        path = top + b"/" + name
        found.append(path)
        if stat.S_ISDIR(os.lstat(base + b"/" + path).st_mode):
            found += _below(base, path)
    return found


def entry(
    name: str | bytes,
    data: bytes = b"",
    mode: int = 0o100644,
    *,
    nlink: int = 1,
    inode: int = 0,
    uid: int = 0,
    rdev: tuple[int, int] = (0, 0),
    magic: str = "070701",
) -> bytes:
    """One entry, made by hand."""
    raw = (name if isinstance(name, bytes) else name.encode()) + b"\0"
    numbers = (inode, mode, uid, 0, nlink, 1, len(data), 8, 1, *rdev, len(raw), 0)
    head = magic.encode() + b"".join(b"%08X" % number for number in numbers)
    body = (head + raw).ljust(-(-(len(head) + len(raw)) // 4) * 4, b"\0") + data
    return body.ljust(-(-len(body) // 4) * 4, b"\0")


TRAILER = entry("TRAILER!!!")
FOLDER = 0o40755


def made(*entries: bytes) -> InitramfsTree:
    tree = open_filesystem("cpio", BytesDevice(b"".join(entries) + TRAILER))
    assert isinstance(tree, InitramfsTree)
    return tree


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sample(tmp_path_factory.mktemp("cpio") / "root", names=300)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return archive(sample(tmp_path_factory.mktemp("cpio-small") / "root", names=20, large=False))


@pytest.fixture(scope="module")
def microcode(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    top = tmp_path_factory.mktemp("microcode")
    (top / "kernel/x86/microcode").mkdir(parents=True)
    (top / "kernel/x86/microcode/AuthenticAMD.bin").write_bytes(noise(1, 3000))
    return archive(top)


@pytest.mark.parametrize("form", ["newc", "crc"])
def test_an_archive_is_the_tree(root: Path, form: str) -> None:
    data = archive(root, form)
    assert [one.kind for one in signatures.probe(data[: signatures.PROBED])] == ["cpio"]
    assert compare(Bare(BytesDevice(data)), root, attribute=lambda _: False) > 300


@pytest.mark.parametrize("kind", PACKERS)
def test_behind_microcode(root: Path, microcode: bytes, kind: str) -> None:
    data = microcode + packed(archive(root), kind)
    tree = Bare(BytesDevice(data))
    (early, main) = tree.segments
    assert (early.compression, early.offset, early.entries) == ("none", 0, 5)
    assert (main.compression, main.offset, main.size > main.packed) == (kind, len(microcode), True)
    assert main.offset + main.packed == len(data)
    assert tree.notes == []
    assert tree.lstat("/kernel/x86/microcode/AuthenticAMD.bin").size == 3000
    for path in ("/etc/config-100", "/large-mixed", "/links/hard-1", "/zeros"):
        assert tree.read(path) == (root / path[1:]).read_bytes()


@pytest.mark.parametrize("first", ["none", *PACKERS])
@pytest.mark.parametrize("second", ["none", *PACKERS])
def test_any_part_after_any_other(first: str, second: str) -> None:
    one = entry("a", b"first" * 100) + entry("b", b"first") + TRAILER
    two = entry("c", b"second" * 100) + entry("b", b"second!") + TRAILER
    start = packed(one, first)
    # a kernel takes a plain archive only at a multiple of four, and an LZ4 frame ends at zeros alone
    start = start.ljust(-(-(len(start) + 4) // 512) * 512, b"\0")
    tree = InitramfsTree(BytesDevice(start + packed(two, second) + bytes(300)))
    # plain archives one after another are one part
    assert [part.compression for part in tree.segments] == (["none"] if first == second == "none" else [first, second])
    assert sorted(tree.names("/")) == ["a", "b", "c"]
    assert tree.read("/b") == b"second!"
    assert tree.read("/a") == b"first" * 100


@pytest.mark.parametrize("kind", PACKERS)
def test_a_compressed_beginning_is_a_container(kind: str, microcode: bytes, tmp_path: Path) -> None:
    data = packed(entry("init", b"1" * 50) + TRAILER, kind)
    data = data.ljust(-(-(len(data) + 4) // 4) * 4, b"\0") + microcode
    container = next(one for one in containers() if one.probe(data[:HEAD]))
    assert container.kind == "initramfs"
    (inside,) = container.open(BytesDevice(data))
    assert [one.kind for one in signatures.probe(inside.pread(0, signatures.PROBED))] == ["cpio"]
    tree = InitramfsTree(inside)
    assert tree.read("/init") == b"1" * 50
    assert tree.lstat("/kernel/x86/microcode/AuthenticAMD.bin").type == "file"


@pytest.mark.parametrize("kind", [kind for kind in PACKERS if kind != "lzo"])
def test_other_compressed_files_are_none(kind: str) -> None:
    data = packed(words(1, 100_000), kind)
    found = [one.kind for one in containers() if one.probe(data[:HEAD])]
    assert "initramfs" not in found


def test_a_later_archive_replaces_and_adds() -> None:
    tree = made(
        entry("etc", b"", FOLDER),
        entry("etc/a", b"old text"),
        entry("etc/b", b"a", 0o120777),
        TRAILER,
        bytes(512),
        entry("etc", b"", 0o40700, uid=7),
        entry("etc/a", b"new", 0o100600),
        entry("etc/b", b"file now"),
    )
    assert (tree.lstat("/etc").permissions, tree.lstat("/etc").uid) == ("0700", 7)
    assert (tree.read("/etc/a"), tree.lstat("/etc/a").permissions) == (b"new", "0600")
    assert tree.read("/etc/b") == b"file now"


def test_hard_links_have_their_data_on_the_last() -> None:
    link = {"nlink": 3, "inode": 5}
    tree = made(entry("a", **link), entry("b", **link), entry("c", b"data", **link), entry("d", b"x", nlink=2, inode=6))  # type: ignore[arg-type]
    assert [tree.read(path) for path in ("/a", "/b", "/c")] == [b"data"] * 3
    assert {tree.lstat(path).inode for path in ("/a", "/b", "/c")} == {tree.lstat("/a").inode}
    assert (tree.lstat("/a").nlink, tree.lstat("/d").nlink) == (3, 1)


def test_a_trailer_ends_hard_links() -> None:
    link = {"nlink": 2, "inode": 5}
    tree = made(entry("a", b"one", **link), TRAILER, entry("b", b"two", **link))  # type: ignore[arg-type]
    assert (tree.read("/a"), tree.read("/b")) == (b"one", b"two")


def test_a_file_written_again_changes_its_hard_links() -> None:
    link = {"nlink": 2, "inode": 5}
    tree = made(entry("a", **link), entry("b", b"one", **link), TRAILER, entry("a", b"two"))  # type: ignore[arg-type]
    assert (tree.read("/a"), tree.read("/b")) == (b"two", b"two")


def test_links_of_folders_are_followed_inside_the_root() -> None:
    tree = made(
        entry("usr", b"", FOLDER),
        entry("usr/bin", b"", FOLDER),
        entry("bin", b"usr/bin", 0o120777),
        entry("abs", b"/usr/../usr/bin", 0o120777),
        entry("out", b"../../../../usr/bin", 0o120777),
        entry("bin/a", b"a"),
        entry("abs/b", b"b"),
        entry("out/c", b"c"),
    )
    assert sorted(tree.names("/usr/bin")) == ["a", "b", "c"]
    assert tree.stat("/bin/a").path == "/usr/bin/a"


def test_names_never_leave_the_root() -> None:
    tree = made(
        entry("etc", b"", FOLDER),
        entry("../../etc/a", b"a"),
        entry("/etc/b", b"b"),
        entry("./etc//./c", b"c"),
        entry("etc/../d", b"d"),
        entry(b"etc/e\0hidden", b"e"),
        entry("loop", b"loop", 0o120777),
        entry("loop/f", b"f"),
        entry("nowhere/g", b"g"),
        entry("etc/a/h", b"h"),
        entry("x" * 300, b"i"),
        entry("..", b"j"),
        entry("etc", b"file over a folder with files"),
    )
    assert sorted(entry.path for entry in tree.walk("/")) == [
        *("/", "/d", "/etc", "/etc/a", "/etc/b", "/etc/c", "/etc/e", "/loop"),
    ]
    assert len(tree.notes) == 6
    assert all("left out" in note for note in tree.notes)


def test_devices_and_folders() -> None:
    tree = made(
        entry(".", b"", 0o41777),
        entry("dev", b"", FOLDER),
        entry("dev/console", b"", 0o20600, rdev=(5, 1)),
        entry("dev/pipe", b"", 0o10644),
        entry("dev/odd", b"", 0o170644),
    )
    assert tree.lstat("/").permissions == "1777"
    assert tree.lstat("/dev/console").rdev == os.makedev(5, 1)
    assert tree.lstat("/dev/pipe").type == "fifo"
    assert tree.lstat("/dev").nlink == 2
    with pytest.raises(MissingError):
        tree.lstat("/dev/odd")


def test_attributes_are_not_absent() -> None:
    tree = made(entry("a", b"x"))
    assert tree.lost == {"xattrs"}
    with pytest.raises(NotCollectedError):
        tree.xattrs("/a")
    with pytest.raises(MissingError):
        tree.xattrs("/b")


def test_wrong_kinds() -> None:
    tree = made(entry("a", b"x"), entry("d", b"", FOLDER), entry("l", b"a", 0o120777))
    for call in (lambda: tree.pread("/d", 0, 1), lambda: tree.readlink("/a"), lambda: tree.pread("/l", 0, 1)):
        with pytest.raises(DamagedError):
            call()
    for path in ("/b", "/a/b", "/d/e"):
        with pytest.raises(MissingError):
            tree.lstat(path)
    with pytest.raises(MissingError):
        tree.names("/a")
    assert tree.pread("/a", 5, 5) == b""


@pytest.mark.parametrize("kind", ["none", *PACKERS])
def test_a_cut_archive_calls_nothing_missing(kind: str) -> None:
    whole = entry("etc", b"", FOLDER) + entry("etc/a", b"first") + entry("etc/b", noise(3, 300_000)) + TRAILER
    data = packed(whole, kind)
    tree = InitramfsTree(BytesDevice(entry("early", b"x") + TRAILER + data[: len(data) // 2]))
    assert tree.damage
    assert tree.notes[0].startswith("not read to its end")
    assert tree.read("/early") == b"x"
    for call in (lambda: tree.lstat("/etc/zzz"), lambda: tree.names("/")):
        with pytest.raises(DamagedError):
            call()
    assert list(tree.walk("/")) == [tree.lstat("/")]
    assert tree.unreadable


def test_a_damaged_device_calls_nothing_missing() -> None:
    device = BytesDevice(entry("a", b"x") + TRAILER)
    device.damaged = True
    tree = InitramfsTree(device)
    with pytest.raises(DamagedError):
        tree.lstat("/b")
    assert tree.read("/a") == b"x"


@pytest.mark.parametrize(
    ("junk", "reason"),
    [
        (b"junk behind the archive", "neither an archive"),
        (b"\0" + entry("late", b"x"), "no multiple of four"),
        (b"070701" + b"zz" * 60, "numbers"),
        (entry("a" * 20, b"")[:115], "does not end"),
        (b"070707000000", "neither an archive"),
        (entry("x", b"")[:60], "cut off"),
    ],
)
def test_where_the_kernel_stops_we_stop(junk: bytes, reason: str) -> None:
    tree = InitramfsTree(BytesDevice(entry("a", b"x") + TRAILER + junk))
    assert reason in (tree.damage or "")
    assert tree.read("/a") == b"x"


def test_what_is_no_initramfs() -> None:
    for data in (b"", bytes(5000), b"hello", b"\x1f\x8b\x08rubbish", entry("a", b"x" * 100)[:50]):
        with pytest.raises(DamagedError):
            InitramfsTree(BytesDevice(data))
    odc = b"070707" + b"0" * 70
    assert [one.kind for one in signatures.probe(odc)] == ["cpio-odc"]


def test_budgets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpio, "_MAX_ENTRIES", 3)
    tree = made(*(entry(f"f{number}", b"") for number in range(5)))
    assert "more than 3 entries" in (tree.damage or "")
    monkeypatch.setattr(cpio, "_MAX_ENTRIES", 100)
    monkeypatch.setattr(cpio, "_MAX_STEPS", 50)
    tree = made(entry("d", b"", FOLDER), *(entry("d/../" * 20 + "x", b"") for _ in range(5)))
    assert "folders gone through" in (tree.damage or "")
    deep = [entry("/".join(["d"] * (number + 1)), b"", FOLDER) for number in range(200)]
    monkeypatch.setattr(cpio, "_MAX_STEPS", 1 << 20)
    monkeypatch.setattr(cpio, "_MAX_ENTRIES", 1000)
    assert "deeper than" in (made(*deep).damage or "")


class Zeros(BlockDevice):
    """An archive, then zeros without end."""

    def __init__(self, data: bytes, size: int) -> None:
        self.name, self.size, self._data = "zeros", size, data

    def pread(self, offset: int, length: int) -> bytes:
        return self._data[offset : offset + length].ljust(min(length, self.size - offset), b"\0")


def test_a_terabyte_of_zeros() -> None:
    tree = InitramfsTree(Zeros(entry("a", b"x") + TRAILER, 1 << 40))
    assert "zeros" in (tree.damage or "")
    assert tree.read("/a") == b"x"


def test_an_absurd_size() -> None:
    head = bytearray(entry("a", b""))
    head[54:62] = b"FFFFFFFF"
    tree = InitramfsTree(BytesDevice(bytes(head) + TRAILER))
    assert "cut off" in (tree.damage or "")


@pytest.mark.parametrize("kind", ["gzip", "xz", "zstd", "bzip2"])
def test_a_bomb_is_a_limit(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from scanner.target.filesystems import _initramfs_streams as streams

    monkeypatch.setattr(streams, "MAX_UNPACKED", 20 * MIB)
    data = entry("early", b"x") + TRAILER + packed(bytes(64 * MIB), kind)
    with grows_less_than(128 * MIB):
        tree = InitramfsTree(BytesDevice(data))
    assert "unpacks to more than" in (tree.damage or "")
    assert tree.segments[1].size < 60 * MIB


def test_a_large_initramfs_is_not_in_memory(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    with open(tmp_path / "root/big", "wb") as stream:
        for number in range(64):
            stream.write(bytes([number]) * (1 << 20))
    image = tmp_path / "initrd"
    image.write_bytes(packed(archive(tmp_path / "root"), "gzip"))
    with grows_less_than(48 * MIB):
        tree = InitramfsTree(FileDevice(image))
        assert tree.pread("/big", 63 << 20, 100) == bytes([63]) * 100


def test_joined_parts_read_as_one() -> None:
    data = packed(entry("a", b"x") + TRAILER, "gzip").ljust(512, b"\0") + packed(entry("b", b"yy") + TRAILER, "xz")
    container = next(one for one in containers() if one.probe(data[:HEAD]))
    (inside,) = container.open(BytesDevice(data + b"junk"))
    assert isinstance(inside, Joined)
    assert inside.damaged
    whole = b""
    while len(whole) < inside.size:
        piece = inside.pread(len(whole), 37)
        assert piece
        whole += piece
    assert (inside.size % 4, inside.pread(inside.size, 4)) == (0, b"")
    tree = InitramfsTree(inside)
    assert (tree.read("/a"), tree.read("/b")) == (b"x", b"yy")
    assert tree.damage
    with pytest.raises(DamagedError):
        inside.pread(-1, 4)


@pytest.mark.parametrize("kind", ["none", *PACKERS])
def test_hostile_archives(small: bytes, kind: str) -> None:
    data = packed(small[: 200_000 if kind in ("lz4", "lzo") else len(small)], kind)
    spoil(InitramfsTree, data, spots=(range(min(len(data), 4000)),))
