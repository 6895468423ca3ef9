"""Bare metal, virtual machine or container."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import Content, build, fact_of

CPU = "processor\t: 0\nflags\t\t: fpu vme sse2\n"
VIRTUAL_CPU = "processor\t: 0\nflags\t\t: fpu hypervisor sse2\n"
DMI = "/sys/class/dmi/id"


@pytest.mark.parametrize(
    ("files", "kind", "detail"),
    [
        ({f"{DMI}/sys_vendor": "Dell Inc.\n", "/proc/cpuinfo": CPU}, "bare", None),
        ({f"{DMI}/sys_vendor": "Dell Inc.\n", "/proc/cpuinfo": VIRTUAL_CPU}, "vm", None),
        ({f"{DMI}/sys_vendor": "QEMU\n", "/proc/cpuinfo": CPU}, "vm", "qemu"),
        ({f"{DMI}/product_name": "VirtualBox\n", f"{DMI}/sys_vendor": "innotek GmbH\n"}, "vm", "virtualbox"),
        ({f"{DMI}/sys_vendor": "Oracle Corporation\n", f"{DMI}/product_name": "SUN FIRE\n"}, "bare", None),
        ({f"{DMI}/sys_vendor": "Amazon EC2\n", f"{DMI}/product_name": "m5.large\n"}, "vm", "amazon"),
        ({f"{DMI}/sys_vendor": "Amazon EC2\n", f"{DMI}/product_name": "m5.metal\n"}, "bare", None),
        ({"/sys/hypervisor/type": "xen\n"}, "vm", "xen"),
        ({"/run/systemd/container": "podman\n", f"{DMI}/sys_vendor": "QEMU\n"}, "container", "podman"),
        ({"/proc/1/cgroup": "0::/system.slice/docker-0123.scope\n"}, "container", "docker"),
        ({"/proc/1/cgroup": "0::/kubepods/besteffort/pod1/x\n"}, "container", "kubepods"),
        ({"/proc/1/cgroup": "0::/init.scope\n", "/proc/cpuinfo": CPU}, "bare", None),
        ({"/.dockerenv": "", "/proc/cpuinfo": CPU}, "container", "docker"),
        ({"/run/.containerenv": "", "/proc/cpuinfo": CPU}, "container", "podman"),
    ],
)
def test_kinds(tmp_path: Path, files: dict[str, Content], kind: str, detail: str | None) -> None:
    root = build(tmp_path, {"/proc/x": "1", "/sys/x": "1", **files})
    assert fact_of(root, "machine.kind", runtime=True).value == {"kind": kind, "detail": detail}


def test_nothing_to_go_by(tmp_path: Path) -> None:
    assert fact_of(build(tmp_path, {"/proc/x": "1"}), "machine.kind", runtime=True).state == "not_collected"


def test_the_clock_rate_of_the_processor_is_no_evidence(tmp_path: Path) -> None:
    root = build(tmp_path, {"/proc/cpuinfo": f"{CPU}cpu MHz : 1234.5\n"})
    evidence = fact_of(root, "machine.kind", runtime=True).evidence
    assert [item.sha256 for item in evidence if item.source == "/proc/cpuinfo"] == [None]
