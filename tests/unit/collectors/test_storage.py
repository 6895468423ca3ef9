"""storage.*, crypttab.entries and swap.*."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.storage_lab import FileDevice, blank, facts_with, luks, run
from tests.support import build, fact_of, facts_of

MOUNTS = "20 1 253:1 / / rw - xfs /dev/mapper/vg-root rw\n21 20 8:1 / /boot rw - ext4 /dev/sda1 rw\n"


def stack(*, crypt: str | None = "CRYPT-LUKS2-0123-luks\n", second: bool = False) -> dict[str, Any]:
    """LVM (dm-1) on an encrypted (dm-0) or bare sda3; with `second`, the volume group also lies on bare sdb."""
    files: dict[str, Any] = {
        "proc/self/mountinfo": MOUNTS,
        "sys/dev/block/253:1": ("link", "../../class/block/dm-1"),
        "sys/dev/block/8:1": ("link", "../../class/block/sda1"),
        "sys/class/block/sda1/partition": "1\n",
        "sys/class/block/sda3/partition": "3\n",
        "sys/class/block/dm-1/dm/uuid": "LVM-abc\n",
        "sys/class/block/dm-0/slaves/sda3": None,
        f"sys/class/block/dm-1/slaves/{'dm-0' if crypt else 'sda3'}": None,
        "dev/mapper/luks": ("link", "../dm-0"),
        "dev/mapper/vg-root": ("link", "../dm-1"),
    }
    if crypt:
        files["sys/class/block/dm-0/dm/uuid"] = crypt
    if second:
        files["sys/class/block/dm-1/slaves/sdb"] = None
        files["sys/class/block/sdb/size"] = "8\n"
    return files


@pytest.mark.parametrize(
    ("files", "encryption"),
    [
        (stack(), "luks2"),
        (stack(crypt="CRYPT-LUKS1-0-x\n"), "luks1"),
        (stack(crypt="CRYPT-PLAIN-x\n"), "plain"),
        (stack(crypt="CRYPT-VERITY-0-x\n"), "none"),
        (stack(crypt=None), "none"),
        (stack(second=True), "none"),
    ],
)
def test_root(tmp_path: Path, files: dict[str, Any], encryption: str) -> None:
    fact = fact_of(build(tmp_path, files), "storage.root", runtime=True)
    assert fact.state == "present", fact.reason
    assert (fact.value["encryption"], fact.value["encrypted"]) == (encryption, encryption != "none")


def test_root_layers_and_volumes(tmp_path: Path) -> None:
    facts = facts_of(build(tmp_path, stack()), ["storage.root", "storage.volumes"], runtime=True)
    root = facts["storage.root"].value
    assert (root["layers"], root["partitions"]) == (["dm-1", "dm-0 (luks2)", "sda3"], ["sda3"])
    shown = [(item["mount_point"], item["encrypted"]) for item in facts["storage.volumes"].value]
    assert shown == [("/", True), ("/boot", False)]


def test_composefs_root_is_found_by_sysroot(tmp_path: Path) -> None:
    files = stack()
    files["proc/self/mountinfo"] = (
        "20 1 0:30 / / ro - overlay composefs ro\n21 20 253:1 / /sysroot ro - xfs /dev/mapper/vg-root rw\n"
    )
    assert fact_of(build(tmp_path, files), "storage.root", runtime=True).value["mount_point"] == "/sysroot"


def test_btrfs_counts_all_its_devices(tmp_path: Path) -> None:
    files = stack()
    files["proc/self/mountinfo"] = "20 1 0:30 /root / rw - btrfs /dev/mapper/luks rw\n"
    files |= {"sys/fs/btrfs/uuid/devices/dm-0": None, "sys/fs/btrfs/uuid/devices/sda1": None}
    assert fact_of(build(tmp_path, files), "storage.root", runtime=True).value["encryption"] == "none"


def test_btrfs_of_unknown_devices_is_not_collected(tmp_path: Path) -> None:
    files = stack()
    files["proc/self/mountinfo"] = "20 1 0:30 /root / rw - btrfs /dev/mapper/luks rw\n"
    assert fact_of(build(tmp_path, files), "storage.root", runtime=True).state == "not_collected"


def test_root_in_memory_is_not_collected(tmp_path: Path) -> None:
    files = {"proc/self/mountinfo": "20 1 0:30 / / rw - tmpfs tmpfs rw\n"}
    assert fact_of(build(tmp_path, files), "storage.root", runtime=True).state == "not_collected"


def test_malformed_mounts_and_image(tmp_path: Path) -> None:
    root = build(tmp_path, {"proc/self/mountinfo": "x\n"})
    for name in ("storage.root", "storage.volumes", "swap.running"):
        assert fact_of(root, name).state == "not_collected"
    assert fact_of(root, "storage.root", runtime=True).state == "error"


# ---- the root volume on disk -----------------------------------------------------------------------------------------


def test_root_volume_of_an_image(tmp_path: Path) -> None:
    volume, plain = luks(tmp_path / "luks"), blank(tmp_path / "plain")
    run("mkfs.ext4", "-q", str(plain))
    empty = build(tmp_path / "empty", {"x": None})
    name = "storage.root_volume"
    only = facts_with(empty, [name], [FileDevice("a", volume)])[name]
    assert (only.value["encryption"], only.value["found_by"]) == ("luks2", "only volume")
    assert facts_with(empty, [name], [FileDevice("a", volume), FileDevice("b", plain)])[name].state == "not_collected"
    open_root = build(tmp_path / "open", {"etc/passwd": ""})
    found = facts_with(open_root, [name], [FileDevice("a", volume)])[name]
    assert (found.value["encryption"], found.value["found_by"]) == ("none", "readable without a key")
    assert fact_of(open_root, name).state == "not_collected"


def test_root_volume_of_a_running_system(tmp_path: Path) -> None:
    volume, plain = luks(tmp_path / "luks"), blank(tmp_path / "plain")
    root = build(tmp_path / "root", stack())
    name = "storage.root_volume"
    encrypted = facts_with(root, [name], [FileDevice("sda3", volume)], runtime=True)[name]
    assert (encrypted.value["encryption"], encrypted.value["devices"]) == ("luks2", ["sda3"])
    assert facts_with(root, [name], [FileDevice("sda3", plain)], runtime=True)[name].value["encryption"] == "none"
    assert facts_with(root, [name], [FileDevice("sdx", volume)], runtime=True)[name].state == "not_collected"


# ---- crypttab --------------------------------------------------------------------------------------------------------


def test_crypttab(tmp_path: Path) -> None:
    text = "root UUID=1 - tpm2-device=auto,discard\nswap /dev/sda2 /dev/urandom swap\nold /dev/b /k:UUID=2 header=/h\n"
    fact = fact_of(build(tmp_path, {"etc/crypttab": text}), "crypttab.entries")
    root, swap, old = fact.value
    assert (root["unlock"], root["key_file"], root["options"]) == (["tpm2"], None, ["discard", "tpm2-device"])
    assert (swap["unlock"], swap["kind"]) == (["random"], "swap")
    assert (old["unlock"], old["key_file"], old["header"]) == (["key_file"], "/k", "/h")


def test_crypttab_absent_and_malformed(tmp_path: Path) -> None:
    assert fact_of(build(tmp_path / "a", {"etc/passwd": ""}), "crypttab.entries").state == "absent"
    assert fact_of(build(tmp_path / "b", {"etc/crypttab": "x\n"}), "crypttab.entries").state == "error"


# ---- swap ------------------------------------------------------------------------------------------------------------


def test_swap_configured(tmp_path: Path) -> None:
    files = {
        "etc/fstab": "/dev/mapper/swap none swap sw\n/dev/mapper/vg-s none swap noauto\n/swapfile none swap sw\n",
        "etc/crypttab": "swap /dev/sda2 /dev/urandom swap\n",
        "etc/systemd/zram-generator.conf": "[zram0]\n",
    }
    fact = fact_of(build(tmp_path, files), "swap.configured")
    shown = [(item["device"], item["enabled"], item.get("protection", "not looked at")) for item in fact.value]
    assert shown == [
        ("/dev/mapper/swap", True, "encrypted"),
        ("/dev/mapper/vg-s", False, "not looked at"),
        ("/dev/zram0", True, "memory"),
        ("/swapfile", True, "not looked at"),
    ]


def test_swap_partition_by_uuid(tmp_path: Path) -> None:
    path = blank(tmp_path / "swap", 16 << 20)
    path.chmod(0o600)
    uuid = "12345678-1234-1234-1234-123456789abc"
    run("mkswap", "-q", "-U", uuid, str(path))
    root = build(tmp_path / "root", {"etc/fstab": f"UUID={uuid} none swap sw\n"})
    fact = facts_with(root, ["swap.configured"], [FileDevice("p2", path)])["swap.configured"]
    assert fact.value[0]["protection"] == "none"


def test_no_swap_and_malformed(tmp_path: Path) -> None:
    assert fact_of(build(tmp_path / "a", {"etc/fstab": "/dev/a / xfs\n"}), "swap.configured").value == []
    assert fact_of(build(tmp_path / "b", {"etc/fstab": "a b\n"}), "swap.configured").state == "error"


HEAD = "Filename\t\t\t\tType\t\tSize\tUsed\tPriority\n"


def test_swap_running(tmp_path: Path) -> None:
    lines = (
        "/dev/dm-0 partition 1 0 -2\n/dev/sda1 partition 1 0 -3\n/dev/zram0 partition 1 0 100\n/swapfile file 1 0 -4\n"
    )
    files = stack() | {"proc/swaps": HEAD + lines, "sys/block/zram0/backing_dev": "none\n"}
    fact = fact_of(build(tmp_path, files), "swap.running", runtime=True)
    assert [(item["device"], item["protection"]) for item in fact.value] == [
        ("/dev/dm-0", "encrypted"),
        ("/dev/sda1", "none"),
        ("/dev/zram0", "memory"),
        ("/swapfile", "encrypted"),
    ]


def test_zram_that_writes_to_a_bare_device(tmp_path: Path) -> None:
    files = stack() | {
        "proc/swaps": HEAD + "/dev/zram0 partition 1 0 100\n",
        "sys/block/zram0/backing_dev": "/dev/sda1\n",
    }
    assert fact_of(build(tmp_path, files), "swap.running", runtime=True).value[0]["protection"] == "none"


def test_swap_running_absent_empty_malformed(tmp_path: Path) -> None:
    assert fact_of(build(tmp_path / "a", {"proc/x": ""}), "swap.running", runtime=True).state == "absent"
    assert fact_of(build(tmp_path / "b", {"proc/swaps": HEAD}), "swap.running", runtime=True).value == []
    assert (
        fact_of(build(tmp_path / "c", {"proc/swaps": HEAD + "/dev/sda1\n"}), "swap.running", runtime=True).state
        == "error"
    )
