"""Modules: modprobe's view, which exist, which are loaded, which are signed."""

from __future__ import annotations

import gzip
import lzma
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from scanner.parsers.module_signature import MARKER
from tests.support import Content, build, fact_of

ROOT = "/usr/lib/modules/6.12"
KERNEL: dict[str, Content] = {
    f"{ROOT}/kernel/fs/cramfs/cramfs.ko.xz": b"",
    f"{ROOT}/kernel/drivers/usb/usb-storage.ko": b"",
    f"{ROOT}/modules.builtin": "kernel/fs/overlayfs/overlay.ko\n",
}


def module(root: Path, name: str, files: dict[str, Content]) -> dict[str, Any]:
    fact = fact_of(build(root, files), f"kernel.module:{name}")
    assert isinstance(fact.value, dict)
    return fact.value


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("cramfs", "module"),
        ("usb-storage", "module"),
        ("usb_storage", "module"),
        ("overlay", "builtin"),
        ("x", "absent"),
    ],
)
def test_availability(tmp_path: Path, name: str, wanted: str) -> None:
    assert module(tmp_path, name, KERNEL)["availability"] == wanted


def test_availability_without_a_kernel_is_not_known(tmp_path: Path) -> None:
    assert module(tmp_path, "cramfs", {"/etc/hostname": "x"})["availability"] is None


def test_availability_without_the_list_of_built_in_modules_is_not_known(tmp_path: Path) -> None:
    assert module(tmp_path, "x", {f"{ROOT}/kernel/a.ko": b""})["availability"] is None


def test_the_worst_kernel_decides(tmp_path: Path) -> None:
    other = "/usr/lib/modules/6.9"
    files: dict[str, Content] = {
        **KERNEL,
        f"{other}/kernel/a.ko": b"",
        f"{other}/modules.builtin": "kernel/cramfs.ko\n",
    }
    assert module(tmp_path, "cramfs", files)["availability"] == "builtin"


def test_a_module_outside_of_the_usual_folders_counts(tmp_path: Path) -> None:
    assert module(tmp_path, "evil", {**KERNEL, f"{ROOT}/extra/evil.ko.zst": b""})["availability"] == "module"


def test_blocked_and_blacklisted(tmp_path: Path) -> None:
    text = "blacklist usb-storage\ninstall usb-storage /bin/false\n"
    assert module(tmp_path, "usb-storage", {"/etc/modprobe.d/usb.conf": text}) == {
        "module": "usb_storage",
        "availability": None,
        "blacklisted": True,
        "install": "/bin/false",
        "install_blocked": True,
        "install_source": "/etc/modprobe.d/usb.conf:2",
        "blacklist_source": "/etc/modprobe.d/usb.conf:1",
    }


def test_the_first_install_line_decides(tmp_path: Path) -> None:
    files: dict[str, Content] = {
        "/etc/modprobe.d/90-hard.conf": "install cramfs /bin/false\n",
        "/usr/lib/modprobe.d/10-soft.conf": "install cramfs /sbin/modprobe -i cramfs\n",
    }
    found = module(tmp_path, "cramfs", files)
    assert (found["install_blocked"], found["install_source"]) == (False, "/usr/lib/modprobe.d/10-soft.conf:1")


def test_a_file_of_the_same_name_in_etc_hides_the_vendor_s(tmp_path: Path) -> None:
    files: dict[str, Content] = {
        "/etc/modprobe.d/a.conf": "# nothing\n",
        "/usr/lib/modprobe.d/a.conf": "blacklist cramfs\ninstall cramfs /bin/true\n",
        "/etc/modprobe.d/b.conf": ("link", "/dev/null"),
        "/usr/lib/modprobe.d/b.conf": "blacklist cramfs\n",
        "/etc/modprobe.d/c.conf.bak": "blacklist cramfs\n",
        "/etc/modprobe.d/.d.conf": "blacklist cramfs\n",
    }
    found = module(tmp_path, "cramfs", files)
    assert (found["blacklisted"], found["install"]) == (False, None)


def test_a_blacklist_takes_no_globs_but_install_does(tmp_path: Path) -> None:
    found = module(tmp_path, "usb-storage", {"/etc/modprobe.d/a.conf": "blacklist usb*\ninstall usb* /bin/true\n"})
    assert (found["blacklisted"], found["install_blocked"]) == (False, True)


