"""What the inspected system is: its release, architecture, image mode, name, and on what it runs.

Source: os-release(5), hostname(5), machine-info of systemd-detect-virt(1); ostree-prepare-root(1), bootc
"Filesystem"; kernel Documentation/ABI/testing/sysfs-firmware-efi and sysfs-class-dmi.
"""

from __future__ import annotations

from collections.abc import Iterator

from scanner.collectors.base import Collector, Look, reason_of
from scanner.model.errors import MissingError, NotCollectedError, ParseError, TargetError
from scanner.model.fact import Evidence, Fact, FactSpec, Json
from scanner.parsers import elf, os_release, pe_machine

_RELEASE_FILES = ("/etc/os-release", "/usr/lib/os-release")
_PROGRAMS = (
    "/usr/bin/sh",
    "/bin/sh",
    "/usr/bin/bash",
    "/bin/busybox",
    "/usr/lib/systemd/systemd",
    "/lib/systemd/systemd",
    "/sbin/init",
    "/usr/bin/dpkg",
    "/usr/bin/rpm",
)
_OSTREE = ("/ostree/repo", "/sysroot/ostree/repo", "/usr/lib/ostree/prepare-root.conf", "/usr/lib/ostree-boot")
_BOOTC = ("/usr/bin/bootc", "/usr/lib/bootc")
_COMPOSEFS = ("/sysroot/composefs", "/composefs")
_SYSTEMD = ("/usr/lib/systemd/systemd", "/lib/systemd/systemd")
_OPENRC = ("/sbin/openrc", "/usr/sbin/openrc", "/usr/bin/openrc", "/sbin/openrc-init")
_INIT = ("/sbin/init", "/usr/sbin/init", "/usr/bin/init", "/init")
_ESP = ("/boot/efi/EFI", "/efi/EFI", "/boot/EFI", "/usr/lib/bootupd/updates/EFI")
_BIOS_GRUB = ("/boot/grub2/i386-pc", "/boot/grub/i386-pc", "/boot/syslinux", "/boot/extlinux")
_MOST_LOADERS = 256


def _release(look: Look) -> Json:
    for path in _RELEASE_FILES:
        text = look.text(path)
        if text is None:
            continue
        found = {key: item.value for key, item in os_release.parse(text).items()}
        version = found.get("VERSION_ID") or None
        major = version.split(".")[0] if version else None
        name = found.get("ID") or "linux"  # the default that os-release(5) gives for a missing ID
        return {
            "id": name,
            "product": f"{name}:{major}" if major else name,
            "id_like": found.get("ID_LIKE", "").split(),
            "name": found.get("NAME"),
            "version_id": version,
            "major": major,
            "pretty_name": found.get("PRETTY_NAME"),
            "variant_id": found.get("VARIANT_ID"),
            "platform_id": found.get("PLATFORM_ID"),
            "image_id": found.get("IMAGE_ID"),
            "image_version": found.get("IMAGE_VERSION"),
            "ostree_version": found.get("OSTREE_VERSION"),
            "cpe_name": found.get("CPE_NAME"),
            "support_end": found.get("SUPPORT_END"),
            "source": look.real(path) or path,
        }
    look.because("neither /etc/os-release nor /usr/lib/os-release exists")
    return None


def _arch(look: Look) -> Json:
    for path in _PROGRAMS:
        try:
            head = elf.parse(look.peek(path, 0, elf.HEADER_BYTES))
        except MissingError:
            continue
        except ParseError:
            continue  # a script, or nothing that runs: the next program will tell
        except TargetError as error:
            look.gap(path, reason_of(error))
            continue
        look.saw(Evidence(path, offset=18))
        return head.machine
    look.because("no program in a well-known place is an ELF file")
    return None


def _there(look: Look, paths: tuple[str, ...]) -> list[str]:
    return [path for path in paths if look.entry(path, follow=False) is not None]


def _init(look: Look) -> str | None:
    """What /sbin/init is, else what is installed to be it; None when there is no init at all (a container's tree)."""
    for path in _INIT:
        real = look.real(path)
        if real is None:
            continue
        name = real.rsplit("/", 1)[-1]
        if name == "systemd":
            return "systemd"
        if name == "openrc-init" or (name in ("busybox", "init") and _there(look, _OPENRC)):
            return "openrc"
        return "other"
    if _there(look, _SYSTEMD):
        return "systemd"
    return "openrc" if _there(look, _OPENRC) else None


def _image_mode(look: Look) -> Json:
    ostree, bootc, composefs = (_there(look, paths) for paths in (_OSTREE, _BOOTC, _COMPOSEFS))
    return {
        "kind": "bootc" if bootc else "ostree" if ostree else "packages",
        "ostree": bool(ostree),
        "bootc": bool(bootc),
        "composefs": bool(composefs),
        "init": _init(look),
        "markers": sorted([*ostree, *bootc, *composefs]),
    }


