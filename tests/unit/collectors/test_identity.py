"""What a tree says of itself, and what the running half adds."""

from __future__ import annotations

import platform
import struct
import sys
from pathlib import Path

import pytest

from tests.support import Content, build, fact_of, facts_of

ALMA = (
    'NAME="AlmaLinux"\nID="almalinux"\nID_LIKE="rhel centos fedora"\nVERSION_ID="10.1"\nPLATFORM_ID="platform:el10"\n'
)
ELF = b"\x7fELF\x02\x01\x01" + b"\0" * 9 + struct.pack("<HH", 3, 183) + b"\0" * 40


def pe(machine: int) -> bytes:
    return b"MZ".ljust(60, b"\0") + struct.pack("<I", 128) + b"\0" * 64 + b"PE\0\0" + struct.pack("<H", machine)


def test_release_through_its_link(tmp_path: Path) -> None:
    root = build(tmp_path, {"/usr/lib/os-release": ALMA, "/etc/os-release": ("link", "../usr/lib/os-release")})
    value = fact_of(root, "os.release").value
    assert (value["id"], value["id_like"], value["version_id"], value["major"]) == (
        "almalinux",
        ["rhel", "centos", "fedora"],
        "10.1",
        "10",
    )
    assert (value["product"], value["platform_id"], value["variant_id"]) == ("almalinux:10", "platform:el10", None)
    assert value["source"] == "/usr/lib/os-release"


def test_etc_comes_before_usr_and_a_link_into_nowhere_counts_as_missing(tmp_path: Path) -> None:
    both = build(tmp_path / "a", {"/usr/lib/os-release": ALMA, "/etc/os-release": "ID=velaos\n"})
    assert fact_of(both, "os.release").value["id"] == "velaos"
    nowhere = build(tmp_path / "b", {"/usr/lib/os-release": ALMA, "/etc/os-release": ("link", "/nowhere")})
    assert fact_of(nowhere, "os.release").value["id"] == "almalinux"


def test_release_without_id_version_or_file(tmp_path: Path) -> None:
    plain = fact_of(build(tmp_path / "a", {"/etc/os-release": "NAME=x\n"}), "os.release").value
    assert (plain["id"], plain["version_id"], plain["major"], plain["product"]) == ("linux", None, None, "linux")
    absent = fact_of(build(tmp_path / "b", {"/etc": None}), "os.release")
    assert absent.state == "absent"
    assert absent.reason


def test_malformed_release(tmp_path: Path) -> None:
    fact = fact_of(build(tmp_path, {"/etc/os-release": 'ID="open\n'}), "os.release")
    assert fact.state == "error"
    assert fact.reason is not None
    assert fact.reason.startswith("malformed")


def test_release_that_cannot_be_read_is_no_reason_to_look_elsewhere(tmp_path: Path) -> None:
    root = build(tmp_path, {"/etc/os-release": None, "/usr/lib/os-release": ALMA})
    assert fact_of(root, "os.release").state == "error"


def test_architecture_from_the_first_real_program(tmp_path: Path) -> None:
    root = build(tmp_path, {"/usr/bin/sh": "#!script\n" * 5, "/bin/busybox": ELF})
    assert fact_of(root, "os.arch").value == "aarch64"
    assert fact_of(build(tmp_path / "b", {"/etc": None}), "os.arch").state == "absent"


def test_architecture_of_a_real_program(tmp_path: Path) -> None:
    root = build(tmp_path, {"/usr/bin/sh": Path(sys.executable).resolve().read_bytes()[:64]})
    assert fact_of(root, "os.arch").value == platform.machine()


