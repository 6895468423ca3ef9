"""Facts about EFI programs: real loaders, images made of the real stub, and odd ones."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path
from typing import Any

import pytest

from scanner.boot import uki
from scanner.model.fact import Fact
from tests.efi_lab import BOOT, GRUB_SIGNED, OSREL, SHIM_SIGNED, addon_file, pcrsig, pe_file, real, stub_uki, uki_file
from tests.support import Content, build, fact_of
from tests.tree_lab import tool


def records(fact: Fact) -> list[dict[str, Any]]:
    assert isinstance(fact.value, list), fact
    return fact.value


@pytest.fixture
def esp(tmp_path: Path) -> Path:
    """A root with what an installed system has on its EFI partition."""
    files: dict[str, Content] = {
        "/boot/efi/EFI/BOOT/BOOTX64.EFI": real(SHIM_SIGNED).read_bytes(),
        "/boot/efi/EFI/debian/grubx64.efi": real(GRUB_SIGNED).read_bytes(),
        "/boot/efi/EFI/systemd/systemd-bootx64.efi": real(BOOT).read_bytes(),
        "/boot/efi/EFI/debian/grub.cfg": "x",
    }
    return build(tmp_path / "root", files)


def test_real_boot_loaders(esp: Path) -> None:
    fact = fact_of(esp, "boot.loaders")
    assert not fact.gaps
    shim, grub, menu = records(fact)
    assert [(one["kind"], len(one["signatures"]), one["removable"]) for one in (shim, grub, menu)] == [
        ("shim", 2, True),
        ("grub", 1, False),
        ("systemd-boot", 0, False),
    ]
    assert shim["version"][:2].isdigit()
    assert grub["version"].startswith("2.")
    assert {one["component"]: one["generation"] for one in grub["sbat"]}["grub"] >= 3
    assert shim["sha256"] == hashlib.sha256(SHIM_SIGNED.read_bytes()).hexdigest()
    assert all(len(one["sha256"]) == 64 for one in shim["signatures"])
    assert {one["machine"] for one in (shim, grub, menu)} == {"x86_64"}


def test_an_image_of_the_real_stub(esp: Path, tmp_path: Path) -> None:
    key = tmp_path / "key"
    openssl = tool("openssl", "openssl")
    subprocess.run([openssl, "genrsa", "-out", key, "2048"], check=True, capture_output=True, timeout=60)
    pem = subprocess.run([openssl, "rsa", "-in", key, "-pubout"], check=True, capture_output=True, timeout=60).stdout
    fingerprint = uki.public_key(pem).fingerprint or ""
    sections = {
        ".osrel": OSREL.encode(),
        ".cmdline": b"quiet\n",
        ".uname": b"6.12.0",
        ".initrd": b"i" * 9000,
        ".pcrpkey": pem,
        ".pcrsig": pcrsig(fingerprint),
        ".linux": real(BOOT).read_bytes(),
    }
    (esp / "boot/efi/EFI/Linux").mkdir()
    path = stub_uki(esp / "boot/efi/EFI/Linux/a.efi", sections)
    (record,) = records(fact_of(esp, "boot.uki"))
    assert (record["path"], record["stub"], record["cmdline"], record["uname"]) == (
        "/boot/efi/EFI/Linux/a.efi",
        "systemd-stub",
        "quiet",
        "6.12.0",
    )
    assert record["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    digests = {one["name"]: (one["size"], one["sha256"]) for one in record["sections"]}
    for name, data in sections.items():
        assert digests[name] == (len(data), hashlib.sha256(data).hexdigest())
    assert {"key": "IMAGE_ID", "value": "velaos"} in record["osrel"]
    assert [(one["bank"], one["pcrs"]) for one in record["pcrsig"]] == [
        ("sha256", [11]),
        ("sha256", [11]),
        ("sha384", [11]),
    ]
    assert record["pcrpkey"]["fingerprint"] == fingerprint
    assert record["pcrsig_by_own_key"] is True
    assert (record["profile"], record["profiles"], record["signatures"]) == (0, 1, [])
    assert "sig" not in str(record["pcrsig"][0])
    assert len(records(fact_of(esp, "boot.loaders"))) == 3


def test_profiles_and_odd_sections(tmp_path: Path) -> None:
    extra = [
        (".pcrsig", b"{"),
        (".pcrpkey", b"no key"),
        (".sbat", b"x,y"),
        (".profile", b"ID=a"),
        (".profile", b"ID=b"),
        (".cmdline", b"own"),
    ]
    root = build(tmp_path, {"/efi/EFI/Linux/a.efi": uki_file("base", extra=extra)})
    first, second = records(fact_of(root, "boot.uki"))
    assert [(one["profile_id"], one["cmdline"]) for one in (first, second)] == [("a", "base"), ("b", "own")]
    for name in ("pcrsig", "pcrpkey", "sbat"):
        assert first[name]["state"] == "error", name
    assert first["pcrsig_by_own_key"] is None
    assert [one["own"] for one in second["sections"] if one["name"] == ".cmdline"] == [True]


def test_images_outside_of_the_efi_folder_and_add_ons(tmp_path: Path) -> None:
    files: dict[str, Content] = {
        "/efi/images/a.efi": uki_file("quiet"),
        "/efi/loader/entries/a.conf": "uki /images/a.efi\n",
        "/efi/loader/addons/x.addon.efi": addon_file("more"),
        "/efi/EFI/Linux/b.efi": uki_file("ro"),
        "/efi/EFI/Linux/b.efi.extra.d/y.addon.efi": addon_file("and more"),
    }
    root = build(tmp_path, files)
    assert [(one["path"], len(one["add_ons"])) for one in records(fact_of(root, "boot.uki"))] == [
        ("/efi/EFI/Linux/b.efi", 2),
        ("/efi/images/a.efi", 1),
    ]
    found = records(fact_of(root, "boot.add_ons"))
    assert [(one["path"].rpartition("/")[2], one["cmdline"], one["sections"]) for one in found] == [
        ("y.addon.efi", "and more", [".cmdline"]),
        ("x.addon.efi", "more", [".cmdline"]),
    ]


def test_a_key_that_is_another(tmp_path: Path) -> None:
    openssl = tool("openssl", "openssl")
    key = tmp_path / "key"
    subprocess.run([openssl, "genrsa", "-out", key, "2048"], check=True, capture_output=True, timeout=60)
    pem = subprocess.run([openssl, "rsa", "-in", key, "-pubout"], check=True, capture_output=True, timeout=60).stdout
    image = uki_file("x", extra=[(".pcrsig", pcrsig("12" * 32)), (".pcrpkey", pem)])
    (record,) = records(fact_of(build(tmp_path / "root", {"/efi/EFI/Linux/a.efi": image}), "boot.uki"))
    assert record["pcrsig_by_own_key"] is False


def test_secrets_leave_no_digests(tmp_path: Path) -> None:
    image = uki_file("systemd.set_credential=a:hunter2 quiet")
    fact = fact_of(build(tmp_path, {"/efi/EFI/Linux/a.efi": image}), "boot.uki")
    assert "hunter2" not in str(fact)
    (record,) = records(fact)
    assert record["sha256"]["state"] == "not_collected"
    assert [one["sha256"] for one in record["sections"] if one["name"] == ".cmdline"] == [None]


def test_no_partition_is_not_collected_and_an_empty_one_is_empty(tmp_path: Path) -> None:
    for name in ("boot.uki", "boot.loaders", "boot.add_ons"):
        assert fact_of(build(tmp_path / name / "none", {"/boot/efi": None}), name).state == "not_collected"
        fact = fact_of(build(tmp_path / name / "empty", {"/boot/efi/EFI": None}), name)
        assert (fact.state, fact.value, fact.gaps) == ("present", [], ())


def test_files_that_are_no_programs_are_gaps(tmp_path: Path) -> None:
    files: dict[str, Content] = {"/efi/EFI/x/a.efi": b"MZ", "/efi/EFI/x/b.efi": pe_file([(".text", b"x")])}
    fact = fact_of(build(tmp_path, files), "boot.loaders")
    assert [(one["path"], one["kind"]) for one in records(fact)] == [("/efi/EFI/x/b.efi", None)]
    assert len(fact.gaps) == 1