def _firmware(look: Look) -> Json:
    loaders: list[dict[str, Json]] = []
    for top in _ESP:
        for folder in look.try_names(top):
            for name in look.try_names(f"{top}/{folder}"):
                if name.lower().endswith(".efi") and len(loaders) < _MOST_LOADERS:
                    loaders.append(_loader(look, f"{top}/{folder}/{name}"))
    bios = _there(look, _BIOS_GRUB)
    if not loaders and not bios:
        # Boot loaders lie on a partition of their own, which a tree or a container image mostly does not hold.
        raise NotCollectedError("no boot loader is visible in this tree")
    machines = {str(loader["machine"]) for loader in loaders if loader["machine"] is not None}
    return {
        "efi": bool(loaders),
        "bios": bool(bios),
        "machines": sorted(machines),
        "loaders": loaders,
        "bios_paths": bios,
    }


def _loader(look: Look, path: str) -> dict[str, Json]:
    machine: str | None = None
    try:
        offset = pe_machine.coff_offset(look.peek(path, 0, pe_machine.DOS_BYTES))
        machine = pe_machine.coff_machine(look.peek(path, offset, pe_machine.COFF_BYTES))
        look.saw(Evidence(path, offset=offset))
    except (TargetError, ParseError) as error:
        look.gap(path, reason_of(error))
    return {"path": path, "machine": machine}


def _host_name(look: Look) -> Json:
    text = look.text("/etc/hostname")
    lines = (line.strip() for line in (text or "").splitlines())
    name = next((line for line in lines if line and not line.startswith("#")), None)
    if name is None:
        look.because("/etc/hostname does not exist" if text is None else "/etc/hostname names nothing")
    return name


def _kernel(look: Look) -> Json:
    text = look.running_text("/proc/sys/kernel/osrelease")
    if text is None:
        raise NotCollectedError("/proc/sys/kernel/osrelease cannot be seen")
    return text.strip() or None


def _efi(look: Look) -> Json:
    try:
        names = look.runtime.names("/sys/firmware")
    except MissingError:
        names = []
    if not names:
        # Container managers hide /sys/firmware behind an empty directory; every real machine has something there.
        raise NotCollectedError("/sys/firmware cannot be seen from here")
    look.saw(Evidence("/sys/firmware"))
    return "efi" in names


def _efi_bits(look: Look) -> Json:
    text = look.running_text("/sys/firmware/efi/fw_platform_size")
    if text is None:
        if _efi(look):
            raise NotCollectedError("/sys/firmware/efi/fw_platform_size cannot be seen")
        look.because("the machine was not started by UEFI")
        return None
    if not text.strip().isdigit():
        raise ParseError("/sys/firmware/efi/fw_platform_size is no number")
    return int(text)


_SPECS = (
    FactSpec(
        "os.release",
        "object",
        "What the system calls itself in os-release.",
        fields={
            "id": "text: lower-case name of the system",
            "product": "text: id and major version as id:major, or the id alone for a system without versions",
            "id_like": "list: systems it is derived from, nearest first",
            "name": "text: name for people",
            "version_id": "text: version, or null",
            "major": "text: the version up to its first dot, or null",
            "pretty_name": "text: name and version for people",
            "variant_id": "text: variant, or null",
            "platform_id": "text: platform:el10 and the like, or null",
            "image_id": "text: name of the image, or null",
            "image_version": "text: version of the image, or null",
            "ostree_version": "text: version of the ostree commit, or null",
            "cpe_name": "text: CPE name, or null",
            "support_end": "text: date on which support ends, YYYY-MM-DD, or null",
            "source": "text: file",
        },
    ),
    FactSpec("os.arch", "value", "Machine the programs are made for, as `uname -m` spells it, from an ELF header."),
    FactSpec(
        "os.image_mode",
        "object",
        "How the system is delivered: as packages or as an image, and its init system.",
        fields={
            "kind": "text: bootc, ostree or packages",
            "ostree": "flag: files of ostree are there",
            "bootc": "flag: bootc is there",
            "composefs": "flag: a composefs store is there",
            "init": "text: systemd, openrc, other, or null when there is no init",
            "markers": "list: the paths that told",
        },
    ),
    FactSpec(
        "boot.firmware",
        "object",
        "For which firmware boot loaders are installed.",
        fields={
            "efi": "flag: EFI programs are there",
            "bios": "flag: a BIOS boot loader is there",
            "machines": "list: machines of the EFI programs",
            "loaders": "table: path and machine of each EFI program",
            "bios_paths": "list: paths of BIOS boot loaders",
        },
    ),
    FactSpec("host.name", "value", "Configured host name.", sensitive={"": "host"}),
    FactSpec("kernel.release", "value", "Release of the running kernel (`uname -r`).", facet="runtime"),
    FactSpec("machine.efi", "value", "Whether the machine was started by UEFI.", facet="runtime"),
    FactSpec("machine.efi_bits", "value", "Word size of the UEFI firmware, 32 or 64.", facet="runtime"),
)

_COMPUTE = {
    "os.release": _release,
    "os.arch": _arch,
    "os.image_mode": _image_mode,
    "boot.firmware": _firmware,
    "host.name": _host_name,
    "kernel.release": _kernel,
    "machine.efi": _efi,
    "machine.efi_bits": _efi_bits,
}


def collect(look: Look) -> Iterator[Fact]:
    """Yield the wanted facts."""
    yield from look.facts(_COMPUTE)


COLLECTOR = Collector(id="identity", facts=_SPECS, collect=collect)
