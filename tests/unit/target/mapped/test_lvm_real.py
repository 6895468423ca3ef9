"""Volume groups made by the real LVM2 on loop devices (root), and what facts say of systems on them."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from scanner.collectors.registry import collect
from scanner.model.errors import NotCollectedError
from scanner.model.fact import Fact
from scanner.parsers import lvm_label
from scanner.target.image import ImageTarget
from scanner.target.opening import open_path
from tests.lvm_lab import (
    DATA,
    EXTENT,
    Memory,
    linear,
    logical,
    metadata,
    named,
    parts_of,
    physical,
    put,
    real_lvm,
    volume,
)
from tests.storage_lab import blank, luks, run
from tests.support import build
from tests.unit.target.mapped import luks_lab

MIB = 1 << 20


def facts(image: Path, *names: str, keys: tuple[bytes, ...] = ()) -> dict[str, Fact]:
    """Facts of an image."""
    target = open_path(image, keys=keys)
    try:
        return collect(target, names)[0]
    finally:
        target.close()


# ---- the real tools --------------------------------------------------------------------------------------------------


def system_disk(folder: Path) -> Path:
    """ESP, /boot and a physical volume with root, swap and home, made by the real tools."""
    files = {
        "etc/os-release": "ID=lab\n",
        "etc/fstab": "/dev/mapper/my--vg-root / ext4 defaults 0 0\n/dev/my-vg/home /home ext4 defaults 0 0\n"
        "/dev/mapper/my--vg-swap none swap sw 0 0\nUUID=11111111-1111-1111-1111-111111111111 /boot ext4 defaults 0 0\n",
        "usr": None,
        "bin": None,
        "home": None,
    }
    images = {}
    for name, tree, size in (
        ("root", build(folder / "root", files), 16),
        ("home", build(folder / "home", {"hello": "from home\n"}), 8),
        ("boot", build(folder / "boot", {"vmlinuz": "kernel\n"}), 8),
    ):
        image = folder / f"{name}.ext4"
        own = ["-U", "11111111-1111-1111-1111-111111111111"] if name == "boot" else []
        run("mkfs.ext4", "-q", *own, "-d", str(tree), str(image), f"{size}M")
        images[name] = image.read_bytes()
    swap = blank(folder / "swap", 4 * MIB)
    run("mkswap", "-q", str(swap))
    images["swap"] = swap.read_bytes()
    path = blank(folder / "disk", 64 * MIB)
    words = ["-n", "1:2048:+8M", "-t", "1:ef00", "-n", "2:0:+8M", "-t", "2:8300", "-n", "3:0:0", "-t", "3:8e00"]
    run("sgdisk", *words, str(path))
    put(path, 9 * MIB, images["boot"])
    start = 17 * MIB
    with real_lvm(folder / "lvm", (path, start, 46 * MIB)) as lvm:
        lvm("pvcreate", lvm.devices[0])
        lvm("vgcreate", "-s", "1M", "my-vg", lvm.devices[0])
        place = start + MIB
        for name, size in (("root", 16), ("swap", 4), ("home", 8)):
            lvm.create("my-vg", name, "-L", f"{size}M")
            put(path, place, images[name])
            place += size * MIB
    return path


def test_a_system_on_logical_volumes(tmp_path: Path) -> None:
    path = system_disk(tmp_path)
    target = open_path(path)
    try:
        assert isinstance(target, ImageTarget)
        assert target.slot.part.name == "my-vg/root"
        assert sorted(target.mounts) == ["/boot", "/home"]
        assert target.tree.read("/home/hello") == b"from home\n"
        assert target.tree.read("/boot/vmlinuz") == b"kernel\n"
        assert [device.name for device in target.devices()] == ["disk", "my-vg/root", "my-vg/swap", "my-vg/home"]
        shown = {part["name"]: part for part in target.layout()["parts"]}  # type: ignore[attr-defined]
        assert (shown["disk3"]["kind"], shown["disk3"]["state"], shown["disk3"]["notes"]) == ("lvm2", "read", [])
    finally:
        target.close()
    found = facts(path, "block.devices", "swap.configured", "storage.root_volume", "luks.volumes")
    assert all(fact.complete for fact in found.values())
    devices = {one["name"]: one for one in found["block.devices"].value}
    assert (devices["disk:3"]["plain"], devices["disk:3"]["role"]) == (True, "data")
    assert {name: one["type"] for name, one in devices.items() if "/" in name} == {
        "my-vg/home": "lvm",
        "my-vg/root": "lvm",
        "my-vg/swap": "lvm",
    }
    (swap,) = found["swap.configured"].value
    assert (swap["device"], swap["protection"]) == ("/dev/mapper/my--vg-swap", "none")
    assert found["storage.root_volume"].value["encryption"] == "none"
    assert found["luks.volumes"].value == []


def test_the_newest_text_of_a_ring_that_wraps(tmp_path: Path) -> None:
    path = blank(tmp_path / "pv", 8 * MIB)
    with real_lvm(tmp_path / "lvm", (path, 0, 8 * MIB)) as lvm:
        lvm("pvcreate", "--metadatasize", "32k", "--dataalignment", "64k", lvm.devices[0])
        lvm("vgcreate", "-s", "64k", "vg", lvm.devices[0])
        lvm.create("vg", "one", "-L", "1M")
        for number in range(60):
            lvm("lvchange", "--addtag", f"{number}_{'x' * 90}", "vg/one")
            raw = path.read_bytes()
            if wraps(raw):
                break
    assert wraps(raw), "the ring never wrapped"
    label = lvm_label.read_label(Memory(raw).pread)
    (copy,) = lvm_label.copies(Memory(raw).pread, label)
    assert copy.text is not None, copy.problem
    assert f'"{number}_xxx' in copy.text
    assert logical(parts_of(raw)) == ["vg/one"]


def wraps(raw: bytes) -> bool:
    """Whether the newest text of the first metadata area goes on at its beginning."""
    size, offset, length = (int.from_bytes(raw[4096 + at : 4096 + at + 8], "little") for at in (32, 40, 48))
    return offset + length > size


def test_two_physical_volumes_with_stripes(tmp_path: Path) -> None:
    paths = [blank(tmp_path / name, 24 * MIB) for name in ("a", "b")]
    with real_lvm(tmp_path / "lvm", *((path, 0, 24 * MIB) for path in paths)) as lvm:
        for device in lvm.devices:
            lvm("pvcreate", device)
        lvm("vgcreate", "-s", "1M", "vg", *lvm.devices)
        lvm.create("vg", "striped", "-i", "2", "-I", "64k", "-L", "8M")
        lvm.create("vg", "long", "-l", "30")
        lvm.create("vg", "zeros", "--type", "zero", "-L", "1M")
        lvm.create("vg", "errors", "--type", "error", "-L", "1M")
        shown = lvm("lvs", "--noheadings", "--separator", " ", "-o", "lv_name,seg_start_pe,seg_pe_ranges", "vg")
    content = random.Random(5).randbytes(8 * MIB)
    for number in range(8 * MIB // 65536):
        piece = content[number * 65536 : (number + 1) * 65536]
        put(paths[number % 2], DATA + number // 2 * 65536, piece)
    for path in paths:
        put(path, 20 * MIB, path.name.encode() * 100)
    disk = parts_of(*(path.read_bytes() for path in paths))
    striped = named(disk, "vg/striped").device
    assert striped.size == 8 * MIB
    assert b"".join(striped.pread(place, 3 * MIB) for place in range(0, 8 * MIB, 3 * MIB)) == content
    assert striped.pread(65536 - 3, 7) == content[65533:65540]
    assert striped.pread(8 * MIB - 2, 100) == content[-2:]
    long = named(disk, "vg/long").device
    assert long.size == 30 * MIB, shown
    # 4 extents of each volume are striped, 19 of the first remain: the last of them begins at 23 MiB of a.
    assert long.pread(15 * MIB, 3) == b"aaa"
    for name, kind in (("zeros", "zero"), ("errors", "error")):
        part = named(disk, f"vg/{name}")
        assert (part.state, part.notes) == ("unsupported", [f"unsupported: lvm {kind}"])
        with pytest.raises(NotCollectedError, match=f"unsupported: lvm {kind}"):
            part.device.pread(0, 1)


def test_the_tools_take_what_the_lab_makes(tmp_path: Path) -> None:
    """The physical volumes that other tests write by hand are ones that LVM itself accepts."""
    path = tmp_path / "pv"
    text = metadata({"one": volume(linear("pv0", 2, 3))})
    path.write_bytes(physical([text, text]))
    with real_lvm(tmp_path / "lvm", (path, 0, path.stat().st_size)) as lvm:
        shown = lvm("lvs", "--noheadings", "--units", "m", "-o", "lv_full_name,lv_size,devices", "vg").split()
        lvm("vgck", "vg")
    assert shown[:2] == ["vg/one", "3.00m"]
    assert shown[2].endswith("(2)")


# ---- encryption ------------------------------------------------------------------------------------------------------


def test_luks_inside_a_logical_volume(tmp_path: Path) -> None:
    locked = luks(tmp_path / "luks").read_bytes()
    text = metadata({"secret": volume(linear("pv0", 0, 32)), "swap": volume(linear("pv0", 32, 1))}, extents=34)
    raw = physical([text], extents=34)
    raw[DATA : DATA + len(locked)] = locked
    swap = blank(tmp_path / "swap", EXTENT)
    run("mkswap", "-q", str(swap))
    root = root_image(tmp_path, "/dev/vg/swap none swap sw 0 0\n")
    path = gpt(tmp_path / "disk", root, raw)
    found = facts(path, "luks.volumes", "block.devices", "swap.configured")
    assert [one["device"] for one in found["luks.volumes"].value] == ["vg/secret"]
    assert found["luks.volumes"].complete
    devices = {one["name"]: one for one in found["block.devices"].value}
    assert "plain" not in devices["vg/swap"] or devices["vg/swap"]["plain"] is False, "the swap volume is blank"
    assert devices["disk:2"]["plain"] is False, "everything on it is encrypted or blank"
    put(path, 5 * MIB + DATA + 32 * EXTENT, swap.read_bytes())
    found = facts(path, "block.devices", "swap.configured")
    devices = {one["name"]: one for one in found["block.devices"].value}
    assert devices["disk:2"]["plain"] is True, "swap lies on it in plain"
    assert [one["protection"] for one in found["swap.configured"].value] == ["none"]


def test_a_volume_that_cannot_be_read_leaves_everything_open(tmp_path: Path) -> None:
    thin = 'start_extent = 0\nextent_count = 4\ntype = "thin"\nthin_pool = "pool"\ntransaction_id = 0\ndevice_id = 1\n'
    text = metadata({"data": volume(thin), "one": volume(linear("pv0", 0, 1))})
    path = gpt(tmp_path / "disk", root_image(tmp_path, ""), physical([text]))
    found = facts(path, "luks.volumes", "block.devices")
    assert not found["luks.volumes"].complete
    assert any("lvm thin" in gap for gap in found["luks.volumes"].gaps)
    devices = {one["name"]: one for one in found["block.devices"].value}
    assert "plain" not in devices["vg/data"]


def root_image(folder: Path, fstab: str) -> bytes:
    """An ext4 root of 4 MiB."""
    tree = build(folder / "tree", {"etc/os-release": "ID=lab\n", "etc/fstab": fstab, "usr": None, "bin": None})
    run("mkfs.ext4", "-q", "-d", str(tree), str(folder / "root.ext4"), "4M")
    return (folder / "root.ext4").read_bytes()


def gpt(path: Path, root: bytes, volume: bytes | bytearray) -> Path:
    """A disk with a root of 4 MiB at 1 MiB and a physical volume at 5 MiB."""
    size = -(-len(volume) // MIB)
    blank(path, (6 + size) * MIB)
    words = ["-n", "1:2048:+4M", "-t", "1:8300", "-n", f"2:10240:+{size}M", "-t", "2:8e00"]
    run("sgdisk", *words, str(path))
    put(path, MIB, root)
    put(path, 5 * MIB, volume)
    return path


def test_a_group_inside_encryption_is_read_with_the_key(tmp_path: Path) -> None:
    """The usual installation: one LUKS partition, in it a group with root and swap."""
    root = root_image(tmp_path, "/dev/mapper/vg-root / ext4 defaults 0 0\n/dev/mapper/vg-swap none swap sw 0 0\n")
    swap = blank(tmp_path / "swap", EXTENT)
    run("mkswap", "-q", str(swap))
    text = metadata({"root": volume(linear("pv0", 0, 4)), "swap": volume(linear("pv0", 4, 1))}, extents=6)
    inner = physical([text], extents=6)
    inner[DATA : DATA + len(root)] = root
    inner[DATA + 4 * EXTENT : DATA + 5 * EXTENT] = swap.read_bytes()
    locked = luks_lab.volume(tmp_path / "luks", bytes(inner)).read_bytes()
    path = gpt(tmp_path / "disk", bytes(MIB), locked)
    names = ("block.devices", "swap.configured", "storage.root_volume", "luks.volumes")
    found = facts(path, *names, keys=(luks_lab.KEY,))
    assert all(fact.complete for fact in found.values())
    assert [one["protection"] for one in found["swap.configured"].value] == ["encrypted"]
    record = found["storage.root_volume"].value
    assert (record["devices"], record["encryption"], record["found_by"]) == (["disk:2"], "luks2", "opened with a key")
    devices = {one["name"]: one for one in found["block.devices"].value}
    assert (devices["disk:2"]["plain"], devices["disk2-luks"]["type"]) == (False, "crypt")
    assert devices["vg/root"]["type"] == "lvm"
    sealed = open_path(path)
    assert sealed.layout()["layout"] == "sealed"
    sealed.close()
