"""One small real system, packed by the real tools in every kind an image can be: what the hostile tests then spoil.

A new kind is one function and one line in `MAKERS`.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fixtures.targets import velaos
from fixtures.targets.tree import Files, Folder, Link, write
from tests import lvm_lab
from tests.unit.target.filesystems import btrfs_lab, xfs_lab
from tests.unit.target.filesystems.ext_lab import mke2fs, need

__all__ = ["MAKERS", "Maker", "filler", "sow"]

_ESP = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"
_ROOT = "4f68bce3-e8cd-4db1-96e7-fbcaf984b709"
_FILLER = b"content of a file, which no checksum covers in most file systems. "


def filler(length: int) -> bytes:
    """File content that a spoiler can tell from metadata."""
    return (_FILLER * (length // len(_FILLER) + 1))[:length]


def sow(root: Path) -> Path:
    """The tree: a device configured in every place, directories of more than one block, links, files of many blocks."""
    files: Files = dict(velaos.hardened().files)
    files |= {f"usr/share/many/entry-{number:04}-{'x' * (number % 19)}": f"{number}" for number in range(400)}
    files |= {f"usr/lib/bulk-{size}": filler(size).decode() for size in (5_000, 70_000, 300_000)}
    files |= {"usr/share/link-short": Link("../lib/bulk-5000"), "usr/share/link-long": Link("y" * 120), "srv": Folder()}
    files |= {"efi": Folder(), "etc/sysctl.d/99-last.conf": "kernel.dmesg_restrict = 1\n", "bin/true": "x"}
    # What a running system has is no part of an image, deployments would be the roots themselves, and a protofile
    # cannot say a name with a blank.
    left_out = ("proc", "sys", "run", "dev", "ostree", "sysroot")
    kept = {name: node for name, node in files.items() if name.split("/")[0] not in left_out}
    root.mkdir()
    return write(root, {name: node for name, node in kept.items() if " " not in name and len(name) < 200})


def _run(*words: str | Path, cwd: Path | None = None) -> None:
    done = subprocess.run([*map(str, words)], capture_output=True, timeout=120, cwd=cwd)
    assert done.returncode == 0, f"{words}: {done.stdout.decode()[-500:]}{done.stderr.decode()[-500:]}"


def _ext4(tree: Path, out: Path) -> Path:
    return mke2fs(out / "image", tree, "-t", "ext4", "-O", "metadata_csum", "-E", "hash_seed=" + "1" * 8 + "-1111" * 3 + "-" + "1" * 12, size="12M")  # fmt: skip


def _ext2(tree: Path, out: Path) -> Path:
    return mke2fs(out / "image", tree, "-t", "ext2", "-b", "1024", size="8M")


def _xfs(tree: Path, out: Path) -> Path:
    return xfs_lab.mkfs(out / "image", size="16M", tree=tree)


def _btrfs(tree: Path, out: Path) -> Path:
    btrfs_lab.mkfs(out / "image", "--mixed", "-m", "single", tree=tree, size=16 << 20)
    return out / "image"


def _squashfs(tree: Path, out: Path, *options: str) -> Path:
    _run(need("mksquashfs", "squashfs-tools"), tree, out / "image", "-quiet", "-no-progress", *options)
    return out / "image"


def _erofs(tree: Path, out: Path, *options: str) -> Path:
    _run(need("mkfs.erofs", "erofs-utils"), *options, out / "image", tree)
    return out / "image"


def _iso(tree: Path, out: Path) -> Path:
    _run(need("xorriso", "xorriso"), "-as", "mkisofs", "-quiet", "-R", "-o", out / "image", tree)
    return out / "image"


def _fat(tree: Path, out: Path, *, size: str = "8M", name: str = "image") -> Path:
    with (out / name).open("wb") as stream:
        stream.truncate(int(size.removesuffix("M")) << 20)
    _run(need("mkfs.vfat", "dosfstools"), "-i", "12345678", out / name)
    plain = [path for path in sorted(tree.iterdir()) if path.is_dir() and path.name in ("etc", "usr", "bin", "boot")]
    for path in plain:
        # Links and names that FAT cannot hold are left out.
        subprocess.run(
            [need("mcopy", "mtools"), "-Q", "-n", "-s", "-o", "-i", out / name, path, "::"],
            capture_output=True,
            timeout=60,
            stdin=subprocess.DEVNULL,
        )
    return out / name


def _disk(tree: Path, out: Path) -> Path:
    """A GPT disk: an EFI system partition and an ext4 root."""
    root = _ext4(tree, out).rename(out / "root")
    esp = out / "esp"
    with esp.open("wb") as stream:
        stream.truncate(1 << 20)
    _run(need("mkfs.vfat", "dosfstools"), "-i", "12345678", esp)
    _run(need("mmd", "mtools"), "-i", esp, "::EFI", "::EFI/BOOT")
    (out / "BOOTX64.EFI").write_bytes(b"MZ" + bytes(2000))
    _run(need("mcopy", "mtools"), "-i", esp, out / "BOOTX64.EFI", "::EFI/BOOT/")
    disk = out / "image"
    with disk.open("wb") as stream:
        stream.truncate(15 << 20)
    sgdisk = need("sgdisk", "gdisk")
    _run(sgdisk, "-n", "1:2048:4095", "-t", f"1:{_ESP}", "-n", f"2:4096:+{12 << 11}", "-t", f"2:{_ROOT}", disk)
    with disk.open("r+b") as stream:
        for at, part in ((1 << 20, esp), (2 << 20, root)):
            stream.seek(at)
            stream.write(part.read_bytes())
    for path in (root, esp, out / "BOOTX64.EFI"):
        path.unlink()
    return disk


def _converted(kind: str, *options: str) -> Callable[[Path, Path], Path]:
    def convert(tree: Path, out: Path) -> Path:
        raw = _disk(tree, out).rename(out / "raw")
        _run(need("qemu-img", "qemu-utils"), "convert", *options, "-O", kind, raw, out / "image")
        raw.unlink()
        return out / "image"

    return convert


def _initramfs(tree: Path, out: Path) -> Path:
    """The tree as an archive that a kernel unpacks: a whole system in its initramfs."""
    names = sorted(str(path.relative_to(tree)) for path in tree.rglob("*"))
    with (out / "image").open("wb") as stream:
        subprocess.run(
            [need("cpio", "cpio"), "-o", "-H", "newc", "--quiet"],
            input="\n".join(names).encode(), stdout=stream, cwd=tree, timeout=120, check=True,
        )  # fmt: skip
    return out / "image"


def _volume_group(tree: Path, out: Path) -> Path:
    """One physical volume of LVM2 with the root as its only logical volume."""
    root = _ext4(tree, out).rename(out / "root").read_bytes()
    (out / "root").unlink()
    count = -(-len(root) // lvm_lab.EXTENT)
    text = lvm_lab.metadata({"root": lvm_lab.volume(lvm_lab.linear("pv0", 0, count))}, extents=count + 1)
    whole = lvm_lab.physical([text], extents=count + 1)
    whole[lvm_lab.DATA : lvm_lab.DATA + len(root)] = root
    (out / "image").write_bytes(whole)
    return out / "image"


def _packed(*command: str, package: str) -> Callable[[Path, Path], Path]:
    def pack(tree: Path, out: Path) -> Path:
        raw = _disk(tree, out)
        packed = subprocess.run([need(command[0], package), *command[1:], "-c", raw], capture_output=True, check=True)
        raw.write_bytes(packed.stdout)
        return raw

    return pack


def _tar(tree: Path, out: Path) -> Path:
    _run("tar", "-C", tree, "--sort=name", "--owner=0", "--group=0", "--format=pax", "-cf", out / "image", ".")
    return out / "image"


def _tar_gz(tree: Path, out: Path) -> Path:
    plain = _tar(tree, out)
    _run("gzip", "-n", plain)
    return (out / "image.gz").rename(out / "image")


def _oci_layout(tree: Path, out: Path) -> Path:
    umoci, layout = need("umoci", "umoci"), out / "oci"
    _run(umoci, "init", "--layout", layout)
    _run(umoci, "new", "--image", f"{layout}:x")
    _run(umoci, "insert", "--rootless", "--image", f"{layout}:x", tree, "/")
    return layout


def _oci(tree: Path, out: Path) -> Path:
    """An OCI archive: a tar of the layout."""
    layout = _oci_layout(tree, out)
    _run("tar", "-C", layout, "-cf", out / "image", ".")
    shutil.rmtree(layout)
    return out / "image"


def _docker(tree: Path, out: Path) -> Path:
    layout = _oci_layout(tree, out)
    _run(need("skopeo", "skopeo"), "copy", "-q", f"oci:{layout}:x", f"docker-archive:{out}/image")
    shutil.rmtree(layout)
    return out / "image"


@dataclass(frozen=True, slots=True)
class Maker:
    """`make` packs a tree into one file in a folder.

    `sealed`: checksums cover every name and attribute, so a changed bit may hide nothing; `sealed_content`: content
    as well; `rare`: a variant of another kind, left to the long run.
    """

    make: Callable[[Path, Path], Path]
    sealed: bool = False
    sealed_content: bool = False
    rare: bool = False


MAKERS: dict[str, Maker] = {
    "ext4": Maker(_ext4, sealed=True),
    "ext2": Maker(_ext2, rare=True),
    "xfs": Maker(_xfs, sealed=True),
    "btrfs": Maker(_btrfs, sealed=True, sealed_content=True),
    "squashfs-gzip": Maker(_squashfs),
    "squashfs-zstd": Maker(lambda tree, out: _squashfs(tree, out, "-comp", "zstd"), rare=True),
    "squashfs-plain": Maker(lambda tree, out: _squashfs(tree, out, "-noI", "-noD", "-noF", "-noX")),
    "erofs": Maker(_erofs, rare=True),
    "erofs-lz4": Maker(lambda tree, out: _erofs(tree, out, "-zlz4hc")),
    "iso": Maker(_iso),
    "fat": Maker(_fat),
    "disk": Maker(_disk),
    "qcow2": Maker(_converted("qcow2")),
    "qcow2-packed": Maker(_converted("qcow2", "-c"), rare=True),
    "vmdk": Maker(_converted("vmdk")),
    "vmdk-stream": Maker(_converted("vmdk", "-o", "subformat=streamOptimized"), rare=True),
    "vhd": Maker(_converted("vpc"), rare=True),
    "vhdx": Maker(_converted("vhdx", "-o", "block_size=1M")),
    "lvm2": Maker(_volume_group),
    "initramfs": Maker(_initramfs),
    "disk-gzip": Maker(_packed("gzip", "-n", package="gzip"), sealed=True, sealed_content=True, rare=True),
    "disk-xz": Maker(_packed("xz", "-1", package="xz-utils"), sealed=True, sealed_content=True),
    "disk-zstd": Maker(_packed("zstd", "-q", "--check", package="zstd"), sealed=True, sealed_content=True),
    "tar": Maker(_tar),
    "tar-gzip": Maker(_tar_gz, sealed=True, sealed_content=True),
    "oci-archive": Maker(_oci),
    "docker-archive": Maker(_docker),
}
