"""What a boot loader starts, and in which order."""

from __future__ import annotations

from pathlib import Path

import pytest

from scanner.target.contents import Part
from scanner.target.loader import Choice, argument, choices
from scanner.target.tree import DirectoryTree
from tests.support import Content, build
from tests.unit.target.filesystems.ext_lab import Memory
from tests.unit.target.layouts.disk_lab import uki


def _choices(tmp_path: Path, *trees: dict[str, Content]) -> list[Choice]:
    parts = []
    for number, files in enumerate(trees, 1):
        part = Part(f"disk{number}", "vfat", Memory(b""))
        part.tree = DirectoryTree(build(tmp_path / str(number), {".": None, **files}))
        parts.append(part)
    return choices(parts)


def _entry(**keys: str) -> str:
    return "".join(f"{key.replace('_', '-')} {value}\n" for key, value in keys.items())


def test_the_order_of_the_specification(tmp_path: Path) -> None:
    entries: dict[str, Content] = {
        "loader/entries/a.conf": _entry(version="1.9", options="a"), "loader/entries/b.conf": _entry(version="1.10", options="b"),
        "loader/entries/c.conf": _entry(sort_key="z", version="1", options="c"), "loader/entries/d.conf": _entry(sort_key="y", options="d"),
        "loader/entries/e+0-3.conf": _entry(sort_key="a", options="e"), "loader/entries/f+2.conf": _entry(sort_key="z", version="2", options="f"),
        "loader/entries/.hidden": "", "loader/entries/readme.txt": "options x\n",
    }  # fmt: skip
    assert [one.id for one in _choices(tmp_path, entries)] == ["d", "f", "c", "b", "a", "e"]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("loader/loader.conf", "timeout 3\ndefault A*\n"), ("loader/loader.conf", "default a.conf\n"),
        ("grub2/grubenv", "# GRUB Environment Block\nsaved_entry=a\n"), ("grub2/grubenv", "# GRUB Environment Block\nsaved_entry=b\nnext_entry=a\n"),
    ],
)  # fmt: skip
def test_a_default_comes_first(tmp_path: Path, path: str, text: str) -> None:
    entries: dict[str, Content] = {
        "loader/entries/a.conf": _entry(version="1"),
        "loader/entries/b.conf": _entry(version="2"),
        path: text,
    }
    assert [one.id for one in _choices(tmp_path, entries)] == ["a", "b"]


def test_unified_kernel_images(tmp_path: Path) -> None:
    found = _choices(tmp_path, {
        "EFI/Linux/one_1.efi": uki("root=a\0", release="ID=x\nIMAGE_VERSION=1\n"), "EFI/Linux/two+1.EFI": uki("root=b", release="ID=x\nVERSION_ID=2\n"),
        "EFI/Linux/broken.efi": b"MZ nonsense", "EFI/kairos/active.efi": uki("root=c"),
        "loader/entries/x.conf": _entry(sort_key="a", uki="/EFI/kairos/active.efi"), "loader/entries/y.conf": _entry(sort_key="a", efi="/gone.efi"),
    })  # fmt: skip
    assert [(one.id, one.options, one.tries_left) for one in found] == [
        ("y", None, None), ("x", "root=c", None), ("two", "root=b", 1), ("one_1", "root=a", None), ("broken", None, None),
    ]  # fmt: skip


def test_other_loaders_count_where_there_are_no_entries(tmp_path: Path) -> None:
    script = "set root_arg=LABEL=a\nmenuentry 'one' {\n linux /k root=$root_arg quiet\n}\nmenuentry 'two' { linux /k root=b\n}\n"
    label = "default second\nlabel first\n append root=c\nlabel second\n append root=d\n"
    found = _choices(
        tmp_path, {"boot/grub/grub.cfg": script}, {"extlinux/extlinux.conf": label, "cmdline.txt": "root=e rw\nx\n"}
    )
    assert [one.options for one in found] == ["root=LABEL=a quiet", "root=b", "root=d", "root=c", "root=e rw"]
    with_entries = _choices(
        tmp_path / "b", {"boot/grub/grub.cfg": script, "loader/entries/x.conf": _entry(options="root=x")}
    )
    assert [one.options for one in with_entries] == ["root=x"]


def test_arguments() -> None:
    assert argument("root=a quiet root=b -- root=c", "root") == "b"
    assert argument("mount.usr=x rd-y=z", "rd_y") == "z"
    assert argument("quiet", "quiet") is None
    assert argument("x" * 100_000, "root") is None


@pytest.mark.parametrize(
    "text", ["", "\0", "options", "\n" * 100_000, "options " + "a" * 200_000, "uki ../../../../etc/passwd\n"]
)
def test_absurd_files(tmp_path: Path, text: str) -> None:
    files: dict[str, Content] = {
        "loader/entries/x.conf": text, "loader/loader.conf": text, "grub/grub.cfg": text, "grub/grubenv": text, "cmdline.txt": text,
        "EFI/Linux/x.efi": text.encode(), "extlinux/extlinux.conf": text, "loader/entries/y.conf": ("link", "y.conf"),
    }  # fmt: skip
    for one in _choices(tmp_path, files):
        assert one.part.name == "disk1"
        assert one.where.endswith("on disk1")
