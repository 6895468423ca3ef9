"""block.devices on trees with devices beside them."""

from __future__ import annotations

from pathlib import Path

from scanner.model.errors import DeniedError
from scanner.model.fact import Fact
from scanner.target.base import BlockDevice
from tests.storage_lab import FileDevice, blank, facts_with, luks, reader, run
from tests.support import build, fact_of


def devices(root: Path, *found: BlockDevice, runtime: bool = False) -> Fact:
    return facts_with(root, ["block.devices"], found, runtime=runtime)["block.devices"]


def disk(folder: Path) -> Path:
    """A disk with ESP, an ext4 of generic type and a LUKS2 volume."""
    path = blank(folder / "disk", 64 << 20)
    words = ["-n", "1:2048:+4M", "-t", "1:ef00", "-n", "2:0:+8M", "-t", "2:8300", "-n", "3:0:+33M", "-t", "3:8304"]
    run("sgdisk", *words, str(path))
    plain = blank(folder / "plain", 8 << 20)
    run("mkfs.ext4", "-q", "-U", "12345678-1234-1234-1234-123456789abc", str(plain))
    volume = luks(folder / "luks")
    with path.open("r+b") as file:
        for start, part in ((5 << 20, plain), (13 << 20, volume)):
            file.seek(start)
            file.write(reader(part)(0, 32 << 20))
    return path


def test_partitions_of_a_disk(tmp_path: Path) -> None:
    path = disk(tmp_path)
    fact = devices(build(tmp_path / "root", {"x": None}), FileDevice("disk", path))
    assert fact.state == "present"
    assert fact.complete
    shown = {record["name"]: record for record in fact.value}
    assert sorted(shown) == ["disk", "disk:1", "disk:2", "disk:3"]
    assert (shown["disk"]["content"], shown["disk"]["size"]) == ("gpt", str(64 << 20))
    assert (shown["disk:2"]["content"], shown["disk:2"]["plain"]) == ("ext4", True)
    assert "role" not in shown["disk:2"], "nothing tells what it is for"
    assert (shown["disk:3"]["content"], shown["disk:3"]["role"], shown["disk:3"]["plain"]) == ("luks2", "root", False)


def test_fstab_tells_what_a_partition_is_for(tmp_path: Path) -> None:
    path = disk(tmp_path)
    root = build(tmp_path / "root", {"etc/fstab": "UUID=12345678-1234-1234-1234-123456789ABC /boot ext4 defaults\n"})
    shown = {record["name"]: record for record in devices(root, FileDevice("disk", path)).value}
    assert shown["disk:2"]["role"] == "boot"


def test_readable_root_without_fstab_makes_it_data(tmp_path: Path) -> None:
    path = disk(tmp_path)
    root = build(tmp_path / "root", {"etc/passwd": ""})
    shown = {record["name"]: record for record in devices(root, FileDevice("disk", path)).value}
    assert shown["disk:2"]["role"] == "data"


def test_partition_that_the_target_lists_is_not_added_again(tmp_path: Path) -> None:
    path = disk(tmp_path)
    part = tmp_path / "part"
    part.write_bytes(reader(path)(13 << 20, 33 << 20))
    fact = devices(build(tmp_path / "root", {"x": None}), FileDevice("disk", path), FileDevice("p3", part))
    shown = {record["name"]: record for record in fact.value}
    assert sorted(shown) == ["disk", "disk:1", "disk:2", "p3"]
    assert (shown["p3"]["type"], shown["p3"]["parent"], shown["p3"]["partition_type"]) == ("partition", "disk", "root")


def test_running_system_tells_by_mounts(tmp_path: Path) -> None:
    plain = blank(tmp_path / "plain", 8 << 20)
    run("mkfs.ext4", "-q", str(plain))
    files = {
        "proc/self/mountinfo": "27 1 8:1 / /boot rw - ext4 /dev/sda1 rw\n28 1 253:0 / / rw - ext4 /dev/mapper/r rw\n",
        "sys/class/block/sda1/dev": "8:1\n",
        "sys/class/block/sda1/partition": "1\n",
        "sys/class/block/dm-0/dev": "253:0\n",
        "sys/class/block/dm-0/dm/uuid": "CRYPT-LUKS2-0123-r\n",
        "sys/class/block/sda1/holders/x": None,
    }
    found = [FileDevice("sda1", plain), FileDevice("dm-0", plain)]
    fact = devices(build(tmp_path / "root", files), *found, runtime=True)
    shown = {record["name"]: record for record in fact.value}
    assert (shown["sda1"]["type"], shown["sda1"]["role"], shown["sda1"]["holders"]) == ("partition", "boot", ["x"])
    assert (shown["dm-0"]["type"], shown["dm-0"]["role"]) == ("crypt", "data")


class Denied(BlockDevice):
    """A device that the operating system refuses to read."""

    name, size = "sda", 1 << 20

    def pread(self, offset: int, length: int) -> bytes:
        raise DeniedError("permission denied: /dev/sda")


def test_what_is_not_recognised_is_not_called_encrypted(tmp_path: Path) -> None:
    unknown = tmp_path / "unknown"
    unknown.write_bytes(b"some other file system" * 8192)
    found = [FileDevice("a", unknown), FileDevice("b", blank(tmp_path / "blank", 1 << 20))]
    shown = {record["name"]: record for record in devices(build(tmp_path / "root", {"x": None}), *found).value}
    assert "plain" not in shown["a"]
    assert shown["b"]["plain"] is False


def test_device_that_cannot_be_read_is_a_gap(tmp_path: Path) -> None:
    fact = devices(build(tmp_path / "root", {"x": None}), Denied())
    assert fact.gaps == ("permission: /dev/sda",)
    assert "content" not in fact.value[0]


def test_table_that_points_outside_is_a_gap(tmp_path: Path) -> None:
    path = disk(tmp_path)
    with path.open("r+b") as file:
        file.truncate(32 << 20)
    fact = devices(build(tmp_path / "root", {"x": None}), FileDevice("disk", path))
    assert any("malformed" in gap for gap in fact.gaps)


def test_a_tree_has_no_devices(tmp_path: Path) -> None:
    assert fact_of(build(tmp_path / "root", {"etc/passwd": ""}), "block.devices").state == "not_collected"
