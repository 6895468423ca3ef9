"""ostree deployments, made by the real `ostree admin`; composefs images with real EROFS."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from scanner.model.errors import NotCollectedError
from tests.support import build
from tests.unit.target.layouts.disk_lab import MIB, Spec, disk, erofs, ext4, need, opened, run, vfat

_TREE = {
    "usr/lib/os-release": "ID=demo\nVERSION_ID=1\n",
    "usr/lib/modules/6.1/vmlinuz": "kernel",
    "usr/lib/modules/6.1/initramfs.img": "initramfs",
    "usr/bin/sh": "#!",
    "usr/etc/conf": "from the vendor\n",
    "bin": ("link", "usr/bin"),
    "home": ("link", "var/home"),
}


@pytest.fixture(scope="module")
def sysroot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A sysroot with two deployments, the second one newer. As root, ostree would make them immutable for rm as well."""
    need("ostree")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OSTREE_SYSROOT_DEBUG", "mutable-deployments")
        yield _sysroot(tmp_path_factory)


def _sysroot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ostree")
    top, tree = folder / "sysroot", build(folder / "tree", _TREE)
    top.mkdir()
    run("ostree", "admin", "init-fs", top)
    run("ostree", "admin", "os-init", f"--sysroot={top}", "demo")
    for version in ("1", "2"):
        (tree / "usr/lib/os-release").write_text(f"ID=demo\nVERSION_ID={version}\n")
        run("ostree", "commit", f"--repo={top}/ostree/repo", "--branch=demo", f"--tree=dir={tree}", "--owner-uid=0",
            "--owner-gid=0")  # fmt: skip
        run("ostree", "admin", "deploy", f"--sysroot={top}", "--os=demo", "demo", "--karg=root=LABEL=root")
        deployment = run("ostree", "admin", f"--sysroot={top}", "status").split()[1]
        (top / "ostree/deploy/demo/deploy" / deployment / "etc/conf").write_text(f"local of {version}\n")
    (top / "ostree/deploy/demo/var/log/boot.log").write_text("shared\n")
    return top


