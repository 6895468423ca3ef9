"""One real root tree, packed by the real tools: every packing gives the facts of the plain directory.

Facts about block devices are left out: a directory has none. Where a packing cannot hold something (ISO without
attributes), exactly that is not collected.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from scanner.cli import pipeline
from scanner.collectors.take import take
from scanner.engine import content
from scanner.model.snapshot import Snapshot
from scanner.target.opening import open_path
from tests.e2e.test_live_equals_tree import NEEDS_DEVICES

pytestmark = pytest.mark.xdist_group("debian")


def _run(*command: str, cwd: Path | None = None) -> None:
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed: make test installs it")
    done = subprocess.run(command, capture_output=True, timeout=600, cwd=cwd)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stdout.decode()[-500:]}{done.stderr.decode()[-500:]}"


def _ext4(tree: Path, out: Path) -> Path:
    _run("mke2fs", "-q", "-t", "ext4", "-d", str(tree), str(out / "image"), "700M")
    return out / "image"


def _btrfs(tree: Path, out: Path) -> Path:
    with (out / "image").open("wb") as stream:
        stream.truncate(1 << 30)
    _run("mkfs.btrfs", "-q", "--rootdir", str(tree), str(out / "image"))
    return out / "image"


def _xfs(tree: Path, out: Path) -> Path:
    """mkfs.xfs of Debian 12 takes no attributes from a folder: the kernel writes them, where it may mount."""
    with (out / "image").open("wb") as stream:
        stream.truncate(1 << 30)
    _run("mkfs.xfs", "-q", str(out / "image"))
    (out / "mnt").mkdir()
    if subprocess.run(["mount", "-o", "loop", out / "image", out / "mnt"], capture_output=True).returncode != 0:
        pytest.skip("no file system can be mounted here")
    try:
        _run("cp", "-a", f"{tree}/.", str(out / "mnt"))
    finally:
        _run("umount", str(out / "mnt"))
    return out / "image"


def _iso(tree: Path, out: Path) -> Path:
    _run("xorriso", "-as", "mkisofs", "-quiet", "-R", "-o", str(out / "image"), str(tree))
    return out / "image"


def _squashfs(compressor: str) -> Callable[[Path, Path], Path]:
    def pack(tree: Path, out: Path) -> Path:
        _run("mksquashfs", str(tree), str(out / "image"), "-quiet", "-no-progress", "-comp", compressor)
        return out / "image"

    return pack


def _erofs(*options: str) -> Callable[[Path, Path], Path]:
    def pack(tree: Path, out: Path) -> Path:
        _run("mkfs.erofs", *options, str(out / "image"), str(tree))
        return out / "image"

    return pack


def _tar(tree: Path, out: Path) -> Path:
    _run("tar", "-C", str(tree), "--xattrs", "--xattrs-include=*", "--format=pax", "-cf", str(out / "image"), ".")
    return out / "image"


def _tar_gz(tree: Path, out: Path) -> Path:
    _run("gzip", "-1", str(_tar(tree, out)))
    return out / "image.gz"


def _disk(tree: Path, out: Path) -> Path:
    """A GPT disk: an EFI system partition and an ext4 root."""
    root = _ext4(tree, out)
    size = root.stat().st_size
    disk = out / "disk"
    with disk.open("wb") as stream:
        stream.truncate(size + (80 << 20))
    esp, kind = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b", "4f68bce3-e8cd-4db1-96e7-fbcaf984b709"
    sectors = size // 512
    _run(
        "sgdisk", "-n", "1:2048:+64M", "-t", f"1:{esp}", "-n", f"2:135168:+{sectors - 1}", "-t", f"2:{kind}", str(disk)
    )
    _run("dd", f"if={root}", f"of={disk}", "bs=1M", "seek=66", "conv=notrunc,sparse", "status=none")
    root.unlink()
    return disk


def _qcow2(tree: Path, out: Path) -> Path:
    _run("qemu-img", "convert", "-c", "-O", "qcow2", str(_disk(tree, out)), str(out / "disk.qcow2"))
    return out / "disk.qcow2"


def _vmdk(tree: Path, out: Path) -> Path:
    options = ("-O", "vmdk", "-o", "subformat=streamOptimized")
    _run("qemu-img", "convert", *options, str(_disk(tree, out)), str(out / "disk.vmdk"))
    return out / "disk.vmdk"


def _disk_zstd(tree: Path, out: Path) -> Path:
    _run("zstd", "-q", "--rm", str(_disk(tree, out)))
    return out / "disk.zst"


def _oci(tree: Path, out: Path) -> Path:
    layout = out / "oci"
    _run("umoci", "init", "--layout", str(layout))
    _run("umoci", "new", "--image", f"{layout}:x")
    _run("umoci", "insert", "--image", f"{layout}:x", str(tree), "/")
    return layout


def _docker(tree: Path, out: Path) -> Path:
    _run("skopeo", "copy", "-q", f"oci:{_oci(tree, out)}:x", f"docker-archive:{out}/docker.tar")
    return out / "docker.tar"


PACKINGS: dict[str, Callable[[Path, Path], Path]] = {
    "ext4": _ext4,
    "xfs": _xfs,
    "btrfs": _btrfs,
    "squashfs zstd": _squashfs("zstd"),
    "erofs": _erofs(),
    "erofs lz4hc": _erofs("-zlz4hc"),
    "tar.gz": _tar_gz,
    "GPT disk": _disk,
    "qcow2 of a GPT disk": _qcow2,
    "VMDK of a GPT disk": _vmdk,
    "GPT disk, zstd": _disk_zstd,
}
LOSING: dict[str, tuple[Callable[[Path, Path], Path], set[str]]] = {
    "ISO 9660 with Rock Ridge": (_iso, {"selinux", "acl"}),
    "OCI layout, in a docker archive": (_docker, {"selinux"}),
}
"""Packings that keep owners and modes, but no extended attributes, or no labels: the fields that are missing then."""


@cache
def _facts(path: Path) -> Snapshot:
    target = open_path(path)
    try:
        return take(target, pipeline.every_fact(content.load()))
    finally:
        target.close()


@pytest.mark.parametrize("packing", PACKINGS)
def test_every_packing_gives_the_same_facts(packing: str, debian: Path, tmp_path: Path) -> None:
    plain = _facts(debian)
    packed = _facts.__wrapped__(PACKINGS[packing](debian, tmp_path))
    shutil.rmtree(tmp_path, ignore_errors=True)
    assert packed.target["kind"] in ("image", "archive")
    assert packed.target["identity"] == plain.target["identity"]
    assert set(packed.facts) == set(plain.facts)
    different = [name for name in plain.facts if name not in NEEDS_DEVICES and packed.facts[name] != plain.facts[name]]
    assert different == []
    assert sum(fact.state == "present" for fact in packed.facts.values()) > 100


@pytest.mark.parametrize("packing", LOSING)
def test_what_a_packing_loses_is_not_collected_and_nothing_else(packing: str, debian: Path, tmp_path: Path) -> None:
    pack, lost = LOSING[packing]
    plain = _facts(debian)
    packed = _facts.__wrapped__(pack(debian, tmp_path))
    shutil.rmtree(tmp_path, ignore_errors=True)
    for name, fact in plain.facts.items():
        other = packed.facts[name]
        if name in NEEDS_DEVICES or other == fact:
            continue
        if other.state == "not_collected":
            assert "attributes" in str(other.reason) or "labels" in str(other.reason), name
            continue
        assert other.state == fact.state, name
        assert _without(other.value, lost) == _without(fact.value, lost), name


def _without(value: object, keys: set[str]) -> object:
    if isinstance(value, dict):
        return {key: _without(one, keys) for key, one in value.items() if key not in keys}
    return [_without(one, keys) for one in value] if isinstance(value, list) else value
