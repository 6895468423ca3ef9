"""mounts.configured and mounts.running."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from scanner.collectors.mounts import mount_unit_name
from scanner.model.fact import Json
from tests.storage_lab import run
from tests.support import build, fact_of

UNIT = "[Mount]\nWhat=tmpfs\nWhere=/tmp\nType=tmpfs\nOptions=mode=1777,strictatime,nosuid,nodev,size=50%%\n"
TMP = "usr/lib/systemd/system/tmp.mount"
WANTED = "usr/lib/systemd/system/local-fs.target.wants/tmp.mount"


def configured(root: Path, files: dict[str, Any]) -> dict[str, dict[str, Json]]:
    """Records by mount point and origin."""
    fact = fact_of(build(root, files), "mounts.configured")
    assert fact.state == "present", fact.reason
    return {f"{item['mount_point']} {item['origin']}": item for item in fact.value}


def test_fstab(tmp_path: Path) -> None:
    text = "UUID=1 / xfs defaults\n/dev/b /home ext4 nodev,dev\n/dev/c /var// xfs noauto,nosuid\n/dev/s none swap sw\n"
    found = configured(tmp_path, {"etc/fstab": text})
    assert sorted(found) == ["/ fstab", "/home fstab", "/var fstab"]
    assert (found["/home fstab"]["options"], found["/home fstab"]["line"]) == (["dev"], 2)
    assert (found["/var fstab"]["enabled"], found["/var fstab"]["options"]) == (False, ["noauto", "nosuid"])


def test_part_of_the_root_is_not_separate(tmp_path: Path) -> None:
    text = "UUID=1 / btrfs subvol=root\nUUID=1 /home btrfs subvol=home\n/data /var none bind\n/dev/x /tmp ext4\n"
    found = configured(tmp_path, {"etc/fstab": text})
    separate = [found[f"{path} fstab"]["separate"] for path in ("/", "/home", "/var", "/tmp")]
    assert separate == [True, False, False, True]


def test_unit_that_is_wanted(tmp_path: Path) -> None:
    record = configured(tmp_path, {TMP: UNIT, WANTED: ("link", "../tmp.mount")})["/tmp unit"]
    assert (record["enabled"], record["type"], record["source"]) == (True, "tmpfs", f"/{TMP}")
    assert record["options"] == ["mode=1777", "strictatime", "nosuid", "nodev", "size=50%"]


def test_unit_that_nothing_wants(tmp_path: Path) -> None:
    assert configured(tmp_path, {TMP: UNIT})["/tmp unit"]["enabled"] is False


def test_masked_unit(tmp_path: Path) -> None:
    files = {
        TMP: UNIT,
        WANTED: ("link", "../tmp.mount"),
        "etc/systemd/system/tmp.mount": ("link", "/dev/null"),
    }
    record = configured(tmp_path, files)["/tmp unit"]
    assert (record["enabled"], record["masked"]) == (False, True)


def test_mask_hides_the_fstab_entry_too(tmp_path: Path) -> None:
    files = {"etc/fstab": "tmpfs /tmp tmpfs nodev\n", "etc/systemd/system/tmp.mount": ("link", "/dev/null")}
    record = configured(tmp_path, files)["/tmp fstab"]
    assert (record["enabled"], record["masked"]) == (False, True)


def test_fstab_outranks_a_unit_of_the_vendor(tmp_path: Path) -> None:
    files = {"etc/fstab": "tmpfs /tmp tmpfs noexec\n", TMP: UNIT, WANTED: ("link", "../tmp.mount")}
    found = configured(tmp_path, files)
    assert list(found) == ["/tmp fstab"]
    assert found["/tmp fstab"]["options"] == ["noexec"]


def test_unit_below_etc_outranks_fstab(tmp_path: Path) -> None:
    files = {
        "etc/fstab": "tmpfs /tmp tmpfs noexec\n",
        "etc/systemd/system/tmp.mount": UNIT,
        "etc/systemd/system/local-fs.target.wants/tmp.mount": ("link", "../tmp.mount"),
    }
    found = configured(tmp_path, files)
    assert (found["/tmp fstab"]["enabled"], found["/tmp unit"]["enabled"]) == (False, True)


def test_drop_in_replaces_options(tmp_path: Path) -> None:
    drop_in = {"etc/systemd/system/tmp.mount.d/50-x.conf": "[Mount]\nOptions=nosuid\n"}
    wanted: dict[str, Any] = {WANTED: ("link", "../tmp.mount")}
    assert configured(tmp_path / "a", {TMP: UNIT, **wanted, **drop_in})["/tmp unit"]["options"] == ["nosuid"]
    by_fstab = configured(tmp_path / "b", {"etc/fstab": "tmpfs /tmp tmpfs nodev,noexec\n", **drop_in})
    assert by_fstab["/tmp fstab"]["options"] == ["nosuid"]


def test_unit_whose_name_is_not_its_mount_point(tmp_path: Path) -> None:
    files = {TMP: UNIT.replace("Where=/tmp", "Where=/other"), WANTED: ("link", "../tmp.mount")}
    assert configured(tmp_path, files)["/other unit"]["enabled"] is False


def test_what_systemd_mounts_by_itself(tmp_path: Path) -> None:
    found = configured(tmp_path / "a", {"usr/lib/systemd/systemd": "x"})
    assert {"nosuid", "nodev"} <= set(found["/dev/shm built in"]["options"])
    files = {"usr/lib/systemd/systemd": "x", "etc/fstab": "tmpfs /dev/shm tmpfs size=1G\n"}
    assert "/dev/shm built in" not in configured(tmp_path / "b", files)


def test_absent_and_malformed(tmp_path: Path) -> None:
    assert fact_of(build(tmp_path / "a", {"etc/passwd": ""}), "mounts.configured").state == "absent"
    fact = fact_of(build(tmp_path / "b", {"etc/fstab": "/dev/sda1 /tmp\n"}), "mounts.configured")
    assert (fact.state, fact.reason) == ("error", "malformed: line 1: fstab entry with less than three fields")


def test_unit_that_cannot_be_read_is_a_gap(tmp_path: Path) -> None:
    fact = fact_of(build(tmp_path, {TMP: "[Mount\n", "etc/fstab": ""}), "mounts.configured")
    assert not fact.complete


def test_unit_names_are_those_of_systemd_escape() -> None:
    for path in ("/", "/var/log/audit", "/var/lib/my-app", "/srv/.hidden", "/.top", "/mnt/a b", "/mnt/ä"):
        assert mount_unit_name(path) == run("systemd-escape", "--path", "--suffix=mount", path).strip()


def test_running(tmp_path: Path) -> None:
    text = (
        "20 1 253:0 / / rw,relatime - xfs /dev/mapper/root rw\n"
        "21 20 0:30 / /tmp rw - autofs systemd-1 rw\n"
        "22 21 0:31 / /tmp rw,nosuid,nodev - tmpfs tmpfs rw\n"
        "23 20 253:0 /home /home rw - xfs /dev/mapper/root rw\n"
    )
    fact = fact_of(build(tmp_path, {"proc/self/mountinfo": text}), "mounts.running", runtime=True)
    shown = [(item["mount_point"], item["type"], item["visible"], item["separate"]) for item in fact.value]
    assert shown == [
        ("/", "xfs", True, True),
        ("/home", "xfs", True, False),
        ("/tmp", "autofs", False, True),
        ("/tmp", "tmpfs", True, True),
    ]
    assert fact.value[3]["options"] == ["rw", "nosuid", "nodev"]


def test_mounts_of_process_1_are_those_of_the_system(tmp_path: Path) -> None:
    line = "20 1 8:1 / /{} rw - xfs /dev/sda1 rw\n"
    files = {"proc/1/mountinfo": line.format("real"), "proc/self/mountinfo": line.format("sandbox")}
    (record,) = fact_of(build(tmp_path, files), "mounts.running", runtime=True).value
    assert (record["mount_point"], record["source"]) == ("/real", "/proc/1/mountinfo")


def test_automount_counts_as_enabled(tmp_path: Path) -> None:
    text = "/dev/b /data ext4 noauto,x-systemd.automount\n"
    assert configured(tmp_path, {"etc/fstab": text})["/data fstab"]["enabled"] is True


def test_running_missing_malformed_and_image(tmp_path: Path) -> None:
    assert fact_of(build(tmp_path / "a", {"proc/x": ""}), "mounts.running", runtime=True).state == "not_collected"
    broken = build(tmp_path / "b", {"proc/self/mountinfo": "1 2 3\n"})
    assert fact_of(broken, "mounts.running", runtime=True).state == "error"
    assert fact_of(broken, "mounts.running").state == "not_collected"
