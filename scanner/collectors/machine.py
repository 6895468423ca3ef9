"""On what the running system runs: bare metal, a virtual machine or a container.

Source: the order of questions is the one of systemd-detect-virt(1) (src/basic/virt.c): containers before machines;
kernel Documentation/ABI/testing/sysfs-class-dmi, sysfs-hypervisor-xen; /proc/cpuinfo flag `hypervisor`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from scanner.collectors.base import Collector, Look
from scanner.model.errors import DeniedError, MissingError, NotCollectedError
from scanner.model.fact import Evidence, Fact, FactSpec, Json

_CONTAINER_NAMES = ("/run/systemd/container", "/run/host/container-manager")
_CONTAINER_MARKS = {"/run/.containerenv": "podman"}
_TREE_MARKS = {"/.dockerenv": "docker"}
_CGROUP = re.compile(r"/(docker|kubepods|lxc|libpod|machine\.slice/libpod|crio|podman)[-/.]")
_DMI = ("sys_vendor", "product_name", "board_vendor", "bios_vendor")
# Beginnings of DMI texts that only virtual machines carry.
_VENDORS = {
    "KVM": "kvm",
    "QEMU": "qemu",
    "VMware": "vmware",
    "VMW": "vmware",
    "innotek GmbH": "virtualbox",
    "VirtualBox": "virtualbox",
    "Oracle Corporation": "virtualbox",
    "Xen": "xen",
    "Bochs": "bochs",
    "Parallels": "parallels",
    "BHYVE": "bhyve",
    "Hyper-V": "hyper-v",
    "Virtual Machine": "hyper-v",
    "Amazon EC2": "amazon",
    "Google Compute Engine": "google",
    "OpenStack": "openstack",
    "Apple Virtualization": "apple",
}
_FLAGS = re.compile(r"^(?:flags|Features)\s*:(.*)$", re.MULTILINE)


def _kind(look: Look) -> Json:
    container = _container(look)
    if container is not None:
        return {"kind": "container", "detail": container}
    seen = _dmi(look)
    vendor = _vendor(seen)
    if vendor is not None:
        return {"kind": "vm", "detail": vendor}
    hypervisor = _text(look, "/sys/hypervisor/type")
    if hypervisor:
        return {"kind": "vm", "detail": hypervisor}
    flags = _flags(look)
    if flags is not None and "hypervisor" in flags:
        return {"kind": "vm", "detail": None}
    if not seen and flags is None:
        raise NotCollectedError("neither DMI texts nor processor flags can be seen")
    return {"kind": "bare", "detail": None}


def _container(look: Look) -> str | None:
    for path in _CONTAINER_NAMES:
        text = _text(look, path)
        if text:
            return text
    cgroup = _text(look, "/proc/1/cgroup")
    found = _CGROUP.search(cgroup or "")
    if found is not None:
        return found[1].rsplit("/", 1)[-1]
    for path, name in _CONTAINER_MARKS.items():
        if look.runtime.exists(path):
            look.saw(Evidence(path))
            return name
    for path, name in _TREE_MARKS.items():
        if look.entry(path) is not None:
            look.saw(Evidence(path))
            return name
    return None


def _vendor(seen: list[str]) -> str | None:
    """The hypervisor that DMI texts name."""
    whole = " ".join(seen)
    for text in seen:
        for start, name in _VENDORS.items():
            if not text.startswith(start):
                continue
            # Oracle builds real machines, and Amazon rents them as *.metal.
            if (name == "virtualbox" and "VirtualBox" not in whole) or (name == "amazon" and ".metal" in whole):
                continue
            return name
    return None


def _flags(look: Look) -> list[str] | None:
    """Flags of the first processor. Recorded without a digest: the clock rates in the file change all the time."""
    try:
        text = look.runtime.read("/proc/cpuinfo").decode("ascii", "replace")
    except MissingError:
        return None
    look.saw(Evidence("/proc/cpuinfo"))
    found = _FLAGS.search(text)
    return found[1].split() if found is not None else None


def _dmi(look: Look) -> list[str]:
    texts = (_text(look, f"/sys/class/dmi/id/{name}") for name in _DMI)
    return [text for text in texts if text]


def _text(look: Look, path: str) -> str | None:
    """The text without its line end; None when it is not there or only root may read it: others can tell."""
    try:
        text = look.running_text(path)
    except DeniedError:
        return None
    return None if text is None else text.strip()


def collect(look: Look) -> Iterator[Fact]:
    """Yield the wanted facts."""
    yield from look.facts({"machine.kind": _kind})


COLLECTOR = Collector(
    id="machine",
    facts=(
        FactSpec(
            "machine.kind",
            "object",
            "On what the running system runs.",
            facet="runtime",
            fields={
                "kind": "text: bare, vm or container",
                "detail": "text: name of the hypervisor or container manager, or null when it does not say",
            },
        ),
    ),
    collect=collect,
)
