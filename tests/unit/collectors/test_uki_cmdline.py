"""Command lines of unified kernel images among those that can be booted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scanner.model.fact import Fact
from tests.efi_lab import BOOT, OSREL, SHIM, addon_file, pe_file, real, stub_uki, uki_file
from tests.support import Content, build, fact_of

CONFIGURED = "kernel.cmdline.configured"
LINUX = "/efi/EFI/Linux"


def configured(root: Path, files: dict[str, Content]) -> Fact:
    return fact_of(build(root, files), CONFIGURED)


def rows(fact: Fact, *keys: str) -> list[Any]:
    assert isinstance(fact.value, list), fact
    return [tuple(record["effective"].get(key, record.get(key)) for key in keys) for record in fact.value]


def test_the_line_inside_an_image_made_of_the_real_stub(tmp_path: Path) -> None:
    (tmp_path / "root/efi/EFI/Linux").mkdir(parents=True)
    (tmp_path / "root/efi/EFI/BOOT").mkdir()
    (tmp_path / "root/efi/EFI/BOOT/BOOTX64.EFI").write_bytes(real(BOOT).read_bytes())
    stub_uki(
        tmp_path / "root/efi/EFI/Linux/demo-7+3-1.efi",
        {".osrel": OSREL.encode(), ".cmdline": b"ro lockdown=confidentiality\n", ".linux": real(BOOT).read_bytes()},
    )
    fact = fact_of(tmp_path / "root", CONFIGURED)
    assert not fact.gaps
    (record,) = fact.value
    wanted = {
        "entry": "demo-7.efi",
        "kind": "uki",
        "title": "Demo OS 7",
        "version": "7",
        "kernel": "/EFI/Linux/demo-7+3-1.efi",
        "default": True,
        "rescue": False,
        "tries_left": 3,
        "uki": f"{LINUX}/demo-7+3-1.efi",
        "profile": 0,
        "embedded": True,
        "add_ons": [],
        "source": f"{LINUX}/demo-7+3-1.efi",
        "line": None,
    }
    assert {key: record[key] for key in wanted} == wanted
    assert record["effective"]["lockdown"] == "confidentiality"
    (evidence,) = fact.evidence
    assert (evidence.source, bool(evidence.sha256), bool(evidence.offset)) == (wanted["uki"], True, True)


def test_every_profile_is_a_line(tmp_path: Path) -> None:
    extra = [(".profile", b"ID=main"), (".profile", b"ID=reset\nTITLE=Reset"), (".cmdline", b"rd.break")]
    fact = configured(tmp_path, {f"{LINUX}/a.efi": uki_file("lockdown=integrity", extra=extra)})
    assert rows(fact, "entry", "profile", "title", "lockdown", "shells") == [
        ("a.efi", 0, "Demo OS 7", "integrity", []),
        ("a.efi@reset", 1, "Demo OS 7 (Reset)", None, ["rd.break"]),
    ]
    assert not fact.gaps


def test_files_and_images_are_one_menu(tmp_path: Path) -> None:
    files: dict[str, Content] = {
        f"{LINUX}/b.efi": uki_file("audit=1", osrel="ID=zeta\nVERSION_ID=1\n"),
        "/efi/loader/entries/c.conf": "title c\nsort-key alpha\nlinux /vmlinuz\noptions audit=0\n",
        "/efi/vmlinuz": b"kernel",
        "/efi/loader/loader.conf": "default b*.efi\n",
    }
    fact = configured(tmp_path, files)
    assert rows(fact, "entry", "audit", "default", "embedded") == [
        ("c", False, False, None),
        ("b.efi", True, True, True),
    ]


def test_an_image_without_a_line_is_a_gap(tmp_path: Path) -> None:
    fact = configured(tmp_path, {f"{LINUX}/a.efi": uki_file()})
    assert rows(fact, "embedded", "parameters") == [(False, [])]
    assert len(fact.gaps) == 1
    assert "no command line is inside" in fact.gaps[0]


@pytest.mark.parametrize("key", ["uki", "efi", "linux"])
def test_an_entry_gives_its_line_to_an_image_without_one(tmp_path: Path, key: str) -> None:
    files: dict[str, Content] = {
        "/efi/EFI/kairos/active.efi": uki_file(),
        "/efi/loader/entries/active.conf": f"title A\n{key} /EFI/kairos/active.efi\noptions vsyscall=none\n",
    }
    fact = configured(tmp_path, files)
    assert rows(fact, "entry", "kind", "uki", "embedded", "vsyscall") == [
        ("active", "bls", "/efi/EFI/kairos/active.efi", False, "none")
    ]
    assert not fact.gaps


def test_what_an_entry_gives_counts_where_secure_boot_is_off(tmp_path: Path) -> None:
    files: dict[str, Content] = {
        "/efi/EFI/kairos/active.efi": uki_file("vsyscall=none"),
        "/efi/loader/entries/active.conf": "uki \\EFI\\KAIROS\\ACTIVE.EFI\noptions vsyscall=emulate\n",
    }
    fact = configured(tmp_path, files)
    assert rows(fact, "embedded", "vsyscall") == [(True, "none"), (False, "emulate")]
    assert not fact.gaps


@pytest.mark.parametrize("text", ["profile 1\n", "options @1\n", "options @1 \n"])
def test_an_entry_chooses_a_profile(tmp_path: Path, text: str) -> None:
    extra = [(".profile", b"ID=a"), (".profile", b"ID=b"), (".cmdline", b"vsyscall=xonly")]
    files: dict[str, Content] = {
        "/efi/x/a.efi": uki_file("vsyscall=none", extra=extra),
        "/efi/loader/entries/a.conf": f"uki /x/a.efi\n{text}",
    }
    assert rows(configured(tmp_path, files), "profile", "vsyscall") == [(1, "xonly")]


def test_a_profile_that_is_not_there_is_a_gap(tmp_path: Path) -> None:
    files: dict[str, Content] = {
        "/efi/x/a.efi": uki_file("vsyscall=none"),
        "/efi/loader/entries/a.conf": "uki /x/a.efi\nprofile 3\n",
    }
    fact = configured(tmp_path, files)
    assert fact.state == "error" or fact.gaps


@pytest.mark.parametrize("image", ["/EFI/kairos/none.efi", "/EFI/tool.efi"])
def test_entries_that_start_something_unknown_are_gaps(tmp_path: Path, image: str) -> None:
    files: dict[str, Content] = {
        "/efi/EFI/tool.efi": pe_file([(".text", b"x")]),
        "/efi/loader/entries/a.conf": f"efi {image}\n",
        "/efi/loader/entries/b.conf": "linux /vmlinuz\noptions quiet\n",
    }
    fact = configured(tmp_path, files)
    assert rows(fact, "entry") == [("b",)]
    assert len(fact.gaps) == 1


def test_a_kernel_with_an_efi_stub_named_by_an_entry(tmp_path: Path) -> None:
    kernel = bytearray(pe_file([(".text", b"x" * 600)]))
    kernel[0x202:0x206] = b"HdrS"
    files: dict[str, Content] = {
        "/efi/EFI/Linux/k.efi": bytes(kernel),
        "/efi/loader/entries/a.conf": "efi /EFI/Linux/k.efi\noptions vsyscall=none\n",
    }
    fact = configured(tmp_path, files)
    assert rows(fact, "vsyscall", "embedded") == [("none", None)]


def test_a_kernel_that_only_the_firmware_names_is_a_gap(tmp_path: Path) -> None:
    kernel = bytearray(pe_file([(".text", b"x" * 600)]))
    kernel[0x202:0x206] = b"HdrS"
    files: dict[str, Content] = {
        "/boot/efi/EFI/debian/vmlinuz.efi": bytes(kernel),
        "/boot/loader/entries/a.conf": "linux /vmlinuz\noptions vsyscall=none\n",
    }
    assert len(configured(tmp_path, files).gaps) == 1


def test_add_ons_count_with_and_without(tmp_path: Path) -> None:
    files: dict[str, Content] = {
        f"{LINUX}/a+2.efi": uki_file("vsyscall=emulate"),
        f"{LINUX}/a.efi.extra.d/10-own.addon.efi": addon_file("vsyscall=none\n"),
        f"{LINUX}/a.efi.extra.d/readme.txt": "x",
        "/efi/loader/addons/Global.ADDON.EFI": addon_file("vsyscall=xonly"),
        "/efi/loader/addons/arm.addon.efi": addon_file("audit=0", machine=0xAA64),
        "/efi/loader/addons/other.addon.efi": addon_file("audit=0", uname="5.10"),
        "/efi/loader/addons/broken.addon.efi": b"MZ",
    }
    fact = configured(tmp_path, files)
    # those for all come first, that of the image last; the last word of a line counts
    assert rows(fact, "vsyscall", "audit") == [("none", None), ("xonly", None), ("none", None), ("emulate", None)]
    assert fact.value[0]["add_ons"] == [
        "/efi/loader/addons/Global.ADDON.EFI",
        f"{LINUX}/a.efi.extra.d/10-own.addon.efi",
    ]
    assert not fact.gaps


def test_too_many_add_ons(tmp_path: Path) -> None:
    files: dict[str, Content] = {f"{LINUX}/a.efi": uki_file("quiet")}
    files.update({f"/efi/loader/addons/{name}.addon.efi": addon_file(f"x={name}") for name in "abcd"})
    fact = configured(tmp_path, files)
    assert len(fact.value) == 2
    assert "limit" in fact.gaps[0]


@pytest.mark.parametrize("place", ["/efi/EFI/BOOT/BOOTX64.EFI", "/boot/efi/efi/vendor/k.efi", "/boot/EFI/a.efi"])
def test_images_that_the_firmware_may_start_past_a_menu(tmp_path: Path, place: str) -> None:
    entry = "linux /vmlinuz\noptions quiet\n"
    fact = configured(tmp_path, {place: uki_file("audit=1"), "/efi/loader/entries/rescue.conf": entry})
    assert rows(fact, "uki", "audit", "default", "rescue")[-1] == (place, True, None, False)
    # nobody can say what boots: an entry for repairs is no exception then
    assert not any(record["rescue"] for record in fact.value)


def test_an_image_beside_grub(tmp_path: Path) -> None:
    files: dict[str, Content] = {
        "/boot/grub2/grub.cfg": "menuentry a {\n linux /vmlinuz audit=1\n}\n",
        "/boot/efi/EFI/Linux/u.efi": uki_file("audit=0"),
        "/boot/efi/EFI/almalinux/shimx64.efi": real(SHIM).read_bytes(),
    }
    fact = configured(tmp_path, files)
    assert sorted(rows(fact, "kind", "audit", "default")) == [("grub.cfg", True, None), ("uki", False, None)]
    assert not fact.gaps


def test_programs_that_are_no_kernels_say_nothing(tmp_path: Path) -> None:
    files: dict[str, Content] = {
        "/efi/EFI/BOOT/BOOTX64.EFI": b"no program",
        "/efi/EFI/tools/shell.efi": pe_file([(".text", b"x")]),
        f"{LINUX}/a.efi": uki_file("quiet"),
    }
    assert configured(tmp_path, files).gaps == ()


def test_an_updater_s_files_are_not_booted(tmp_path: Path) -> None:
    files: dict[str, Content] = {
        "/usr/lib/bootupd/updates/EFI/BOOT/BOOTX64.EFI": uki_file("audit=0"),
        f"{LINUX}/a.efi": uki_file("audit=1"),
    }
    assert rows(configured(tmp_path, files), "audit") == [(True,)]


def test_the_same_partition_under_two_names_counts_once(tmp_path: Path) -> None:
    files: dict[str, Content] = {"/boot/efi/EFI/Linux/a.efi": uki_file("quiet"), "/efi": ("link", "boot/efi")}
    assert len(configured(tmp_path, files).value) == 1


def test_secrets_stay_inside(tmp_path: Path) -> None:
    line = 'ro systemd.set_credential="a:top secret" quiet'
    fact = configured(tmp_path, {f"{LINUX}/a.efi": uki_file(line)})
    assert "top secret" not in str(fact)
    assert [one.sha256 for one in fact.evidence] == [None]


def test_a_cut_off_image_is_a_gap(tmp_path: Path) -> None:
    whole = uki_file("vsyscall=none")
    place = whole.index(b"vsyscall")
    fact = configured(tmp_path, {f"{LINUX}/a.efi": whole[: place + 4]})
    assert fact.state != "present" or fact.gaps
