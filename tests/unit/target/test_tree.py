"""Look-ups stay inside the root and agree with the kernel's own RESOLVE_IN_ROOT."""

import ctypes
import os
import struct
from pathlib import Path

import pytest

from scanner.model.errors import DamagedError, DeniedError, LimitError, MissingError, TargetError
from scanner.target import limits
from scanner.target.tree import DirectoryTree, TreeTarget
from tests.support import build

_OPENAT2 = 437
_RESOLVE_IN_ROOT = 0x10


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return build(
        tmp_path / "root",
        {
            "etc/a": "inside",
            "etc/abs": ("link", "/etc/a"),
            "etc/up": ("link", "../../../../../etc/a"),
            "etc/out": ("link", "/../../etc/passwd"),
            "etc/chain": ("link", "abs"),
            "etc/ring": ("link", "ring"),
            "etc/dangling": ("link", "/nowhere"),
            "etc/folder": ("link", "/usr"),
            "usr/lib/b": "lib",
            "lib": ("link", "usr/lib"),
            "etc/slash": ("link", "/"),
            "etc/dots": ("link", "./.././etc/./a"),
        },
    )


PATHS = [
    "/etc/a", "etc/a", "//etc//a", "/etc/abs", "/etc/up", "/etc/chain", "/etc/ring", "/etc/dangling", "/etc/folder/lib/b",
    "/lib/b", "/etc/slash/etc/a", "/etc/dots", "/../../etc/a", "/etc/../etc/a", "/etc/a/..", "/etc/a/x", "/lib/../etc/a",
    "/etc/folder/../etc/a", "/nothing", "/etc/nothing/..",
]  # fmt: skip


def _kernel(root: Path, path: str) -> str | None:
    """What openat2(RESOLVE_IN_ROOT) opens, as text, or None; skipped where the kernel or sandbox has no openat2."""
    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    how = struct.pack("QQQ", os.O_RDONLY, 0, _RESOLVE_IN_ROOT)
    libc = ctypes.CDLL(None, use_errno=True)
    try:
        opened = libc.syscall(_OPENAT2, folder, path.encode(), how, len(how))
        if opened < 0:
            if ctypes.get_errno() in (38, 1):
                pytest.skip("this kernel or sandbox has no openat2")
            return None
        try:
            return os.read(opened, 100).decode()
        except IsADirectoryError:
            return None
        finally:
            os.close(opened)
    finally:
        os.close(folder)


@pytest.mark.parametrize("path", PATHS)
def test_look_up_agrees_with_the_kernel(root: Path, path: str) -> None:
    tree = DirectoryTree(root)
    try:
        try:
            ours: str | None = tree.read(path).decode()
        except TargetError:
            ours = None
    finally:
        tree.close()
    assert ours == _kernel(root, path)


def test_forty_links_and_no_more(tmp_path: Path) -> None:
    files = {f"l{number}": ("link", f"l{number + 1}") for number in range(limits.MAX_LINKS)}
    tree = DirectoryTree(build(tmp_path, {**files, f"l{limits.MAX_LINKS}": "end"}))
    assert tree.read("/l0") == b"end"
    os.symlink("l0", tmp_path / "more")
    with pytest.raises(DamagedError):
        tree.read("/more")
    tree.close()


def test_only_regular_files_are_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "dir").mkdir()
    tree = DirectoryTree(tmp_path)
    for name in ("/pipe", "/dir"):
        with pytest.raises(DamagedError):
            tree.read(name)
    tree.close()


def test_a_file_longer_than_its_limit(tmp_path: Path) -> None:
    tree = DirectoryTree(build(tmp_path, {"big": "x" * 1000}))
    assert len(tree.read("/big", 1000)) == 1000
    with pytest.raises(LimitError):
        tree.read("/big", 999)
    tree.close()


def test_many_directories_do_not_use_up_descriptors(tmp_path: Path) -> None:
    root = build(tmp_path, {f"d{number}/e/f": str(number) for number in range(300)})
    before = len(os.listdir("/proc/self/fd"))
    tree = DirectoryTree(root)
    for number in range(300):
        assert tree.read(f"/d{number}/e/f") == str(number).encode()
    assert len(os.listdir("/proc/self/fd")) - before < 100
    tree.close()
    assert len(os.listdir("/proc/self/fd")) <= before


def test_the_walk_is_whole_ordered_and_does_not_follow_links(root: Path) -> None:
    tree = DirectoryTree(root)
    found = [entry.path for entry in tree.walk("/")]
    assert found[0] == "/"
    assert found == sorted(found, key=lambda path: path.split("/"))
    assert len(found) == len(set(found)) == sum(len(names) + len(files) for _, names, files in os.walk(root)) + 1
    assert "/etc/folder/lib" not in found
    assert [entry.path for entry in tree.walk("/", skip=["/etc"])].count("/etc/a") == 0
    tree.close()


def test_what_may_not_be_read_is_said(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        child = os.fork()
        if child == 0:
            os.setuid(65534)
            os._exit(_denied(tmp_path))
        build(tmp_path, {})
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 0
    else:
        assert _denied(tmp_path) == 0


def _denied(folder: Path) -> int:
    """0 when a tree with closed parts gives DeniedError for exactly those."""
    import tempfile

    with tempfile.TemporaryDirectory(prefix="assay-denied-") as name:
        root = build(Path(name), {"closed/file": "x", "secret": "y", "open": "z"})
        (root / "closed").chmod(0)
        (root / "secret").chmod(0)
        tree = DirectoryTree(root)
        outcomes = []
        for path in ("/closed/file", "/secret", "/open"):
            try:
                tree.read(path)
                outcomes.append("read")
            except DeniedError:
                outcomes.append("denied")
        walked = [entry.path for entry in tree.walk("/")]
        ok = (
            outcomes == ["denied", "denied", "read"]
            and tree.unreadable == [("/closed", "permission")]
            and "/open" in walked
        )
        (root / "closed").chmod(0o700)
        tree.close()
        return 0 if ok else 1


def test_names_that_are_no_text_come_back_as_they_are(tmp_path: Path) -> None:
    with open(os.fsencode(tmp_path) + b"/\xff\xfe", "wb") as stream:
        stream.write(b"x")
    tree = DirectoryTree(tmp_path)
    (name,) = tree.listdir("/")
    assert name.encode("utf-8", "surrogateescape") == b"\xff\xfe"
    assert tree.read(f"/{name}") == b"x"
    tree.close()


def test_xattrs_of_files_and_links(tmp_path: Path) -> None:
    build(tmp_path, {"a": "x", "l": ("link", "a")})
    try:
        os.setxattr(tmp_path / "a", "user.assay", b"1")
    except OSError:
        pytest.skip("this file system holds no user attributes")
    tree = DirectoryTree(tmp_path)
    assert tree.xattrs("/a")["user.assay"] == b"1"
    assert "user.assay" not in tree.xattrs("/l")
    tree.close()


def test_missing_is_missing(tmp_path: Path) -> None:
    tree = DirectoryTree(tmp_path)
    for path in ("/x", "/x/y", "/a\0b"):
        with pytest.raises(MissingError):
            tree.read(path)
    tree.close()


def test_runtime_needs_proc_or_sys(tmp_path: Path) -> None:
    from scanner.model.errors import InputError

    with pytest.raises(InputError, match="neither"):
        TreeTarget(tmp_path, runtime=True)
