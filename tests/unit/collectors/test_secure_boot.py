"""Secure Boot facts from files of efivarfs."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest

from scanner.boot.efivars import GLOBAL_GUID, IMAGE_SECURITY_GUID, LOADER_GUID, SHIM_GUID
from scanner.model.fact import Fact
from tests.storage_lab import efi_file
from tests.support import build, fact_of
from tests.unit.boot.test_efivars import certificate_list, hash_list, option

FOLDER = "sys/firmware/efi/efivars"


def variables(certificate: bytes) -> dict[str, Any]:
    """A machine with Secure Boot in force."""
    return {
        f"{FOLDER}/SecureBoot-{GLOBAL_GUID}": efi_file(b"\1", 6),
        f"{FOLDER}/SetupMode-{GLOBAL_GUID}": efi_file(b"\0", 6),
        f"{FOLDER}/PK-{GLOBAL_GUID}": efi_file(certificate, 0x27),
        f"{FOLDER}/KEK-{GLOBAL_GUID}": efi_file(certificate, 0x27),
        f"{FOLDER}/db-{IMAGE_SECURITY_GUID}": efi_file(certificate, 0x27),
        f"{FOLDER}/dbx-{IMAGE_SECURITY_GUID}": efi_file(hash_list(b"\1" * 32, b"\2" * 32), 0x27),
    }


def fact(tmp_path: Path, name: str, files: dict[str, Any]) -> Fact:
    return fact_of(build(tmp_path / "root", files), name, runtime=True)


def test_state(tmp_path: Path) -> None:
    found = fact(tmp_path, "secure_boot.state", variables(certificate_list(tmp_path, "/CN=Vendor PK")))
    assert found.value == {
        "enabled": True,
        "setup_mode": False,
        "audit_mode": None,
        "deployed_mode": None,
        "pk_present": True,
        "pk_test_key": False,
        "pk_subject": "CN=Vendor PK",
        "kek_entries": 1,
        "db_entries": 1,
        "dbx_entries": 2,
        "mok_entries": 0,
        "mok_validation_disabled": False,
    }


@pytest.mark.parametrize("mirror", [False, True])
def test_validation_switched_off_in_shim(tmp_path: Path, mirror: bool) -> None:
    files = variables(certificate_list(tmp_path, "/CN=DO NOT SHIP - PK"))
    if mirror:
        files["sys/firmware/efi/mok-variables/MokSBStateRT"] = b"\1"
    else:
        files[f"{FOLDER}/MokSBStateRT-{SHIM_GUID}"] = efi_file(b"\1")
    found = fact(tmp_path, "secure_boot.state", files).value
    assert (found["enabled"], found["mok_validation_disabled"], found["pk_test_key"]) == (True, True, True)


def test_missing_variables_count_as_off(tmp_path: Path) -> None:
    found = fact(tmp_path, "secure_boot.state", {f"{FOLDER}/Other-{GLOBAL_GUID}": efi_file(b"\1")}).value
    assert (found["enabled"], found["pk_present"], found["setup_mode"]) == (False, False, None)


def test_keys(tmp_path: Path) -> None:
    found = fact(tmp_path, "secure_boot.keys", variables(certificate_list(tmp_path, "/CN=DO NOT TRUST")))
    shown = [(item["store"], item["kind"], item["subject"], item["test_key"], item["count"]) for item in found.value]
    assert shown == [
        ("PK", "x509", "CN=DO NOT TRUST", True, 1),
        ("KEK", "x509", "CN=DO NOT TRUST", True, 1),
        ("db", "x509", "CN=DO NOT TRUST", True, 1),
        ("dbx", "sha256", None, False, 2),
    ]


def test_boot_entries(tmp_path: Path) -> None:
    name = "\\EFI\\BOOT\\BOOTX64.EFI".encode("utf-16-le") + b"\0\0"
    entry = option(struct.pack("<BBH", 4, 4, 4 + len(name)) + name + b"\x7f\xff\4\0", "disk").data
    files = {
        f"{FOLDER}/Boot0001-{GLOBAL_GUID}": efi_file(entry),
        f"{FOLDER}/Boot000A-{GLOBAL_GUID}": efi_file(b"broken"),
        f"{FOLDER}/BootOrder-{GLOBAL_GUID}": efi_file(b"\x0a\0\1\0"),
        f"{FOLDER}/BootCurrent-{GLOBAL_GUID}": efi_file(b"\1\0"),
    }
    found = fact(tmp_path, "efi.boot_entries", files)
    (record,) = found.value
    assert (record["id"], record["active"], record["file"]) == ("0001", True, "\\EFI\\BOOT\\BOOTX64.EFI")
    assert (record["position"], record["current"]) == (1, True)
    assert not found.complete


def test_loader(tmp_path: Path) -> None:
    text = "11".encode("utf-16-le") + b"\0\0"
    found = fact(tmp_path, "efi.loader", {f"{FOLDER}/StubPcrKernelImage-{LOADER_GUID}": efi_file(text)})
    assert (found.value["stub_pcr_kernel_image"], found.value["stub_info"]) == ("11", None)


NAMES = ("secure_boot.state", "secure_boot.keys", "efi.boot_entries", "efi.loader")


@pytest.mark.parametrize("name", NAMES)
def test_no_uefi_is_absent(tmp_path: Path, name: str) -> None:
    assert fact(tmp_path, name, {"sys/firmware/acpi": None}).state == "absent"


@pytest.mark.parametrize("name", NAMES)
def test_efivarfs_not_mounted_is_not_collected(tmp_path: Path, name: str) -> None:
    assert fact(tmp_path, name, {"sys/firmware/efi/efivars": None}).state == "not_collected"


def test_efi_present(tmp_path: Path) -> None:
    assert fact(tmp_path, "efi.present", {"sys/firmware/efi/systab": ""}).value is True
    assert fact_of(build(tmp_path / "bios", {"sys/firmware/acpi": None}), "efi.present", runtime=True).value is False
    assert fact_of(tmp_path / "bios", "efi.present").state == "not_collected"


def test_malformed(tmp_path: Path) -> None:
    found = fact(tmp_path, "secure_boot.state", {f"{FOLDER}/SecureBoot-{GLOBAL_GUID}": b"\1"})
    assert (found.state, (found.reason or "").split(":")[0]) == ("error", "malformed")