def test_image_modes(tmp_path: Path) -> None:
    def mode(name: str, files: dict[str, Content]) -> dict[str, object]:
        found = fact_of(build(tmp_path / name, {"/etc": None, **files}), "os.image_mode").value
        assert isinstance(found, dict)
        return found

    systemd = ("link", "../lib/systemd/systemd")
    bootc = mode(
        "a",
        {
            "/usr/bin/bootc": ELF,
            "/usr/lib/ostree/prepare-root.conf": "[composefs]\n",
            "/usr/lib/systemd/systemd": ELF,
            "/usr/sbin/init": systemd,
        },
    )
    assert (bootc["kind"], bootc["ostree"], bootc["init"]) == ("bootc", True, "systemd")
    assert bootc["markers"] == ["/usr/bin/bootc", "/usr/lib/ostree/prepare-root.conf"]
    assert mode("b", {"/ostree/repo": None})["kind"] == "ostree"
    alpine = mode("c", {"/bin/busybox": ELF, "/sbin/init": ("link", "/bin/busybox"), "/sbin/openrc": ELF})
    assert (alpine["kind"], alpine["init"]) == ("packages", "openrc")
    assert mode("d", {})["init"] is None
    assert mode("e", {"/sbin/init": ELF})["init"] == "other"
    assert mode("f", {"/usr/lib/systemd/systemd": ELF})["init"] == "systemd"


def test_firmware(tmp_path: Path) -> None:
    root = build(
        tmp_path / "a",
        {
            "/boot/efi/EFI/BOOT/BOOTX64.EFI": pe(0x8664),
            "/boot/efi/EFI/almalinux/shimx64.efi": pe(0x8664),
            "/boot/efi/EFI/almalinux/notes.txt": "x",
            "/boot/grub2/i386-pc": None,
        },
    )
    value = fact_of(root, "boot.firmware").value
    assert (value["efi"], value["bios"], value["machines"], len(value["loaders"])) == (True, True, ["x86_64"], 2)
    assert fact_of(build(tmp_path / "b", {"/boot": None}), "boot.firmware").state == "not_collected"
    broken = fact_of(build(tmp_path / "c", {"/efi/EFI/BOOT/BOOTX64.EFI": b"no"}), "boot.firmware")
    assert broken.value["loaders"] == [{"path": "/efi/EFI/BOOT/BOOTX64.EFI", "machine": None}]
    assert broken.gaps


def test_host_name(tmp_path: Path) -> None:
    assert fact_of(build(tmp_path / "a", {"/etc/hostname": "# n\n\nkiosk-7\n"}), "host.name").value == "kiosk-7"
    assert fact_of(build(tmp_path / "b", {"/etc/hostname": "\n"}), "host.name").state == "absent"
    assert fact_of(build(tmp_path / "c", {"/etc": None}), "host.name").state == "absent"


def test_running_kernel_and_firmware(tmp_path: Path) -> None:
    names = ["kernel.release", "machine.efi", "machine.efi_bits"]
    files = {"/proc/sys/kernel/osrelease": "6.12.0-55.el10.x86_64\n", "/sys/firmware/efi/fw_platform_size": "64\n"}
    facts = facts_of(build(tmp_path / "a", files), names, runtime=True)
    assert [facts[name].value for name in names] == ["6.12.0-55.el10.x86_64", True, 64]
    assert {fact.facet for fact in facts.values()} == {"runtime"}
    bios = facts_of(build(tmp_path / "b", {"/sys/firmware/acpi": None, "/proc/x": "1"}), names, runtime=True)
    assert bios["machine.efi"].value is False
    assert bios["machine.efi_bits"].state == "absent"
    assert bios["kernel.release"].state == "not_collected"


def test_hidden_firmware_is_not_bios(tmp_path: Path) -> None:
    root = build(tmp_path, {"/sys/firmware": None, "/proc/x": "1"})
    assert fact_of(root, "machine.efi", runtime=True).state == "not_collected"
    assert fact_of(root, "machine.efi_bits", runtime=True).state == "not_collected"


def test_malformed_platform_size(tmp_path: Path) -> None:
    root = build(tmp_path, {"/sys/firmware/efi/fw_platform_size": "wide\n"})
    assert fact_of(root, "machine.efi_bits", runtime=True).state == "error"


@pytest.mark.parametrize("name", ["kernel.release", "machine.efi", "machine.efi_bits", "machine.kind"])
def test_nothing_of_the_running_half_in_a_tree_alone(tmp_path: Path, name: str) -> None:
    root = build(tmp_path, {"/proc/sys/kernel/osrelease": "6\n", "/sys/firmware/efi/x": "1"})
    assert fact_of(root, name).state == "not_collected"
