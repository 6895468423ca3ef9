"""Overlays against the rules of the kernel; fs-verity digests against `fsverity`; places that nobody can read."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from scanner.model.errors import DamagedError, MissingError, NotCollectedError
from scanner.target.fsverity import file_digest
from scanner.target.overlay import OverlayTree
from scanner.target.tree import DirectoryTree
from scanner.target.unknown import BareRoot, UnknownTree
from tests.support import build


def _trees(tmp_path: Path) -> tuple[Path, Path, Path]:
    return (
        build(tmp_path / "upper", {"a/new": "upper", "a/both": "upper", "file": "now a file", "dir/x": "now a folder"}),
        build(tmp_path / "middle", {"a/both": "middle", "a/middle": "m", "opaque/mine": "m", "gone/deep/x": "m"}),
        build(
            tmp_path / "lower", {"a/low": "l", "opaque/hidden": "l", "gone/deep/y": "l", "file/inner": "l", "dir": "l"}
        ),
    )


def test_layers_merge(tmp_path: Path) -> None:
    tree = OverlayTree([DirectoryTree(one) for one in _trees(tmp_path)])
    assert tree.listdir("/") == ["a", "dir", "file", "gone", "opaque"]
    assert tree.listdir("/a") == ["both", "low", "middle", "new"]
    assert tree.read("/a/both") == b"upper"
    assert tree.read("/file") == b"now a file"
    assert tree.listdir("/dir") == ["x"]
    assert tree.listdir("/gone/deep") == ["x", "y"]
    for path in ("/file/inner", "/nothing", "/a/nothing"):
        with pytest.raises(MissingError):
            tree.stat(path)


def _marked(tmp_path: Path) -> tuple[Path, Path, Path]:
    layers = _trees(tmp_path)
    try:
        os.mknod(layers[0] / "gone", 0o020644, 0)
        os.mknod(layers[0] / "a/low", 0o020644, 0)
        os.setxattr(layers[1] / "opaque", "trusted.overlay.opaque", b"y")
        os.setxattr(layers[0] / "a/new", "trusted.overlay.origin", b"1")
    except OSError:
        pytest.skip("device nodes and trusted attributes need root")
    return layers


def test_whiteouts_and_opaque_folders(tmp_path: Path) -> None:
    tree = OverlayTree([DirectoryTree(one) for one in _marked(tmp_path)])
    assert tree.listdir("/") == ["a", "dir", "file", "opaque"]
    assert tree.listdir("/a") == ["both", "middle", "new"]
    assert tree.listdir("/opaque") == ["mine"]
    assert tree.xattrs("/a/new") == {}
    with pytest.raises(MissingError):
        tree.stat("/gone/deep/x")


def test_the_kernel_agrees(tmp_path: Path) -> None:
    layers = _marked(tmp_path)
    for name in ("work", "mount"):
        (tmp_path / name).mkdir()
    options = f"lowerdir={layers[1]}:{layers[2]},upperdir={layers[0]},workdir={tmp_path}/work"
    done = subprocess.run(
        ["mount", "-t", "overlay", "overlay", "-o", options, tmp_path / "mount"], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip("an overlay cannot be mounted here")
    try:
        real = DirectoryTree(tmp_path / "mount")
        wanted = [(one.path, one.mode, one.size if one.type == "file" else 0) for one in real.walk()]
        real.close()
    finally:
        subprocess.run(["umount", tmp_path / "mount"], check=True)
    tree = OverlayTree([DirectoryTree(one) for one in layers])
    assert [(one.path, one.mode, one.size if one.type == "file" else 0) for one in tree.walk()] == wanted


@pytest.mark.parametrize("name", ["redirect", "metacopy"])
def test_what_is_not_supported_is_said(tmp_path: Path, name: str) -> None:
    layers = _trees(tmp_path)
    place = layers[0] / ("a" if name == "redirect" else "file")
    try:
        os.setxattr(place, f"trusted.overlay.{name}", b"/elsewhere")
    except OSError:
        pytest.skip("trusted attributes need root")
    tree = OverlayTree([DirectoryTree(one) for one in layers])
    with pytest.raises(NotCollectedError, match="unsupported"):
        tree.read("/a/both" if name == "redirect" else "/file")


def test_an_unreadable_layer_does_not_show_what_it_may_hide(tmp_path: Path) -> None:
    tree = OverlayTree([UnknownTree("encrypted"), DirectoryTree(_trees(tmp_path)[2])])
    with pytest.raises(NotCollectedError, match="encrypted"):
        tree.read("/a/low")


@pytest.mark.parametrize("size", [0, 1, 4095, 4096, 4097, 128 * 4096, 128 * 4096 + 1, 3_000_000])
@pytest.mark.parametrize(("number", "name"), [(1, "sha256"), (2, "sha512")])
def test_fsverity_digests(tmp_path: Path, size: int, number: int, name: str) -> None:
    tool = shutil.which("fsverity")
    if tool is None:
        pytest.skip("fsverity is not installed (Debian package fsverity)")
    file = tmp_path / "file"
    file.write_bytes(random.Random(size).randbytes(size))
    done = subprocess.run([tool, "digest", f"--hash-alg={name}", file], capture_output=True, text=True, check=True)
    assert f"{name}:{file_digest(DirectoryTree(tmp_path), '/file', number).hex()}" == done.stdout.split()[0]


def test_unknown_algorithm(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(DamagedError):
        file_digest(DirectoryTree(tmp_path), "/file", 3)


def test_places_that_nobody_can_read() -> None:
    tree = UnknownTree("it is encrypted")
    for ask in (tree.lstat, tree.readlink, tree.names, tree.xattrs, tree.stat, tree.listdir, tree.read):
        with pytest.raises(NotCollectedError, match="encrypted"):
            ask("/x")
    root = BareRoot("made at boot", {"bin": "usr/bin"})
    assert root.readlink("/bin") == "usr/bin"
    assert (root.lstat("/").type, root.lstat("/bin").type) == ("directory", "link")
    for path in ("/etc", "/bin/x"):
        with pytest.raises(NotCollectedError):
            root.lstat(path)
