"""UEFI variables: signature lists made by efitools, hand-made load options."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from scanner.boot.efivars import (
    Variable,
    boot_order,
    flag,
    is_test_key,
    load_option,
    parse_variable,
    signature_lists,
)
from scanner.model.errors import ParseError
from tests.storage_lab import efi_file, run

OWNER = "11111111-2222-3333-4444-123456789abc"


def certificate_list(folder: Path, subject: str) -> bytes:
    """An EFI signature list with one certificate."""
    words = ("-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{folder}/key", "-out", f"{folder}/cert")
    run("openssl", "req", *words, "-subj", subject, "-days", "1")
    run("cert-to-efi-sig-list", "-g", OWNER, f"{folder}/cert", f"{folder}/list")
    return (folder / "list").read_bytes()


def hash_list(*digests: bytes) -> bytes:
    kind = bytes.fromhex("2616c4c14c509240aca941f936934328")
    entries = b"".join(bytes(16) + digest for digest in digests)
    return kind + struct.pack("<III", 28 + len(entries), 0, 48) + entries


def test_certificates_and_hashes(tmp_path: Path) -> None:
    first = certificate_list(tmp_path, "/C=DE/O=Example/CN=DO NOT TRUST - test key")
    found = signature_lists(first + hash_list(b"\1" * 32, b"\2" * 32))
    assert [item.kind for item in found] == ["x509", "sha256", "sha256"]
    assert (found[0].owner, found[0].subject) == (OWNER, "C=DE, O=Example, CN=DO NOT TRUST - test key")
    assert is_test_key(found[0].subject)
    der = run("openssl", "x509", "-in", f"{tmp_path}/cert", "-noout", "-fingerprint", "-sha256")
    assert found[0].fingerprint == der.split("=")[1].strip().replace(":", "").lower()


def test_ordinary_subject_is_no_test_key() -> None:
    assert not is_test_key("CN=Example Platform Key 2024")
    assert not is_test_key(None)


@pytest.mark.parametrize(
    "data",
    [
        b"\0" * 10,
        bytes(16) + struct.pack("<III", 2000, 0, 48),
        bytes(16) + struct.pack("<III", 28, 0, 0),
        bytes(16) + struct.pack("<III", 0, 0, 48),
        bytes(16) + struct.pack("<III", 28 + 50, 0, 48) + bytes(50),
    ],
)
def test_malformed_lists(data: bytes) -> None:
    with pytest.raises(ParseError):
        signature_lists(data)


def test_certificate_that_cannot_be_read_is_still_counted() -> None:
    kind = bytes.fromhex("a159c0a5e494a74a87b5ab155c2bf072")
    entry = bytes(16) + b"no certificate"
    found = signature_lists(kind + struct.pack("<III", 28 + len(entry), 0, len(entry)) + entry)
    assert [(item.kind, item.subject, item.problem is None) for item in found] == [("x509", None, False)]


@pytest.mark.parametrize(("data", "value"), [(b"\0", False), (b"\1", True)])
def test_flags(data: bytes, value: bool) -> None:
    variable = parse_variable(efi_file(data))
    assert variable.attributes == ("non_volatile", "boot_service", "runtime")
    assert flag(variable) is value


@pytest.mark.parametrize("data", [b"", b"\2", b"\1\0"])
def test_flag_of_another_form(data: bytes) -> None:
    with pytest.raises(ParseError):
        flag(Variable((), data))


def test_variable_cut_short() -> None:
    with pytest.raises(ParseError):
        parse_variable(b"\1\2\3")


def option(path: bytes, description: str = "Test", attributes: int = 1) -> Variable:
    """An EFI_LOAD_OPTION."""
    text = description.encode("utf-16-le") + b"\0\0"
    return Variable((), struct.pack("<IH", attributes, len(path)) + text + path)


def test_load_option() -> None:
    disk = struct.pack("<BBHIQQ", 4, 1, 42, 1, 2048, 4096) + bytes(range(16)) + b"\2\2"
    name = "\\EFI\\almalinux\\shimx64.efi".encode("utf-16-le") + b"\0\0"
    path = disk + struct.pack("<BBH", 4, 4, 4 + len(name)) + name + b"\x7f\xff\4\0"
    found = load_option(option(path, "AlmaLinux"))
    assert (found.active, found.description, found.file) == (True, "AlmaLinux", "\\EFI\\almalinux\\shimx64.efi")
    assert found.partition == "03020100-0504-0706-0809-0a0b0c0d0e0f"
    assert load_option(option(b"", attributes=0)).active is False


@pytest.mark.parametrize(
    "data", [b"", b"\1\0\0\0\0\0a", struct.pack("<IH", 1, 9) + b"a\0\0\0", struct.pack("<IH", 1, 4) + b"\0\0\4\4\3\0"]
)
def test_malformed_load_option(data: bytes) -> None:
    with pytest.raises(ParseError):
        load_option(Variable((), data))


def test_boot_order() -> None:
    assert boot_order(Variable((), b"\1\0\x0a\0")) == ["0001", "000A"]
    with pytest.raises(ParseError):
        boot_order(Variable((), b"\1"))