def test_libkmod_reads_the_same(tmp_path: Path) -> None:
    """`modprobe --showconfig` prints the configuration as libkmod has parsed it."""
    modprobe = shutil.which("modprobe", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if modprobe is None:
        pytest.skip("kmod is not installed: make test installs it")
    text = (
        "install usb-s[-_]* /sbin/modprobe -i x\nblacklist usb-storage\n#c \\\nblacklist hidden\n"
        "install cramfs \\\n /bin/false\nblacklist\n\tblacklist a b\ninstall empty\nblacklist c-d # e\n#blacklist f\n"
    )
    build(tmp_path, {"/etc/modprobe.d/b.conf": text, "/etc/modprobe.d/a.conf": "install cramfs /bin/true\n"})
    arguments = [modprobe, "-C", str(tmp_path / "etc/modprobe.d"), "--showconfig"]
    shown = subprocess.run(arguments, capture_output=True, text=True, check=True).stdout
    wanted = {
        kind: [line.split() for line in shown.splitlines() if line.startswith(f"{kind} ")]
        for kind in ("blacklist", "install")
    }
    table = fact_of(tmp_path, "kernel.modules.settings").value
    assert isinstance(table, list)
    for kind, lines in wanted.items():
        rows = [row for row in table if row["directive"] == kind]
        assert [[kind, row["module"], *(row["value"] or "").split()] for row in rows] == lines


def test_an_unreadable_file_is_a_gap(tmp_path: Path) -> None:
    build(tmp_path, {"/etc/modprobe.d/a.conf": b"blacklist cramfs\0"})
    assert fact_of(tmp_path, "kernel.module:cramfs").gaps
    assert fact_of(tmp_path, "kernel.modules.settings").state == "present"


def test_settings(tmp_path: Path) -> None:
    build(tmp_path, {"/etc/modprobe.d/a.conf": "options a-b x=1 \\\n y=2\n"})
    assert fact_of(tmp_path, "kernel.modules.settings").value == [
        {"directive": "options", "module": "a_b", "value": "x=1  y=2", "source": "/etc/modprobe.d/a.conf", "line": 1}
    ]


def test_loaded(tmp_path: Path) -> None:
    build(tmp_path, {"/proc/modules": "b 1 0 - Live 0x0 (OE)\na 1 1 b, Live 0x0\n"})
    fact = fact_of(tmp_path, "kernel.modules.loaded", runtime=True)
    assert fact.value == [
        {"name": "a", "users": ["b"], "state": "Live", "taints": ""},
        {"name": "b", "users": [], "state": "Live", "taints": "OE"},
    ]
    assert [one.sha256 for one in fact.evidence] == [None]
    (tmp_path / "proc/modules").write_text("a\n")
    assert fact_of(tmp_path, "kernel.modules.loaded", runtime=True).state == "error"
    (tmp_path / "proc/modules").rename(tmp_path / "proc/other")
    assert fact_of(tmp_path, "kernel.modules.loaded", runtime=True).state == "absent"


def trailer(body: bytes, signature: bytes = b"\x30" * 64) -> bytes:
    return body + signature + bytes([0, 0, 2, 0, 0, 0, 0, 0]) + len(signature).to_bytes(4, "big") + MARKER


def signatures(root: Path, files: dict[str, Content]) -> tuple[dict[str, Any], tuple[str, ...]]:
    fact = fact_of(build(root, files), "kernel.modules.signatures")
    assert isinstance(fact.value, list)
    return fact.value[0], fact.gaps


def test_signatures(tmp_path: Path) -> None:
    good = trailer(b"\x7fELF" + bytes(4000))
    files: dict[str, Content] = {
        f"{ROOT}/kernel/a.ko": good,
        f"{ROOT}/kernel/b.ko.xz": lzma.compress(good),
        f"{ROOT}/kernel/c.ko.gz": gzip.compress(good, mtime=0),
        f"{ROOT}/extra/d.ko": b"\x7fELF" + bytes(4000),
        f"{ROOT}/extra/e.ko.xz": lzma.compress(b"\x7fELF"),
    }
    record, gaps = signatures(tmp_path, files)
    assert record == {
        "kernel": "6.12",
        "total": 5,
        "signed": 3,
        "unsigned": [f"{ROOT}/extra/d.ko", f"{ROOT}/extra/e.ko.xz"],
        "unsigned_count": 2,
        "unreadable_count": 0,
        "source": ROOT,
    }
    assert gaps == ()


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.ko.xz", b"\xfd7zXZ\x00 broken"),
        ("a.ko.xz", lzma.compress(bytes(10_000))[:-20]),
        ("a.ko.gz", gzip.compress(bytes(100), mtime=0)[:-9]),
        ("a.ko", trailer(b"x", b"")),
        ("a.ko.zst", b"\x28\xb5\x2f\xfd damaged"),
    ],
)
def test_a_module_that_cannot_be_judged_is_a_gap(tmp_path: Path, name: str, data: bytes) -> None:
    record, gaps = signatures(tmp_path, {f"{ROOT}/kernel/{name}": data})
    assert (record["signed"], record["unreadable_count"]) == (0, 1)
    assert len(gaps) == 1


def test_a_bomb_ends_at_the_budget(tmp_path: Path) -> None:
    bomb = lzma.compress(bytes((128 << 20) + 1), preset=0)
    record, gaps = signatures(tmp_path, {f"{ROOT}/kernel/a.ko.xz": bomb})
    assert record["unreadable_count"] == 1
    assert gaps[0].startswith("limit")


def test_no_kernel_has_no_signatures(tmp_path: Path) -> None:
    assert fact_of(tmp_path, "kernel.modules.signatures").state == "not_collected"
