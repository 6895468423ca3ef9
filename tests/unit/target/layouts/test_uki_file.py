"""A unified kernel image as the file of a release: its own command line is a fact, what it starts is not known."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from scanner.collectors.registry import collect
from scanner.model.errors import NotCollectedError, PartialError
from scanner.target.image import ImageTarget
from scanner.target.opening import open_path
from tests.support import Content, build
from tests.unit.target.layouts.disk_lab import SYSTEM, uki

_LINE = "root=LABEL=root lockdown=integrity"


def _initrd(tmp_path: Path, files: dict[str, Content]) -> bytes:
    if shutil.which("cpio") is None:
        pytest.skip("cpio is not installed (Debian package cpio)")
    tree = build(tmp_path / "initrd", {"init": "#!/bin/sh\n", **files})
    names = "\n".join(str(path.relative_to(tree)) for path in sorted(tree.rglob("*")))
    words = ["cpio", "--create", "--format=newc", "--quiet"]
    return subprocess.run(words, input=names.encode(), cwd=tree, capture_output=True, check=True).stdout


def _opened(tmp_path: Path, initrd: bytes) -> ImageTarget:
    path = tmp_path / "release-7.efi"
    path.write_bytes(uki(_LINE, initrd))
    target = open_path(path)
    assert isinstance(target, ImageTarget)
    return target


@pytest.mark.parametrize(
    ("files", "role"), [({"etc/initrd-release": "ID=x\n"}, "initrd"), (SYSTEM, "only"), (None, "initrd")]
)
def test_its_command_line_is_a_fact(tmp_path: Path, files: dict[str, Content] | None, role: str) -> None:
    target = _opened(tmp_path, b"" if files is None else _initrd(tmp_path, files))
    assert (target.layout_id, [one.role for one in target.slots]) == ("uki", [role])
    assert target.layout()["mounts"] == {"/efi": "disk"}
    fact = collect(target, ["kernel.cmdline.configured"])[0]["kernel.cmdline.configured"]
    assert fact.state == "present"
    assert [one["source"] for one in fact.value] == ["/efi/EFI/Linux/image.efi"]
    assert fact.value[0]["effective"]["lockdown"] == "integrity"
    # Other entries may stand beside it on the device: no rule passes on what is not shown.
    assert fact.gaps


def test_what_else_is_on_its_partition_is_not_known(tmp_path: Path) -> None:
    tree = _opened(tmp_path, _initrd(tmp_path, {"etc/initrd-release": "ID=x\n"})).tree
    assert tree.stat("/efi/EFI/Linux/image.efi").size == (tmp_path / "release-7.efi").stat().st_size
    assert tree.read("/efi/EFI/Linux/image.efi")[:2] == b"MZ"
    with pytest.raises(NotCollectedError, match="without its boot partition"):
        tree.stat("/efi/EFI/BOOT")
    with pytest.raises(PartialError) as listed:
        tree.listdir("/efi/EFI")
    assert listed.value.names == ["Linux"]
    for path in ("/efi/EFI", "/efi/EFI/Linux/image.efi"):
        with pytest.raises(NotCollectedError):
            tree.xattrs(path)
