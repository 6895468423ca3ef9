"""Tar streams by the tar tools read as those tools mean them; layers merge; what is cut off is damaged, not missing."""

import io
import os
import stat
import subprocess
import tarfile
from pathlib import Path

import pytest

from scanner.model.errors import DamagedError, LimitError, MissingError, NotCollectedError, PartialError, TargetError
from scanner.target import limits
from scanner.target.archives.layers import LayeredTree
from tests.tree_lab import BytesDevice, compare, exhaust, sample, spoil


def archive(*members: tuple[str, bytes | None], kind: int = tarfile.PAX_FORMAT) -> bytes:
    """A tar of files (bytes) and folders (None)."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=kind) as tar:
        for name, data in members:
            member = tarfile.TarInfo(name)
            member.type = tarfile.DIRTYPE if data is None else tarfile.REGTYPE
            member.size = len(data or b"")
            tar.addfile(member, io.BytesIO(data or b""))
    return out.getvalue()


def layered(*layers: bytes) -> LayeredTree:
    return LayeredTree([BytesDevice(layer) for layer in layers])


@pytest.mark.parametrize("form", ["posix", "gnu"])
def test_everything_a_tar_keeps(form: str, tmp_path: Path) -> None:
    root = sample(tmp_path / "tree", names=300, large=False)
    words = ["--xattrs", "--xattrs-include=*"] if form == "posix" else []
    command = ["tar", "-C", str(root), *words, f"--format={form}", "-cf", str(tmp_path / "tar"), "."]
    subprocess.run(command, check=True, capture_output=True)
    (root / "special/socket").unlink(missing_ok=True)
    os.utime(root / "special", (1, 1))
    tree = layered((tmp_path / "tar").read_bytes())
    seen = compare(tree, root, attribute=lambda name: form == "posix", times=False)
    assert seen > 300
    assert tree.notes == []


def test_a_sparse_file_is_not_collected_and_does_not_move_its_neighbours(tmp_path: Path) -> None:
    with (tmp_path / "a").open("wb") as stream:
        for at in range(0, 60 << 20, 1 << 20):
            stream.seek(at)
            stream.write(b"x" * 4096)
    (tmp_path / "b").write_text("after")
    for form in ("gnu", "posix"):
        made = subprocess.run(
            ["tar", "-C", str(tmp_path), "-S", f"--format={form}", "-c", "a", "b"], check=True, capture_output=True
        )
        tree = layered(made.stdout)
        assert tree.read("/b") == b"after"
        assert tree.lstat("/a").size == (59 << 20) + 4096
        with pytest.raises(NotCollectedError, match="sparse"):
            tree.read("/a", 100 << 20)


def test_layers() -> None:
    low = archive(("etc", None), ("etc/a", b"1"), ("etc/b", b"1"), ("opt/x/y", b"1"), ("var/z", b"1"))
    high = archive(("etc/.wh.a", b""), ("etc/c", b"2"), ("opt/x/.wh..wh..opq", b""), ("opt/x/new", b"2"), ("var", b"2"))
    tree = layered(low, high)
    assert sorted(tree.names("/etc")) == ["b", "c"]
    assert tree.names("/opt/x") == ["new"]
    assert tree.read("/var") == b"2"
    with pytest.raises(MissingError):
        tree.lstat("/etc/a")


def test_what_is_cut_off_is_damaged_and_what_was_read_stays() -> None:
    data = archive(("etc", None), ("etc/a", b"x" * 2000), ("etc/b", b"y"), ("usr", None))
    for end in range(0, len(data), 256):
        try:
            tree = layered(data[:end])
        except TargetError:
            assert end < 512
            continue
        whole = data[:end].rstrip(b"\0") == data.rstrip(b"\0") and len(data[:end]) >= 512 * 10
        if whole:
            continue
        with pytest.raises(DamagedError):
            tree.lstat("/usr/none")
        with pytest.raises(PartialError):
            tree.names("/")
        list(tree.walk("/"))
        assert tree.unreadable
    tree = layered(data[:4600])
    assert tree.lstat("/etc/b").size == 1
    assert [entry.path for entry in tree.walk("/")][:3] == ["/", "/etc", "/etc/a"]


def test_a_header_or_an_end_that_is_damaged() -> None:
    data = archive(("etc", None), ("etc/a", b"x"), ("etc/b", b"y"))
    for spoiled in (data[:512] + b"\1" + data[513:], data[:512] + bytes(512) + data[1024:]):
        tree = layered(spoiled)
        with pytest.raises(DamagedError):
            tree.lstat("/etc/b")
        assert "damaged or cut off" in tree.notes[0]


def test_a_hard_link_to_nothing_is_damaged() -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, target in (("etc/here", "etc/gone"), ("etc/up", "../../etc/passwd")):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = tarfile.LNKTYPE, target
            tar.addfile(member)
    tree = layered(out.getvalue())
    for path in ("/etc/here", "/etc/up"):
        with pytest.raises(DamagedError, match="hard link"):
            tree.lstat(path)
    assert stat.S_ISDIR(tree.lstat("/etc").mode)


def test_too_many_members(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_MEMBERS", 20)
    tree = layered(archive(*((f"f{number}", b"") for number in range(30))))
    assert tree.lstat("/f3").size == 0
    with pytest.raises(LimitError):
        tree.lstat("/none")
    list(tree.walk("/"))
    assert tree.unreadable[0][1].startswith("limit")


def test_spoiled(tmp_path: Path) -> None:
    root = sample(tmp_path / "tree", names=60, large=False)
    made = subprocess.run(["tar", "-C", str(root), "--format=posix", "-c", "."], check=True, capture_output=True)
    assert exhaust(lambda device: LayeredTree([device]), made.stdout) > 90
    spoil(lambda device: LayeredTree([device]), made.stdout)
