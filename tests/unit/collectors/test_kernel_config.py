"""Installed kernels and the options they were built with."""

from __future__ import annotations

import gzip
from pathlib import Path

from tests.support import Content, build, fact_of

MODULE = "/usr/lib/modules/6.12/kernel/fs/cramfs/cramfs.ko.xz"
OPTION = "kernel.config:CONFIG_INIT_ON_ALLOC_DEFAULT_ON"


def test_an_option_of_every_kernel(tmp_path: Path) -> None:
    files: dict[str, Content] = {
        MODULE: b"",
        "/usr/lib/modules/6.12/config": "CONFIG_INIT_ON_ALLOC_DEFAULT_ON=y\n# CONFIG_B is not set\n",
        "/usr/lib/modules/6.9/kernel/a.ko": b"",
        "/boot/config-6.9": "# CONFIG_INIT_ON_ALLOC_DEFAULT_ON is not set\n",
    }
    fact = fact_of(build(tmp_path, files), OPTION)
    assert fact.value == [
        {"kernel": "6.12", "value": "y", "source": "/usr/lib/modules/6.12/config"},
        {"kernel": "6.9", "value": "n", "source": "/boot/config-6.9"},
    ]
    assert not fact.gaps
    other = fact_of(tmp_path, "kernel.config:C").value
    assert isinstance(other, list)
    assert [record["value"] for record in other] == [None, None]


def test_a_kernel_without_its_configuration_is_a_gap(tmp_path: Path) -> None:
    files: dict[str, Content] = {MODULE: b"", "/usr/lib/modules/6.12/config": "CONFIG_A=y\n", "/boot/vmlinuz-6.9": b""}
    fact = fact_of(build(tmp_path, files), OPTION)
    assert fact.state == "present" and any("6.9" in gap for gap in fact.gaps)


def test_copies_and_aliases_of_a_kernel_are_no_kernels_of_their_own(tmp_path: Path) -> None:
    files: dict[str, Content] = {
        MODULE: b"",
        "/usr/lib/modules/6.12/config": "CONFIG_A=y\n",
        "/boot/vmlinuz-0-rescue-4f": b"",
        "/boot/vmlinuz-lts": b"",
        "/boot/vmlinuz.old": b"",
    }
    fact = fact_of(build(tmp_path, files), "kernel.config:A")
    assert isinstance(fact.value, list)
    assert (len(fact.value), fact.gaps) == (1, ())


def test_no_kernel_no_configuration_and_a_broken_one(tmp_path: Path) -> None:
    assert fact_of(tmp_path, OPTION).state == "not_collected"
    build(tmp_path, {MODULE: b""})
    fact = fact_of(tmp_path, OPTION)
    assert (fact.state, (fact.reason or "").partition(":")[0]) == ("not_collected", "unsupported")
    build(tmp_path, {"/usr/lib/modules/6.12/config": "\n"})
    assert fact_of(tmp_path, OPTION).state == "error"


def test_the_running_kernel(tmp_path: Path) -> None:
    packed = gzip.compress(b"CONFIG_INIT_ON_ALLOC_DEFAULT_ON=y\n")
    name = "kernel.config.running:INIT_ON_ALLOC_DEFAULT_ON"
    build(tmp_path, {"/proc/config.gz": packed, "/sys/x": ""})
    assert fact_of(tmp_path, name, runtime=True).value == {"value": "y"}
    assert fact_of(tmp_path, name).state == "not_collected"
    (tmp_path / "proc/config.gz").write_bytes(packed[:-9])
    assert fact_of(tmp_path, name, runtime=True).state == "error"
    (tmp_path / "proc/config.gz").unlink()
    assert fact_of(tmp_path, name, runtime=True).state == "not_collected"
    build(tmp_path, {"/proc/sys/kernel/osrelease": "6.12\n"})
    assert fact_of(tmp_path, name, runtime=True).state == "absent"
    build(tmp_path, {"/boot/config-6.12": "CONFIG_A=m\n"})
    assert fact_of(tmp_path, name, runtime=True).value == {"value": None}


def test_installed_kernels(tmp_path: Path) -> None:
    files: dict[str, Content] = {
        MODULE: b"",
        "/usr/lib/modules/6.12/modules.builtin": "kernel/fs/a-b.ko\n",
        "/usr/lib/modules/6.12/vmlinuz": b"",
        "/usr/lib/modules/left-behind": None,
        "/lib": ("link", "usr/lib"),
    }
    assert fact_of(build(tmp_path, files), "kernel.installed").value == [
        {
            "kernel": "6.12",
            "modules": 1,
            "builtin_modules": 1,
            "image": "/usr/lib/modules/6.12/vmlinuz",
            "config": None,
            "source": "/usr/lib/modules/6.12",
        }
    ]


def test_no_kernel(tmp_path: Path) -> None:
    assert fact_of(tmp_path, "kernel.installed").state == "absent"