def _copy(sysroot: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "sysroot"
    shutil.copytree(sysroot, copy, symlinks=True)
    return copy


def _deployments(top: Path) -> list[Path]:
    """Newest first, as ostree lists them."""
    names = re.findall(r"demo ([0-9a-f]{64}\.\d+)", run("ostree", "admin", f"--sysroot={top}", "status"))
    return [top / "ostree/deploy/demo/deploy" / name for name in names]


def test_the_first_entry_is_what_boots(sysroot: Path, tmp_path: Path) -> None:
    image = tmp_path / "disk.img"
    image.write_bytes(ext4(tmp_path, sysroot, size="24M"))
    newer, older = _deployments(sysroot)
    target = opened(image)
    assert target.layout_id == "ostree"
    assert [slot.role for slot in target.slots] == ["active", "rollback"]
    assert [slot.name[:12] for slot in target.slots] == [newer.name[:12], older.name[:12]]
    assert "the first boot entry names it (/boot/loader/entries/" in target.slots[0].why
    assert target.tree.read("/etc/conf") == b"local of 2\n"
    assert target.tree.read("/var/log/boot.log") == b"shared\n"
    assert target.tree.read("/boot/loader/entries/ostree-1-demo.conf").startswith(b"title")
    assert target.tree.listdir("/sysroot/ostree/deploy") == ["demo"]
    other = opened(image, "rollback")
    assert other.tree.read("/usr/lib/os-release") == b"ID=demo\nVERSION_ID=1\n"
    assert other.tree.read("/etc/conf") == b"local of 1\n"


def test_entries_on_a_boot_partition(sysroot: Path, tmp_path: Path) -> None:
    top = _copy(sysroot, tmp_path)
    boot = tmp_path / "boot"
    shutil.move(top / "boot", boot)
    (top / "boot").mkdir()
    path = disk(tmp_path / "disk.img", [
        Spec(vfat(tmp_path, {"EFI/BOOT/BOOTX64.EFI": b"MZ"}), "EFI", "ef00"),
        Spec(ext4(tmp_path, boot), "boot"),
        Spec(ext4(tmp_path, top, size="24M"), "root", "8304"),
    ])  # fmt: skip
    target = opened(path)
    assert target.slots[0].role == "active"
    assert "/loader/entries/ostree-2-demo.conf on disk2" in target.slots[0].why
    layout = target.layout()["mounts"]
    assert isinstance(layout, dict)
    assert {"/boot": "disk2", "/sysroot": "disk3", "/var": "disk3"}.items() <= layout.items()
    assert target.tree.listdir("/boot/loader/entries") == ["ostree-1-demo.conf", "ostree-2-demo.conf"]


def test_without_entries_nothing_is_claimed(sysroot: Path, tmp_path: Path) -> None:
    top = _copy(sysroot, tmp_path)
    shutil.rmtree(top / "boot")
    image = tmp_path / "disk.img"
    image.write_bytes(ext4(tmp_path, top, size="24M"))
    slots = opened(image).slots
    assert [slot.role for slot in slots] == ["active", "other"]
    assert slots[0].why.startswith("no boot entry names any deployment; the first by name")


def test_a_deployment_that_no_entry_names(sysroot: Path, tmp_path: Path) -> None:
    top = _copy(sysroot, tmp_path)
    (top / "boot/loader/entries/ostree-1-demo.conf").unlink()
    image = tmp_path / "disk.img"
    image.write_bytes(ext4(tmp_path, top, size="24M"))
    assert [(slot.role, slot.why) for slot in opened(image).slots[1:]] == [("other", "no boot entry names it")]


def test_a_hotfix_lies_over_usr(sysroot: Path, tmp_path: Path) -> None:
    top = _copy(sysroot, tmp_path)
    newer = _deployments(sysroot)[0].relative_to(sysroot)
    build(top / newer, {".usr-ovl-work": None, ".usr-ovl-upper/bin/sh": "patched", ".usr-ovl-upper/bin/new": "n"})
    image = tmp_path / "disk.img"
    image.write_bytes(ext4(tmp_path, top, size="24M"))
    target = opened(image)
    assert target.tree.read("/usr/bin/sh") == b"patched"
    assert target.tree.listdir("/bin") == ["new", "sh"]
    assert target.tree.read("/usr/lib/os-release").endswith(b"VERSION_ID=2\n")
    assert "hotfix" in target.slot.why


# ---- composefs -----------------------------------------------------------------------------------------------------


def _composefs(top: Path, deployment: Path, tmp_path: Path, enabled: str = "yes") -> None:
    """Make the deployment one of composefs: its image shows another os-release than the checkout."""
    content = b"ID=demo\nVERSION_ID=composefs\n" + b"#" * 100
    source = tmp_path / "object"
    source.write_bytes(content)
    objects = top / "ostree/repo/objects/ab"
    objects.mkdir(exist_ok=True)
    (objects / "cdef.file").write_bytes(content)
    digest = bytes.fromhex(run("fsverity", "digest", source).split()[0].partition(":")[2])
    tree = build(tmp_path / "image", {**_TREE, "usr/lib/os-release": None, "etc": None, "var": None})
    (tree / "usr/lib/os-release").rmdir()
    release = tree / "usr/lib/os-release"
    with release.open("wb") as file:
        file.truncate(len(content))
    os.mknod(tree / "00", 0o020644, 0)
    build(deployment, {"usr/lib/ostree/prepare-root.conf": f"[composefs]\nenabled={enabled}\n"})
    for name, value in (("redirect", b"/ab/cdef.file"), ("metacopy", b"\0\x24\0\1" + digest)):
        os.setxattr(release, f"trusted.overlay.{name}", value)
    os.setxattr(tree / "usr/bin/sh", "trusted.overlay.overlay.opaque", b"y")
    os.setxattr(tree, "trusted.overlay.opaque", b"y")
    (deployment / ".ostree.cfs").write_bytes(erofs(tmp_path, tree))


def _needs_root(tmp_path: Path) -> None:
    need("fsverity")
    try:
        os.setxattr(tmp_path, "trusted.probe", b"1")
    except OSError:
        pytest.skip("trusted attributes and device nodes need root")


@pytest.fixture
def composed(sysroot: Path, tmp_path: Path) -> tuple[Path, Path]:
    """A sysroot whose newer deployment is one of composefs, and that deployment."""
    _needs_root(tmp_path)
    top = _copy(sysroot, tmp_path)
    deployment = top / _deployments(sysroot)[0].relative_to(sysroot)
    _composefs(top, deployment, tmp_path)
    return top, deployment


def _image_of(top: Path, tmp_path: Path) -> Path:
    image = tmp_path / "disk.img"
    image.write_bytes(ext4(tmp_path, top, size="24M"))
    return image


def test_composefs_is_the_root(composed: tuple[Path, Path], tmp_path: Path) -> None:
    target = opened(_image_of(composed[0], tmp_path))
    assert target.slot.why.endswith("its root is a composefs image")
    assert target.tree.read("/usr/lib/os-release").startswith(b"ID=demo\nVERSION_ID=composefs\n")
    assert target.tree.read("/etc/conf") == b"local of 2\n"
    assert "00" not in target.tree.listdir("/")
    assert target.tree.xattrs("/usr/bin/sh") == {"trusted.overlay.opaque": b"y"}
    assert target.tree.xattrs("/usr/lib/os-release") == {}
    from scanner.target.composefs import ComposefsTree

    assert isinstance(target.slot.tree, ComposefsTree)


@pytest.mark.parametrize("damage", ["missing", "short", "link"])
def test_objects_that_do_not_fit_are_damaged(composed: tuple[Path, Path], tmp_path: Path, damage: str) -> None:
    from scanner.model.errors import DamagedError

    top, _ = composed
    file = top / "ostree/repo/objects/ab/cdef.file"
    content = file.read_bytes()
    file.unlink()
    if damage == "short":
        file.write_bytes(content[:-1])
    elif damage == "link":
        file.symlink_to("/etc/passwd")
    target = opened(_image_of(top, tmp_path))
    with pytest.raises(DamagedError):
        target.tree.read("/usr/lib/os-release")
    assert target.tree.read("/etc/conf") == b"local of 2\n"


@pytest.mark.parametrize("target", ["/../../etc/conf", "ab/cdef.file", "/", "/ab//cdef.file"])
def test_redirects_that_leave_the_store(composed: tuple[Path, Path], tmp_path: Path, target: str) -> None:
    from scanner.model.errors import DamagedError

    top, deployment = composed
    os.setxattr(tmp_path / "image/usr/lib/os-release", "trusted.overlay.redirect", target.encode())
    (deployment / ".ostree.cfs").write_bytes(erofs(tmp_path, tmp_path / "image"))
    with pytest.raises(DamagedError):
        opened(_image_of(top, tmp_path)).tree.read("/usr/lib/os-release")


@pytest.mark.parametrize("content", [None, b"", b"no file system at all"])
def test_an_image_that_is_asked_for_and_useless(
    composed: tuple[Path, Path], tmp_path: Path, content: bytes | None
) -> None:
    top, deployment = composed
    (deployment / ".ostree.cfs").unlink()
    if content is not None:
        (deployment / ".ostree.cfs").write_bytes(content)
    target = opened(_image_of(top, tmp_path))
    assert "composefs is asked for (yes) and its image cannot be used" in target.slot.why
    with pytest.raises(NotCollectedError):
        target.tree.read("/usr/lib/os-release")
    assert opened(tmp_path / "disk.img", "rollback").tree.read("/etc/conf") == b"local of 1\n"


@pytest.mark.parametrize(
    ("enabled", "version"), [("no", b"2"), ("signed", b"composefs"), ("verity", b"composefs"), ("maybe", b"composefs")]
)
def test_what_prepare_root_says(sysroot: Path, tmp_path: Path, enabled: str, version: bytes) -> None:
    _needs_root(tmp_path)
    top = _copy(sysroot, tmp_path)
    _composefs(top, top / _deployments(sysroot)[0].relative_to(sysroot), tmp_path, enabled)
    release = opened(_image_of(top, tmp_path)).tree.read("/usr/lib/os-release")
    assert b"VERSION_ID=" + version in release


@pytest.mark.parametrize("text", ["[composefs]\nenabled=perhaps\n", "[composefs\nenabled=no\n", "enabled=no\n"])
def test_a_configuration_that_nobody_understands(sysroot: Path, tmp_path: Path, text: str) -> None:
    top = _copy(sysroot, tmp_path)
    deployment = top / _deployments(sysroot)[0].relative_to(sysroot)
    build(deployment, {"usr/lib/ostree/prepare-root.conf": text})
    target = opened(_image_of(top, tmp_path))
    with pytest.raises(NotCollectedError):
        target.tree.read("/usr/lib/os-release")


@pytest.mark.parametrize(
    "options",
    [
        "ostree=/ostree/boot.0/../../etc",
        "ostree=/etc",
        "ostree=",
        "ostree=/ostree/boot.1/demo/" + "a" * 64 + "/0",
        "x" * 99999,
    ],
)
def test_absurd_entries(sysroot: Path, tmp_path: Path, options: str) -> None:
    top = _copy(sysroot, tmp_path)
    for file in (top / "boot/loader/entries").iterdir():
        file.write_text(f"title x\noptions {options}\n")
    slots = opened(_image_of(top, tmp_path)).slots
    assert slots[0].why.startswith("no boot entry names any deployment")


def test_links_that_lead_in_circles(tmp_path: Path) -> None:
    image = tmp_path / "disk.img"
    image.write_bytes(ext4(tmp_path, {
        "ostree/deploy/a/deploy": ("link", "deploy"), "ostree/deploy/b": ("link", "../deploy/b"),
        "ostree/deploy/c/deploy": ("link", "/../../.."), "usr/lib/os-release": "ID=x\n", "etc": None, "boot/loader": ("link", "loader"),
    }))  # fmt: skip
    target = opened(image)
    assert target.layout_id == "plain"
    assert target.tree.read("/usr/lib/os-release") == b"ID=x\n"
    assert len(image.read_bytes()) == 8 * MIB


def test_the_other_composefs_backend_is_named(tmp_path: Path) -> None:
    one, two = "a" * 128, "b" * 128
    image = tmp_path / "disk.img"
    image.write_bytes(ext4(tmp_path, {
        "composefs/objects/aa/b": "x", f"state/deploy/{one}/etc/hostname": "x", f"state/deploy/{two}/etc/hostname": "y",
        "boot/loader/entries/x.conf": f"title x\noptions composefs={two} rw\n",
    }))  # fmt: skip
    target = opened(image)
    assert target.layout_id == "bootc-composefs"
    assert [(slot.name, slot.role) for slot in target.slots] == [(two[:12], "active"), (one[:12], "other")]
    with pytest.raises(NotCollectedError, match="unsupported"):
        target.tree.read("/etc/hostname")
